package host_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/internal/findings"
	"github.com/jackfield-host/jackfield/host/internal/installation"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/resolver"
	"github.com/jackfield-host/jackfield/store/storetest"
	"github.com/jackfield-host/jackfield/trust"
)

// shop is a store that answers over HTTP, and can be broken.
type shop struct {
	*storetest.Store
	server *httptest.Server
	// spoil, if it is set, answers a request for a file itself when it returns true.
	spoil atomic.Pointer[func(w http.ResponseWriter, r *http.Request) bool]
	// files counts requests for files, ranges those for a part of one.
	files, ranges atomic.Int64
}

func openShop(t *testing.T) *shop {
	t.Helper()
	s := &shop{Store: storetest.New(t)}
	s.Validity = 24 * time.Hour
	s.server = httptest.NewServer(s)
	s.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(s.server.Close)
	return s
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/download") {
		s.files.Add(1)
		if r.Header.Get("Range") != "" {
			s.ranges.Add(1)
		}
		if spoil := s.spoil.Load(); spoil != nil && (*spoil)(w, r) {
			return
		}
	}
	s.Store.ServeHTTP(w, r)
}

func (s *shop) spoils(spoil func(w http.ResponseWriter, r *http.Request) bool) { s.spoil.Store(&spoil) }

func (s *shop) mends() { s.spoil.Store(nil) }

// offer publishes a moody bundle with what its manifest says.
func (s *shop) offer(t *testing.T, m moody) []byte {
	t.Helper()
	data := m.jar(t)
	s.PublishFile(m.id(), m.version, data, m.announce)
	return data
}

func (m moody) id() string {
	if m.class == "" {
		return theID
	}
	return m.class
}

// announce says in a listing what the manifest says.
func (m moody) announce(_ *store.Listing, r *store.Release) {
	r.Requires, r.Permissions = split(m.requires), split(m.permissions)
}

// bytesOf returns the file that a request asks for.
func (s *shop) bytesOf(t *testing.T, r *http.Request) []byte {
	t.Helper()
	recorder := httptest.NewRecorder()
	s.Store.ServeHTTP(recorder, r)
	return recorder.Body.Bytes()
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ", ")
}

// shelf reads shops as host/internal/repositories does, for one repository.
type shelf struct {
	reader *store.Reader
	mu     sync.Mutex
	view   *store.View // the last that could be had
}

// stock returns what a host asks about this shop.
func (s *shop) stock(t *testing.T) *shelf {
	t.Helper()
	f, err := newShelf(s.server.URL, s.Roots(), s.Now)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func newShelf(url string, roots *trust.Roots, now func() time.Time) (*shelf, error) {
	source, err := store.NewHTTPSource(url, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		return nil, err
	}
	return &shelf{reader: store.NewReader(store.ReaderConfig{Source: source, Roots: roots, Now: now})}, nil
}

// rootFile writes the root of the shop to a file, for a host in another process.
func (s *shop) rootFile(path string) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Roots().Certificates[0].Raw}), 0o644)
}

func readRoot(path string) (*trust.Roots, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	c, err := x509.ParseCertificate(block.Bytes)
	return &trust.Roots{Certificates: []*x509.Certificate{c}}, err
}

// now is the newest view, or the last that could be had.
func (f *shelf) now(ctx context.Context) (*store.View, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v, err := f.reader.Refresh(ctx); err == nil {
		f.view = v
	} else if f.view == nil {
		return nil, err
	}
	return f.view, nil
}

func (f *shelf) Universe(ctx context.Context, reach plan.Reach) ([]resolver.Repository, error) {
	view, err := f.now(ctx)
	if err != nil {
		return nil, nil // which knows nothing
	}
	return []resolver.Repository{{Name: "shop", Releases: func(id string) ([]resolver.Release, error) {
		l, err := view.Listing(ctx, id)
		if store.CodeOf(err) == store.IndexUnknown {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		releases, left := resolver.Offer(l, runtime.GOOS+"-"+runtime.GOARCH, reach.Beta[id])
		if len(left) > 0 {
			return nil, errors.Join(left...)
		}
		return releases, nil
	}}}, nil
}

func (f *shelf) find(ctx context.Context, id, version string) (*store.View, *store.Listing, store.Release, error) {
	view, err := f.now(ctx)
	if err != nil {
		return nil, nil, store.Release{}, err
	}
	l, err := view.Listing(ctx, id)
	if err != nil {
		return nil, nil, store.Release{}, err
	}
	for _, r := range l.Releases {
		if r.Version == version {
			return view, l, r, nil
		}
	}
	return nil, nil, store.Release{}, fmt.Errorf("there is no %s %s", id, version)
}

func (f *shelf) Release(ctx context.Context, _, id, version string) (plan.Release, error) {
	_, l, r, err := f.find(ctx, id, version)
	if err != nil {
		return plan.Release{}, err
	}
	return plan.Release{Publisher: l.Publisher.Organization, Size: r.Files[0].Size, Permissions: r.Permissions}, nil
}

func (f *shelf) Fetch(ctx context.Context, w installation.Want, into store.Partial, progress func(size, total int64)) error {
	view, l, r, err := f.find(ctx, w.ID, w.Version)
	if err == nil {
		want := store.ReleaseFile{Listing: l.ID, Version: r.Version, File: r.Files[0]}
		err = view.Download(ctx, want, into, func(size int64) { progress(size, want.File.Size) })
	}
	code := store.CodeOf(err)
	if code == "" {
		return err
	}
	return &plan.Unfetched{
		Code: string(code), Err: err, Again: code == store.IndexUnreachable || code == store.IndexTooSlow,
	}
}

func (f *shelf) Outlook(ctx context.Context, installed []findings.Origin) ([]findings.Prospect, error) {
	view, err := f.now(ctx)
	if err != nil {
		return nil, err
	}
	advisories, err := view.Advisories(ctx)
	if err != nil {
		return nil, err
	}
	revocations, err := view.Revocations(ctx)
	if err != nil {
		return nil, err
	}
	var list []findings.Prospect
	for _, x := range installed {
		p := findings.Prospect{ID: x.ID, Digest: x.Digest, Repository: "shop"}
		if l, err := view.Listing(ctx, x.ID); err == nil {
			for _, r := range l.Releases {
				if r.Version == x.Version && r.State == store.Deprecated {
					p.Deprecated = r.Note
				}
			}
		}
		v, _ := bundle.ParseVersion(x.Version)
		for _, a := range advisories {
			c, err := bundle.ParseConstraints(a.Affected)
			if err == nil && a.Listing == x.ID && (bundle.Requirement{Constraints: c}).Allows(v) {
				p.Advisories = append(p.Advisories, a)
			}
		}
		for _, r := range revocations {
			if r.Digest == x.Digest || r.Listing == x.ID && (r.Version == "" || r.Version == x.Version) {
				p.Revocation = &r
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// installer starts a host that installs from a shop, and waits until it knows what is there.
func installer(t *testing.T, home string, s *shop, changes ...func(*host.Config)) *world {
	t.Helper()
	w := startQuick(t, home, append([]func(*host.Config){from(s.stock(t))}, changes...)...)
	if !within(w.Ready) {
		t.Fatalf("the host is not ready\n%s", w.log)
	}
	return w
}

// from configures a host that installs from a repository, and does not wait long.
func from(r host.Repositories) func(*host.Config) {
	return func(cfg *host.Config) {
		cfg.Repositories = r
		cfg.PlanPatience = host.PlanPatience{Retry: 10 * time.Millisecond, Progress: time.Second, Healthy: planPatience, Return: planPatience}
		settings := cfg.Settings
		cfg.Settings = func(id string) host.Settings {
			s := settings(id)
			s.Probation, s.DrainTimeout = 300*time.Millisecond, 100*time.Millisecond
			return s
		}
	}
}
