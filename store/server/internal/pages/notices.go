package pages

import (
	"cmp"
	"slices"

	"github.com/jackfield-host/jackfield/store"
)

// notices are the advisories and revocations of the catalogue at one sequence, by what
// they are about.
type notices struct {
	sequence   int64
	advisories map[string][]store.Advisory // by folded id, the worst first
	listings   map[string]store.Revocation // by folded id, or folded id and version
	files      map[string]store.Revocation // by digest
}

// noticesOf looks through all of them once for each sequence.
func (p *Pages) noticesOf(now View) *notices {
	if n := p.notices.Load(); n != nil && n.sequence == now.Sequence() {
		return n
	}
	n := &notices{now.Sequence(), map[string][]store.Advisory{}, map[string]store.Revocation{}, map[string]store.Revocation{}}
	for _, a := range now.Advisories() {
		id := store.FoldID(a.Listing)
		n.advisories[id] = append(n.advisories[id], a)
	}
	for _, found := range n.advisories {
		slices.SortStableFunc(found, func(a, b store.Advisory) int {
			return cmp.Or(slices.Index(severities(), b.Severity)-slices.Index(severities(), a.Severity), b.Updated.Compare(a.Updated))
		})
	}
	for _, r := range now.Revocations() {
		if r.Listing != "" {
			n.listings[revokedKey(r.Listing, r.Version)] = r
		}
		if r.Digest != "" {
			n.files[r.Digest] = r
		}
	}
	p.notices.Store(n)
	return n
}

func revokedKey(id, version string) string { return store.FoldID(id) + "\x00" + version }

// of are the advisories about a listing, the worst first.
func (n *notices) of(id string) []store.Advisory { return n.advisories[store.FoldID(id)] }

// worst is the severity of the worst advisory about a version, empty for none.
func (n *notices) worst(id, version string) store.Severity {
	for _, a := range n.of(id) {
		if a.Affects(version) {
			return a.Severity
		}
	}
	return ""
}

// revocation is what stops a release, nil for nothing; everywhere says that it stops all of
// the listing. r may be nil.
func (n *notices) revocation(id string, r *store.Release) (why *store.Revocation, everywhere bool) {
	if v, ok := n.listings[revokedKey(id, "")]; ok {
		return &v, true
	}
	if r == nil {
		return nil, false
	}
	if v, ok := n.listings[revokedKey(id, r.Version)]; ok {
		return &v, false
	}
	for _, f := range r.Files {
		if v, ok := n.files[f.Digest]; ok {
			return &v, false
		}
	}
	if r.Revoked != "" {
		return &store.Revocation{Reason: r.Note}, false
	}
	return nil, false
}

// severities, mildest first.
func severities() []store.Severity {
	return []store.Severity{store.Low, store.Medium, store.High, store.Critical}
}

// known is a severity, or other for what is none.
func known(s store.Severity) string {
	if slices.Contains(severities(), s) {
		return string(s)
	}
	return "other"
}

// kindOf is the colour of a severity. What is none of them may be a grave one.
func kindOf(s store.Severity) string {
	switch s {
	case store.Low:
		return "off"
	case store.Medium:
		return "warn"
	}
	return "bad"
}
