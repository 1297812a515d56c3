package stores

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

func TestSummaryOf(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a paragraph", "Maps of the **world**.\n\nMore.", "Maps of the world."},
		{"lines of other systems", "Maps\r\nof the world.\r\n\r\nMore.", "Maps of the world."},
		{"a heading goes", "# Maps\n\nOf the world.", "Of the world."},
		{"a picture goes", "![logo](logo.png)\n\nOf the world.", "Of the world."},
		{"nothing but headings", "# Maps\n\n## Maps", ""},
		{"nothing but marks", "****\n\n` `", ""},
		{"long words", strings.Repeat("word ", 100), strings.TrimSpace(strings.Repeat("word ", 48)) + " …"},
		{"one word without an end", strings.Repeat("ü", 500), strings.Repeat("ü", 120) + " …"},
		{"a mark of direction is text", "\u202eMaps", "\u202eMaps"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := summaryOf(c.text); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// FuzzSummaryOf: what publishers write becomes one short line, and is not torn.
func FuzzSummaryOf(f *testing.F) {
	for _, seed := range []string{"", "Maps of the **world**.\n\nMore.", "# x", strings.Repeat("ü", 130), strings.Repeat("a", 119) + "\xff" + strings.Repeat("b", 200), "\u2028\n\n\u2029x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := summaryOf(text)
		if len(got) > maxSummary+len(" …") || strings.ContainsAny(got, "\n\r\u2028\u2029") || utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

// TestCards: an offer says why it can not be installed, and what is missing has a substitute.
func TestCards(t *testing.T) {
	for _, c := range []struct {
		name        string
		offer       host.Offer
		why, letter string
	}{
		{"usable", host.Offer{ID: "org.a.A", Name: "été", Usable: true}, "", "É"},
		{"without a name", host.Offer{ID: "org.a.A", Usable: true}, "", "A"},
		{"without anything", host.Offer{}, "platform", "\ufffd"},
		{"revoked though usable", host.Offer{ID: "org.a.A", Usable: true, Revoked: "stolen"}, "revoked", "A"},
		{"for a newer host", host.Offer{ID: "org.a.A", Needs: "9"}, "host", "A"},
		{"for another platform", host.Offer{ID: "org.a.A"}, "platform", "A"},
	} {
		if got := cardOf(c.offer); got.Why != c.why || got.Letter != c.letter {
			t.Errorf("%s: why %q, letter %q", c.name, got.Why, got.Letter)
		}
	}
}

// many are n offers.
func many(n int) (list []host.Offer) {
	for i := range n {
		list = append(list, host.Offer{ID: fmt.Sprintf("org.many.M%d", i), Usable: true})
	}
	return list
}

func TestAvailable(t *testing.T) {
	unwell := []host.Repository{acme(), {Name: "old", Enabled: true, State: "stale"}, {Name: "broken", Enabled: true, State: "error"}, {Name: "off", State: "error"}, {Name: "new", Enabled: true, State: "never"}}
	for _, c := range []struct {
		name, query    string
		repositories   []host.Repository
		answers        func(host.AvailableQuery) (host.OfferPage, error) // nil: it must not be asked
		code           string
		first, last    string // of the cards
		previous, next string
		more           bool
		unwell         []string
	}{
		{name: "no repository is configured"},
		{name: "nothing", repositories: unwell, answers: func(host.AvailableQuery) (host.OfferPage, error) { return host.OfferPage{}, nil }, unwell: []string{"old", "broken"}},
		{name: "one page", query: "?q=+many+", repositories: unwell[:1], answers: func(q host.AvailableQuery) (host.OfferPage, error) {
			if q.Text != "many" || q.Limit != 200 {
				return host.OfferPage{}, errUnexpected
			}
			return host.OfferPage{Offers: many(48), More: true}, nil
		}, first: "org.many.M0", last: "org.many.M47", more: true},
		{name: "the first of two", query: "?q=a%26b", repositories: unwell[:1], answers: func(host.AvailableQuery) (host.OfferPage, error) {
			return host.OfferPage{Offers: many(49), More: true}, nil
		}, first: "org.many.M0", last: "org.many.M47", next: "?page=2&q=a%26b"},
		{name: "the second of two", query: "?page=2", repositories: unwell[:1], answers: func(host.AvailableQuery) (host.OfferPage, error) {
			return host.OfferPage{Offers: many(49), More: true}, nil
		}, first: "org.many.M48", last: "org.many.M48", previous: "?page=1", more: true},
		{name: "behind the last", query: "?page=200", repositories: unwell[:1], answers: func(host.AvailableQuery) (host.OfferPage, error) {
			return host.OfferPage{Offers: many(49)}, nil
		}, previous: "?page=199"},
		{name: "a page that there is not", query: "?page=201", repositories: unwell[:1], code: host.CodeInvalidArgument},
		{name: "a page that is none", query: "?page=-1", repositories: unwell[:1], code: host.CodeInvalidArgument},
		{name: "a page that is too large", query: "?page=99999999999999999999", repositories: unwell[:1], code: host.CodeInvalidArgument},
		{name: "a search that is too long", query: "?q=" + strings.Repeat("x", 301), repositories: unwell[:1], code: host.CodeInvalidArgument},
		{name: "a search that is no text", query: "?q=%ff", repositories: unwell[:1], code: host.CodeInvalidArgument},
		{name: "the host refuses", repositories: unwell[:1], answers: func(host.AvailableQuery) (host.OfferPage, error) {
			return host.OfferPage{Offers: many(3)}, &host.Error{Code: host.CodeUnavailable, Message: "it stops"}
		}, code: host.CodeUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, repositories: c.repositories, available: c.answers}
			a := h.ask(viewer(), "GET", AvailablePath+c.query, nil)
			if c.code != "" {
				if a.code() != c.code || a.page != nil {
					t.Errorf("answered %v, %v", a.err, a.page)
				}
				return
			}
			v := shown[Available](t, a)
			var first, last string
			if len(v.Cards) > 0 {
				first, last = v.Cards[0].ID, v.Cards[len(v.Cards)-1].ID
			}
			if first != c.first || last != c.last || v.Previous != c.previous || v.Next != c.next || v.More != c.more || v.Configured != len(c.repositories) {
				t.Errorf("from %q to %q, previous %q, next %q, more %v, of %d", first, last, v.Previous, v.Next, v.More, v.Configured)
			}
			var names []string
			for _, r := range v.Unwell {
				names = append(names, r.Name)
			}
			if !slices.Equal(names, c.unwell) {
				t.Errorf("unwell are %q", names)
			}
			if v.Install || v.Operate {
				t.Error("who only looks may install")
			}
		})
	}
}

// TestOffer: what is offered under an id, for who came by a link: which may lead from a store
// that this host does not install from, to a version or an id that there is not.
func TestOffer(t *testing.T) {
	versions := make([]string, 60)
	for i := range versions {
		versions[i] = fmt.Sprint(60 - i)
	}
	maps := host.Offer{ID: "org.a.Maps", Repository: "acme", Version: "60", Versions: versions, Usable: true}
	for _, c := range []struct {
		name, path               string
		one                      func(context.Context, string) (host.Offer, error)
		status                   int
		code                     string
		chosen, store, elsewhere string
		versions                 int
		here                     string
	}{
		{name: "as it is", path: "org.a.Maps", versions: 50},
		{name: "installed", path: "org.a.Here", versions: 0, here: "/admin/extensions/org.a.Here"},
		{name: "by a link of its own store", path: "org.a.Maps?store=HTTPS%3A%2F%2FStore.Acme.Example&version=60", chosen: "60", versions: 50},
		{name: "an old version", path: "org.a.Maps?version=3", chosen: "3", versions: 51},
		{name: "a version that there is not", path: "org.a.Maps?version=%3Cscript%3E", versions: 50},
		{name: "by a link of another store", path: "org.a.Maps?store=https%3A%2F%2Fevil.example", store: "https://evil.example", elsewhere: "acme", versions: 50},
		{name: "by a link that is no address", path: "org.a.Maps?store=javascript%3Aalert(1)", versions: 50},
		{name: "nobody offers it", path: "no.such.Id?store=https%3A%2F%2Fnew.example%2F", status: http.StatusNotFound, store: "https://new.example/"},
		{name: "nobody offers it, also not its store", path: "no.such.Id?store=https%3A%2F%2Fstore.acme.example", status: http.StatusNotFound},
		{name: "no id", path: "..%2F..", code: host.CodeNotFound},
		{name: "an id that is no text", path: "%ff", code: host.CodeNotFound},
		{name: "an id without an end", path: strings.Repeat("x", 300), code: host.CodeNotFound},
		{name: "the repository refuses", path: "org.a.Maps", one: func(context.Context, string) (host.Offer, error) {
			return maps, &host.Error{Code: host.CodeUnavailable, Message: "it stops"}
		}, code: host.CodeUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, repositories: []host.Repository{acme()}, offers: []host.Offer{maps, {ID: "org.a.Here", Repository: "acme"}}, one: c.one, extensions: []host.Extension{{ID: "org.a.Here"}}}
			a := h.ask(admin(), "GET", AvailablePath+"/"+c.path, nil)
			switch {
			case c.code != "":
				if a.code() != c.code || a.page != nil {
					t.Errorf("answered %v, %v", a.err, a.page)
				}
			case c.status == http.StatusNotFound:
				if v := shown[Missing](t, a); a.page.Status != c.status || v.Store != c.store || v.ID != "no.such.Id" || v.Message == "" {
					t.Errorf("%d %+v", a.page.Status, v)
				}
			default:
				if v := shown[Offer](t, a); v.Chosen != c.chosen || v.Store != c.store || v.Elsewhere != c.elsewhere || len(v.Versions) != c.versions || v.Here != c.here || !v.Install {
					t.Errorf("%+v", v)
				}
			}
		})
	}
	if versions[49] != "11" || versions[50] != "10" {
		t.Error("the versions of the host were changed")
	}
}

// An error that is none of the host's words is passed on: what it says is for the log.
func TestOfferThatWentWrong(t *testing.T) {
	broken := errors.New("the disk is on fire")
	h := &house{t: t, one: func(context.Context, string) (host.Offer, error) { return host.Offer{}, broken }}
	if a := h.ask(admin(), "GET", AvailablePath+"/org.a.A", nil); !errors.Is(a.err, broken) || a.page != nil {
		t.Errorf("answered %v, %v", a.err, a.page)
	}
}

// TestStoreOf: the address that a link names is anybody's, and is shown to be copied.
func TestStoreOf(t *testing.T) {
	d := New(Config{Host: &house{t: t, repositories: []host.Repository{{Name: "odd", URL: "%zz"}, acme(), {Name: "below", URL: "http://store.acme.example/a/b"}}}})
	for _, c := range []struct{ name, address, store, repository string }{
		{"nothing", "", "", ""},
		{"a known one", "https://store.acme.example/", "https://store.acme.example/", "acme"},
		{"without the slash, in capitals", "https://STORE.acme.example", "https://STORE.acme.example", "acme"},
		{"by another scheme", "http://store.acme.example/", "http://store.acme.example/", ""},
		{"at another port", "https://store.acme.example:444/", "https://store.acme.example:444/", ""},
		{"below another path", "https://store.acme.example/evil", "https://store.acme.example/evil", ""},
		{"below a known path", "http://store.acme.example/a/b/", "http://store.acme.example/a/b/", "below"},
		{"a name that only begins so", "https://store.acme.example.evil.example/", "https://store.acme.example.evil.example/", ""},
		{"a name before a sign-in", "https://store.acme.example@evil.example/", "", ""},
		{"a script", "javascript://store.acme.example/%0aalert(1)", "", ""},
		{"a file", "file:///etc/passwd", "", ""},
		{"a path", "/admin/users", "", ""},
		{"no scheme", "//evil.example/", "", ""},
		{"no host", "https:///x", "", ""},
		{"a port alone", "https://:443/", "", ""},
		{"lines", "https://evil.example/\nrepository.acme.url=https://evil.example", "", ""},
		{"a line that goes on", `https://evil.example/\`, "https://evil.example/%5C", ""},
		{"the value of another key", "https://evil.example/${admin.token}", "https://evil.example/$%7Badmin.token%7D", ""},
		{"text that turns round", "https://evil.example/\u202emoc.emca", "https://evil.example/%E2%80%AEmoc.emca", ""},
		{"a question", "https://evil.example/?x=\u202e", "", ""},
		{"a place in it", "https://evil.example/#\u202e", "https://evil.example/", ""},
		{"too long", "https://evil.example/" + strings.Repeat("x", 300), "", ""},
	} {
		if store, repository := d.storeOf(c.address); store != c.store || repository != c.repository {
			t.Errorf("%s: %q of %q, want %q of %q", c.name, store, repository, c.store, c.repository)
		}
	}
}

func TestInstallLink(t *testing.T) {
	for _, c := range []struct{ name, query, want string }{
		{"an id", "id=org.a.A", "/admin/available/org.a.A"},
		{"with all that a store says", "id=org.a.A&version=2.9&store=https%3A%2F%2Fs.example%2F", "/admin/available/org.a.A?store=https%3A%2F%2Fs.example%2F&version=2.9"},
		{"what else it says goes", "id=org.a.A&next=%2F%2Fevil.example", "/admin/available/org.a.A"},
		{"a version without an end goes", "id=org.a.A&version=" + strings.Repeat("9", 301), "/admin/available/org.a.A"},
		{"an id that would leave", "id=..", ""},
		{"an id that would stay", "id=.", ""},
		{"a path", "id=..%2F..%2Fusers", ""},
		{"a zero", "id=a%00", ""},
		{"signs", "id=a%3Fb%23c%25", "/admin/available/a%3Fb%23c%25"},
		{"no id", "version=1", ""},
		{"too long an id", "id=" + strings.Repeat("x", 256), ""},
	} {
		query, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if got := InstallLink(query); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestWhoMayWhat: what the reader may not do is not offered; a page without a session has no
// forms.
func TestWhoMayWhat(t *testing.T) {
	for _, c := range []struct {
		name             string
		who              access.Identity
		install, operate bool
	}{{"an administrator", admin(), true, true}, {"who only looks", viewer(), false, false}, {"a program", program(), true, false}, {"a stranger", access.Identity{}, false, false}} {
		h := &house{t: t}
		if v := shown[Repositories](t, h.ask(c.who, "GET", RepositoriesPath, nil)); v.Install != c.install || v.Operate != c.operate {
			t.Errorf("%s may install: %v, operate: %v", c.name, v.Install, v.Operate)
		}
	}
}
