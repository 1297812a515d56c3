// Package backends gives tests the databases and blob stores that the store runs on: SQLite
// with a directory, and a real PostgreSQL with a real S3 server. In tests only.
//
// Each runs a test on all of them. The servers are started once for a test binary, at the
// first use, and end with it, however it ends; every test has a database and a bucket of
// its own. Fill makes a database large.
package backends

import (
	"path/filepath"
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
func SQLite(t testing.TB) Backend {
	t.Helper()
	dir := t.TempDir()
	return open(t, Backend{Name: "sqlite", DatabaseURL: filepath.Join(dir, "store.db"), BlobsURL: filepath.Join(dir, "blobs")})
}

// Postgres returns a database of a real PostgreSQL and a bucket of a real S3 server.
func Postgres(t testing.TB) Backend {
	t.Helper()
	s := theServers(t)
	database, bucket := s.space(t)
	return open(t, Backend{Name: "postgres", DatabaseURL: database, BlobsURL: bucket,
		BlobOptions: blobs.Options{AccessKey: s.accessKey, SecretKey: s.secretKey, Temp: t.TempDir()}})
}

func open(t testing.TB, b Backend) Backend {
	t.Helper()
	b.Database = b.OpenDatabase(t, database.Options{})
	var err error
	if b.Blobs, err = blobs.Open(t.Context(), b.BlobsURL, b.BlobOptions); err != nil {
		t.Fatal(err)
	}
	return b
}

// OpenDatabase opens the same database once more, as another replica does; the test's end
// closes it.
func (b Backend) OpenDatabase(t testing.TB, opts database.Options) *database.Database {
	t.Helper()
	db, err := database.Open(t.Context(), b.DatabaseURL, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}
