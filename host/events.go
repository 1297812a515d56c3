package host

import (
	"context"
	"reflect"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/events"
)

const (
	// noticePause is the least time between two looks at the rows: of an extension that
	// changes more often than that, only how it is then is told.
	noticePause = 250 * time.Millisecond
	// maxSubscribers bounds who follows at once. Each is a connection and costs little.
	maxSubscribers = 256
	// keepRemoved is how many rows that are gone are told to who comes back.
	keepRemoved = 1024
)

// NoticeKind says what a Notice tells. The set is closed, and so are the names: they are
// those of the events of the admin API.
type NoticeKind string

// The kinds.
const (
	NoticeExtension NoticeKind = "extension" // Extension is how a row is now
	NoticeRemoved   NoticeKind = "removed"   // the row ID is gone
	NoticeJob       NoticeKind = "job"       // Job is how a job is now
	// NoticeReset says that what the subscriber knew counts no more: all rows follow.
	NoticeReset NoticeKind = "reset"
	NoticePlan  NoticeKind = "plan" // Plan is how a plan is now
)

// Notice says that something is otherwise than before. It tells how things are now, not
// what happened in between: changes that follow each other quickly are one Notice.
type Notice struct {
	// Seq is its place: it grows, also over restarts of the host.
	Seq  uint64
	Kind NoticeKind
	// ID is the id of the row or the plan, or the name of the job.
	ID        string
	Extension *Extension // not to be changed
	Job       *Job       // not to be changed
	Plan      *Plan      // not to be changed
}

// subject is what a feed says of one key: a row, a job or a plan.
type subject struct {
	extension *Extension
	job       *Job
	plan      *Plan
}

func newFeed() *events.Feed[subject] {
	return events.New(events.Config[subject]{
		Subscribers: maxSubscribers, Gone: keepRemoved,
		Opening: func(s subject) bool {
			return (s.job == nil || !s.job.State.Ended()) && (s.plan == nil || !s.plan.State.Over())
		},
	})
}

// The keys of a feed: ids may be anything.
const (
	rowKey  = "row "
	jobKey  = "job "
	planKey = "plan "
)

// Subscription gives notices. It belongs to one goroutine.
type Subscription struct {
	inner *events.Subscription[subject]
}

// Events subscribes to what changes. With after 0 it begins with every row and every job
// that is at work; with the Seq of a Notice, behind that one: with what has changed since,
// or, when that is not known any more, with a reset and every row. Whoever subscribes must
// Close. The error is unavailable when there are too many subscribers.
func (h *Host) Events(after uint64) (*Subscription, error) {
	inner, err := h.feed.Subscribe(after)
	if err != nil {
		return nil, &Error{Code: CodeUnavailable, Message: "too many follow the events of this host already", Hint: "end one of them, or ask again later"}
	}
	return &Subscription{inner}, nil
}

// Next waits for the next notice. It returns ctx's error when that ends first, and can
// be called again then; io.EOF when the host has stopped.
func (s *Subscription) Next(ctx context.Context) (Notice, error) {
	e, err := s.inner.Next(ctx)
	if err != nil {
		return Notice{}, err
	}
	n := Notice{Seq: e.Seq, Extension: e.Value.extension, Job: e.Value.job, Plan: e.Value.plan}
	switch {
	case e.Reset:
		n.Kind = NoticeReset
	case e.Gone: // jobs are forgotten, not removed
		n.Kind, n.ID = NoticeRemoved, e.Key[len(rowKey):]
	case n.Job != nil:
		n.Kind, n.ID = NoticeJob, n.Job.Name
	case n.Plan != nil:
		n.Kind, n.ID = NoticePlan, n.Plan.ID
	default:
		n.Kind, n.ID = NoticeExtension, n.Extension.ID
	}
	return n, nil
}

// Close ends the subscription.
func (s *Subscription) Close() { s.inner.Close() }

// tellPlan tells the feed how a plan is.
func (h *Host) tellPlan(p Plan) { h.feed.Set(planKey+p.ID, subject{plan: &p}) }

// announce tells the feed how the rows change, until ctx ends, and once more then.
func (h *Host) announce(ctx context.Context) {
	told := map[string]Extension{}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		h.tell(told, *h.rows.Load())
		if ctx.Err() != nil {
			return
		}
		pause.Reset(noticePause)
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// tell says what is otherwise than told, and notes it there.
func (h *Host) tell(told map[string]Extension, rows []row) {
	there := make(map[string]bool, len(rows))
	for _, r := range rows {
		if there[r.ID] { // its old version is stopping, or a file claims its name
			continue
		}
		there[r.ID] = true
		if old, ok := told[r.ID]; ok && reflect.DeepEqual(old, r.Extension) {
			continue
		}
		told[r.ID] = r.Extension
		now := r.now()
		h.feed.Set(rowKey+r.ID, subject{extension: &now})
	}
	for id := range told {
		if !there[id] {
			delete(told, id)
			h.feed.Remove(rowKey + id)
		}
	}
}

// steady keeps the reasons that rows without a process had before, where nothing of them is
// new but the time at which they were found.
func steady(before, rows []row) {
	type place struct{ id, file string }
	reasons := make(map[place]*Reason, len(before))
	for _, r := range before {
		reasons[place{r.ID, r.File}] = r.Reason
	}
	for i := range rows {
		old, now := reasons[place{rows[i].ID, rows[i].File}], rows[i].Reason
		if old == nil || now == nil || old == now || rows[i].instance != nil {
			continue
		}
		same := *now
		same.Time = old.Time
		if reflect.DeepEqual(*old, same) {
			rows[i].Reason = old
		}
	}
}

// startAnnouncing runs announce; the returned function ends it, and the feed.
func (h *Host) startAnnouncing() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.announce(ctx)
	}()
	return func() {
		cancel()
		<-done
		h.feed.Close()
	}
}
