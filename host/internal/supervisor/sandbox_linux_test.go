package supervisor

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// openHome is a home to which users other than the test's own can come.
func openHome(t testing.TB) string {
	t.Helper()
	home := t.TempDir()
	for dir := home; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

// confinedSpec is specFor with the executable in the home: the test's own binary lies
// where only its user can go.
func confinedSpec(home string, mode confine.Mode) (Spec, error) {
	spec, err := specFor(home, "")
	if err != nil {
		return spec, err
	}
	data, err := os.ReadFile(spec.Executable)
	if err != nil {
		return spec, err
	}
	spec.Settings.Sandbox = mode
	spec.BundleDir = filepath.Join(home, "bundle")
	spec.Executable = filepath.Join(spec.BundleDir, "run")
	if err := os.MkdirAll(spec.BundleDir, 0o755); err != nil {
		return spec, err
	}
	return spec, os.WriteFile(spec.Executable, data, 0o755)
}

func newConfined(t testing.TB, mode confine.Mode) Spec {
	t.Helper()
	spec, err := confinedSpec(openHome(t), mode)
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// statusOf reads a line of /proc/<pid>/status.
func statusOf(t *testing.T, pid int, name string) string {
	t.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "\n"+name+":")
	line, _, _ := strings.Cut(after, "\n")
	return strings.Join(strings.Fields(line), " ")
}

// A process under strict serves like any other, has nothing of the host's, and shows
// nothing of how it came to that.
func TestStrict(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := newConfined(t, confine.Strict)
	i := running(t, s, spec)
	for _, p := range i.Protections() {
		if !p.Holds {
			t.Errorf("%+v", p)
		}
	}
	pid := i.Status().PID
	for name, want := range map[string]string{
		"CapPrm": "0000000000000000", "CapEff": "0000000000000000", "CapBnd": "0000000000000000", "CapInh": "0000000000000000",
		"CapAmb": "0000000000000000", "NoNewPrivs": "1", "Seccomp": "2", "Groups": "", "NSpgid": strconv.Itoa(pid), "PPid": strconv.Itoa(os.Getpid()),
	} {
		if got := statusOf(t, pid, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if uids := strings.Fields(statusOf(t, pid, "Uid")); len(uids) != 4 || uids[0] == "0" || uids[0] != uids[3] {
		t.Errorf("its uids are %v", uids)
	}
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || string(cmdline) != spec.Executable+"\x00" {
		t.Errorf("its arguments are %q, %v", cmdline, err)
	}
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil || bytes.Contains(environ, []byte("1900")) {
		t.Errorf("its environment is %q, %v", environ, err)
	}
	fds, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && (to == spec.Executable || strings.HasPrefix(to, "pipe:") && filepath.Base(fd) > "2") {
			t.Errorf("it has %s open as %s", to, filepath.Base(fd))
		}
	}
	if dir := mustAsk(t, i, operation{Op: "folder"}); dir != spec.DataDir {
		t.Errorf("it works in %s", dir)
	}
	if n := mustAsk(t, i, operation{Op: "stdin"}); n != "0" {
		t.Errorf("%s bytes on stdin", n)
	}
	if limits := i.Limits(); limits.Files.By != sandbox.Rlimit || limits.Data.By != sandbox.Sampling {
		t.Errorf("limits %+v", limits)
	}
}

// Where something is missing strict does not run, and says what and what next; auto runs
// and says the same.
func TestStrictOrWhatHolds(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	for mode, state := range map[confine.Mode]lifecycle.State{confine.Strict: lifecycle.Failed, confine.Auto: lifecycle.Running} {
		spec := newConfined(t, mode)
		if err := os.Chmod(spec.BundleDir, 0o700); err != nil {
			t.Fatal(err)
		}
		i := s.Start(spec, nil)
		st := waitState(t, i, state)
		what := "no other user can pass the folder " + spec.BundleDir
		if mode == confine.Strict {
			if st.Reason.Code != lifecycle.CodeLaunchFailed || st.Reason.Stage != lifecycle.StageLaunch || !strings.Contains(st.Reason.Message, what) {
				t.Errorf("reason %v", st.Reason)
			}
			continue
		}
		if p := i.Protections()[0]; p.Name != confine.User || p.Holds || !strings.Contains(p.Why, what) {
			t.Errorf("%+v", p)
		}
		if got := statusOf(t, st.PID, "CapEff"); got != "0000000000000000" {
			t.Errorf("as the host's user it has capabilities %s", got)
		}
		mustAsk(t, i, operation{Op: "echo"})
	}
}

// What goes wrong between fork and exec is said: which step, about what, and why.
func TestStepsThatFail(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	for name, c := range map[string]struct {
		spoil func(*shim.Policy)
		step  shim.Step
		text  string
	}{
		"a path through a file": {func(p *shim.Policy) { p.Files.Read = []string{"/dev/null/x"} }, shim.StepRuleset, "(/dev/null/x): not a directory"},
		"another host":          {func(p *shim.Policy) { p.Host = 1 << 30 }, shim.StepParent, "the host has ended"},
		"more descriptors":      {func(p *shim.Policy) { p.Inherit = 9 }, shim.StepClose, "9 are meant to be"},
		"no executable":         {func(*shim.Policy) {}, shim.StepExec, "permission denied"},
	} {
		p := shim.Policy{Host: os.Getpid(), Args: []string{"x"}, Files: &shim.Files{}, Filter: true}
		c.spoil(&p)
		var f *shim.Failure
		if err := s.startShim(p); !errors.As(err, &f) || f.Step != c.step || !strings.HasSuffix(f.Error(), c.text) && !strings.Contains(f.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	spec := newConfined(t, confine.Strict)
	spec.ExecutableSHA256 = mustWrite(spec.Executable, "not a program")
	if err := os.Chmod(spec.Executable, 0o755); err != nil {
		t.Fatal(err)
	}
	st := waitState(t, s.Start(spec, nil), lifecycle.Failed)
	if st.Reason.Code != lifecycle.CodeLaunchFailed || !strings.Contains(st.Reason.Message, "not built for this platform") {
		t.Errorf("reason %v", st.Reason)
	}
}

// BenchmarkLaunch starts a process and waits until it runs, with and without a sandbox.
func BenchmarkLaunch(b *testing.B) {
	for _, mode := range []confine.Mode{confine.Off, confine.Strict} {
		b.Run(string(mode), func(b *testing.B) {
			s := New(Config{Log: slog.New(slog.DiscardHandler), Shim: program})
			defer s.Close()
			spec := newConfined(b, mode)
			for b.Loop() {
				i := s.Start(spec, nil)
				for {
					i.mu.Lock()
					st, news := i.status, i.news
					i.mu.Unlock()
					if st.State == lifecycle.Running {
						break
					}
					if st.State == lifecycle.Failed {
						b.Fatal(st.Reason)
					}
					<-news
				}
				b.StopTimer()
				i.Stop(b.Context())
				b.StartTimer()
			}
		})
	}
}
