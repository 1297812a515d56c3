package bundle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits on names that hold whatever the host says: file systems have them.
const (
	maxPathBytes    = 1024
	maxSegmentBytes = 255
)

// manifestName is where the manifest lies, in any letter case.
const manifestName = "META-INF/MANIFEST.MF"

// isManifestName compares without regard to ASCII letter case.
func isManifestName(name string) bool {
	return len(name) == len(manifestName) && strings.EqualFold(name, manifestName)
}

// pathFault says why a name must not become a path, "" if it may.
func pathFault(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > maxPathBytes:
		return fmt.Sprintf("the name is longer than %d bytes", maxPathBytes)
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	case name[0] == '/':
		return "the name is an absolute path"
	}
	for _, r := range name {
		if fault := runeFault(r); fault != "" {
			return fault
		}
	}
	for segment := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
		last, _ := utf8.DecodeLastRuneInString(segment)
		switch {
		case segment == "":
			return "the name has an empty part between two slashes"
		case segment == "..":
			return "the name leads out of the folder (..)"
		case last == '.' || unicode.IsSpace(last):
			return fmt.Sprintf("a part of the name ends with a dot or a space, %s", quote(clip(segment)))
		case len(segment) > maxSegmentBytes:
			return fmt.Sprintf("a part of the name is longer than %d bytes", maxSegmentBytes)
		}
	}
	return ""
}

// runeFault says why a character must not stand in a name.
func runeFault(r rune) string {
	switch {
	case r == '\\':
		return "the name has a backslash, which is a separator elsewhere"
	case r == ':':
		return "the name has a colon, which means a drive or a stream elsewhere"
	case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
		return fmt.Sprintf("the name has a control character (%U)", r)
	case unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
		return fmt.Sprintf("the name has an invisible or direction-changing character (%U)", r)
	}
	return ""
}

// folder folds names so that those which some file system takes for one are equal.
type folder struct{ caser cases.Caser }

func newFolder() folder { return folder{cases.Fold()} }

func (f folder) fold(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.String(f.caser.String(norm.NFC.String(name)))
		}
	}
	return strings.ToLower(name)
}

// twins are two entries, as indices in the order of the file, that can not both be
// there: their folded names are the same, or one is a file where the other needs a
// folder.
type twins struct {
	found          bool
	earlier, later int
}

// foldedName is a name on its way through findTwin, without the slash of a folder.
type foldedName struct {
	key   string
	index int
	dir   bool
}

// findTwin returns the pair whose later entry comes first in the file. Sorting
// brings what is below a path right behind it, so it takes no more than n log n.
// It also refuses names that imply more folders than there may be entries.
func (p *parser) findTwin() (twins, error) {
	f := newFolder()
	names := make([]foldedName, len(p.entries))
	for i := range p.entries {
		e := &p.entries[i]
		names[i] = foldedName{strings.TrimSuffix(f.fold(e.Name), "/"), i, e.Dir}
	}
	slices.SortFunc(names, func(a, b foldedName) int {
		if c := comparePaths(a.key, b.key); c != 0 {
			return c
		}
		return cmp.Compare(a.index, b.index)
	})
	var best twins
	note := func(a, b int) {
		if later := max(a, b); !best.found || later < best.later {
			best = twins{true, min(a, b), later}
		}
	}
	var above []foldedName // files that name is or lies below, each with the earliest index
	folders := 0
	for i, name := range names {
		if i > 0 && names[i-1].key == name.key { // two folders, too
			note(names[i-1].index, name.index)
		}
		for len(above) > 0 && !within(name.key, above[len(above)-1].key) {
			above = above[:len(above)-1]
		}
		first := name.index
		if len(above) > 0 {
			note(above[len(above)-1].index, name.index)
			first = min(first, above[len(above)-1].index)
		}
		if !name.dir {
			above = append(above, foldedName{key: name.key, index: first})
		}
		before := ""
		if i > 0 {
			before = names[i-1].key
		}
		folders += newFolders(before, name.key)
	}
	if folders > p.limits.Entries {
		return best, refuse(CodeTooManyEntries, "", "the names of the entries imply %d folders, more than the %d allowed", folders, p.limits.Entries)
	}
	return best, nil
}

// within reports whether name is path or lies below it.
func within(name, path string) bool {
	return strings.HasPrefix(name, path) && (len(name) == len(path) || name[len(path)] == '/')
}

// newFolders counts the folders above name that are not above before.
func newFolders(before, name string) int {
	same := 0
	for same < len(name) && same < len(before) && name[same] == before[same] {
		same++
	}
	if same == len(before) && same < len(name) && name[same] == '/' {
		same++ // before is a folder, seen as itself
	}
	return strings.Count(name[same:], "/")
}

// comparePaths orders by bytes with the slash as the lowest.
func comparePaths(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}
