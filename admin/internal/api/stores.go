package api

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// maxSearch bounds what is searched for, in bytes.
	maxSearch = 300
	// mostOffers is how many extensions a search finds, over all of its pages.
	mostOffers = 200
)

// RepositoryList is the answer of GET /api/v1/repositories.
type RepositoryList struct {
	Repositories []host.Repository `json:"repositories"`
}

// OfferList is the answer of GET /api/v1/available.
type OfferList struct {
	Available []host.Offer `json:"available"`
	// More says that there are others, which no cursor reaches: a longer question leaves less.
	More    bool                     `json:"more"`
	Missing []host.MissingRepository `json:"missing"`
	// Next is the cursor of the page after this one, empty when there is none.
	Next string `json:"next,omitempty"`
}

// OutdatedList is the answer of GET /api/v1/outdated.
type OutdatedList struct {
	Outdated []host.Outdated `json:"outdated"`
}

// FindingList is the answer of GET /api/v1/advisories.
type FindingList struct {
	Findings []host.Finding `json:"findings"`
}

func (a *API) storeRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/api/v1/repositories", Right: access.See, Serve: a.repositories, Doc: &web.Doc{
			ID: "listRepositories", Summary: "Where extensions are installed from, and how each repository stands",
			Description: "In the order in which they go before each other. What is wrong with one is said of that one; the others work on.",
			Answers:     web.OK("The repositories that are configured", RepositoryList{}),
		}},
		{Method: "POST", Path: "/api/v1/repositories/{name}/refresh", Right: access.Operate, Serve: a.refresh, Doc: &web.Doc{
			ID: "refreshRepository", Summary: "Look at a repository now",
			Answers: web.OK("How it stands then: that it can not be read is no error of this request", host.Repository{}), Codes: []string{host.CodeNotFound},
		}},
		{Method: "POST", Path: "/api/v1/repositories/{name}/forget", Right: access.Administer, Serve: a.forget, Doc: &web.Doc{
			ID: "forgetRepository", Summary: "Drop what is known of a repository, so that the next look is a first one",
			Description: "The name of the store and the highest number that was seen of it (the member seen of the repository) are what keeps another store and an older catalogue out; of one of Jameica's " +
				"it is who has signed what was taken from it. They are gone then. It is right after a store was restored from a backup, or moved to another name, and its operator says so; " +
				"when nobody can say why it is otherwise than before, somebody may be showing this host an old catalogue. What the repository has revoked stays revoked until it is read again.",
			Answers: web.OK("How it stands then", host.Repository{}), Codes: []string{host.CodeNotFound, host.CodeConflict},
		}},
		{Method: "GET", Path: "/api/v1/available", Right: access.See, Serve: a.available, Doc: &web.Doc{
			ID: "listAvailable", Summary: "What can be installed",
			Description: "Each extension once, from the repository that counts for its id, the best of 200 first. Repositories that could not be searched are in missing.",
			Takes: []web.Parameter{
				{Name: "q", Summary: "Words that are looked for in names, texts, ids and labels"},
				{Name: "cursor", Summary: "The member next of the page before; none for the first page"},
				{Name: "limit", Summary: "How many extensions a page has at most, 1 to 500; 100 unless it is given", Of: 0},
			},
			Answers: web.OK("A page of extensions", OfferList{}),
		}},
		{Method: "GET", Path: "/api/v1/available/{id}", Right: access.See, Serve: a.offered, Doc: &web.Doc{
			ID: "showAvailable", Summary: "What a repository offers under an id",
			Answers: web.OK("The extension as it would be installed", host.Offer{}), Codes: []string{host.CodeNotFound},
		}},
		{Method: "GET", Path: "/api/v1/available/{id}/icon", Right: access.See, Serve: a.offerIcon, Doc: &web.Doc{
			ID: "getAvailableIcon", Summary: "The picture of what a repository offers",
			Description: "Fetched from the repository, which names it by its digest, and drawn anew by the host: at most 128 × 128 pixels. Whatever is no PNG or JPEG is none.",
			Answers:     []web.Answer{{Status: http.StatusOK, Summary: "A PNG or a JPEG", Content: []web.Content{{Media: "image/png"}, {Media: "image/jpeg"}}}},
			Codes:       []string{host.CodeNotFound},
		}},
		{Method: "GET", Path: "/api/v1/outdated", Right: access.See, Scoped: true, Serve: a.outdated, Doc: &web.Doc{
			ID: "listOutdated", Summary: "Installed extensions for which there is a higher version",
			Answers: web.OK("By id", OutdatedList{}),
		}},
		{Method: "GET", Path: "/api/v1/advisories", Right: access.See, Scoped: true, Serve: a.findings, Doc: &web.Doc{
			ID: "listAdvisories", Summary: "What repositories say of what is installed: weaknesses, and what is deprecated, withdrawn or revoked",
			Answers: web.OK("By id, without those of which nothing is said", FindingList{}),
		}},
	}
}

func (a *API) repositories(w http.ResponseWriter, _ *http.Request) error {
	list := RepositoryList{[]host.Repository{}}
	for _, r := range a.cfg.Host.Repositories() {
		list.Repositories = append(list.Repositories, completeRepository(r))
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

// refresh answers when the repository was looked at, which may take a while.
func (a *API) refresh(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait)
	repository, err := a.cfg.Host.RefreshRepository(r.Context(), r.PathValue("name"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, completeRepository(repository))
}

// forget answers when what was known is gone.
func (a *API) forget(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait) // a look that is under way ends first
	repository, err := a.cfg.Host.ForgetRepository(r.Context(), r.PathValue("name"), web.Actor(r))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, completeRepository(repository))
}

func (a *API) available(w http.ResponseWriter, r *http.Request) error {
	cursor, limit, err := web.PageOf(r, "q")
	if err != nil {
		return err
	}
	from, err := placeOf(cursor)
	if err != nil {
		return err
	}
	text := r.URL.Query().Get("q")
	if len(text) > maxSearch || !utf8.ValidString(text) {
		return web.Invalid("q has at most " + strconv.Itoa(maxSearch) + " bytes of UTF-8")
	}
	web.Allow(http.NewResponseController(w), web.MaxWait)
	found, err := a.cfg.Host.Available(r.Context(), host.AvailableQuery{Text: text, Limit: min(from+limit+1, mostOffers)})
	if err != nil {
		return err
	}
	from, to := min(from, len(found.Offers)), min(from+limit, len(found.Offers))
	list := OfferList{Available: []host.Offer{}, Missing: append([]host.MissingRepository{}, found.Missing...)}
	for _, o := range found.Offers[from:to] {
		list.Available = append(list.Available, completeOffer(o))
	}
	if to < len(found.Offers) {
		list.Next = base64.RawURLEncoding.EncodeToString([]byte("from " + strconv.Itoa(to)))
	} else {
		list.More = found.More
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

// placeOf is how many offers come before those of a page.
func placeOf(cursor string) (int, error) {
	if cursor == "" {
		return 0, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	number, is := strings.CutPrefix(string(text), "from ")
	from, wrong := strconv.Atoi(number)
	if cmp.Or(err, wrong) != nil || !is || from < 1 || from > mostOffers {
		return 0, web.Invalid("this is no cursor; take the member next of the page before")
	}
	return from, nil
}

func (a *API) offered(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	offer, err := a.cfg.Host.AvailableOne(r.Context(), id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, completeOffer(offer))
}

func (a *API) offerIcon(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	icon, err := a.cfg.Host.OfferIcon(r.Context(), id)
	if err != nil {
		return err
	}
	web.WriteIcon(w, r, icon)
	return nil
}

func (a *API) outdated(w http.ResponseWriter, r *http.Request) error {
	all, err := a.cfg.Host.Outdated(r.Context())
	if err != nil {
		return err
	}
	who, list := access.Of(r.Context()), OutdatedList{[]host.Outdated{}}
	for _, o := range all {
		if who.Sees(o.ID) {
			o.Needs = append([]host.PlanNeed{}, o.Needs...)
			list.Outdated = append(list.Outdated, o)
		}
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

func (a *API) findings(w http.ResponseWriter, r *http.Request) error {
	who, list := access.Of(r.Context()), FindingList{[]host.Finding{}}
	for _, f := range a.cfg.Host.Findings() {
		if who.Sees(f.ID) {
			f.Advisories = append([]host.FoundAdvisory{}, f.Advisories...)
			list.Findings = append(list.Findings, f)
		}
	}
	return web.WriteJSON(w, http.StatusOK, list)
}

func completeRepository(r host.Repository) host.Repository {
	r.Problems = append([]string{}, r.Problems...)
	return r
}

func completeOffer(o host.Offer) host.Offer {
	o.Permissions = append([]string{}, o.Permissions...)
	o.Requires = append([]string{}, o.Requires...)
	o.Versions = append([]string{}, o.Versions...)
	o.Advisories = append([]host.OfferAdvisory{}, o.Advisories...)
	return o
}
