package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	echoType = "examples.echo.EchoRequest"
	patience = 30 * time.Second
)

// target is a running host under measurement.
type target struct {
	name string
	addr string // of its request listener
	pid  int
	home string // of jackfield
	stop func()
}

// startJackfield runs the real binary with the echo example, in a home of its own.
func startJackfield(ctx context.Context) (*target, error) {
	jars, err := filepath.Glob("dist/bundles/echo-*.jar")
	if err != nil || len(jars) != 1 {
		return nil, errors.New("dist/bundles/echo-*.jar is not there; run make build first")
	}
	home, err := os.MkdirTemp("", "jackfield-bench-")
	if err != nil {
		return nil, err
	}
	jar, err := os.ReadFile(jars[0])
	if err != nil {
		return nil, err
	}
	if err := drop(home, "echo.jar", jar); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "bin/jackfield", "serve", "--home", home,
		"--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	t, err := startTarget("jackfield", cmd, out, func(line []byte) string {
		var l struct{ Msg, Requests string }
		if json.Unmarshal(line, &l) != nil || l.Msg != "listening" {
			return ""
		}
		return l.Requests
	})
	if err != nil {
		os.RemoveAll(home)
		return nil, err
	}
	t.home = home
	end := t.stop
	t.stop = func() { end(); os.RemoveAll(home) }
	if err := t.waitAnswer(ctx); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// startPeer runs this program again as the hand-made host.
func startPeer(ctx context.Context) (*target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), envRole+"="+rolePeerHost)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	t, err := startTarget("gorilla/mux + go-plugin gRPC", cmd, out, func(line []byte) string {
		addr, _ := strings.CutPrefix(string(line), "listening ")
		return addr
	})
	if err != nil {
		return nil, err
	}
	if err := t.waitAnswer(ctx); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// startTarget starts cmd and waits until a line of out gives its address.
func startTarget(name string, cmd *exec.Cmd, out io.Reader, address func(line []byte) string) (*target, error) {
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	addr, ended := make(chan string, 1), make(chan struct{})
	var tail []string
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if a := address(lines.Bytes()); a != "" {
				addr <- a
			}
			tail = append(tail, lines.Text())
			tail = tail[max(0, len(tail)-20):]
		}
		cmd.Wait()
	}()
	stop := func() { cmd.Process.Signal(syscall.SIGTERM); <-ended }
	select {
	case a := <-addr:
		return &target{name: name, addr: a, pid: cmd.Process.Pid, stop: stop}, nil
	case <-ended:
		return nil, fmt.Errorf("%s ended before it listened:\n%s", name, strings.Join(tail, "\n"))
	case <-time.After(patience):
		stop()
		return nil, fmt.Errorf("%s does not listen", name)
	}
}

func (t *target) waitAnswer(ctx context.Context) error {
	deadline := time.Now().Add(patience)
	for {
		err := t.ask(ctx, echoType)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (t *target) ask(ctx context.Context, typ string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+t.addr+"/v1/requests/"+typ, strings.NewReader("ping"))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", t.name, resp.Status)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// measureDrops takes the time from the rename that completes a drop to the first
// answer of the extension in it, n times, each with a bundle the host has not seen.
func measureDrops(ctx context.Context, t *target, n int) ([]time.Duration, error) {
	var took []time.Duration
	for i := range n {
		name := fmt.Sprintf("bench.drop%d", i)
		jar, err := renamedEcho(ctx, name)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		if err := drop(t.home, name+".jar", jar); err != nil {
			return nil, err
		}
		for t.ask(ctx, name+".Request") != nil {
			if time.Since(begin) > patience {
				return nil, fmt.Errorf("%s does not answer after %s", name, patience)
			}
			<-time.After(time.Millisecond)
		}
		took = append(took, time.Since(begin))
		if err := os.Remove(filepath.Join(t.home, "extensions", name+".jar")); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// renamedEcho packs the echo example's executable under other names.
func renamedEcho(ctx context.Context, name string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "jackfield-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	manifest := fmt.Sprintf("Manifest-Version: 1.0\r\nextension_class: %[1]s.Class\r\nextension_request: %[1]s.Request\r\nextension_response: %[1]s.Response\r\nextension_name: %[1]s\r\nextension_version: 1\r\n", name)
	if err := os.WriteFile(filepath.Join(dir, "manifest.mf"), []byte(manifest), 0o644); err != nil {
		return nil, err
	}
	echo, err := filepath.Abs(".")
	if err != nil {
		return nil, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w",
		"-o", filepath.Join(dir, "bin", goos()+"-"+goarch(), "extension"), "./examples/echo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	build.Dir = echo
	out := filepath.Join(dir, "out.jar")
	for _, cmd := range []*exec.Cmd{build, exec.CommandContext(ctx, "bin/jackfield", "bundle", "pack", dir, "--out", out)} {
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, text)
		}
	}
	return os.ReadFile(out)
}

func drop(home, name string, data []byte) error {
	dir := filepath.Join(home, "extensions")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	part := filepath.Join(dir, "."+name+".part")
	if err := os.WriteFile(part, data, 0o644); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(dir, name))
}

// clockTick is the unit of CPU times in /proc/*/stat: USER_HZ, 100 on Linux.
const clockTick = 10 * time.Millisecond

// cpuTime is what a process and its living children have used, in user and kernel.
func cpuTime(pid int) (time.Duration, error) {
	pids := []int{pid}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	var sum time.Duration
	for _, p := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
		if err != nil {
			return 0, err
		}
		_, after, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(after)
		for _, i := range []int{11, 12} { // utime and stime, proc(5)
			ticks, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil {
				return 0, err
			}
			sum += time.Duration(ticks) * clockTick
		}
	}
	return sum, nil
}

func residentBytes(pid int) (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(statm))[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}
