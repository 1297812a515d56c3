package catalog

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// byPreference sorts the candidates of one id. Files with the same bytes count as one,
// as new as the newest of them, so that a second copy changes nothing. What ran from a
// file whose new bytes cannot run, or are not known yet, keeps its rank: neither a copy that is under way
// nor one that is broken brings a lower version back. Of bytes that have no file any
// more, those that run come first.
func (r *resolver) byPreference(list []*candidate, running string) {
	newest := map[string]time.Time{}
	for _, c := range list {
		if c.modTime.After(newest[c.digest]) {
			newest[c.digest] = c.modTime
		}
	}
	stands := func(c *candidate) bool { return !c.earlier || c.placed }
	runsOn := func(c *candidate) bool { return !stands(c) && c.digest == running }
	slices.SortFunc(list, func(a, b *candidate) int {
		return cmp.Or(
			boolOrder(!r.unpinned(a), !r.unpinned(b)),
			boolOrder(!r.rejected(a), !r.rejected(b)),
			boolOrder(stands(a), stands(b)),
			boolOrder(runsOn(a), runsOn(b)),
			b.manifest.Version.Compare(a.manifest.Version),
			boolOrder(!a.earlier, !b.earlier),
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

// rejected reports that c did not take over when it was tried.
func (r *resolver) rejected(c *candidate) bool {
	return slices.Contains(r.standing[c.manifest.ID].Rejected, c.digest)
}

// unpinned reports that another bundle of c's id is pinned.
func (r *resolver) unpinned(c *candidate) bool {
	pin := r.standing[c.manifest.ID].Pinned
	return pin != "" && pin != c.digest
}

// firstFit returns the candidate of a disabled id that would be tried first, nil if
// there is none that could run on this host.
func (r *resolver) firstFit(id string) *candidate {
	for _, c := range r.byID[id] {
		if !r.unpinned(c) && c.fault == nil {
			return c
		}
	}
	return nil
}

// explain says why c, which a file holds, is not chosen; winner is nil if nothing is.
func (r *resolver) explain(c, winner *candidate) *refusal {
	switch {
	case r.unpinned(c):
		return r.pinned(c, winner)
	case r.why[c] != nil:
		return r.why[c]
	case c.fault != nil:
		return c.fault
	}
	return r.held(c, winner)
}

// pinned says that another bundle of c's id is pinned, and how that one is.
func (r *resolver) pinned(c, winner *candidate) *refusal {
	id := c.manifest.ID
	pin := r.standing[id].Pinned
	version, ill := "", ""
	for _, other := range r.byID[id] {
		if other.digest != pin {
			continue
		}
		version = other.manifest.Version.String()
		if winner == nil {
			why := cmp.Or(r.why[other], other.fault)
			if why != nil {
				ill = fmt.Sprintf(", which is %s: %s: %s", why.state(), why.code, why.message)
			}
		}
		break
	}
	message := fmt.Sprintf("%s is pinned at version %s%s; `jackfield ext unpin %s` lets it go", id, version, ill, id)
	switch {
	case r.standing[id].loading:
		message = fmt.Sprintf("%s is pinned at another bundle, which is in private storage and is being checked; `jackfield ext unpin %s` lets it go", id, id)
	case version == "":
		message = fmt.Sprintf("%s is pinned at a bundle that is nowhere any more, neither in the extensions folder nor in private storage (%s): "+
			"put it back into the folder, or let it go with `jackfield ext unpin %s`", id, pin, id)
	}
	return &refusal{event: lifecycle.Lack, code: lifecycle.CodeHeld, message: message}
}

func (r *resolver) held(c, winner *candidate) *refusal {
	takes := "runs instead"
	if r.standing[c.manifest.ID].Disabled {
		takes = "is taken instead when the extension is enabled"
	}
	message := fmt.Sprintf("%q holds version %s of %s, which is higher than %s, and %s; remove it to run this one",
		winner.file, winner.manifest.Version, c.manifest.ID, c.manifest.Version, takes)
	switch {
	case winner.digest == c.digest:
		message = fmt.Sprintf("%q holds the same bytes and %s; remove one of the two", winner.file, takes)
	case r.rejected(c) && !slices.Contains(r.standing[c.manifest.ID].Waiting, c.digest):
		message = fmt.Sprintf("version %s did not take over when it was tried, so %q, which holds version %s, %s",
			c.manifest.Version, winner.file, winner.manifest.Version, takes)
	case winner.manifest.Version.Compare(c.manifest.Version) == 0:
		message = fmt.Sprintf("%q holds the same version of %s, is newer, and %s; remove one of the two", winner.file, c.manifest.ID, takes)
	}
	return &refusal{event: lifecycle.Lack, code: lifecycle.CodeHeld, message: message}
}

// equalWarnings names the files that hold another bundle of the winner's id and version.
func (r *resolver) equalWarnings(winner *candidate) []string {
	var warnings []string
	for _, c := range r.byID[winner.manifest.ID] {
		if c != winner && !c.earlier && c.digest != winner.digest && !r.unpinned(c) && r.rejected(c) == r.rejected(winner) &&
			c.manifest.Version.Compare(winner.manifest.Version) == 0 {
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
