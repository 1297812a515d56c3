package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what a process has used, in user and kernel, to the nanosecond: the clock
// of another process has a number made of its pid (clock_getcpuclockid(3)).
func cpuTime(pid int) (time.Duration, error) {
	const clockOfProcess = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|clockOfProcess), &ts); err != nil {
		return 0, fmt.Errorf("reading the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// childrenOf returns the living children of a process.
func childrenOf(pid int) []int {
	var pids []int
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
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
	return pids
}

// tree returns pid and all that descends from it.
func tree(pid int) []int {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		pids = append(pids, childrenOf(pids[i])...)
	}
	return pids
}

// sumCPU adds the CPU times of those of pids that live.
func sumCPU(pids []int) time.Duration {
	var sum time.Duration
	for _, pid := range pids {
		if used, err := cpuTime(pid); err == nil {
			sum += used
		}
	}
	return sum
}

func residentBytes(pid int) (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, fmt.Errorf("process %d has ended", pid)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// sumResident adds the resident bytes of those of pids that live.
func sumResident(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		if n, err := residentBytes(pid); err == nil {
			sum += n
		}
	}
	return sum
}

// watch tells how much of the machine strangers take.
type watch struct {
	began     time.Time
	pids      []int // this program and all that it started
	own, busy time.Duration
}

func startWatch() (*watch, error) {
	w := &watch{began: time.Now(), pids: tree(os.Getpid())}
	var err error
	w.own = sumCPU(w.pids)
	w.busy, err = machineBusy()
	return w, err
}

// foreign is the share of all CPUs that was busy since the start and not by us.
func (w *watch) foreign() (float64, error) {
	busy, err := machineBusy()
	if err != nil {
		return 0, err
	}
	others := (busy - w.busy) - (sumCPU(w.pids) - w.own)
	all := time.Since(w.began) * time.Duration(runtime.NumCPU())
	return max(float64(others)/float64(all), 0), nil
}

// clockTick is the unit of CPU times in /proc/stat: USER_HZ, 100 on Linux.
const clockTick = 10 * time.Millisecond

// machineBusy is the time that all CPUs spent in processes, ours and others, or
// waiting for the machine below this one. Interrupts belong to nobody: those of the
// loopback network are mostly ours.
func machineBusy() (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(text), "\n")
	fields := strings.Fields(line)
	var ticks int64
	for _, i := range []int{1, 2, 3, 8} { // user, nice, system, steal; proc(5)
		if i >= len(fields) {
			return 0, fmt.Errorf("/proc/stat begins with %q", line)
		}
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}
