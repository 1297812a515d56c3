package supervisor

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// processState is the letter that the kernel has for a process's state.
func processState(pid int) (byte, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 || len(stat) < end+3 {
		return 0, errors.New("malformed stat line")
	}
	return stat[end+2], nil
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	n, err := countFiles("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// leakDescriptor opens one that is not closed by exec, as whoever starts the host may
// leave it one.
func leakDescriptor(t *testing.T) {
	t.Helper()
	fd, err := unix.Open(t.TempDir(), unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
}

// All forks happen on one thread, which outlives those of the goroutines that ask.
func TestForkThread(t *testing.T) {
	forks := newForkThread()
	threads := make(map[int]bool)
	for range 20 {
		done := make(chan struct{})
		go func() {
			defer close(done)
			runtime.LockOSThread() // so that the thread ends with the goroutine
			forks.do(func() { threads[unix.Gettid()] = true })
		}()
		<-done
	}
	if len(threads) != 1 {
		t.Errorf("forked on %d threads", len(threads))
	}
	for tid := range threads {
		if err := unix.Tgkill(os.Getpid(), tid, 0); err != nil {
			t.Errorf("the thread is gone: %v", err)
		}
	}
	forks.close()
}

func TestParseStat(t *testing.T) {
	// A process may call itself anything.
	line := "42 (a) 1 2 3) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 9 0 1000 999999 256 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0\n"
	u, err := parseStat([]byte(line))
	if err != nil || u.cpu != 2100*time.Millisecond || u.resident != 256*int64(os.Getpagesize()) {
		t.Errorf("%+v, %v", u, err)
	}
	for _, bad := range []string{"", "42 (a", "42 (a) S 1 2"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("42 (a) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 3 20 0 9 0 1000 999999 256"))
	f.Fuzz(func(t *testing.T, line []byte) {
		if u, err := parseStat(line); err != nil && u != (usage{}) {
			t.Error("an error and a value")
		}
	})
}

// What a look at one process costs, of which the host takes one for each extension every
// five seconds.
func BenchmarkReadUsage(b *testing.B) {
	for b.Loop() {
		if _, err := readUsage(os.Getpid()); err != nil {
			b.Fatal(err)
		}
	}
}
