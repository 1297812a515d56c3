package supervisor

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
)

// openHome is a home to which users other than the test's own can come.
func openHome(t *testing.T) string {
	t.Helper()
	home := t.TempDir()
	for dir := home; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func testBinaryPath(t *testing.T) string {
	t.Helper()
	binary, err := testBinary()
	if err != nil {
		t.Fatal(err)
	}
	return binary.path
}

func confined(t *testing.T, mode confine.Mode) Spec {
	t.Helper()
	home := openHome(t)
	spec, err := specFor(home, "")
	if err != nil {
		t.Fatal(err)
	}
	// The test's own binary lies where only its user can go.
	spec.BundleDir = filepath.Join(home, "bundle")
	spec.Executable = filepath.Join(spec.BundleDir, "run")
	data, err := os.ReadFile(testBinaryPath(t))
	if err == nil {
		err = errors.Join(os.Mkdir(spec.BundleDir, 0o755), os.WriteFile(spec.Executable, data, 0o755))
	}
	if err != nil {
		t.Fatal(err)
	}
	spec.Settings.Sandbox = mode
	return spec
}

// A process under strict serves like any other.
func TestStrict(t *testing.T) {
	t.Parallel()
	s := newSupervisor(t)
	spec := confined(t, confine.Strict)
	i := s.Start(spec, nil)
	st := waitStatus(t, i, "end of the start", func(st Status) bool { return st.State == lifecycle.Running || st.State == lifecycle.Failed })
	if st.State == lifecycle.Failed {
		t.Fatal(st.Reason)
	}
	for _, p := range i.Protections() {
		if !p.Holds {
			t.Errorf("%+v", p)
		}
	}
	if text := mustAsk(t, i, operation{Op: "echo"}); strings.Contains(text, "x") {
		t.Log(text)
	}
	status, _ := os.ReadFile("/proc/" + strconv.Itoa(st.PID) + "/status")
	t.Logf("%s", status[bytes.Index(status, []byte("SigQ")):bytes.Index(status, []byte("CapInh"))])
}
