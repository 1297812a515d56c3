package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// process is a process as /proc shows it. Pid and start together name one process:
// pids come again.
type process struct {
	pid, parent int
	start       uint64 // in clock ticks since the machine started
	state       byte
	line        string // its command, of what somebody will want to know more of
}

func (p process) String() string {
	return fmt.Sprintf("process %d of %d, state %c, %q", p.pid, p.parent, p.state, p.line)
}

// named is p with its command.
func (p process) named() process {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
	p.line = string(bytes.ReplaceAll(line, []byte{0}, []byte{' '}))
	return p
}

// parseStat reads /proc/PID/stat. The name in parentheses may hold anything.
func parseStat(text []byte) (process, error) {
	open, end := bytes.IndexByte(text, '('), bytes.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return process{}, fmt.Errorf("%q is no line of a process", text)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:open])))
	fields := strings.Fields(string(text[end+1:]))
	if err != nil || len(fields) < 20 {
		return process{}, fmt.Errorf("%q is no line of a process", text)
	}
	p := process{pid: pid, state: fields[0][0]}
	if p.parent, err = strconv.Atoi(fields[1]); err != nil {
		return process{}, err
	}
	p.start, err = strconv.ParseUint(fields[19], 10, 64)
	return p, err
}

// dead reports whether p runs no more: a zombie that nobody reaps is dead.
func (p process) dead() bool { return p.state == 'Z' || p.state == 'X' }

// look reads a process; false when there is none.
func look(pid int) (process, bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, false
	}
	p, err := parseStat(text)
	return p, err == nil
}

// alive reports whether the same process still runs.
func (p process) alive() bool {
	now, ok := look(p.pid)
	return ok && now.start == p.start && !now.dead()
}

// kill sends a signal to the process if it is still the same one.
func (p process) kill(sig syscall.Signal) error {
	if !p.alive() {
		return nil
	}
	return syscall.Kill(p.pid, sig)
}

// processes lists all living processes.
func processes() []process {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	var all []process
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		if p, ok := look(pid); ok && !p.dead() {
			all = append(all, p)
		}
	}
	return all
}

// below returns those of all that descend from pid.
func below(all []process, pid int) []process {
	family := map[int]bool{pid: true}
	var found []process
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if family[p.parent] && !family[p.pid] {
				family[p.pid], grown = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// living returns the processes that run out of a home: by executable, by working
// folder or by what their command line names. The host itself is not among them when
// its pid is given.
func living(home string, host int) []process {
	var found []process
	for _, p := range processes() {
		if p.pid != host && p.pid != os.Getpid() && runsIn(p.pid, home) {
			found = append(found, p)
		}
	}
	return found
}

func runsIn(pid int, home string) bool {
	for _, link := range []string{"exe", "cwd"} {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, link))
		if err == nil && strings.HasPrefix(to, home+"/") {
			return true
		}
	}
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(line, []byte(home+"/"))
}

// residentBytes is what a process has in memory.
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
