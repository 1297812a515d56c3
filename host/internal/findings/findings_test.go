package findings

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
)

// world is all that a Keeper has to do with: a host in which things are installed,
// repositories that say something of them, and rows.
type world struct {
	mu        sync.Mutex
	installed []Origin
	says      map[string]Prospect // by digest
	down      error               // nobody can be asked at all
	row       string
	applied   int
	looked    []string // when what has become of what is installed was asked
}

func (w *world) AwaitLooked(context.Context) error { return nil }

func (w *world) Origins() []Origin {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.installed)
}

func (w *world) Apply(context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.applied++
	return nil
}

func (w *world) Outlook(_ context.Context, origins []Origin) ([]Prospect, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = append(w.looked, time.Now().Format("15:04"))
	var list []Prospect
	for _, o := range origins {
		if p, ok := w.says[o.Digest]; ok {
			p.ID, p.Digest = o.ID, o.Digest
			list = append(list, p)
		}
	}
	return list, w.down
}

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

func (w *world) keeper(t *testing.T, looked func()) *Keeper {
	t.Helper()
	k, err := New(Config{Repositories: w, House: w, Rows: w, StopRevoked: true, Looked: looked, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// What a repository has revoked does not run until the same repository takes that back.
func TestOnlyWhoRevokedTakesItBack(t *testing.T) {
	x := Origin{ID: "org.acme.x", Version: "1", Digest: "sha256:x", Repository: "acme"}
	other := Origin{ID: "org.acme.y", Version: "1", Digest: "sha256:y", Repository: "elsewhere"}
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
			w := &world{installed: []Origin{x}, says: map[string]Prospect{x.Digest: {Repository: "acme", Revocation: revoked}}}
			k := w.keeper(t, nil)
			k.look(t.Context())
			if got := k.Revoked(x.Digest); got != "stolen" || w.applied != 1 || len(k.Findings()) != 1 {
				t.Fatalf("at first it is revoked for %q; applied %d times; found %+v", got, w.applied, k.Findings())
			}
			w.says, w.down = c.now, c.down
			if c.removed {
				w.installed = nil
			}
			k.look(t.Context())
			if got := k.Findings(); (len(got) > 0) != (c.want != "" && !c.removed) {
				t.Errorf("found: %+v", got)
			}
			for _, after := range []string{"then", "after a restart"} {
				if got := k.Revoked(x.Digest); got != c.want {
					t.Errorf("%s it is revoked for %q, want %q", after, got, c.want)
				}
				k = w.keeper(t, nil)
			}
			w.installed = []Origin{x}
			k.look(t.Context())
			if got := k.Revoked(x.Digest); got != c.want {
				t.Errorf("when it is installed again it is revoked for %q, want %q", got, c.want)
			}
		})
	}
	// Nor by revoking it, too, and taking that back.
	t.Run("another revokes it, and takes that back", func(t *testing.T) {
		w := &world{installed: []Origin{x}, says: map[string]Prospect{x.Digest: {Repository: "acme", Revocation: revoked}}}
		k := w.keeper(t, nil)
		k.look(t.Context())
		for _, r := range []*store.Revocation{{Reason: "envy"}, nil} {
			w.says = map[string]Prospect{x.Digest: {Repository: "evil", Revocation: r}}
			k.look(t.Context())
			if got := k.Revoked(x.Digest); got != "stolen" {
				t.Errorf("it is revoked for %q", got)
			}
		}
		w.says = map[string]Prospect{x.Digest: {Repository: "acme"}}
		k.look(t.Context())
		if got := k.Revoked(x.Digest); got != "" {
			t.Errorf("after the first has taken it back it is revoked for %q", got)
		}
	})
	t.Run("beside a repository that is broken", func(t *testing.T) {
		w := &world{installed: []Origin{other, x}, says: map[string]Prospect{
			other.Digest: {Repository: "elsewhere", Err: bad}, x.Digest: {Repository: "acme", Revocation: revoked},
		}}
		k := w.keeper(t, nil)
		k.look(t.Context())
		if k.Revoked(x.Digest) == "" || k.Revoked(other.Digest) != "" {
			t.Errorf("found: %+v", k.Findings())
		}
	})
}

// What is installed is looked at every hour, and at once when it is asked for.
func TestWhenItIsLooked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		midnight := time.Date(2026, 11, 26, 0, 0, 0, 0, time.Local)
		time.Sleep(time.Until(midnight))
		w, told := &world{}, 0
		k := w.keeper(t, func() { told++ })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			k.Run(ctx)
		}()
		time.Sleep(2*time.Hour + 20*time.Minute)
		k.Look() // a repository has changed
		time.Sleep(time.Hour + 25*time.Minute)
		cancel()
		<-done
		want := []string{"00:00", "01:00", "02:00", "02:20", "03:20"}
		if !slices.Equal(w.looked, want) || told != len(want) {
			t.Errorf("it was looked at %v, and told %d times, want %v", w.looked, told, want)
		}
	})
}
