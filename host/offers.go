package host

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/icons"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// AvailableQuery asks for what can be installed.
type AvailableQuery struct {
	Text  string
	Limit int // 0 for 200, which is the most
}

// Available returns what repositories offer. A repository that can not be searched is among
// the missing ones. The error is an *Error.
func (h *Host) Available(ctx context.Context, q AvailableQuery) (OfferPage, error) {
	found, err := h.repositories.Search(ctx, repositories.Query{Text: q.Text, Limit: q.Limit})
	if err != nil {
		return OfferPage{}, repositoryError(err)
	}
	page := OfferPage{Offers: []Offer{}, More: found.More, Missing: []MissingRepository{}}
	notices := h.noticesByRepository(ctx)
	for _, o := range found.Offers {
		page.Offers = append(page.Offers, h.offer(o, notices[o.Repository]))
	}
	for name, err := range found.Missing {
		page.Missing = append(page.Missing, MissingRepository{Name: name, Code: string(repositories.CodeOf(err)), Message: err.Error()})
	}
	slices.SortFunc(page.Missing, func(a, b MissingRepository) int { return strings.Compare(a.Name, b.Name) })
	return page, nil
}

// AvailableOne returns what the repository that counts offers of one id. The error is an
// *Error.
func (h *Host) AvailableOne(ctx context.Context, id string) (Offer, error) {
	o, err := h.repositories.Find(ctx, id)
	if err != nil {
		return Offer{}, repositoryError(err)
	}
	return h.offer(o, h.noticesByRepository(ctx)[o.Repository]), nil
}

// iconPatience is how long an icon may be waited for, with the listing that names it.
const iconPatience = 5 * time.Second

// OfferIcon returns the icon of what the repository that counts offers of one id: fetched from
// there when it is asked for first, and drawn anew. The error is an *Error.
func (h *Host) OfferIcon(ctx context.Context, id string) (Icon, error) {
	ctx, cancel := context.WithTimeout(ctx, iconPatience)
	defer cancel()
	o, err := h.repositories.Find(ctx, id)
	if err != nil {
		return Icon{}, repositoryError(err)
	}
	named := o.Listing.Pictures.Icon
	if named == nil {
		return Icon{}, &Error{Code: CodeNotFound, Message: o.Listing.ID + " has no icon"}
	}
	made, err := h.offerIcons.Get(ctx, icons.Want{
		Repository: o.Repository, Digest: named.Digest,
		Fetch: func(ctx context.Context) ([]byte, error) {
			file, err := h.repositories.Icon(ctx, o)
			if code := repositories.CodeOf(err); code == repositories.Code(store.IndexMissing) || code == repositories.Code(store.IndexUnknown) {
				return nil, fmt.Errorf("%w: %w", icons.ErrNone, err)
			}
			return file, err
		},
	})
	switch {
	case errors.Is(err, icons.ErrNone):
		return Icon{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("%s has no icon that can be shown: %v", o.Listing.ID, err)}
	case err != nil:
		return Icon{}, &Error{Code: CodeUnavailable, Message: err.Error(), Hint: "ask again in a minute"}
	}
	return Icon{Data: made.Data, Media: made.Media, ETag: `"` + strings.TrimPrefix(named.Digest, "sha256:") + `"`}, nil
}

func (h *Host) noticesByRepository(ctx context.Context) map[string][]store.Advisory {
	said := map[string][]store.Advisory{}
	for _, n := range h.repositories.Notices(ctx) {
		said[n.Repository] = n.Advisories
	}
	return said
}

// offer is a listing as this host can use it: in the highest version that it can, or else in
// the highest.
func (h *Host) offer(from repositories.Offer, advisories []store.Advisory) Offer {
	l := from.Listing
	text, _ := l.Text("en")
	o := Offer{
		ID: l.ID, Name: text.Name, Description: text.Description, Publisher: l.Publisher.Organization, Repository: from.Repository,
		License: l.License, Homepage: l.Links.Homepage, Icon: l.Pictures.Icon != nil, Action: "none",
		Permissions: []string{}, Requires: []string{}, Versions: []string{}, Advisories: []OfferAdvisory{},
	}
	if row, ok := h.Extension(l.ID); ok {
		o.Installed = row.Version
	}
	shown := h.shown(from, &o)
	if shown == nil {
		return o
	}
	o.Version, o.Channel, o.Changelog = shown.Version, string(shown.Channel), shown.Changelog
	if !shown.Published.IsZero() {
		o.Published = shown.Published.UTC().Format(time.RFC3339)
	}
	o.Permissions, o.Requires = append(o.Permissions, shown.Permissions...), append(o.Requires, shown.Requires...)
	o.Revoked = shown.Revoked
	if shown.State == store.Deprecated {
		o.Deprecated = noteOf(shown.Note)
	}
	for _, f := range shown.Files {
		o.Size = max(o.Size, f.Size)
	}
	for _, a := range advisories {
		if store.FoldID(a.Listing) == store.FoldID(l.ID) && a.Affects(shown.Version) {
			o.Advisories = append(o.Advisories, OfferAdvisory{
				ID: a.ID, Extension: l.ID, Repository: from.Repository, Affected: a.Affected, Fixed: a.Fixed,
				Severity: string(a.Severity), Title: a.Title, URL: a.URL, Updated: a.Updated.UTC(),
			})
		}
	}
	o.Action = actionOf(o)
	return o
}

// shown is the release that an offer shows; it fills in the versions, and whether this host
// can use it. Betas are shown where nothing else can be used.
func (h *Host) shown(from repositories.Offer, o *Offer) *store.Release {
	platform := runtime.GOOS + "-" + runtime.GOARCH
	var best, other *resolver.Release
	rank := func(r *resolver.Release) int {
		n := 0
		if r.State == resolver.Offered {
			n += 2
		}
		if channelOf(from.Listing, r.Version) == store.Stable {
			n++
		}
		return n
	}
	better := func(r, than *resolver.Release) bool {
		return than == nil || rank(r) > rank(than) || rank(r) == rank(than) && r.Order.Compare(than.Order) > 0
	}
	for i := range from.Releases {
		r := &from.Releases[i]
		if r.State == resolver.Withdrawn || r.State == resolver.Revoked {
			continue
		}
		o.Versions = append(o.Versions, r.Version)
		usable := (len(r.Platforms) == 0 || slices.Contains(r.Platforms, platform)) && (r.Host == nil || r.Host.Allows(h.cfg.Version))
		switch {
		case usable && better(r, best):
			best = r
		case !usable && better(r, other):
			other = r
		}
	}
	o.Usable = best != nil
	if best == nil {
		best = other
	}
	if best == nil {
		return nil
	}
	at := slices.IndexFunc(from.Listing.Releases, func(r store.Release) bool { return r.Version == best.Version })
	if !o.Usable && best.Host != nil && !best.Host.Allows(h.cfg.Version) {
		o.Needs = from.Listing.Releases[at].MinHost
	}
	return &from.Listing.Releases[at]
}

func channelOf(l *store.Listing, version string) store.Channel {
	for _, r := range l.Releases {
		if r.Version == version {
			return r.Channel
		}
	}
	return ""
}

// actionOf is what installing an offer comes to.
func actionOf(o Offer) string {
	if !o.Usable {
		return "none"
	}
	if o.Installed == "" {
		return "install"
	}
	have, err := bundle.ParseVersion(o.Installed)
	offered, errOffered := bundle.ParseVersion(o.Version)
	if err == nil && errOffered == nil && offered.Compare(have) > 0 {
		return "update"
	}
	return "none"
}
