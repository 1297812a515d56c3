package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/configuration"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
	"github.com/jackfield-host/jackfield/host/internal/supervisor"
	"github.com/jackfield-host/jackfield/internal/schema"
)

// settlePatience is how long a change of configuration waits for an extension that is
// being started, upgraded or stopped.
const settlePatience = 30 * time.Second

// eventConfigured is the kind of the event of a change, actionConfigure what the audit
// trail calls it.
const (
	eventConfigured = "configured"
	actionConfigure = "configure"
)

// Configuration returns the configuration of an extension. The error is an *Error.
func (h *Host) Configuration(ctx context.Context, id string) (Configuration, error) {
	r, err := h.configurable(id)
	if err != nil {
		return Configuration{}, asError(err)
	}
	is, _ := h.state.Configuration(id)
	d, _, err := h.document(r.edition, is)
	if err != nil {
		return Configuration{}, asError(err)
	}
	c := configurationOf(r.edition.config, is, d)
	c.Awaiting = awaitingOf(h.awaited(ctx, r), r)
	return c, nil
}

// ConfigurationRevisions returns the revisions that are kept, the newest first. The error
// is an *Error.
func (h *Host) ConfigurationRevisions(ctx context.Context, id string) ([]ConfigurationRevision, error) {
	r, err := h.configurable(id)
	if err != nil {
		return nil, asError(err)
	}
	kept, err := h.state.Configurations(ctx, id)
	if err != nil {
		return nil, asError(err)
	}
	list := make([]ConfigurationRevision, len(kept))
	var later configuration.Document
	for i, is := range kept {
		secrets := map[string]any{}
		for pointer := range is.Secrets {
			secrets[pointer] = true // that it was set is all that is known
		}
		d, err := r.edition.config.Stored(is.Values, secrets)
		if err != nil {
			return nil, asError(err)
		}
		list[i] = ConfigurationRevision{Revision: is.Revision, Time: is.Time, By: is.By, Values: d.Encode()}
		if i > 0 {
			list[i-1].Diff = differences(d, later)
		}
		later = d
	}
	if n := len(list); n > 0 && list[n-1].Revision == 1 {
		list[n-1].Diff = differences(configuration.Document{}, later)
	}
	return list, nil
}

// Configure changes the configuration of an extension, and returns when the change is
// durable and the extension has it. The error is an *Error, and nothing has changed
// then: with CodeValidationFailed the values break the schema or the extension has
// refused them, with CodeConflict somebody else has changed it.
func (h *Host) Configure(ctx context.Context, c ConfigurationChange) (ConfigurationResult, error) {
	result, err := h.configure(ctx, c)
	if err != nil {
		return ConfigurationResult{}, asError(err)
	}
	return result, nil
}

func (h *Host) configure(ctx context.Context, c ConfigurationChange) (ConfigurationResult, error) {
	if c.DryRun {
		r, err := h.configurable(c.ID)
		if err != nil {
			return ConfigurationResult{}, err
		}
		plan, err := h.reconfiguration(ctx, r, c)
		if err != nil {
			return ConfigurationResult{}, err
		}
		return plan.result(plan.is, plan.way()), nil
	}
	release, err := h.turns.take(ctx, c.ID)
	if err != nil {
		return ConfigurationResult{}, err
	}
	over := func() { release(); h.reconciler.wake() }
	r, err := h.settled(ctx, c.ID)
	if err != nil {
		over()
		return ConfigurationResult{}, err
	}
	plan, err := h.reconfiguration(ctx, r, c)
	if err != nil || len(plan.diff) == 0 {
		over()
		return plan.result(plan.is, ""), err
	}
	if err := plan.seal(h); err != nil {
		over()
		return ConfigurationResult{}, err
	}
	way := plan.way()
	if way == AppliedRestart {
		err = h.applyByRestart(ctx, plan, over)
	} else {
		err = h.apply(ctx, plan, way)
		over()
	}
	if err != nil {
		return ConfigurationResult{}, err
	}
	h.reconciler.order(c.ID, func(o *orders) { o.retry++ })
	h.journal.changed()
	if err := h.sync(ctx); err != nil {
		return ConfigurationResult{}, err
	}
	return plan.result(*plan.saved.Configuration, way), nil
}

// configurable returns the row of an extension, whose edition has the schema.
func (h *Host) configurable(id string) (row, error) {
	for _, r := range *h.rows.Load() {
		if r.ID == id && r.edition != nil {
			return r, nil
		}
	}
	if !h.looked.Load() {
		return row{}, &Error{Code: CodeUnavailable, Message: "the host has just started and has not read the extensions folder yet", Hint: "do it again in a moment"}
	}
	return row{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q that could be configured", id), Hint: "the list of extensions has the ids"}
}

// settled waits until nothing is under way with an extension.
func (h *Host) settled(ctx context.Context, id string) (r row, err error) {
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	missing := h.awaitRows(ctx, func() bool {
		r, err = h.configurable(id)
		return err != nil || r.atRest && r.State.Settled() && r.State != lifecycle.Draining
	})
	if missing != nil {
		return r, &Error{Code: CodeConflict, Message: fmt.Sprintf("%s is being started, upgraded or stopped", id), Hint: "configure it when it has settled"}
	}
	return r, err
}

// way is how another configuration would come to an extension as things stand.
func (r row) way() Applied {
	switch {
	case r.State != lifecycle.Running || r.instance == nil:
		return AppliedStored
	case r.instance.TakesConfiguration():
		return AppliedLive
	}
	return AppliedRestart
}

// document reads what is stored, with what e says of it. lost are secrets that do not
// open with the key of this home.
func (h *Host) document(e *edition, is state.Configuration) (d configuration.Document, lost []string, err error) {
	if is.Revision == 0 {
		return d, nil, nil
	}
	secrets, lost := h.vault.Open(e.entry.ID(), is.Secrets)
	if d, err = e.config.Stored(is.Values, secrets); err != nil {
		err = fmt.Errorf("the configuration of %s: %w", e.entry.ID(), err)
	}
	return d, lost, err
}

// configurationFor is what a process of e is given, or why there cannot be one.
func (h *Host) configurationFor(e *edition) (supervisor.Configuration, *lifecycle.Reason) {
	if t := e.trial; t != nil && !t.over() {
		return supervisor.Configuration{JSON: t.effective, Revision: t.revision}, nil
	}
	is, _ := h.state.Configuration(e.entry.ID())
	d, lost, err := h.document(e, is)
	invalid := func(format string, args ...any) *lifecycle.Reason {
		return lifecycle.Reasonf(lifecycle.StageInit, lifecycle.CodeConfigInvalid, format, args...)
	}
	switch {
	case err != nil:
		return supervisor.Configuration{}, invalid("%v", err)
	case len(lost) > 0:
		return supervisor.Configuration{}, invalid("conf/secret.key is not the key with which %s %s sealed; put the key back, or set them anew",
			strings.Join(lost, ", "), map[bool]string{true: "were", false: "was"}[len(lost) > 1])
	}
	effective, violations := e.config.Effective(d)
	if len(violations) > 0 {
		what := "its configuration is not valid"
		if is.Revision == 0 {
			what = "it has to be configured first"
		}
		return supervisor.Configuration{}, invalid("%s: %s; it starts by itself when that is set", what, sayViolations(violationsOf(violations)))
	}
	return supervisor.Configuration{JSON: effective, Revision: is.Revision}, nil
}

// asInvalid makes an *Error of values that make no configuration.
func asInvalid(err error) error {
	var broken *schema.Error
	switch {
	case errors.Is(err, configuration.ErrTooLarge):
		return &Error{Code: CodeTooLarge, Message: err.Error()}
	case errors.Is(err, configuration.ErrNoObject):
		return violated([]Violation{{Message: err.Error()}})
	case errors.As(err, &broken):
		return &Error{Code: CodeInvalidArgument, Message: "the configuration is not JSON: " + broken.Error()}
	}
	return err
}

// violated is the error of values that break the schema, or that the extension refuses.
func violated(list []Violation) *Error {
	return &Error{
		Code: CodeValidationFailed, Message: "the configuration is not valid: " + sayViolations(list), Violations: list,
	}
}

// namedViolations is how many a message names.
const namedViolations = 5

func sayViolations(list []Violation) string {
	var parts []string
	for i, v := range list {
		if i == namedViolations {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		if v.Pointer == "" {
			parts = append(parts, v.Message)
		} else {
			parts = append(parts, v.Pointer+": "+v.Message)
		}
	}
	return strings.Join(parts, "; ")
}

// configurationOf is the view of a configuration.
func configurationOf(s *configuration.Schema, is state.Configuration, d configuration.Document) Configuration {
	c := Configuration{Schema: s.Raw(), Values: d.Encode(), Secrets: []Secret{}, Revision: is.Revision, By: is.By}
	if c.Schema == nil {
		c.Schema = json.RawMessage("null")
	}
	for _, secret := range s.Secrets(d) {
		c.Secrets = append(c.Secrets, Secret(secret))
	}
	if is.Revision > 0 {
		c.Changed = &is.Time
	}
	return c
}
