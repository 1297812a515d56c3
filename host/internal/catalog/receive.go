package catalog

import (
	"context"
	"errors"
	"io"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Received is a verified bundle in private storage that came by Receive. It stays there
// until Release is called, however long that takes.
type Received struct {
	Manifest *bundle.Manifest
	Digest   string
	Size     int64
	Warnings []string
	// Fault is nil for a bundle that can run on this host.
	Fault *Fault
}

// Release lets private storage forget the bundle if nothing else needs it. It must be
// called once the bundle is published or given up, and may be called again.
func (r *Received) Release() {}

// Receive brings an upload into private storage and verifies it there; size is -1 when
// it is unknown. A *bundle.Error speaks of the bytes (too_big as soon as there are more
// than bundle.max_bytes); any other error of reading r, of ctx, or of this machine.
func (c *Catalog) Receive(ctx context.Context, r io.Reader, size int64) (*Received, error) {
	return nil, errors.ErrUnsupported
}

// ErrNotShelved says that a bundle is not in private storage, or no longer undamaged.
var ErrNotShelved = errors.New("the bundle is not in private storage any more")

// Shelved verifies the bundle with a digest ("sha256:…") in private storage and returns
// it as an Entry without a File. Executable is empty when there is none for this
// platform. The error is ErrNotShelved when it is not there or was damaged.
func (c *Catalog) Shelved(ctx context.Context, digest string) (Entry, error) {
	return Entry{}, errors.ErrUnsupported
}

// ShelvedIDs returns the digests in private storage by the id that the bundles claim,
// which is not verified; those used last come first. It is for the recovery of a lost
// database.
func (c *Catalog) ShelvedIDs() map[string][]string { return nil }

// Action is what publishing a bundle comes to.
type Action string

// The actions.
const (
	Install   Action = "install"   // nothing of the id is there
	Upgrade   Action = "upgrade"   // from a lower version
	Downgrade Action = "downgrade" // from a higher version
	Replace   Action = "replace"   // other bytes of the same version
	Nothing   Action = "none"      // these bytes are there already
)

// Planned is what would become of a bundle if it were in the folder.
type Planned struct {
	Action Action
	// From is the version of the id that is desired now, "" for none.
	From string
	// State is starting when it would run, stopped when its extension is disabled;
	// Reason is nil for starting.
	State  lifecycle.State
	Reason *lifecycle.Reason
}

// Plan says what Publish would come to, and changes nothing.
func (c *Catalog) Plan(r *Received) Planned { return Planned{} }

// Publish puts the bundle into the drop folder as <id>-<version>.jar, durably, and
// returns that name. What has the name is replaced, unless it holds the same bytes. It
// may be called while Run runs, and from several goroutines.
func (c *Catalog) Publish(ctx context.Context, r *Received) (file string, err error) {
	return "", errors.ErrUnsupported
}

// Withdraw removes the files from the drop folder that hold or claim the id, and
// returns their names, of which there may be none. Run must be running.
func (c *Catalog) Withdraw(ctx context.Context, id string) (files []string, err error) {
	return nil, errors.ErrUnsupported
}

// WithdrawFile removes one bundle file from the drop folder by its name, whatever is in
// it. The error is fs.ErrNotExist when there is none. Run must be running.
func (c *Catalog) WithdrawFile(ctx context.Context, name string) error {
	return errors.ErrUnsupported
}
