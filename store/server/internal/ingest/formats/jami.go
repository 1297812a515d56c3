package formats

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// Jami reads archives for Jami (docs/jami.md).
type Jami struct {
	// Options are whom to trust, as jpl.LoadRoots reads it; without a root nothing is taken.
	jpl.Options
	// Tool is the program and version that evidence names.
	Tool, Version string

	drawing drawing
}

// Name is store.FormatJami.
func (*Jami) Name() store.Format { return store.FormatJami }

// Sniff takes what has Jami's manifest, and what is signed as Jami signs where it has both
// manifests: a tool for JARs has written it.
func (*Jami) Sniff(f ingest.File) bool { return forJami(f.Names) }

func forJami(names []string) bool {
	return slices.Contains(names, "manifest.json") && (slices.Contains(names, "signatures") || !forHosts(names))
}

// Compare compares numbers: a store takes no other versions of this format.
func (*Jami) Compare(a, b string) int { return compareVersions(a, b) }

// Read verifies an archive and judges what a store does not take of it.
func (j *Jami) Read(ctx context.Context, file ingest.File) (*ingest.Candidate, error) {
	f, err := jpl.NewFile(file, file.Size)
	if err != nil {
		return nil, ofJami(err)
	}
	v, err := jpl.Verify(ctx, f, j.Options)
	if err != nil {
		return nil, ofJami(err)
	}
	// The rules for an id that is new are those for every file.
	faults, warnings := jpl.CheckForStore(v, jpl.Known{})
	if len(faults) > 0 {
		return nil, refused(problemsOf(faults)...)
	}
	return j.candidate(f, v, warnings)
}

// ofJami makes a refusal of an error of package jpl; others, like that of a context, are
// returned as they are.
func ofJami(err error) error {
	var e *jpl.Error
	if !errors.As(err, &e) || (e.Code == jpl.Code(bundle.CodeUnreadable) && e.Err != nil) {
		return err
	}
	return refused(problemsOf([]*jpl.Error{e})...)
}

func problemsOf(faults []*jpl.Error) []store.Problem {
	var list []store.Problem
	for _, e := range faults {
		list = append(list, store.Problem{Code: string(e.Code), Entry: e.Entry, Message: e.Message})
	}
	return list
}

func (j *Jami) candidate(f *bundle.File, v *jpl.Verified, warnings []string) (*ingest.Candidate, error) {
	n := &notes{warnings: append(v.Warnings(), warnings...)}
	names := map[string]int64{}
	for _, e := range f.Entries() {
		names[e.Name] = e.Size
	}
	c := &ingest.Candidate{ID: v.ID(), Texts: map[string]store.Text{}, Publisher: authorOf(v), Release: release(v)}
	for locale, text := range v.Texts() {
		c.Texts[locale] = store.Text{
			Name:        line(text.Name, maxName),
			Description: n.cut("the description ("+cmp.Or(locale, "default")+")", text.Description, maxDescription),
		}
	}
	icon, background := v.Pictures()
	c.Icon = n.picture(&j.drawing, f, names, iconBounds, icon)
	c.Background = n.picture(&j.drawing, f, names, largeBounds, background)
	c.Detail = store.Detail{Manifest: n.text(f, names, "manifest.json", maxWhole), Evidence: j.evidence(v)}
	c.Fits = func(versions []string) []store.Problem {
		faults, _ := jpl.CheckForStore(v, jpl.Known{Versions: versions})
		return problemsOf(faults)
	}
	if len(n.problems) > 0 {
		return nil, refused(n.problems...)
	}
	c.Warnings = n.warnings
	return c, nil
}

func release(v *jpl.Verified) store.Release {
	leaf := v.Chain()[0]
	return store.Release{
		Version: v.Version(),
		Files: []store.File{{
			Name: fileName(v.ID(), v.Version(), ".jpl"), Platforms: v.Platforms(), Digest: v.Digest(), Size: v.Size(),
		}},
		Signer: store.Signer{Name: line(leaf.Subject.CommonName, maxName), Key: keyOf(leaf)},
	}
}

// authorOf is who stands behind an archive: the organization that certified the signer, or
// the signer where a root did.
func authorOf(v *jpl.Verified) store.Publisher {
	p := v.Publisher()
	name := v.Author()
	if p.OrganizationKey == "" {
		name = v.Chain()[0].Subject.CommonName
	}
	return store.Publisher{Organization: cmp.Or(line(name, maxName), v.ID()), Pin: cmp.Or(p.OrganizationKey, p.LeafKey)}
}

func (j *Jami) evidence(v *jpl.Verified) []store.Evidence {
	var list []store.Evidence
	for _, c := range v.Checks() {
		word := "passed"
		if c.Warning {
			word = "warned"
		}
		list = append(list, store.Evidence{Check: c.Name, Tool: j.Tool, Version: j.Version, Input: v.Digest(), Verdict: word, Text: line(c.Detail, maxDescription)})
	}
	return list
}
