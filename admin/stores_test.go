package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

// stocked returns the configuration of a host with repositories, and its shelf.
func stockedConfig(rows ...host.Extension) (Config, *shelf) {
	cfg := testConfig(rows...)
	s := cfg.Host.(*shelf)
	stockShelf(s)
	return cfg, s
}

func TestRepositoriesOverTheAPI(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running(), crashed())
	h := mustNew(t, cfg).serve()
	for _, c := range []struct{ name, method, path, want string }{
		{"repositories", "GET", "/api/v1/repositories", `"name":"acme","url":"https://store.acme.example","kind":"jackfield","priority":10,"enabled":true,"state":"ok"`},
		{"a look", "POST", "/api/v1/repositories/bank/refresh", `"state":"stale","code":"index_unreachable"`},
		{"available", "GET", "/api/v1/available?q=maps", `"id":"org.example.maps.Maps"`},
		{"what is missing", "GET", "/api/v1/available", `"missing":[{"name":"far","code":"index_unreachable","message":"it does not answer"}]`},
		{"one", "GET", "/api/v1/available/org.example.future.Future", `"usable":false,"needs":"99.0"`},
		{"lists are never null", "GET", "/api/v1/available/org.example.future.Future", `"permissions":[],"requires":[]`},
		{"outdated", "GET", "/api/v1/outdated", `"latest":"2.0.0","repository":"acme","automatic":false,"why":"it is another major version"`},
		{"advisories", "GET", "/api/v1/advisories", `"revoked":"the key was stolen"`},
	} {
		w := ask(h, c.method, c.path, withToken)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %s", c.name, w.Code, w.Body, c.want)
		}
	}
	for path, status := range map[string]int{
		"/api/v1/repositories/far/refresh": 404, "/api/v1/repositories/bank/refresh?force=true": 400,
	} {
		w := ask(h, "POST", path, withToken)
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
		checkProblem(t, w)
	}
	for _, path := range []string{
		"/api/v1/available/no.such.Extension", "/api/v1/available?q=" + strings.Repeat("x", 301), "/api/v1/available?cursor=x", "/api/v1/available?limit=0",
		"/api/v1/available?cursor=ZnJvbSAtMQ", "/api/v1/available?search=x",
	} {
		if w := ask(h, "GET", path, withToken); w.Code/100 != 4 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	// Pages: each offer once, and an end.
	seen, next := []string{}, ""
	for range 10 {
		var page struct {
			Available []host.Offer `json:"available"`
			Next      string       `json:"next"`
		}
		w := ask(h, "GET", "/api/v1/available?limit=2&cursor="+next, withToken)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Available {
			seen = append(seen, o.ID)
		}
		if next = page.Next; next == "" {
			break
		}
	}
	if len(seen) != len(s.offers) || next != "" {
		t.Errorf("the pages have %q, then %q", seen, next)
	}
}

// What is known of a repository is forgotten by administrators, over the API and on the page:
// there they are told first what is lost, and when that is what an attacker wants.
func TestForgettingARepository(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running())
	h := mustNew(t, cfg).serve()
	w := ask(h, "POST", "/api/v1/repositories/acme/forget", withToken)
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"state":"never"`) || !strings.Contains(w.Body.String(), `"seen":null`) || fmt.Sprint(s.planned) != "[admin forgets acme]" {
		t.Errorf("%d %s, %q", w.Code, w.Body, s.planned)
	}
	for path, status := range map[string]int{"/api/v1/repositories/far/forget": 404, "/api/v1/repositories/acme/forget?yes=true": 400} {
		w := ask(h, "POST", path, withToken)
		if w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
		checkProblem(t, w)
	}
	s.planned = nil
	root := withAdminToken(t, cfg)
	if !slices.Contains(destinations(root.page("/admin/repositories")), "/admin/repositories/acme/forget") {
		t.Error("no row leads to it")
	}
	for name, wants := range map[string][]string{
		"acme": {"Forget what is known of acme?", "has seen catalogue 412 of the store store.acme.example", "restored it from a backup", "forget nothing, and find out who stands between", "stays revoked until it is read again"},
		"bank": {"it does not answer", "who signed the first ZIP", "forget nothing"},
	} {
		text := textOf(root.page("/admin/repositories/" + name + "/forget"))
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("of %s it does not say %q: %s", name, want, text)
			}
		}
	}
	if w := root.gets("/admin/repositories/far/forget"); w.Code != http.StatusNotFound || len(s.planned) != 0 {
		t.Errorf("%d, %q", w.Code, s.planned)
	}
	leads(t, root.posts("/admin/repositories/acme/forget", url.Values{}), "/admin/repositories")
	if fmt.Sprint(s.planned) != "[admin forgets acme]" {
		t.Errorf("the host was asked %q", s.planned)
	}
}

// destinations are where the links of a page lead.
func destinations(doc *html.Node) (list []string) {
	for _, a := range all(doc, "a", "") {
		list = append(list, attribute(a, "href"))
	}
	return list
}

// The picture of an offer comes from the host, as a picture and nothing else; where there is
// none its letter stands there.
func TestIconsOfOffers(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running(), crashed())
	h := mustNew(t, cfg).serve()
	const one = "/api/v1/available/org.example.maps.Maps/icon"
	w := ask(h, "GET", one, withToken)
	for name, want := range map[string]string{
		"Content-Type": "image/png", "X-Content-Type-Options": "nosniff", "ETag": `"5e"`, "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := w.Header().Get(name); w.Code != http.StatusOK || got != want {
			t.Errorf("%d, %s is %q, want %q", w.Code, name, got, want)
		}
	}
	if w := ask(h, "GET", one, withToken, withHeader("If-None-Match", `"5e"`)); w.Code != http.StatusNotModified || w.Body.Len() > 0 {
		t.Errorf("who has it is sent it again: %d", w.Code)
	}
	for path, status := range map[string]int{"/api/v1/available/" + running().ID + "/icon": 404, "/api/v1/available/no.such.Extension/icon": 404} {
		w := ask(h, "GET", path, withToken)
		if w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
		checkProblem(t, w)
	}
	root := withAdminToken(t, cfg)
	s.plans = []host.Plan{underWay(host.PlanRunning, host.StepReady, host.StepReady, host.StepDownloading)}
	for path, letters := range map[string]string{
		"/admin/available": "M T F O", "/admin/available/org.example.maps.Maps": "M", "/admin/available/org.example.old.Old": "O",
		"/admin/plans/new?install=org.example.maps.Maps": "B T M", "/admin/plans/7": "B T M",
	} {
		doc := root.page(path)
		var shown []string
		pictures := 0
		for _, icon := range all(doc, "span", "icon") {
			shown = append(shown, textOf(icon))
			for _, img := range all(icon, "img", "") {
				pictures++
				if attribute(img, "src") != "/admin/available/org.example.maps.Maps/icon" || attribute(img, "loading") != "lazy" || attribute(img, "width") == "" || attribute(img, "height") == "" || textOf(icon) != "M" {
					t.Errorf("%s shows %s at %q", path, attribute(img, "src"), textOf(icon))
				}
			}
		}
		if got := strings.Join(shown, " "); got != letters || pictures != strings.Count(letters, "M") {
			t.Errorf("%s has the letters %q and %d pictures, want %q", path, got, pictures, letters)
		}
	}
	if w := root.gets("/admin/available/org.example.maps.Maps/icon"); w.Code != http.StatusOK || w.Header().Get("Content-Type") != "image/png" {
		t.Errorf("the page gets %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	s.spoilt = true
	if w := root.gets("/admin/available/org.example.maps.Maps/icon"); w.Code != http.StatusServiceUnavailable || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("one that can not be had is %d, %s", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestPlansOverTheAPI(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running())
	h := mustNew(t, cfg).serve()
	order := func(path, body string) (int, string, http.Header) {
		w := ask(h, "POST", path, withToken, withBody("application/json", body))
		return w.Code, w.Body.String(), w.Header()
	}
	for _, c := range []struct {
		name, body string
		want       host.PlanRequest
	}{
		{"install", `{"install":["org.a.A@1.2"]}`, host.PlanRequest{Install: []string{"org.a.A@1.2"}}},
		{"update one", `{"update":["org.a.A"],"beta":true}`, host.PlanRequest{Update: []string{"org.a.A"}, Beta: true}},
		{"update everything", `{"update":[]}`, host.PlanRequest{Update: []string{}, UpdateAll: true}},
		{"with consent", `{"install":["a.A"],"consent":[{"id":"a.A","digest":"sha256:1","kind":"permission","what":"kv"}]}`,
			host.PlanRequest{Install: []string{"a.A"}, Consent: []host.PlanNeed{{ID: "a.A", Digest: "sha256:1", Kind: host.PlanNeedPermission, What: "kv"}}}},
		{"with all consent", `{"install":["a.A"],"consent_all":true}`, host.PlanRequest{Install: []string{"a.A"}, ConsentAll: true}},
	} {
		code, body, head := order("/api/v1/plans", c.body)
		if code != http.StatusAccepted || head.Get("Location") != "/api/v1/plans/7" || !strings.Contains(body, `"id":"7"`) {
			t.Errorf("%s: %d %s", c.name, code, body)
		}
		c.want.Actor, c.want.Remote = "admin", "192.0.2.1"
		if got := s.requests[len(s.requests)-1]; fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", c.want) {
			t.Errorf("%s: the host was asked for %+v", c.name, got)
		}
	}
	if code, body, head := order("/api/v1/plans?dry_run=true", `{"install":["a.A"]}`); code != 200 || head.Get("Location") != "" || !strings.Contains(body, `"id":""`) || !strings.Contains(body, `"kind":"publisher"`) {
		t.Errorf("a dry run: %d %s", code, body)
	}
	asked := len(s.requests)
	for _, body := range []string{"", "{}", "[]", `{"install":[]}`, `{"install":"a.A"}`, `{"install":["a.A"],"update":null}`, `{"install":["a.A"],"install":["b.B"]}`, `{"instal":["a.A"]}`, `{"install":["a.A"],"consent":["kv"]}`} {
		code, said, _ := order("/api/v1/plans", body)
		if code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", body, code, said)
		}
	}
	if w := ask(h, "POST", "/api/v1/plans", withToken, withBody("text/plain", `{"install":["a.A"]}`)); w.Code != http.StatusUnsupportedMediaType {
		t.Errorf("as text: %d", w.Code)
	}
	if code, _, _ := order("/api/v1/plans", `{"install":["`+strings.Repeat("x", 1<<18)+`"]}`); code != http.StatusRequestEntityTooLarge {
		t.Errorf("very long: %d", code)
	}
	if len(s.requests) != asked {
		t.Error("the host was asked for what can not be read")
	}
	for code, status := range map[string]int{host.CodeNoPlan: 422, host.CodeNeedsConsent: 409, host.CodeConflict: 409, host.CodeUnavailable: 503} {
		s.refuse = &host.Error{Code: code, Message: "no"}
		if got, body, _ := order("/api/v1/plans", `{"install":["a.A"]}`); got != status || !strings.Contains(body, `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s", code, got, body)
		}
	}
	s.refuse = nil

	s.plan(underWay(host.PlanRunning, host.StepReady, host.StepDownloading))
	for path, want := range map[string]string{
		"/api/v1/plans":   `{"plans":[{"id":"7","kind":"install","state":"running"`,
		"/api/v1/plans/7": `"state":"downloading","bytes":1048576,"total":4194304`,
	} {
		if w := ask(h, "GET", path, withToken); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/api/v1/plans/7/cancel", "/api/v1/plans/7/undo"} {
		if w := ask(h, "POST", path, withToken); w.Code != 200 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	if got := strings.Join(s.planned, ", "); got != "cancel 7, undo 7" {
		t.Errorf("the host was asked to %s", got)
	}
	for _, path := range []string{"/api/v1/plans/8/cancel", "/api/v1/plans/8/undo"} {
		if w := ask(h, "POST", path, withToken); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := ask(h, "GET", "/api/v1/plans/8", withToken); w.Code != 404 {
		t.Errorf("no plan: %d", w.Code)
	}
}

// Who may only look, looks; installing is what an upload needs.
func TestWhoMayInstallFromRepositories(t *testing.T) {
	t.Parallel()
	for role, can := range map[host.Role]map[string]bool{
		host.RoleViewer:        {},
		host.RoleOperator:      {"refresh": true},
		host.RoleAdministrator: {"refresh": true, "install": true},
	} {
		cfg, s := stockedConfig(running(), crashed())
		s.plan(underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning))
		who := signedIn(t, cfg, "a-"+string(role), role)
		for _, path := range []string{"/admin/available", "/admin/available/org.example.maps.Maps", "/admin/updates", "/admin/repositories", "/admin/plans/7"} {
			doc := who.page(path)
			for _, n := range append(all(doc, "a", ""), all(doc, "form", "")...) {
				to := attribute(n, "href") + attribute(n, "action")
				if strings.HasPrefix(to, "/admin/plans/new") && !can["install"] || strings.HasSuffix(to, "/undo") && !can["install"] || strings.HasSuffix(to, "/forget") && !can["install"] || strings.HasPrefix(to, "/admin/repositories/") && !can["refresh"] {
					t.Errorf("%s is offered %s on %s", role, to, path)
				}
			}
		}
		for path, right := range map[string]string{"/admin/plans": "install", "/admin/plans/7/cancel": "install", "/admin/plans/7/undo": "install", "/admin/repositories/acme": "refresh", "/admin/repositories": "refresh", "/admin/repositories/acme/forget": "install"} {
			w := who.posts(path, url.Values{"install": {"a.A"}})
			if (w.Code == http.StatusForbidden) == can[right] {
				t.Errorf("%s posts %s: %d", role, path, w.Code)
			}
		}
		if w := who.gets("/admin/plans/new?install=a.A"); (w.Code == http.StatusForbidden) == can["install"] {
			t.Errorf("%s looks at a plan: %d", role, w.Code)
		}
		if !can["install"] && len(s.requests) > 0 {
			t.Errorf("the host was asked by a %s", role)
		}
	}
}

func TestPlansAreTold(t *testing.T) {
	t.Parallel()
	cfg, _ := stockedConfig(running())
	p := underWay(host.PlanRunning, host.StepDownloading)
	cfg.Events = func(uint64) (Notices, error) {
		return saying(false, host.Notice{Seq: 9, Kind: host.NoticePlan, ID: "7", Plan: &p}), nil
	}
	cfg.Accounts = accountsOf(t, nil)
	h := mustNew(t, cfg)
	w := ask(h.serve(), "GET", "/api/v1/events", withToken)
	if body := w.Body.String(); !strings.Contains(body, "event: plan\nid: 9\ndata: {\"id\":\"7\"") || !strings.Contains(body, `"problems":[]`) {
		t.Errorf("%d %s", w.Code, body)
	}
	// A plan is about several extensions: who may see one of them is not told.
	w = ask(h.serve(), "GET", "/api/v1/events", withBearer(tokenForOne(t, cfg.Accounts, running().ID)))
	if w.Code != 200 || strings.Contains(w.Body.String(), "plan") {
		t.Errorf("a token for one extension: %d %s", w.Code, w.Body)
	}
}

func TestAvailablePage(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running(), crashed())
	root := withAdminToken(t, cfg)
	text := textOf(root.page("/admin/available"))
	for _, want := range []string{
		"Available extensions", "Maps", "Maps of the world, drawn by the host.", "asks for 2 permissions", "update for 5.0.0010", "needs a newer host", "beta",
		"deprecated", "high severity", "from acme", "Not everything could be looked at", "bank could not be renewed it does not answer", "far can not be used",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	if doc := root.page("/admin/available?q=maps"); len(all(doc, "li", "offer")) != 1 || s.searches[len(s.searches)-1].Text != "maps" {
		t.Errorf("a search: %s", textOf(doc))
	}
	if text := textOf(root.page("/admin/available?q=nothing+such")); !strings.Contains(text, "Nothing available fits") {
		t.Error(text)
	}
	for i := range 120 {
		s.offers = append(s.offers, host.Offer{ID: fmt.Sprintf("org.many.M%d", i), Name: hostile, Description: hostile, Usable: true, Action: "install", Repository: "acme", Version: "1"})
	}
	doc := root.page("/admin/available?page=2&q=org.many")
	if n := len(all(doc, "li", "offer")); n != 48 {
		t.Errorf("the second page has %d", n)
	}
	for _, query := range []string{"page=0", "page=x", "page=999", "q=" + strings.Repeat("x", 301)} {
		if w := root.gets("/admin/available?" + query); w.Code != 400 {
			t.Errorf("%s: %d", query, w.Code)
		}
	}
	s.repositories, s.searches = nil, nil
	if text := textOf(root.page("/admin/available")); !strings.Contains(text, "No repository is configured") || !strings.Contains(text, "repository.acme.url=") || len(s.searches) != 0 {
		t.Error(text)
	}
}

func TestOfferPage(t *testing.T) {
	t.Parallel()
	cfg, _ := stockedConfig(running(), crashed())
	root := withAdminToken(t, cfg)
	for path, wants := range map[string][]string{
		"org.example.maps.Maps": {"Maps of the **world**", "Connect over the network to tiles.example.org:443", "org.example.Base >=2", "3.1.0, 3.0.2, 2.9", "What is new in 3.1.0", "Install…", "MIT", "9 MiB"},
		"org.example.maps.Maps?version=2.9&store=https://STORE.acme.example/": {"Install…"},
		"org.example.maps.Maps?store=https://evil.example/":                   {"The link came from https://evil.example/", "but from its repository acme"},
		"org.example.future.Future":                                           {"It needs host version 99.0 or later; this is 0.1.0", "asks for nothing beyond"},
		"org.example.old.Old":                                                 {"not kept up any more: use Maps", "It tells strangers", "fixed in 1.1"},
		running().ID:                                                          {"update for 5.0.0010", "Update…"},
	} {
		doc := root.page("/admin/available/" + path)
		for _, want := range wants {
			if text := textOf(doc); !strings.Contains(text, want) {
				t.Errorf("%s does not say %q: %s", path, want, text)
			}
		}
		if strings.Contains(path, "version=2.9") {
			for _, o := range all(doc, "option", "") {
				chosen := false
				for _, a := range o.Attr {
					chosen = chosen || a.Key == "selected"
				}
				if chosen != (attribute(o, "value") == "2.9") {
					t.Errorf("the version %q is chosen: %v", attribute(o, "value"), chosen)
				}
			}
			if strings.Contains(textOf(doc), "The link came from") {
				t.Error("its own store is foreign")
			}
		}
	}
	w := root.gets("/admin/available/no.such.Extension?store=https%3A%2F%2Fnew.example%2F")
	if text := textOf(parse(t, w.Body.String())); w.Code != 404 || !strings.Contains(text, "No repository offers no.such.Extension") || !strings.Contains(text, "repository.store.url=https://new.example/") {
		t.Errorf("%d %s", w.Code, text)
	}
}

// TestLinkOfAStore: what a store's page links to leads to what is offered here, also for who
// is signed in and comes from another site, where the browser keeps the cookie back.
func TestLinkOfAStore(t *testing.T) {
	t.Parallel()
	cfg, _ := stockedConfig(running())
	root := withAdminToken(t, cfg)
	link := "/admin/install?id=org.example.maps.Maps&store=https%3A%2F%2Fstore.acme.example%2F&version=2.9"
	leads(t, root.gets(link), "/admin/available/org.example.maps.Maps?store=https%3A%2F%2Fstore.acme.example%2F&version=2.9")
	leads(t, root.gets("/admin/install?id=org.a.A"), "/admin/available/org.a.A")
	for _, odd := range []string{"id=..", "id=a%2Fb", "id=", "version=1"} {
		if w := root.gets("/admin/install?" + odd); w.Code != http.StatusOK {
			t.Errorf("%s: %d", odd, w.Code)
		}
	}
	w := ask(root.handler, "GET", link, withHeader("Accept", "text/html"), withHeader("Sec-Fetch-Site", "cross-site"))
	signIn := w.Header().Get("Location")
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(signIn, "/admin/sign-in?next=") {
		t.Fatalf("%d %s", w.Code, signIn)
	}
	w = ask(root.handler, "GET", signIn, withHeader("Accept", "text/html"), withHeader("Sec-Fetch-Site", "cross-site"))
	doc := parse(t, w.Body.String())
	var onward string
	for _, m := range all(doc, "meta", "") {
		if attribute(m, "http-equiv") == "refresh" {
			onward = attribute(m, "content")
		}
	}
	if onward != "0;url="+signIn {
		t.Fatalf("leads on to %q, not to %q", onward, signIn)
	}
	leads(t, root.gets(signIn, withHeader("Sec-Fetch-Site", "same-origin")), link)
	w = ask(root.handler, "GET", signIn, withHeader("Accept", "text/html"), withHeader("Sec-Fetch-Site", "same-origin"))
	if w.Code != http.StatusOK || len(all(parse(t, w.Body.String()), "form", "")) < 2 {
		t.Error("a stranger does not come to the form")
	}
	w = ask(root.handler, "GET", "/admin/sign-in?next=%2Fadmin%2Fplans%2Fnew%3Finstall%3Da.A", withHeader("Accept", "text/html"), withHeader("Sec-Fetch-Site", "cross-site"))
	for _, m := range all(parse(t, w.Body.String()), "meta", "") {
		if attribute(m, "http-equiv") == "refresh" {
			t.Error("another site leads to a page that asks repositories")
		}
	}
}

// formOf is the form of a page with this id, as a browser would send it with every box ticked.
func formOf(doc *html.Node, id string) url.Values {
	values := url.Values{}
	for _, form := range all(doc, "form", "") {
		if attribute(form, "id") != id {
			continue
		}
		for _, i := range all(form, "input", "") {
			values.Add(attribute(i, "name"), attribute(i, "value"))
		}
	}
	for _, i := range all(doc, "input", "") {
		if attribute(i, "form") == id {
			values.Add(attribute(i, "name"), attribute(i, "value"))
		}
	}
	return values
}

func TestReviewOfAPlan(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running())
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/plans/new?install=org.example.maps.Maps&version=3.1.0")
	if got := s.requests[0]; len(got.Install) != 1 || got.Install[0] != "org.example.maps.Maps@3.1.0" || got.Actor != "admin" {
		t.Errorf("the host was asked for %+v", got)
	}
	text := textOf(doc)
	for _, want := range []string{
		"Install Maps?", "All 3 of these are installed, or none", "To download: 15 MiB", "Tracking 5.0.0010 →to 5.1.0", "version 5.0.0010, which is kept",
		"org.example.Base >=2", "another publisher than before", "ffff@k2.example", "Connect over the network to tiles.example.org:443", "sha256:333",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q: %s", want, text)
		}
	}
	form := formOf(doc, "start")
	if len(form["consent"]) != 2 || form.Get("install") != "org.example.maps.Maps@3.1.0" {
		t.Fatalf("the form has %v", form)
	}
	leads(t, root.posts("/admin/plans", form), "/admin/plans/7")
	if got := s.requests[len(s.requests)-1]; fmt.Sprint(got.Consent) != fmt.Sprint(proposal().Needs) || got.ConsentAll {
		t.Errorf("consented to %+v", got)
	}
	// Only what is needed can be consented to, and only what was ticked.
	some := url.Values{"install": form["install"], "seen": form["seen"], "consent": {form["consent"][0], `{"id":"x","digest":"","kind":"permission","what":"net:*"}`}}
	root.posts("/admin/plans", some)
	if got := s.requests[len(s.requests)-1].Consent; len(got) != 1 || got[0] != proposal().Needs[0] {
		t.Errorf("consented to %+v", got)
	}
	// What is refused is said beside the plan.
	s.refuseStart = &host.Error{Code: host.CodeNeedsConsent, Message: "consent is missing", Hint: "tick it"}
	w := root.posts("/admin/plans", form)
	if text := textOf(parse(t, w.Body.String())); w.Code != 409 || !strings.Contains(text, "consent is missing tick it") || !strings.Contains(text, "All 3 of these") {
		t.Errorf("%d %s", w.Code, text)
	}
	s.refuseStart = nil
	// Another plan than was looked at is looked at again first.
	asked := len(s.requests)
	other := proposal()
	other.Steps[2].Digest = "sha256:" + strings.Repeat("9", 64)
	s.proposed = &other
	w = root.posts("/admin/plans", form)
	if text := textOf(parse(t, w.Body.String())); w.Code != 409 || !strings.Contains(text, "another plan by now") || len(s.requests) != asked+1 {
		t.Errorf("%d %s", w.Code, text)
	}
	for _, query := range []string{"", "install=", "version=1", "all=yes", "install=" + strings.Repeat("a&install=", 201)} {
		if w := root.gets("/admin/plans/new?" + query); w.Code != 400 {
			t.Errorf("%.40s: %d", query, w.Code)
		}
	}
}

func TestReviewsThatHaveNothingToStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*host.Plan)
		says   []string
	}{
		{"a conflict", func(p *host.Plan) {
			p.Steps, p.Needs = nil, nil
			p.Problems = []host.PlanProblem{{Code: "conflict", Message: "no version of Base fits", Chain: []string{"Maps 3 requires Base >=2", "Old 1 requires Base <2 " + hostile}, Hints: []string{"remove Old first"}}}
		}, []string{"can not be installed", "There is no way to do this", "no version of Base fits", "Old 1 requires Base <2", "What you can do: remove Old first"}},
		{"there already", func(p *host.Plan) {
			p.Steps = []host.PlanStep{{ID: running().ID, Action: host.StepKeep, From: "5.0.0010", To: "5.0.0010"}}
			p.Needs = nil
		}, []string{"Nothing to do", "It is there already", "1 extension stays as it is"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, s := stockedConfig(running())
			c.change(s.proposed)
			doc := withAdminToken(t, cfg).page("/admin/plans/new?install=org.example.maps.Maps")
			for _, want := range c.says {
				if text := textOf(doc); !strings.Contains(text, want) {
					t.Errorf("it does not say %q: %s", want, text)
				}
			}
			if len(formOf(doc, "start")) > 0 {
				t.Error("there is something to start")
			}
		})
	}
}

func TestProgressOfAPlan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		plan         host.Plan
		says         []string
		over         bool
		cancel, undo bool
	}{
		{"downloading", underWay(host.PlanRunning, host.StepReady, host.StepDownloading), []string{"under way", "downloading Tracking", "1 MiB of 4 MiB", "verified", "to come"}, false, true, false},
		{"landed", underWay(host.PlanRunning, host.StepRunning, host.StepInstalling, host.StepInstalling), []string{"starting Tracking"}, false, false, false},
		{"done", underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning), []string{"All of it is installed and healthy"}, true, false, true},
		{"undone", underWay(host.PlanUndone, host.StepUndone, host.StepUndone, host.StepUndone), []string{"taken back", "what ran before runs again"}, true, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg, s := stockedConfig(running())
			s.plan(c.plan)
			doc := withAdminToken(t, cfg).page("/admin/plans/7")
			for _, want := range c.says {
				if text := strings.ReplaceAll(textOf(doc), "\u202f", " "); !strings.Contains(text, want) {
					t.Errorf("it does not say %q: %s", want, text)
				}
			}
			if refresh := len(all(doc, "noscript", "")) == 1; refresh == c.over {
				t.Errorf("it loads itself again: %v", refresh)
			}
			cancel, undo := false, false
			for _, n := range append(all(doc, "form", ""), all(doc, "a", "")...) {
				cancel = cancel || attribute(n, "action") == "/admin/plans/7/cancel"
				undo = undo || attribute(n, "href") == "/admin/plans/7/undo"
			}
			if cancel != c.cancel || undo != c.undo {
				t.Errorf("cancel %v, undo %v", cancel, undo)
			}
		})
	}
}

// TestEveryEndOfAPlanIsTold: for each way to fail there is the code, the text of the host,
// and no wait for more.
func TestEveryEndOfAPlanIsTold(t *testing.T) {
	t.Parallel()
	for _, code := range []string{
		"index_unreachable", "index_expired", "release_gone", "not_as_announced", "digest_mismatch", "too_large", "disk_full", "publisher_changed", "needs_consent", "chain_untrusted", "init_failed", "crashed",
		"canceled", "deadline_exceeded", "changed", "superseded", "interrupted", "internal",
	} {
		cfg, s := stockedConfig(running())
		p := underWay(host.PlanFailed, host.StepUndone, host.StepFailed, host.StepUndone)
		p.Code, p.Message = code, "what happened "+hostile
		p.Steps[0].Code, p.Steps[0].Message = "another_step", "another one of its plan has failed"
		p.Steps[1].Code, p.Steps[1].Message = code, "what happened to it"
		s.plan(p)
		root := withAdminToken(t, cfg)
		doc := root.page("/admin/plans/7")
		text := textOf(doc)
		for _, want := range []string{"not installed", "everything is as it was before", code, "what happened", "what happened to it", "as before"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: it does not say %q: %s", code, want, text)
			}
		}
		if len(all(doc, "noscript", "")) != 0 || attribute(all(doc, "div", "")[0], "data-follow") != "" || len(all(doc, "p", "loading")) > 0 {
			t.Errorf("%s: it seems to go on: %s", code, text)
		}
		if w := root.gets("/admin/plans/7/events"); w.Code != 200 || !strings.Contains(w.Body.String(), "event: job\ndata: failed\n") {
			t.Errorf("%s: the events do not end: %d %s", code, w.Code, w.Body)
		}
		if w := ask(root.handler, "GET", "/api/v1/plans/7", withToken); !strings.Contains(w.Body.String(), `"state":"failed"`) || !strings.Contains(w.Body.String(), `"code":"`+code+`"`) {
			t.Errorf("%s: the API says %s", code, w.Body)
		}
	}
}

func TestUndoAndCancelOnThePage(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running())
	s.plan(underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning))
	root := withAdminToken(t, cfg)
	text := textOf(root.page("/admin/plans/7/undo"))
	for _, want := range []string{"Take this installation back?", "Tracking: from 5.1.0 back to 5.0.0010", "Base: 2.3.0 goes, its data stay"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	leads(t, root.posts("/admin/plans/7/undo", nil), "/admin/plans/7")
	leads(t, root.posts("/admin/plans/7/cancel", nil), "/admin/plans/7")
	if got := strings.Join(s.planned, ", "); got != "undo 7, cancel 7" {
		t.Errorf("the host was asked to %s", got)
	}
	for _, path := range []string{"/admin/plans/8", "/admin/plans/8/undo", "/admin/plans/8/events"} {
		if w := root.gets(path); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	s.refuse = &host.Error{Code: host.CodeConflict, Message: "others need it", Others: []string{"org.b.B"}}
	if w := root.posts("/admin/plans/7/undo", nil); w.Code != 409 || !strings.Contains(w.Body.String(), "others need it") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestUpdatesPage(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running(), crashed())
	s.settings = []host.Setting{{Key: "update.auto", Value: "minor"}, {Key: "update.check", Value: "24h"}, {Key: "update.window", Value: "02:00-04:00 mon-fri"}}
	s.plan(underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning))
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/updates")
	text := textOf(doc)
	for _, want := range []string{
		"It is revoked: the key was stolen", "critical Anybody can steer it", "fixed in 2.0.0", "So says the repository acme", "Tracking 5.0.0010 5.1.0 from acme by itself",
		"- corridors", "by hand it is another major version", "Publish events", "Update all…", "corrections and minor versions", "02:00-04:00 mon-fri", "24h", "done Installation of Maps",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	if strings.Index(text, "It is revoked") > strings.Index(text, "by itself") {
		t.Error("what is revoked does not stand on top")
	}
	if got := len(all(doc, "script", "")); got != 2 {
		t.Errorf("%d scripts", got)
	}
	leads(t, root.posts("/admin/repositories", nil), "/admin/updates")
	s.outdated, s.findings = nil, nil
	if text := textOf(root.page("/admin/updates")); !strings.Contains(text, "Everything is up to date") {
		t.Error(text)
	}
	s.refuse = &host.Error{Code: host.CodeUnavailable, Message: "not now"}
	if text := textOf(root.page("/admin/updates")); !strings.Contains(text, "What is outdated is not known just now") || !strings.Contains(text, "not now") {
		t.Error(text)
	}
}

func TestRepositoriesPage(t *testing.T) {
	t.Parallel()
	cfg, s := stockedConfig(running())
	s.repositories[1].Problems = []string{"repository.xml names a plugin twice " + hostile}
	root := withAdminToken(t, cfg)
	text := textOf(root.page("/admin/repositories"))
	for _, want := range []string{"acme storehttps://store.acme.example current", "412", "runs out in", "bank of Jameica", "could not be renewedit does not answerindex_unreachable", "1 part was left out"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	leads(t, root.posts("/admin/repositories/bank", nil), "/admin/repositories")
	leads(t, root.posts("/admin/repositories/acme", nil), "/admin/repositories")
	if w := root.posts("/admin/repositories/none", nil); w.Code != 404 {
		t.Errorf("no repository: %d", w.Code)
	}
}

// TestExtensionSaysWhatRepositoriesSay: its update, what is warned of, where it came from.
func TestExtensionSaysWhatRepositoriesSay(t *testing.T) {
	t.Parallel()
	now := running()
	now.Version = "5.1.0"
	cfg, s := stockedConfig(now, crashed())
	s.plan(underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning))
	root := withAdminToken(t, cfg)
	doc := root.page("/admin/extensions/" + now.ID)
	text := textOf(doc)
	for _, want := range []string{"Installed fromacme, K2 neu · the installation · Take it back", "Version 5.1.0 is available from acme, K2"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	text = textOf(root.page("/admin/extensions/" + crashed().ID))
	if !strings.Contains(text, "Its repository warns of this version") || !strings.Contains(text, "the key was stolen") || strings.Contains(text, "Installed from") {
		t.Error(text)
	}
	// A repository that does not answer holds the page for a moment only.
	s.slow = true
	root.page("/admin/extensions/" + now.ID)
}
