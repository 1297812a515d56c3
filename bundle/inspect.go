package bundle

import (
	"context"
	"encoding/json"
	"errors"
	"maps"

	"github.com/jackfield-host/jackfield/sdk"
)

// Report is what `bundle inspect` says of a file. Its JSON form has two shapes, one
// for OK and one for a refusal; both are a contract (docs/bundle.md).
type Report struct {
	OK bool `json:"ok"`

	// Of an accepted bundle.
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Class     string            `json:"class"`
	Request   string            `json:"request"`
	Response  string            `json:"response"`
	Version   string            `json:"version"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Platforms []string          `json:"platforms"`
	Runnable  bool              `json:"runnable"` // on the platform that was asked for
	Manifest  map[string]string `json:"manifest"` // the main section, names in lower case
	Types     []sdk.Type        `json:"types"`
	Signature Signature         `json:"signature"`
	Warnings  []string          `json:"warnings"`

	// Of a refused file; all empty for an accepted one, which does not show them.
	Code    Code   `json:"code,omitempty"`
	Entry   string `json:"entry,omitempty"`
	Line    int    `json:"line,omitempty"`
	Message string `json:"message,omitempty"`
}

// Inspect opens and verifies the file at path and tells what it is, for the platform
// goos and goarch. A signature that does not hold is reported and does not refuse the
// file, which no host would run. A file that can not be read is refused like any other, as
// CodeUnreadable; so is one whose reading ctx ended.
func Inspect(ctx context.Context, path string, limits Limits, goos, goarch string) Report {
	f, err := Open(path, limits)
	if err != nil {
		return Refused(err)
	}
	defer f.Close()
	v, signature, err := examine(ctx, f)
	if err != nil {
		return Refused(err)
	}
	if signature != nil {
		v.signature = Signature{State: SignatureInvalid, Code: string(CodeOf(signature)), Chain: []string{}}
		v.warnings = append(v.warnings, "the signature does not hold: "+signature.Error())
	}
	return v.Report(goos, goarch)
}

// Report tells what an accepted bundle is.
func (v *Verified) Report(goos, goarch string) Report {
	m := v.manifest
	_, runnable := v.Executable(goos, goarch)
	return Report{
		OK: true, ID: m.ID, Name: m.Name, Class: m.Class, Request: m.Request, Response: m.Response,
		Version: m.Version.String(), Digest: v.digest, Size: v.file.size,
		Platforms: v.Platforms(), Runnable: runnable, Manifest: maps.Clone(m.Attributes),
		Types: v.Types(), Signature: v.Signature(), Warnings: v.Warnings(),
	}
}

// Refused tells why a bundle is refused, of an error that Open or Verify returned.
func Refused(err error) Report {
	e := &Error{Code: CodeUnreadable, Message: err.Error()}
	errors.As(err, &e)
	return Report{Code: e.Code, Entry: e.Entry, Line: e.Line, Message: e.Message}
}

// MarshalJSON writes the shape that fits, with every field of it and none of the
// other.
func (r Report) MarshalJSON() ([]byte, error) {
	if !r.OK {
		return json.Marshal(struct {
			OK      bool   `json:"ok"`
			Code    Code   `json:"code"`
			Entry   string `json:"entry"`
			Line    int    `json:"line"`
			Message string `json:"message"`
		}{false, r.Code, r.Entry, r.Line, r.Message})
	}
	type accepted Report // without this method
	r.Platforms, r.Types, r.Warnings = orEmpty(r.Platforms), orEmpty(r.Types), orEmpty(r.Warnings)
	r.Signature.Chain = orEmpty(r.Signature.Chain)
	return json.Marshal(accepted(r))
}

// orEmpty makes nil an empty list, which JSON writes as [] and not as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
