//go:build !linux

package sandbox

import (
	"log/slog"
	"syscall"
)

// Keeper holds no limits here.
type Keeper struct{}

// New makes a Keeper.
func New(Config) *Keeper { return &Keeper{} }

// Close does nothing.
func (k *Keeper) Close() {}

// Holds says that nothing is held.
func (k *Keeper) Holds(l Limits) Holds {
	return Holds{Memory: hold(l.Memory, None), Processes: hold(int64(l.Processes), None), Files: hold(int64(l.Files), None), Data: hold(l.Data, None)}
}

// Box holds nothing here.
type Box struct{ holds Holds }

// Open makes a Box.
func (k *Keeper) Open(_ string, l Limits, _ *slog.Logger) *Box { return &Box{holds: k.Holds(l)} }

// Attach does nothing.
func (b *Box) Attach(*syscall.SysProcAttr) {}

// Declined is false.
func (b *Box) Declined(error) bool { return false }

// Started does nothing.
func (b *Box) Started(int, func()) {}

// Confined does nothing.
func (b *Box) Confined() {}

// Settled does nothing.
func (b *Box) Settled() {}

// Holds says that nothing is held.
func (b *Box) Holds() Holds { return b.holds }

// Kill does nothing.
func (b *Box) Kill() {}

// Exceeded is never so.
func (b *Box) Exceeded() string { return "" }

// DataExceeded is never so.
func (b *Box) DataExceeded() string { return "" }

// Close does nothing.
func (b *Box) Close() {}
