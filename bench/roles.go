package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// This program starts itself again in the roles of others: the environment says which.
// Whoever has a role ends when its standard input does, so that nothing outlives a run.
const (
	envRole    = "JACKFIELD_BENCH_ROLE"
	envVariant = "JACKFIELD_BENCH_VARIANT"
)

const (
	rolePlaneHost = "plane-host" // runs the load on one plane: planehost.go
	roleChild     = "child"      // answers it: stock.go, raw.go
	rolePeerHost  = "peer-host"  // the host made by hand: peer.go
	roleIdle      = "idle"       // holds idle WebSockets: idle.go
)

func play(role string) error {
	// An interrupt reaches the whole process group. What has a role goes on until it is
	// told, so that it ends its own children. (Ignored signals would be inherited.)
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	switch role {
	case rolePlaneHost:
		return runPlaneHost()
	case roleChild:
		return runChild()
	case rolePeerHost:
		return runPeerHost()
	case roleIdle:
		return runIdle()
	}
	return fmt.Errorf("there is no role %q", role)
}

// self is a command that plays a role.
func self(role string, env ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envRole+"="+role)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// actor is a process of this program that takes orders as JSON on its standard input
// and answers each on its standard output.
type actor struct {
	cmd  *exec.Cmd
	in   *json.Encoder
	out  *json.Decoder
	said *tail
	stop func()
}

func startActor(cmd *exec.Cmd) (*actor, error) {
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	said := new(tail)
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := sync.OnceFunc(func() {
		in.Close()
		hurry := time.AfterFunc(patience, func() { cmd.Process.Kill() })
		defer hurry.Stop()
		cmd.Wait()
	})
	return &actor{cmd: cmd, in: json.NewEncoder(in), out: json.NewDecoder(out), said: said, stop: stop}, nil
}

// tell gives an order, nil for none, and waits for the answer.
func (a *actor) tell(order, answer any) error {
	if order != nil {
		if err := a.in.Encode(order); err != nil {
			return fmt.Errorf("telling process %d: %w\n%s", a.cmd.Process.Pid, err, a.said)
		}
	}
	if err := a.out.Decode(answer); err != nil {
		a.stop()
		return fmt.Errorf("process %d ended: %w\n%s", a.cmd.Process.Pid, err, a.said)
	}
	return nil
}

// tail keeps the last 4 KiB written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if extra := len(t.text) - 4*kib; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}
