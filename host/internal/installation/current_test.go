package installation

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// world is all that an Installation that only looks has to do with: a host in which things
// are installed, repositories that say something of them, and rows.
type world struct {
	House
	Repositories
	Rows

	mu        sync.Mutex
	installed []Installed
	says      map[string]Prospect // by digest
	down      error               // nobody can be asked at all
	row       string
	applied   int
	looked    []time.Time // when what has become of what is installed was asked
	sought    []time.Time // when updates were
	slow      time.Duration
}

func (w *world) Looked() bool { return true }

func (w *world) Installed() []Installed {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.installed)
}

func (w *world) Publishers() map[string]string { return nil }

func (w *world) Decided(string) []string { return nil }

func (w *world) Await(context.Context, func() bool) error { return nil }

func (w *world) Apply(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applied++
	return nil
}

func (w *world) Outlook(_ context.Context, origins []Origin) ([]Prospect, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = append(w.looked, time.Now())
	var list []Prospect
	for _, o := range origins {
		if p, ok := w.says[o.Digest]; ok {
			p.ID, p.Digest = o.ID, o.Digest
			list = append(list, p)
		}
	}
	return list, w.down
}

func (w *world) Universe(ctx context.Context, _ Reach) ([]resolver.Repository, error) {
	w.mu.Lock()
	w.sought = append(w.sought, time.Now())
	w.mu.Unlock()
	sleep(ctx, w.slow)
	return nil, context.Cause(ctx)
}

func (w *world) LoadPlans(context.Context) ([][]byte, error) { return nil, nil }

func (w *world) Value(string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.row
}

func (w *world) SetValue(_ context.Context, _, value string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.row = value
	return nil
}

func (w *world) start(t *testing.T, p Policy) *Installation {
	t.Helper()
	i, err := New(Config{
		Repositories: w, House: w, Rows: w, Downloads: t.TempDir(), HostVersion: "1.0", Platform: "linux-amd64", FileBytes: 1,
		Policy: p, StopRevoked: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// What a repository has revoked does not run until the same repository takes that back.
func TestOnlyWhoRevokedTakesItBack(t *testing.T) {
	x := Installed{ID: "org.acme.x", Version: "1", Digest: "sha256:x", Repository: "acme"}
	other := Installed{ID: "org.acme.y", Version: "1", Digest: "sha256:y", Repository: "elsewhere"}
	bad := errors.New("it is broken")
	revoked := &store.Revocation{Reason: "stolen"}
	for _, c := range []struct {
		name    string
		now     map[string]Prospect
		down    error
		removed bool
		want    string
	}{
		{"it still says so", map[string]Prospect{x.Digest: {Repository: "acme", Revocation: revoked}}, nil, false, "stolen"},
		{"it takes that back", map[string]Prospect{x.Digest: {Repository: "acme"}}, nil, false, ""},
		{"it cannot be read", map[string]Prospect{x.Digest: {Repository: "acme", Err: bad}}, nil, false, "stolen"},
		{"it is not configured any more", nil, nil, false, "stolen"},
		{"nobody has the id any more", map[string]Prospect{x.Digest: {}}, nil, false, "stolen"},
		{"another has the id now", map[string]Prospect{x.Digest: {Repository: "evil"}}, nil, false, "stolen"},
		{"nobody can be asked", map[string]Prospect{x.Digest: {Repository: "acme"}}, bad, false, "stolen"},
		{"it is not installed for a while", nil, nil, true, "stolen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &world{installed: []Installed{x}, says: map[string]Prospect{x.Digest: {Repository: "acme", Revocation: revoked}}}
			i := w.start(t, Policy{})
			i.look(t.Context())
			if got := i.Revoked(x.Digest); got != "stolen" || w.applied != 1 || len(i.Findings()) != 1 {
				t.Fatalf("at first it is revoked for %q; applied %d times; found %+v", got, w.applied, i.Findings())
			}
			w.says, w.down = c.now, c.down
			if c.removed {
				w.installed = nil
			}
			i.look(t.Context())
			if got := i.Findings(); (len(got) > 0) != (c.want != "" && !c.removed) {
				t.Errorf("found: %+v", got)
			}
			for _, after := range []string{"then", "after a restart"} {
				if got := i.Revoked(x.Digest); got != c.want {
					t.Errorf("%s it is revoked for %q, want %q", after, got, c.want)
				}
				i = w.start(t, Policy{})
			}
			w.installed = []Installed{x}
			i.look(t.Context())
			if got := i.Revoked(x.Digest); got != c.want {
				t.Errorf("when it is installed again it is revoked for %q, want %q", got, c.want)
			}
		})
	}
	t.Run("beside a repository that is broken", func(t *testing.T) {
		w := &world{installed: []Installed{other, x}, says: map[string]Prospect{
			other.Digest: {Repository: "elsewhere", Err: bad}, x.Digest: {Repository: "acme", Revocation: revoked},
		}}
		i := w.start(t, Policy{})
		i.look(t.Context())
		if i.Revoked(x.Digest) == "" || i.Revoked(other.Digest) != "" {
			t.Errorf("found: %+v", i.Findings())
		}
	})
}

// What is installed is looked at every hour, and at once when it is asked for; updates are
// sought after each look, while the window is open only.
func TestWhenUpdatesCome(t *testing.T) {
	for _, c := range []struct {
		window string
		want   []string
	}{
		{"", []string{"00:00", "01:00", "02:00", "03:00", "03:20", "04:20", "05:20"}},
		// Closed, it waits for the window to open if that is sooner than an hour.
		{"02:30-03:45", []string{"02:30", "03:20"}},
		{"04:00-05:00", []string{"04:00"}},
	} {
		t.Run(c.window, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				window, err := ParseWindow(c.window)
				if err != nil {
					t.Fatal(err)
				}
				midnight := time.Date(2026, 11, 26, 0, 0, 0, 0, time.Local)
				time.Sleep(time.Until(midnight))
				w := &world{installed: []Installed{{ID: "org.acme.x", Version: "1", Digest: "sha256:x"}}}
				i := w.start(t, Policy{Auto: AutoMinor, Window: window})
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					i.Run(ctx)
				}()
				time.Sleep(3*time.Hour + 20*time.Minute)
				i.Look() // a repository has changed
				time.Sleep(2*time.Hour + 25*time.Minute)
				cancel()
				<-done
				var got []string
				for _, at := range w.sought {
					got = append(got, at.Format("15:04"))
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("updates were sought at %v, want %v (looks: %v)", got, c.want, w.looked)
				}
			})
		})
	}
}

// An update that takes for ever keeps nothing that is revoked running.
func TestRevokedWhileAnUpdateIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := Installed{ID: "org.acme.x", Version: "1", Digest: "sha256:x"}
		w := &world{installed: []Installed{x}, slow: proposePatience}
		i := w.start(t, Policy{Auto: AutoAll})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			i.Run(ctx)
		}()
		synctest.Wait() // an update is being sought
		w.mu.Lock()
		w.says = map[string]Prospect{x.Digest: {Repository: "acme", Revocation: &store.Revocation{}}}
		w.mu.Unlock()
		i.Look()
		synctest.Wait()
		if i.Revoked(x.Digest) == "" || len(w.sought) != 1 {
			t.Errorf("it is not revoked while %d updates are sought: %+v", len(w.sought), i.Findings())
		}
		cancel()
		<-done
	})
}
