package bundle

import (
	"fmt"
	"strings"
)

// Manifest is what the main section of META-INF/MANIFEST.MF says of an extension.
// Read from a file that was not verified it is a claim; Verified.Manifest is the
// one to act on.
//
// Every text comes from the bundle's author. It is valid UTF-8 without control
// characters and never expanded, and it must be escaped wherever it is shown.
type Manifest struct {
	// ID is extension_id, else extension_class.
	ID string
	// Class, Request and Response are dotted names. Request is the route: the base
	// type of all requests, as Response is of all responses.
	Class, Request, Response string
	// Name is 1 to 64 characters for people.
	Name    string
	Version Version

	Description, Vendor, License                      string
	Homepage, Support, ReleaseNotes, Source, Security string

	// MinHost is the lowest host version, nil when any will do.
	MinHost  *Version
	Requires []Requirement
	// Exec is the path of the executable with ${os} and ${arch} unreplaced; use
	// ExecPath.
	Exec string
	// Permissions are in the order written, each once, hosts in lower case.
	Permissions []string
	Upgrade     Upgrade
	Singleton   bool
	// Attributes is the whole main section, names in lower case; values of
	// extension_* attributes without the spaces around them.
	Attributes map[string]string
}

// Upgrade says how a new version of an extension takes over from the old one.
type Upgrade string

// The values of extension_upgrade.
const (
	// UpgradeExclusive is the default: one version at a time.
	UpgradeExclusive Upgrade = "exclusive"
	// UpgradeOverlap lets both run at once, for extensions without data.
	UpgradeOverlap Upgrade = "overlap"
)

const defaultExec = "bin/${os}-${arch}/extension"

// ExecPath returns the entry name of the executable for a platform, in Go's names.
func (m *Manifest) ExecPath(goos, goarch string) string {
	return strings.NewReplacer("${os}", goos, "${arch}", goarch).Replace(m.Exec)
}

// ParseManifest reads a manifest by the JDK's grammar and by the rules for
// extension_* attributes. The warnings say what is odd but harmless. The error is
// an *Error with CodeManifestInvalid and, where there is one, the line.
func ParseManifest(data []byte) (*Manifest, []string, error) {
	sheet, err := readManifest(data)
	if err != nil {
		return nil, nil, err
	}
	m := &Manifest{
		Exec: defaultExec, Upgrade: UpgradeExclusive,
		Attributes: make(map[string]string, len(sheet.main)),
	}
	warnings := sheet.warnings
	for _, a := range sheet.main { // of two, the last one wins, as in the JDK
		m.Attributes[a.key] = a.value
	}
	if err := checkKnown(sheet.main); err != nil {
		return nil, nil, err
	}
	for _, rule := range rules() {
		a, ok := sheet.find(rule.name)
		if !ok {
			if rule.required {
				return nil, nil, missingAttribute(sheet, rule.name)
			}
			continue
		}
		warning, err := rule.apply(m, a.value)
		if err != nil {
			return nil, nil, manifestError(a.line, "%s: %s", a.key, err)
		}
		if warning != "" {
			warnings = append(warnings, fmt.Sprintf("line %d: %s: %s", a.line, a.key, warning))
		}
	}
	if m.ID == "" {
		if err := checkID(m.Class); err != nil {
			a, _ := sheet.find("extension_class")
			return nil, nil, manifestError(a.line, "extension_class is also the id, and %s; add an extension_id", err)
		}
		m.ID = m.Class
	}
	for _, r := range m.Requires {
		if r.ID == m.ID {
			a, _ := sheet.find("extension_requires")
			return nil, nil, manifestError(a.line, "extension_requires names %s, which is this extension", quote(r.ID))
		}
	}
	return m, warnings, nil
}

// missingAttribute explains an absent required attribute: an ordinary JAR, a JMap
// client bundle and a misspelled name each need another remedy.
func missingAttribute(sheet *manifestSheet, name string) error {
	has := func(name string) bool { _, ok := sheet.find(name); return ok }
	const client = "a JMap client bundle (extension_class, extension_name and extension_version only)"
	switch {
	case !has("extension_class") && !has("extension_request") && !has("extension_name") && !has("extension_version"):
		return manifestError(0, "no extension_class, extension_request, extension_name or extension_version: this is an ordinary JAR, not an extension%s", sheet.nearMiss(name))
	case name != "extension_request" || !has("extension_name") || !has("extension_version"):
		return manifestError(0, "%s is missing%s", name, sheet.nearMiss(name))
	case has("extension_response"):
		return manifestError(0, "extension_request is missing%s; without it this looks like %s", sheet.nearMiss(name), client)
	}
	return manifestError(0, "extension_request is missing: this is %s; it belongs to JMap Pro on the desktop, a server extension also names extension_request and extension_response", client)
}

func manifestError(line int, format string, args ...any) error {
	return &Error{Code: CodeManifestInvalid, Line: line, Message: fmt.Sprintf(format, args...)}
}
