package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
)

// built is the program, once somebody has needed it.
var built = struct {
	sync.Once
	dir string
	err error
}{}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// build returns the path of jackfield, which all tests share.
func build(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "jackfield-store-"); built.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(built.dir, "jackfield"), "../../cmd/jackfield")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("building it: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "jackfield")
}

// program is a folder with the store's own program and what it is told.
type program struct {
	t      *testing.T
	binary string
	data   string
	env    []string
	url    atomic.Pointer[string] // nil while none runs
	stderr bytes.Buffer           // of all processes; read when none runs
}

func (p *program) write(name string, data []byte) {
	p.t.Helper()
	path := filepath.Join(p.data, name)
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, data, 0o600)
	}
	if err != nil {
		p.t.Fatal(err)
	}
}

// process is one run of the program.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

func (p *program) start() process {
	p.t.Helper()
	cmd := exec.Command(p.binary, "store", "serve", "--data", p.data, "--listen", "127.0.0.1:0")
	cmd.Env, cmd.Stderr = p.env, &p.stderr
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	r := process{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(r.ended)
	}()
	p.t.Cleanup(r.kill)
	return r
}

// kill ends a process as a power failure would, and waits for its end.
func (r process) kill() {
	_ = r.Process.Kill() // one that has ended can not be killed
	<-r.ended
}

// ready waits until the process serves, and reports whether it does: it may be killed
// before.
func (p *program) ready(r process) bool {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		var running struct {
			PID int
			URL string
		}
		text, err := os.ReadFile(filepath.Join(p.data, "store.json"))
		if err == nil && json.Unmarshal(text, &running) == nil && running.PID == r.Process.Pid {
			if a, err := ask(http.DefaultTransport, "GET", running.URL+"/readyz", nil); err == nil && a.status == http.StatusOK {
				p.url.Store(&running.URL)
				return true
			}
		}
		select {
		case <-r.ended:
			if state := r.ProcessState.Sys().(syscall.WaitStatus); !state.Signaled() {
				p.t.Fatalf("the store ended by itself: %v\n%s", r.ProcessState, p.stderr.String())
			}
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.kill()
			p.t.Fatalf("the store is not ready within a minute\n%s", p.stderr.String())
		}
	}
}

// moving is the source of an index whose store has another address after every start.
type moving struct{ p *program }

func (m moving) now() (*store.HTTPSource, error) {
	url := m.p.url.Load()
	if url == nil {
		return nil, errors.New("none runs")
	}
	return store.NewHTTPSource(*url, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
}

func (m moving) Timestamp(ctx context.Context, known string) (io.ReadCloser, string, error) {
	s, err := m.now()
	if err != nil {
		return nil, "", err
	}
	return s.Timestamp(ctx, known)
}

func (m moving) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	s, err := m.now()
	if err != nil {
		return nil, err
	}
	return s.Object(ctx, digest)
}

func (m moving) File(ctx context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error) {
	s, err := m.now()
	if err != nil {
		return nil, err
	}
	return s.File(ctx, want, offset)
}

// tidy looks for what killed processes have left.
func (p *program) tidy() {
	p.t.Helper()
	err := filepath.WalkDir(p.data, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, p.data+"/")
		if strings.HasPrefix(e.Name(), ".") || strings.Contains(name, "tmp/") || name == "store.json" {
			p.t.Errorf("%s is left", name)
		}
		return nil
	})
	if err != nil {
		p.t.Error(err)
	}
}
