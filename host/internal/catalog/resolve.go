package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// candidate is an accepted bundle that may become desired.
type candidate struct {
	file     string
	digest   string
	manifest *bundle.Manifest
	name     string   // the extension's name, folded
	requests []string // the request types it answers, the base type among them
	modTime  time.Time
	// earlier marks what ran from the file before its bytes changed.
	earlier bool
	// fault says why it cannot run on this host whatever else is there, nil if it can.
	fault *refusal
}

// refusal is why a candidate is not desired.
type refusal struct {
	state   lifecycle.State
	code    string
	message string
	cycle   []string // for dependency_cycle: the ids in it
}

// settleRounds bounds how often resolve looks at its own outcome.
const settleRounds = 8

// resolution is what resolve came to. Every candidate but an earlier one is in one of
// the two.
type resolution struct {
	desired  []choice // sorted by id
	refusals map[*candidate]*refusal
}

// choice is a desired candidate.
type choice struct {
	*candidate
	warnings []string
}

// resolve says which candidates should run, given what runs (id → digest). It is a
// pure function, and with its own outcome as what runs it comes to that again.
//
// Of the candidates of an id the first in order of preference is taken that can run:
// the highest version, of equal versions the newest file; after all of them what ran
// before its file was overwritten. A candidate can run if nothing is wrong with it
// alone, everything it requires is taken, and its id, name and request types are not
// taken by another extension. What runs goes first; then the order is that of files.
func resolve(candidates []*candidate, running map[string]string) resolution {
	var out resolution
	for range settleRounds {
		out = resolveOnce(candidates, running)
		now := out.running()
		if maps.Equal(now, running) {
			break
		}
		running = now
	}
	return out
}

// running is what runs when a resolution has come true: id → digest.
func (out resolution) running() map[string]string {
	running := make(map[string]string, len(out.desired))
	for _, d := range out.desired {
		running[d.manifest.ID] = d.digest
	}
	return running
}

func resolveOnce(candidates []*candidate, running map[string]string) resolution {
	r := newResolver(candidates, running)
	r.rounds()
	r.reserved = newClaims() // what runs and was not taken by now will not be
	r.rounds()
	out := resolution{refusals: map[*candidate]*refusal{}}
	for id, list := range r.byID {
		winner := r.taken[id]
		if winner != nil {
			out.desired = append(out.desired, choice{winner, equalWarnings(winner, list)})
		}
		for _, c := range list {
			if c == winner || c.earlier {
				continue
			}
			out.refusals[c] = r.why[c]
			if r.why[c] == nil {
				out.refusals[c] = held(c, winner)
			}
		}
	}
	slices.SortFunc(out.desired, func(a, b choice) int { return cmp.Compare(a.manifest.ID, b.manifest.ID) })
	return out
}

// rounds tries all ids until no more are taken: an extension may be refused because of
// another that is not decided yet, in a cycle that an older version does not have.
func (r *resolver) rounds() {
	for taken := -1; taken < len(r.taken); {
		taken = len(r.taken)
		clear(r.tried)
		for _, id := range r.order {
			r.admit(id)
		}
	}
}

// resolver is the state of one resolve.
type resolver struct {
	byID  map[string][]*candidate // in order of preference
	order []string                // ids in the order in which they are tried
	taken map[string]*candidate   // id → the one that will run
	why   map[*candidate]*refusal
	tried map[string]bool // in this round
	path  []string        // ids that are being tried, each for the one before it

	claimed  claims // by what is taken
	reserved claims // by what runs
	runs     map[*candidate]bool
}

func newResolver(candidates []*candidate, running map[string]string) *resolver {
	r := &resolver{
		byID:  map[string][]*candidate{},
		taken: map[string]*candidate{}, why: map[*candidate]*refusal{}, tried: map[string]bool{},
		claimed: newClaims(), reserved: newClaims(), runs: map[*candidate]bool{},
	}
	for _, c := range candidates {
		r.byID[c.manifest.ID] = append(r.byID[c.manifest.ID], c)
	}
	for id, list := range r.byID {
		byPreference(list)
		r.order = append(r.order, id)
		for _, c := range list {
			if c.digest == running[id] {
				r.runs[c] = true
				r.reserved.add(c)
				break
			}
		}
	}
	slices.SortFunc(r.order, func(a, b string) int {
		return cmp.Or(
			boolOrder(running[a] != "", running[b] != ""),
			cmp.Compare(r.byID[a][0].file, r.byID[b][0].file),
			cmp.Compare(a, b),
		)
	})
	return r
}

// byPreference sorts the candidates of one id. Files with the same bytes count as one,
// as new as the newest of them, so that a second copy changes nothing.
func byPreference(list []*candidate) {
	newest := map[string]time.Time{}
	for _, c := range list {
		if c.modTime.After(newest[c.digest]) {
			newest[c.digest] = c.modTime
		}
	}
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(
			boolOrder(!a.earlier, !b.earlier),
			b.manifest.Version.Compare(a.manifest.Version),
			newest[b.digest].Compare(newest[a.digest]),
			cmp.Compare(a.digest, b.digest),
			cmp.Compare(a.file, b.file),
		)
	})
}

func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return +1
}

// admit takes the best candidate of an id that can run, and reports whether there is
// one.
func (r *resolver) admit(id string) bool {
	if r.taken[id] != nil {
		return true
	}
	if r.tried[id] {
		return false
	}
	r.tried[id] = true
	r.path = append(r.path, id)
	defer func() { r.path = r.path[:len(r.path)-1] }()
	for _, c := range r.byID[id] {
		why := r.refuse(c)
		if why == nil {
			r.taken[id] = c
			r.claimed.add(c)
			return true
		}
		r.why[c] = why
	}
	return false
}

func (r *resolver) refuse(c *candidate) *refusal {
	if c.fault != nil {
		return c.fault
	}
	if why := r.unmet(c); why != nil {
		return why
	}
	return r.conflict(c)
}

func held(c, winner *candidate) *refusal {
	message := fmt.Sprintf("%q holds version %s of %s, which is higher than %s, and runs instead; remove it to run this one",
		winner.file, winner.manifest.Version, c.manifest.ID, c.manifest.Version)
	switch {
	case winner.digest == c.digest:
		message = fmt.Sprintf("%q holds the same bytes and runs; remove one of the two", winner.file)
	case winner.manifest.Version.Compare(c.manifest.Version) == 0:
		message = fmt.Sprintf("%q holds the same version of %s, is newer, and runs instead; remove one of the two", winner.file, c.manifest.ID)
	}
	return &refusal{state: lifecycle.Waiting, code: lifecycle.CodeHeld, message: message}
}

// equalWarnings names the files that hold another bundle of the same id and version.
func equalWarnings(winner *candidate, list []*candidate) []string {
	var warnings []string
	for _, c := range list {
		if c != winner && !c.earlier && c.digest != winner.digest && c.manifest.Version.Compare(winner.manifest.Version) == 0 {
			warnings = append(warnings, fmt.Sprintf("%q holds the same version %s with other bytes; the newer file, %q, is taken",
				c.file, c.manifest.Version, winner.file))
		}
	}
	return warnings
}

// fold returns the form in which two names that people take for the same are equal.
func fold(name string) string {
	return cases.Fold().String(norm.NFC.String(name))
}

// foldID does the same for an id, which is ASCII.
func foldID(id string) string { return strings.ToLower(id) }
