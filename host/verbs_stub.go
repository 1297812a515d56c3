package host

import (
	"context"
	"errors"
)

// This file goes at the merge: it stands for the methods that are built elsewhere.

func unimplemented() error { return errors.New("unimplemented") }

// Act is not built yet.
func (h *Host) Act(context.Context, Action) (Extension, error) { return Extension{}, unimplemented() }

// Settle is not built yet.
func (h *Host) Settle(context.Context, string) (Extension, error) {
	return Extension{}, unimplemented()
}

// Upload is not built yet.
func (h *Host) Upload(context.Context, Upload) (Uploaded, error) { return Uploaded{}, unimplemented() }

// History is not built yet.
func (h *Host) History(context.Context, string, string, int) (HistoryPage, error) {
	return HistoryPage{}, unimplemented()
}

// Audit is not built yet.
func (h *Host) Audit(context.Context, string, int) (AuditPage, error) {
	return AuditPage{}, unimplemented()
}
