package repositories

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// firstRetry is how long after a look that failed the next one comes; each further one
	// doubles it, up to Config.Every.
	firstRetry = time.Minute
	// settled is how recent a look must be so that whoever plans does not look again, and
	// calmly how long after one that failed.
	settled = 5 * time.Minute
	calmly  = 30 * time.Second
	// meeting is how long a question waits for repositories that were never looked at.
	meeting = 5 * time.Second
)

// Run looks at each repository, at first and then every Config.Every, until ctx ends. After
// a look that did not go well the next one comes sooner. It returns when all have stopped.
func (s *Set) Run(ctx context.Context) error {
	var crew sync.WaitGroup
	for _, m := range s.enabled() {
		crew.Go(func() { s.keep(ctx, m) })
	}
	crew.Wait()
	return nil
}

// keep looks at one repository until ctx ends.
func (s *Set) keep(ctx context.Context, m *member) {
	for {
		timer := time.NewTimer(s.due(m).Sub(s.config.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-m.hurry:
			timer.Stop()
			continue
		case <-timer.C:
		}
		s.look(ctx, m)
	}
}

// due is when to look next. What is known stays for Every, a tenth more or less. What was
// known when the host started and is due already comes within a twenty-fourth of that, so
// that hosts that start at once do not ask at once; what was never read comes at once.
func (s *Set) due(m *member) time.Time {
	every, now, f := s.config.Every, s.config.Now(), m.facts()
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.inARow > 0:
		pause := min(firstRetry<<min(m.inARow-1, 20), every)
		return m.checked.Add(between(pause/2, pause*3/2))
	case !f.known:
		return now.Add(between(0, time.Second))
	}
	next := f.read.Add(between(every*9/10, every*11/10))
	if m.checked.IsZero() && next.Before(now) {
		next = now.Add(between(0, every/24))
	}
	return next
}

// between is a duration by chance.
func between(least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + rand.N(most-least)
}

// look looks at one repository, and says so. It returns what ctx says.
func (s *Set) look(ctx context.Context, m *member) error {
	if err := m.hold(ctx); err != nil {
		return err
	}
	defer m.release()
	before := m.status(s.config.Now())
	err := m.look(ctx)
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx) // which says nothing of the repository
	}
	m.mu.Lock()
	m.checked, m.last = s.config.Now(), err
	if err != nil {
		m.inARow++
		m.failures[codeOf(err)]++
	} else {
		m.inARow = 0
	}
	m.mu.Unlock()
	m.wake()
	after := m.status(s.config.Now())
	if before.State == after.State && before.Code == after.Code && before.Sequence == after.Sequence && before.Listings == after.Listings {
		return nil
	}
	level := slog.LevelInfo
	if after.Code != "" {
		level = slog.LevelWarn
	}
	s.config.Log.Log(ctx, level, "repository", "name", m.source.Name, "state", after.State, "code", after.Code, "message", after.Message, "sequence", after.Sequence, "listings", after.Listings)
	s.config.Changed()
	return nil
}

// Refresh looks at one repository now, and returns its Status then. The error is one that
// there is no such repository, that it is disabled, or that ctx ended.
func (s *Set) Refresh(ctx context.Context, name string) (Status, error) {
	m, err := s.member(name)
	if err != nil {
		return Status{}, err
	}
	if err := s.look(ctx, m); err != nil {
		return Status{}, err
	}
	return m.status(s.config.Now()), nil
}

// RefreshAll looks at every repository now, and returns when all have been looked at. How
// that went is in their Status. The error is that ctx ended.
func (s *Set) RefreshAll(ctx context.Context) error {
	var crew sync.WaitGroup
	for _, m := range s.enabled() {
		crew.Go(func() { s.look(ctx, m) })
	}
	crew.Wait()
	return context.Cause(ctx)
}

// meet looks at those repositories that nobody has looked at yet and of which nothing is
// known, so that a question straight after the start is answered with all that there is. One
// that does not answer holds nobody longer than meeting, and nobody else for a while then.
func (s *Set) meet(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, min(meeting, s.config.Patience))
	defer cancel()
	var crew sync.WaitGroup
	for _, m := range s.enabled() {
		if m.met(s.config.Now()) {
			continue
		}
		crew.Go(func() {
			err := m.hold(short)
			if err == nil {
				m.release()
				if !m.met(s.config.Now()) { // nor has whoever held it
					err = s.look(short, m)
				}
			}
			if err != nil && ctx.Err() == nil {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.awaited = s.config.Now()
			}
		})
	}
	crew.Wait()
}

// met reports whether something is known, or why not, or somebody has just waited for it.
func (m *member) met(now time.Time) bool {
	known := m.facts().known
	m.mu.Lock()
	defer m.mu.Unlock()
	return known || m.last != nil || now.Sub(m.awaited) < calmly
}

// freshen looks at those repositories that were not looked at for a while, before something
// is decided by them. One that does not answer holds nobody longer than Config.Patience.
func (s *Set) freshen(ctx context.Context, members []*member) error {
	short, cancel := context.WithTimeout(ctx, s.config.Patience)
	defer cancel()
	var crew sync.WaitGroup
	for _, m := range members {
		if m.fresh(s.config.Now()) {
			continue
		}
		crew.Go(func() { s.look(short, m) })
	}
	crew.Wait()
	return context.Cause(ctx)
}

// fresh reports whether another look now would hardly tell more.
func (m *member) fresh(now time.Time) bool {
	f := m.facts()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last != nil {
		return now.Sub(m.checked) < calmly
	}
	return f.good(now) && now.Sub(f.read) < settled
}
