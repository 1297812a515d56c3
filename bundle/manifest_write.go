package bundle

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/bundle/internal/headers"
)

// Attribute is one attribute of a manifest's main section.
type Attribute struct{ Name, Value string }

// FormatManifest writes a main section that every reader of JARs takes: lines of at
// most 72 bytes ending in CRLF, continuation lines that do not split a character,
// Manifest-Version first (1.0 when attrs has none), then attrs in their order. The
// error says which name or value can not stand in a manifest; of a name that comes
// twice, in any letter case, too.
func FormatManifest(attrs []Attribute) ([]byte, error) {
	var b strings.Builder
	version := Attribute{"Manifest-Version", "1.0"}
	seen := map[string]bool{}
	for _, a := range attrs {
		key := strings.ToLower(a.Name)
		if err := headers.CheckName(a.Name); err != nil {
			return nil, err
		}
		if seen[key] {
			return nil, fmt.Errorf("the attribute %s stands twice", quote(a.Name))
		}
		seen[key] = true
		if !utf8.ValidString(a.Value) || strings.ContainsAny(a.Value, "\x00\r\n") {
			return nil, fmt.Errorf("the value of %s contains a line break, a NUL or bytes that are not UTF-8", a.Name)
		}
		if key == "manifest-version" {
			version = a
		}
	}
	headers.Write(&b, version.Name, version.Value)
	for _, a := range attrs {
		if !strings.EqualFold(a.Name, version.Name) {
			headers.Write(&b, a.Name, a.Value)
		}
	}
	b.WriteString("\r\n")
	return []byte(b.String()), nil
}

// NormalizeManifest reads a manifest as a person wrote it and returns the same
// attributes as FormatManifest writes them. The errors are those of ParseManifest,
// and one for sections behind the main one, which describe entries of a JAR and
// would not fit a new one.
func NormalizeManifest(data []byte) ([]byte, error) {
	if _, _, err := ParseManifest(data); err != nil {
		return nil, err
	}
	sheet, err := readManifest(data)
	if err != nil {
		return nil, err
	}
	if sheet.sections > 0 {
		return nil, manifestError(sheet.sectionLine, "the manifest has sections about single entries; remove all behind the first blank line")
	}
	var attrs []Attribute
	for i, a := range sheet.main {
		if last, _ := sheet.find(a.key); last.line == sheet.main[i].line {
			attrs = append(attrs, Attribute{a.name, a.value})
		}
	}
	out, err := FormatManifest(attrs)
	if err != nil {
		return nil, manifestError(0, "%s", err)
	}
	return out, nil
}
