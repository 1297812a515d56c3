package services

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// loggedDenials is how many missing permissions of one process are logged.
const loggedDenials = 32

// Access is what one process may use. Its methods may be called by many goroutines at
// once.
type Access struct {
	s      *Services
	id     string
	log    *slog.Logger
	grants service.Grants
	active atomic.Bool // it may write
	last   atomic.Uint64

	mu     sync.Mutex          // guards what follows
	denied map[string]struct{} // missing permissions that were logged
	within map[string]*request // what the process is answering, by ticket
}

var _ service.Services = (*Access)(nil)

// Offer is what the wire answers the process with.
func (a *Access) Offer() service.Config {
	return service.Config{Services: a, Grants: a.grants, MayWrite: a.active.Load, Log: a.log, Ended: a.ended}
}

// Activate lets the process write: until then another one may be serving.
func (a *Access) Activate() { a.active.Store(true) }

// ended counts and logs one ask.
func (a *Access) ended(r service.Report) {
	a.s.metrics.ended(a.id, r)
	if r.Permission == "" {
		return
	}
	a.mu.Lock()
	_, known := a.denied[r.Permission]
	fresh := !known && len(a.denied) < loggedDenials
	if fresh {
		a.denied[r.Permission] = struct{}{}
	}
	a.mu.Unlock()
	if fresh {
		a.log.Info("an extension was refused a service", "permission", r.Permission, "message", r.Err.Message)
	}
}

// Get is part of sdk.KeyValue.
func (a *Access) Get(ctx context.Context, key string) (sdk.Entry, error) {
	kv, err := a.s.store(a.id)
	if err != nil {
		return sdk.Entry{}, err
	}
	return kv.get(ctx, key)
}

// List is part of sdk.KeyValue.
func (a *Access) List(ctx context.Context, prefix, after string, limit int) (sdk.Page, error) {
	kv, err := a.s.store(a.id)
	if err != nil {
		return sdk.Page{}, err
	}
	return kv.list(ctx, prefix, after, limit)
}

// Put is part of sdk.KeyValue.
func (a *Access) Put(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	kv, err := a.s.store(a.id)
	if err != nil {
		return 0, err
	}
	return kv.put(ctx, key, nil, value, ttl)
}

// CompareAndSet is part of sdk.KeyValue.
func (a *Access) CompareAndSet(ctx context.Context, key string, version uint64, value []byte, ttl time.Duration) (uint64, error) {
	kv, err := a.s.store(a.id)
	if err != nil {
		return 0, err
	}
	return kv.put(ctx, key, &version, value, ttl)
}

// Delete is part of sdk.KeyValue.
func (a *Access) Delete(ctx context.Context, key string) error {
	kv, err := a.s.store(a.id)
	if err != nil {
		return err
	}
	return kv.delete(ctx, key, nil)
}

// CompareAndDelete is part of sdk.KeyValue.
func (a *Access) CompareAndDelete(ctx context.Context, key string, version uint64) error {
	kv, err := a.s.store(a.id)
	if err != nil {
		return err
	}
	return kv.delete(ctx, key, &version)
}
