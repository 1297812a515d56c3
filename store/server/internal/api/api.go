// Package api is the part of a store's native API that everybody may read: listings,
// releases and their files, pictures, updates, the signed index. New makes an API of what
// it needs, and Routes is its part of the table of routes.
//
// What is promised: answers are made of one snapshot of the catalogue, without a question
// to the database but for a text search and the details of a release; what a client
// misspells is refused, never overlooked; lists are never null; bytes are named by their
// digest, in ETag and Repr-Digest.
package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// Catalogue is what a store shows.
type Catalogue interface {
	Current() *catalogue.Snapshot
	Object(ctx context.Context, digest string) (catalogue.Object, bool)
	Search(ctx context.Context, text string, q catalogue.Query) (catalogue.Page, error)
}

// Database has what is too large for the catalogue, and the counts.
type Database interface {
	Detail(ctx context.Context, id, version string) (store.Detail, error)
	Downloads(ctx context.Context, f database.DownloadFilter) ([]database.Downloads, error)
}

// Blobs has the bytes.
type Blobs interface {
	Open(ctx context.Context, digest string) (blobs.File, error)
}

// Config is what the API is made from.
type Config struct {
	Catalogue Catalogue
	Database  Database
	Blobs     Blobs
	// Downloaded is told of every download that begins.
	Downloaded func(listing, version, platform string)
	// Summary is the beginning of a Markdown text as plain text of at most n characters.
	Summary func(markdown string, n int) string
}

// API answers programs.
type API struct {
	cfg   Config
	pages pages
	zips  negotiate.Gzip
}

// New returns the API of cfg.
func New(cfg Config) *API { return &API{cfg: cfg} }

// The prefixes of paths.
const (
	prefix  = "/api/v1/"
	listing = prefix + "listings/{id}"
	release = listing + "/releases/{version}"
)

// Routes are those of the API.
func (a *API) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: prefix + "listings", Right: web.Open, Cost: web.TextSearch, Serve: a.list, Doc: listDoc()},
		{Method: "GET", Path: listing, Right: web.Open, Serve: a.show, Doc: showDoc()},
		{Method: "GET", Path: listing + "/releases", Right: web.Open, Serve: a.releases, Doc: releasesDoc()},
		{Method: "GET", Path: release, Right: web.Open, Cost: web.Search, Serve: a.release, Doc: releaseDoc()},
		{Method: "GET", Path: release + "/download", Right: web.Open, Serve: a.download, Doc: downloadDoc()},
		{Method: "GET", Path: listing + "/icon", Right: web.Open, Serve: a.icon, Doc: pictureDoc("icon", "The icon")},
		{Method: "GET", Path: listing + "/background", Right: web.Open, Serve: a.background, Doc: pictureDoc("background", "The background")},
		{Method: "GET", Path: listing + "/screenshots/{n}", Right: web.Open, Serve: a.screenshot, Doc: pictureDoc("screenshot", "One of the screenshots, from 1")},
		{Method: "POST", Path: prefix + "updates", Right: web.Open, Cost: web.Search, Body: maxUpdates, Serve: a.updates, Doc: updatesDoc()},
		{Method: "GET", Path: prefix + "snapshot", Right: web.Open, Serve: a.snapshot, Doc: snapshotDoc()},
		{Method: "GET", Path: prefix + "snapshot/timestamp", Right: web.Open, Serve: a.timestamp, Doc: timestampDoc()},
		{Method: "GET", Path: prefix + "snapshot/objects/{digest}", Right: web.Open, Serve: a.object, Doc: objectDoc()},
		{Method: "GET", Path: prefix + "advisories", Right: web.Open, Serve: a.advisories, Doc: advisoriesDoc()},
		{Method: "GET", Path: prefix + "revocations", Right: web.Open, Serve: a.revocations, Doc: revocationsDoc()},
		{Method: "GET", Path: prefix + "stats", Right: web.Open, Cost: web.Search, Serve: a.stats, Doc: statsDoc()},
	}
}

// find returns the listing that the path names, of one snapshot.
func find(s *catalogue.Snapshot, r *http.Request) (*store.Listing, error) {
	l, ok := s.Listing(web.Var(r, "id"))
	if !ok {
		return nil, noListing()
	}
	return l, nil
}

func noListing() error {
	p := web.NewProblem(web.NotFound, "there is no such listing")
	p.Hint = "GET /api/v1/listings?q= searches"
	return p
}

// findRelease returns the release that the path names, as its author wrote the version.
func findRelease(l *store.Listing, r *http.Request) (*store.Release, error) {
	version := web.Var(r, "version")
	for i := range l.Releases {
		if l.Releases[i].Version == version {
			return &l.Releases[i], nil
		}
	}
	p := web.NewProblem(web.NotFound, "there is no such version of "+l.ID)
	p.Hint = "GET /api/v1/listings/" + l.ID + "/releases lists them"
	return nil, p
}

// fresh lets caches keep an answer for a moment, and ask then.
func fresh(w http.ResponseWriter) { w.Header().Set("Cache-Control", "public, max-age=5") }

// quoted is the entity tag of what has this digest.
func quoted(digest string) string { return `"` + strings.ReplaceAll(digest, ":", "-") + `"` }
