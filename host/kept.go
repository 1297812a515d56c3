package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

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
		return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q", id), Hint: "the list of extensions has the ids"}
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

func momentOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// Compare says what a kept version, or the candidate, has otherwise than the current one,
// as its private copy says it, which is verified for that. The error is an *Error with
// CodeNotFound when the row does not name the digest, or there is no such copy any more.
func (h *Host) Compare(ctx context.Context, id, digest string) (Changes, error) {
	row, current, err := h.find(id)
	if err != nil {
		return Changes{}, err
	}
	named := digest != "" && (row.Candidate != nil && row.Candidate.Digest == digest ||
		slices.ContainsFunc(row.Versions, func(v Version) bool { return v.Digest == digest }))
	if !named || current == nil {
		return Changes{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("%s keeps no version with this digest", id)}
	}
	other, err := h.catalog.Read(ctx, digest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Changes{}, &Error{Code: CodeNotFound, Message: "the private copy of this version is not there any more"}
	case err != nil:
		return Changes{}, asError(fmt.Errorf("reading the private copy of a version of %s: %w", id, err))
	}
	return *changesOf(current, other), nil
}
