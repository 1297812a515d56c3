package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// kept gives e an earlier version.
func kept(e host.Extension) host.Extension {
	e.Versions = []host.Version{{Version: "1.0", Current: true}, {Version: "0.9"}}
	return e
}

// off is disabled.
func off(e host.Extension) host.Extension {
	e.Enabled = false
	return e
}

// file is a row of a file that is no extension.
func file(name, code string) host.Extension {
	e := fails(name, "failed", code)
	e.Name, e.Version, e.File = "", "", name
	return e
}

func consent(e host.Extension) host.Extension {
	e.Consent = &host.Consent{Version: "2.0", Digest: "sha256:22", File: "e-2.0.jar", Needs: []host.Need{{Kind: host.NeedPermission, What: "kv"}}}
	return e
}

func pinned(e host.Extension) host.Extension {
	e.Versions = []host.Version{{Version: "1.0", Current: true, Pinned: true}}
	return e
}

func candidate(e host.Extension, state host.State, code string) host.Extension {
	e.Candidate = &host.Candidate{Version: "2.0", State: state, Reason: &host.Reason{Code: code, Message: "it did not come up"}}
	return e
}

// TestEveryStateSaysWhyAndWhatHelps: for each state, in both languages, the words and the
// buttons of the entry, the best first.
func TestEveryStateSaysWhyAndWhatHelps(t *testing.T) {
	for _, c := range []struct {
		name    string
		e       host.Extension
		group   string
		english string
		french  string
		helps   []string // the ends of addresses
	}{
		{"a copy in progress", fails("e", "pending", "copying"), groupBusy, "still being copied", "en cours de copie", nil},
		{"a dependency is missing", fails("e", "waiting", "dependency_missing"), groupBad, "needs another extension", "besoin d’une autre extension", []string{"/admin/install"}},
		{"held behind a pinned version", pinned(fails("e", "waiting", "held")), groupBad, "This file waits", "Ce fichier attend", []string{"e/unpin", "e/remove"}},
		{"starting", fails("e", "starting", "starting"), groupBusy, "It starts", "Elle démarre", nil},
		{"starting without a word", host.Extension{ID: "e", State: "starting"}, groupBusy, "It starts", "Elle démarre", nil},
		{"draining", fails("e", "draining", "stopping"), groupBusy, "finishes its last requests", "termine ses dernières requêtes", nil},
		{"disabled", off(fails("e", "stopped", "disabled")), groupOff, "switched off", "désactivée", []string{"e/enable"}},
		{"crashing, with an earlier version", kept(fails("e", "backoff", "crashed")), groupBad, "keeps crashing", "Elle plante", []string{"e/retry", "e/rollback", "e/logs"}},
		{"crashing, the only version", fails("e", "backoff", "crashed"), groupBad, "keeps crashing", "Elle plante", []string{"e/retry", "e/logs"}},
		{"backing off for another reason", fails("e", "backoff", "host_too_old"), groupBad, "newer host", "serveur plus récent", []string{"e/retry", "/admin/install"}},
		{"failed: cut off", fails("e", "failed", "truncated"), groupBad, "cut off", "tronqué", []string{"/admin/install", "e/remove", "e/retry"}},
		{"failed: configuration", kept(fails("e", "failed", "config_invalid")), groupBad, "configuration does not fit", "configuration ne convient pas", []string{"e/config", "e/rollback", "e/logs"}},
		{"failed: no bundle at all", file("holiday ü.jar", "not_zip"), groupBad, "This is no bundle", "Ce n’est pas un paquet", []string{"holiday%20%C3%BC.jar/remove", "/admin/install", "holiday%20%C3%BC.jar/retry"}},
		{"failed: consent", consent(fails("e", "failed", "needs_consent")), groupBad, "the permission kv", "l’autorisation kv", []string{"e/consent", "e/trust", "e/remove"}},
		{"failed: unheard of", fails("e", "failed", "of_tomorrow"), groupBad, "It does not run", "Elle ne fonctionne pas", []string{"e/retry", "e/logs"}},
		{"conflict", fails("e", "conflict", "name_taken"), groupBad, "has this name", "porte ce nom", []string{"e/remove"}},
		{"unsupported", fails("e", "unsupported", "no_executable"), groupBad, "no program for this platform", "pas de programme pour cette plateforme", []string{"/admin/install", "e/remove"}},
		{"refused: untrusted", fails("e", "refused", "chain_untrusted"), groupBad, "trusts its signer", "ne reconnaît son signataire", []string{"e/trust", "e/recheck", "/admin/install", "e/remove"}},
		{"refused: another publisher", consent(fails("e", "refused", "publisher_changed")), groupBad, "Somebody else has signed it", "Quelqu’un d’autre l’a signée", []string{"e/consent", "e/trust", "e/remove"}},
		{"running, a version waits for consent", candidate(consent(runs("e", "e")), "failed", "needs_consent"), groupBad, "Version 1.0 keeps serving", "La version 1.0 continue de servir", []string{"e/consent", "e/trust", "e/remove"}},
		{"running, a version did not come up", candidate(runs("e", "e"), "failed", "init_failed"), groupBad, "Version 2.0 did not take over", "La version 2.0 n’a pas pris le relais", []string{"e/retry", "e/config", "e/logs"}},
		{"running, a version is being tried", candidate(runs("e", "e"), "starting", "starting"), groupBusy, "Version 2.0 is being tried", "La version 2.0 est à l’essai", nil},
		{"running, its signer was revoked", host.Extension{ID: "e", State: "running", Signature: host.Signature{State: "revoked", Code: "revoked"}}, groupBad, "was revoked", "a été révoqué", []string{"/admin/install", "e/trust", "e/recheck", "e/remove"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPages(t, newHouse(c.e, runs("well", "Well")))
			for lang, want := range map[string]string{"en": c.english, "fr": c.french} {
				_, doc := get(t, inLanguage(p.overview, lang), admin(), "/admin/")
				entries := find(doc, "article", "", "")
				if len(entries) != 1 {
					t.Fatalf("%d entries, want 1", len(entries))
				}
				if got := strings.ReplaceAll(texts(entries[0]), " .", "."); !strings.Contains(got, want) {
					t.Errorf("%s: the entry lacks %q: %s", lang, want, got)
				}
				if group := attr(entries[0].Parent, "data-group"); group != c.group {
					t.Errorf("it is in the group %s, want %s", group, c.group)
				}
				if got := helps(entries[0]); !slices.Equal(got, c.helps) {
					t.Errorf("what helps: %v, want %v", got, c.helps)
				}
				if c.e.Reason != nil && !strings.Contains(texts(entries[0]), c.e.Reason.Message) {
					t.Errorf("the host’s own words are not there: %s", texts(entries[0]))
				}
			}
		})
	}
	if _, doc := get(t, newPages(t, newHouse(runs("well", "Well"))).overview, admin(), "/admin/"); len(find(doc, "article", "", "")) != 0 || !strings.Contains(texts(find(doc, "p", "id", "summary")...), "All is well") {
		t.Error("what is well needs attention")
	}
}

// helps are where the buttons of an entry lead, without the common beginning and what
// leads back.
func helps(entry *html.Node) []string {
	var all []string
	for _, box := range find(entry, "div", "class", "actions") {
		for d := range box.Descendants() {
			to := attr(d, "href") + attr(d, "action")
			if d.Type == html.ElementNode && to != "" {
				to, _, _ = strings.Cut(strings.TrimPrefix(to, "/admin/extensions/"), "?")
				all = append(all, to)
			}
		}
	}
	return all
}

func inLanguage(serve func(http.ResponseWriter, *http.Request) error, lang string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		r.AddCookie(&http.Cookie{Name: languageCookie, Value: lang})
		return serve(w, r)
	}
}

// TestOnlyWhatOneMayIsOffered to people of each role, and to owners.
func TestOnlyWhatOneMayIsOffered(t *testing.T) {
	owner := viewer()
	owner.Owns = []string{"mine"}
	program := admin()
	program.Proof, program.Via = "", "token"
	for _, c := range []struct {
		name  string
		who   access.Identity
		id    string
		helps []string
		bulk  []string
		menu  int // entries of the navigation
	}{
		{"administrator", admin(), "other", []string{"other/trust", "other/recheck", "/admin/install", "other/remove"}, []string{"enable", "disable", "restart", "retry", "remove"}, 8},
		{"operator", operator(), "other", []string{"other/trust", "other/recheck"}, []string{"enable", "disable", "restart", "retry"}, 5},
		{"viewer", viewer(), "other", []string{"other/trust"}, nil, 5},
		{"owner of another", owner, "other", []string{"other/trust"}, nil, 5},
		{"owner", owner, "mine", []string{"mine/trust", "mine/recheck", "mine/remove"}, []string{"enable", "disable", "restart", "retry", "remove"}, 5},
		{"a program with a token", program, "other", []string{"other/trust", "/admin/install", "other/remove"}, nil, 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPages(t, newHouse(fails(c.id, "refused", "chain_untrusted")))
			_, doc := get(t, p.overview, c.who, "/admin/")
			if got := helps(find(doc, "article", "", "")[0]); !slices.Equal(got, c.helps) {
				t.Errorf("what helps: %v, want %v", got, c.helps)
			}
			var bulk []string
			for _, b := range find(doc, "button", "name", "verb") {
				bulk = append(bulk, attr(b, "value"))
			}
			if !slices.Equal(bulk, c.bulk) {
				t.Errorf("for a selection: %v, want %v", bulk, c.bulk)
			}
			if picks := find(doc, "input", "type", "checkbox"); len(picks) > 0 != (c.bulk != nil) {
				t.Errorf("%d boxes to tick", len(picks))
			}
			if n := len(find(find(doc, "header", "class", "bar")[0], "li", "", "")); n != c.menu {
				t.Errorf("%d entries of the navigation, want %d", n, c.menu)
			}
		})
	}
	_, doc := get(t, newPages(t, newHouse(fails("e", "failed", "init_failed"))).overview, access.Identity{Name: "x", Role: access.Viewer, Proof: "p"}, "/admin/")
	if got := texts(find(doc, "article", "", "")...); strings.Contains(got, "Try again") {
		t.Errorf("a viewer is offered %s", got)
	}
	_, doc = get(t, newPages(t, newHouse(fails("e", "conflict", "name_taken"))).overview, viewer(), "/admin/")
	if got := texts(find(doc, "article", "", "")...); !strings.Contains(got, "do not have the right") {
		t.Errorf("a viewer is not told why there are no buttons: %s", got)
	}
}

// TestLimitedTokensSeeTheirOwn extensions only.
func TestLimitedTokensSeeTheirOwn(t *testing.T) {
	p := newPages(t, newHouse(runs("a", "Mine"), runs("b", "Hidden")))
	who := viewer()
	who.Only = []string{"a"}
	if _, doc := get(t, p.overview, who, "/admin/"); strings.Contains(texts(doc), "Hidden") || !strings.Contains(texts(doc), "Mine") {
		t.Error("the list is not that of the token")
	}
}

func TestListIsSearchedFilteredAndSorted(t *testing.T) {
	h := newHouse(runs("a", "Alpha"), runs("b", "beta"), fails("c", "failed", "init_failed"), fails("d", "stopped", "disabled"))
	rows := h.Snapshot()
	rows[1].Request, rows[1].Signature.State, rows[1].Restarts = "org.x.SpecialRequest", "unsigned", 3
	slow := 0.5
	h.measures = map[string]host.Measure{"a": {RequestsPerSecond: 3}, "b": {RequestsPerSecond: 12, P99: &slow}}
	p := newPages(t, h)
	for _, c := range []struct{ query, want string }{
		{"", "c a b d"},
		{"?sort=name", "a b c d"},
		{"?sort=-name", "d c b a"},
		{"?sort=-rate", "b a c d"},
		{"?sort=rate", "c d a b"},
		{"?sort=-p99", "b a c d"},
		{"?sort=-restarts", "b a c d"},
		{"?sort=state", "c a b d"},
		{"?q=ALPHA", "a"},
		{"?q=special", "b"},
		{"?q=c-1.0.jar", "c"},
		{"?state=failed", "c"},
		{"?state=unwell", "c d"},
		{"?trust=unsigned", "b"},
		{"?state=running&trust=valid", "a"},
		{"?q=nothing", ""},
		{"?page=9", "c a b d"},
	} {
		_, doc := get(t, p.overview, admin(), "/admin/"+c.query)
		var ids []string
		for _, tr := range find(doc, "tr", "", "") {
			if id := attr(tr, "data-id"); id != "" {
				ids = append(ids, id)
			}
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.query, got, c.want)
		}
		if len(find(doc, "article", "", "")) != 2 {
			t.Errorf("%s: a filter has hidden what needs attention", c.query)
		}
		if c.want == "" && !strings.Contains(texts(doc), "No extension is like that") {
			t.Error("nobody says that nothing was found")
		}
	}
	for _, bad := range []string{"?state=odd", "?trust=odd", "?sort=odd", "?page=0", "?page=x", "?q=%zz", "?q=" + strings.Repeat("x", 300)} {
		if _, err := post(p.overview, admin(), "/admin/"+bad, ""); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	_, doc := get(t, p.overview, admin(), "/admin/?sort=-rate&q=a")
	if sorted := find(doc, "th", "aria-sort", "descending"); len(sorted) != 1 || attr(find(sorted[0], "a", "", "")[0], "href") != "/admin/?q=a&sort=rate" {
		t.Errorf("the head of the table: %s", texts(sorted...))
	}
}

func TestLongListsHavePages(t *testing.T) {
	var rows []host.Extension
	for i := range 450 {
		e := runs(fmt.Sprintf("org.x.%03d", i), fmt.Sprintf("Number %03d", i))
		if i < 30 {
			e = fails(e.ID, "failed", "init_failed")
		}
		rows = append(rows, e)
	}
	p := newPages(t, newHouse(rows...))
	for _, c := range []struct {
		query    string
		rows     int
		previous string
		next     string
	}{
		{"?sort=name", 200, "", "/admin/?page=2&sort=name"},
		{"?sort=name&page=2", 200, "/admin/?sort=name", "/admin/?page=3&sort=name"},
		{"?sort=name&page=3", 50, "/admin/?page=2&sort=name", ""},
	} {
		_, doc := get(t, p.overview, admin(), "/admin/"+c.query)
		if n := len(find(find(doc, "tbody", "", "")[0], "tr", "", "")); n != c.rows {
			t.Errorf("%s: %d rows", c.query, n)
		}
		links := map[string]string{}
		for _, a := range find(find(doc, "nav", "class", "pages")[0], "a", "", "") {
			links[texts(a)] = attr(a, "href")
		}
		if links["Previous"] != c.previous || links["Next"] != c.next {
			t.Errorf("%s: %v", c.query, links)
		}
		if n := len(find(doc, "article", "", "")); n != mostEntries || !strings.Contains(texts(doc), "and 10 more") {
			t.Errorf("%d entries", n)
		}
	}
}

// TestRowSaysEverything there is to say of an extension that runs.
func TestRowSaysEverything(t *testing.T) {
	e := runs("org.x.Tracking", "Tracking")
	e.Restarts, e.ResidentBytes, e.Signature.State = 4, 21<<20, "untrusted"
	h := newHouse(e)
	half, one := 0.0005, 1.25
	h.measures["org.x.Tracking"] = host.Measure{RequestsPerSecond: 1234, ErrorRate: 0.07, P50: &half, P99: &one}
	_, doc := get(t, newPages(t, h).overview, admin(), "/admin/")
	row := find(doc, "tr", "data-id", "org.x.Tracking")[0]
	for label, want := range map[string]string{
		"Version": "1.0", "State": "running", "Signature": "untrusted", "Requests/s": "1,234", "Errors": "7%", "p50": "500 µs", "p99": "1.2 s", "Memory": "21 MiB", "Restarts": "4",
	} {
		cell := find(row, "td", "data-label", label)
		if len(cell) != 1 || texts(cell[0]) != want {
			t.Errorf("%s is %q, want %q", label, texts(cell...), want)
		}
	}
	if a := find(row, "a", "", "")[0]; attr(a, "href") != "/admin/extensions/org.x.Tracking" || texts(a) != "Tracking" {
		t.Errorf("the name leads to %s", attr(a, "href"))
	}
	if attr(find(row, "path", "", "")[0], "d") == "" {
		t.Error("there is no line of its requests")
	}
	if !contains(attr(find(row, "td", "data-label", "Errors")[0], "class"), "high") {
		t.Error("many errors do not stand out")
	}
}

func TestEmptyPageSaysHowToBegin(t *testing.T) {
	_, doc := get(t, newPages(t, newHouse()).overview, admin(), "/admin/")
	if got := texts(find(doc, "section", "class", "empty")...); !strings.Contains(got, "Nothing plugged in yet") || !strings.Contains(got, "/srv/jmap/extensions/tracking.jar") {
		t.Errorf("empty state: %s", got)
	}
}

// TestVersionOfThePage changes with what is shown, and with nothing else.
func TestVersionOfThePage(t *testing.T) {
	h := newHouse(runs("a", "A"), fails("b", "backoff", "crashed"))
	p := newPages(t, h)
	version := func() string {
		_, doc := get(t, p.overview, admin(), "/admin/")
		return attr(find(doc, "div", "id", "live")[0], "data-version")
	}
	before := version()
	h.measures["a"] = host.Measure{RequestsPerSecond: 7}
	if version() != before {
		t.Error("what is measured is part of the version")
	}
	for name, change := range map[string]func(*host.Extension){
		"state":      func(e *host.Extension) { e.State = "draining" },
		"restarts":   func(e *host.Extension) { e.Restarts++ },
		"message":    func(e *host.Extension) { e.Reason.Message = "other" },
		"next try":   func(e *host.Extension) { at := time.Now().Add(time.Hour); e.NextTry = &at },
		"version":    func(e *host.Extension) { e.Version = "2" },
		"last words": func(e *host.Extension) { e.Reason.Stderr = []string{"x"} },
	} {
		e := fails("b", "backoff", "crashed")
		e.Reason.Time = h.Snapshot()[1].Reason.Time
		change(&e)
		rows := []host.Extension{h.Snapshot()[0], e}
		keep := h.rows.Load()
		h.rows.Store(&rows)
		if version() == before {
			t.Errorf("another %s is no other version", name)
		}
		h.rows.Store(keep)
	}
}

// FuzzListing: what an address asks for is what its own address asks for.
func FuzzListing(f *testing.F) {
	f.Add("q=x&state=failed&trust=valid&sort=-rate&page=3")
	f.Add("state=unwell&sort=name&odd=1")
	f.Add("q=%00%ff+&page=00012")
	f.Fuzz(func(t *testing.T, query string) {
		first, err := listingOf(&http.Request{URL: &url.URL{RawQuery: query}})
		if err != nil {
			return
		}
		again, err := url.Parse(first.path())
		if err != nil {
			t.Fatal(err)
		}
		if second, err := listingOf(&http.Request{URL: again}); err != nil || second != first {
			t.Errorf("%q asks for %+v, and its own address for %+v, %v", query, first, second, err)
		}
	})
}
