package sandbox

import (
	"bytes"
	"cmp"
	"os"
	"slices"
	"strconv"
	"syscall"
)

// Process is a process as /proc shows it.
type Process struct {
	PID, Group int
	Resident   int64  // bytes
	Started    uint64 // clock ticks since the machine started
}

// Processes lists all processes of the machine by their process group. One that ends
// meanwhile is left out.
func Processes() (map[int][]Process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	groups := map[int][]Process{}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + name + "/stat")
		if err != nil {
			continue
		}
		if p, ok := parseStat(pid, stat); ok {
			groups[p.Group] = append(groups[p.Group], p)
		}
	}
	return groups, nil
}

// parseStat reads a line of /proc/PID/stat, proc_pid_stat(5). The second field is a
// name that the process chose itself: only what follows its last parenthesis counts.
func parseStat(pid int, stat []byte) (Process, bool) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, pgrp, starttime, rss = 0, 5 - 3, 22 - 3, 24 - 3
	if len(fields) <= rss || fields[state][0] == 'Z' {
		return Process{}, false
	}
	group, err1 := strconv.Atoi(string(fields[pgrp]))
	started, err2 := strconv.ParseUint(string(fields[starttime]), 10, 64)
	pages, err3 := strconv.ParseInt(string(fields[rss]), 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return Process{}, false
	}
	return Process{PID: pid, Group: group, Resident: pages * int64(os.Getpagesize()), Started: started}, true
}

// Resident is what the processes hold together, in bytes. Memory that they share
// counts for each.
func Resident(group []Process) int64 {
	var sum int64
	for _, p := range group {
		sum += p.Resident
	}
	return sum
}

// EndSurplus kills the newest processes of a group beyond max, never its leader, and
// returns how many.
func EndSurplus(leader int, group []Process, max int) int {
	if len(group) <= max {
		return 0
	}
	slices.SortFunc(group, func(a, b Process) int {
		switch {
		case a.PID == leader:
			return -1
		case b.PID == leader:
			return +1
		}
		return cmp.Or(cmp.Compare(a.Started, b.Started), cmp.Compare(a.PID, b.PID))
	})
	ended := 0
	for _, p := range group[max:] {
		if p.PID != leader && syscall.Kill(p.PID, syscall.SIGKILL) == nil {
			ended++
		}
	}
	return ended
}
