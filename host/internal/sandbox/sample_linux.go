package sandbox

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// secondLook is how long after a sum over the limit it is summed again: a process
	// that is being forked shares all memory with its parent until it execs.
	secondLook = 20 * time.Millisecond
	// statBytes is more than a line of /proc/<pid>/stat can have: 52 numbers and a name.
	statBytes = 2 << 10
	// killNotes is the least time between two lines about processes of one box.
	killNotes = time.Minute
)

// watch is what the sampler knows of a box.
type watch struct {
	known map[int]uint64 // processes that were of the box at the last look, and their starts
	noted time.Time      // when a kill of processes was last logged
}

// observe begins to look at b.
func (k *Keeper) observe(b *Box) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.watched[b] = struct{}{}
	if !k.began {
		k.began = true
		k.sampler.Go(k.sample)
	}
}

// weigh begins to look at the data of b.
func (k *Keeper) weigh(b *Box) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.measured[b] = struct{}{}
	if !k.measuring {
		k.measuring = true
		k.sampler.Go(k.measure)
	}
}

// ignore looks at b no more.
func (k *Keeper) ignore(b *Box) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.watched, b)
	delete(k.measured, b)
}

// sample looks at all boxes, each Period, until Close.
func (k *Keeper) sample() {
	tick := time.NewTicker(k.cfg.Period)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
		}
		k.mu.Lock()
		boxes := make(map[int]*Box, len(k.watched))
		for b := range k.watched {
			boxes[b.pid] = b
		}
		k.mu.Unlock()
		if len(boxes) == 0 {
			continue
		}
		for b, all := range assign(scan("/proc"), boxes) {
			b.judge(all)
		}
	}
}

// process is what /proc/<pid>/stat says of one.
type process struct {
	pid, parent, group int
	started            uint64 // in ticks since the boot; with pid it names the process
	resident           int64
	zombie             bool
}

// parseProcess reads the line of /proc/<pid>/stat. The second field is the process's
// name in parentheses, which it chose itself: only what follows the last one counts.
func parseProcess(pid int, stat []byte) (process, bool) {
	end := bytes.LastIndexByte(stat, ')')
	if end < 0 {
		return process{}, false
	}
	// The first of these is field 3 of proc(5).
	const state, parent, group, started, resident = 0, 4 - 3, 5 - 3, 22 - 3, 24 - 3
	fields := bytes.Fields(stat[end+1:])
	if len(fields) <= resident {
		return process{}, false
	}
	bad := false
	number := func(i int) int64 {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		bad = bad || err != nil || n < 0
		return n
	}
	p := process{
		pid: pid, parent: int(number(parent)), group: int(number(group)), started: uint64(number(started)),
		resident: number(resident) * int64(os.Getpagesize()),
		zombie:   bytes.ContainsAny(fields[state], "ZX"),
	}
	return p, !bad
}

// scan reads all processes that proc knows.
func scan(proc string) map[int]process {
	dir, err := os.Open(proc)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // an error leaves those that were read
	all := make(map[int]process, len(names))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, ok := readProcess(proc, pid); ok {
			all[pid] = p
		}
	}
	return all
}

func readProcess(proc string, pid int) (process, bool) {
	// Without an os.File: this is done for every process of the machine.
	fd, err := unix.Open(proc+"/"+strconv.Itoa(pid)+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return process{}, false // it has just ended
	}
	defer unix.Close(fd)
	var line [statBytes]byte
	n, err := unix.Read(fd, line[:])
	if err != nil {
		return process{}, false
	}
	return parseProcess(pid, line[:n])
}

// assign finds the processes of each box: those in the group of its process, their
// children and theirs, and whatever was one of them at the last look. Boxes are by the
// pid of their process.
func assign(all map[int]process, boxes map[int]*Box) map[*Box][]process {
	known := make(map[int]*Box)
	for pid, b := range boxes {
		if p, ok := all[pid]; !ok || p.started != b.started {
			delete(boxes, pid) // its process was reaped, and the pid may be another's
			continue
		}
		for pid, started := range b.watch.known {
			if all[pid].started == started {
				known[pid] = b
			}
		}
	}
	owners := make(map[int]*Box, len(all))
	var owner func(pid int) *Box
	owner = func(pid int) *Box {
		if b, done := owners[pid]; done {
			return b
		}
		p, ok := all[pid]
		if !ok {
			return nil
		}
		owners[pid] = nil // the kernel's tree has no rings, what was read bit by bit may
		b := boxes[p.group]
		if b == nil {
			b = known[pid]
		}
		if b == nil {
			b = boxes[pid]
		}
		if b == nil {
			b = owner(p.parent)
		}
		owners[pid] = b
		return b
	}
	found := make(map[*Box][]process)
	for pid, p := range all {
		if b := owner(pid); b != nil && !p.zombie {
			found[b] = append(found[b], p)
		}
	}
	for _, b := range boxes {
		b.watch.known = make(map[int]uint64, len(found[b]))
		for _, p := range found[b] {
			b.watch.known[p.pid] = p.started
		}
	}
	return found
}

// judge ends what is over a limit.
func (b *Box) judge(all []process) {
	limit := b.limits.Memory
	if sum := residentOf(all); limit > 0 && sum > limit {
		if len(all) > 1 {
			all = lookAgain(all)
			sum = residentOf(all)
		}
		if sum > limit {
			b.exceed(all, sum)
			return
		}
	}
	if n := b.limits.Processes; n > 0 && len(all) > n {
		b.thin(all, n)
	}
}

func residentOf(all []process) int64 {
	var sum int64
	for _, p := range all {
		sum += p.resident
	}
	return sum
}

// lookAgain reads processes once more, those that are still there.
func lookAgain(all []process) []process {
	<-time.After(secondLook)
	var left []process
	for _, p := range all {
		if again, ok := readProcess("/proc", p.pid); ok && again.started == p.started {
			left = append(left, again)
		}
	}
	return left
}

// exceed ends the process and all others of the box, which together hold sum.
func (b *Box) exceed(all []process, sum int64) {
	who := "the process"
	if len(all) > 1 {
		who = fmt.Sprintf("its %d processes together", len(all))
	}
	b.mu.Lock()
	b.exceeded = fmt.Sprintf("%s held %s of memory, the limit is %s (limits.memory)", who, mebibytes(sum), mebibytes(b.limits.Memory))
	kill := b.kill
	b.mu.Unlock()
	kill()
	for _, p := range all {
		if p.pid != b.pid {
			killProcess(p)
		}
	}
}

// thin kills the newest processes beyond n, never the extension's own.
func (b *Box) thin(all []process, n int) {
	slices.SortFunc(all, func(p, q process) int {
		if own := cmp.Compare(b.rank(p), b.rank(q)); own != 0 {
			return own
		}
		return cmp.Or(cmp.Compare(p.started, q.started), cmp.Compare(p.pid, q.pid))
	})
	for _, p := range all[max(n, 1):] {
		killProcess(p)
	}
	if now := time.Now(); now.Sub(b.watch.noted) >= killNotes {
		b.watch.noted = now
		b.log.Warn("an extension has too many processes, the newest are killed (limits.processes)", "processes", len(all), "limit", n)
	}
}

// rank puts the extension's own process before all others.
func (b *Box) rank(p process) int {
	if p.pid == b.pid {
		return 0
	}
	return 1
}

// killProcess kills exactly p: by a descriptor of which the start was checked, so that
// it cannot be another that has got the pid since.
func killProcess(p process) {
	fd, err := unix.PidfdOpen(p.pid, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	now, ok := readProcess("/proc", p.pid)
	if !ok || now.started != p.started {
		return
	}
	if err == nil {
		err = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
	}
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) { // a kernel before 5.3, or a filter
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
