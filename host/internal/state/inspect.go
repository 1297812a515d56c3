package state

import (
	"context"
	"database/sql"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Inspect says whether the database at path is in order, and changes nothing: see
// sqlitefile.Config.Inspect.
func Inspect(ctx context.Context, path string, running bool) error {
	return sqlitefile.Config{
		Path: path, Migrations: migrations(),
		Check: func(ctx context.Context, db *sql.DB) error { _, err := load(ctx, db); return err },
	}.Inspect(ctx, running)
}
