//go:build linux

// Command hostile is the extension that a sandbox is there for: asked to, it tries what
// no extension may do, one probe after the other, and tells what came of each. It does
// no harm where it succeeds: it looks, signals with 0, and undoes what it did.
//
// A request holds a Target in JSON, or one word: "memory" takes memory until it is ended,
// "data" fills its data folder until it is, "leave" leaves a process behind that nothing
// connects with it any more, and answers its pid. The answer is a list of Outcomes.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

// Target is what there is to attack.
type Target struct {
	Home          string `json:"home"`
	Host          int    `json:"host"`           // pid
	Neighbour     int    `json:"neighbour"`      // pid of another extension
	NeighbourData string `json:"neighbour_data"` // a file of its
	NeighbourLane string `json:"neighbour_lane"` // its socket
	Admin         string `json:"admin"`          // HOST:PORT
	Path          string `json:"path"`           // a Unix socket that everybody may connect to
	Datagrams     string `json:"datagrams"`      // one that takes datagrams
	Abstract      string `json:"abstract"`       // an abstract one
	Files         int    `json:"files"`          // limits.files
	Processes     int    `json:"processes"`      // limits.processes
	Data          int64  `json:"data"`           // limits.data
}

// Outcome is what came of one probe.
type Outcome struct {
	Group  string `json:"group"`
	Probe  string `json:"probe"`
	Done   bool   `json:"done"`
	Detail string `json:"detail"`
}

// probe is one thing to try; nil means that it was done.
type probe struct {
	name string
	try  func(h *hostile, t Target) error
}

type hostile struct {
	data, bundle string
	dial         func(ctx context.Context, network, address string) (net.Conn, error)
}

func (h *hostile) Handlers() []sdk.Handler { return []sdk.Handler{sdk.HandleRaw(h.answer)} }

func (h *hostile) Init(_ context.Context, setup sdk.Setup) error {
	h.data, h.bundle, h.dial = setup.DataDir, setup.BundleDir, setup.DialContext
	return nil
}

func (h *hostile) answer(_ context.Context, req *sdk.Request) (*sdk.Response, error) {
	switch string(req.Payload) {
	case "memory":
		takeMemory()
	case "data":
		if err := h.fill(); err != nil {
			return nil, err
		}
	case "leave":
		pid, err := leave()
		return &sdk.Response{MediaType: "text/plain", Payload: []byte(strconv.Itoa(pid))}, err
	}
	var t Target
	if err := json.Unmarshal(req.Payload, &t); err != nil {
		return nil, err
	}
	var all []Outcome
	for _, group := range []struct {
		name   string
		probes []probe
	}{
		{"what it may do", allowed()}, {"files", files()}, {"processes", processes()}, {"network", network()},
		{"kernel", kernel()}, {"limits", limits()},
	} {
		for _, p := range group.probes {
			o := Outcome{Group: group.name, Probe: p.name, Done: true}
			if err := p.try(h, t); err != nil {
				o.Done, o.Detail = false, err.Error()
			}
			all = append(all, o)
		}
	}
	answer, err := json.Marshal(all)
	return &sdk.Response{MediaType: "application/json", Payload: answer}, err
}

// allowed are the things that every extension may do, and that must go on working.
func allowed() []probe {
	return []probe{
		{"write, read and remove its own data", func(h *hostile, _ Target) error {
			path := filepath.Join(h.data, "own")
			if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
				return err
			}
			if _, err := os.ReadFile(path); err != nil {
				return err
			}
			return os.Remove(path)
		}},
		{"make a temporary file", func(*hostile, Target) error {
			f, err := os.CreateTemp("", "x")
			if err != nil {
				return err
			}
			return f.Close()
		}},
		{"read its own bundle", func(h *hostile, _ Target) error {
			_, err := os.ReadFile(filepath.Join(h.bundle, "META-INF", "MANIFEST.MF"))
			return err
		}},
		{"execute its own executable", func(*hostile, Target) error { return self("exit").Run() }},
		{"load a time zone", func(*hostile, Target) error {
			_, err := time.LoadLocation("America/Montreal")
			return err
		}},
		{"connect to where it was granted (net:HOST:PORT)", func(h *hostile, t Target) error {
			c, err := h.dial(context.Background(), "tcp", t.Admin)
			if err != nil {
				return err
			}
			return c.Close()
		}},
	}
}

// leave starts a process in a session of its own that starts another one and ends.
func leave() (pid int, err error) {
	cmd := self("leave")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// self is this program once more.
func self(args ...string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{}
	return cmd
}

func main() {
	switch {
	case len(os.Args) == 2 && os.Args[1] == "exit":
		return
	case len(os.Args) == 2 && os.Args[1] == "leave":
		cmd := self("sleep", "60")
		if cmd.Start() == nil {
			fmt.Println(cmd.Process.Pid)
		}
		return
	case len(os.Args) == 3 && os.Args[1] == "sleep":
		n, _ := strconv.Atoi(os.Args[2])
		<-time.After(time.Duration(n) * time.Second)
		return
	}
	serve.Main(&hostile{})
}
