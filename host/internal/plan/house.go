package plan

import (
	"context"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Repositories are where releases come from. Each is read alone: what is wrong with one is an
// error of that one, and of nobody else.
type Repositories interface {
	// Universe returns the repositories as package resolver asks them, with all that is
	// reachable from these ids read already. The error is about ctx only.
	Universe(ctx context.Context, reach Reach) ([]resolver.Repository, error)
	// Release says of one release what a plan shows beside that. An error that says why is an
	// *Unfetched.
	Release(ctx context.Context, repository, id, version string) (Release, error)
}

// Reach is what Universe is asked.
type Reach struct {
	// IDs are what is asked for and what is installed: all from which needs may lead on.
	IDs []string
	// Publishers are the pins of ids that are known.
	Publishers map[string]string
	// Beta also offers what is in the channel beta, of these ids.
	Beta map[string]bool
}

// Release is what a plan shows of a release.
type Release struct {
	Name        string // what it calls itself, in English where it can
	Publisher   string // the organization's name
	Size        int64  // bytes, 0 for unknown
	Permissions []string
	Icon        bool // it has one
}

// Unfetched is why something of a repository could not be had.
type Unfetched struct {
	Code string // of a closed set of whoever gives it
	Err  error  // for people
	// Again says that it may be there later: nobody answers, or too slowly.
	Again bool
}

// Error is Err.
func (u *Unfetched) Error() string { return u.Err.Error() }

// Unwrap returns Err.
func (u *Unfetched) Unwrap() error { return u.Err }

// House is the host in which extensions are installed. All of it is quick.
type House interface {
	// Looked reports whether it is known what is installed: the extensions folder was read.
	Looked() bool
	// Installed returns what is installed.
	Installed() []Installed
	// Publishers returns the pins of all ids that are known, of removed ones too.
	Publishers() map[string]string
	// Decided returns the permissions of an id about which somebody has decided.
	Decided(id string) []string
}

// Installed is an extension that is there.
type Installed struct {
	ID, Version, Digest string
	File                string // in the extensions folder
	Publisher           string // pin of who signed it, "" for nobody whom a root vouches for
	Repository          string // that it came from, "" for an upload or the extensions folder
	Requires            []bundle.Requirement
	Pinned              bool
}
