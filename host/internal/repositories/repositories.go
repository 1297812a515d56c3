// Package repositories reads the places that extensions are installed from: stores over
// HTTP, folders and files that were exported from one, and repositories of Jameica's.
//
// New makes a Set of what is configured and takes up what is known of each from the disk;
// Run keeps it current; the other methods answer from what is known, and ask a repository
// only for parts that are missing:
//
//   - Status says how each repository stands.
//   - Search and Find say what there is, Icon gives its picture; Universe says it to the
//     resolver.
//   - Fetch completes a file of a release, resuming what is there.
//   - Outlook says what has become of what is installed: newer releases, advisories,
//     revocations.
//   - Forget drops what is known of a repository, so that the next look is a first one.
//
// What is promised:
//
//   - Each repository is read alone: one that is broken, slow or hostile has its error in
//     its Status, and every other one works on.
//   - What comes from a store was signed by it, and is never older than what was seen before,
//     also after a restart. What is known stays in use until its timestamp runs out; then
//     nothing is installed from it any more, but its ids stay its own and its revocations hold.
//   - Of an id only the repository counts that goes before all others that have it, by
//     priority and then by name. Where nobody knows whether one has it that goes before,
//     nobody else is asked: that is how somebody else's code gets in. A repository that was
//     never read has no ids.
//   - Redirections are followed within one origin only. Addresses are the administrator's,
//     private ones too.
package repositories

import (
	"log/slog"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
	"github.com/jackfield-host/jackfield/trust"
)

// Kind is what a repository is.
type Kind string

// The kinds.
const (
	KindJackfield Kind = "jackfield" // a store, or an export of one
	KindJameica   Kind = "jameica"   // a repository.xml
)

// Source is one repository as it is configured: the keys repository.<name>.*.
type Source struct {
	// Name is by what people know it: lower case letters, digits and hyphens.
	Name string
	// URL is its http(s) address. A store may also be an absolute path, of a folder or a file.
	URL  string
	Kind Kind
	// Root is the path of a PEM file with those who vouch for it: issuers of the store's
	// certificate, or for Jameica those of the certificates of groups. Without one a store is
	// vouched for by the roots of conf/trust, and nobody vouches for groups of Jameica's.
	Root string
	// Unsigned takes ZIPs of Jameica's that nobody has signed. The bundle in it has to be
	// admitted in any case.
	Unsigned bool
	// Priority is higher for what goes before others.
	Priority int
	// Disabled ones are listed, and nothing else.
	Disabled bool
}

// Config is all that a Set depends on.
type Config struct {
	Sources []Source
	// Dir is where what is known of each is kept: a folder for each, by its name.
	Dir string
	// Roots gives the roots of conf/trust, whose lists of what is revoked hold for stores, too.
	Roots func() *trust.Roots
	// HostVersion and Platform ("linux-amd64") are what offers are for.
	HostVersion, Platform string
	// Every is how often each is looked at; zero is 24 hours. Between a tenth and all of it
	// passes at first, by chance, so that hosts do not come all at once.
	Every time.Duration
	// Patience is how long one part may take beside the time that its size allows at Rate
	// bytes a second, and how long an answer may take to begin; zero is 30 seconds and 16 KiB.
	Patience time.Duration
	Rate     int64
	// Changed is called, if not nil, after each look that has changed something.
	Changed func()
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// State is how a repository stands.
type State string

// The states. They are a closed set.
const (
	StateNever State = "never" // it was not looked at yet, or is disabled
	StateOK    State = "ok"    // the last look went well
	StateStale State = "stale" // the last look did not; what is known is still good
	StateError State = "error" // nothing is known that is still good
)

// States lists every State.
func States() []State { return []State{StateNever, StateOK, StateStale, StateError} }

// Status is how a repository stands. Times are zero where there is none.
type Status struct {
	Source
	State State
	// Code and Message say why State is not ok; Code is one of Codes.
	Code    Code
	Message string
	// Seen is what a store must not take back: its name and the highest number that it has
	// shown. It is there also where nothing is known any more. Jameica has none.
	Seen store.Seen
	// Sequence, Issued and Expires are those of the index that is known. Jameica has none.
	Sequence        int64
	Issued, Expires time.Time
	// Checked is when it was looked at last, Read when that last went well.
	Checked, Read time.Time
	Listings      int // that it has
	// Failures counts looks that did not go well by their code, since the Set was made.
	Failures map[Code]int64
	// Problems are parts of it that were left out with the reason, of a Jameica repository.
	Problems []string
}

// Offer is a listing with where it comes from.
type Offer struct {
	Repository string
	Kind       Kind
	// Listing is as its store signed it; of Jameica's it is made of what its documents say,
	// and files have neither digest nor size.
	Listing *store.Listing
	// Releases are those of the listing in the resolver's terms, for this host's platform;
	// betas are in it.
	Releases []resolver.Release
}

// Query is what Search looks for.
type Query struct {
	Text string
	// Limit is how many Offers there may be, up to MaxOffers, which is also what 0 means.
	Limit int
}

// MaxOffers bounds what Search gives.
const MaxOffers = 200

// Found is what Search gives.
type Found struct {
	Offers []Offer // in the order in which repositories rank them, the first ones first
	// More says that there are others: a longer Text leaves less.
	More bool
	// Missing are repositories that could not be searched, by name, with the reason.
	Missing map[string]error
}

// Reach is what Universe is asked.
type Reach struct {
	// IDs are what is asked for and what is installed: all from which needs may lead on.
	IDs []string
	// Publishers are the pins of ids that are known, as the resolver is given them.
	Publishers map[string]string
	// Beta also offers what is in the channel beta, of these ids.
	Beta map[string]bool
}

// Universe is what a resolver.Request takes of repositories.
type Universe struct {
	Repositories []resolver.Repository
	// Missing are repositories of which nothing is known, so that nothing of theirs is in it,
	// by name, with the reason.
	Missing map[string]error
	// Left are releases that are left out since they cannot be read, with the reason.
	Left []error
}

// Want is a file of a release of a plan.
type Want struct {
	Repository, ID, Version string
	// Digest is what the plan says of it; "" where nobody knew it, as of Jameica's.
	Digest string
}

// Fetched is a file that is complete.
type Fetched struct {
	Digest string // sha256:<hex>
	Size   int64
}

// Installed is an extension that is there.
type Installed struct {
	ID, Version, Digest string
	// Repository is where it came from, "" for an upload or the drop folder. Revocations by
	// name count only of that repository, or else of the first that has the id.
	Repository string
}

// Prospect is what has become of something installed.
type Prospect struct {
	Installed
	// Source is the repository that answers for the id, "" for none.
	Source string
	// Known says that Source lists this version, with this digest.
	Known bool
	// State is that of the release, Note its reason; Deprecated is the state to show.
	State store.ReleaseState
	Note  string
	// Newer is the highest release above it that this host can use, nil for none. Latest is a
	// higher one that it can not, and Needs the least host version that it asks for.
	Newer  *store.Release
	Latest string
	Needs  string
	// Revocation stops it; Advisories are about it.
	Revocation *store.Revocation
	Advisories []store.Advisory
	// Err is why not all of this could be found out, nil if all was.
	Err error
}
