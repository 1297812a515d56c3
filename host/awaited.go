package host

import (
	"context"
	"errors"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// A version that does not accept what is set is a failed candidate: what serves goes on.
// The two may have nothing in common that both accept; then the configuration of the new
// one comes together with it.

// awaited is the version that waits for another configuration, nil for none.
func (h *Host) awaited(ctx context.Context, r row) *edition {
	c := r.Candidate
	if c == nil || c.Reason == nil || c.Reason.Code != lifecycle.CodeConfigInvalid || c.Digest == r.Digest {
		return nil
	}
	entry, err := h.catalog.Shelved(ctx, c.Digest)
	if err != nil || entry.ID() != r.ID {
		h.cfg.Log.Debug("a version that waits for its configuration is not there any more", "ext", r.ID, "digest", c.Digest, "error", err)
		return nil
	}
	return h.reconciler.edition(entry)
}

// awaitingOf is what a configuration says of it.
func awaitingOf(e *edition, r row) *Awaiting {
	if e == nil {
		return nil
	}
	a := &Awaiting{Version: e.version(), Digest: e.Digest(), Schema: e.config.Raw(), Message: r.Candidate.Reason.Message}
	if a.Schema == nil {
		a.Schema = []byte("null")
	}
	return a
}

// reconfiguration checks a change and compares: for the version that runs or, where that
// does not accept it, for one that waits for it.
func (h *Host) reconfiguration(ctx context.Context, r row, c ConfigurationChange) (*reconfiguration, error) {
	awaited := h.awaited(ctx, r)
	p, err := h.reconfigurationOf(r.edition, r, c)
	var refused *Error
	if awaited != nil && errors.As(err, &refused) && refused.Code == CodeValidationFailed {
		if brings, none := h.reconfigurationOf(awaited, r, c); none == nil {
			brings.brings = true
			p, err = brings, nil
		}
	}
	if err == nil && !p.brings {
		p.awaiting = awaitingOf(awaited, r)
	}
	return p, err
}

// bring has the version be wanted that waits for t.
func (h *Host) bring(t *trial, id string) error {
	err := h.journal.save(state.Change{ID: id, Edit: func(x *state.Extension) { x.Rejected = without(x.Rejected, t.edition.Digest()) }})
	if err != nil {
		return err
	}
	h.journal.changed()
	return nil
}
