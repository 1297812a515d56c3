package services

import (
	"context"
	"path/filepath"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// StoreForm is the newest form of a key-value store that this program knows.
func StoreForm() int { return len(migrations()) }

// SnapshotStore writes the key-value store in the folder dir, as it is at one moment, to
// a new file, and returns its form. The store may be in use.
func SnapshotStore(ctx context.Context, dir, to string) (form int, err error) {
	return sqlitefile.Snapshot(ctx, filepath.Join(dir, storeFile), to, StoreForm(), nil)
}
