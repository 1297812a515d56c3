package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// The test binary is a host of its own, on a stage that TestHostile has set, when this
// variable holds a stageSetting.
const stageVariable = "HOST_TEST_STAGE"

const (
	hostileID   = "org.h.Hostile"
	neighbourID = "org.n.Neighbour"
)

// stageSetting is what TestHostile has prepared. In Home there are the two bundles.
type stageSetting struct {
	Home, Mode, Admin, Path, Datagrams, Abstract string
}

// outcome is one of testdata/hostile.
type outcome struct {
	Group  string `json:"group"`
	Probe  string `json:"probe"`
	Done   bool   `json:"done"`
	Detail string `json:"detail"`
}

type stageResult struct {
	Outcomes    []outcome
	Protections []host.Protection
	User        int // uid of the hostile process
}

// stage runs a host until its hostile extension has tried everything.
type stage struct {
	stageSetting
	host *host.Host
	log  *lockedBuffer
}

// Limits of the hostile extension.
const (
	stageFiles     = 100
	stageProcesses = 4
	stageMemory    = 256 << 20
	stageData      = 32 << 20
)

// playStage prints a stageResult, and returns the exit code.
func playStage(setting string) int {
	s := &stage{log: &lockedBuffer{}}
	result, err := s.play(setting)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, s.log)
		return 1
	}
	return 0
}

func (s *stage) play(setting string) (result stageResult, err error) {
	if err := json.Unmarshal([]byte(setting), &s.stageSetting); err != nil {
		return result, err
	}
	s.host, err = host.New(host.Config{
		Home: s.Home, Version: "1.0.0", Log: slog.New(slog.NewTextHandler(s.log, nil)), Environ: os.Environ(),
		Trust:        host.Trust{Policy: "warn"}, // nobody signs what these tests make
		ScanInterval: 200 * time.Millisecond, Limits: bundle.DefaultLimits(), Shim: program,
		Settings: func(id string) host.Settings {
			set := host.DefaultSettings()
			set.Sandbox = host.Sandbox(s.Mode)
			set.RequestTimeout = time.Minute
			if id == hostileID {
				set.Files, set.Processes, set.Memory, set.Data = stageFiles, stageProcesses, stageMemory, stageData
			}
			return set
		},
	})
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.host.Run(ctx) }()
	defer func() {
		cancel()
		err = errors.Join(err, <-ended)
	}()
	return s.attack()
}

func (s *stage) attack() (result stageResult, err error) {
	neighbour, err := s.deposit("neighbour.jar", neighbourID)
	if err != nil {
		return result, err
	}
	sockets, err := filepath.Glob(filepath.Join(s.Home, "run", "*", "plugin*"))
	if err != nil || len(sockets) != 1 {
		return result, fmt.Errorf("sockets %v, %v", sockets, err)
	}
	secret := filepath.Join(host.Home(s.Home).Data(neighbourID), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		return result, err
	}
	hostile, err := s.deposit("hostile.jar", hostileID)
	if err != nil {
		return result, err
	}
	result.Protections = hostile.Sandbox
	target, err := json.Marshal(map[string]any{
		"home": s.Home, "host": os.Getpid(), "neighbour": neighbour.PID, "neighbour_data": secret, "neighbour_lane": sockets[0],
		"admin": s.Admin, "path": s.Path, "datagrams": s.Datagrams, "abstract": s.Abstract,
		"files": stageFiles, "processes": stageProcesses, "data": stageData,
	})
	if err != nil {
		return result, err
	}
	answer, err := s.ask(string(target))
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal([]byte(answer), &result.Outcomes); err != nil {
		return result, fmt.Errorf("%w: %s", err, answer)
	}
	more, err := s.exhaust(hostile)
	result.Outcomes = append(result.Outcomes, more...)
	if now, _ := s.host.Extension(neighbourID); err == nil && (now.PID != neighbour.PID || now.Restarts != 0) {
		err = fmt.Errorf("the neighbour was disturbed: %+v", now)
	}
	return result, err
}

// exhaust lets the extension take too much: it must be ended.
func (s *stage) exhaust(before host.Extension) ([]outcome, error) {
	_, _ = s.ask("memory") // it ends in the middle of it
	after, err := s.await(hostileID, func(e host.Extension) bool { return e.State == "running" && e.PID != before.PID })
	if err != nil {
		return nil, err
	}
	all := []outcome{{
		Group: "limits", Probe: "keep more memory than limits.memory", Done: after.Restarts == 0,
		Detail: fmt.Sprintf("ended, %d restart", after.Restarts),
	}}
	left, err := s.leave()
	if err != nil {
		return all, err
	}
	all = append(all, left)
	_, _ = s.ask("data")
	full, err := s.await(hostileID, func(e host.Extension) bool { return e.State == "failed" })
	if err != nil {
		return all, err
	}
	return append(all, outcome{
		Group: "limits", Probe: "keep more data than limits.data", Done: full.Reason.Code != "data_exceeded", Detail: full.Reason.Error(),
	}), nil
}

// leave lets the extension leave a process behind, stops it and starts it again.
func (s *stage) leave() (outcome, error) {
	answer, err := s.ask("leave")
	if err != nil {
		return outcome{}, err
	}
	pid, err := strconv.Atoi(answer)
	if err != nil {
		return outcome{}, err
	}
	act := func(verb host.Verb, state host.State) error {
		if _, err := s.host.Act(context.Background(), host.Action{ID: hostileID, Verb: verb}); err != nil {
			return err
		}
		_, err := s.await(hostileID, func(e host.Extension) bool { return e.State == state })
		return err
	}
	if err := act(host.VerbDisable, "stopped"); err != nil {
		return outcome{}, err
	}
	o := outcome{Group: "limits", Probe: "leave a process behind when it ends"}
	if o.Done = alive(pid) && !doomed(pid); o.Done {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	return o, act(host.VerbEnable, "running")
}

// doomed reports whether a process was killed, and has not come to its end yet: on a busy
// machine that takes longer than the host waits for it.
func doomed(pid int) bool {
	const exiting = 0x4 // PF_EXITING of include/linux/sched.h
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	if err != nil || len(fields) < 7 {
		return errors.Is(err, os.ErrNotExist)
	}
	if flags, err := strconv.ParseUint(fields[6], 10, 64); err != nil || flags&exiting != 0 {
		return err == nil
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if set, ok := strings.CutPrefix(line, "SigPnd:"); ok { // a fatal signal is each thread's own
			pending, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && pending&(1<<(syscall.SIGKILL-1)) != 0
		}
	}
	return errors.Is(err, os.ErrNotExist)
}

// deposit puts a bundle into the drop folder and waits until it runs.
func (s *stage) deposit(file, id string) (host.Extension, error) {
	if err := os.Rename(filepath.Join(s.Home, file), filepath.Join(host.Home(s.Home).Extensions(), file)); err != nil {
		return host.Extension{}, err
	}
	return s.await(id, func(e host.Extension) bool { return e.State == "running" })
}

func (s *stage) await(id string, ok func(host.Extension) bool) (host.Extension, error) {
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		e, found := s.host.Extension(id)
		if found && ok(e) {
			return e, nil
		}
		if time.Now().After(deadline) {
			return e, fmt.Errorf("%s: %s, %v", id, e.State, e.Reason)
		}
	}
}

func (s *stage) ask(body string) (string, error) {
	listener := httptest.NewServer(s.host.Requests())
	defer listener.Close()
	resp, err := http.Post(listener.URL+"/v1/requests/"+hostileID+"Request", "application/octet-stream", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%d %s", resp.StatusCode, answer)
	}
	return string(answer), err
}
