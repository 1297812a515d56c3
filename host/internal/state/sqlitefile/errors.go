package sqlitefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// The kinds of an Error to branch on.
var (
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("it cannot be written")
	ErrNewer    = errors.New("it was written by a newer version of Jackfield")
	// ErrDamaged marks what recovery repairs, at the next Open at the latest.
	ErrDamaged = errors.New("the database is damaged")
)

// Error says what could not be done with which file, and what to do next. Kind is one
// of the errors above or nil.
type Error struct {
	Doing, Path, Next string
	Kind, Cause       error
}

func (e *Error) Error() string {
	text := e.Doing + " " + e.Path
	if e.Kind != nil {
		text += ": " + e.Kind.Error()
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	if e.Next != "" {
		text += " (" + e.Next + ")"
	}
	return text
}

// Unwrap lets errors.Is find the kind and the cause.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.Kind, e.Cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Explain wraps cause in an *Error of the right kind; an *Error stays as it is.
func Explain(doing, path string, cause error) error {
	if _, ok := errors.AsType[*Error](cause); ok || cause == nil {
		return cause
	}
	e := &Error{Doing: doing, Path: path, Cause: cause, Kind: kindOf(cause, filepath.Dir(path))}
	switch e.Kind {
	case ErrFull:
		e.Next = "nothing has changed; free some space on its disk, or raise the quota, and try again"
	case ErrReadOnly:
		e.Next = "nothing has changed; give the user of the host the right to write it, or mount its file system writable"
	case ErrDamaged:
		e.Next = "restart the host: it moves the damaged file aside and restores the newest backup"
	default:
		if errors.Is(cause, fs.ErrPermission) || codeOf(cause)&0xff == lib.SQLITE_CANTOPEN {
			e.Next = "give the user of the host the right to read and write the file, its -wal and -shm files and their folder"
		}
	}
	return e
}

// kindOf finds the kind of err, which came from SQLite or from the file system.
func kindOf(err error, dir string) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ErrFull
	case errors.Is(err, syscall.EROFS):
		return ErrReadOnly
	}
	switch codeOf(err) & 0xff {
	case lib.SQLITE_FULL:
		return ErrFull
	case lib.SQLITE_READONLY:
		return ErrReadOnly
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return ErrDamaged
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN:
		// SQLite does not tell why: a quota or a disk that filled up at an fsync
		// looks like a broken one. A trial file knows.
		return kindOf(tryWrite(dir), dir)
	}
	return nil
}

// codeOf returns the extended result code of SQLite in err, or 0.
func codeOf(err error) int {
	if e, ok := errors.AsType[*sqlite.Error](err); ok {
		return e.Code()
	}
	return 0
}

// tryWrite writes a file of the size of SQLite's index of the -wal and removes it.
func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(make([]byte, 64<<10))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
