package state

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"syscall"

	"modernc.org/sqlite"
)

// What callers branch on.
var (
	// ErrFull says that there is no room on the disk: nothing was changed.
	ErrFull = errors.New("the disk is full")
	// ErrReadOnly says that the database may not be written.
	ErrReadOnly = errors.New("the database cannot be written to")
	// ErrNewer says that a later version of the host has used the database.
	ErrNewer = errors.New("a later version of jackfield has used this home, and this one does not know its database: start that version, or take another home")
	// ErrCursor says that a cursor is none that was given out.
	ErrCursor = errors.New("no such cursor")
)

// The primary result codes of SQLite that matter here: https://sqlite.org/rescode.html.
const (
	codeCorrupt  = 11
	codeFull     = 13
	codeReadOnly = 8
	codeIO       = 10
	codeNotADB   = 26
)

// errDamaged marks what a check of the content has found.
var errDamaged = errors.New("it is damaged")

func primaryCode(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isDamage reports whether an error speaks of the content of the database, and not of
// the machine.
func isDamage(err error) bool {
	code := primaryCode(err)
	return errors.Is(err, errDamaged) || code == codeCorrupt || code == codeNotADB
}

// asOwn adds to an error of SQLite the one to branch on.
func asOwn(err error) error {
	switch code := primaryCode(err); {
	case err == nil:
		return nil
	case code == codeFull, code == codeIO && strings.Contains(err.Error(), "no space"), errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: %w", ErrFull, err)
	case code == codeReadOnly, errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	return err
}

// escapePath writes a path into a URI of SQLite.
func escapePath(path string) string { return (&url.URL{Path: path}).EscapedPath() }
