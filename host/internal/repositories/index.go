package repositories

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
	"github.com/jackfield-host/jackfield/trust"
)

// maxIndex bounds the shards and notices of an index together, in bytes.
const maxIndex = 64 << 20

// index is a repository that is a store, or an export of one.
type index struct {
	source Source
	config *Config
	client *http.Client
	keep   *keep

	// Of whoever looks, one at a time:
	vouched string // a digest of the roots that reader has
	reader  *store.Reader
	from    *keptSource // of reader

	mu   sync.Mutex  // guards what follows
	view *store.View // nil while nothing is known
	read time.Time   // when view was read
}

func openIndex(source Source, config *Config) *index {
	return &index{
		source: source, config: config, keep: openKeep(filepath.Join(config.Dir, source.Name)),
		client: &http.Client{Transport: newTransport(config.Patience), CheckRedirect: sameOrigin},
	}
}

// vouch makes a new reader when other roots vouch for the store than before, and takes up
// what is kept, if they vouch for that.
func (x *index) vouch(ctx context.Context) error {
	if err := x.keep.usable(); err != nil {
		return refuse(x.source.Name, CodeMemory, "the repository %s: %w", x.source.Name, err)
	}
	roots, fingerprint, err := x.roots()
	if err != nil {
		x.reader, x.vouched = nil, ""
		x.set(nil, time.Time{})
		return refuse(x.source.Name, CodeRoot, "the repository %s: %w", x.source.Name, err)
	}
	if x.reader != nil && fingerprint == x.vouched {
		return nil
	}
	from, err := x.open()
	if err != nil {
		return err
	}
	x.from = &keptSource{from: from, keep: x.keep}
	x.reader = store.NewReader(store.ReaderConfig{
		Source: x.from, Roots: roots, Memory: x.keep, Patience: x.config.Patience, Rate: x.config.Rate, Now: x.config.Now,
	})
	x.vouched = fingerprint
	x.set(nil, time.Time{})
	read := x.keep.now().Read
	if read.IsZero() {
		return nil
	}
	// What was right when it was read is still what the store said, though it may have run
	// out since: so it is judged as of then.
	kept := &keptSource{from: from, keep: x.keep, recalls: true}
	kept.alone.Store(true)
	view, err := store.NewReader(store.ReaderConfig{
		Source: kept, Roots: roots, Patience: x.config.Patience, Rate: x.config.Rate, Now: func() time.Time { return read },
	}).Refresh(ctx)
	kept.alone.Store(false)
	if err != nil {
		return ctx.Err() // as good as not there
	}
	x.set(view, read)
	return nil
}

func (x *index) set(view *store.View, read time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.view, x.read = view, read
}

// open makes the source that the URL says.
func (x *index) open() (store.Source, error) {
	if !isAddress(x.source.URL) {
		return exported(x.source.URL), nil
	}
	source, err := store.NewHTTPSource(x.source.URL, x.client)
	if err != nil {
		return nil, refuse(x.source.Name, Code(store.IndexUnreachable), "%w", err)
	}
	return source, nil
}

// roots are those who vouch for the store, and a digest of them.
func (x *index) roots() (*trust.Roots, string, error) {
	general := x.config.Roots()
	roots := &trust.Roots{Certificates: general.Certificates, CRLs: general.CRLs}
	if x.source.Root != "" {
		certificates, err := readRoots(x.source.Root, x.config.Now())
		if err != nil {
			return nil, "", err
		}
		roots.Certificates = certificates
	}
	sum := sha256.New()
	for _, c := range roots.Certificates {
		sum.Write(c.Raw)
	}
	for _, l := range roots.CRLs {
		sum.Write(l.List.Raw)
	}
	return roots, hex.EncodeToString(sum.Sum(nil)), nil
}

// recall takes up what is kept, and asks nobody.
func (x *index) recall(ctx context.Context) error {
	return x.vouch(ctx)
}

// look reads what is new: the timestamp, and when it has changed the snapshot, its shards
// and its notices.
func (x *index) look(ctx context.Context) error {
	if err := x.vouch(ctx); err != nil {
		return err
	}
	view, err := x.reader.Refresh(ctx)
	if err != nil {
		return x.explain(err)
	}
	if err := x.complete(ctx, view); err != nil {
		return x.explain(err)
	}
	read := x.config.Now()
	x.set(view, read)
	envelope, tag := x.from.came()
	if envelope == nil { // nothing has changed
		return x.keep.note(func(n *known) { n.Read = read })
	}
	return x.keep.take(envelope, tag, read)
}

// complete reads the parts of an index by which ids are looked up, and what is said of what
// is installed, so that they are there when the store is not.
func (x *index) complete(ctx context.Context, view *store.View) error {
	shards := view.Shards()
	var total int64
	for _, s := range shards {
		total += s.Size
	}
	if total > maxIndex {
		return &store.Error{Code: store.IndexTooLarge, Err: fmt.Errorf("its shards have %d bytes; %d are allowed", total, maxIndex)}
	}
	used := map[string]bool{view.Timestamp().Snapshot.Digest: true}
	for i, object := range shards {
		shard, err := view.Shard(ctx, i)
		if err != nil {
			return err
		}
		used[object.Digest] = true
		for _, listing := range shard.Listings {
			used[listing.Digest] = true
		}
	}
	if _, err := view.Advisories(ctx); err != nil {
		return err
	}
	if _, err := view.Revocations(ctx); err != nil {
		return err
	}
	if last := x.current(); last != nil && last.Timestamp().Snapshot == view.Timestamp().Snapshot {
		return nil
	}
	advisories, revocations := view.Notices()
	used[advisories.Digest], used[revocations.Digest] = true, true
	return x.keep.sweep(used)
}

// current returns what is known, nil for nothing.
func (x *index) current() *store.View {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.view
}

func (x *index) facts() facts {
	x.mu.Lock()
	defer x.mu.Unlock()
	seen := x.keep.now().Seen
	if x.view == nil {
		return facts{seen: seen}
	}
	t := x.view.Timestamp()
	return facts{known: true, seen: seen, sequence: t.Sequence, issued: t.Issued, expires: t.Expires, read: x.read, listings: x.view.Listings()}
}

// forget drops everything, so that the next look is a first one.
func (x *index) forget() error {
	x.reader, x.vouched = nil, ""
	x.set(nil, time.Time{})
	return x.keep.forget()
}

func (x *index) listing(ctx context.Context, id string) (*store.Listing, error) {
	return x.listingIn(ctx, x.current(), id)
}

func (x *index) listingIn(ctx context.Context, view *store.View, id string) (*store.Listing, error) {
	if view == nil {
		return nil, refuse(x.source.Name, Code(store.IndexUnknown), "nothing is known of the repository %s", x.source.Name)
	}
	l, err := view.Listing(ctx, id)
	if err != nil {
		return nil, x.explain(err)
	}
	return l, nil
}

func (x *index) releases(l *store.Listing, beta bool, _ string) ([]resolver.Release, []error) {
	if l.Format != store.FormatBundle {
		return nil, nil
	}
	return resolver.Offer(l, x.config.Platform, beta)
}

func (x *index) notices(ctx context.Context) ([]store.Advisory, []store.Revocation, error) {
	view := x.current()
	if view == nil { // it was just forgotten: that takes nothing back
		return nil, nil, refuse(x.source.Name, Code(store.IndexUnknown), "nothing is known of the repository %s", x.source.Name)
	}
	advisories, err := view.Advisories(ctx)
	if err != nil {
		return nil, nil, x.explain(err)
	}
	revocations, err := view.Revocations(ctx)
	if err != nil {
		return nil, nil, x.explain(err)
	}
	return advisories, revocations, nil
}

func (x *index) icon(ctx context.Context, l *store.Listing) ([]byte, error) {
	view := x.current()
	if view == nil {
		return nil, refuse(x.source.Name, Code(store.IndexUnknown), "nothing is known of the repository %s", x.source.Name)
	}
	data, err := view.Icon(ctx, l)
	if err != nil {
		return nil, x.explain(err)
	}
	return data, nil
}

// fetch completes a file that the index, as it is now, still offers.
func (x *index) fetch(ctx context.Context, want Want, into store.Partial, progress func(size, total int64)) (Fetched, error) {
	view := x.current()
	file, err := x.offered(ctx, view, want)
	if err != nil {
		return Fetched{}, err
	}
	total := file.File.Size
	err = view.Download(ctx, file, into, func(size int64) { progress(size, total) })
	if err != nil {
		return Fetched{}, x.explain(err)
	}
	return Fetched{Digest: file.File.Digest, Size: total}, nil
}

// offered finds the file in the index.
func (x *index) offered(ctx context.Context, view *store.View, want Want) (store.ReleaseFile, error) {
	l, err := x.listingIn(ctx, view, want.ID)
	if err != nil {
		return store.ReleaseFile{}, err
	}
	for _, r := range l.Releases {
		if r.Version != want.Version {
			continue
		}
		if r.Revoked != "" || r.State != store.Published && r.State != store.Deprecated {
			return store.ReleaseFile{}, refuse(x.source.Name, CodeReleaseGone, "%s %s is not offered by %s any more (%s): plan anew", want.ID, want.Version, x.source.Name, stateOf(r))
		}
		i := slices.IndexFunc(r.Files, func(f store.File) bool { return f.Digest == want.Digest })
		if i >= 0 {
			return store.ReleaseFile{Listing: l.ID, Version: r.Version, File: r.Files[i]}, nil
		}
	}
	return store.ReleaseFile{}, refuse(x.source.Name, CodeReleaseGone, "%s does not offer %s %s with the digest %s any more: plan anew", x.source.Name, want.ID, want.Version, want.Digest)
}

func stateOf(r store.Release) string {
	if r.Revoked != "" {
		return "revoked"
	}
	return string(r.State)
}

// explain gives what a store's reader refuses the name of the repository.
func (x *index) explain(err error) error {
	e, ok := errors.AsType[*store.Error](err)
	if !ok {
		return err
	}
	code := Code(e.Code)
	switch {
	case isRedirect(err):
		code = CodeRedirected
	case e.Code == store.IndexUnreachable && isSilence(err):
		code = Code(store.IndexTooSlow)
	}
	return &Error{Repository: x.source.Name, Code: code, Err: fmt.Errorf("the repository %s: %w", x.source.Name, err)}
}

// isAddress tells an address from the path of an export.
func isAddress(url string) bool {
	return strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
}
