package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/catalog"
	"github.com/jackfield-host/jackfield/host/internal/deploy"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/logs"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// Act does what an administrator wants done to an extension. What it decides is on disk
// before it returns, and the row is as things stand then: Settle waits for what
// follows. The error is an *Error, and nothing has changed then.
func (h *Host) Act(ctx context.Context, a Action) (Extension, error) {
	row, err := h.actAlone(ctx, a)
	if err == nil && a.Verb == VerbRemove && a.Purge {
		// What was begun is brought to its end, whether or not somebody waits for it.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), h.cfg.Settings(a.ID).DrainTimeout+purgePatience)
		defer cancel()
		err = h.purge(ctx, a)
	}
	if err != nil {
		return Extension{}, asError(err)
	}
	return row, nil
}

// purgePatience is how long a purge waits for the processes to end, besides the time
// that they have for their last requests.
const purgePatience = 20 * time.Second

// actAlone does one thing at a time: each sees what the one before did.
func (h *Host) actAlone(ctx context.Context, a Action) (Extension, error) {
	h.acting.Lock()
	defer h.acting.Unlock()
	return h.act(ctx, a)
}

func (h *Host) act(ctx context.Context, a Action) (Extension, error) {
	row, found := h.Extension(a.ID)
	isFile := found && row.ID == row.File && row.Claims != row.ID && row.State != lifecycle.Running
	_, known := h.state.Extension(a.ID)
	if !found && !h.looked.Load() {
		return row, &Error{Code: CodeUnavailable, Message: "the host has just started and has not read the extensions folder yet", Hint: "do it again in a moment"}
	}
	if !found && !(known && a.Verb == VerbRemove && a.Purge) {
		return row, &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q", a.ID), Hint: "the list of extensions has the ids"}
	}
	if a.Revision != "" && a.Revision != row.Revision() {
		return row, &Error{Code: CodeConflict, Message: a.ID + " is not as it was any more", Hint: "look at it again, and decide then", Stale: true}
	}
	if isFile && !known && a.Verb != VerbRecheck {
		return h.actOnFile(ctx, a, row)
	}
	change := state.Change{ID: a.ID}
	var order func(*orders)
	var err error
	switch a.Verb {
	case VerbEnable:
		change.Edit = func(x *state.Extension) { x.Disabled, x.Unconfirmed = false, false }
		order = func(o *orders) { o.retry++ }
	case VerbDisable:
		if err = h.needed(a, "disabled"); err == nil {
			change.Edit = func(x *state.Extension) { x.Disabled = true }
		}
	case VerbRestart:
		if !row.Enabled {
			err = &Error{Code: CodeConflict, Message: a.ID + " is disabled, there is nothing to restart", Hint: "enable it"}
		}
		order = func(o *orders) { o.restart++ }
	case VerbRetry:
		change.Edit = func(x *state.Extension) { x.Rejected = nil }
		order = func(o *orders) { o.retry++ }
	case VerbPin, VerbRollback:
		var target Version
		if target, err = chooseVersion(a, row); err == nil {
			a.Version = target.Version // as the history names it
			change.Edit, order, err = h.hold(a, row, target)
		}
	case VerbUnpin:
		change.Edit = func(x *state.Extension) { x.Pinned = "" }
		order = func(o *orders) { o.restoreData = false }
	case VerbRemove:
		return h.remove(ctx, a, row)
	case VerbConsent, VerbRevoke:
		return h.decide(ctx, a, row)
	case VerbRecheck:
		return h.recheck(ctx, a, row)
	case VerbLogLevel:
		return h.setLogLevel(ctx, a, row)
	default:
		err = &Error{Code: CodeInvalidArgument, Message: fmt.Sprintf("there is no verb %q", a.Verb)}
	}
	if err != nil {
		return row, err
	}
	if err := h.change(ctx, a, row, change); err != nil {
		return row, err
	}
	if order != nil {
		h.reconciler.order(a.ID, order)
	}
	return h.synced(ctx, row)
}

// synced returns the row that an extension has once it shows what was decided before,
// the one of before when it is gone.
func (h *Host) synced(ctx context.Context, row Extension) (Extension, error) {
	if err := h.sync(ctx); err != nil {
		return row, err
	}
	if now, ok := h.Extension(row.ID); ok {
		return now, nil
	}
	return row, nil
}

// actOnFile is for a file that is no extension: it can be tried again and removed.
func (h *Host) actOnFile(ctx context.Context, a Action, row Extension) (Extension, error) {
	switch a.Verb {
	case VerbRetry:
		if err := h.catalog.Again(ctx, row.File); err != nil {
			return row, err
		}
	case VerbRemove:
		if err := h.catalog.WithdrawFile(ctx, row.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return row, err
		}
	default:
		return row, &Error{
			Code: CodeConflict, Message: fmt.Sprintf("%q is a file that is no extension: %s", row.File, textOf(row.Reason)),
			Hint: "it can be removed, or tried again",
		}
	}
	// It is done, whether or not somebody still waits for the answer.
	if err := h.state.Change(context.WithoutCancel(ctx), state.Change{Audit: []state.AuditEntry{auditOf(a, nil, nil)}}); err != nil {
		h.cfg.Log.Error("writing the audit trail", "error", err)
	}
	return row, h.sync(ctx)
}

func textOf(r *Reason) string {
	if r == nil {
		return "no reason is known"
	}
	return r.Message
}

// needed refuses what others would miss.
func (h *Host) needed(a Action, done string) error {
	others := h.catalog.Dependents(a.ID)
	if len(others) == 0 || a.Force {
		return nil
	}
	return &Error{
		Code:    CodeConflict,
		Message: fmt.Sprintf("%s is needed by %s and cannot be %s", a.ID, strings.Join(others, ", "), done),
		Hint:    "disable those first, or force it: they then wait until it is back",
		Others:  others,
	}
}

// hold is how one version is made the one that runs.
func (h *Host) hold(a Action, row Extension, target Version) (edit func(*state.Extension), order func(*orders), err error) {
	if a.RestoreData {
		switch {
		case !row.Enabled:
			err = &Error{Code: CodeConflict, Message: a.ID + " is disabled: its data are put back only when one version hands over to the other", Hint: "enable it first"}
		case !h.dataFolder(a.ID).Has(target.Digest):
			err = &Error{Code: CodeConflict, Message: fmt.Sprintf("there is no copy of the data as version %s of %s left them", target.Version, a.ID)}
		case target.Digest == row.Digest:
			err = &Error{Code: CodeConflict, Message: fmt.Sprintf("version %s of %s runs already", target.Version, a.ID)}
		}
		if err != nil {
			return nil, nil, err
		}
	}
	edit = func(x *state.Extension) {
		x.Pinned = target.Digest
		x.Rejected = without(x.Rejected, target.Digest)
	}
	return edit, func(o *orders) { o.retry++; o.restoreData = a.RestoreData }, nil
}

// chooseVersion finds the kept version that a speaks of: for a roll back without one
// the newest that is not current, for a pin without one the one that runs.
func chooseVersion(a Action, row Extension) (Version, error) {
	var kept []string
	for _, v := range row.Versions {
		switch {
		case a.Version != "" && sameVersion(v.Version, a.Version),
			a.Version == "" && a.Verb == VerbPin && v.Current,
			a.Version == "" && a.Verb == VerbRollback && !v.Current:
			return v, nil
		}
		kept = append(kept, v.Version)
	}
	if a.Version == "" {
		return Version{}, &Error{Code: CodeConflict, Message: fmt.Sprintf("no earlier version of %s is kept", a.ID)}
	}
	return Version{}, &Error{
		Code: CodeNotFound, Message: fmt.Sprintf("version %s of %s is not kept", a.Version, a.ID),
		Hint: "kept are: " + strings.Join(kept, ", "),
	}
}

// sameVersion reports whether two spellings are of one version.
func sameVersion(a, b string) bool {
	one, err1 := bundle.ParseVersion(a)
	two, err2 := bundle.ParseVersion(b)
	return a == b || err1 == nil && err2 == nil && one.Compare(two) == 0
}

// remove takes the extension's files out of the folder. A folder that cannot be
// believed does not bring it back.
func (h *Host) remove(ctx context.Context, a Action, row Extension) (Extension, error) {
	if err := h.needed(a, "removed"); err != nil {
		return row, err
	}
	files, err := h.catalog.Withdraw(ctx, a.ID)
	if err != nil {
		return row, err
	}
	after, err := json.Marshal(map[string]any{"files": files, "purge": a.Purge})
	if err != nil {
		return row, err
	}
	now := time.Now()
	err = h.state.Change(ctx, state.Change{
		ID: a.ID, Edit: func(x *state.Extension) { x.Removed = now },
		Events: []state.Event{{
			Time: now, Kind: eventRemoved, Version: row.Version, Digest: row.Digest, Actor: a.Actor.Name,
			Message: strings.Join(files, ", "),
		}},
		Audit: []state.AuditEntry{auditOf(a, desiredOf(row), after)},
	})
	if err != nil {
		return row, err
	}
	h.expect(a.ID, "") // what was uploaded and has not come yet comes no more
	h.catalog.Wake()
	return row, h.sync(ctx)
}

// purge forgets an extension that was removed, once its processes have ended.
func (h *Host) purge(ctx context.Context, a Action) error {
	gone := func() bool { _, there := h.Extension(a.ID); return !there }
	if err := h.awaitRows(ctx, gone); err != nil {
		return fmt.Errorf("waiting for the processes of %s to end: %w", a.ID, err)
	}
	h.acting.Lock()
	defer h.acting.Unlock()
	if err := errors.Join(h.dataFolder(a.ID).Purge(), h.services.Purge(a.ID), logs.Remove(h.home.ExtensionLog(a.ID))); err != nil {
		return err
	}
	entry := auditOf(a, nil, nil)
	entry.Action = "purge"
	if err := h.state.Purge(ctx, a.ID, entry); err != nil {
		return err
	}
	return h.catalog.Purge(ctx, a.ID)
}

// change writes what was decided, with its event and its line in the audit trail.
func (h *Host) change(ctx context.Context, a Action, row Extension, change state.Change) error {
	h.journal.flush(ctx)
	before := desiredOf(row)
	after := before
	if is, _ := h.state.Extension(a.ID); change.Edit != nil {
		change.Edit(&is)
		after = desired(!is.Disabled && !is.Unconfirmed, is.Pinned)
	}
	now := time.Now()
	change.Events = append(change.Events, state.Event{
		Time: now, Kind: string(a.Verb), Version: a.Version, Actor: a.Actor.Name,
	})
	change.Audit = append(change.Audit, auditOf(a, before, after))
	if err := h.state.Change(ctx, change); err != nil {
		return err
	}
	h.catalog.Wake()
	return nil
}

// desiredOf is the desired state as the audit trail shows it.
func desiredOf(row Extension) json.RawMessage {
	pinned := ""
	for _, v := range row.Versions {
		if v.Pinned {
			pinned = v.Digest
		}
	}
	return desired(row.Enabled, pinned)
}

func desired(enabled bool, pinned string) json.RawMessage {
	raw, err := json.Marshal(struct {
		Enabled bool   `json:"enabled"`
		Pinned  string `json:"pinned"`
	}{enabled, pinned})
	if err != nil { // a struct of strings
		return nil
	}
	return raw
}

func auditOf(a Action, before, after json.RawMessage) state.AuditEntry {
	return state.AuditEntry{
		Time: time.Now(), Actor: a.Actor.Name, Action: string(a.Verb), Target: a.ID,
		Before: before, After: after, Remote: a.Actor.Remote,
	}
}

// asError makes an *Error of what went wrong.
func asError(err error) error {
	var own *Error
	var broken *bundle.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &broken):
		if broken.Code == bundle.CodeTooBig {
			return &Error{Code: CodeTooLarge, Message: broken.Message, Hint: "bundle.max_bytes is the limit"}
		}
		return &Error{Code: string(broken.Code), Message: broken.Error()}
	case errors.Is(err, state.ErrFull), errors.Is(err, errNoSpace):
		return &Error{Code: CodeUnavailable, Message: "the disk of the home folder is full: " + err.Error(), Hint: "make room and do it again"}
	case errors.Is(err, catalog.ErrFolder):
		return &Error{Code: CodeUnavailable, Message: err.Error()}
	case errors.Is(err, state.ErrReadOnly):
		return &Error{Code: CodeUnavailable, Message: "the home folder cannot be written to: " + err.Error()}
	case errors.Is(err, state.ErrCursor):
		return &Error{Code: CodeInvalidArgument, Message: "the cursor is none that was given out"}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Code: CodeUnavailable, Message: "it took too long, or the host stops: " + err.Error()}
	}
	return err
}

func (h *Host) dataFolder(id string) *deploy.Folder {
	return &deploy.Folder{
		Dir: h.home.Data(id), Copies: h.home.Snapshots(id), MaxBytes: h.cfg.SnapshotMax,
		Log: h.cfg.Log.With("ext", id), Now: time.Now,
	}
}
