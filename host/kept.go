package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// Kept is a version of an extension that can be rolled back to, or the current one.
type Kept struct {
	Version
	// First and Last say when it first and last became healthy, both nil for a version
	// that never did.
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
	// Restorable says that there is a copy of the data as this version left them, which
	// a roll back to it can put back.
	Restorable bool `json:"restorable"`
}

// Kept returns the versions of an extension's row with what is remembered of each. The
// error is an *Error with CodeNotFound when no extension has the id.
func (h *Host) Kept(id string) ([]Kept, error) {
	row, ok := h.Extension(id)
	if !ok {
		return nil, noExtension(id)
	}
	remembered := map[string]state.Version{}
	for _, v := range h.state.Versions(id) {
		remembered[v.Digest] = v
	}
	kept := []Kept{}
	for _, v := range row.Versions {
		k := Kept{Version: v, Restorable: !v.Current && h.dataFolder(id).Has(v.Digest)}
		if r, ok := remembered[v.Digest]; ok {
			k.First, k.Last = momentOf(r.First), momentOf(r.Last)
		}
		kept = append(kept, k)
	}
	return kept, nil
}

func noExtension(id string) *Error {
	return &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q", id), Hint: "the list of extensions has the ids"}
}

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Declared is what one version of an extension says of itself, to be compared with
// another. Its strings are hostile.
type Declared struct {
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Bytes   int64  `json:"bytes"` // of the bundle
	// Upgrade is exclusive or overlap.
	Upgrade     string   `json:"upgrade"`
	Permissions []string `json:"permissions"` // never nil, sorted
	// Requires are the ids of the extensions that it needs, each with what is asked of
	// its version.
	Requires []string `json:"requires"` // never nil, sorted
	// Types are the declared ones, without a State.
	Types []DeclaredType `json:"types"` // never nil
	// Platforms are those that it has an executable for.
	Platforms []string `json:"platforms"`
}

// Declared reads what a kept version, or the candidate, says of itself from its private
// copy, which is verified for it. The error is an *Error with CodeNotFound when the row
// does not name the digest, or there is no such copy any more.
func (h *Host) Declared(ctx context.Context, id, digest string) (Declared, error) {
	row, ok := h.Extension(id)
	if !ok {
		return Declared{}, noExtension(id)
	}
	named := digest != "" && (row.Digest == digest || row.Candidate != nil && row.Candidate.Digest == digest ||
		slices.ContainsFunc(row.Versions, func(v Version) bool { return v.Digest == digest }))
	if !named {
		return Declared{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("%s keeps no version with this digest", id)}
	}
	b, err := h.catalog.Read(ctx, digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Declared{}, &Error{Code: CodeNotFound, Message: "the private copy of this version is not there any more"}
	case err != nil:
		return Declared{}, asError(fmt.Errorf("reading the private copy of a version of %s: %w", id, err))
	}
	return declaredBy(b), nil
}

func declaredBy(b *bundle.Verified) Declared {
	m := b.Manifest()
	d := Declared{
		Version: m.Version.String(), Digest: b.Digest(), Bytes: b.Size(), Upgrade: string(m.Upgrade),
		Permissions: append([]string{}, m.Permissions...), Requires: []string{}, Types: []DeclaredType{},
		Platforms: b.Platforms(),
	}
	for _, need := range m.Requires {
		d.Requires = append(d.Requires, strings.TrimSpace(need.ID+" "+constraintOf(need)))
	}
	for _, t := range b.Types() {
		d.Types = append(d.Types, DeclaredType{Type: t.Name, Role: string(t.Role), Extends: t.Extends, Response: t.Response, Schema: t.Schema})
	}
	slices.Sort(d.Permissions)
	slices.Sort(d.Requires)
	return d
}

