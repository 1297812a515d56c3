package supervisor

import (
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func mustWrite(path, text string) [32]byte {
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		panic(err)
	}
	return sha256.Sum256([]byte(text))
}

func TestEnvironmentIsTheAllowList(t *testing.T) {
	t.Parallel()
	t.TempDir() // removed after the process that writes there
	s := New(Config{Log: slog.New(slog.DiscardHandler), Environ: []string{
		"PATH=/bin", "TZ=UTC", "LANG=C.UTF-8", "SSL_CERT_DIR=/certs", "https_proxy=http://proxy:3128",
		"AWS_SECRET_ACCESS_KEY=secret", "JMAP_HOME=/home", "LD_PRELOAD=evil.so", "HOME=/root", "GODEBUG=x=1",
	}})
	t.Cleanup(s.Close)
	spec := newSpec(t, "")
	i := running(t, s, spec)
	var names []string
	for variable := range strings.SplitSeq(mustAsk(t, i, operation{Op: "environment"}), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		names = append(names, name)
		want := map[string]string{
			"PATH": "/bin", "HOME": spec.DataDir, "TMPDIR": filepath.Join(spec.DataDir, "tmp"), "TZ": "UTC",
		}
		if w, ok := want[name]; ok && w != value {
			t.Errorf("%s is %q, want %q", name, value, w)
		}
	}
	slices.Sort(names)
	want := []string{
		"HOME", "JACKFIELD_EXTENSION", "LANG", "PATH", "PLUGIN_CLIENT_CERT", "PLUGIN_MAX_PORT", "PLUGIN_MIN_PORT",
		"PLUGIN_PROTOCOL_VERSIONS", "PLUGIN_UNIX_SOCKET_DIR", "SSL_CERT_DIR", "TMPDIR", "TZ", "https_proxy",
	}
	if !slices.Equal(names, want) {
		t.Errorf("environment\n%q, want\n%q", names, want)
	}
}

func TestNothingIsInherited(t *testing.T) {
	t.Parallel()
	leakDescriptor(t)
	s := newSupervisor(t)
	spec := newSpec(t, "")
	i := running(t, s, spec)
	if n := mustAsk(t, i, operation{Op: "stdin"}); n != "0" {
		t.Errorf("%s bytes on stdin", n)
	}
	if is := mustAsk(t, i, operation{Op: "group"}); is != "true" {
		t.Error("the process is not in a group of its own")
	}
	if dir := mustAsk(t, i, operation{Op: "folder"}); dir != spec.DataDir {
		t.Errorf("the working directory is %s, want %s", dir, spec.DataDir)
	}
	if args := mustAsk(t, i, operation{Op: "arguments"}); args != spec.Executable {
		t.Errorf("the arguments are %q, want the executable's path alone", args)
	}
	// Beside its output the child has the lanes and the dial pair, and nothing else.
	if got := mustAsk(t, i, operation{Op: "descriptors"}); got != "0 /dev/null\n1 pipe\n2 pipe\n3 socket\n4 socket\n5 socket\n6 socket\n7 socket" {
		t.Errorf("open descriptors:\n%s", got)
	}
}

// The executable is judged by the descriptor that is executed.
func TestExecutableIsCheckedOnItsDescriptor(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	sum := mustWrite(path, "one")
	f, err := openExecutable(path, sum)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mustWrite(filepath.Join(dir, "y"), "two")
	if err := os.Rename(filepath.Join(dir, "y"), path); err != nil {
		t.Fatal(err)
	}
	held := make([]byte, 3)
	if _, err := f.ReadAt(held, 0); err != nil || string(held) != "one" {
		t.Errorf("the descriptor reads %q, %v", held, err)
	}
	for name, path := range map[string]string{"exchanged": path, "a folder": dir, "missing": filepath.Join(dir, "z")} {
		if f, err := openExecutable(path, sum); err == nil {
			f.Close()
			t.Errorf("%s: no error", name)
		}
	}
}
