package host

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
)

const (
	// journalPatience bounds one change of the database that the reconciler waits for.
	journalPatience = 10 * time.Second
	// journalAgain is the pause before what could not be written is tried again.
	journalAgain = 5 * time.Second
	// flushPatience bounds how long a verb waits for the events of before it.
	flushPatience = time.Second
	// journalQueue bounds the events that wait to be written. More are lost, and said
	// to be: the history is worth less than what runs.
	journalQueue = 1024
)

// The kinds of events besides those of package deploy; a failure has its code.
const (
	eventRejected = "rejected"
	eventRemoved  = "removed"
	eventStopped  = "stopped"
	// Of permissions: no version asks for them any more.
	eventForgotten = "forgotten"
)

// actorHost and actorFolder are who did what no administrator did.
const (
	actorHost   = "host"
	actorFolder = "folder"
)

// journal writes to the database what the reconciler and the processes have to say.
// What decides about the next start is written before the reconciler goes on; mere
// events are written by run.
type journal struct {
	state   *state.Store
	log     *slog.Logger
	changed func() // the standing of an extension is another one
	events  chan state.Change
	flushes chan chan struct{} // each closed when the events before it are written
	ended   chan struct{}      // closed when run has ended

	mu      sync.Mutex // guards what follows
	unsaved map[string]state.Change
	mute    bool // that events are lost was told
}

func newJournal(s *state.Store, log *slog.Logger, changed func()) *journal {
	return &journal{
		state: s, log: log, changed: changed, unsaved: map[string]state.Change{},
		events: make(chan state.Change, journalQueue), flushes: make(chan chan struct{}), ended: make(chan struct{}),
	}
}

// run writes until close was called and everything is written.
func (j *journal) run() {
	defer close(j.ended)
	again := time.NewTicker(journalAgain)
	defer again.Stop()
	for {
		select {
		case change, ok := <-j.events:
			if !ok {
				j.saveUnsaved()
				return
			}
			j.write(change)
		case done := <-j.flushes:
			for range len(j.events) {
				if change, ok := <-j.events; ok {
					j.write(change)
				}
			}
			close(done)
		case <-again.C:
			j.saveUnsaved()
		}
	}
}

// flush waits until the events of before are written, so that what is written next comes
// after them in the history. It does not wait longer than flushPatience: then the order
// is worth less than what is to be done.
func (j *journal) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	done := make(chan struct{})
	select {
	case j.flushes <- done:
	case <-j.ended:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// close ends run and waits for it; nobody may call another method after it.
func (j *journal) close() {
	close(j.events)
	<-j.ended
}

func (j *journal) write(change state.Change) {
	err := j.save(change)
	j.mu.Lock()
	told := j.mute
	j.mute = err != nil
	j.mu.Unlock()
	if err != nil && !told {
		j.log.Error("events of extensions are lost: they cannot be written", "error", err)
	}
}

func (j *journal) save(change state.Change) error {
	ctx, cancel := context.WithTimeout(context.Background(), journalPatience)
	defer cancel()
	return j.state.Change(ctx, change)
}

// decide writes a change that decides about the next start. If that cannot be done
// now, it is done as soon as it can.
func (j *journal) decide(change state.Change) {
	j.mu.Lock()
	delete(j.unsaved, change.ID) // an older one would come too late
	j.mu.Unlock()
	if err := j.save(change); err != nil {
		j.log.Error("what runs cannot be written down, trying again: a host that is killed now starts with what was written last",
			"ext", change.ID, "error", err)
		j.mu.Lock()
		j.unsaved[change.ID] = change
		j.mu.Unlock()
	}
	j.changed()
}

func (j *journal) saveUnsaved() {
	j.mu.Lock()
	unsaved := maps.Clone(j.unsaved)
	j.mu.Unlock()
	for id, change := range unsaved {
		if err := j.save(change); err != nil {
			return
		}
		j.log.Info("what runs is written down again", "ext", id)
		j.mu.Lock()
		delete(j.unsaved, id)
		j.mu.Unlock()
		j.changed()
	}
}

// event writes an event sometime soon.
func (j *journal) event(id string, e state.Event) {
	e.Time = time.Now()
	select {
	case j.events <- state.Change{ID: id, Events: []state.Event{e}}:
	default:
		j.mu.Lock()
		told := j.mute
		j.mute = true
		j.mu.Unlock()
		if !told {
			j.log.Error("events of extensions are lost: they come faster than they are written")
		}
	}
}

// evidence is what is kept of a failure beside its message.
type evidence struct {
	Stage    lifecycle.Stage `json:"stage"`
	ExitCode *int            `json:"exit_code"`
	Signal   string          `json:"signal"`
	Stderr   []string        `json:"stderr"`
	Dump     string          `json:"goroutines,omitempty"`
}

func evidenceOf(r *lifecycle.Reason, dump []byte) json.RawMessage {
	raw, err := json.Marshal(evidence{r.Stage, r.ExitCode, r.Signal, r.Stderr, string(dump)})
	if err != nil { // a struct of strings
		return nil
	}
	return raw
}

// failed notes the failure of a process.
func (j *journal) failed(e *edition, f supervisor.Failure) {
	j.event(e.entry.ID(), state.Event{
		Kind: f.Reason.Code, Version: e.version(), Digest: e.Digest(), Actor: actorHost,
		Code: f.Reason.Code, Message: f.Reason.Message, Evidence: evidenceOf(f.Reason, f.Dump),
	})
}

// gone notes that nothing of an extension runs or should. why is the reason of a file of
// it that is still there, nil for none.
func (j *journal) gone(id string, why *lifecycle.Reason) {
	if why != nil {
		j.event(id, state.Event{Kind: eventStopped, Actor: actorHost, Code: why.Code, Message: why.Message})
		return
	}
	j.removed(id, "its file left the extensions folder")
}

func (j *journal) removed(id, why string) {
	is, known := j.state.Extension(id)
	if !known || !is.Removed.IsZero() {
		return
	}
	now := time.Now()
	j.decide(state.Change{
		ID: id, Edit: func(x *state.Extension) { x.Removed = now },
		Events: []state.Event{{
			Time: now, Kind: eventRemoved, Version: is.Version, Digest: is.Current, Actor: actorFolder, Message: why,
		}},
	})
}

// missing notes what was removed while the host was down.
func (j *journal) missing(view catalog.View) {
	if view.Err != nil {
		return
	}
	desired := map[string]bool{}
	for _, e := range view.Desired {
		desired[e.ID()] = true
	}
	for id, is := range j.state.Extensions() {
		if is.Current != "" && !desired[id] && claimed(&view, id) == nil {
			j.removed(id, "its file left the extensions folder while the host was down")
		}
	}
}

// of returns the deploy.Journal of one extension.
func (j *journal) of(h *Host, e *extension) deploy.Journal { return &extensionJournal{j, h, e, e.id} }

// extensionJournal belongs to the reconciler's goroutine, as its extension does.
type extensionJournal struct {
	*journal
	host      *Host
	extension *extension
	id        string
}

// Healthy is part of deploy.Journal.
func (j *extensionJournal) Healthy(v deploy.Version) {
	e := v.(*edition)
	if e.trial != nil {
		j.keep(e.trial)
	}
	is, _ := j.state.Extension(j.id)
	publisher := j.host.publisherOf(e.entry.Bundle)
	if is.Current != e.Digest() || !is.Removed.IsZero() || !is.Consented || is.Publisher == "" && publisher != "" { // else it is as before the host was restarted
		j.decide(state.Change{
			ID: j.id,
			Edit: func(x *state.Extension) {
				x.Removed, x.Consented = time.Time{}, true
				x.Publisher = cmp.Or(x.Publisher, publisher)
			},
			Healthy: &state.Version{Version: e.version(), Digest: e.Digest(), File: e.entry.File, Permissions: e.asks()},
		})
	}
	asks := e.asks()
	if w := j.extension.wanted; w != nil {
		asks = slices.Concat(asks, w.asks())
	}
	j.forget(j.id, j.host.askedFor(j.id, asks))
}

func without(list []state.Rejection, digest string) []state.Rejection {
	var left []state.Rejection
	for _, r := range list {
		if r.Digest != digest {
			left = append(left, r)
		}
	}
	return left
}

// Rejected is part of deploy.Journal.
func (j *extensionJournal) Rejected(v deploy.Version, why *lifecycle.Reason) {
	j.failedTrial(v, why)
	e := v.(*edition)
	j.decide(state.Change{
		ID: j.id,
		Edit: func(x *state.Extension) {
			r := rejectionOf(e, why)
			x.Rejected = append([]state.Rejection{r}, without(x.Rejected, r.Digest)...)
		},
		Events: []state.Event{{
			Time: time.Now(), Kind: eventRejected, Version: e.version(), Digest: e.Digest(), Actor: actorHost,
			Code: why.Code, Message: why.Message, Evidence: evidenceOf(why, nil),
		}},
	})
}

// rejectionOf is a reason as the database keeps it; reasonOf makes it one again.
func rejectionOf(e *edition, why *lifecycle.Reason) state.Rejection {
	return state.Rejection{
		Digest: e.Digest(), Version: e.version(), File: e.entry.File, Stage: string(why.Stage), Asks: e.asks(),
		Code: why.Code, Message: why.Message, Time: why.Time, ExitCode: why.ExitCode, Signal: why.Signal, Stderr: why.Stderr,
	}
}

func reasonOf(r state.Rejection) *lifecycle.Reason {
	return &lifecycle.Reason{
		Code: r.Code, Stage: lifecycle.Stage(r.Stage), Message: r.Message, Time: r.Time,
		ExitCode: r.ExitCode, Signal: r.Signal, Stderr: append([]string{}, r.Stderr...),
	}
}

// Note is part of deploy.Journal.
func (j *extensionJournal) Note(kind string, v deploy.Version, message string) {
	e := v.(*edition)
	j.log.Info("extension "+kind, "ext", j.id, "version", e.version(), "message", message)
	j.event(j.id, state.Event{Kind: kind, Version: e.version(), Digest: e.Digest(), Actor: actorHost, Message: message})
}
