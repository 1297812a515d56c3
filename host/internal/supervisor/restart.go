package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/sdk"
)

// restartWait is how long a request waits for a process that is being started again
// right after a crash. Most are there in a fraction of it.
const restartWait = time.Second

// enter counts a request in with the process that takes requests, nil if none does. A
// lost connection is the first sign of a death: what is sent then is lost, too.
func (i *Instance) enter() *child {
	c := i.live.Load()
	if c == nil || c.lost() || c.runner.open.Load() == 0 || !c.flight.enter() {
		return nil
	}
	return c
}

// await waits for a process that is being started again at once, at most restartWait,
// and enters it.
func (i *Instance) await(ctx context.Context) (*child, *sdk.Error) {
	patience := time.NewTimer(restartWait)
	defer patience.Stop()
	for {
		// What changes after this look closes news: no change is missed.
		i.mu.Lock()
		st, news := i.status, i.news
		i.mu.Unlock()
		if c := i.enter(); c != nil {
			return c, nil
		}
		// Running without a process, or without a connection to it, is one that has
		// just died: what comes next is decided in a moment.
		if st.State != lifecycle.Running && !st.Restarting {
			return nil, i.unavailable()
		}
		select {
		case <-news:
		case <-patience.C:
			return nil, i.unavailable()
		case <-ctx.Done():
			return nil, i.gaveUp(ctx.Err())
		}
	}
}

// gaveUp is the answer to a request whose time ended before it was sent.
func (i *Instance) gaveUp(cause error) *sdk.Error {
	err := sdk.Errorf(sdk.Canceled, "the request was canceled while extension %s was starting again", i.spec.ID)
	if errors.Is(cause, context.DeadlineExceeded) {
		err = sdk.Errorf(sdk.DeadlineExceeded, "the deadline passed while extension %s was starting again", i.spec.ID)
	}
	err.Retryable = true
	return err
}
