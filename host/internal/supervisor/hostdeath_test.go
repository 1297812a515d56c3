package supervisor

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
)

// playHost is a host that starts an extension from a thread that ends at once, says
// which process it is and waits to be killed.
func playHost(home string) {
	mode, home, _ := strings.Cut(home, ":")
	spec, err := confinedSpec(home, confine.Mode(mode))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	s := New(Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Shim: program})
	ended := make(chan *Instance)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		ended <- s.Start(spec, nil)
	}()
	i := <-ended
	tick := time.NewTicker(5 * time.Millisecond)
	for i.Status().State != lifecycle.Running {
		<-tick.C
	}
	pid := i.Status().PID
	// Let threads come and go: the child must not mind.
	for range 50 {
		done := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(done)
		}()
		<-done
	}
	if _, err := askWith(context.Background(), i, operation{Op: "echo"}); err != nil || i.Status().PID != pid {
		fmt.Println("the child died of a thread:", err)
		os.Exit(1)
	}
	fmt.Println(pid)
	wait()
}

// Kill -9 of the host ends its children.
func TestHostDeath(t *testing.T) {
	t.Parallel()
	for _, mode := range []confine.Mode{confine.Off, confine.Strict} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			testHostDeath(t, mode)
		})
	}
}

func testHostDeath(t *testing.T, mode confine.Mode) {
	binary, err := testBinary()
	if err != nil {
		t.Fatal(err)
	}
	host := exec.Command(binary.path)
	host.Env = append(os.Environ(), hostHome+"="+string(mode)+":"+openHome(t))
	var said logged
	host.Stderr = &said
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	defer host.Process.Kill()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal("the host says: ", line, said.String())
	}
	if dead(pid) {
		t.Fatal("the child was not alive")
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	// Within which time is measured by bench/chaos, not here: this machine may be busy.
	eventually(t, func() bool { return dead(pid) }, func() string { return "the child lives" })
}

// What a killed host leaves in its run folder goes with the next one.
func TestSweep(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	run := t.TempDir()
	for _, name := range []string{"plugin-dir123/plugin456", "other/file"} {
		dir, _, _ := strings.Cut(name, "/")
		if err := os.Mkdir(run+"/"+dir, 0o700); err != nil {
			t.Fatal(err)
		}
		mustWrite(run+"/"+name, "")
	}
	mustWrite(run+"/host.json", "{}")
	short, err := os.MkdirTemp("", shortPrefix(run)+"*")
	if err != nil {
		t.Fatal(err)
	}
	s := New(Config{Log: slog.New(slog.DiscardHandler), RunDir: run})
	s.Close()
	if _, err := os.Stat(short); err == nil {
		t.Error("the temporary folder is left")
	}
	list, err := os.ReadDir(run)
	if err != nil || len(list) != 2 || list[0].Name() != "host.json" || list[1].Name() != "other" {
		t.Errorf("left: %v, %v", list, err)
	}
}
