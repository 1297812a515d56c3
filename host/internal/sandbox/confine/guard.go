// Package confine decides what the process of an extension can do, and says it. New makes
// a Guard, one for a host; Confine decides for each launch, and the Confinement that it
// returns has the policy for the shim (package shim), which applies it between fork and
// exec.
//
// What is promised:
//
//   - In mode strict a process has every Protection, or there is none.
//   - In mode auto it has those that the machine and the privileges of the host allow:
//     that is tried once, not guessed. Of each of the others it is said why it is
//     missing, and what would help.
//   - No two extensions of a home ever have the same user.
//
// docs/sandbox.md has the protections and what each of them keeps out.
package confine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// Mode is how much confinement is asked for: the key sandbox.
type Mode string

// The modes. The set is closed.
const (
	Auto   Mode = "auto"   // what this machine and this host's privileges allow; what does not hold is said
	Strict Mode = "strict" // everything, or the extension does not run
	Off    Mode = "off"    // nothing
)

// Protection is one thing that confines a process. Why says by what it holds, or why it
// does not and what would help.
type Protection struct {
	Name  string `json:"name"`
	Holds bool   `json:"holds"`
	Why   string `json:"why"`
}

// The protections, in the order in which they are told. The set is closed; what each
// means is in docs/sandbox.md.
const (
	User        = "user"         // a user of its own, which no other extension has
	Privileges  = "privileges"   // no capabilities, and none can be gained
	FileSystem  = "files"        // reads its bundle, writes its data, and nothing else
	Network     = "network"      // opens and connects no sockets but those that the host passes
	SystemCalls = "system_calls" // dangerous system calls are refused
	Processes   = "processes"    // cannot signal, trace or look into the host and others
)

// Config is what a Guard is made from.
type Config struct {
	// Shim is the running program, if it can be started as a shim.
	Shim shim.Program
	// Users are the uids that extensions get.
	Users Users
	// Launch starts a shim under a policy with an executable that cannot be executed,
	// and returns what its Link's Wait does.
	Launch func(shim.Policy) error
}

// Guard decides what each process of a host is confined to. Its methods may be called by
// any goroutine.
type Guard struct {
	cfg Config

	trial sync.Mutex // guards what follows
	able  *shim.Able // nil: not tried yet
	// before are the users that had processes when they were first looked for: what a
	// host that was killed may have left.
	before func() map[uint32]bool

	// users is held from the choice of a user to its entry, the owner of a data folder,
	// and while the processes of one are ended. It guards what follows.
	users sync.Mutex
	live  map[uint32]int // how many confinements have a user
}

// New makes a Guard.
func New(cfg Config) *Guard {
	cfg.Users = cfg.Users.withDefaults()
	g := &Guard{cfg: cfg, live: map[uint32]int{}}
	g.before = sync.OnceValue(func() map[uint32]bool { return usersWithProcesses(cfg.Users) })
	return g
}

// possible says what this machine allows. It is tried when it is first asked for; when
// that could not be done, then again.
func (g *Guard) possible() (shim.Able, error) {
	g.trial.Lock()
	defer g.trial.Unlock()
	if g.able != nil {
		return *g.able, nil
	}
	user, why := uint32(0), mayChangeUsers()
	if why == nil {
		user = g.cfg.Users.First
	}
	able, err := shim.Trial(g.cfg.Shim, user, g.cfg.Launch)
	if err != nil {
		return able, err
	}
	switch {
	case why != nil:
		able.User = why
	case able.User != nil:
		able.User = fmt.Errorf("%w; sandbox.users must be uids that there are here (in a container: /proc/self/uid_map)", able.User)
	}
	g.able = &able
	return able, nil
}

// Able says what of everything can hold of a process here, and which version Landlock has,
// 0 for none. It may start a shim for a moment to find out; the error says why that could
// not be done.
func (g *Guard) Able() ([]Protection, int, error) {
	able, err := g.possible()
	if err != nil {
		return nil, 0, err
	}
	user := uint32(0)
	if able.User == nil {
		user = g.cfg.Users.First
	}
	all := protections(able, user)
	if able.User == nil {
		all[0].Why = "a uid that nothing else has"
	}
	return all, able.Landlock, nil
}

// Subject is a process that is to be confined.
type Subject struct {
	Mode Mode
	// Executable is the path of the executable; the folders are those of the bundle,
	// of the data, and the one in which the folder of its socket will be.
	Executable                 string
	BundleDir, DataDir, RunDir string
	// Files and Processes are limits as in package sandbox, Data is that of one file.
	Files, Processes int
	Data             int64
	// Environ is what the process will have: it names where certificates are.
	Environ []string
}

// RefusedError says that a process was not confined as strictly as it was to be.
type RefusedError struct{ Missing []Protection }

func (e *RefusedError) Error() string {
	var b strings.Builder
	b.WriteString("sandbox=strict asks for more than holds here; it was not started. Missing:")
	for _, p := range e.Missing {
		fmt.Fprintf(&b, " %s (%s),", p.Name, p.Why)
	}
	b.WriteString(" which must be provided; sandbox=auto runs it with what holds")
	return b.String()
}

// Confinement is what one process is confined to.
type Confinement struct {
	// Protections say what holds.
	Protections []Protection
	user        uint32 // 0: that of the host
	released    atomic.Bool
	policy      *shim.Policy
}

// Confine decides what s is confined to, and makes its data folder, which belongs to its
// user. A *RefusedError says what is missing in mode strict. Release must follow, when
// the process was reaped or not launched.
func (g *Guard) Confine(s Subject) (*Confinement, error) {
	if s.Mode == Off {
		if err := makeData(s.DataDir, 0); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
		return &Confinement{Protections: none("sandbox=off")}, nil
	}
	able, err := g.possible()
	if err != nil {
		return nil, err
	}
	if able.Confine == nil && able.User == nil {
		if err := reachable(s); err != nil {
			able.User = err
		}
	}
	c := &Confinement{}
	if able.Confine == nil && able.User == nil {
		user, err := g.enter(s)
		if err != nil {
			return nil, err
		}
		c.user = user
	} else if err := makeData(s.DataDir, 0); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	c.Protections = protections(able, c.user)
	if missing := without(c.Protections); s.Mode == Strict && len(missing) > 0 {
		return nil, errors.Join(&RefusedError{Missing: missing}, g.Release(c))
	}
	if able.Confine == nil {
		c.policy = policyOf(s, able, c.user)
	}
	return c, nil
}

// Release gives c up, and ends what its process has left: every process of its user, if
// no other process is confined to that. Only the first call does anything.
func (g *Guard) Release(c *Confinement) error {
	if c == nil || c.user == 0 || c.released.Swap(true) {
		return nil
	}
	g.users.Lock()
	defer g.users.Unlock()
	if g.live[c.user]--; g.live[c.user] > 0 {
		return nil
	}
	delete(g.live, c.user)
	if !usersWithProcesses(Users{First: c.user, Count: 1})[c.user] {
		return nil
	}
	return g.sweep(c.user)
}

// sweep ends all processes of a user of extensions.
func (g *Guard) sweep(user uint32) error {
	if err := g.cfg.Launch(shim.Policy{Host: os.Getpid(), User: user, Sweep: true}); err != nil {
		return fmt.Errorf("ending the processes of uid %d: %w", user, err)
	}
	return nil
}

// User is the uid of the process, false if it is that of the host.
func (c *Confinement) User() (int, bool) { return int(c.user), c.user != 0 }

// Policy is what the shim is told of a process whose socket is made in the folder
// sockets, which becomes its user's; nil when there is no shim.
func (c *Confinement) Policy(sockets string, args []string, inherit int) (*shim.Policy, error) {
	if c == nil || c.policy == nil {
		return nil, nil
	}
	p := *c.policy
	p.Host, p.Args, p.Inherit = os.Getpid(), args, inherit
	if p.Files != nil && sockets != "" {
		files := *p.Files
		files.Write = append(append([]string{}, files.Write...), sockets)
		p.Files = &files
	}
	if c.user == 0 || sockets == "" {
		return &p, nil
	}
	if err := os.Lchown(sockets, int(c.user), int(c.user)); err != nil {
		return nil, fmt.Errorf("giving the folder of its socket to an extension: %w", err)
	}
	return &p, nil
}

func without(all []Protection) (missing []Protection) {
	for _, p := range all {
		if !p.Holds {
			missing = append(missing, p)
		}
	}
	return missing
}

func none(why string) []Protection {
	list := protections(shim.Able{Confine: errors.New(why)}, 0)
	for i := range list {
		list[i].Why = why
	}
	return list
}

// Versions of Landlock's interface from which on it holds what it is there for.
const (
	landlockTruncate = 3 // before, files outside could be emptied
	landlockSignals  = 6 // before, every process of the same user could be signalled
)

// protections says what holds with what is possible, for a process with this user.
func protections(able shim.Able, user uint32) []Protection {
	says := func(name string, err error, how string) Protection {
		if able.Confine != nil {
			err = able.Confine
		}
		if err != nil {
			return Protection{Name: name, Why: err.Error()}
		}
		return Protection{Name: name, Holds: true, Why: how}
	}
	own := fmt.Sprintf("uid %d, which nothing else has", user)
	files := able.Files
	if files == nil && able.Landlock < landlockTruncate {
		files = fmt.Errorf("the kernel has version %d of Landlock, which does not keep files from being emptied: it takes Linux 6.2", able.Landlock)
	} else if files != nil {
		files = fmt.Errorf("no Landlock, which needs Linux 5.13 or newer and landlock among the security modules (boot option lsm=): %w", files)
	}
	filter := able.Filter
	if filter != nil {
		filter = fmt.Errorf("no filter for system calls (seccomp): %w", filter)
	}
	others := error(nil)
	if user == 0 && (able.Files != nil || able.Landlock < landlockSignals) {
		others = errors.New("processes of the same user can be signalled: it takes a user of its own, or Landlock of Linux 6.12")
	} else if filter != nil && able.Files != nil && user == 0 {
		others = filter
	}
	return []Protection{
		says(User, able.User, own),
		says(Privileges, nil, "no capabilities, no_new_privs"),
		says(FileSystem, files, fmt.Sprintf("Landlock version %d: reads its bundle and certificates, writes its data, executes its executable only", able.Landlock)),
		says(Network, filter, "seccomp: sockets other than Unix sockets, and connect, are refused; granted connections come from the host"),
		says(SystemCalls, filter, "seccomp"),
		says(Processes, others, ifElse(user != 0, "a user of its own", "Landlock")),
	}
}

func ifElse(cond bool, yes, no string) string {
	if cond {
		return yes
	}
	return no
}
