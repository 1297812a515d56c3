package store

import "encoding/json"

// Detail is what a store keeps of a release beside what its listing says: too much for the
// index, and read for one release at a time.
type Detail struct {
	// Manifest is the file's own label as text: MANIFEST.MF, manifest.json or plugin.xml.
	Manifest  string       `json:"manifest,omitempty"`
	Readme    string       `json:"readme,omitempty"`    // Markdown, whole
	Changelog string       `json:"changelog,omitempty"` // Markdown, whole
	Types     []TypeDetail `json:"types,omitempty"`
	Evidence  []Evidence   `json:"evidence,omitempty"`
}

// TypeDetail is a declared type with its schema.
type TypeDetail struct {
	Type
	Schema json.RawMessage `json:"schema,omitempty"` // JSON Schema 2020-12
}

// Evidence is what one check found when the release was taken in.
type Evidence struct {
	Check   string `json:"check"`   // "signature", "chain", "container", …
	Tool    string `json:"tool"`    // what checked, and
	Version string `json:"version"` // in which version
	Input   string `json:"input"`   // sha256:<hex> of what it looked at
	Verdict string `json:"verdict"` // passed, warned or failed
	Text    string `json:"text,omitempty"`
}
