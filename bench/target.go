package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// patience is how long anything may take that is not measured.
const patience = 30 * time.Second

// target is a running host under measurement.
type target struct {
	name string
	addr string // of its request listener
	pid  int
	home string // of jackfield
	// admin is the address of jackfield's admin listener.
	admin string
	stop  func()
}

// bundles are bundles by the name of the request type that asks for an answer of theirs.
type bundles map[string][]byte

// startJackfield runs the real binary in a home of its own with these bundles, until
// all of them answer.
func startJackfield(ctx context.Context, name string, with bundles) (*target, error) {
	home, err := os.MkdirTemp("", "jackfield-bench-")
	if err != nil {
		return nil, err
	}
	for typ, jar := range with {
		if err := drop(home, typ+".jar", jar); err != nil {
			return nil, err
		}
	}
	cmd := exec.Command("bin/jackfield", "serve", "--home", home, "--trust-policy", "warn",
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json")
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	t, err := startTarget(name, cmd, out)
	if err != nil {
		os.RemoveAll(home)
		return nil, err
	}
	t.home = home
	end := t.stop
	t.stop = func() { end(); os.RemoveAll(home) }
	if err := t.wait(ctx, with); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// startTarget starts cmd and waits until its log gives its address.
func startTarget(name string, cmd *exec.Cmd, out io.Reader) (*target, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	type addresses struct{ Msg, Requests, Admin string }
	up, ended, said := make(chan addresses, 1), make(chan struct{}), new(tail)
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, mib)
		for lines.Scan() {
			var line addresses
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				up <- line
			}
			said.Write(append(lines.Bytes(), '\n'))
		}
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait()
	}()
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
		}
	})
	select {
	case at := <-up:
		return &target{name: name, addr: at.Requests, admin: at.Admin, pid: cmd.Process.Pid, stop: stop}, nil
	case <-ended:
		return nil, fmt.Errorf("%s ended before it listened:\n%s", name, said)
	case <-time.After(patience):
		stop()
		return nil, fmt.Errorf("%s does not listen:\n%s", name, said)
	}
}

// startPeer runs this program again as a host made by hand.
func startPeer(ctx context.Context, variant string, env ...string) (*target, error) {
	a, err := startActor(self(rolePeerHost, append(env, envVariant+"="+variant)...))
	if err != nil {
		return nil, err
	}
	var up struct{ Addr string }
	if err := a.tell(nil, &up); err != nil {
		return nil, err
	}
	return &target{name: "gorilla+" + variant, addr: up.Addr, pid: a.cmd.Process.Pid, stop: a.stop}, ctx.Err()
}

// wait waits until there is an answer for every type: any but that there is no such
// extension, or that it does not run.
func (t *target) wait(ctx context.Context, all bundles) error {
	deadline := time.Now().Add(patience + time.Duration(len(all))*time.Second)
	for typ := range maps.Keys(all) {
		for {
			code, err := t.ask(ctx, typ)
			if err == nil && code != http.StatusNotFound && code < 500 {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%s does not answer %s: status %d, %v", t.name, typ, code, err)
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	return nil
}

// ask sends one request and returns the status of its answer.
func (t *target) ask(ctx context.Context, typ string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.addr+"/v1/requests/"+typ, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// used is what a host and its children have used.
type used struct{ host, child time.Duration }

func (t *target) used(children []int) (used, error) {
	host, err := cpuTime(t.pid)
	return used{host, sumCPU(children)}, err
}

// measured spins callers, first to warm up, and adds what the host used.
func (t *target) measured(callers []caller, warm, d time.Duration) (slot, error) {
	return t.measuredBy(func(d time.Duration) (*loop, error) { return spin(callers, d) }, warm, d)
}

func (t *target) measuredBy(spin func(d time.Duration) (*loop, error), warm, d time.Duration) (slot, error) {
	children := tree(t.pid)[1:]
	if _, err := spin(warm); err != nil {
		return slot{}, err
	}
	before, err := t.used(children)
	if err != nil {
		return slot{}, err
	}
	got, err := spin(d)
	if err != nil {
		return slot{}, err
	}
	after, err := t.used(children)
	if err != nil {
		return slot{}, err
	}
	s := slot{HostCPU: got.share(after.host - before.host), ChildCPU: got.share(after.child - before.child)}
	got.fill(&s)
	s.ChildRSS = sumResident(children)
	s.HostRSS, err = residentBytes(t.pid)
	return s, err
}

// homeFile is the path of a file in the drop folder.
func (t *target) homeFile(name string) string { return filepath.Join(t.home, "extensions", name) }
