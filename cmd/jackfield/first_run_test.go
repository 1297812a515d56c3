package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestFirstRun does what `make run` does, with one of the bundles: an authority of its own
// signs it, a host that asks for signatures runs it, and a second time changes nothing. An
// unsigned bundle beside it is refused, and says what to do.
func TestFirstRun(t *testing.T) {
	t.Parallel()
	if run := readSource(t, "Makefile"); !strings.Contains(run, "@scripts/local-authority jmap-home dist/bundles/*.jar\n\tbin/jackfield serve --home jmap-home\n") {
		t.Error("make run does not sign what it serves, or is not tested here any more")
	}
	dir := t.TempDir()
	home := filepath.Join(dir, "jmap-home")
	sign := func() []byte {
		t.Helper()
		cmd := exec.Command(filepath.Join(sourceRoot(), "scripts", "local-authority"), home, filepath.Join(os.Getenv(envBundles), "hello.jar"))
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "JACKFIELD="+filepath.Join(os.Getenv(envBin), "jackfield"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		jar, err := os.ReadFile(filepath.Join(home, "extensions", "hello.jar"))
		if err != nil {
			t.Fatal(err)
		}
		return jar
	}
	first := sign()
	if again := sign(); string(again) != string(first) {
		t.Error("the same bundle is signed otherwise the second time: each make run would be an upgrade")
	}
	h, err := startHost(home, "--trust-policy", "require")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	if err := h.waitState("examples.hello.HelloExtension", "running"); err != nil {
		t.Fatal(err)
	}
	mustDrop(t, home, "echo.jar", readBundle(t, "echo.jar"))
	err = h.waitFor("echo.jar", func(r row, found bool) bool {
		return found && r.State == "refused" && r.Reason != nil && r.Reason.Code == "unsigned" && strings.Contains(r.String(), "trust.policy=warn")
	})
	if err != nil {
		t.Error(err)
	}
}
