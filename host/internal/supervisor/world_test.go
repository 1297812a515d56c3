package supervisor

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/sdk"
)

// patience is how long a test waits for what must happen. It is long because the
// machine may be busy; nothing waits for all of it.
const patience = 30 * time.Second

// testBinary is this program and its digest.
var testBinary = sync.OnceValues(func() (binary struct {
	path string
	sum  [32]byte
}, err error) {
	if binary.path, err = os.Executable(); err != nil {
		return binary, err
	}
	data, err := os.ReadFile(binary.path)
	binary.sum = sha256.Sum256(data)
	return binary, err
})

// quickSettings are for tests of failures: short pauses, a start deadline that a busy
// machine can hold, and no sandbox, because the extension here tells what it sees of
// itself in /proc.
func quickSettings() Settings {
	s := DefaultSettings()
	s.BackoffFirst, s.BackoffMax = 10*time.Millisecond, 100*time.Millisecond
	s.StartTimeout = 20 * time.Second
	s.Sandbox = confine.Off
	return s
}

// specFor makes a home for one extension that behaves as mode says.
func specFor(home, mode string) (Spec, error) {
	binary, err := testBinary()
	if err != nil {
		return Spec{}, err
	}
	data := filepath.Join(home, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		return Spec{}, err
	}
	return Spec{
		ID: "t.Extension", Name: "Test", Class: "t.Extension", Version: "1.0",
		Manifest:   map[string]string{"extension_request": "t.Request", "extension_response": "t.Response"},
		Executable: binary.path, ExecutableSHA256: binary.sum,
		BundleDir: home, DataDir: data, RunDir: filepath.Join(home, "run"),
		LogFile:  filepath.Join(home, "log", "t.Extension.log"),
		Settings: quickSettings(),
	}, os.WriteFile(filepath.Join(data, "mode"), []byte(mode), 0o600)
}

func newSpec(t *testing.T, mode string) Spec {
	t.Helper()
	spec, err := specFor(t.TempDir(), mode)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func newSupervisor(t *testing.T) *Supervisor {
	t.Helper()
	t.TempDir() // removed after what is registered from here on: after the processes that write there
	s := New(Config{Log: slog.New(noBugs{t}), DestroyTimeout: 10 * time.Second, Shim: program})
	t.Cleanup(s.Close)
	return s
}

// noBugs is the log of every story here: a line that says that the supervisor went
// where the machine has no way fails the test.
type noBugs struct{ t *testing.T }

func (n noBugs) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelError }

func (n noBugs) Handle(_ context.Context, r slog.Record) error {
	if strings.HasPrefix(r.Message, "bug:") {
		var b strings.Builder
		r.Attrs(func(a slog.Attr) bool { b.WriteString(" " + a.String()); return true })
		n.t.Error(r.Message + b.String())
	}
	return nil
}

func (n noBugs) WithAttrs([]slog.Attr) slog.Handler { return n }
func (n noBugs) WithGroup(string) slog.Handler      { return n }

// running starts spec and waits until it runs.
func running(t *testing.T, s *Supervisor, spec Spec) *Instance {
	t.Helper()
	i := s.Start(spec, nil)
	waitState(t, i, lifecycle.Running)
	return i
}

func waitState(t *testing.T, i *Instance, want lifecycle.State) Status {
	t.Helper()
	return waitStatus(t, i, string(want), func(st Status) bool { return st.State == want })
}

func waitStatus(t *testing.T, i *Instance, what string, ok func(Status) bool) Status {
	t.Helper()
	eventually(t, func() bool { return ok(i.Status()) }, func() string {
		st := i.Status()
		if st.Reason != nil {
			return "no " + what + ": " + string(st.State) + ", " + st.Reason.Error() + "\n" + strings.Join(st.Reason.Stderr, "\n")
		}
		return "no " + what + ": " + string(st.State)
	})
	return i.Status()
}

func eventually(t *testing.T, ok func() bool, otherwise func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal(otherwise())
		}
	}
}

func ask(t *testing.T, i *Instance, op operation) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return askWith(ctx, i, op)
}

func askWith(ctx context.Context, i *Instance, op operation) (string, error) {
	payload, err := json.Marshal(op)
	if err != nil {
		return "", err
	}
	resp, err := i.Process(ctx, &sdk.Request{ID: "1", Type: "t.Request", MediaType: "application/json", Payload: payload})
	if err != nil {
		return "", err
	}
	return string(resp.Payload), nil
}

func mustAsk(t *testing.T, i *Instance, op operation) string {
	t.Helper()
	text, err := ask(t, i, op)
	if err != nil {
		t.Fatalf("%s: %v", op.Op, err)
	}
	return text
}

// dead reports whether a process has ended; a zombie that its new parent does not reap
// has.
func dead(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	state, err := processState(pid)
	return err == nil && state == 'Z'
}

// logged collects what is logged as text.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var _ io.Writer = (*logged)(nil)
