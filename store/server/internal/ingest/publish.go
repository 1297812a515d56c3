package ingest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// What of the words of readers is kept.
const (
	maxProblems = 20
	maxWarnings = 50
	maxWords    = 2 << 10
	maxDocument = 256 << 10
	maxDetail   = 8 << 20
)

// publish holds a proposal against what is published and writes the result: a release where
// direct, else a submission that is in_review; or its problems. Without a claim it is one
// whose review ends here.
func (d *Desk) publish(ctx context.Context, p *proposal, claim string, direct bool, actor string) (store.Submission, error) {
	problem, err := d.register(ctx, p, actor)
	if err != nil {
		return p.submission, err
	}
	if problem != nil && claim == "" {
		return d.endReview(ctx, p.submission, actor, "refuse", []store.Problem{*problem})
	}
	if problem != nil {
		return d.refuse(ctx, p.submission, claim, []store.Problem{*problem})
	}
	if p.pictures, err = d.keepPictures(ctx, p.Candidate); err != nil {
		return p.submission, err
	}
	p.now = d.now()
	key := database.Key{ID: p.ID, Pin: p.Publisher.Pin, Digests: []string{p.file().Digest}, Submission: p.submission.Number, Claim: claim}
	var s store.Submission
	_, err = d.cfg.Database.Publish(ctx, key, func(current database.Current) (database.Change, error) {
		if claim == "" {
			if err := stillInReview(current, p.submission.Number); err != nil {
				return database.Change{}, err
			}
		}
		change := p.change(current, direct, actor)
		s = *change.Submission
		return change, nil
	})
	if err != nil {
		return p.submission, ofAction(err, fmt.Sprintf("publishing submission %d", p.submission.Number))
	}
	d.assurePictures(ctx, p.Candidate, p.pictures)
	return s, nil
}

// assurePictures looks, now that rows name them, whether the pictures are still there: who
// sweeps a bucket may have decided over an old one before. (A file was read after the row of
// its submission was written, which is the same.)
func (d *Desk) assurePictures(ctx context.Context, c *Candidate, shown store.Pictures) {
	there := func(p *store.Picture) bool {
		if p == nil {
			return true
		}
		_, err := d.cfg.Blobs.Stat(ctx, p.Digest)
		return err == nil
	}
	whole := there(shown.Icon) && there(shown.Background)
	for i := range shown.Screenshots {
		whole = whole && there(&shown.Screenshots[i])
	}
	if whole {
		return
	}
	if _, err := d.keepPictures(ctx, c); err != nil {
		d.cfg.Log.Error("a picture of what was published is missing", "listing", c.ID, "version", c.Release.Version, "error", err)
	}
}

// change is what follows from the rules for the database.
func (p *proposal) change(current database.Current, direct bool, actor string) database.Change {
	s := p.submission
	s.Updated, s.Problems = p.now, nil
	decided := decide(current, *p)
	change := database.Change{Submission: &s}
	entry := database.Entry{Actor: actor, Target: p.ID + " " + p.Release.Version,
		Detail: detail(map[string]any{"submission": s.Number, "digest": p.file().Digest, "publisher": p.Publisher.Pin})}
	switch {
	case len(decided.problems) > 0:
		s.State, s.Problems = store.NeedsChanges, boundedProblems(decided.problems)
		entry.Action, entry.Reason, entry.Target, entry.Detail = "refuse", decided.problems[0].Code, target(s.Number), detail(decided.problems)
	case decided.already:
		s.State = store.Accepted
		s.Warnings = append(s.Warnings, "these bytes were published before: nothing has changed")
		entry.Action = "publish again"
	case !direct:
		s.State, entry.Action = store.InReview, "submit for review"
	default:
		s.State, entry.Action = store.Accepted, "publish"
		change.Listing, change.Organization = decided.listing, decided.organization
		if !decided.joined {
			change.Details = map[string]store.Detail{p.Release.Version: p.Detail}
		}
	}
	change.Audit = []database.Entry{entry}
	return change
}

// register makes the organization that signed known to the store, if an administrator sent
// what it has signed and no organization of its name is known.
func (d *Desk) register(ctx context.Context, p *proposal, actor string) (*store.Problem, error) {
	if p.submission.Organization != "" {
		return nil, nil
	}
	o := database.Organization{Name: Unsigned, Title: Unsigned}
	if pin := p.Publisher.Pin; pin != "" {
		if _, err := d.cfg.Database.OrganizationOf(ctx, pin); !errors.Is(err, database.ErrNotFound) {
			return nil, err
		}
		// Only a name constraint proves a host: no other name can take the place of one.
		name := cmp.Or(p.Publisher.Host, string(p.format)+":"+p.Publisher.Organization)
		o = database.Organization{Name: name, Title: cmp.Or(p.Publisher.Organization, name), Pins: []string{pin}}
	}
	err := d.cfg.Database.AddOrganization(ctx, o, database.Entry{Actor: actor, Action: "organization.add", Target: o.Name, Reason: "signed " + target(p.submission.Number)})
	if err == nil || !errors.Is(err, database.ErrExists) {
		return nil, err
	}
	known, err := d.cfg.Database.Organization(ctx, o.Name)
	if err != nil {
		return nil, fmt.Errorf("looking for the organization %s: %w", o.Name, err)
	}
	for _, pin := range o.Pins {
		if !slices.Contains(known.Pins, pin) {
			problem := problemf(store.CodeNotYours, "it is signed by %s with another key (%s) than those that this store knows of it: an administrator adds the key to the organization %s", p.Publisher.Organization, pin, known.Name)
			return &problem, nil
		}
	}
	return nil, nil
}

// keepPictures puts the pictures of a candidate among the blobs.
func (d *Desk) keepPictures(ctx context.Context, c *Candidate) (shown store.Pictures, err error) {
	keep := func(p *Picture) *store.Picture {
		if p == nil || err != nil {
			return nil
		}
		var object store.Object
		if object, err = d.cfg.Blobs.Put(ctx, bytes.NewReader(p.Data)); err != nil {
			err = fmt.Errorf("keeping a picture: %w", err)
			return nil
		}
		return &store.Picture{Digest: object.Digest, Size: object.Size, Media: p.Media, Width: p.Width, Height: p.Height}
	}
	shown.Icon, shown.Background = keep(c.Icon), keep(c.Background)
	for i := range c.Screenshots {
		if kept := keep(&c.Screenshots[i]); kept != nil {
			shown.Screenshots = append(shown.Screenshots, *kept)
		}
	}
	return shown, err
}

// wholesome says what is wrong with a candidate beyond its format: a listing with it could
// not be shown, or would be too long for those who read all of them.
func wholesome(p *proposal) *store.Problem {
	problem := func(format string, args ...any) *store.Problem {
		p := problemf(store.CodeTextInvalid, format, args...)
		return &p
	}
	switch {
	case p.ID == "" || len(p.ID) > 190 || p.Release.Version == "" || len(p.Release.Version) > 190:
		return problem("id and version have 1 to 190 bytes")
	case len(p.Release.Files) != 1 || len(p.file().Platforms) == 0:
		return problem("it is for no platform that this store knows")
	case strings.TrimSpace(p.Texts[""].Name) == "":
		return problem("it has no name that can be shown")
	}
	for _, part := range []struct {
		what  string
		value any
		limit int
	}{
		{"its texts, links and pictures", p.first(), maxDocument},
		{"its types, permissions and requirements", p.published(), maxDocument},
		{"its types with their schemas, and its texts", p.Detail, maxDetail},
	} {
		if document, err := json.Marshal(part.value); err != nil || len(document) > part.limit {
			return problem("%s take %d bytes in a listing, and at most %d are kept", part.what, len(document), part.limit)
		}
	}
	return nil
}

// bounded is a problem of bounded length, valid UTF-8.
func bounded(p store.Problem) store.Problem {
	p.Code, p.Entry, p.Message = clip(p.Code, 64), clip(p.Entry, 1024), clip(p.Message, maxWords)
	return p
}

func boundedProblems(problems []store.Problem) []store.Problem {
	var short []store.Problem
	for _, p := range problems[:min(len(problems), maxProblems)] {
		short = append(short, bounded(p))
	}
	return short
}

func boundedList(list []string) []string {
	var short []string
	for i, s := range list {
		if i == maxWarnings {
			return append(short, fmt.Sprintf("and %d more", len(list)-i))
		}
		short = append(short, clip(s, maxWords))
	}
	return short
}

func clip(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\x00", "\ufffd")
	if len(s) <= limit {
		return s
	}
	for !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}

func target(number int64) string { return "submission " + strconv.FormatInt(number, 10) }

// detail is what an entry of the audit trail says beside its words.
func detail(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
