// Package installation installs and updates extensions from repositories: all of a plan,
// or none of it.
//
// New makes an Installation, Recover ends what a host before has left in the middle (before
// the extensions folder is first looked at), and Run works until its context ends. Propose
// says what a request comes to and changes nothing; Start does it. Cancel, Undo, Plans, Plan,
// Outdated and Update may be called from anywhere while Run runs.
//
// What is promised of a plan that was started:
//
//   - It ends: as succeeded, failed or undone, whatever the network, the disk and the
//     processes do, and however often the host is killed meanwhile.
//   - Nothing of it reaches the extensions folder before all of it is verified in private
//     storage. Then all of it lands, and what runs is switched for all of it at once; each
//     version that served goes on until the new one is healthy.
//   - If one of it does not come up healthy, or dies in its probation, all that has landed is
//     taken back, and the versions from before serve.
//   - It does what somebody has consented to: permissions that nobody has granted, another
//     publisher and other bytes than were looked at end it before it lands.
//   - While it is under way no other plan changes an extension that it is about. Whoever
//     changes one by hand goes before: the plan fails, and leaves that one alone.
package installation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/host/internal/updatepolicy"
)

// Config is what an Installation is made from. All but Policy, Patience, Told, Forgotten
// and Now is required.
type Config struct {
	Repositories Repositories
	House        House
	Rows         Rows
	// Downloads is the folder of files on their way, made if it is missing.
	Downloads string
	// HostVersion is in the grammar of bundle.Version; Platform is as "linux-amd64".
	HostVersion, Platform string
	// FileBytes is how large a bundle may be.
	FileBytes int64
	Policy    updatepolicy.Policy
	Patience  Patience
	// Told is told of every change of a plan. It must not block.
	Told func(p plan.Plan)
	// Forgotten is told of plans that are not kept any more. It must not block.
	Forgotten func(id string)
	Log       *slog.Logger
	Now       func() time.Time
}

// Patience is how long a plan waits for what. The zero value stands for what is written
// behind each.
type Patience struct {
	Progress time.Duration // for the next byte of a repository that does not answer: 10 min
	Plan     time.Duration // for all of its downloads together: 6 h
	Healthy  time.Duration // for what has landed to run: 5 min
	Return   time.Duration // for what ran before to run again: 2 min
	Retry    time.Duration // before a download is tried again, at first: 1 s; later up to 30 s
}

func (p Patience) withDefaults() Patience {
	for _, d := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&p.Progress, 10 * time.Minute}, {&p.Plan, 6 * time.Hour}, {&p.Healthy, 5 * time.Minute},
		{&p.Return, 2 * time.Minute}, {&p.Retry, time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.fallback
		}
	}
	return p
}

const (
	// keepPlans is how many plans are kept that have ended.
	keepPlans = 100
	// mostActive bounds how many are under way at once.
	mostActive = 8
)

// Installation leads the plans of one host.
type Installation struct {
	cfg     Config
	planner *plan.Planner
	work    sync.WaitGroup
	landing chan struct{} // held by the plan that lands, or is taken back
	due     chan struct{} // capacity 1: updates are to be sought

	tally *tally

	mu   sync.Mutex      // guards what follows; House is not called with it
	ctx  context.Context // of Run, nil before that
	jobs []*job          // the oldest first

	barring  sync.Mutex     // guards what follows
	withheld map[string]int // digests that must not run yet, or not any more
}

// New makes an Installation, with the plans that Rows hold.
func New(cfg Config) (*Installation, error) {
	if cfg.Repositories == nil || cfg.House == nil || cfg.Rows == nil || cfg.Downloads == "" || cfg.Platform == "" || cfg.FileBytes <= 0 || cfg.Log == nil {
		return nil, errors.New("installation: a part of the configuration is missing")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Told == nil {
		cfg.Told = func(plan.Plan) {}
	}
	if cfg.Forgotten == nil {
		cfg.Forgotten = func(string) {}
	}
	cfg.Patience = cfg.Patience.withDefaults()
	if err := os.MkdirAll(cfg.Downloads, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for downloads: %w", err)
	}
	i := &Installation{
		cfg: cfg, landing: make(chan struct{}, 1), due: make(chan struct{}, 1),
		withheld: map[string]int{}, tally: newTally(),
		planner: &plan.Planner{
			Repositories: cfg.Repositories, House: cfg.House, HostVersion: cfg.HostVersion, Platform: cfg.Platform, Now: cfg.Now,
		},
	}
	return i, i.load()
}

// load reads the plans. One that cannot be read is left out: it is of a newer host, and no
// older one knows what to do about it.
func (i *Installation) load() error {
	bodies, err := i.cfg.Rows.LoadPlans(context.Background())
	if err != nil {
		return fmt.Errorf("reading the plans: %w", err)
	}
	for _, body := range bodies {
		j, err := i.readJob(body)
		if err != nil {
			i.cfg.Log.Error("a plan of installation cannot be read, and is left as it is", "error", err)
			continue
		}
		i.jobs = append(i.jobs, j)
		i.cfg.Told(j.show())
	}
	return nil
}

// Run goes on with the plans that have not ended, applies the policy of updates, and waits
// for all it has begun when ctx ends. What has not ended by then goes on after the next
// Recover.
func (i *Installation) Run(ctx context.Context) {
	i.sweepDownloads()
	i.mu.Lock()
	i.ctx = ctx
	for _, j := range i.jobs {
		if !j.over() {
			i.begin(j)
		}
	}
	i.mu.Unlock()
	i.keepUpdated(ctx)
	i.work.Wait()
}

// begin has a plan worked on. The caller has i.mu, and i.ctx is there.
func (i *Installation) begin(j *job) {
	ctx, cancel := context.WithCancelCause(i.ctx)
	j.mu.Lock()
	j.cancel = cancel
	j.mu.Unlock()
	i.work.Go(func() {
		defer cancel(nil)
		i.lead(ctx, j)
	})
}

// Plans returns the plans that are under way, and the last that have ended, newest first.
func (i *Installation) Plans() []plan.Plan {
	i.mu.Lock()
	jobs := slices.Clone(i.jobs)
	i.mu.Unlock()
	plans := make([]plan.Plan, 0, len(jobs))
	for _, j := range slices.Backward(jobs) {
		plans = append(plans, j.show())
	}
	return plans
}

// Plan returns the plan with an id.
func (i *Installation) Plan(id string) (plan.Plan, bool) {
	j := i.find(id)
	if j == nil {
		return plan.Plan{}, false
	}
	return j.show(), true
}

func (i *Installation) find(id string) *job {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, j := range i.jobs {
		if j.id() == id {
			return j
		}
	}
	return nil
}

// Kept lists the digests that must stay in private storage for plans that are under way.
func (i *Installation) Kept() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var kept []string
	for _, j := range i.jobs {
		if !j.over() {
			kept = append(kept, j.digests()...)
		}
	}
	return kept
}

// Withheld reports whether a bundle must not run because not all of its plan is there yet,
// or because its plan is being taken back. It is quick.
func (i *Installation) Withheld(digest string) bool {
	i.barring.Lock()
	defer i.barring.Unlock()
	return i.withheld[digest] > 0
}

// withhold keeps bundles from running until free is called.
func (i *Installation) withhold(digests []string) (free func()) {
	i.barring.Lock()
	defer i.barring.Unlock()
	for _, d := range digests {
		i.withheld[d]++
	}
	return sync.OnceFunc(func() {
		i.barring.Lock()
		defer i.barring.Unlock()
		for _, d := range digests {
			if i.withheld[d]--; i.withheld[d] <= 0 {
				delete(i.withheld, d)
			}
		}
	})
}
