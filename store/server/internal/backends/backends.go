// Package backends gives tests the databases and blob stores that the store runs on: SQLite
// with a directory, and a real PostgreSQL with a real S3 server. In tests only.
//
// Each runs a test on all of them. The servers are started once for a test binary, at the
// first use, and end with it, however it ends; every test has a database and a bucket of
// its own. Fill makes a database large.
package backends

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

	files string // where the files of the blobs are
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
	return open(t, Backend{Name: "sqlite", DatabaseURL: filepath.Join(dir, "store.db"), BlobsURL: filepath.Join(dir, "blobs"),
		files: filepath.Join(dir, "blobs")})
}

// Postgres returns a database of a real PostgreSQL and a bucket of a real S3 server.
func Postgres(t testing.TB) Backend {
	t.Helper()
	s := theServers(t)
	name := s.space(t)
	return open(t, Backend{Name: "postgres", DatabaseURL: s.url(name), files: filepath.Join(s.dir, "buckets", name),
		BlobsURL:    "s3://" + name + "?endpoint=" + url.QueryEscape("http://"+s.endpoint),
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

// Age makes a blob look as if it had been put that much earlier.
func (b Backend) Age(t testing.TB, digest string, by time.Duration) {
	t.Helper()
	then := time.Now().Add(-by)
	if err := os.Chtimes(b.blobFile(digest), then, then); err != nil {
		t.Fatal(err)
	}
}

// Damage changes a byte of a blob behind the store's back.
func (b Backend) Damage(t testing.TB, digest string) {
	t.Helper()
	name := b.blobFile(digest)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.Chmod(name, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// blobFile is the file that directory and S3 server keep a blob in.
func (b Backend) blobFile(digest string) string {
	digits := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(b.files, "sha256", digits[:2], digits)
}
