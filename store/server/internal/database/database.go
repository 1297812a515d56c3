// Package database is the store's memory, and the only place with SQL in it. One set of
// statements and one set of migrations run on SQLite (a file) and on PostgreSQL.
//
// Call Open once and Close at the end. Everything that clients can see goes through one
// door, Publish: it hands what the database holds of an id to a pure function, and writes
// what that decides, all in one transaction which raises the catalogue's sequence. Changes
// gives back what is new since a sequence, in the order of the commits.
//
// Promised: sequences are handed out in the order of the commits, without gaps but for those
// of RaiseTo; what a method returned without an error is on the disk; every statement has a
// deadline; what people type into a search is never a syntax error; errors are the same on
// both engines. Several processes may use one database at the same time.
//
// What a word of a search is is decided by package terms; what the engines do differently
// stands in sqlite.go and postgres.go, beside each other.
package database

import (
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// The errors to branch on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	// ErrConflict says that somebody else changed what the caller relied on: read again.
	ErrConflict = errors.New("changed meanwhile")
	// ErrNewer says that a newer version of Jackfield has written the database.
	ErrNewer = errors.New("the database is of a newer version")
	// ErrUnsupported says that the engine cannot do it; the message says what can.
	ErrUnsupported = errors.New("not supported by this database")
)

// Options are what Open takes beside the location; the zero value is usable.
type Options struct {
	// Timeout bounds every statement, and waiting for a lock; 30 s if it is 0.
	Timeout time.Duration
	// Connections bounds those that read; half as many write to PostgreSQL, one to SQLite.
	// 8 if it is 0.
	Connections int
	Log         *slog.Logger     // tells of migrations; nil for none
	Now         func() time.Time // nil for time.Now
	// Took is told how long each question ("read") or change ("write") took, retries
	// included, and whether it failed because of the database; nil for nobody.
	Took func(kind string, took time.Duration, failed bool)
}

// Database is an open database. Its methods may be called by many at once.
type Database struct {
	write  *sql.DB
	read   *sql.DB
	engine engine
	opts   Options

	compressors *sync.Pool // of *gzip.Writer, which are expensive to make
}
