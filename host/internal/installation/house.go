package installation

import (
	"context"
	"os"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Repositories are where releases come from. Each is read alone: what is wrong with one is an
// error of that one, and of nobody else.
type Repositories interface {
	// Universe returns the repositories as package resolver asks them, with all that is
	// reachable from these ids read already. The error is about ctx only.
	Universe(ctx context.Context, reach Reach) ([]resolver.Repository, error)
	// Release says of one release what a plan shows beside that.
	Release(ctx context.Context, repository, id, version string) (Release, error)
	// Fetch completes a file: what into holds already is kept if the whole then is right, and
	// emptied if it is wrong; what had come before an interruption stays for the next try.
	// progress is told how many bytes are there of how many, 0 where that is not known. An
	// error that says why, and whether to try again, is an *Unfetched.
	Fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) error
	// Outlook says what has become of what is installed, in any order. Where nobody answers
	// for something, that is said by an empty Repository or by leaving it out. The error means
	// that nothing could be found out at all.
	Outlook(ctx context.Context, installed []Origin) ([]Prospect, error)
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
	Publisher   string // the organization's name
	Size        int64  // bytes, 0 for unknown
	Permissions []string
}

// Want is a file of a release of a plan.
type Want struct {
	Repository, ID, Version string
	Digest                  string // "" where nobody knew it
}

// Unfetched is why a file could not be had.
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

// Origin is an extension that is there, and where it came from.
type Origin struct {
	ID, Version, Digest string
	Repository          string // "" for an upload or the extensions folder
}

// Prospect is what a repository says of an extension that is installed.
type Prospect struct {
	ID, Digest string // as installed
	Repository string // that answers for the id, "" for none
	// Deprecated and Withdrawn say why, "" for not.
	Deprecated, Withdrawn string
	Revocation            *store.Revocation
	Advisories            []store.Advisory
	// Err is why this may not be all that the repository says, nil if it is.
	Err error
}

// House is the host in which extensions are installed. Methods with a context may take their
// time; all others are quick.
type House interface {
	// Looked reports whether it is known what is installed: the extensions folder was read.
	Looked() bool
	// Installed returns what is installed.
	Installed() []Installed
	// Publishers returns the pins of all ids that are known, of removed ones too.
	Publishers() map[string]string
	// Decided returns the permissions of an id about which somebody has decided.
	Decided(id string) []string

	// Take brings a bundle into private storage and verifies it there.
	Take(ctx context.Context, file *os.File, size int64) (Bundle, error)
	// Recall finds a bundle in private storage again; an error means that it is not there.
	Recall(ctx context.Context, digest string) (Bundle, error)
	// Deposit puts a bundle of private storage into the extensions folder, durably, and
	// returns its name there. The same bytes under that name are left alone.
	Deposit(ctx context.Context, digest string) (file string, err error)
	// Retract removes a file from the extensions folder if it holds these bytes.
	Retract(ctx context.Context, file, digest string) error
	// Holds reports whether there is a file of this name in the extensions folder.
	Holds(file string) bool
	// Decide writes down who has landed a bundle on which terms, Revert that it is taken back.
	Decide(ctx context.Context, l Landing) error
	Revert(ctx context.Context, l Landing) error
	// Pin makes a bundle the one that runs whatever the folder holds, or, if it is that one,
	// lets it go.
	Pin(ctx context.Context, l Landing, on bool) error

	// Apply has what Withheld and Revoked say now taken into account, and returns when it is.
	Apply(ctx context.Context) error
	// Condition says how a bundle of an id is doing.
	Condition(id, digest string) Condition
	// Await waits until ok is true, asking again whenever any Condition may have changed.
	Await(ctx context.Context, ok func() bool) error
	// Probation is how long a new version of an id must live until it counts as healthy.
	Probation(id string) time.Duration
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

// Bundle is a verified bundle in private storage.
type Bundle struct {
	ID, Version, Digest string
	Size                int64
	File                string // its name, if it is put into the extensions folder
	Publisher           string // pin of who signed it, "" for nobody whom a root vouches for
	Permissions         []string
	Requires            []bundle.Requirement
	// Fault is why it cannot or may not run here, nil if it can.
	Fault *Fault
	// Release lets private storage forget it if nothing else needs it.
	Release func()
}

// Landing is a bundle that lands, and on which terms.
type Landing struct {
	ID, Version, Digest, File string
	Repository                string
	Actor, Remote             string
	// Grant are the permissions that are consented to.
	Grant []string
	// Publisher is the pin that the id is bound to from now on, nil for the one before.
	Publisher *string
	// Before is what Revert goes back to.
	Before Before
}

// Before is how an id was before a plan.
type Before struct {
	Digest, File string // of what was installed, "" for nothing
	Publisher    string
	Repository   string
}

// Condition is how a bundle of an extension is doing.
type Condition struct {
	// Seen says that the host knows of it.
	Seen bool
	// Settled says that nothing of it is under way.
	Settled bool
	// Healthy says that it runs, or that it must not because its extension is disabled.
	Healthy bool
	// Superseded says that another bundle of the id was chosen, by somebody else.
	Superseded bool
	// Code and Message are why it is not healthy.
	Code, Message string
}

// Decision is what somebody has decided about a plan.
type Decision struct {
	Action        Act
	Actor, Remote string // Remote is the address of who asked, "" for this machine
}

// Act is what was decided. The set is closed.
type Act string

// The acts, as the audit trail names them.
const (
	ActStart  Act = "start-plan"
	ActCancel Act = "cancel-plan"
	ActUndo   Act = "undo-plan"
)

// Rows keep what must outlive the host, durably.
type Rows interface {
	// SavePlan saves a plan, in the place of the one with its id. over says that it has ended;
	// of those the last keep are kept. What was decided about it goes into the audit trail with
	// it, or neither is saved.
	SavePlan(ctx context.Context, id string, over bool, body []byte, keep int, decided ...Decision) error
	// LoadPlans returns all of them, the oldest first.
	LoadPlans(ctx context.Context) ([][]byte, error)
	// Value and SetValue keep a text under a key.
	Value(key string) string
	SetValue(ctx context.Context, key, value string) error
}
