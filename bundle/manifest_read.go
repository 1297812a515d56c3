package bundle

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// The caps on a manifest. The JDK has no cap on the main section and 16 MB on the
// whole; no ordinary JAR comes near.
const (
	maxManifest    = 4 << 20
	maxMainSection = 64 << 10
	maxLine        = 512 // with its line end, as in the JDK
	maxName        = 70
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
	r := &manifestReader{data: data}
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

// manifestReader hands out physical lines and the headers made of them.
type manifestReader struct {
	data []byte
	pos  int
	line int // number of the line that next returned last
}

// next returns the next physical line without its end: LF, CR, CRLF or the end of
// the data. ok is false behind the last one.
func (r *manifestReader) next() (line []byte, ok bool, err error) {
	if r.pos >= len(r.data) {
		return nil, false, nil
	}
	r.line++
	rest := r.data[r.pos:]
	end := bytes.IndexAny(rest[:min(len(rest), maxLine+1)], "\r\n")
	switch {
	case end < 0 && len(rest) > maxLine:
		return nil, false, r.tooLong()
	case end < 0: // a last line without its end; the JDK drops it in silence
		r.pos = len(r.data)
		return rest, true, nil
	}
	size := end + 1
	if rest[end] == '\r' && size < len(rest) && rest[size] == '\n' {
		size++
	}
	if size > maxLine {
		return nil, false, r.tooLong()
	}
	r.pos += size
	return rest[:end], true, nil
}

func (r *manifestReader) tooLong() error {
	return manifestError(r.line, "the line is longer than %d bytes with its line end; continue it on a next line that begins with one space", maxLine)
}

// header is one logical line: a name, and a value joined from continuation lines.
type header struct {
	name  string
	value []byte
	line  int
}

// nextHeader returns the next header of a section; end is true at a blank line and
// at the end of the data.
func (r *manifestReader) nextHeader() (h header, end bool, err error) {
	line, ok, err := r.next()
	if err != nil || !ok || len(line) == 0 {
		return header{}, true, err
	}
	h.line = r.line
	if line[0] == ' ' {
		return header{}, false, manifestError(r.line, "a continuation line (it begins with a space) has no header line before it")
	}
	colon := bytes.IndexByte(line, ':')
	switch {
	case colon < 0:
		return header{}, false, manifestError(r.line, "the line has no colon; write \"name: value\", or begin it with a space to continue the line before")
	case colon+1 >= len(line) || line[colon+1] != ' ':
		return header{}, false, manifestError(r.line, "no space stands behind the colon of %s; write \"name: value\"", quote(string(line[:colon])))
	}
	h.name = string(line[:colon])
	if err := checkHeaderName(h.name); err != nil {
		return header{}, false, manifestError(r.line, "%s", err)
	}
	h.value, err = r.continued(line[colon+2:])
	if err != nil {
		return header{}, false, err
	}
	if i := bytes.IndexByte(h.value, 0); i >= 0 {
		return header{}, false, manifestError(h.line, "the value of %s contains a NUL byte", h.name)
	}
	if !utf8.Valid(h.value) {
		return header{}, false, manifestError(h.line, "the value of %s is not valid UTF-8; save the manifest as UTF-8", h.name)
	}
	return h, false, nil
}

// continued appends the continuation lines that follow. They are joined as bytes:
// a line may end inside of a character.
func (r *manifestReader) continued(value []byte) ([]byte, error) {
	owned := false
	for r.pos < len(r.data) && r.data[r.pos] == ' ' {
		line, _, err := r.next()
		if err != nil {
			return nil, err
		}
		if !owned {
			value, owned = bytes.Clone(value), true
		}
		value = append(value, line[1:]...)
	}
	return value, nil
}

func checkHeaderName(name string) error {
	if len(name) > maxName {
		return fmt.Errorf("the name %s is longer than %d characters", quote(name), maxName)
	}
	if !all(name, func(c byte) bool { return isDigit(c) || isLetter(c) || c == '-' || c == '_' }) {
		return fmt.Errorf("the name %s has other characters than letters, digits, - and _", quote(name))
	}
	return nil
}

// readMain reads up to the first blank line.
func (r *manifestReader) readMain(sheet *manifestSheet) error {
	first := map[string]int{} // name → line
	for {
		h, end, err := r.nextHeader()
		if err != nil {
			return err
		}
		if end {
			if r.line == 1 {
				return manifestError(1, "the manifest begins with a blank line, so its main section is empty; remove the line")
			}
			return nil
		}
		if r.pos > maxMainSection {
			return manifestError(r.line, "the main section has more than %d bytes", maxMainSection)
		}
		a := attribute{name: h.name, key: strings.ToLower(h.name), value: string(h.value), line: h.line}
		ours := strings.HasPrefix(a.key, prefix)
		if before, twice := first[a.key]; twice && ours {
			return manifestError(a.line, "duplicate attribute: %s already stands in line %d", a.key, before)
		} else if twice {
			sheet.warn(a.line, "%s already stands in line %d; the last one counts", h.name, before)
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
func (r *manifestReader) readSections(sheet *manifestSheet) error {
	seen := map[string]bool{}
	for {
		h, end, err := r.nextHeader()
		if err != nil {
			return err
		}
		if end {
			if r.pos >= len(r.data) {
				return nil
			}
			continue // several blank lines between sections
		}
		if !strings.EqualFold(h.name, "Name") {
			return manifestError(h.line, "behind a blank line a section begins, and its first line must be \"Name: …\", not %s; attributes of the extension belong before the first blank line", quote(h.name))
		}
		if sheet.sections++; sheet.sections == 1 {
			sheet.sectionLine = h.line
		}
		section := string(h.value)
		if seen[section] {
			sheet.warn(h.line, "a section of %s stands further up already", quote(section))
		}
		seen[section] = true
		if err := r.readSection(section); err != nil {
			return err
		}
	}
}

func (r *manifestReader) readSection(section string) error {
	for {
		h, end, err := r.nextHeader()
		if end || err != nil {
			return err
		}
		if key := strings.ToLower(h.name); strings.HasPrefix(key, prefix) {
			return manifestError(h.line, "%s stands in the section of %s; it must be in the main section, before the first blank line", key, quote(section))
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
