package main_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
)

// runningStore is a real `jackfield store serve`.
type runningStore struct {
	cmd    *exec.Cmd
	url    string
	stderr bytes.Buffer
	exited chan error
}

// startStore starts the real binary on a free port, in a folder, and waits until it is
// ready.
func startStore(dir, data string, env []string, args ...string) (*runningStore, error) {
	s := &runningStore{exited: make(chan error, 1)}
	s.cmd = exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), append([]string{"store", "serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Dir, s.cmd.Stderr, s.cmd.Env = dir, &s.stderr, env
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { s.exited <- s.cmd.Wait() }()
	for deadline := time.Now().Add(patience); ; {
		select {
		case err := <-s.exited:
			s.exited <- err
			return nil, errors.Join(errors.New("the store ended: "+s.stderr.String()), err)
		case <-time.After(20 * time.Millisecond):
		}
		if running, err := storeclient.Find(filepath.Join(dir, data)); err == nil && running.PID == s.cmd.Process.Pid {
			client, err := (&storeclient.Target{Data: filepath.Join(dir, data)}).Connect()
			if err != nil {
				return nil, errors.Join(err, s.cmd.Process.Kill())
			}
			resp, err := client.HTTP.Get(running.URL + "/readyz")
			if err == nil {
				resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					s.url = running.URL
					return s, nil
				}
			}
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(errors.New("the store is not ready"), s.cmd.Process.Kill())
		}
	}
}

// stop ends the store as an operator does and reports how it ended.
func (s *runningStore) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-s.exited:
		s.exited <- err
		return err
	case <-time.After(patience):
		return errors.Join(errors.New("the store does not stop"), s.cmd.Process.Kill())
	}
}

// cmdStore starts a store in ./store-data: store [FLAG…]. Its address is in $STORE.
func cmdStore(ts *testscript.TestScript, _ bool, args []string) {
	var env []string
	for _, name := range []string{"HOME", "PATH", "TMPDIR"} {
		env = append(env, name+"="+ts.Getenv(name))
	}
	s, err := startStore(ts.MkAbs("."), "store-data", env, args...)
	ts.Check(err)
	ts.Setenv("STORE", s.url)
	stop := func() { ts.Check(s.stop()) }
	ts.Defer(stop)
}

// cmdStopStore ends the store that was started last, and waits until its process is gone: a
// second signal, at the end of the story, would end one that is about to end with an error.
func cmdStopStore(ts *testscript.TestScript, _ bool, _ []string) {
	running, err := storeclient.Find(ts.MkAbs("store-data"))
	ts.Check(err)
	ts.Check(syscall.Kill(running.PID, syscall.SIGTERM))
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) { // a poll
		if errors.Is(syscall.Kill(running.PID, 0), syscall.ESRCH) {
			if _, err := os.Stat(ts.MkAbs("store-data/store.json")); !os.IsNotExist(err) {
				ts.Fatalf("it leaves store.json behind: %v", err)
			}
			return
		}
	}
	ts.Fatalf("the store does not stop")
}

// cmdPin sets $PIN to the publisher of a signed bundle that ./roots vouches for: pin FILE.
func cmdPin(ts *testscript.TestScript, _ bool, args []string) {
	out, err := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), "bundle", "verify", ts.MkAbs(args[0]), "--trust", ts.MkAbs("roots"), "--revocation", "off").Output()
	ts.Check(err)
	for word := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(word, "sha256:") && strings.Contains(word, "@") {
			ts.Setenv("PIN", word)
			return
		}
	}
	ts.Fatalf("no publisher in %s", out)
}

// TestReadmeStore runs the commands of the README's sections about the store, and about a
// host that installs from it, in a folder with an unsigned bundle.
func TestReadmeStore(t *testing.T) {
	t.Parallel()
	var script string
	for _, title := range []string{"Run a store", "Install from stores"} {
		_, section, _ := strings.Cut(readSource(t, "README.md"), "\n## "+title+"\n")
		_, block, _ := strings.Cut(section, "```sh\n")
		block, _, found := strings.Cut(block, "```")
		if !found || strings.Count(block, "\n") < 10 {
			t.Fatalf("README.md has no commands under %q", title)
		}
		script += block
	}
	// A person is slow enough; and others may have the ports.
	for _, change := range [][2]string{
		{"jackfield store serve &\n", "jackfield store serve --listen 127.0.0.1:0 &\nstore=$!\ntrap 'kill $store $host; wait' EXIT\nuntil jackfield store list >/dev/null 2>&1; do sleep 0.05; done\n"},
		{"http://127.0.0.1:3000", `$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' store-data/store.json)`},
		{"jackfield serve &\n", "jackfield serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0 &\nhost=$!\nuntil jackfield ext list >/dev/null 2>&1; do sleep 0.05; done\n"},
	} {
		if !strings.Contains(script, change[0]) {
			t.Fatalf("the commands have no %q:\n%s", change[0], script)
		}
		script = strings.Replace(script, change[0], change[1], 1)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hello.jar"), readBundle(t, "hello.jar"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-e", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv(envBin)+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), `{"greeting":"Hello, World"}`) {
		t.Fatalf("%v\n%s", err, out)
	}
	signed, err := os.ReadFile(filepath.Join(dir, "hello.jar"))
	if err != nil {
		t.Fatal(err)
	}
	if copied, err := os.ReadFile(filepath.Join(dir, "copy.jar")); err != nil || !bytes.Equal(copied, signed) {
		t.Errorf("what was downloaded is not what was published: %v", err)
	}
}
