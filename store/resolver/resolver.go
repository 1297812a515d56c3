// Package resolver finds out what has to be installed, upgraded, kept and removed for what
// an administrator asks. Call Resolve with a Request; it is pure and deterministic: the
// same request gives the same Plan, in whatever order its parts stand.
//
// What is promised of a Plan:
//
//   - Every requirement of every extension that is there afterwards holds, those of what is
//     installed already included, and those of an optional other wherever it is there. Only
//     what did not hold before may still not hold: see Unmet.
//   - Every release that comes with it runs on this host and platform, is neither withdrawn
//     nor revoked, is from the highest-priority repository that has its id, and by the
//     publisher that the id is pinned to.
//   - Nothing is new that nobody needs, nothing is removed or lowered that was not asked for,
//     and what is pinned or held stays.
//   - What is asked for has the highest version that there is a plan for; then what else is
//     to be updated, by id; then each of what is installed stays as it is if it can, by id;
//     and what is needed besides is as high as possible, what is nearest to the asked first.
//
// If there is no such plan, the error is a *Conflict that says why as a chain of reasons,
// and what to do next. The search is complete, so a Conflict is a proof; what would take
// more than the bounded work is CodeTooComplex, and no statement about either.
package resolver

import (
	"github.com/jackfield-host/jackfield/bundle"
)

// Constraint is which versions something allows. bundle.Requirement fits through Needs;
// jameica.Requirement fits as it is.
type Constraint interface {
	Allows(version string) bool
	// String is the constraint as its author wrote it: ">=3 <4".
	String() string
}

// Need is one dependency of a release.
type Need struct {
	ID      string
	Version Constraint // nil allows every version
	// Optional says that it holds only if the other is there, and asks for nobody.
	Optional bool
}

// Release is one version of an extension that a repository offers.
type Release struct {
	ID, Version string
	// Order is what the version is ordered by. The zero value stands for Version read by
	// bundle.ParseVersion; jameica.Version has Ordered for it.
	Order bundle.Version
	// Digest is that of the file for this platform, "" where nobody knows it yet.
	Digest string
	// Publisher is the pin of who signs it.
	Publisher string
	// Platforms are where it runs ("linux-amd64"); none is everywhere.
	Platforms []string
	// Host is which versions of the host it works on; nil is every.
	Host Constraint
	// Needs are its dependencies, in any order.
	Needs []Need
	State State
}

// State is what has become of a release.
type State string

// The states. Deprecated is taken only for an id that is asked for by name, and last.
const (
	Offered    State = "" // what the others are not
	Deprecated State = "deprecated"
	Withdrawn  State = "withdrawn"
	Revoked    State = "revoked"
)

// Repository is one source of releases.
type Repository struct {
	Name string
	// Priority is higher for what goes before others; of two that are the same the name
	// that sorts first goes before.
	Priority int
	// Releases gives all releases of an id, withdrawn ones included; none if the repository
	// does not have it. An error means that nobody knows: for that id no other repository is
	// asked then, since that is how somebody else's code gets in. Resolve asks once for an id,
	// one after the other, and keeps nothing; ids are as releases name them, so anything.
	Releases func(id string) ([]Release, error)
}

// Installed is an extension that is there.
type Installed struct {
	Release
	// Pinned says that it stays in this version whatever is asked; Held that it is changed
	// only when it is asked for by name.
	Pinned, Held bool
}

// Ask is an extension that is asked for by name, to be installed or upgraded.
type Ask struct {
	ID string
	// Version is which versions will do; nil is the highest.
	Version Constraint
}

// Request is everything that a plan depends on.
type Request struct {
	Repositories []Repository
	// HostVersion is in the grammar of the releases' Host constraints.
	HostVersion string
	Platform    string
	Installed   []Installed
	// Publishers are the pins of ids that are known, of those that are installed and those
	// that were. What is installed has its publisher pinned even if it is not in here.
	Publishers map[string]string
	// Consent names the new publisher for ids that may change theirs.
	Consent map[string]string

	Install []Ask
	// Update names installed extensions to be brought up to date; UpdateAll is all of them
	// that are neither pinned nor held.
	Update    []string
	UpdateAll bool
	Remove    []string

	// Work bounds the search in steps, of which a processor does some millions a second; 0 is
	// two million. To explain a conflict may take eight times as much.
	Work int
}

// Action is what a Step does.
type Action string

// The actions.
const (
	Install   Action = "install"
	Upgrade   Action = "upgrade"
	Downgrade Action = "downgrade"
	Keep      Action = "keep"
	Remove    Action = "remove"
)

// Step is what becomes of one extension.
type Step struct {
	Action Action
	ID     string
	// Repository, Version and Digest are where it comes from and what it is; of what stays
	// or goes they are of what is installed, Repository being "".
	Repository, Version, Digest string
	Publisher                   string
	// State is what has become of the release: what is installed stays where nothing else is
	// asked, even if its repository has withdrawn it.
	State State
	// From is the version that is replaced.
	From string
	// Why is the chain of reasons, from the step to what was asked for; of a long one the
	// middle is left out.
	Why []string
}

// Plan is what to do. Steps stand in an order in which they can be done: what goes first,
// then what others need before those who need it.
type Plan struct {
	Steps []Step
	// Unmet are requirements between what is installed that do not hold now, and still will
	// not: nothing that was found mends them, and nothing of the plan broke them.
	Unmet []string
}

// Changes reports whether the plan does anything.
func (p *Plan) Changes() bool {
	for _, s := range p.Steps {
		if s.Action != Keep {
			return true
		}
	}
	return false
}

// Needs turns requirements of a manifest into those of a Release.
func Needs(requires []bundle.Requirement) []Need {
	var list []Need
	for _, r := range requires {
		list = append(list, Need{ID: r.ID, Version: constraints(r.Constraints), Optional: r.Optional})
	}
	return list
}
