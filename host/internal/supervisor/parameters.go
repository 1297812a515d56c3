package supervisor

import (
	"context"
	"encoding/json"

	"github.com/jackfield-host/jackfield/sdk"
)

// ProjectParameters returns what the extension has to say about a project, nil for
// nothing. Unlike a request it does not wait for a process that is starting again;
// an extension without the capability is not asked, the error is unimplemented.
func (i *Instance) ProjectParameters(ctx context.Context, project, locale string) (json.RawMessage, error) {
	c := i.enter()
	if c == nil {
		return nil, i.unavailable()
	}
	defer c.flight.leave()
	if !c.can.ProjectParameters {
		return nil, sdk.Errorf(sdk.Unimplemented, "extension %s has no parameters for projects", i.spec.ID)
	}
	return c.wire.ProjectParameters(ctx, project, locale)
}
