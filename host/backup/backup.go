// Package backup puts a home into one file and makes a home of such a file again.
//
// Call Create to write a file, Write for a stream, Verify to judge a file and Restore to
// make a home of it. All of them work beside a running host, of which they ask nothing.
//
// Promised: the database in a backup is whole, as it was at one moment, and every version
// that it speaks of is there; if a version became current, was pinned or went while data
// were copied, the backup is made again (Create) or refused (Write), so that data and
// versions belong together. Each key-value store is as it was at one moment of its own. The data
// folder of an extension that writes while it is copied may hold half of a change:
// Manifest.Changed names those extensions. A file appears under its name only when it is
// whole; one that was cut short is refused by Verify and Restore, which read all of a
// file, against its digests, before they write anything.
//
// What is not in a backup: logs, what lives as long as a process (run), the host's own
// rolling backups, links, sockets and devices, temporary files of extensions.
package backup

import (
	"errors"
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// Source says what a backup is made of. Home and Version are required.
type Source struct {
	Home host.Home
	// Version is the program's own, for the header.
	Version string
	// WithoutSecrets leaves out what of conf is not the properties file and trust: the
	// administrator's token, the key of sealed secrets and whatever else is there. Digests
	// of passwords and tokens are in the database and stay.
	WithoutSecrets bool
	// WithoutData leaves out the data folders of extensions and the copies of them.
	WithoutData bool
	// Progress is told how far it is, nil for nobody. Its total is what the home was found
	// to hold at first.
	Progress Progress
	// Now is the clock, time.Now when nil.
	Now func() time.Time

	// between is called between the copying of the database and the second look at it,
	// by tests that change something then.
	between func()
}

// Progress is told now and then that done of total bytes are through. A backup that begins
// again because versions changed begins at 0 again. It is called by the goroutine that does
// the work, which waits for it.
type Progress func(done, total int64)

// Header is the first entry of a backup: what a reader must know before the rest.
type Header struct {
	// Format is the form of the file, 1 so far.
	Format int `json:"format"`
	// Version is that of the program that wrote it.
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	// Database is the form of the database in it (PRAGMA user_version).
	Database int `json:"database"`
}

// Manifest is all that a backup says of itself: the last entry, without which it is
// incomplete.
type Manifest struct {
	Header
	WithoutSecrets bool `json:"without_secrets,omitempty"`
	WithoutData    bool `json:"without_data,omitempty"`
	// KeyValue is the newest form among the key-value stores, 0 without any.
	KeyValue int `json:"key_value,omitempty"`
	// Changed are the extensions whose data folders changed while they were copied.
	Changed []string `json:"changed,omitempty"`
	// Skipped is what could not be put in, and why.
	Skipped []Skipped `json:"skipped,omitempty"`
	// Files are the folders and files, those above before those in them.
	Files []File `json:"files"`
}

// Skipped is something that is not in a backup.
type Skipped struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// File is a folder or a file of a backup.
type File struct {
	// Path is relative to the home, with slashes.
	Path string `json:"path"`
	// Mode holds permission bits only.
	Mode uint32 `json:"mode"`
	Dir  bool   `json:"dir,omitempty"`
	Size int64  `json:"size,omitempty"`
	// SHA256 is the digest of the content, in hexadecimal.
	SHA256 string `json:"sha256,omitempty"`
	// Owner is the uid and gid that an extension has for itself, 0 for whoever owns the
	// home, who may have another number where it is restored.
	Owner int `json:"owner,omitempty"`
	// Modified is in seconds since 1970.
	Modified int64 `json:"modified,omitempty"`
}

// Bytes is what the files hold together.
func (m *Manifest) Bytes() (sum int64) {
	for _, f := range m.Files {
		sum += f.Size
	}
	return sum
}

// Code says what is wrong: one of a closed set.
type Code string

// The codes.
const (
	CodeNoHome     Code = "no_home"    // there is no database to back up
	CodeInHome     Code = "in_home"    // the file would be part of the home
	CodeExists     Code = "exists"     // the file is there already
	CodeChanged    Code = "changed"    // versions changed while the backup was made
	CodeIncomplete Code = "incomplete" // the file was cut short
	CodeDamaged    Code = "damaged"    // the file is no backup, or not what was written
	CodeUnsafe     Code = "unsafe"     // an entry that no backup has: a link, a path out of the home
	CodeTooLarge   Code = "too_large"  // beyond what is read
	CodeNewer      Code = "newer"      // written by a newer version
	CodeNotEmpty   Code = "not_empty"  // the home to restore to holds something
	CodeInUse      Code = "in_use"     // a host runs in it
	CodeNoRoom     Code = "no_room"    // the disk has not enough room
	CodeUnreadable Code = "unreadable" // something cannot be read or written here
)

// Error says what was not done, and what to do about it.
type Error struct {
	Code    Code
	Message string
	// Next is what to do, "" where nobody knows.
	Next string
	Err  error // the cause, or nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.Err)
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is what to do next.
func (e *Error) Hint() string { return e.Next }

// CodeOf returns the code of err, "" if it has none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// fault makes an Error.
func fault(code Code, cause error, next, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Next: next, Err: cause}
}

// both joins two errors, of which one may be nil: the other stays what it is.
func both(err, other error) error {
	switch {
	case other == nil:
		return err
	case err == nil:
		return other
	}
	return errors.Join(err, other)
}
