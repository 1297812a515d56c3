// Package mattermost is the Mattermost face of a store: the three routes of Mattermost's
// marketplace beside the native API, over the store's catalogue. New makes an API of what it
// needs, and Routes is its part of the table of routes. docs/store.md, "The Mattermost face",
// has what stands for what.
//
// What is promised: an answer is made of one snapshot; every number that a client sends has
// bounds, as has every answer; an entry is one that the client's own parsers take, or is left
// out.
package mattermost

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// Snapshot is the catalogue at one time.
type Snapshot interface {
	shelf.Snapshot
	// Labels returns the labels that the store explains, sorted by id.
	Labels() []database.Label
}

// Config is what the face is made from. All but Failed is required.
type Config struct {
	// Current returns the catalogue as it is now.
	Current func() Snapshot
	// Read returns the bytes of a digest, at most limit of them, checked.
	Read func(ctx context.Context, digest string, limit int64) ([]byte, error)
	// Base is the address of the store, absolute, without a slash at its end.
	Base string
	// Summary is the beginning of a Markdown text as plain text of at most n characters.
	Summary func(markdown string, n int) string
	// Version is the program's own.
	Version string
	// Failed is told of what is left out because of an error; nil for nobody.
	Failed func(error)
}

// API answers Mattermost servers.
type API struct {
	cfg   Config
	shelf *shelf.Shelf[*row, []*row]
	icons *shelf.Cache
	hosts hosts
}

// maxIcons bounds the icons that are kept, in bytes.
const maxIcons = 32 << 20

// New returns the face of cfg.
func New(cfg Config) *API {
	if cfg.Failed == nil {
		cfg.Failed = func(error) {}
	}
	a := &API{cfg: cfg, icons: shelf.NewCache(maxIcons)}
	a.shelf = shelf.New(shelf.Config[*row, []*row]{Format: store.FormatBundle, Each: a.rowOf, All: sorted, Failed: cfg.Failed})
	return a
}

// Prepare reads every bundle, so that the first who asks does not wait for it. Its error is
// that ctx has ended.
func (a *API) Prepare(ctx context.Context) error {
	return a.shelf.Prepare(ctx, a.cfg.Current())
}

// prefix is where the routes are: that of the native API, which has none of these names.
const prefix = "/api/v1/"

// Routes are those of the face.
func (a *API) Routes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: prefix + "plugins", Right: web.Open, Cost: web.Search, Serve: a.list, Doc: listDoc()},
		{Method: "GET", Path: prefix + "labels", Right: web.Open, Serve: a.labels, Doc: &openapi.Doc{
			ID: "listMarketplaceLabels", Summary: "The labels that entries for Mattermost may have",
			Answers: openapi.OK("The labels", []MarketplaceLabel{}),
		}},
		{Method: "GET", Path: prefix + "health", Right: web.Open, Serve: a.health, Doc: &openapi.Doc{
			ID: "showMarketplaceHealth", Summary: "That the store answers, as Mattermost's marketplace says it",
			Answers: []openapi.Answer{{Status: http.StatusOK, Summary: "It answers", Content: []openapi.Content{{Media: healthMedia, Of: MarketplaceHealth{}}}}},
		}},
	}
}

// fresh lets caches keep an answer for a moment. An answer depends on all parameters, whatever
// the address says to a cache, so that a shared one has to ask whether it is still the one.
func fresh(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-cache") }

// list answers GET plugins.
func (a *API) list(w http.ResponseWriter, r *http.Request) error {
	q, err := parse(r.URL.RawQuery)
	if err != nil {
		return err
	}
	now := a.cfg.Current()
	rows, err := a.rows(r.Context(), now)
	if err != nil {
		return err
	}
	entries, err := a.entries(r.Context(), now, q.pick(rows))
	if err != nil {
		return err
	}
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, entries)
}

// rows are what there is to choose from.
func (a *API) rows(ctx context.Context, now Snapshot) ([]*row, error) {
	rows, err := a.shelf.Get(ctx, now)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, web.NewProblem(web.Unavailable, "the store has just started and still reads what it has: ask again")
	}
	return rows, err
}

// labels answers GET labels.
func (a *API) labels(w http.ResponseWriter, _ *http.Request) error {
	list := computed()
	for _, l := range a.cfg.Current().Labels() {
		list = append(list, labelOf(l))
	}
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, list)
}

// healthMedia is that of draft-inadarei-api-health-check.
const healthMedia = "application/health+json"

// MarketplaceHealth is GET health.
type MarketplaceHealth struct {
	Status      string           `json:"status"` // pass
	Version     string           `json:"version"`
	ReleaseID   string           `json:"releaseID"`
	Details     MarketplaceBuild `json:"details"`
	Description string           `json:"description"`
}

// MarketplaceBuild is what a store says of its program.
type MarketplaceBuild struct {
	BuildInfo string `json:"buildInfo"`
}

func (a *API) health(w http.ResponseWriter, _ *http.Request) error {
	body, err := encode(MarketplaceHealth{Status: "pass", Version: "1", ReleaseID: a.cfg.Version,
		Details: MarketplaceBuild{"jackfield " + a.cfg.Version}, Description: "a store of extensions"})
	if err != nil {
		return err
	}
	return negotiate.Write(w, http.StatusOK, healthMedia, body)
}

// readTime bounds reading one icon.
const readTime = 10 * time.Second
