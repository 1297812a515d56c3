package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/configuration"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
	"github.com/jackfield-host/jackfield/sdk"
)

// reconfiguration is a change of configuration on its way.
type reconfiguration struct {
	change        ConfigurationChange
	row           row
	edition       *edition // that it is for
	brings        bool     // that one does not run yet, and comes with it
	awaiting      *Awaiting
	is            state.Configuration
	before, after configuration.Document
	effective     json.RawMessage // what the extension is to get
	diff          []Difference
	saved         state.Change // what makes it last
}

// reconfigurationOf checks a change for one version and compares.
func (h *Host) reconfigurationOf(e *edition, r row, c ConfigurationChange) (*reconfiguration, error) {
	p := &reconfiguration{change: c, row: r, edition: e}
	p.is, _ = h.state.Configuration(c.ID)
	if c.Revision >= 0 && c.Revision != p.is.Revision {
		return p, p.conflict()
	}
	var err error
	if p.before, _, err = h.document(e, p.is); err != nil {
		return p, err
	}
	sent, err := e.config.Take(c.Values)
	if err != nil {
		return p, asInvalid(err)
	}
	p.after = p.before.Keep(sent)
	effective, violations := e.config.Effective(p.after)
	if len(violations) > 0 {
		return p, violated(violationsOf(violations))
	}
	p.effective = effective
	p.diff = differences(p.before, p.after)
	return p, nil
}

// differences is never nil.
func differences(before, after configuration.Document) []Difference {
	list := []Difference{}
	for _, d := range configuration.Diff(before, after) {
		kind := "changed"
		switch {
		case !d.Was:
			kind = "added"
		case !d.Is:
			kind = "removed"
		}
		list = append(list, Difference{Pointer: d.Pointer, Kind: kind, Before: d.Before, After: d.After, Secret: d.Secret})
	}
	return list
}

func (p *reconfiguration) conflict() error {
	now := "nothing is set any more"
	if p.is.Revision > 0 {
		now = fmt.Sprintf("it is revision %d now, by %s at %s", p.is.Revision, p.is.By, p.is.Time.Format(time.RFC3339))
	}
	return &Error{
		Code: CodeConflict, Message: fmt.Sprintf("the configuration of %s is not revision %d any more: %s", p.change.ID, p.change.Revision, now),
		Hint: "look at it as it is now, and change that", Stale: true,
	}
}

// way is how it comes to the extension.
func (p *reconfiguration) way() Applied {
	if p.brings {
		return AppliedRestart
	}
	return p.row.way()
}

// result is p as its answer shows it; is is what is stored by now.
func (p *reconfiguration) result(is state.Configuration, way Applied) ConfigurationResult {
	result := ConfigurationResult{Configuration: configurationOf(p.edition.config, is, p.after), Diff: append([]Difference{}, p.diff...)}
	if result.Awaiting = p.awaiting; way != "" && is.Revision != p.is.Revision {
		result.Awaiting = nil // it is tried with this one
	}
	if len(p.diff) > 0 {
		result.Applied = way
	}
	return result
}

// seal prepares what is written when the change is made.
func (p *reconfiguration) seal(h *Host) error {
	id := p.change.ID
	sealed, err := h.vault.Seal(id, p.after.Secrets)
	if err != nil {
		return err
	}
	now := time.Now()
	next := &state.Configuration{
		Revision: p.is.Revision + 1, Time: now, By: p.change.Actor.Name, Values: p.after.Encode(), Secrets: sealed,
	}
	p.saved = state.Change{
		ID: id, Configuration: next,
		// A version that wanted another configuration is tried with this one.
		Edit: func(x *state.Extension) { x.Rejected = withoutMisconfigured(x.Rejected) },
		Events: []state.Event{{
			Time: now, Kind: eventConfigured, Version: p.edition.version(), Digest: p.edition.Digest(), Actor: p.change.Actor.Name,
			Message: fmt.Sprintf("revision %d: %s", next.Revision, p.places()),
		}},
		Audit: []state.AuditEntry{{
			Time: now, Actor: p.change.Actor.Name, Action: actionConfigure, Target: id, Remote: p.change.Actor.Remote,
			Before: p.audited(p.is.Revision, func(d Difference) json.RawMessage { return d.Before }, "added"),
			After:  p.audited(next.Revision, func(d Difference) json.RawMessage { return d.After }, "removed"),
		}},
	}
	return nil
}

func withoutMisconfigured(list []state.Rejection) []state.Rejection {
	return slices.DeleteFunc(slices.Clone(list), func(r state.Rejection) bool { return r.Code == lifecycle.CodeConfigInvalid })
}

// places names what has changed.
func (p *reconfiguration) places() string {
	const most = 20
	var names []string
	for i, d := range p.diff {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(p.diff)-i))
			break
		}
		names = append(names, d.Kind+" "+d.Pointer)
	}
	return strings.Join(names, ", ")
}

// audited is one side of the change for the audit trail: the values that have changed, of
// secrets that they were set. Differences of the kind absent have no value on this side.
func (p *reconfiguration) audited(revision int64, side func(Difference) json.RawMessage, absent string) json.RawMessage {
	values := map[string]json.RawMessage{}
	for _, d := range p.diff {
		switch {
		case d.Kind == absent:
		case d.Secret:
			values[d.Pointer] = json.RawMessage(`"(secret)"`)
		default:
			values[d.Pointer] = side(d)
		}
	}
	raw, err := json.Marshal(struct {
		Revision int64                      `json:"revision"`
		Values   map[string]json.RawMessage `json:"values"`
	}{revision, values})
	if err != nil { // every value is JSON
		return nil
	}
	return raw
}

// apply makes a change that needs no new process: live, or for the next one.
func (h *Host) apply(ctx context.Context, p *reconfiguration, way Applied) error {
	keep := func() error { return h.journal.save(p.saved) }
	if way == AppliedStored {
		return keep()
	}
	to := supervisor.Configuration{JSON: p.effective, Revision: p.saved.Configuration.Revision}
	err := p.row.instance.Configure(ctx, to, keep)
	var refused *supervisor.RefusedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return p.refused(refused.Message, refused.Violations)
	case errors.Is(err, supervisor.ErrUnsure):
		h.reconciler.order(p.change.ID, func(o *orders) { o.restart++ })
		if errors.Is(err, state.ErrFull) || errors.Is(err, state.ErrReadOnly) {
			return err
		}
		h.cfg.Log.Warn("a configuration was not confirmed: the extension is started again with the one from before", "ext", p.change.ID, "error", err)
		return &Error{
			Code: CodeUnavailable, Message: "the extension has not confirmed the configuration within timeouts.start, or has failed with it; it is started again with the one it had",
			Hint: "its log says more",
		}
	case errors.Is(err, supervisor.ErrNoProcess), errors.Is(err, supervisor.ErrNotLive):
		return &Error{Code: CodeConflict, Message: p.change.ID + " has stopped or was replaced just now", Hint: "do it again"}
	}
	return err
}

// refused is the error of a configuration that the extension does not want. What it says
// is for the administrator, but for secrets that it repeats.
func (p *reconfiguration) refused(message string, violations []sdk.Violation) error {
	list := violationsOf(violations)
	for i := range list {
		list[i].Message = p.after.Redact(list[i].Message)
	}
	message = p.after.Redact(message)
	if len(list) == 0 {
		list = []Violation{{Message: "the extension refuses it: " + message}}
	}
	return &Error{Code: CodeValidationFailed, Message: "the extension refuses the configuration: " + message, Violations: list}
}

func violationsOf(list []sdk.Violation) []Violation {
	own := make([]Violation, len(list))
	for i, v := range list {
		own[i] = Violation{Pointer: v.Pointer, Message: v.Message}
	}
	return own
}

// turns lets one change at a time be made to the configuration of an extension.
type turns struct {
	mu    sync.Mutex
	taken map[string]chan struct{} // closed when the turn is over
}

// take waits for the turn of id.
func (t *turns) take(ctx context.Context, id string) (release func(), err error) {
	for {
		t.mu.Lock()
		before, taken := t.taken[id]
		if !taken {
			over := make(chan struct{})
			t.taken[id] = over
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				delete(t.taken, id)
				t.mu.Unlock()
				close(over)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// now reports whether a change to id is being made.
func (t *turns) now(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, taken := t.taken[id]
	return taken
}
