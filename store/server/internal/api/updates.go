package api

import (
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

const (
	// maxUpdates bounds the body of POST updates: a thousand of the longest names.
	maxUpdates = 1 << 20
	// maxName bounds ids and versions, in bytes.
	maxName = 255
	// serverPlatform is that of what runs in a host.
	serverPlatform = "server"
)

// updates answers POST updates: what is to be known of what somebody has.
func (a *API) updates(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	var q store.UpdateQuery
	if err := web.Read(r, &q); err != nil {
		return err
	}
	u, err := newUpdater(a.cfg.Catalogue.Current(), q)
	if err != nil {
		return err
	}
	answer := store.Updates{Sequence: u.snapshot.Sequence(), Updates: make([]store.Update, len(q.Installed))}
	for i, have := range q.Installed {
		if err := r.Context().Err(); err != nil {
			return err
		}
		answer.Updates[i] = u.update(have)
	}
	return negotiate.WriteJSON(w, http.StatusOK, answer)
}

// updater looks into one snapshot for one host.
type updater struct {
	snapshot    *catalogue.Snapshot
	advisories  map[string][]store.Advisory   // by folded id
	revocations map[string][]store.Revocation // by folded id, or by digest
	host        *bundle.Version
	platform    string
	betas       bool
}

func newUpdater(s *catalogue.Snapshot, q store.UpdateQuery) (*updater, error) {
	u := &updater{
		snapshot: s, platform: q.Platform, betas: q.Channel == store.Beta,
		advisories: map[string][]store.Advisory{}, revocations: map[string][]store.Revocation{},
	}
	if len(q.Installed) > store.MaxInstalled {
		return nil, web.Invalid("installed has %d items, more than %d; ask several times", len(q.Installed), store.MaxInstalled)
	}
	if q.Channel != "" && !slices.Contains(channels(), string(q.Channel)) {
		return nil, web.Invalid("channel must be stable or beta")
	}
	if u.platform == "" {
		u.platform = serverPlatform
	}
	if q.HostVersion != "" {
		v, err := bundle.ParseVersion(q.HostVersion)
		if err != nil {
			return nil, web.Invalid("host_version must be a version such as 1.2.3")
		}
		u.host = &v
	}
	for i, have := range q.Installed {
		if have.ID == "" || have.Version == "" || len(have.ID) > maxName || len(have.Version) > maxName {
			return nil, web.Invalid("item %d of installed needs id and version, of at most %d bytes", i, maxName)
		}
		if _, ok := store.ParseDigest(have.Digest); have.Digest != "" && !ok {
			return nil, web.Invalid("the digest of item %d of installed must be sha256: and 64 hexadecimal digits", i)
		}
	}
	for _, adv := range s.Advisories() {
		id := store.FoldID(adv.Listing)
		u.advisories[id] = append(u.advisories[id], adv)
	}
	for _, rev := range s.Revocations() {
		key := rev.Digest
		if key == "" {
			key = store.FoldID(rev.Listing)
		}
		u.revocations[key] = append(u.revocations[key], rev)
	}
	return u, nil
}

func (u *updater) update(have store.Installed) store.Update {
	answer := store.Update{ID: have.ID, Version: have.Version, Same: true, Advisories: []store.Advisory{}}
	answer.Revocation = u.revoked(have)
	for _, adv := range u.advisories[store.FoldID(have.ID)] {
		if adv.Affects(have.Version) {
			answer.Advisories = append(answer.Advisories, adv)
		}
	}
	l, ok := u.snapshot.Listing(have.ID)
	if !ok {
		return answer
	}
	at := slices.IndexFunc(l.Releases, func(r store.Release) bool { return r.Version == have.Version })
	if at >= 0 {
		rel := &l.Releases[at]
		answer.Known, answer.State, answer.Note = true, rel.State, rel.Note
		answer.Same = have.Digest == "" || slices.ContainsFunc(rel.Files, func(f store.File) bool { return f.Digest == have.Digest })
	}
	u.newer(&answer, l, at)
	return answer
}

// revoked is the revocation that stops what somebody has: of its bytes, of its version, or
// of all versions.
func (u *updater) revoked(have store.Installed) *store.Revocation {
	if list := u.revocations[have.Digest]; have.Digest != "" && len(list) > 0 {
		return &list[0]
	}
	for _, rev := range u.revocations[store.FoldID(have.ID)] {
		if rev.Version == "" || rev.Version == have.Version {
			return &rev
		}
	}
	return nil
}

// newer finds the highest release above the version of answer that the host can use; at is
// where that version stands in l, -1 for nowhere. Releases stand there highest first.
func (u *updater) newer(answer *store.Update, l *store.Listing, at int) {
	end, mine := at, (*bundle.Version)(nil)
	if at < 0 {
		v, err := bundle.ParseVersion(answer.Version)
		if l.Format != store.FormatBundle || err != nil {
			return // nobody can say what is newer than a version that the store never had
		}
		end, mine = len(l.Releases), &v
	}
	for i := range l.Releases[:end] {
		rel := &l.Releases[i]
		if mine != nil {
			if v, err := bundle.ParseVersion(rel.Version); err != nil || v.Compare(*mine) <= 0 {
				return
			}
		}
		file := slices.IndexFunc(rel.Files, func(f store.File) bool { return slices.Contains(f.Platforms, u.platform) })
		if rel.State != store.Published || rel.Revoked != "" || file < 0 || rel.Channel == store.Beta && !u.betas {
			continue
		}
		if !u.fits(rel) {
			if answer.Latest == "" {
				answer.Latest, answer.Needs = rel.Version, rel.MinHost
			}
			continue
		}
		answer.Newer = &store.Newer{
			Version: rel.Version, Channel: rel.Channel, Digest: rel.Files[file].Digest, Size: rel.Files[file].Size,
			MinHost: rel.MinHost, Permissions: list(rel.Permissions),
		}
		return
	}
}

// fits reports whether the host is new enough. One that has not said what it is gets all.
func (u *updater) fits(rel *store.Release) bool {
	if u.host == nil || rel.MinHost == "" {
		return true
	}
	least, err := bundle.ParseVersion(rel.MinHost)
	return err == nil && least.Compare(*u.host) <= 0
}
