// Package supervisor keeps the processes of extensions alive. Start takes what should
// run, a Spec, and returns an Instance that launches it, checks it, restarts it with
// back-off when it dies or hangs, and says in its Status how it is doing; Stop ends it.
// A held Spec waits where only the extension's Activate is missing, until the Instance
// is told to go on: so one version can be prepared while another still writes the data.
//
// What is promised:
//
//   - A child runs exactly the bytes that were verified: the executable is hashed on
//     the descriptor that is executed.
//   - A child inherits nothing it was not given: no stdin, no descriptor but its
//     output, no environment variable outside of the allow-list.
//   - A child that was started is killed, with its process group, and reaped, whatever
//     happened in between; on Linux also when the host is killed.
//   - Nothing that a child says, or fails to say, blocks the host, fills its memory or
//     disturbs another child.
//   - A process that takes more memory than it may is ended, and nobody else (package
//     sandbox says how exactly each limit is held).
//   - Every state but running has a reason, and no state changes but by an event that
//     package lifecycle knows.
//
// One goroutine owns each Instance's life; the methods may be called by any.
package supervisor

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
	"github.com/jackfield-host/jackfield/sdk"
)

// Settings are the limits and times of one extension, as configured.
type Settings struct {
	// StartTimeout bounds launch, handshake, Describe, Init and Check together.
	StartTimeout time.Duration
	// RequestTimeout is the longest deadline of a request.
	RequestTimeout time.Duration
	// DrainTimeout is how long Stop waits for requests in flight.
	DrainTimeout time.Duration
	// CheckInterval is the time between two health checks, CheckTimeout how long
	// one may take. Three misses in a row end the process.
	CheckInterval, CheckTimeout time.Duration
	// BackoffFirst, doubled with every failure up to BackoffMax, is the pause before
	// a new try. BackoffReset of health forgets the failures.
	BackoffFirst, BackoffMax, BackoffReset time.Duration
	// InFlight bounds the requests that the extension has at once, Queue those
	// that wait for it. The router enforces both.
	InFlight, Queue int
	// RequestBytes and ResponseBytes bound one payload.
	RequestBytes, ResponseBytes int64
	// LogLevel is the least level that the extension logs at.
	LogLevel slog.Level
	// Memory bounds the bytes that the extension's processes hold together, Processes
	// how many there are, Files the open files of each; 0 is no limit.
	Memory           int64
	Processes, Files int
	// Data bounds the bytes in the extension's data folder, 0 is no limit.
	Data int64
	// Sandbox is what is asked of the sandbox; empty is confine.Auto.
	Sandbox confine.Mode
}

// Limits are what an instance may use at most, each with what it is held by.
type Limits = sandbox.Holds

// DefaultSettings returns the settings of an extension of which the configuration
// says nothing.
func DefaultSettings() Settings {
	return Settings{
		StartTimeout:   10 * time.Second,
		RequestTimeout: 30 * time.Second,
		DrainTimeout:   30 * time.Second,
		CheckInterval:  4 * time.Second,
		CheckTimeout:   3 * time.Second,
		BackoffFirst:   time.Second,
		BackoffMax:     time.Minute,
		BackoffReset:   5 * time.Minute,
		InFlight:       512,
		Queue:          1024,
		RequestBytes:   16 << 20,
		ResponseBytes:  16 << 20,
		LogLevel:       slog.LevelInfo,
		Files:          1024,
		Data:           1 << 30,
		Sandbox:        confine.Auto,
	}
}

// withDefaults fills in what is not set.
func (s Settings) withDefaults() Settings {
	d := DefaultSettings()
	for _, t := range []struct{ is, def *time.Duration }{
		{&s.StartTimeout, &d.StartTimeout},
		{&s.RequestTimeout, &d.RequestTimeout},
		{&s.DrainTimeout, &d.DrainTimeout},
		{&s.CheckInterval, &d.CheckInterval},
		{&s.CheckTimeout, &d.CheckTimeout},
		{&s.BackoffFirst, &d.BackoffFirst},
		{&s.BackoffMax, &d.BackoffMax},
		{&s.BackoffReset, &d.BackoffReset},
	} {
		if *t.is <= 0 {
			*t.is = *t.def
		}
	}
	if s.Sandbox == "" {
		s.Sandbox = d.Sandbox
	}
	if s.RequestBytes <= 0 {
		s.RequestBytes = d.RequestBytes
	}
	if s.ResponseBytes <= 0 {
		s.ResponseBytes = d.ResponseBytes
	}
	return s
}

// Spec is what should run. Everything in it comes from a verified bundle or from
// the host itself.
type Spec struct {
	ID, Name, Class, Version, Digest string
	// Manifest holds the main attributes, names in lower case.
	Manifest map[string]string
	// Types is what types.json declares; the process must report the same. Without
	// types.json HasTypes is false and the process must report none.
	Types    []sdk.Type
	HasTypes bool
	// Executable is the path in the host's private copy of the bundle, and
	// ExecutableSHA256 what its content was when the bundle was verified.
	Executable       string
	ExecutableSHA256 [32]byte
	// BundleDir is the unpacked bundle. DataDir is the extension's own folder, made
	// when it is missing: working directory and HOME of the process.
	BundleDir, DataDir string
	// LogFile receives everything the process says; it is rotated. Empty: no file.
	LogFile string
	// RunDir is where the folder of the process's socket is made.
	RunDir string
	// Configuration is asked before each launch what Init is to be given. A reason instead
	// of it is a permanent failure: no process is launched before a Retry. It must be
	// quick; nil means that there is none.
	Configuration func() (Configuration, *lifecycle.Reason)
	// Asked is what the manifest asks for, Granted what of it was granted: all that the
	// processes of this Spec may do beyond their own code and data. Both are in the one
	// spelling of extension_permissions. net:HOST:PORT are the addresses that the host
	// dials for them. When less is granted the Instance is to be replaced.
	Asked, Granted []string
	Settings       Settings
	// LogLevel is the least level that the extension logs at, and may change at any time;
	// (*Supervisor).LogLevelChanged hurries it along. Nil is Settings.LogLevel for ever.
	LogLevel slog.Leveler
	// Held lets a process come to where only Activate is missing and wait there for
	// (*Instance).Activate. A failed Activate ends in state failed, whatever failed:
	// what it did to the data cannot be known. Later processes are not held.
	Held bool
	// Tries is how many starts in a row may fail before the first that runs; then the
	// state is failed. 0: it is tried for ever.
	Tries int
	// Failed is told of every process that failed, and of every launch that made none.
	// It is called in the instance's goroutine before the state is backoff or failed,
	// must be quick and must not call Stop. nil means nobody wants to know.
	Failed func(Failure)
}

func (s Spec) limits() sandbox.Limits {
	return sandbox.Limits{
		Memory: s.Settings.Memory, Processes: s.Settings.Processes, Files: s.Settings.Files,
		Data: s.Settings.Data, DataDir: s.DataDir,
	}
}

// Failure is what is left of a process that failed or was ended for not being well.
type Failure struct {
	Reason *lifecycle.Reason
	// Dump is what a hung process printed when it was asked for its goroutines, at
	// most 64 KiB; nil for others.
	Dump []byte
	// Ran says that the process took requests.
	Ran bool
}

// Config is what a Supervisor is made from. Log is required.
type Config struct {
	Log *slog.Logger
	// Parallel bounds how many processes are launched at once, 0 means one per core.
	Parallel int
	// RunDir is swept of what a killed host left behind when the Supervisor is
	// made. The caller must be the only user of that folder.
	RunDir string
	// Environ is the environment that the allow-list picks from, nil for the host's
	// own.
	Environ []string
	// Services gives a process of an extension access to what it was granted of the
	// services that its manifest asks for; log is that of the process. Nil offers none.
	Services func(id string, asked, granted []string, log *slog.Logger) Access
	// Shim is the running program, if it can be started as the shim that confines
	// processes, and Users are the uids that they get.
	Shim  shim.Program
	Users confine.Users
	// DestroyTimeout bounds Destroy and the exit that follows (5 s), DumpTimeout the
	// goroutine dump of a hung process (2 s).
	DestroyTimeout, DumpTimeout time.Duration
}

func (c Config) withDefaults() Config {
	if c.Parallel <= 0 {
		c.Parallel = runtime.GOMAXPROCS(0)
	}
	if c.Environ == nil {
		c.Environ = os.Environ()
	}
	if c.DestroyTimeout <= 0 {
		c.DestroyTimeout = 5 * time.Second
	}
	if c.DumpTimeout <= 0 {
		c.DumpTimeout = 2 * time.Second
	}
	return c
}

// Supervisor starts instances and knows all that live.
type Supervisor struct {
	cfg     Config
	forks   *forkThread
	slots   chan struct{} // one token for each launch that is under way
	logs    *logFiles
	metrics *metrics
	keeper  *sandbox.Keeper
	guard   *confine.Guard
	// launches counts the processes; its value names one in the logs.
	launches atomic.Int64

	mu        sync.Mutex
	instances map[*Instance]struct{} // whose goroutine has not ended
	closed    bool
}

// New makes a Supervisor and removes what an earlier host that was killed left in
// cfg.RunDir. Close ends it.
func New(cfg Config) *Supervisor {
	cfg = cfg.withDefaults()
	if cfg.RunDir != "" {
		if err := sweepSockets(cfg.RunDir); err != nil {
			cfg.Log.Warn("sweeping the sockets of an earlier run", "dir", cfg.RunDir, "err", err)
		}
	}
	s := &Supervisor{
		cfg:       cfg,
		forks:     newForkThread(),
		slots:     make(chan struct{}, cfg.Parallel),
		logs:      newLogFiles(),
		keeper:    sandbox.New(sandbox.Config{Log: cfg.Log}),
		instances: make(map[*Instance]struct{}),
	}
	s.guard = confine.New(confine.Config{Shim: cfg.Shim, Users: cfg.Users, Launch: s.startShim})
	s.metrics = newMetrics(s.sample)
	return s
}

// Able says by what each limit can be held here, what of the sandbox can hold, and the
// version of Landlock, 0 for none. The error says why the sandbox was not tried; Holds
// are told all the same.
func (s *Supervisor) Able() (sandbox.Holds, []confine.Protection, int, error) {
	holds := s.keeper.Holds(sandbox.Limits{Memory: 1, Processes: 1, Files: 1, Data: 1})
	protections, landlock, err := s.guard.Able()
	return holds, protections, landlock, err
}

// trialTime is how long the machine may take to start a process that confines itself.
const trialTime = 10 * time.Second

// startShim starts a shim under a policy, with something that cannot be executed.
func (s *Supervisor) startShim(p shim.Policy) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	ctx, cancel := context.WithTimeout(context.Background(), trialTime)
	defer cancel()
	box := s.keeper.Open("trial", sandbox.Limits{}, s.cfg.Log)
	defer box.Close()
	proc, err := startProcess(ctx, s.forks, command{
		executable: null, dir: "/", env: []string{}, stdout: null, stderr: null, box: box, policy: &p,
	})
	if err == nil {
		proc.kill()
		<-proc.done
	}
	return err
}

// Start begins to run spec and returns at once. It calls changed, from one goroutine
// and never after Stop has returned, whenever the instance's status has changed;
// changed must be quick and must not call Stop. nil means nobody wants to know.
func (s *Supervisor) Start(spec Spec, changed func()) *Instance {
	ctx, halt := context.WithCancel(context.Background())
	i := newInstance(s, spec, changed, halt)
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.instances[i] = struct{}{}
	}
	s.mu.Unlock()
	if closed {
		halt()
		i.end()
		return i
	}
	s.metrics.known(spec.ID)
	go func() {
		i.run(ctx)
		s.mu.Lock()
		delete(s.instances, i)
		s.mu.Unlock()
		i.end()
	}()
	return i
}

// LogLevelChanged lets the processes of an extension know their new log level at once: it
// travels with a health check. Without it they learn of it with the next one.
func (s *Supervisor) LogLevelChanged(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.instances {
		if i.spec.ID == id {
			i.checkNow()
		}
	}
}

// Forget drops the metrics of an extension that was removed. An extension that is
// only restarted or upgraded keeps its counters.
func (s *Supervisor) Forget(id string) { s.metrics.forget(id) }

// Close stops every instance that still lives, all at once and without draining, and
// ends the Supervisor. Who wants an order stops the instances first.
func (s *Supervisor) Close() {
	s.mu.Lock()
	s.closed = true
	rest := make([]*Instance, 0, len(s.instances))
	for i := range s.instances {
		rest = append(rest, i)
	}
	s.mu.Unlock()
	for _, i := range rest {
		i.interrupt()
	}
	for _, i := range rest {
		<-i.done
	}
	s.keeper.Close()
	s.forks.close()
}

// Usage returns what the extensions take of the machine, by id.
func (s *Supervisor) Usage() map[string]Usage { return s.metrics.usages() }

// Collectors returns the metrics of all instances.
func (s *Supervisor) Collectors() []prometheus.Collector { return s.metrics.collectors() }

// sample reads what the kernel knows of the running processes.
func (s *Supervisor) sample() []sample {
	s.mu.Lock()
	live := make([]*Instance, 0, len(s.instances))
	for i := range s.instances {
		live = append(live, i)
	}
	s.mu.Unlock()
	var all []sample
	for _, i := range live {
		if one, ok := i.sample(); ok {
			all = append(all, one)
		}
	}
	return all
}
