package supervisor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve"
)

func TestStartsAndAnswers(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	i := running(t, s, spec)
	st := i.Status()
	if st.PID == 0 || st.Started == nil || st.Reason != nil || st.StartDuration <= 0 || st.Restarts != 0 || st.LastExit != nil {
		t.Errorf("status of a running instance: %+v", st)
	}
	if got := mustAsk(t, i, operation{Op: "echo", Text: "hello"}); got != "hello" {
		t.Errorf("echo answered %q", got)
	}
	i.Stop(t.Context())
	if st := i.Status(); st.State != lifecycle.Stopped || st.PID != 0 || st.Reason == nil || st.LastExit == nil {
		t.Errorf("status of a stopped instance: %+v", st)
	}
	if _, err := os.Stat(filepath.Join(spec.DataDir, "destroyed")); err != nil {
		t.Error("Destroy was not called:", err)
	}
	if _, err := ask(t, i, operation{Op: "echo"}); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("a stopped instance answered %v", err)
	}
	i.Stop(t.Context()) // again, at no cost
}

// What a launch leaves behind in the run folder is removed when the process has ended.
func TestSocketFolderGoes(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	i := running(t, s, spec)
	if n := entries(t, spec.RunDir); n != 1 {
		t.Errorf("%d entries in the run folder of a running instance", n)
	}
	i.Stop(t.Context())
	if n := entries(t, spec.RunDir); n != 0 {
		t.Errorf("%d entries in the run folder after Stop", n)
	}
}

func TestLongRunDir(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := newSupervisor(t)
	spec := newSpec(t, "")
	spec.RunDir = filepath.Join(spec.RunDir, strings.Repeat("long/", 25))
	i := running(t, s, spec)
	if n := entries(t, spec.RunDir); n != 0 {
		t.Errorf("%d entries in a run folder that is too long", n)
	}
	mustAsk(t, i, operation{Op: "echo"})
	i.Stop(t.Context())
	if left, err := filepath.Glob(filepath.Join(temporaryBase(spec.RunDir), shortPrefix(spec.RunDir)+"*")); err != nil || len(left) != 0 {
		t.Errorf("left in the temporary folder: %v %v", left, err)
	}
}

func entries(t *testing.T, dir string) int {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Every way in which a start can fail: its state, code and stage, and what the
// administrator reads.
func TestStartFails(t *testing.T) {
	t.Parallel()
	// Longer than a busy machine takes to that which takes too long: a start has taken 6 s.
	brief := func(s *Spec) { s.Settings.StartTimeout = 10 * time.Second }
	tests := map[string]struct {
		mode    string
		change  func(*Spec)
		state   lifecycle.State
		code    string
		stage   lifecycle.Stage
		message string // a part of it
		stderr  string // a part of its tail
		exit    int    // 0: none is told
	}{
		"silent": {"silent", brief, lifecycle.Backoff, lifecycle.CodeHandshakeTimeout, lifecycle.StageHandshake,
			"serve.Main", "I have nothing to say", 0},
		"exits before the handshake": {"exit early", nil, lifecycle.Backoff, lifecycle.CodeLaunchFailed, lifecycle.StageHandshake,
			"exit status 4", "no licence found", 4},
		"not an extension": {"garbage", nil, lifecycle.Backoff, lifecycle.CodeLaunchFailed, lifecycle.StageHandshake,
			"", "Hello, world", 0},
		"another protocol version": {"other version", nil, lifecycle.Failed, lifecycle.CodeProtocolMismatch, lifecycle.StageHandshake,
			"upgrade the host", "", 0},
		"a socket elsewhere": {"other socket", nil, lifecycle.Backoff, lifecycle.CodeLaunchFailed, lifecycle.StageHandshake,
			"outside of its folder", "", 0},
		"init says no": {"init error", nil, lifecycle.Backoff, lifecycle.CodeInitFailed, lifecycle.StageInit,
			"no such table: positions", "the table is missing table=positions", 0},
		"init takes too long": {"init hang", brief, lifecycle.Backoff, lifecycle.CodeInitTimeout, lifecycle.StageInit,
			"timeouts.start", "", 0},
		"ends in init": {"init exit", nil, lifecycle.Backoff, lifecycle.CodeInitFailed, lifecycle.StageInit,
			"exit status 5", "giving up", 5},
		"activate says no": {"activate error", nil, lifecycle.Backoff, lifecycle.CodeInitFailed, lifecycle.StageInit,
			"newer version", "", 0},
		"check says no": {"check error", nil, lifecycle.Backoff, lifecycle.CodeCheckFailed, lifecycle.StageCheck,
			"the database does not answer", "", 0},
		"types without types.json": {"typed", nil, lifecycle.Failed, lifecycle.CodeTypesMismatch, lifecycle.StageHandshake,
			"no types.json", "", 0},
		"types.json without types": {"", func(s *Spec) {
			s.HasTypes, s.Types = true, []sdk.Type{{Name: "t.Ask", Role: sdk.RoleRequest, Extends: "t.Request", Response: "t.Answer"}}
		}, lifecycle.Failed, lifecycle.CodeTypesMismatch, lifecycle.StageHandshake, "types.json", "", 0},
		"executable changed": {"", func(s *Spec) { s.ExecutableSHA256[0]++ },
			lifecycle.Failed, lifecycle.CodeExecutableChanged, lifecycle.StageLaunch, "SHA-256", "", 0},
		"executable is gone": {"", func(s *Spec) { s.Executable += ".gone" },
			lifecycle.Backoff, lifecycle.CodeLaunchFailed, lifecycle.StageLaunch, "no such file", "", 0},
		"not an executable format": {"", notExecutable,
			lifecycle.Failed, lifecycle.CodeLaunchFailed, lifecycle.StageLaunch, "not built for this platform", "", 0},
	}
	s := newSupervisor(t)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := newSpec(t, test.mode)
			spec.Settings.BackoffFirst, spec.Settings.BackoffMax = time.Minute, time.Minute
			if test.change != nil {
				test.change(&spec)
			}
			i := s.Start(spec, nil)
			defer i.Stop(context.Background())
			st := waitState(t, i, test.state)
			r := st.Reason
			if r.Code != test.code || r.Stage != test.stage || !strings.Contains(r.Message, test.message) {
				t.Errorf("reason %s, want %s: %s: …%s…", r, test.stage, test.code, test.message)
			}
			if !strings.Contains(strings.Join(r.Stderr, "\n"), test.stderr) {
				t.Errorf("stderr lacks %q: %q", test.stderr, r.Stderr)
			}
			if test.exit != 0 && (r.ExitCode == nil || *r.ExitCode != test.exit) {
				t.Errorf("exit code %v, want %d", r.ExitCode, test.exit)
			}
			if st.PID != 0 || st.Started != nil || (st.NextTry != nil) != (test.state == lifecycle.Backoff) {
				t.Errorf("status: %+v", st)
			}
			if list, err := os.ReadDir(spec.RunDir); err == nil && len(list) != 0 {
				t.Errorf("left in the run folder: %v", list)
			}
		})
	}
}

// notExecutable puts a text into the executable's place.
func notExecutable(s *Spec) {
	s.Executable = filepath.Join(s.BundleDir, "extension")
	s.ExecutableSHA256 = mustWrite(s.Executable, "this is no program\n")
}

// Types that agree with types.json, in another order.
func TestTypesAgree(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "typed")
	var err error
	if spec.Types, err = serve.Describe(typedExtension(), spec.Manifest); err != nil {
		t.Fatal(err)
	}
	spec.HasTypes = true
	slices.Reverse(spec.Types)
	running(t, s, spec)
}

// The unpacker's descriptor may still be open somewhere when the executable is run.
func TestBusyExecutable(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newSpec(t, "")
	data, err := os.ReadFile(spec.Executable)
	if err != nil {
		t.Fatal(err)
	}
	spec.Executable = filepath.Join(spec.BundleDir, "extension")
	mustWrite(spec.Executable, string(data))
	writer, err := os.OpenFile(spec.Executable, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer time.AfterFunc(100*time.Millisecond, func() { writer.Close() }).Stop()
	if i := running(t, s, spec); i.Status().Restarts != 0 {
		t.Errorf("it took %d restarts", i.Status().Restarts)
	}
}

// A start that failed is tried again until it succeeds.
func TestStartIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	i := s.Start(newSpec(t, "init once"), nil)
	if st := waitState(t, i, lifecycle.Running); st.Restarts != 1 {
		t.Errorf("%d restarts, want 1", st.Restarts)
	}
}

// Lines that go-plugin itself would choke on.
func TestPoisonousOutput(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	i := running(t, s, newSpec(t, "poison"))
	mustAsk(t, i, operation{Op: "echo"})
}

// A bad extension that keeps its launch from ending does not hold up a good one.
func TestSilentOnesDoNotDelayOthers(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	for range 2 * cap(s.slots) {
		i := s.Start(newSpec(t, "silent"), nil)
		defer func() {
			if st := i.Status(); st.State != lifecycle.Starting {
				t.Errorf("a silent one is %s, want starting until its deadline", st.State)
			}
		}()
	}
	running(t, s, newSpec(t, ""))
}
