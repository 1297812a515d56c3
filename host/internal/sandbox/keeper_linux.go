package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Keeper holds the limits of all instances of one host. Its methods may be called by
// any goroutine.
type Keeper struct {
	cfg   Config
	tree  *tree // nil: cgroups are of no use here
	files int   // the most open files that may be granted, 0: any
	tell  sync.Once
	why   error // of tree being nil

	stop    chan struct{}
	sampler sync.WaitGroup // a goroutine for processes and one for data, from the first Box that needs it

	mu      sync.Mutex // guards what follows
	began   bool       // the sampler was started
	watched map[*Box]struct{}

	measuring bool // the other goroutine was started
	measured  map[*Box]struct{}
}

// New makes a Keeper. Where the host has a delegated cgroup to itself it moves the host
// into a leaf of that, as the kernel wants it. Close ends it.
func New(cfg Config) *Keeper {
	tree, err := claimOwn(os.Getpid(), os.Geteuid())
	return newKeeper(cfg, tree, err)
}

func newKeeper(cfg Config, tree *tree, why error) *Keeper {
	k := &Keeper{cfg: cfg.withDefaults(), tree: tree, why: why, stop: make(chan struct{}), watched: make(map[*Box]struct{}), measured: make(map[*Box]struct{})}
	var own unix.Rlimit
	if os.Geteuid() != 0 && unix.Getrlimit(unix.RLIMIT_NOFILE, &own) == nil && own.Max < 1<<31 {
		k.files = int(own.Max)
	}
	return k
}

// Close ends the looks at processes. All boxes are closed by then.
func (k *Keeper) Close() {
	close(k.stop)
	k.sampler.Wait()
}

// Holds says how limits will be held for a process that is launched now.
func (k *Keeper) Holds(l Limits) Holds {
	by := k.sampling()
	if k.tree != nil {
		by = Cgroup
	}
	return Holds{
		Memory: hold(l.Memory, by), Processes: hold(int64(l.Processes), by),
		Files: hold(int64(k.granted(l.Files)), Rlimit), Data: hold(l.Data, Sampling),
	}
}

// sampling is what holds limits without cgroups: nothing where there is no /proc.
func (k *Keeper) sampling() By {
	if _, ok := readProcess("/proc", os.Getpid()); !ok {
		return None
	}
	return Sampling
}

// granted is how many open files the host, which may have few itself, can grant.
func (k *Keeper) granted(files int) int {
	if k.files > 0 && files > k.files {
		return k.files
	}
	return files
}

// Box is what one process, with all that it starts, is held in. One goroutine tells it
// of the launch; Kill, Exceeded and Holds may be called by any.
type Box struct {
	k      *Keeper
	limits Limits
	log    *slog.Logger

	// itself says that the process sets its own rlimits and cannot lift them.
	itself bool

	mu       sync.Mutex // guards what follows
	holds    Holds
	group    *group   // the cgroup, nil without
	fd       *os.File // of the cgroup, until the launch
	pid      int
	started  uint64 // with pid it names the process
	kill     func()
	exceeded string
	// dataExceeded says how the limit of data was exceeded.
	dataExceeded string

	watch watch // owned by the sampler
}

// Open makes the box of a process that is about to be launched. Close removes it. It
// always succeeds: what cannot be held is logged, and Holds says so.
func (k *Keeper) Open(name string, l Limits, log *slog.Logger) *Box {
	b := &Box{k: k, limits: l, log: log, holds: k.Holds(l)}
	b.limits.Files = k.granted(l.Files)
	if k.tree == nil {
		if l.Memory > 0 || l.Processes > 0 {
			k.tell.Do(func() {
				k.cfg.Log.Info("limits of memory and processes are held by sampling, for want of a cgroup", "why", k.why)
			})
		}
		return b
	}
	group, err := k.tree.make(name, l)
	if err == nil {
		b.group = group
		b.fd, err = os.Open(group.dir)
	}
	if err != nil {
		b.ungroup(err)
	}
	return b
}

// ungroup goes on without a cgroup.
func (b *Box) ungroup(cause error) {
	b.log.Warn("an extension gets no cgroup, its limits are held by sampling", "err", cause)
	b.mu.Lock()
	group := b.group
	b.group = nil
	by := b.k.sampling()
	b.holds.Memory, b.holds.Processes = hold(b.limits.Memory, by), hold(int64(b.limits.Processes), by)
	b.mu.Unlock()
	b.closeDescriptor()
	if group != nil {
		b.remove(group)
	}
}

func (b *Box) closeDescriptor() {
	if b.fd != nil {
		b.fd.Close()
		b.fd = nil
	}
}

// Attach makes the process start inside of the box.
func (b *Box) Attach(attr *syscall.SysProcAttr) {
	if b.fd != nil {
		attr.UseCgroupFD, attr.CgroupFD = true, int(b.fd.Fd())
	}
}

// Declined reports whether a launch may have failed because of Attach, as with a kernel
// or a container's filter that knows no clone3. It is to be tried once more then: the
// process will be put into the box when it is there.
func (b *Box) Declined(err error) bool {
	var number syscall.Errno
	if b.fd == nil || !errors.As(err, &number) {
		return false
	}
	switch number {
	case syscall.ENOSYS, syscall.EPERM, syscall.EACCES, syscall.EINVAL, syscall.EOPNOTSUPP, syscall.EBUSY:
		b.closeDescriptor()
		return true
	default:
		return false
	}
}

// Started takes over a process that has just been launched as leader of its group. The
// function kill, which ends it with its group, may be called by any goroutine until
// Close, also when the process has ended already.
func (b *Box) Started(pid int, kill func()) {
	p, _ := readProcess("/proc", pid)
	b.mu.Lock()
	b.pid, b.started, b.kill = pid, p.started, kill
	b.mu.Unlock()
	if b.group != nil && b.fd == nil {
		if err := b.group.add(pid); err != nil {
			b.ungroup(err)
		}
	}
	b.closeDescriptor()
	b.setLimits(pid)
	if b.group == nil && (b.limits.Memory > 0 || b.limits.Processes > 0) {
		b.k.observe(b)
	}
	if b.limits.Data > 0 && b.limits.DataDir != "" {
		b.k.weigh(b)
	}
}

// Confined says that a shim sets the process's rlimits before anything is executed, and
// that it cannot lift them. It is called before Started.
func (b *Box) Confined() { b.itself = true }

// Settled sets once more what is held by rlimits, when the process is past its own
// start: there a Go program lifts its limit of files as far as it goes, and one that
// runs as root may do so with what it read before Started.
func (b *Box) Settled() {
	b.mu.Lock()
	pid := b.pid
	b.mu.Unlock()
	b.setLimits(pid)
}

// setLimits is called while the process cannot have been reaped, or is just being.
func (b *Box) setLimits(pid int) {
	if b.itself {
		return
	}
	err := setRlimits(pid, b.limits)
	if err == nil || errors.Is(err, unix.ESRCH) {
		return
	}
	b.log.Warn("the limits of open files and of their size of an extension cannot be set", "files", b.limits.Files, "err", err)
	b.mu.Lock()
	b.holds.Files.By = None
	b.mu.Unlock()
}

func setRlimits(pid int, l Limits) error {
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil); err != nil {
		return err
	}
	for resource, value := range map[int]uint64{unix.RLIMIT_NOFILE: uint64(l.Files), unix.RLIMIT_FSIZE: uint64(l.Data)} {
		if value == 0 {
			continue
		}
		if err := unix.Prlimit(pid, resource, &unix.Rlimit{Cur: value, Max: value}, nil); err != nil {
			return err
		}
	}
	return nil
}

// Holds says how the limits are held.
func (b *Box) Holds() Holds {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.holds
}

// Kill ends everything that was started in the box, as far as a cgroup knows it.
func (b *Box) Kill() {
	b.mu.Lock()
	group := b.group
	b.mu.Unlock()
	if group != nil {
		if err := group.kill(); err != nil {
			b.log.Warn("killing an extension's cgroup", "dir", group.dir, "err", err)
		}
	}
}

// Exceeded says how the limit of memory was exceeded, "" if that did not end the
// process. It is asked when the process has ended, and before Close.
func (b *Box) Exceeded() string {
	b.mu.Lock()
	text, group := b.exceeded, b.group
	b.mu.Unlock()
	if text == "" && group != nil && b.limits.Memory > 0 && group.oomKills() > 0 {
		return fmt.Sprintf("the kernel ended the process: it needed more than its %s of memory (limits.memory)", mebibytes(b.limits.Memory))
	}
	return text
}

// DataExceeded says how the limit of data was exceeded, "" if that did not end the
// process. It is asked when the process has ended.
func (b *Box) DataExceeded() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dataExceeded
}

// Close gives up the box of a process that was reaped, or never launched, with all that
// is left in it. It may be called more than once.
func (b *Box) Close() {
	b.k.ignore(b)
	b.mu.Lock()
	group := b.group
	b.group = nil
	b.mu.Unlock()
	b.closeDescriptor()
	if group != nil {
		b.remove(group)
	}
}

func (b *Box) remove(group *group) {
	if err := group.remove(); err != nil {
		b.log.Warn("an extension's cgroup is left", "dir", group.dir, "err", err)
	}
}
