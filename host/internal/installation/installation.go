// Package installation installs and updates extensions from repositories: all of a plan,
// or none of it.
//
// New makes an Installation, Recover ends what a host before has left in the middle (before
// the extensions folder is first looked at), and Run works until its context ends. Propose
// says what a request comes to and changes nothing; Start does it. Cancel, Undo, Plans, Plan,
// Outdated, Findings and Check may be called from anywhere while Run runs.
//
// What is promised of a plan that was started:
//
//   - It ends: as succeeded, failed or undone, whatever the network, the disk and the
//     processes do, and however often the host is killed meanwhile.
//   - Nothing of it reaches the extensions folder before all of it is verified in private
//     storage. Then all of it lands, and what runs is switched for all of it at once; each
//     version that served goes on until the new one is healthy.
//   - If one of it does not come up healthy, or dies in its probation, all that has landed is
//     taken back, and the versions from before serve.
//   - It does what somebody has consented to: permissions that nobody has granted, another
//     publisher and other bytes than were looked at end it before it lands.
//   - While it is under way no other plan changes an extension that it is about.
package installation

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Repositories are where releases come from. Each is read alone: what is wrong with one is an
// error of that one, and of nobody else.
type Repositories interface {
	// Universe returns the repositories as package resolver asks them, with all that is
	// reachable from these ids read already. What a repository cannot say is an error of its
	// Releases. The error is about ctx only.
	Universe(ctx context.Context, ids []string) ([]resolver.Repository, error)
	// Release says of one release what a plan shows beside that.
	Release(ctx context.Context, repository, id, version string) (Release, error)
	// Fetch completes the file of a release for this host, as store.View.Download does: what
	// into holds already is kept if the whole has the right digest. Errors have a code
	// (store.CodeOf); what is broken off can be gone on with.
	Fetch(ctx context.Context, repository, id, version string, into store.Partial, progress func(size int64)) error
	// Refresh asks every repository whether something is new; what has not changed costs one
	// conditional request each.
	Refresh(ctx context.Context)
	// Notices returns what each repository says of weaknesses and revocations, as known now:
	// it does not wait for the network.
	Notices(ctx context.Context) []Notices
}

// Release is what a plan shows of a release.
type Release struct {
	Publisher   string // the organization's name
	Digest      string // of the file for this host, "" where nobody knows it before it is here
	Size        int64  // bytes, 0 for unknown
	Channel     store.Channel
	Permissions []string
	Note        string // why it is deprecated or withdrawn
}

// Notices are what one repository says of what it lists.
type Notices struct {
	Repository string
	// Priority orders repositories as resolver.Repository does.
	Priority    int
	Advisories  []store.Advisory
	Revocations []store.Revocation
	// Lists reports whether the repository has a listing with an id.
	Lists func(id string) bool
}

// House is the host in which extensions are installed.
type House interface {
	// Installed returns what is installed, by id. It is quick.
	Installed() map[string]Installed
	// Decided returns what was decided about an id, of one that was removed too.
	Decided(id string) Decided
	// Take brings a bundle into private storage and verifies it there; release lets it go.
	Take(ctx context.Context, file Partial) (Bundle, error)
	// Recall finds a bundle in private storage again.
	Recall(ctx context.Context, digest string) (Bundle, error)
	// Deposit puts a bundle into the extensions folder, durably, and returns the name there.
	// It works before the folder is first looked at, too.
	Deposit(ctx context.Context, digest string) (file string, err error)
	// Retract removes a file from the extensions folder if it holds a bundle with this digest.
	Retract(ctx context.Context, file, digest string) error
	// Holds reports whether there is a file of this name in the extensions folder.
	Holds(file string) bool
	// Decide writes down, in one transaction, who has landed a bundle on which terms; Revert
	// takes that back.
	Decide(ctx context.Context, l Landing) error
	Revert(ctx context.Context, l Landing) error
	// Changed says that Kept, Withheld or Revoked may answer otherwise than before.
	Changed()
	// Condition says how a bundle of an id is doing.
	Condition(id, digest string) Condition
	// Await waits until ok is true, asking again whenever the condition of anything may have
	// changed.
	Await(ctx context.Context, ok func() bool) error
	// Probation is how long a new version of an id must live until it counts as healthy.
	Probation(id string) time.Duration
	// Told is told of every change of a plan. It must not block.
	Told(p Plan)
}

// Partial is a file with a bundle in it.
type Partial = store.Partial

// Installed is an extension that is there.
type Installed struct {
	ID, Name, Version, Digest string
	File                      string // in the extensions folder
	Publisher                 string // pin, "" for none
	Requires                  []bundle.Requirement
	Permissions               []string
	Pinned, Disabled          bool
}

// Decided is what was decided about an id.
type Decided struct {
	Publisher string // pin that its versions must come from, "" for any
	// Permissions are those about which somebody has decided, granted or denied.
	Permissions []string
}

// Bundle is a verified bundle in private storage.
type Bundle struct {
	ID, Version, Digest string
	Size                int64
	Publisher           string // pin of who signed it, "" for nobody whom a root vouches for
	Permissions         []string
	Requires            []bundle.Requirement
	// Fault is why it cannot or may not run here, nil if it can. One that is about another
	// publisher than before has the code publisher_changed.
	Fault *Fault
	// Release lets private storage forget it if nothing else needs it.
	Release func()
}

// Fault is a code and what is wrong, for people.
type Fault struct{ Code, Message string }

// Error is the message.
func (f *Fault) Error() string { return f.Message }

// Landing is a bundle that lands, and on which terms.
type Landing struct {
	Plan                string
	ID, Version, Digest string
	File                string
	Actor, Remote       string
	// Grant are the permissions that are consented to, Publisher the pin that the id is bound
	// to from now on, nil for the one before.
	Grant     []string
	Publisher *string
	// Before is Publisher as it was, and Fresh says that nothing of the id was there: what
	// Revert goes back to.
	Before string
	Fresh  bool
}

// Condition is how a bundle of an extension is doing.
type Condition struct {
	// Settled says that nothing of it is under way.
	Settled bool
	// Healthy says that it runs, or that it may not because the extension is disabled.
	Healthy bool
	// Superseded says that another bundle of the id was chosen, by somebody else.
	Superseded bool
	// Code and Message are why it is not healthy.
	Code, Message string
}

// Rows keep plans, durably.
type Rows interface {
	// SavePlan saves a plan, in the place of the one with its id. over says that it has ended;
	// of those the last ones are kept.
	SavePlan(ctx context.Context, id string, over bool, body []byte) error
	// LoadPlans returns all of them, the oldest first.
	LoadPlans(ctx context.Context) ([][]byte, error)
}

// Config is what an Installation is made from. All but Policy, Patience and Now is required.
type Config struct {
	Repositories Repositories
	House        House
	Rows         Rows
	// Downloads is the folder of files on their way, made if it is missing.
	Downloads string
	// HostVersion is in the grammar of bundle.Version; Platform is as "linux-amd64".
	HostVersion, Platform string
	// FileBytes is how large a bundle may be.
	FileBytes int64
	Policy    Policy
	// OnRevoked says whether what a repository has revoked is stopped; else it is marked.
	StopRevoked bool
	Patience    Patience
	Log         *slog.Logger
	Now         func() time.Time
}

// Patience is how long a plan waits for what. The zero value stands for what is written
// behind each.
type Patience struct {
	Progress time.Duration // for the next byte of a repository that does not answer: 10 min
	Plan     time.Duration // for all downloads of a plan together: 6 h
	Healthy  time.Duration // for what has landed to run: 5 min
	Return   time.Duration // for what ran before to run again: 2 min
	Retry    time.Duration // before a download is tried again, at first: 1 s; later up to 30 s
}

func (c Config) check() error {
	if c.Repositories == nil || c.House == nil || c.Rows == nil || c.Downloads == "" || c.Platform == "" || c.FileBytes <= 0 || c.Log == nil {
		return errors.New("installation: a part of the configuration is missing")
	}
	return nil
}
