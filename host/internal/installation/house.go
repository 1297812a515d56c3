package installation

import (
	"context"
	"os"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/store"
)

// Repositories are where releases come from.
type Repositories interface {
	plan.Repositories
	// Fetch completes a file: what into holds already is kept if the whole then is right, and
	// emptied if it is wrong; what had come before an interruption stays for the next try.
	// progress is told how many bytes are there of how many, 0 where that is not known. An
	// error that says why, and whether to try again, is an *Unfetched of package plan.
	Fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) error
}

// Want is a file of a release of a plan.
type Want struct {
	Repository, ID, Version string
	Digest                  string // "" where nobody knew it
}

// House is the host in which extensions are installed. Methods with a context may take their
// time; all others are quick.
type House interface {
	plan.House

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

	// Apply has what Withheld says now taken into account, and returns when it is.
	Apply(ctx context.Context) error
	// Condition says how a bundle of an id is doing.
	Condition(id, digest string) Condition
	// Await waits until ok is true, asking again whenever any Condition may have changed.
	Await(ctx context.Context, ok func() bool) error
	// Probation is how long a new version of an id must live until it counts as healthy.
	Probation(id string) time.Duration
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
	Fault *plan.Fault
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
	Before plan.Before
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
