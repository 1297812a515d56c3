package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// Received is a verified bundle in private storage that came by Receive. It stays there
// until Release is called, however long that takes.
type Received struct {
	Bundle   *bundle.Verified
	Manifest *bundle.Manifest // of Bundle
	Digest   string
	Size     int64
	File     string // the name that Publish gives it
	Warnings []string
	// Fault is nil for a bundle that can run on this host.
	Fault *Fault

	accepted *accepted
	release  func()
}

// Fault is why a bundle cannot or may not run on this host, whatever else is in the folder.
type Fault struct {
	State         lifecycle.State
	Code, Message string
}

// Release lets private storage forget the bundle if nothing else needs it. It must be
// called once the bundle is published or given up, and may be called again.
func (r *Received) Release() {
	if r.release != nil {
		r.release()
	}
}

// Receive brings an upload into private storage and verifies it there; size is -1 when
// it is unknown. A *bundle.Error speaks of the bytes (too_big as soon as there are more
// than bundle.max_bytes); any other error of reading r, of ctx, or of this machine.
// Nothing is held in memory. It may be called from several goroutines.
func (c *Catalog) Receive(ctx context.Context, r io.Reader, size int64) (*Received, error) {
	limit := c.cfg.Limits.FileBytes
	if size > limit {
		return nil, &bundle.Error{Code: bundle.CodeTooBig,
			Message: fmt.Sprintf("the upload has %d bytes, more than the %d that bundle.max_bytes allows", size, limit)}
	}
	release := func() {}
	body := &capped{r: &source{ctx: ctx, r: r}, limit: limit}
	p, err := c.shelf.bring(ctx, body, size, func(digest string) { release = c.shelf.hold(digest) })
	if err != nil {
		release()
		return nil, receiveError(err, body.n, size)
	}
	a := c.cfg.acceptedOf(p, time.Now(), time.Now())
	return c.received(p, a, release), nil
}

func (c *Catalog) received(p *parcel, a *accepted, release func()) *Received {
	r := &Received{
		Bundle: p.verified, Manifest: p.manifest(), Digest: p.digest, Size: p.verified.Size(), File: fileName(p.manifest(), p.digest), Warnings: p.verified.Warnings(),
		accepted: a, release: func() { release(); c.Wake() },
	}
	if why := (input{distrust: c.cfg.distrust}).fault(a); why != nil {
		r.Fault = &Fault{State: why.state(), Code: why.code, Message: why.message}
	}
	return r
}

// receiveError says what went wrong after n bytes of an upload.
func receiveError(err error, n, size int64) error {
	var broken *bundle.Error
	var outside *sourceError
	switch {
	case errors.As(err, &broken), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, errChanged):
		return fmt.Errorf("the upload has %d bytes, %d were announced: %w", n, size, io.ErrUnexpectedEOF)
	case errors.As(err, &outside):
		return fmt.Errorf("reading the upload: %w", err)
	}
	return fmt.Errorf("keeping the upload in private storage: %w", err)
}

// capped reads until there is more than the limit.
type capped struct {
	r        io.Reader
	n, limit int64
}

func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.n += int64(n); c.n > c.limit {
		return 0, &bundle.Error{Code: bundle.CodeTooBig,
			Message: fmt.Sprintf("the upload has more than the %d bytes that bundle.max_bytes allows", c.limit)}
	}
	return n, err
}

// ErrNotShelved says that a bundle is not in private storage, or no longer undamaged.
var ErrNotShelved = errors.New("the bundle is not in private storage any more")

// Shelved verifies the bundle with a digest ("sha256:…") in private storage and returns
// it as an Entry without a File. Executable is empty when there is none for this
// platform. The error is ErrNotShelved when it is not there or was damaged. It may be
// called from several goroutines.
func (c *Catalog) Shelved(ctx context.Context, digest string) (Entry, error) {
	hex := digestHex(digest)
	if !isDigest(hex) {
		return Entry{}, fmt.Errorf("%w: %q is no digest", ErrNotShelved, digest)
	}
	p, err := c.shelf.fetch(ctx, hex)
	if err != nil {
		return Entry{}, fmt.Errorf("reading %s in private storage: %w", digest, err)
	}
	if p == nil {
		return Entry{}, fmt.Errorf("%w: %s", ErrNotShelved, digest)
	}
	return c.entry(c.cfg.acceptedOf(p, time.Time{}, time.Now())), nil
}

// ShelvedIDs returns the digests in private storage by the id that the bundles claim,
// which is not verified; those used last come first. It is for the recovery of a lost
// database.
func (c *Catalog) ShelvedIDs() map[string][]string {
	c.shelf.mu.Lock()
	defer c.shelf.mu.Unlock()
	list := c.shelf.byID()
	delete(list, "")
	for _, digests := range list {
		for i := range digests {
			digests[i] = digestTag + digests[i]
		}
	}
	return list
}
