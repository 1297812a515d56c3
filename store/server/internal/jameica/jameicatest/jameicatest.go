// Package jameicatest is the part of Jameica that meets a repository, with its mistakes: a
// program in Java, on what Jameica itself stands on. It is for tests only, and needs a JDK
// and NanoXML, which make test installs.
//
//	j := jameicatest.Start(t)
//	j.Do("trust")                      // says yes when it is asked whether to trust somebody
//	j.Do("open", url)                  // what it shows of a repository
//	j.Do("install", "demo.notes", "2.1.0")
//	j.Do("updates")
package jameicatest

import (
	"bufio"
	"bytes"
	_ "embed"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed Jameica.java
var program []byte

// patience is how long one command may take.
const patience = time.Minute

// Jameica is one installation. Its methods are called by one goroutine.
type Jameica struct {
	t         testing.TB
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complaint bytes.Buffer
}

// Start starts one, which ends with the test.
func Start(t testing.TB) *Jameica {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Jameica.java")
	if err := os.WriteFile(file, program, 0o600); err != nil {
		t.Fatal(err)
	}
	j := &Jameica{t: t, cmd: exec.Command("java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", "/usr/share/java/nanoxml2.jar", file)}
	j.cmd.Stderr = &j.complaint
	in, err := j.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := j.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	j.in, j.out = in, bufio.NewReader(out)
	if err := j.cmd.Start(); err != nil {
		t.Fatalf("java: %v", err)
	}
	t.Cleanup(func() {
		in.Close() // it ends when it reads the end
		_ = j.cmd.Wait()
	})
	return j
}

// Do gives it a command and returns the lines of its answer, with spaces for the tabs between
// their words.
func (j *Jameica) Do(words ...string) []string {
	j.t.Helper()
	late := time.AfterFunc(patience, func() { _ = j.cmd.Process.Kill() })
	defer late.Stop()
	if _, err := io.WriteString(j.in, strings.Join(words, "\t")+"\n"); err != nil {
		j.t.Fatalf("java: %v\n%s", err, j.complaint.Bytes())
	}
	var lines []string
	for {
		line, err := j.out.ReadString('\n')
		if err != nil {
			_ = j.cmd.Wait()
			j.t.Fatalf("java ended: %v\n%s", err, j.complaint.Bytes())
		}
		if line = strings.TrimSuffix(line, "\n"); line == "." {
			return lines
		}
		lines = append(lines, strings.ReplaceAll(line, "\t", " "))
	}
}
