package server

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Report is what Check found.
type Report struct {
	Sequence int64 `json:"sequence"`
	Listings int64 `json:"listings"`
	Releases int64 `json:"releases"`
	// Blobs and Bytes are what the listings name; Unused blobs belong to nothing that is
	// published or submitted: they are of uploads that were broken off.
	Blobs  int64 `json:"blobs"`
	Bytes  int64 `json:"bytes"`
	Unused int64 `json:"unused"`
	// Verified says that the bytes themselves were read and have their digests.
	Verified bool `json:"verified"`
	// Audit is the number of the last entry of the audit trail, whose chain is whole.
	Audit    int64    `json:"audit"`
	Problems []string `json:"problems"`
}

// maxProblems is how many problems a Report has at most.
const maxProblems = 1000

// Check looks at all that the store of cfg keeps, while others may use it: whether what is
// listed is there, as large as it should be, with read also whether its bytes are right,
// and whether the audit trail is whole. It changes nothing.
func Check(ctx context.Context, cfg Config, read bool) (*Report, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, cfg.Database, database.Options{})
	if err != nil {
		return nil, fmt.Errorf("opening the database: %w", err)
	}
	defer db.Close()
	files, err := blobs.Open(ctx, cfg.Blobs, blobs.Options{AccessKey: cfg.S3AccessKey, SecretKey: cfg.S3SecretKey})
	if err != nil {
		return nil, fmt.Errorf("opening the blobs: %w", err)
	}
	c := &checker{db: db, blobs: files, read: read, seen: map[string]bool{}, report: &Report{Verified: read, Problems: []string{}}}
	if err := c.listings(ctx); err != nil {
		return nil, err
	}
	if err := c.unused(ctx); err != nil {
		return nil, err
	}
	last, err := db.VerifyAudit(ctx)
	if err != nil {
		c.problem("the audit trail: %v", err)
	}
	c.report.Audit = last.Number
	return c.report, ctx.Err()
}

type checker struct {
	db     *database.Database
	blobs  blobs.Store
	read   bool
	seen   map[string]bool // digests that were looked at
	report *Report
}

func (c *checker) problem(format string, args ...any) {
	if len(c.report.Problems) < maxProblems {
		c.report.Problems = append(c.report.Problems, fmt.Sprintf(format, args...))
	}
}

// listings looks at everything that a listing names.
func (c *checker) listings(ctx context.Context) error {
	for {
		changes, err := c.db.Changes(ctx, c.report.Sequence, 500)
		if err != nil {
			return fmt.Errorf("reading the catalogue: %w", err)
		}
		for _, d := range changes.Documents {
			if !d.Removed {
				c.listing(ctx, d)
			}
		}
		c.report.Sequence = changes.Sequence
		if !changes.More {
			return nil
		}
	}
}

func (c *checker) listing(ctx context.Context, d database.Document) {
	l, err := decode(d)
	if err != nil {
		c.problem("%s: its document: %v", d.ID, err)
		return
	}
	c.report.Listings++
	pictures := append([]store.Picture{}, l.Pictures.Screenshots...)
	for _, p := range []*store.Picture{l.Pictures.Icon, l.Pictures.Background} {
		if p != nil {
			pictures = append(pictures, *p)
		}
	}
	for _, p := range pictures {
		c.blob(ctx, d.ID+": a picture", store.Object{Digest: p.Digest, Size: p.Size})
	}
	for _, r := range l.Releases {
		c.report.Releases++
		for _, f := range r.Files {
			c.blob(ctx, d.ID+" "+r.Version+": "+f.Name, store.Object{Digest: f.Digest, Size: f.Size})
		}
	}
}

// decode reads a document, which must be what it is called.
func decode(d database.Document) (*store.Listing, error) {
	reader, err := gzip.NewReader(bytes.NewReader(d.Gzip))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(reader, d.Object.Size+1))
	if err != nil {
		return nil, err
	}
	if store.ObjectOf(text) != d.Object {
		return nil, errors.New("it is not what its digest says")
	}
	return store.DecodeListing(text, d.ID)
}

func (c *checker) blob(ctx context.Context, what string, want store.Object) {
	if c.seen[want.Digest] {
		return
	}
	c.seen[want.Digest] = true
	c.report.Blobs++
	c.report.Bytes += want.Size
	info, err := c.blobs.Stat(ctx, want.Digest)
	switch {
	case errors.Is(err, blobs.ErrNotFound):
		c.problem("%s: %s is missing", what, want.Digest)
		return
	case err != nil:
		c.problem("%s: %s: %v", what, want.Digest, err)
		return
	case info.Size != want.Size:
		c.problem("%s: %s has %d bytes, and should have %d", what, want.Digest, info.Size, want.Size)
		return
	}
	if !c.read {
		return
	}
	if err := blobs.Verify(ctx, c.blobs, want.Digest); err != nil {
		c.problem("%s: %s: %v", what, want.Digest, err)
	}
}

// unused counts the blobs that nothing needs.
func (c *checker) unused(ctx context.Context) error {
	return c.blobs.Walk(ctx, func(info blobs.Info) error {
		if c.seen[info.Digest] {
			return nil
		}
		used, err := c.db.InUse(ctx, info.Digest)
		if err == nil && !used {
			c.report.Unused++
		}
		return err
	})
}
