// The tests of this folder drive the real binary from outside, as an administrator,
// an author and a client would: they build it once, pack the bundles of this
// repository with it, and run the stories in testdata/script.
package main_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Folders made once for all tests, removed by TestMain.
const (
	envBin     = "JACKFIELD_TEST_BIN"     // holds the binary jackfield
	envPolicy  = "JACKFIELD_TRUST_POLICY" // the host's own variable
	envBundles = "JACKFIELD_TEST_BUNDLES" // holds <name>.jar of every extension and example, and executables
)

// packed are the folders whose bundles the stories use.
func packed() []string {
	return []string{"extensions/tracking", "examples/hello", "examples/echo", "examples/fetch", "examples/notes", "examples/panel", "examples/settings", "examples/words"}
}

// executables are those that stories put into bundles of their own, by name.
func executables() map[string]string {
	return map[string]string{
		"echo": filepath.Join("..", "..", "examples", "echo"), "notes": filepath.Join("..", "..", "examples", "notes"),
		"relay": "./" + filepath.Join("testdata", "relay"),
	}
}

// build makes the binary and the bundles before any test, unless this process is one
// of the commands that a story runs.
type build struct{ tests *testing.M }

func TestMain(m *testing.M) {
	testscript.Main(build{m}, map[string]func(){"http": httpMain})
}

func (b build) Run() int {
	dir, err := os.MkdirTemp("", "jackfield-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := makeBinaries(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// Stories mostly wait: more of them go on at once than there are cores.
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(max(4, runtime.GOMAXPROCS(0)))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return b.tests.Run()
}

func makeBinaries(dir string) error {
	bin, bundles := filepath.Join(dir, "bin"), filepath.Join(dir, "bundles")
	if err := os.MkdirAll(bundles, 0o755); err != nil {
		return err
	}
	jackfield := filepath.Join(bin, "jackfield")
	if err := run("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", jackfield, "."); err != nil {
		return err
	}
	for _, folder := range packed() {
		out := filepath.Join(bundles, filepath.Base(folder)+".jar")
		if err := run(jackfield, "bundle", "pack", filepath.Join("..", "..", folder), "--out", out); err != nil {
			return err
		}
	}
	for name, source := range executables() {
		if err := run("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(bundles, name), source); err != nil {
			return err
		}
	}
	if err := os.Setenv(envBin, bin); err != nil {
		return err
	}
	// Nobody signs what most of these tests make.
	if err := os.Setenv(envPolicy, "warn"); err != nil {
		return err
	}
	return os.Setenv(envBundles, bundles)
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.Bytes())
	}
	return nil
}

func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", os.Getenv(envBin)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("BUNDLES", os.Getenv(envBundles))
			env.Setenv(envPolicy, os.Getenv(envPolicy))
			env.Setenv("JMAP_HOME", filepath.Join(env.WorkDir, "home"))
			for name := range executables() {
				env.Setenv(strings.ToUpper(name), runtime.GOOS+"-"+runtime.GOARCH+"="+filepath.Join(os.Getenv(envBundles), name))
			}
			env.Setenv("SOURCE", sourceRoot())
			// The command http is this program: with the race detector it would rest for a
			// second at its end, in case something still runs.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("NOW", time.Now().UTC().Format(time.RFC3339))
			env.Setenv("EARLIER", time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOTOOLCHAIN"} {
				env.Setenv(name, goEnv(name))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"host":     cmdHost,
			"stophost": cmdStopHost,
			"drop":     cmdDrop,
			"state":    cmdState,
			"reason":   cmdReason,
			"gone":     cmdGone,
			"logged":   cmdLogged,
			"restarts": cmdRestarts,
			"ready":    cmdReady,
			"waits":    cmdWaits,
			"measured": cmdMeasured,
			"exits":    cmdExits,

			"responder": cmdResponder,
			"store":     cmdStore,
			"stopstore": cmdStopStore,
			"pin":       cmdPin,
			"jpl":       cmdJPL,
		},
	})
}

func sourceRoot() string {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err)
	}
	return root
}

func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
}
