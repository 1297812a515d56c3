package state

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Form is the newest form of the database that this program knows: the PRAGMA
// user_version of a new one.
func Form() int { return len(migrations()) }

// Standing is what a copy of the database says of the versions of an extension: the
// digests of the one that runs, of the pinned one ("" for none) and of all that are kept.
type Standing struct {
	Current, Pinned string
	Disabled        bool
	Kept            []string
}

// Snapshot writes the database at path, as it is at one moment, to a new file, and
// returns its form. The database may be open in a host, which is not held up. Whoever
// opens the copy learns that it is Restored. A damaged database is an error, as is one of
// a newer form (ErrNewer).
func Snapshot(ctx context.Context, path, to string) (form int, err error) {
	return sqlitefile.Snapshot(ctx, path, to, Form(), func(tx *sql.Tx) error { return saveValue(tx, originKey, string(Restored)) })
}

// Standings reads what the database at path says of versions: one of any form that this
// program knows, which may be open in a host.
func Standings(ctx context.Context, path string) (map[string]Standing, error) {
	found := map[string]Standing{}
	err := sqlitefile.View(ctx, path, func(db *sql.DB) error {
		err := sqlitefile.Each(ctx, db, `SELECT id, current, pinned, disabled FROM extension`, func(scan func(...any) error) error {
			var id string
			var s Standing
			err := scan(&id, &s.Current, &s.Pinned, &s.Disabled)
			found[id] = s
			return err
		})
		if err != nil {
			return err
		}
		return sqlitefile.Each(ctx, db, `SELECT extension, digest FROM version ORDER BY extension, digest`, func(scan func(...any) error) error {
			var id, digest string
			if err := scan(&id, &digest); err != nil {
				return err
			}
			s := found[id]
			s.Kept = append(s.Kept, digest)
			found[id] = s
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading which versions there are: %w", err)
	}
	return found, nil
}
