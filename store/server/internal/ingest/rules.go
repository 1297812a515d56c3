package ingest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// maxReleases bounds the document of a listing.
const maxReleases = 1000

// proposal is a candidate before the rules: all that they look at beside what the database
// holds.
type proposal struct {
	*Candidate
	format     store.Format
	compare    func(a, b string) int
	pictures   store.Pictures // of the candidate, in the blobs
	submission store.Submission
	now        time.Time
}

// decision is what the rules make of a proposal: a listing, or problems, or neither where
// the file is published already.
type decision struct {
	listing      *store.Listing
	organization string // whose the listing is
	problems     []store.Problem
	already      bool // the release is there, with these bytes
	joined       bool // the file joins a release that is there for other platforms
}

// decide is the rules of docs/store.md, "Rules": a pure function of its arguments.
func decide(current database.Current, p proposal) decision {
	owner, problem := p.owner(current)
	if problem != nil {
		return decision{problems: []store.Problem{*problem}}
	}
	d := decision{organization: owner}
	if known, ok := current.Files[p.file().Digest]; ok {
		d.already, problem = p.known(current, known)
		if problem != nil {
			d.problems = append(d.problems, *problem)
		}
		return d
	}
	if r := revokes(current.Revocations, p.ID, p.Release.Version, p.file().Digest); r != nil {
		d.problems = append(d.problems, problemf(store.CodeRevoked, "%s is revoked: %s", revoked(*r), r.Reason))
	}
	if current.Listing == nil {
		d.problems = append(d.problems, p.fits(nil)...)
		if len(d.problems) == 0 {
			d.listing = p.first()
		}
		return d
	}
	joins, problems := p.follows(current.Listing)
	d.problems = append(d.problems, problems...)
	if !joins {
		d.problems = append(d.problems, p.fits(current.Listing.Releases)...)
	}
	if len(d.problems) == 0 {
		d.listing, d.joined = p.next(current.Listing, joins), joins
	}
	return d
}

func problemf(code, format string, args ...any) store.Problem {
	return store.Problem{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (p proposal) file() store.File { return p.Release.Files[0] }

// channel is the one that was asked for, else that of the format, else beta for a version
// with a suffix.
func (p proposal) channel() store.Channel {
	suffix := store.Stable
	if core, _, _ := strings.Cut(p.Release.Version, "+"); strings.Contains(core, "-") {
		suffix = store.Beta
	}
	return cmp.Or(p.submission.Channel, p.Release.Channel, suffix)
}

// owner is the organization that publishes: the one that signed, which must be the one that
// sent it, and the one that the id belongs to.
func (p proposal) owner(current database.Current) (string, *store.Problem) {
	refuse := func(code, format string, args ...any) (string, *store.Problem) {
		problem := problemf(code, format, args...)
		return "", &problem
	}
	owner, sender := "", p.submission.Organization
	switch {
	case p.Publisher.Pin == "":
		owner = cmp.Or(sender, Unsigned)
	case current.Signer == nil:
		return refuse(store.CodeNotYours, "it is signed by %s (key %s), which is no organization of this store: an administrator adds it", p.Publisher.Organization, p.Publisher.Pin)
	default:
		owner = current.Signer.Name
	}
	if sender != "" && owner != sender {
		return refuse(store.CodeNotYours, "it is signed by %s and was sent by %s: an organization publishes what it has signed", owner, sender)
	}
	l := current.Listing
	if l == nil {
		return owner, nil
	}
	switch {
	case current.Owner == nil || current.Owner.Name != owner:
		return refuse(store.CodeIDTaken, "the id %s belongs to another organization than %s: choose an id that begins with a domain of your own", l.ID, owner)
	case l.ID != p.ID:
		return refuse(store.CodeIDTaken, "the id %s reads like %s, which is published already: keep its spelling", p.ID, l.ID)
	case l.Format != p.format:
		return refuse(store.CodeIDTaken, "the id %s is that of a %s file, not of a %s file: choose another", l.ID, l.Format, p.format)
	case p.Publisher.Pin == "" && l.Publisher.Pin != "":
		return refuse(store.CodeNotYours, "earlier releases of %s are signed and this one is not: sign it", l.ID)
	}
	return owner, nil
}

// known judges bytes that are published already.
func (p proposal) known(current database.Current, known database.FileOwner) (already bool, problem *store.Problem) {
	refuse := func(code, format string, args ...any) (bool, *store.Problem) {
		problem := problemf(code, format, args...)
		return false, &problem
	}
	if store.FoldID(known.Listing) != store.FoldID(p.ID) {
		return refuse(store.CodeDuplicate, "these bytes are published already, as %s %s", known.Listing, known.Version)
	}
	r := release(current.Listing, known.Version)
	if r == nil || r.State == store.Withdrawn || r.State == store.TakenDown {
		return refuse(store.CodeVersionExists, "%s %s was published and taken back, and does not come back: publish a higher version", p.ID, known.Version)
	}
	return true, nil
}

// follows judges the version beside those that were ever published of the id. joins is true
// for a file that only adds platforms to a release that is there.
func (p proposal) follows(l *store.Listing) (joins bool, problems []store.Problem) {
	version, channel := p.Release.Version, p.channel()
	var bar *store.Release // the highest that it has to be higher than
	continues := slices.ContainsFunc(l.Releases, func(r store.Release) bool { return line(r.Version) == line(version) })
	for i := range l.Releases {
		r := &l.Releases[i]
		if p.compare(version, r.Version) == 0 {
			return p.equals(r, channel)
		}
		if channel == store.Stable && r.Channel != store.Stable || continues && line(r.Version) != line(version) {
			continue
		}
		if p.compare(version, r.Version) < 0 && (bar == nil || p.compare(r.Version, bar.Version) > 0) {
			bar = r
		}
	}
	switch {
	case bar != nil && continues:
		problems = append(problems, problemf(store.CodeVersionNotHigher, "the version %s is lower than %s, which is published: within a major version each release is higher than the one before", version, bar.Version))
	case bar != nil:
		problems = append(problems, problemf(store.CodeVersionNotHigher, "the version %s is lower than %s, which is published, and there is no earlier release with its first number that it could continue", version, bar.Version))
	case len(l.Releases) >= maxReleases:
		problems = append(problems, problemf(store.CodeTooManyReleases, "%s has %d releases, and a listing has no more", l.ID, len(l.Releases)))
	}
	return false, problems
}

// equals judges a version that is there with other bytes.
func (p proposal) equals(r *store.Release, channel store.Channel) (joins bool, problems []store.Problem) {
	gone := r.State == store.Withdrawn || r.State == store.TakenDown
	var taken []string
	for _, f := range r.Files {
		for _, platform := range p.file().Platforms {
			if slices.Contains(f.Platforms, platform) {
				taken = append(taken, platform)
			}
		}
	}
	switch {
	case gone:
		return false, []store.Problem{problemf(store.CodeVersionExists, "the version %s was published and taken back, and does not come back: publish a higher version", r.Version)}
	case r.Version != p.Release.Version:
		return false, []store.Problem{problemf(store.CodeVersionExists, "the version %s is the same as %s, which is published: publish a higher version", p.Release.Version, r.Version)}
	case len(taken) > 0 || channel != r.Channel:
		return false, []store.Problem{problemf(store.CodeVersionExists, "the version %s is published with other bytes: what is published does not change, publish a higher version", r.Version)}
	}
	return true, nil
}

func (p proposal) fits(releases []store.Release) []store.Problem {
	if p.Fits == nil {
		return nil
	}
	versions := make([]string, len(releases))
	for i := range releases {
		versions[i] = releases[i].Version
	}
	return p.Fits(versions)
}

// line is the first number of a version: releases with the same one are a line, which can be
// continued beside a higher one.
func line(version string) string {
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	return strings.TrimLeft(version[:end], "0")
}

// release returns that of a version as it is written, nil when there is none.
func release(l *store.Listing, version string) *store.Release {
	if l == nil {
		return nil
	}
	for i := range l.Releases {
		if l.Releases[i].Version == version {
			return &l.Releases[i]
		}
	}
	return nil
}

// published is the release as the listing will have it.
func (p proposal) published() store.Release {
	r := p.Release
	r.State, r.Channel, r.Published = store.Published, p.channel(), p.now
	if r.Signer.Key != "" && r.Signer.SignedAt.IsZero() {
		r.Signer.SignedAt = p.now
	}
	return r
}

// first is a new listing.
func (p proposal) first() *store.Listing {
	l := &store.Listing{ID: p.ID, Format: p.format, Created: p.now, Updated: p.now, Releases: []store.Release{p.published()}}
	p.describe(l)
	return l
}

// next is the listing with the release in it.
func (p proposal) next(l *store.Listing, joins bool) *store.Listing {
	next := *l
	next.Releases = slices.Clone(l.Releases)
	next.Updated = p.now
	if joins {
		r := release(&next, p.Release.Version)
		r.Files = append(slices.Clone(r.Files), p.Release.Files...)
		slices.SortFunc(r.Files, func(a, b store.File) int { return cmp.Compare(a.Platforms[0], b.Platforms[0]) })
		return &next
	}
	next.Releases = append(next.Releases, p.published())
	slices.SortFunc(next.Releases, func(a, b store.Release) int { return p.compare(b.Version, a.Version) })
	if p.leads(&next) {
		p.describe(&next)
	}
	return &next
}

// leads tells whether the release is the one that people read of: the highest stable one
// that is offered, or the highest of all where none is stable.
func (p proposal) leads(l *store.Listing) bool {
	var best *store.Release
	for i := range l.Releases { // highest first
		r := &l.Releases[i]
		if r.State == store.Withdrawn || r.State == store.TakenDown {
			continue
		}
		if best == nil || best.Channel != store.Stable && r.Channel == store.Stable {
			best = r
		}
	}
	return best != nil && best.Version == p.Release.Version
}

func (p proposal) describe(l *store.Listing) {
	l.Texts, l.Publisher, l.License, l.Links = maps.Clone(p.Texts), p.Publisher, p.License, p.Links
	l.Pictures, l.Readme = p.pictures, p.Readme
}

// revokes returns the first revocation that stops a file, nil when none does.
func revokes(list []store.Revocation, id, version, digest string) *store.Revocation {
	for i, r := range list {
		switch {
		case r.Digest != "" && r.Digest == digest,
			r.Digest == "" && r.Listing != "" && store.FoldID(r.Listing) == store.FoldID(id) && (r.Version == "" || r.Version == version):
			return &list[i]
		}
	}
	return nil
}

// revoked names what a revocation is about, as Release.Revoked has it.
func revoked(r store.Revocation) string {
	switch {
	case r.Digest != "":
		return r.Digest
	case r.Version != "":
		return r.Listing + " " + r.Version
	}
	return r.Listing
}
