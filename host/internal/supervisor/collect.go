package supervisor

import (
	"context"

	"github.com/jackfield-host/jackfield/sdk"
)

// Collect returns the extension's own metrics as text that nobody has judged yet. It does
// not wait for a process that is starting again; an extension without the capability is
// not asked, the error is unimplemented.
func (i *Instance) Collect(ctx context.Context) ([]byte, error) {
	c := i.enter()
	if c == nil {
		return nil, i.unavailable()
	}
	defer c.flight.leave()
	if !c.can.Collect {
		return nil, sdk.Errorf(sdk.Unimplemented, "extension %s has no metrics of its own", i.spec.ID)
	}
	return c.wire.Collect(ctx)
}
