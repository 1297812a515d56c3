package jpl

import (
	"encoding/json"
	"io/fs"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of what people read, in bytes.
const (
	maxID      = 190
	maxName    = 256
	maxText    = 16 << 10
	maxVersion = 64
)

// manifest is manifest.json as it was written: placeholders are not replaced.
type manifest struct {
	id, name, description, version string
	icon, background               string // below data, "" for none
	given                          map[string]bool
}

var idForm = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// readManifest reads manifest.json.
func (c *contents) readManifest() error {
	data, ok, err := c.text(CodeManifestInvalid, manifestName)
	if err != nil {
		return err
	}
	if !ok {
		return refuse(CodeManifestInvalid, manifestName, "there is none")
	}
	m, err := parseManifest(data)
	if err != nil {
		return err
	}
	c.manifest = m
	return nil
}

// parseManifest reads manifest.json. Members that it does not know are let be: there is no
// list of them. Jami's reader takes more than JSON, and the last of two equal keys: who
// relies on either is refused.
func parseManifest(data []byte) (manifest, error) {
	m := manifest{given: map[string]bool{}}
	members, err := parseObject(data)
	if err != nil {
		return m, refuse(CodeManifestInvalid, manifestName, "%v", err)
	}
	m.icon, m.background = "icon.png", "background.jpg"
	for _, f := range []struct {
		key   string
		value *string
		max   int
		lines bool
	}{
		{"name", &m.name, maxName, false}, {"id", &m.id, maxID, false}, {"description", &m.description, maxText, true},
		{"version", &m.version, maxVersion, false}, {"iconPath", &m.icon, maxName, false}, {"backgroundPath", &m.background, maxName, false},
	} {
		raw, ok := members[f.key]
		if !ok {
			continue
		}
		m.given[f.key] = true
		text, fault := plainString(raw, f.max, f.lines)
		if fault != "" {
			return m, refuse(CodeManifestInvalid, manifestName, "%s %s", f.key, fault)
		}
		*f.value = text
	}
	return m, m.judge()
}

// judge holds the members to what Jami needs of them, and to what it must not be given.
func (m *manifest) judge() error {
	if m.name == "" && m.version == "" {
		return refuse(CodeManifestInvalid, manifestName, "it has neither a name nor a version")
	}
	if !m.given["id"] {
		m.id = m.name
	}
	// The id becomes a folder, the names of files and the part of a pattern.
	if len(m.id) > maxID || !idForm.MatchString(m.id) {
		return refuse(CodeIDInvalid, manifestName, "the id %.200q is not 1 to %d letters, digits and underscores", m.id, maxID)
	}
	for _, r := range m.version {
		if r <= ' ' || r > '~' {
			return refuse(CodeManifestInvalid, manifestName, "version has a character other than printable ASCII (%U)", r)
		}
	}
	for key, name := range map[string]string{"iconPath": m.icon, "backgroundPath": m.background} {
		if name != "" && (!fs.ValidPath(name) || strings.ContainsAny(name, `\:`)) {
			return refuse(CodeManifestInvalid, manifestName, "%s %.200q is not a clean path below data", key, name)
		}
	}
	return nil
}

// plainString reads a JSON string that people are to see. fault says why it is none.
func plainString(raw json.RawMessage, limit int, lines bool) (text, fault string) {
	if err := json.Unmarshal(raw, &text); err != nil || len(raw) == 0 || raw[0] != '"' {
		return "", "is not a string"
	}
	return text, textFault(text, limit, lines)
}

// textFault says why a text is not fit to be shown, "" when it is. lines allows line feeds
// and tabs.
func textFault(text string, limit int, lines bool) string {
	if len(text) > limit {
		return "is too long"
	}
	if !utf8.ValidString(text) {
		return "is not UTF-8"
	}
	for _, r := range text {
		switch {
		case lines && (r == '\n' || r == '\t' || r == '\r'):
		case unicode.IsControl(r), unicode.In(r, unicode.Zl, unicode.Zp):
			return "has a control character"
		case '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return "changes the direction of reading for what follows"
		}
	}
	return ""
}
