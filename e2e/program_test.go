package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// program is jackfield as it runs in the background, until the test ends.
type program struct {
	t     *testing.T
	name  string
	log   string     // the file that has its standard error
	ended chan error // what it ended with
}

// start starts jackfield in a folder. The end of the test ends it as an administrator does,
// and it must follow; if the test has failed, what the program said is in its output. name
// is for messages.
func start(t *testing.T, name, dir string, args ...string) *program {
	t.Helper()
	p := &program{t: t, name: name, log: filepath.Join(t.ArtifactDir(), name+".log"), ended: make(chan error, 1)}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(programs.jackfield, args...)
	cmd.Dir, cmd.Stderr = dir, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- cmd.Wait() }()
	t.Cleanup(func() { p.stop(cmd.Process) })
	return p
}

func (p *program) stop(process *os.Process) {
	_ = process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("the %s ended with %v", p.name, err)
		}
	case <-time.After(patience):
		_ = process.Kill()
		<-p.ended
		p.t.Errorf("SIGTERM did not end the %s", p.name)
	}
	if p.t.Failed() {
		p.t.Logf("the %s said:\n%s", p.name, tail(p.said(), 6000))
	}
}

// said is what the program has said so far.
func (p *program) said() []byte {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Error(err)
	}
	return text
}

// await waits until the program is ready, which it must be before it ends.
func (p *program) await(ready func() bool) {
	p.t.Helper()
	await(p.t, "the "+p.name+" is ready", func() bool {
		select {
		case err := <-p.ended:
			p.ended <- err // for stop
			p.t.Fatalf("the %s ended before it was ready: %v", p.name, err)
		default:
		}
		return ready()
	})
}

// await waits until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s for this: %s", patience, what)
		}
	}
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }
