// Command extension is the extension of the chaos program: how it behaves stands in
// its bundle.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

const (
	envGrandchild = "CHAOS_GRANDCHILD"
	// grandchildLife is how long a grandchild lives when nobody ends it.
	grandchildLife = 2 * time.Minute
	exitCode       = 7
)

func main() {
	if os.Getenv(envGrandchild) != "" {
		time.Sleep(grandchildLife)
		return
	}
	serve.Main(&extension{})
}

// extension behaves as its bundle says. Its fields are written by Init and Activate,
// before the first request.
type extension struct {
	behaviour.Behaviour
	data    string // the data folder
	found   string
	journal *os.File
	hanging atomic.Bool
}

func (e *extension) Handlers() []sdk.Handler { return []sdk.Handler{sdk.HandleRaw(e.answer)} }

// Init reads the behaviour.
func (e *extension) Init(_ context.Context, setup sdk.Setup) error {
	text, err := os.ReadFile(filepath.Join(setup.BundleDir, behaviour.File))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &e.Behaviour); err != nil {
		return fmt.Errorf("reading %s: %w", behaviour.File, err)
	}
	e.data = setup.DataDir
	if e.FailInit {
		return errors.New("this version fails in Init")
	}
	if e.Grandchild {
		return startGrandchild()
	}
	return nil
}

// startGrandchild leaves a process that has our stdout and stderr, and a session of
// its own.
func startGrandchild() error {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{envGrandchild + "=1"}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// Check says whether this version is healthy.
func (e *extension) Check(context.Context) error {
	if e.hanging.Load() {
		select {}
	}
	if e.FailCheck {
		return errors.New("this version fails its check")
	}
	return nil
}

// Activate takes the data folder, and starts what happens later.
func (e *extension) Activate(context.Context) error {
	if e.WriteData {
		if err := e.takeData(); err != nil {
			return err
		}
	}
	if e.ExitInActivate {
		os.Exit(exitCode)
	}
	if e.FailActivate {
		return errors.New("this version fails in Activate")
	}
	if e.DieAfter > 0 {
		time.AfterFunc(time.Duration(e.DieAfter)*time.Millisecond, func() { os.Exit(exitCode) })
	}
	if e.HangAfter > 0 {
		time.AfterFunc(time.Duration(e.HangAfter)*time.Millisecond, func() { e.hanging.Store(true) })
	}
	return nil
}

func (e *extension) takeData() error {
	format := filepath.Join(e.data, behaviour.Format)
	found, err := os.ReadFile(format)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	e.found = string(found)
	if err := os.WriteFile(format, []byte(e.Version), 0o600); err != nil {
		return err
	}
	e.journal, err = os.OpenFile(filepath.Join(e.data, behaviour.Journal), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	return err
}

func (e *extension) answer(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if e.hanging.Load() {
		select {}
	}
	var asked behaviour.Request
	if err := json.Unmarshal(req.Payload, &asked); err != nil {
		return nil, sdk.Errorf(sdk.InvalidArgument, "the payload is not {\"n\": number}")
	}
	if e.Slow > 0 {
		select {
		case <-time.After(time.Duration(e.Slow) * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if e.PanicShare > 0 && rand.Float64() < e.PanicShare {
		panic("this request was to panic")
	}
	if e.journal != nil {
		if _, err := fmt.Fprintf(e.journal, "%s %d\n", e.Version, asked.N); err != nil {
			return nil, err
		}
	}
	body, err := json.Marshal(behaviour.Answer{N: asked.N, Version: e.Version, Found: e.found})
	return &sdk.Response{MediaType: "application/json", Payload: body}, err
}
