// Package state is the home's database: what should run of each extension, which of its
// versions are kept, what happened, and who decided what.
//
// Call Open, then Run beside everything else, Close at the end. Change is the only way
// to change something: in one transaction that is on disk when it returns. What should
// run is also held in memory, so that Extensions, Versions and Kept never wait for the
// disk, and so that a disk that is full or gone takes away nothing that is known.
//
// What is promised: after a kill at any moment the database opens with every Change
// that returned nil. A database that is damaged or missing is replaced by the newest
// backup that is good, or else by an empty one, and Origin says so; what is damaged is
// moved aside and never deleted. A full disk, a folder that may not be written and a
// database of a later version are errors of Open, and move nothing.
package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// Config is what a Store is opened with. All but Used is required.
type Config struct {
	// Path is the database file. Its folder must be there.
	Path string
	// Backups is the folder of backups, made when it is missing.
	Backups string
	// Used says that the home was in use before: then a database that is missing was
	// lost.
	Used bool
	Log  *slog.Logger
}

// Origin says where the content of an opened Store comes from.
type Origin string

// The origins.
const (
	Created  Origin = "created"  // there was none, nor should there have been
	Opened   Origin = "opened"   // it was there
	Restored Origin = "restored" // it was lost, and a backup took its place
	Lost     Origin = "lost"     // it was lost without a backup; this one is empty
)

// Extension is what should run of an extension, and how it stands.
type Extension struct {
	ID       string
	Disabled bool
	// Unconfirmed says that what should run of it was lost with a database.
	Unconfirmed bool
	// Pinned and Current are digests, "" for none. Current is the version that was
	// healthy last; Version and File are its version and the name of its file.
	Pinned, Current, Version, File string
	// Removed is when its file left the folder, zero while it is there.
	Removed time.Time
	// Rejected are versions that did not take over from Current, the newest first.
	Rejected []Rejection
}

// Rejection is why a version did not take over.
type Rejection struct {
	Digest, Version, File string
	Stage, Code, Message  string
	Time                  time.Time
	ExitCode              *int
	Signal                string
	Stderr                []string
}

// Version is a version that was healthy and is kept.
type Version struct {
	Version, Digest string
	First, Last     time.Time // when it became healthy
}

// Event is something that happened to an extension. Seq is given by the Store.
type Event struct {
	Seq                                         int64
	Time                                        time.Time
	Kind, Version, Digest, Actor, Code, Message string
	Evidence                                    json.RawMessage
}

// AuditEntry is what somebody did. Seq is given by the Store.
type AuditEntry struct {
	Seq                   int64
	Time                  time.Time
	Actor, Action, Target string
	Before, After         json.RawMessage
	Remote                string
}

// Change is what one transaction changes.
type Change struct {
	ID string
	// Edit changes what is known of the extension; nil for nothing. It is called under
	// a lock, and once.
	Edit func(*Extension)
	// Healthy is a version that has become healthy: it is Current from now on and
	// among those that are kept.
	Healthy *Version
	// Events happened to the extension.
	Events []Event
	Audit  []AuditEntry
}

// Limits of what is kept.
const (
	keptEarlier   = 3       // versions besides the current one
	keptRejected  = 16      // rejections of an extension
	keptEvents    = 1000    // of an extension
	keptAudit     = 100_000 // entries
	maxText       = 4 << 10
	maxEvidence   = 128 << 10
	pruneEvery    = 200 // events
	defaultBusyMS = 5000
)

// Store is an open database. Its methods may be called by any goroutine.
type Store struct {
	cfg    Config
	origin Origin
	db     *sql.DB
	dirty  chan struct{} // something that belongs into a backup has changed

	writing sync.Mutex // one transaction at a time
	events  int        // since the last pruning; guarded by writing

	mu         sync.Mutex // guards what follows
	extensions map[string]Extension
	versions   map[string][]Version // newest Last first
	facts      map[string]string
}

// Open opens the database, or makes one. See the package's promises.
func Open(cfg Config) (*Store, error) {
	if err := os.MkdirAll(cfg.Backups, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of backups: %w", err)
	}
	s := &Store{cfg: cfg, dirty: make(chan struct{}, 1)}
	info, err := os.Lstat(cfg.Path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is in the place of the host's database and is not a file: move it away", cfg.Path)
	case err == nil:
		s.origin = Opened
	case !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("looking for the host's database: %w", err)
	case cfg.Used:
		if s.origin, err = s.recover("it is missing"); err != nil {
			return nil, err
		}
	default:
		s.origin = Created
	}
	err = s.open()
	if err != nil && s.origin == Opened && isDamage(err) {
		if s.origin, err = s.recover(err.Error()); err != nil {
			return nil, err
		}
		err = s.open()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the host's database %s: %w", cfg.Path, asOwn(err))
	}
	return s, nil
}

// Origin says where the content comes from.
func (s *Store) Origin() Origin { return s.origin }

// open connects, brings the schema up to date and reads what is held in memory.
func (s *Store) open() (err error) {
	db, err := connect(s.cfg.Path)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			db.Close()
		}
	}()
	ctx := context.Background()
	if err := check(ctx, db); err != nil {
		return err
	}
	if err := migrate(ctx, db); err != nil {
		return err
	}
	for _, path := range []string{s.cfg.Path, s.cfg.Path + "-wal", s.cfg.Path + "-shm"} {
		if err := os.Chmod(path, 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	s.db = db
	return s.load(ctx)
}

// connect opens a database with one connection: SQLite writes one at a time anyway.
func connect(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", fmt.Sprintf(
		"file:%s?_pragma=busy_timeout(%d)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_txlock=immediate",
		escapePath(path), defaultBusyMS))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// Close closes the database. Nothing may be called afterwards.
func (s *Store) Close() error { return s.db.Close() }

// load reads what is held in memory.
func (s *Store) load(ctx context.Context) error {
	extensions, err := readExtensions(ctx, s.db)
	if err != nil {
		return err
	}
	versions, err := readVersions(ctx, s.db)
	if err != nil {
		return err
	}
	facts, err := readFacts(ctx, s.db)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extensions, s.versions, s.facts = extensions, versions, facts
	return nil
}

// Extensions returns what is known of all extensions, by id.
func (s *Store) Extensions() map[string]Extension {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.extensions)
}

// Extension returns what is known of one.
func (s *Store) Extension(id string) (Extension, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.extensions[id]
	return x, ok
}

// Versions returns the kept versions of an extension, the one that was healthy last
// first.
func (s *Store) Versions(id string) []Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.versions[id])
}

// Kept returns the digests of all bundles that must be kept.
func (s *Store) Kept() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := map[string]bool{}
	for id, x := range s.extensions {
		for _, digest := range []string{x.Current, x.Pinned} {
			if digest != "" {
				kept[digest] = true
			}
		}
		for _, v := range s.versions[id] {
			kept[v.Digest] = true
		}
	}
	return kept
}

// Value returns a fact of the host, "" when it is not known.
func (s *Store) Value(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.facts[key]
}
