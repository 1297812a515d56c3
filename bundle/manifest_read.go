package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/internal/headers"
)

// The caps on a manifest. The JDK has no cap on the main section and 16 MB on the
// whole; no ordinary JAR comes near.
const (
	maxManifest    = 4 << 20
	maxMainSection = 64 << 10
	maxWarnings    = 32
)

// attribute is one header of a manifest.
type attribute struct {
	name  string // as written
	key   string // name in lower case
	value string
	line  int // 1 is the first
}

// manifestSheet is a manifest after grammar, before meaning.
type manifestSheet struct {
	main     []attribute // in order; duplicates of foreign attributes included
	warnings []string

	sections    int // behind the main one
	sectionLine int // of the first of them
}

// find returns the last attribute of the main section with that lower-case name.
func (s *manifestSheet) find(key string) (attribute, bool) {
	for i := len(s.main) - 1; i >= 0; i-- {
		if s.main[i].key == key {
			return s.main[i], true
		}
	}
	return attribute{}, false
}

// nearMiss finds an attribute that would be key but for hyphens and underscores.
func (s *manifestSheet) nearMiss(key string) string {
	plain := strings.NewReplacer("_", "", "-", "")
	for _, a := range s.main {
		if a.key != key && plain.Replace(a.key) == plain.Replace(key) {
			return fmt.Sprintf("; line %d has %s, write %s", a.line, quote(a.key), key)
		}
	}
	return ""
}

// readManifest reads every section as java.util.jar.Manifest does, and keeps the
// main one. It is stricter where the JDK's silence would hide a mistake: bundle.md,
// "Manifest", lists those places.
func readManifest(data []byte) (*manifestSheet, error) {
	if len(data) > maxManifest {
		return nil, manifestError(0, "the manifest has %d bytes, more than the %d allowed", len(data), maxManifest)
	}
	if err := checkBOM(data); err != nil {
		return nil, err
	}
	r := manifestReader{headers.NewReader(data)}
	sheet := &manifestSheet{}
	if err := r.readMain(sheet); err != nil {
		return nil, err
	}
	if err := r.readSections(sheet); err != nil {
		return nil, err
	}
	if _, ok := sheet.find("manifest-version"); !ok {
		sheet.warnings = append(sheet.warnings, "Manifest-Version is missing: the JDK's jar tool would drop the main section when it rewrites this manifest; begin it with \"Manifest-Version: 1.0\"")
	}
	return sheet, nil
}

func checkBOM(data []byte) error {
	for _, bom := range []struct{ mark, name string }{
		{"\xef\xbb\xbf", "UTF-8"}, {"\xff\xfe", "UTF-16"}, {"\xfe\xff", "UTF-16"},
	} {
		if bytes.HasPrefix(data, []byte(bom.mark)) {
			return manifestError(1, "the manifest begins with a %s byte order mark (BOM); save it as UTF-8 without one", bom.name)
		}
	}
	return nil
}

// manifestReader reads the sections of a manifest.
type manifestReader struct{ *headers.Reader }

// nextHeader is Next with the error of a manifest.
func (r manifestReader) nextHeader() (h headers.Header, end bool, err error) {
	h, end, err = r.Next()
	if fault, ok := errors.AsType[*headers.Error](err); ok {
		err = manifestError(fault.Line, "%s", fault.Message)
	}
	return h, end, err
}

// readMain reads up to the first blank line.
func (r manifestReader) readMain(sheet *manifestSheet) error {
	first := map[string]int{} // name → line
	for {
		h, end, err := r.nextHeader()
		if err != nil {
			return err
		}
		if end {
			if r.Line() == 1 {
				return manifestError(1, "the manifest begins with a blank line, so its main section is empty; remove the line")
			}
			return nil
		}
		if r.Offset() > maxMainSection {
			return manifestError(r.Line(), "the main section has more than %d bytes", maxMainSection)
		}
		a := attribute{name: h.Name, key: strings.ToLower(h.Name), value: h.Value, line: h.Line}
		ours := strings.HasPrefix(a.key, prefix)
		if before, twice := first[a.key]; twice && ours {
			return manifestError(a.line, "duplicate attribute: %s already stands in line %d", a.key, before)
		} else if twice {
			sheet.warn(a.line, "%s already stands in line %d; the last one counts", h.Name, before)
		} else {
			first[a.key] = a.line
		}
		if trimmed := trimBlanks(a.value); ours && trimmed != a.value {
			sheet.warn(a.line, "%s: spaces around the value are ignored", a.key)
			a.value = trimmed
		}
		sheet.main = append(sheet.main, a)
	}
}

// readSections reads the sections behind the main one. They describe entries, so
// for the extension only their faults matter.
func (r manifestReader) readSections(sheet *manifestSheet) error {
	seen := map[string]bool{}
	for {
		h, end, err := r.nextHeader()
		if err != nil {
			return err
		}
		if end {
			if r.Done() {
				return nil
			}
			continue // several blank lines between sections
		}
		if !strings.EqualFold(h.Name, "Name") {
			return manifestError(h.Line, "behind a blank line a section begins, and its first line must be \"Name: …\", not %s; attributes of the extension belong before the first blank line", quote(h.Name))
		}
		if sheet.sections++; sheet.sections == 1 {
			sheet.sectionLine = h.Line
		}
		section := h.Value
		if seen[section] {
			sheet.warn(h.Line, "a section of %s stands further up already", quote(section))
		}
		seen[section] = true
		if err := r.readSection(section); err != nil {
			return err
		}
	}
}

func (r manifestReader) readSection(section string) error {
	for {
		h, end, err := r.nextHeader()
		if end || err != nil {
			return err
		}
		if key := strings.ToLower(h.Name); strings.HasPrefix(key, prefix) {
			return manifestError(h.Line, "%s stands in the section of %s; it must be in the main section, before the first blank line", key, quote(section))
		}
	}
}

// warn notes what is odd in a line. A hostile manifest has thousands of odd lines,
// so beyond a number they are not listed.
func (s *manifestSheet) warn(line int, format string, args ...any) {
	switch {
	case len(s.warnings) < maxWarnings:
		s.warnings = append(s.warnings, fmt.Sprintf("line %d: ", line)+fmt.Sprintf(format, args...))
	case len(s.warnings) == maxWarnings:
		s.warnings = append(s.warnings, fmt.Sprintf("line %d and further: more of this kind", line))
	}
}
