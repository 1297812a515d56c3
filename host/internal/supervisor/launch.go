package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	goplugin "github.com/hashicorp/go-plugin/runner"
	"google.golang.org/grpc"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/sandbox/confine"
	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/internal/slogbridge"
	"github.com/jackfield-host/jackfield/internal/wire"
	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/sdk"
)

// slotTime is how long one launch may keep others waiting. The work of a launch takes
// some milliseconds; a process that does not speak must not hold up the rest.
const slotTime = 500 * time.Millisecond

// clockSkew is how much earlier than ours a child's clock may ring for one deadline.
const clockSkew = 100 * time.Millisecond

// prepare launches a process and brings it to where only Activate is missing:
// handshake, Describe, Init, Check within the start deadline. On a failure nothing is
// left of it.
func (i *Instance) prepare(ctx context.Context) (*child, *failure) {
	config, fail := i.configuration()
	if fail != nil {
		return nil, fail
	}
	select {
	case i.s.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "stopped before it was launched")
	}
	free := sync.OnceFunc(func() { <-i.s.slots })
	defer time.AfterFunc(slotTime, free).Stop()
	defer free()

	ready, cancel := context.WithTimeout(ctx, i.spec.Settings.StartTimeout)
	defer cancel()
	c, fail := i.launch(ready)
	free()
	if fail != nil {
		return nil, fail
	}
	i.launched(c)
	if fail = i.introduce(ready, c, config); fail != nil {
		return nil, fail
	}
	return c, nil
}

// activated has a prepared process do what it may do only once it is the one that
// runs, within a start deadline. On a failure nothing is left of it.
func (i *Instance) activated(ctx context.Context, c *child) *failure {
	if c.access != nil {
		c.access.Activate()
	}
	if !c.can.Activate {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, i.spec.Settings.StartTimeout)
	defer cancel()
	fail := i.do(ctx, c, step{lifecycle.StageInit, "Activate", lifecycle.CodeInitFailed, lifecycle.CodeInitTimeout},
		func() error { return c.wire.Activate(ctx) })
	if fail != nil && i.spec.Held && !i.ran {
		fail.permanent = true
	}
	return fail
}

// launch starts the process and does the handshake.
func (i *Instance) launch(ctx context.Context) (*child, *failure) {
	executable, err := openExecutable(i.spec.Executable, i.spec.ExecutableSHA256)
	if err != nil {
		return nil, openFailed(err)
	}
	defer executable.Close()
	grants, err := dial.ParseGrants(i.spec.Granted)
	if err == nil {
		grants, err = grants.Asked(i.spec.Asked)
	}
	if err != nil {
		return nil, failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "%v", err)
	}
	env := childEnvironment(i.s.cfg.Environ, i.spec.DataDir)
	confinement, release, err := i.confine(env)
	if err != nil {
		return nil, confineFailed(err)
	}
	lanes, err := wire.NewLanes()
	if err != nil {
		release()
		return nil, failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "%v", err)
	}
	lanes.InFlight = i.spec.Settings.InFlight
	c, config, err := i.newChild(command{
		executable: executable, path: i.spec.Executable, dir: i.spec.DataDir,
		env: append(env, lanes.Env()...), extra: lanes.ChildFiles(), confinement: confinement,
	}, lanes)
	if err != nil {
		lanes.Close()
		release()
		return nil, failf(lifecycle.StageLaunch, lifecycle.CodeLaunchFailed, "making a folder for the socket: %v", err)
	}
	c.release = release
	c.endDials = i.serveDials(c.log, lanes.DialConn(), grants)
	deadline, _ := ctx.Deadline()
	config.StartTimeout = max(time.Until(deadline), time.Millisecond)
	c.client = plugin.NewClient(config)

	stop := context.AfterFunc(ctx, c.runner.abort)
	c.wire, err = wire.Connect(c.client, lanes)
	stop()
	if err != nil {
		late := errors.Is(ctx.Err(), context.DeadlineExceeded)
		c.end(0)
		return nil, i.over(c, connectFailed(c, err, late))
	}
	c.wire.KeepLevel(i.spec.LogLevel)
	c.proc = c.runner.started()
	c.proc.settle()
	i.offer(c)
	return c, nil
}

// confine decides what a process is confined to. release must be called when it was
// reaped.
func (i *Instance) confine(env []string) (c *confine.Confinement, release func(), err error) {
	set := i.spec.Settings
	c, err = i.s.guard.Confine(confine.Subject{
		Mode: set.Sandbox, Executable: i.spec.Executable, BundleDir: i.spec.BundleDir, DataDir: i.spec.DataDir,
		RunDir: i.spec.RunDir, Environ: env, Files: set.Files, Processes: set.Processes, Data: set.Data,
	})
	if err != nil {
		return nil, nil, err
	}
	i.confined(c)
	return c, func() {
		if err := i.s.guard.Release(c); err != nil {
			i.log.Warn("what an extension has left cannot be ended", "err", err)
		}
	}, nil
}

// newChild makes everything of a child but its process.
func (i *Instance) newChild(cmd command, lanes *wire.Lanes) (*child, *plugin.ClientConfig, error) {
	parent, temporary, err := socketParent(i.spec.RunDir)
	if err != nil {
		return nil, nil, err
	}
	if _, own := cmd.confinement.User(); own && temporary {
		if err := os.Chmod(parent, 0o711); err != nil { // it comes to its own folder in it
			return nil, nil, err
		}
	}
	number := i.s.launches.Add(1)
	log := i.log.With("instance", number)
	c := &child{log: log, flight: newFlight(), file: func() {}, endDials: func() {}}
	c.box = i.s.keeper.Open(i.spec.ID, i.spec.limits(), log)
	if temporary {
		c.tempDir = parent
	}
	var file *logFile
	if i.spec.LogFile != "" {
		file = i.s.logs.get(i.spec.LogFile)
		c.file = func() { i.s.logs.put(file) }
	}
	c.out = newOutput(log, i.spec.LogLevel, file,
		slog.String("version", i.spec.Version), slog.Int64("instance", number))
	cmd.box = c.box
	c.runner = newRunner(i.s.forks, cmd, c.out)
	c.runner.lanes = lanes.Host

	config := wire.ClientConfig(int(max(i.spec.Settings.RequestBytes, i.spec.Settings.ResponseBytes)))
	config.RunnerFunc = func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (goplugin.Runner, error) {
		c.runner.socketDir = socketDir
		c.runner.command.env = append(c.runner.command.env, cmd.Env...)
		return c.runner, nil
	}
	config.UnixSocketConfig = &plugin.UnixSocketConfig{TempDir: parent}
	config.Logger = slogbridge.Hclog(slogbridge.Quiet(log))
	config.GRPCDialOptions = append(config.GRPCDialOptions, grpc.WithContextDialer(c.runner.dial))
	// What a child prints before its SDK has taken stdout and stderr over comes this way.
	c.streams = [2]*stream{c.out.stream(c.runner.released), c.out.stream(c.runner.released)}
	config.SyncStdout, config.SyncStderr = c.streams[0], c.streams[1]
	return c, config, nil
}

// introduce asks the process who it is and makes it ready.
func (i *Instance) introduce(ctx context.Context, c *child, config json.RawMessage) *failure {
	fail := i.do(ctx, c, step{lifecycle.StageHandshake, "Describe", lifecycle.CodeInitFailed, lifecycle.CodeInitTimeout}, func() error {
		reported, can, err := c.wire.Describe(ctx, i.spec.Manifest)
		if err != nil {
			return err
		}
		c.can = can
		declared := i.spec.Types
		if !i.spec.HasTypes {
			declared = nil
		}
		if diff := schema.DiffTypes(declared, reported); diff != "" {
			return &typesError{diff: diff, declared: i.spec.HasTypes}
		}
		return nil
	})
	if fail != nil {
		return fail
	}
	fail = i.do(ctx, c, step{lifecycle.StageInit, "Init", lifecycle.CodeInitFailed, lifecycle.CodeInitTimeout}, func() error {
		return c.wire.Init(ctx, wire.InitArgs{
			Config: config, DataDir: i.spec.DataDir, BundleDir: i.spec.BundleDir, LogLevel: i.spec.LogLevel.Level(),
		})
	})
	if fail != nil {
		return fail
	}
	return i.do(ctx, c, step{lifecycle.StageCheck, "the first Check", lifecycle.CodeCheckFailed, lifecycle.CodeCheckFailed},
		func() error { return c.wire.Check(ctx) })
}

// do makes one call of the start. When it fails the process is ended, and what it
// said at its end is in the failure.
func (i *Instance) do(ctx context.Context, c *child, s step, call func() error) *failure {
	err := call()
	if err == nil {
		return nil
	}
	late := errors.Is(ctx.Err(), context.DeadlineExceeded)
	switch sdk.CodeOf(err) {
	case sdk.Unavailable:
		c.settle()
	case sdk.DeadlineExceeded:
		// Both sides have a clock, and the child's may be the first to ring.
		deadline, _ := ctx.Deadline()
		late = late || time.Until(deadline) < clockSkew
	}
	c.end(0)
	var types *typesError
	if errors.As(err, &types) {
		f := failf(s.stage, lifecycle.CodeTypesMismatch, "%v", types).of(c)
		f.permanent = true
		return i.over(c, f)
	}
	return i.over(c, stepFailed(c, s, err, late))
}

// typesError says that a process reports other types than its bundle declares.
type typesError struct {
	diff     string
	declared bool
}

func (e *typesError) Error() string {
	if !e.declared {
		return "the bundle has no types.json, so the process must report no types: " + e.diff
	}
	return "the process reports other types than the bundle's types.json: " + e.diff + "; pack the bundle again from the same build"
}
