// Package e2e has the tests in which a person, through a real browser, sits in front of
// the real binary: for each state of an extension a story in which they read on the
// overview why it does not run and mend it with what is offered there, and a look at
// every page in every size and colour, with axe. `make e2e` runs them.
//
// words_test.go has every word that is looked for, pages_test.go every page; the rest
// does not know how the pages look. Pictures are left in dist/screenshots.
package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// made are the programs that all tests share.
type made struct{ jackfield, moody string }

// programs are set by TestMain, before any test; browser is the one that all tests share.
var (
	programs made
	browser  browsertest.Browser
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "jackfield-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	programs = made{jackfield: filepath.Join(dir, "jackfield"), moody: filepath.Join(dir, "moody")}
	for program, source := range map[string]string{programs.jackfield: "../cmd/jackfield", programs.moody: "./testdata/moody"} {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			fmt.Fprintf(os.Stderr, "building %s: %v\n%s", source, err, out.Bytes())
			return 1
		}
	}
	defer browser.Close()
	return m.Run()
}
