package database_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

func TestReopeningFindsEverything(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		publish(t, b.Database, listing("org.acme.A", "1.0"))
		again := b.OpenDatabase(t, database.Options{})
		if s, err := again.Sequence(t.Context()); err != nil || s != 1 {
			t.Errorf("the sequence is %d (%v), want 1", s, err)
		}
	})
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		if _, err := b.Raw(t).ExecContext(t.Context(), `INSERT INTO store_migrations (version_id, is_applied) VALUES (99, TRUE)`); err != nil {
			t.Fatal(err)
		}
		_, err := database.Open(t.Context(), b.DatabaseURL, database.Options{})
		if !errors.Is(err, database.ErrNewer) || !strings.Contains(err.Error(), "its form is 99") {
			t.Errorf("opening: %v, want ErrNewer with the form", err)
		}
	})
}

// A database of the form before the search is brought to the newest one.
func TestAnOlderDatabaseIsMigrated(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		raw := b.Raw(t)
		for _, statement := range append(raw.Unguard, `DROP TABLE search`, `DROP TABLE signers`, `DELETE FROM store_migrations WHERE version_id >= 2`) {
			if _, err := raw.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		var log bytes.Buffer
		db := b.OpenDatabase(t, database.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if !strings.Contains(log.String(), "from=1 to=3") {
			t.Errorf("the log is %q, want the migration", log.String())
		}
		publish(t, db, listing("org.acme.A", "1.0"))
		if hits, err := db.Search(t.Context(), database.Query{Text: "acme"}); err != nil || len(hits.IDs) != 1 {
			t.Errorf("a search finds %v (%v), want A", hits.IDs, err)
		}
	})
}

// Several replicas start on an empty database at the same time: one migrates, all are open.
func TestReplicasStartTogether(t *testing.T) {
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		location := b.EmptyURL(t)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				db, err := database.Open(t.Context(), location, database.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := db.Check(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
}

func TestWhatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ location, want string }{
		{filepath.Join(dir, "missing", "store.db"), "no such file"},
		{garbage, "not a database"},
		{"postgres://user:secret@127.0.0.1:1/x?connect_timeout=1", "connect"},
		{"postgres://user:secret@127.0.0.1:port/x", "port"},
	} {
		db, err := database.Open(t.Context(), c.location, database.Options{})
		if err == nil {
			db.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want an error with %q and without the password", c.location, err, c.want)
		}
	}
}

// A database is closed while many use it: nothing hangs, and everything that was answered
// is there.
func TestClosedInTheMiddle(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		db, err := database.Open(t.Context(), b.DatabaseURL, database.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		published := map[string]bool{}
		var workers sync.WaitGroup
		started := make(chan struct{}, 8)
		for w := range 8 {
			workers.Go(func() {
				for i := 0; ; i++ {
					l := listing(fmt.Sprintf("org.acme.W%dL%d", w, i), "1.0")
					_, err := db.Publish(t.Context(), database.Key{ID: l.ID}, func(database.Current) (database.Change, error) {
						return database.Change{Listing: l, Organization: acme}, nil
					})
					if err != nil {
						return
					}
					mu.Lock()
					published[l.ID] = true
					mu.Unlock()
					if i == 2 {
						started <- struct{}{}
					}
				}
			})
		}
		<-started
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		workers.Wait()
		if err := db.Check(t.Context()); err == nil {
			t.Error("a closed database answers")
		}
		again := b.OpenDatabase(t, database.Options{})
		for id := range published {
			if _, err := again.Document(t.Context(), id); err != nil {
				t.Errorf("%s was published: %v", id, err)
			}
		}
		c, err := again.Changes(t.Context(), 0, 1000)
		if err != nil || c.More || int64(len(c.Documents)) != c.Sequence {
			t.Errorf("there are %d documents at sequence %d (%v), want as many", len(c.Documents), c.Sequence, err)
		}
	})
}

// Somebody holds the lock that every change needs: who waits for it gives up in time.
func TestWaitingHasADeadline(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		raw := b.Raw(t)
		tx, err := raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), `UPDATE catalogue SET sequence = sequence`); err != nil {
			t.Fatal(err)
		}
		db := b.OpenDatabase(t, database.Options{Timeout: 200 * time.Millisecond})
		_, err = db.Publish(t.Context(), database.Key{ID: "org.acme.A"}, func(database.Current) (database.Change, error) {
			return database.Change{}, nil
		})
		if err == nil {
			t.Error("the change was made, want an error")
		}
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.Sequence(cancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who is gone: %v, want context.Canceled", err)
		}
	})
}

func TestBackup(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		publish(t, b.Database, listing("org.acme.A", "1.0"))
		var copied bytes.Buffer
		err := b.Database.Backup(t.Context(), &copied)
		if b.Name == "postgres" {
			if !errors.Is(err, database.ErrUnsupported) || !strings.Contains(err.Error(), "pg_dump") {
				t.Errorf("got %v, want ErrUnsupported and pg_dump", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		publish(t, b.Database, listing("org.acme.B", "1.0"))
		// One is under way, and one was killed: only what that left goes at the next start.
		killed := filepath.Join(filepath.Dir(b.DatabaseURL), ".backup-killed")
		if err := os.MkdirAll(filepath.Join(killed, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		slow := &slowWriter{start: func() {
			b.OpenDatabase(t, database.Options{})
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(b.DatabaseURL), ".backup-*")); err != nil || len(left) != 1 || left[0] == killed {
				t.Errorf("there are %v (%v), want that of the backup under way", left, err)
			}
		}}
		if err := b.Database.Backup(t.Context(), slow); err != nil {
			t.Error(err)
		}
		name := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(name, copied.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := database.Open(t.Context(), name, database.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if s, err := db.Sequence(t.Context()); err != nil || s != 1 {
			t.Errorf("the copy is at sequence %d (%v), want 1", s, err)
		}
		if hits, err := db.Search(t.Context(), database.Query{Text: "acme"}); err != nil || len(hits.IDs) != 1 {
			t.Errorf("a search in the copy finds %v (%v), want A", hits.IDs, err)
		}
		if left, err := filepath.Glob(filepath.Join(filepath.Dir(b.DatabaseURL), ".backup-*")); err != nil || len(left) != 0 {
			t.Errorf("left is %v (%v)", left, err)
		}
	})
}

// slowWriter calls start at its first byte.
type slowWriter struct {
	start func()
	once  sync.Once
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.once.Do(w.start)
	return len(p), nil
}
