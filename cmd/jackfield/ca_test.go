package main_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdResponder: responder [FLAGS]: starts `jackfield ca ocsp serve` on a free port; sets
// $RESPONDER to its URL and $RESPONDERPID. It must end well on SIGTERM.
func cmdResponder(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(filepath.Join(os.Getenv(envBin), "jackfield"), append([]string{"ca", "ocsp", "serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	log, err := os.Create(ts.MkAbs("responder.log"))
	ts.Check(err)
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(out).ReadString('\n') // nothing: it has ended
		lines <- line
	}()
	select {
	case line := <-lines:
		url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
		if !ok {
			said, _ := os.ReadFile(log.Name())
			ts.Fatalf("the responder says %q\n%s%v", line, said, cmd.Wait())
		}
		ts.Setenv("RESPONDER", url)
	case <-time.After(20 * time.Second):
		ts.Fatalf("the responder does not listen: %v", errors.Join(cmd.Process.Kill(), cmd.Wait()))
	}
	ts.Defer(func() {
		ts.Check(cmd.Process.Signal(syscall.SIGTERM))
		ts.Check(cmd.Wait())
	})
}

// TestGuideCA runs the commands of docs/ca.md in an empty folder. A line below a
// command that is none itself is what it prints.
func TestGuideCA(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(ln.Addr().(*net.TCPAddr).Port)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	var script, want strings.Builder
	n := 0
	for _, block := range regexp.MustCompile("(?s)```\n(\\$ .*?)```\n").FindAllStringSubmatch(readSource(t, "docs/ca.md"), -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], ":8889", ":"+port)) {
			command, ok := strings.CutPrefix(line, "$ ")
			if !ok {
				want.WriteString(line)
				continue
			}
			n++
			if strings.HasPrefix(command, "jackfield ") { // its tables have serial numbers and times
				command = strings.Replace(command, " | ", " | tee -a table.txt | ", 1)
				if !strings.Contains(command, " | ") {
					command = strings.TrimSuffix(strings.TrimSuffix(command, "\n"), "&") + " >> table.txt" + map[bool]string{true: " &"}[strings.HasSuffix(command, "&\n")] + "\n"
				}
			}
			script.WriteString(command)
		}
	}
	if n < 20 {
		t.Fatalf("found %d commands in docs/ca.md", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script.String()+"wait\n")
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv(envBin)+string(os.PathListSeparator)+os.Getenv("PATH"))
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s\n%s\nof\n%s", err, stdout.String(), stderr.String(), script.String())
	}
	if stdout.String() != want.String() {
		t.Errorf("the guide's commands print\n%s\nthe guide says\n%s\n%s", stdout.String(), want.String(), stderr.String())
	}
}
