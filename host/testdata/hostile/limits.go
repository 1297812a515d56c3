//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

func limits() []probe {
	return []probe{
		{"open more files than limits.files", func(_ *hostile, t Target) error {
			var open []*os.File
			defer func() {
				for _, f := range open {
					f.Close()
				}
			}()
			for len(open) <= t.Files {
				f, err := os.Open(os.DevNull)
				if err != nil {
					return fmt.Errorf("after %d: %w", len(open), err)
				}
				open = append(open, f)
			}
			return nil
		}},
		{"lift its own limits", func(_ *hostile, t Target) error {
			var is unix.Rlimit
			if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &is); err != nil {
				return err
			}
			if is.Max == unix.RLIM_INFINITY {
				return nil
			}
			return unix.Prlimit(0, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: is.Max, Max: is.Max + 1}, nil)
		}},
		{"make a file larger than limits.data", func(h *hostile, t Target) error {
			path := filepath.Join(h.data, "large")
			f, err := os.Create(path)
			if err != nil {
				return err
			}
			defer os.Remove(path)
			defer f.Close()
			_, err = f.WriteAt([]byte("x"), t.Data)
			return err
		}},
		{"dump its core", func(*hostile, Target) error {
			var is unix.Rlimit
			if err := unix.Prlimit(0, unix.RLIMIT_CORE, nil, &is); err != nil {
				return err
			}
			if is.Max == 0 {
				return errors.New("no core file may have a byte")
			}
			return nil
		}},
		{"keep more processes than limits.processes", func(_ *hostile, t Target) error {
			began, left := 0, 0
			var failed error
			var pids []int
			for range 4 * t.Processes {
				cmd := self("sleep", "20")
				if failed = cmd.Start(); failed != nil {
					break
				}
				began++
				pids = append(pids, cmd.Process.Pid)
				defer func() {
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
				}()
			}
			// The host looks twice a second.
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
				if left = living(pids); left < t.Processes {
					return fmt.Errorf("of %d that were started %d are left (%v)", began, left, failed)
				}
			}
			return nil
		}},
	}
}

// living counts the children that have not ended.
func living(pids []int) int {
	n := 0
	for _, pid := range pids {
		var info unix.Siginfo
		if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err == nil && info.Signo == 0 {
			n++
		}
	}
	return n
}

// takeMemory takes memory until it is ended.
func takeMemory() {
	var all [][]byte
	for {
		b := make([]byte, 16<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		all = append(all, b)
		<-time.After(20 * time.Millisecond)
	}
}

// fill fills the data folder until it is ended.
func (h *hostile) fill() error {
	block := make([]byte, 1<<20)
	for i := 0; ; i++ {
		if err := os.WriteFile(filepath.Join(h.data, fmt.Sprintf("fill-%d", i)), block, 0o600); err != nil {
			return err
		}
		<-time.After(10 * time.Millisecond)
	}
}
