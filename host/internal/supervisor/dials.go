package supervisor

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/internal/wire/dial"
	"github.com/jackfield-host/jackfield/sdk"
)

// How many refused destinations of one extension are logged, and in which time.
const (
	loggedRefusals = 32
	refusalPeriod  = time.Hour
)

// serveDials dials for the process at the other end of conn what is granted, until end
// is called, which waits for what is under way. Conn is nil where there is no dial
// pair.
func (i *Instance) serveDials(log *slog.Logger, conn *net.UnixConn, grants dial.Grants) (end func()) {
	if conn == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	config := dial.Config{Grants: grants, Ended: func(d dial.Report) { i.dialled(log, d) }}
	go func() {
		defer close(done)
		if err := dial.Serve(ctx, conn, config); err != nil {
			log.Warn("an extension gets no more connections: rebuild it with this host's SDK, or see docs/DIAL.md", "err", err)
		}
	}()
	return func() { cancel(); <-done }
}

// dialled counts and logs one dial. What the extension asked for may be any text.
func (i *Instance) dialled(log *slog.Logger, d dial.Report) {
	result, message := "ok", ""
	if d.Err != nil {
		result, message = string(d.Err.Code), d.Err.Message
	}
	i.s.metrics.dialled(i.spec.ID, result)
	log.Debug("dialled for an extension", "address", d.Address, "remote", d.Remote, "took", d.Took, "code", result, "message", message)
	if d.Err == nil || d.Err.Code != sdk.PermissionDenied {
		return
	}
	if fresh, last := i.refusals.note(d.Address, time.Now()); fresh {
		log.Info("an extension was refused a connection", "address", d.Address, "message", message)
		if last {
			log.Info("more refused connections of this extension are not logged for a while", "period", refusalPeriod)
		}
	}
}

// refusals are the destinations whose refusal was logged. The zero value is ready.
type refusals struct {
	mu    sync.Mutex
	since time.Time
	seen  map[string]struct{}
}

// note reports whether a refused destination is to be logged, and whether it is the
// last one for now.
func (r *refusals) note(address string, now time.Time) (fresh, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > refusalPeriod {
		r.since, r.seen = now, make(map[string]struct{})
	}
	if _, known := r.seen[address]; known || len(r.seen) >= loggedRefusals {
		return false, false
	}
	r.seen[address] = struct{}{}
	return true, len(r.seen) == loggedRefusals
}
