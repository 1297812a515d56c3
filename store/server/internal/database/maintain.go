package database

import (
	"context"
	"io"
)

// Maintained is what Maintain did.
type Maintained struct {
	Tokens     int64 // expired ones removed
	Downloads  int64 // daily counts that became part of monthly ones
	Timestamps int64 // of old sequences removed
}

// Maintain forgets what nobody needs any more. Call it about once an hour; several may.
func (d *Database) Maintain(ctx context.Context) (Maintained, error) { return d.maintain(ctx) }

// Counts are how many rows there are of what an operator asks for.
type Counts struct {
	Listings, Hidden, Releases, Organizations int64
	Submissions                               map[string]int64 // by state
}

// Counts counts.
func (d *Database) Counts(ctx context.Context) (Counts, error) { return d.counts(ctx) }

// Check asks the database for its sequence, to find out whether it answers.
func (d *Database) Check(ctx context.Context) error { _, err := d.sequence(ctx); return err }

// Backup writes a copy of the whole database, as it is at one moment, while others use it.
// For PostgreSQL it is ErrUnsupported, with the command that does it.

func (d *Database) Backup(ctx context.Context, w io.Writer) error { return d.backup(ctx, w) }
