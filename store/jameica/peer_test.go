package jameica_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// java is the one process that answers all tests: the JDK and the client's XML parser.
var java struct {
	sync.Mutex
	cmd       *exec.Cmd
	in        io.WriteCloser
	out       *bufio.Reader
	complaint bytes.Buffer
}

func TestMain(m *testing.M) {
	code := m.Run()
	if java.cmd != nil {
		java.in.Close()
		_ = java.cmd.Wait()
	}
	os.Exit(code)
}

func startJava() (err error) {
	java.cmd = exec.Command("java", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", "/usr/share/java/nanoxml2.jar", "testdata/Peer.java")
	java.cmd.Stderr = &java.complaint
	if java.in, err = java.cmd.StdinPipe(); err != nil {
		return err
	}
	out, err := java.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	java.out = bufio.NewReader(out)
	return java.cmd.Start()
}

// askJava gives lines to the process and returns its answer to each.
func askJava(t *testing.T, lines []string) []string {
	t.Helper()
	java.Lock()
	defer java.Unlock()
	if java.cmd == nil {
		if err := startJava(); err != nil {
			t.Fatalf("java: %v", err)
		}
	}
	late := time.AfterFunc(2*time.Minute, func() { _ = java.cmd.Process.Kill() })
	defer late.Stop()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(java.in, strings.Join(lines, "\n")+"\n")
		written <- err
	}()
	var answers []string
	for range lines {
		answer, err := java.out.ReadString('\n')
		if err != nil {
			java.in.Close()
			t.Fatalf("java ended: %v, %v\n%s", err, java.cmd.Wait(), java.complaint.Bytes())
		}
		answers = append(answers, strings.TrimSuffix(answer, "\n"))
	}
	if err := <-written; err != nil {
		t.Fatal(fmt.Errorf("java: %w", err))
	}
	return answers
}

// run runs a peer in a folder.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
