// Package state keeps what a host must not forget: which extensions are disabled,
// pinned or removed, which version of each was the last healthy one, which versions
// were turned away, and the history and audit trail of all of it, in one SQLite file.
//
// Call Open once, act on Origin and then Acknowledge it, start Run, and Close at the
// end. Promised: when Change, Purge or SetValue returns nil, what it did survives
// kill -9 and a power cut; when it returns an error, nothing has changed, in memory
// neither. Extensions, Extension, Versions, Kept and Value answer from memory and
// never wait for the disk. A database that is damaged or lost is never deleted and
// never silently begun anew: it is moved aside, the newest good backup takes its
// place, and Origin says so until it is acknowledged.
//
// The caller sees to it that one process at a time has the database open (the host
// locks its home).
package state

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// Config is what a Store needs; all but Used is required.
type Config struct {
	// Path is the database file. Its folder must exist.
	Path string
	// Backups is the folder of the rolling backups, made if it is missing. Nobody
	// else may put files there.
	Backups string
	// Used says that the home was in use before, so that a missing database is a
	// lost one and not the first start.
	Used bool
	Log  *slog.Logger

	// migrations are tried out by tests; nil means the real ones.
	migrations []string
}

func (c Config) check() error {
	switch {
	case c.Path == "":
		return errors.New("opening the state: no Path is given")
	case c.Backups == "":
		return errors.New("opening the state: no Backups folder is given")
	case c.Log == nil:
		return errors.New("opening the state: no Log is given")
	}
	return nil
}

// Origin says where the content of a Store comes from.
type Origin = sqlitefile.Origin

// The origins.
const (
	Created  = sqlitefile.Created  // the first start of this home
	Opened   = sqlitefile.Opened   // as the last run left it
	Restored = sqlitefile.Restored // from a backup: the last changes may be missing
	Lost     = sqlitefile.Lost     // nothing could be recovered, the database is empty
)

// A Store is the open database. All methods may be called from several goroutines.
type Store struct {
	cfg    Config
	origin Origin

	// writing is the right to write, held by sending to it: a writer can give up
	// waiting when its context ends, which a mutex cannot.
	writing chan struct{}
	closed  atomic.Bool      // set by the holder of writing
	file    *sqlitefile.File // its Write is guarded by writing

	mu  sync.RWMutex // guards mem; taken by a writer only after its commit
	mem *memory
}

// Extension is the desired state and the standing of one extension.
type Extension struct {
	ID       string
	Disabled bool
	// Unconfirmed says that its desired state was lost with the database: it stays
	// stopped until it is enabled.
	Unconfirmed bool
	Pinned      string // digest, or ""
	Current     string // digest of the version that last became healthy, or ""
	Version     string // of Current
	File        string // of Current
	Removed     time.Time
	// Publisher is who has to sign its versions, as trust.Pin says it; "" while nobody
	// has.
	Publisher string
	// LogLevel is from which level on its log is kept; "" means what is configured.
	LogLevel string
	// Rejected are the versions that did not take over from Current, newest first;
	// the newest 16 are kept.
	Rejected []Rejection
	// Consented says that what it first asked for was decided about: from then on a
	// version waits that asks for what is not among Decisions, which are sorted by
	// permission.
	Consented bool
	Decisions []Decision
}

// Rejection says why a version did not take over.
type Rejection struct {
	Digest, Version, File, Stage, Code, Message string

	Time     time.Time
	ExitCode *int
	Signal   string
	Stderr   []string
	Asks     []string `json:",omitempty"` // the permissions that it asks for
}

// Version is a version that was healthy once and is kept for a rollback.
type Version struct {
	Version, Digest, File string
	First, Last           time.Time // when it first and last became healthy
	Permissions           []string  // that it asks for
}

// Open opens the database of a home, makes it on the first start, brings an older one
// to the newest form (after a backup) and repairs a damaged or lost one, as Origin
// tells and the log explains. A file that cannot be read or written (ErrReadOnly), a
// full disk (ErrFull) and a database of a newer Jackfield (ErrNewer) are no damage:
// they are an error, and everything stays where it is.
func Open(cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.migrations == nil {
		cfg.migrations = migrations()
	}
	ctx := context.Background()
	file, err := sqlitefile.Open(ctx, sqlitefile.Config{
		Path: cfg.Path, Backups: cfg.Backups, Used: cfg.Used, Log: cfg.Log, Migrations: cfg.migrations,
		Check: func(ctx context.Context, db *sql.DB) error { _, err := load(ctx, db); return err },
		Mark:  func(tx *sql.Tx, origin Origin) error { return saveValue(tx, originKey, string(origin)) },
		Next:  "confirm each extension by enabling it; what was disabled or pinned and the history are gone unless they are recovered by hand",
	})
	if err != nil {
		return nil, err
	}
	s := &Store{cfg: cfg, file: file, writing: make(chan struct{}, 1)}
	if s.mem, err = load(ctx, file.Write); err != nil {
		return nil, sqlitefile.Explain("reading", cfg.Path, errors.Join(err, file.Close()))
	}
	s.origin = cmp.Or(Origin(s.mem.values[originKey]), Opened)
	if file.Created {
		s.origin = Created
	}
	return s, nil
}

// Run makes a backup a second after the last of a row of changes of desired state,
// within ten seconds of the first one, and once more at the end when ctx ends with
// changes that are in no backup. A backup that fails is logged and tried again.
// Entries of the history and the audit trail alone cause none.
func (s *Store) Run(ctx context.Context) error { return s.file.Run(ctx) }

// Origin says where the content comes from. Restored and Lost are reported by every
// Open until Acknowledge was called.
func (s *Store) Origin() Origin { return s.origin }

// Acknowledge records that the caller has acted on Origin, for instance marked every
// extension as unconfirmed: from the next Open on the database counts as Opened. A
// host that is killed before that finds the same Origin again.
func (s *Store) Acknowledge(ctx context.Context) error {
	return s.SetValue(ctx, originKey, "")
}

// Close waits for the change in progress and closes the database. Later calls that
// need the disk fail with ErrClosed.
func (s *Store) Close() error {
	s.writing <- struct{}{}
	defer func() { <-s.writing }()
	if s.closed.Swap(true) {
		return nil
	}
	return s.file.Close()
}

// Extensions returns a copy of every row, those of removed extensions too.
func (s *Store) Extensions() map[string]Extension {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[string]Extension, len(s.mem.extensions))
	for id, e := range s.mem.extensions {
		all[id] = e.clone()
	}
	return all
}

// Extension returns a copy of the row of id.
func (s *Store) Extension(id string) (Extension, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e, ok := s.mem.extensions[id]
	return e.clone(), ok
}

// Versions returns the versions of id that are kept: the current one, up to three
// earlier ones and the pinned one if it was ever healthy; newest Last first.
func (s *Store) Versions(id string) []Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return append([]Version(nil), s.mem.versions[id]...)
}

// Kept returns the digests whose private copies must stay: those of the current, the
// pinned and the kept versions of every extension that was not purged.
func (s *Store) Kept() map[string]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	kept := map[string]bool{}
	for _, e := range s.mem.extensions {
		for _, digest := range []string{e.Current, e.Pinned} {
			if digest != "" {
				kept[digest] = true
			}
		}
	}
	for _, versions := range s.mem.versions {
		for _, v := range versions {
			kept[v.Digest] = true
		}
	}
	return kept
}

// Value returns the fact of the host that was set under key, or "".
func (s *Store) Value(key string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mem.values[key]
}
