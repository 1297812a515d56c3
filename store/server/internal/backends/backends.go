// Package backends gives tests the databases and blob stores that the store runs on: SQLite
// with a directory, and a real PostgreSQL with a real S3 server. In tests only.
//
// Each runs a test on all of them. The servers are started once for a test binary, at the
// first use, and end with it, however it ends; every test has a database and a bucket of
// its own.
package backends

import (
	"context"
	"testing"

	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Backend is one place to keep a store in, empty.
type Backend struct {
	Name string // "sqlite" or "postgres"
	// DatabaseURL and BlobsURL open the same once more: with database.Open, for another
	// replica or for a child process, and blobs.Open with BlobOptions.
	DatabaseURL string
	BlobsURL    string
	BlobOptions blobs.Options
	// Database and Blobs are open; the test's end closes them.
	Database *database.Database
	Blobs    blobs.Store
}

// Each runs test on every backend, as subtests with their names.
func Each(t *testing.T, test func(t *testing.T, b Backend)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns a file and a directory, in the test's own folder.
func SQLite(t testing.TB) Backend { return sqlite(t) }

// Postgres returns a database of a real PostgreSQL and a bucket of a real S3 server.
func Postgres(t testing.TB) Backend { return postgres(t) }

// Fill loads that many listings with that many releases each, vivid and the same at each
// call, in bulk but through the same columns as what is published.
func Fill(ctx context.Context, db *database.Database, listings, releases int) error {
	return fill(ctx, db, listings, releases)
}
