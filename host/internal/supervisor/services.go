package supervisor

import (
	"context"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// Access is what one process may ask of its host.
type Access interface {
	// Offer is what the wire answers the process with.
	Offer() service.Config
	// Activate says that the process is about to be activated, and takes requests then.
	Activate()
	// Calls reports whether the process may call other extensions: only then Track is
	// called, for each of its requests, and done when it was answered.
	Calls() bool
	Track(ctx context.Context, req *sdk.Request) (ticketed *sdk.Request, done func())
}

// offer opens what the process of c may ask of its host. It comes before Describe.
func (i *Instance) offer(c *child) {
	if i.s.cfg.Services == nil {
		return
	}
	c.access = i.s.cfg.Services(i.spec.ID, i.spec.Asked, i.spec.Granted, c.log)
	c.tracks = c.access.Calls()
	c.wire.Offer(c.access.Offer())
}

// process has a request answered by c.
func (c *child) process(ctx context.Context, req *sdk.Request) (*sdk.Response, error) {
	if c.tracks {
		ticketed, done := c.access.Track(ctx, req)
		defer done()
		req = ticketed
	}
	return c.wire.Process(ctx, req)
}
