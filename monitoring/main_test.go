// Package monitoring holds what is beside the binary for those who run Prometheus and
// Grafana to what hosts really measure. There is nothing in it but tests: promtool checks
// the rules, a real Prometheus scrapes real hosts that are in every kind of trouble, and
// each alert has to fire, each query of the dashboard to be answered, each metric to be
// that of docs/metrics.md.
package monitoring

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long something may take on a machine that is busy with other things.
const patience = 2 * time.Minute

// made is what all tests share.
type made struct {
	jackfield string // the binary
	dir       string // has <name>.jar, and the executable of each by its name
}

// programs are set by TestMain, before any test.
var programs made

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jackfield-monitoring-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = made{jackfield: filepath.Join(dir, "jackfield"), dir: dir}
	if err := build(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

func build(dir string) error {
	for name, source := range map[string]string{"jackfield": "../cmd/jackfield", "echo": "../examples/echo", "fetch": "../examples/fetch"} {
		if _, err := command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source); err != nil {
			return err
		}
	}
	if _, err := command("gcc", "-o", filepath.Join(dir, "hang"), "testdata/hang.c"); err != nil {
		return err
	}
	for _, name := range []string{"notes", "tracking", "words"} {
		source := filepath.Join("..", "examples", name)
		if name == "tracking" {
			source = filepath.Join("..", "extensions", name)
		}
		if _, err := command(programs.jackfield, "bundle", "pack", source, "--out", filepath.Join(dir, name+".jar")); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program and returns what it says; an error says it, too.
func command(program string, args ...string) (string, error) {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, out)
	}
	return string(out), err
}

// must is command for what has to work.
func must(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := command(program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// await waits until something is so; it says what is missing, "" for nothing.
func await(t *testing.T, missing func() string) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		what := missing()
		if what == "" {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("waited %v, and still: %s", patience, what)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// executable is where a bundle has the program for this platform.
func executable() string { return "bin/" + runtime.GOOS + "-" + runtime.GOARCH + "/extension" }
