package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
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

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/trust"
)

const (
	// startTime is how long the store may take to be ready, and publishTime a submission.
	startTime, publishTime = time.Minute, time.Minute
	// tick is the unit of the CPU times in /proc: USER_HZ, which is 100 on every Linux.
	tick = time.Second / 100
)

// realStore is a process.
type realStore struct {
	program, data, url string
	cmd                *exec.Cmd
	exited             chan error
	stderr             bytes.Buffer
}

// startStore starts a store, and returns once it is ready.
func startStore(ctx context.Context, program, dir string) (*realStore, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	s := &realStore{program: program, data: filepath.Join(dir, "data"), exited: make(chan error, 1)}
	s.cmd = exec.Command(program, "store", "serve", "--data", s.data, "--listen", "127.0.0.1:0", "--unsigned-unsafe", "--log-level", "warn")
	s.cmd.Stderr = &s.stderr
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("%w (make build makes it)", err)
	}
	go func() { s.exited <- s.cmd.Wait() }()
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline) && ctx.Err() == nil; {
		select {
		case err := <-s.exited:
			return nil, fmt.Errorf("the store has ended: %w\n%s", err, s.stderr.String())
		case <-time.After(20 * time.Millisecond):
		}
		if s.url, err = s.address(); err != nil {
			continue
		}
		if response, err := http.Get(s.url + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s, nil
			}
		}
	}
	return nil, errors.Join(errors.New("the store is not ready"), s.stop())
}

// address reads where the store says that it is.
func (s *realStore) address() (string, error) {
	text, err := os.ReadFile(filepath.Join(s.data, "store.json"))
	if err != nil {
		return "", err
	}
	var running struct{ URL string }
	if err := json.Unmarshal(text, &running); err != nil {
		return "", err
	}
	return running.URL, nil
}

// stop ends the store as an operator does.
func (s *realStore) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case err := <-s.exited:
		return err
	case <-time.After(startTime):
		return errors.Join(errors.New("the store does not stop"), s.cmd.Process.Kill())
	}
}

// publish publishes a small bundle.
func (s *realStore) publish(ctx context.Context, id, version string) error {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	file := filepath.Join(filepath.Dir(s.data), id+"-"+version+".jar")
	data := bundletest.Good(bundletest.With("extension_id", id), bundletest.With("extension_version", version), bundletest.With("extension_name", strings.ToLower(strings.ReplaceAll(id, ".", "-"))))
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, s.program, "store", "publish", file, "--data", s.data)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("publishing %s %s: %w\n%s", id, version, err, out)
	}
	return nil
}

// roots are those who vouch for the store.
func (s *realStore) roots() (*trust.Roots, error) {
	text, err := os.ReadFile(filepath.Join(s.data, "root.pem"))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("the root of the store is no PEM")
	}
	root, err := x509.ParseCertificate(block.Bytes)
	return &trust.Roots{Certificates: []*x509.Certificate{root}}, err
}

// used is how much CPU time the process has taken, and how much memory it holds.
func (s *realStore) used() (cpu time.Duration, memory int64, err error) {
	dir := filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid))
	text, err := readSmall(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, 0, err
	}
	_, after, _ := strings.Cut(text, ") ") // the name, which may hold anything
	fields := strings.Fields(after)
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("%s/stat has %d fields", dir, len(fields))
	}
	var values [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss of proc(5)
		if values[i], err = strconv.ParseInt(fields[at], 10, 64); err != nil {
			return 0, 0, err
		}
	}
	return time.Duration(values[0]+values[1]) * tick, values[2] * int64(os.Getpagesize()), nil
}

func readSmall(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, 64<<10))
	return string(data), err
}
