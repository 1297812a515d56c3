package supervisor

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

// Configuration is what an extension is configured with.
type Configuration struct {
	// JSON is nil when nothing is set.
	JSON json.RawMessage
	// Revision tells configurations of one extension apart.
	Revision int64
}

// Errors of Configure. With the first two nothing was tried.
var (
	// ErrNoProcess says that no process takes requests.
	ErrNoProcess = errors.New("no process of the extension runs")
	// ErrNotLive says that the process takes a configuration only when it starts.
	ErrNotLive = errors.New("the extension takes a configuration only when it starts")
	// ErrUnsure says that nobody knows which configuration the process has: it did not
	// answer in time, for one. It is to be replaced.
	ErrUnsure = errors.New("it is not known which configuration the extension has")
)

// RefusedError says that the extension does not want a configuration, and goes on with
// the one it has.
type RefusedError struct {
	Message    string
	Violations []sdk.Violation // that the extension names, nil for none
}

func (e *RefusedError) Error() string { return "the extension refuses it: " + e.Message }

// TakesConfiguration reports whether the process that takes requests takes another
// configuration, too.
func (i *Instance) TakesConfiguration() bool {
	c := i.live.Load()
	return c != nil && c.can.Configure
}

// Configured returns the revision of what the last process was given, -1 before the first.
func (i *Instance) Configured() int64 { return i.revision.Load() }

// Configure gives the process another configuration while it runs, within a start
// deadline. When the process has taken it, keep makes that last; if keep fails, the
// process is given what it had. No other process is launched meanwhile: what it is given
// is from before, or what keep has kept. An error says that the old configuration holds,
// but for ErrUnsure.
func (i *Instance) Configure(ctx context.Context, to Configuration, keep func() error) error {
	i.configuring.Lock()
	defer i.configuring.Unlock()
	c := i.live.Load()
	if c == nil {
		return ErrNoProcess
	}
	if !c.can.Configure {
		return ErrNotLive
	}
	if err := i.give(ctx, c, to.JSON); err != nil {
		return err
	}
	if err := keep(); err != nil {
		if back := i.give(ctx, c, i.given); back != nil {
			return errors.Join(err, ErrUnsure, back)
		}
		return err
	}
	i.given = to.JSON
	i.revision.Store(to.Revision)
	return nil
}

// give has the process take a configuration.
func (i *Instance) give(ctx context.Context, c *child, config json.RawMessage) error {
	// Once begun it is brought to its end: nobody would know which one holds.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), i.spec.Settings.StartTimeout)
	defer cancel()
	err := c.wire.Configure(ctx, config)
	if err == nil {
		return nil
	}
	var answer *sdk.Error
	deadline, _ := ctx.Deadline()
	late := ctx.Err() != nil || time.Until(deadline) < clockSkew
	if errors.As(err, &answer) && !late && !c.lost() && answer.Code != sdk.Unavailable && answer.Code != sdk.ExtensionFault {
		return &RefusedError{tidy(answer.Message), answer.Violations}
	}
	return errors.Join(ErrUnsure, err)
}

// configuration is what the next process is given.
func (i *Instance) configuration() (json.RawMessage, *failure) {
	if i.spec.Configuration == nil {
		return nil, nil
	}
	i.configuring.Lock()
	defer i.configuring.Unlock()
	config, reason := i.spec.Configuration()
	if reason != nil {
		return nil, &failure{reason: reason, permanent: true}
	}
	i.given = config.JSON
	i.revision.Store(config.Revision)
	return config.JSON, nil
}
