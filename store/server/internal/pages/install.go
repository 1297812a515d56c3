package pages

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

// fewFiles is how many files have a button; the page of the version has all.
const fewFiles = 12

// installation is how a release gets to where it runs.
type installation struct {
	Format  store.Format
	Name    string
	Command string // of the shell, empty where there is none
	Address string // to be given to the client, empty where there is none
	Open    string // page that leads to the reader's host
	About   string // page that says how a host gets to know this store
	Files   []file
}

func (p *Pages) installationOf(who reader, e Entry, r *store.Release, newest bool) *installation {
	text, _ := who.textFor(e.Listing)
	i := &installation{Format: e.Format, Name: nameOf(e.Listing, text), About: p.path(who, "about")}
	for _, f := range r.Files[:min(len(r.Files), fewFiles)] {
		i.Files = append(i.Files, file{f, p.download(e.ID, r, f)})
	}
	switch e.Format {
	case store.FormatBundle:
		i.Command, i.Open = command(e.ID, r.Version, newest), p.path(who, "open", e.ID)
		if !newest {
			i.Open = withQuery(i.Open, "version", r.Version)
		}
	case store.FormatJameica:
		i.Address = p.address("/jameica/")
	}
	return i
}

// command is what installs a release. Ids and versions of bundles are made of letters,
// digits and few marks (docs/bundle.md); what is not is put into quotes for a shell.
func command(id, version string, newest bool) string {
	what := id
	if !newest {
		what += "@" + version
	}
	if strings.Trim(what, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@") != "" {
		what = "'" + strings.ReplaceAll(visible.Text(what), "'", `'\''`) + "'"
	}
	return "jackfield ext install " + what
}

// address is an address of the store from outside.
func (p *Pages) address(path string) string {
	base := *p.cfg.Base
	base.Path, base.RawPath, base.RawQuery, base.Fragment = p.prefix+path, "", "", ""
	return base.String()
}

const (
	// hostCookie is where a browser keeps the address of its reader's host: for the pages
	// below /open alone, and for no script.
	hostCookie     = "jackfield_host"
	hostCookieLife = 400 * 24 * 60 * 60 // seconds
	maxHost        = 300                // bytes of an address
)

type openPage struct {
	ID, Name string
	Listing  string // its page
	Version  string // empty for the newest
	Host     string // address of the reader's host, empty if it is not known
	Href     string // where it installs
	Action   string // of the form
	Wrong    string // key of what is wrong with what was given, empty for nothing
	Given    string
	Command  string
}

// open leads to the host of the reader. It never leads on by itself: the reader sees where
// the link goes.
func (p *Pages) open(asked request) (view, error) {
	host := ""
	if c, err := asked.Cookie(hostCookie); err == nil {
		if u, wrong := hostAddress(c.Value); wrong == "" {
			host = u
		}
	}
	return p.openPage(asked, host, "", "")
}

func (p *Pages) openPage(asked request, host, given, wrong string) (view, error) {
	id := asked.PathValue("id")
	e, ok := asked.now.Listing(id)
	if !ok || e.Format != store.FormatBundle || e.Release < 0 {
		return view{}, notFound()
	}
	text, _ := asked.who.textFor(e.Listing)
	d := openPage{
		ID: e.ID, Name: nameOf(e.Listing, text), Listing: p.path(asked.who, "extensions", e.ID), Host: host,
		Action: p.path(asked.who, "open", e.ID), Wrong: wrong, Given: given,
	}
	for _, r := range e.Releases {
		if r.Version == asked.URL.Query().Get("version") && offered(&r) {
			d.Version = r.Version
			d.Action = withQuery(d.Action, "version", r.Version)
		}
	}
	d.Command = command(e.ID, d.Version, d.Version == "")
	if host != "" {
		query := url.Values{"id": {e.ID}, "store": {p.address("/")}}
		if d.Version != "" {
			query.Set("version", d.Version)
		}
		d.Href = host + "/admin/install?" + query.Encode()
	}
	said := p.languages[asked.who.language].words
	status := 0
	if wrong != "" {
		status = http.StatusUnprocessableEntity
	}
	return view{
		Template: "open.html", Status: status, Title: said.Say("open.title", d.Name), Section: "extensions", NoIndex: true,
		Trail: append(p.trail(asked.who), link{d.Name, d.Listing}), Data: d,
	}, nil
}

// remember takes the form with the address of a host. Only a page of this store can send
// it: another could lead the reader to a host of its own.
func (p *Pages) remember(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	asked := request{r, readerOf(r), p.cfg.Catalogue.Now()}
	given, forget := strings.TrimSpace(r.PostFormValue("host")), r.PostFormValue("forget") != ""
	cookie := &http.Cookie{
		Name: hostCookie, Path: p.prefix + "/open/", MaxAge: hostCookieLife, HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: p.cfg.Base.Scheme == "https",
	}
	if forget {
		cookie.MaxAge = -1
	} else {
		host, wrong := hostAddress(given)
		if wrong != "" {
			p.send(w, r, p.render(asked, func(asked request) (view, error) { return p.openPage(asked, "", given, wrong) }), "private, no-store")
			return
		}
		cookie.Value = host
	}
	http.SetCookie(w, cookie)
	to := p.path(asked.who, "open", r.PathValue("id"))
	if version := r.URL.Query().Get("version"); version != "" {
		to = withQuery(to, "version", version)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// hostAddress is the origin of a host that somebody has given, or the key of what is wrong
// with it. Without TLS it is only accepted where nobody is on the way.
func hostAddress(given string) (origin, wrong string) {
	if !strings.Contains(given, "://") {
		given = "https://" + given
	}
	u, err := url.Parse(given)
	if err != nil || len(given) > maxHost || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsFunc(u.Host, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]", r)
		}) {
		return "", "open.invalid"
	}
	if u.Scheme == "http" && !loopback(u.Hostname()) {
		return "", "open.plain"
	}
	return u.Scheme + "://" + strings.ToLower(u.Host), ""
}

func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.Unmap().IsLoopback()
}
