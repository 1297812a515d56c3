package database

import (
	"context"
	"database/sql"
	"io"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/jackfield-host/jackfield/store/server/internal/terms"
)

// engine is what SQLite and PostgreSQL do differently: sqlite.go and postgres.go, beside
// each other.
type engine interface {
	// connect opens the pools, each statement of which has that much time.
	connect(timeout time.Duration, connections int) (write, read *sql.DB, err error)
	dialect() goose.Dialect
	// lock keeps other processes from migrating until unlock.
	lock(ctx context.Context, db *sql.DB) (unlock func() error, err error)
	// own are the statements of the second migration: the table of the search, and what
	// keeps the audit trail from being edited by mistake.
	own() []string
	// snapshot are the options of a transaction that reads one state.
	snapshot() *sql.TxOptions
	// skipLocked ends a SELECT whose rows others may be working on.
	skipLocked() string
	// judge says what an error of the engine means.
	judge(err error) meaning
	// index replaces what a listing is found by; no words at all remove it.
	index(ctx context.Context, tx querier, number int64, w []string) error
	// find returns listings that match, the lowest numbers first.
	find(ctx context.Context, q querier, e terms.Expression, limit int) ([]found, error)
	// learn has the engine look at what is there, so that it plans questions by it; nothing
	// where it needs none of that.
	learn(ctx context.Context, tx querier) error
	backup(ctx context.Context, w io.Writer) error
}

// meaning is what an error of an engine means for who called.
type meaning int

const (
	unknown    meaning = iota
	duplicate          // what must be unique is there
	unrelated          // what is referred to is not there, or what is removed is referred to
	repeatable         // the transaction is to be repeated
)

// engineOf reads a location; see Open.
func engineOf(location string) engine {
	if strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://") {
		return postgres{location}
	}
	return sqlite{strings.TrimPrefix(location, "sqlite:")}
}
