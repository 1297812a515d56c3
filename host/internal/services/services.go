// Package services is what the host offers to extensions: a key-value store of their
// own, and calls to other extensions. New makes the Services of a host; Open gives one
// process its Access, which the wire asks (Access.Offer) and the supervisor tells of
// the life of the process.
//
// What is promised:
//
//   - The store of each extension is an SQLite file of its own, opened when it is first
//     used: a flood of writes of one extension waits for itself and for nobody else.
//   - What a write has returned survives kill -9 of the host. There is no fsync for each
//     write, so that a power failure may undo the last ones, the newest first, and
//     leaves a whole store in any case.
//   - A store that is damaged is moved aside byte for byte, and begins anew.
//   - A call is asked in the name of the caller of the request within which it is made,
//     which the host knows by itself, and of nobody where there is none: an extension
//     can lend its callers' names, and make none up. It has the limits, checks and codes
//     that a client's request has.
//   - Calls within each other end at the eighth, with their path in the error.
//
// What is granted is judged before anything gets here, by internal/wire/service.
package services

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/internal/wire/service"
	"github.com/jackfield-host/jackfield/sdk"
)

// DefaultQuota is how much an extension may store, in bytes, unless configured.
const DefaultQuota = 64 << 20

// Config is what New needs. All but Now is required.
type Config struct {
	// Dir is the folder for the key-value store of an extension. It is made when it is
	// needed, and nothing else is in it.
	Dir func(id string) string
	// Quota bounds a store: the bytes of all keys and values, and EntryBytes for each
	// entry.
	Quota func(id string) int64
	// Ask has a request of an extension answered as one that came from a client: every
	// error is an *sdk.Error. The answer is the caller's until its Free.
	Ask func(ctx context.Context, req *sdk.Request) (*sdk.Response, error)
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Services is what one host offers.
type Services struct {
	cfg     Config
	metrics *metrics

	mu     sync.Mutex // guards what follows
	stores map[string]*store
	closed bool
}

// New makes the Services of a host. Close ends them.
func New(cfg Config) *Services {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Services{cfg: cfg, metrics: newMetrics(), stores: make(map[string]*store)}
}

// Open gives a process of the extension id access to what is granted of what its
// manifest asks for, permissions as that spells them. Log is that of the process.
func (s *Services) Open(id string, asked, granted []string, log *slog.Logger) *Access {
	return &Access{
		s: s, id: id, log: log, grants: service.ParseGrants(granted).Asked(asked),
		denied: make(map[string]struct{}), within: make(map[string]*request),
	}
}

// store is the key-value store of an extension.
func (s *Services) store(id string) (*store, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed()
	}
	kv := s.stores[id]
	if kv == nil {
		kv = newStore(s.cfg.Dir(id), s.cfg.Quota(id), s.cfg.Log.With("ext", id), s.cfg.Now)
		s.stores[id] = kv
	}
	return kv, nil
}

// Forget closes the store of an extension of which nothing runs any more, and drops its
// metrics. The store stays.
func (s *Services) Forget(id string) {
	s.metrics.forget(id)
	s.mu.Lock()
	kv := s.stores[id]
	delete(s.stores, id)
	s.mu.Unlock()
	if kv == nil {
		return
	}
	if err := kv.close(); err != nil {
		s.cfg.Log.Warn("closing a key-value store", "ext", id, "error", err)
	}
}

// Purge removes the store of an extension of which nothing runs any more.
func (s *Services) Purge(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kv := s.stores[id]; kv != nil {
		delete(s.stores, id)
		_ = kv.close() // what could not be written is removed
	}
	if err := os.RemoveAll(s.cfg.Dir(id)); err != nil {
		return fmt.Errorf("removing the key-value store of %s: %w", id, err)
	}
	return nil
}

// Close closes all stores. Every Access is closed before.
func (s *Services) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var problems []error
	for _, kv := range s.stores {
		problems = append(problems, kv.close())
	}
	return errors.Join(problems...)
}

// Collectors returns the metrics of all services.
func (s *Services) Collectors() []prometheus.Collector { return s.metrics.collectors() }
