package installation

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/updatepolicy"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// seeker is a host in which something is installed, and repositories that note when they are
// asked for updates, and have none.
type seeker struct {
	House
	Repositories
	Rows

	mu     sync.Mutex
	sought []string
	slow   time.Duration
}

func (s *seeker) Looked() bool { return true }

func (s *seeker) Await(context.Context, func() bool) error { return nil }

func (s *seeker) Installed() []plan.Installed {
	return []plan.Installed{{ID: "org.acme.x", Version: "1", Digest: "sha256:x"}, {ID: "org.acme.y", Version: "1", Digest: "sha256:y"}}
}

func (s *seeker) Publishers() map[string]string { return nil }

func (s *seeker) Decided(string) []string { return nil }

func (s *seeker) LoadPlans(context.Context) ([][]byte, error) { return nil, nil }

func (s *seeker) Universe(ctx context.Context, _ plan.Reach) ([]resolver.Repository, error) {
	s.mu.Lock()
	s.sought = append(s.sought, time.Now().Format("15:04"))
	s.mu.Unlock()
	sleep(ctx, s.slow)
	return nil, context.Cause(ctx)
}

// Updates are sought, of each extension, whenever something has changed and when the window
// opens, and only while it is open.
func TestWhenUpdatesCome(t *testing.T) {
	for _, c := range []struct {
		name, window string
		auto         updatepolicy.Auto
		slow         time.Duration // how long a repository takes to answer
		want         []string
	}{
		{"at any time", "", updatepolicy.AutoMinor, 0, []string{"00:20", "00:20", "02:20", "02:20", "04:20", "04:20"}},
		{"in a window", "02:00-03:00", updatepolicy.AutoMinor, 0, []string{"02:00", "02:00", "02:20", "02:20"}},
		{"when it opens", "03:00-04:00", updatepolicy.AutoMinor, 0, []string{"03:00", "03:00"}},
		{"on another day", "02:00-03:00 fri", updatepolicy.AutoMinor, 0, nil},
		{"until it closes", "04:19-04:21", updatepolicy.AutoMinor, 2 * time.Minute, []string{"04:19"}},
		{"never", "", updatepolicy.AutoOff, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				window, err := updatepolicy.ParseWindow(c.window)
				if err != nil {
					t.Fatal(err)
				}
				thursday := time.Date(2026, 11, 26, 0, 0, 0, 0, time.Local)
				time.Sleep(time.Until(thursday))
				s := &seeker{slow: c.slow}
				i, err := New(Config{
					Repositories: s, House: s, Rows: s, Downloads: t.TempDir(), HostVersion: "1.0", Platform: "linux-amd64", FileBytes: 1,
					Policy: updatepolicy.Policy{Auto: c.auto, Window: window}, Log: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					i.Run(ctx)
				}()
				for range 3 { // at 00:20, 02:20 and 04:20
					time.Sleep(20 * time.Minute)
					i.Update()
					time.Sleep(100 * time.Minute)
				}
				cancel()
				<-done
				if !slices.Equal(s.sought, c.want) {
					t.Errorf("updates were sought at %v, want %v", s.sought, c.want)
				}
			})
		})
	}
}
