package page

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/stores"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/internal/language"
)

// view is one page. Its template shows {{template "top" .}}, what is its own, and
// {{template "bottom" .}}; within, $ is the frame, and .Data what the view brings.
type view struct {
	// Template is the file, without folder.
	Template string
	// Status is that of the answer, 0 for 200.
	Status int
	// Title is the page's own, in the language of the reader.
	Title string
	// Section is the entry of the navigation to which the page belongs.
	Section section
	// Trail leads from the section to the page; the page itself is not in it.
	Trail []crumb
	// Scripts are files below static, beside frame.js.
	Scripts []string
	// Refresh is after how many seconds a browser without scripts loads the page again,
	// 0 for never.
	Refresh int
	// Onward leads on at once, with scripts and without.
	Onward string
	// Narrow sets a page of a few lines into the middle.
	Narrow bool
	Data   any
}

// crumb is a step of the trail.
type crumb struct{ Title, Path string }

// section is an entry of the navigation.
type section string

// The sections.
const (
	sectionNone       section = ""
	sectionExtensions section = "extensions"
	sectionAvailable  section = "available"
	sectionUpdates    section = "updates"
	sectionInstall    section = "install"
	sectionAudit      section = "audit"
	sectionUsers      section = "users"
	sectionSettings   section = "settings"
	sectionAbout      section = "about"
)

// sections are those that a person may open, in order, with what each needs.
func sections() []struct {
	section
	Path  string
	Right access.Right
} {
	return []struct {
		section
		Path  string
		Right access.Right
	}{
		{sectionExtensions, "/admin/", access.See},
		{sectionAvailable, stores.AvailablePath, access.See},
		{sectionUpdates, stores.UpdatesPath, access.See},
		{sectionInstall, "/admin/install", access.Install},
		{sectionAudit, "/admin/audit", access.See},
		{sectionUsers, "/admin/users", access.Administer},
		{sectionSettings, "/admin/settings", access.Administer},
		{sectionAbout, "/admin/about", access.See},
	}
}

// frame is a view with what is around it.
type frame struct {
	view
	Language words.Language
	// Theme is light or dark, empty for that of the system.
	Theme string
	Who   access.Identity
	// Proof is what the forms of this page carry; without one a page shows no forms.
	Proof      string
	Navigation []entry
	Notice     *notice
	// Here is where a form that changes no place leads back to.
	Here       string
	Version    string
	DropFolder string
}

// entry is one link of the navigation.
type entry struct {
	Key, Path string
	Current   bool
}

func (f *frame) Languages() []words.Language { return language.Languages() }

// Themes are the values of the switch.
func (f *frame) Themes() []string { return []string{"system", "light", "dark"} }

// Chosen reports whether theme is the one that holds.
func (f *frame) Chosen(theme string) bool {
	return theme == f.Theme || theme == "system" && f.Theme == ""
}

// words are those in which r is answered.
func (p *Pages) words(r *http.Request) *words.Words {
	return p.languages[language.Negotiate(preference(r, languageCookie), r.Header.Get("Accept-Language"))].words
}

// show answers with a page, which is rendered completely before the first byte is sent.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, v view) error {
	said := p.words(r)
	who := access.Of(r.Context())
	v.Title = text(v.Title) // it may be that of an extension
	f := &frame{view: v, Language: said.Language(), Who: who, Proof: who.Proof, Here: here(r)}
	if theme := preference(r, themeCookie); theme == "light" || theme == "dark" {
		f.Theme = theme
	}
	if who.Known() {
		f.Version, f.DropFolder = p.cfg.Version, p.cfg.DropFolder
		f.Notice = takeNotice(w, r, said)
		for _, s := range sections() {
			if who.May(s.Right, "") {
				f.Navigation = append(f.Navigation, entry{"nav." + string(s.section), s.Path, s.section == v.Section})
			}
		}
	}
	body, err := p.execute(said.Language(), v.Template, f)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Language", string(said.Language()))
	return web.Write(w, cmp.Or(v.Status, http.StatusOK), "text/html; charset=utf-8", body)
}

// execute renders one template in one language.
func (p *Pages) execute(l words.Language, name string, data any) ([]byte, error) {
	var b bytes.Buffer
	if err := p.languages[l].templates.ExecuteTemplate(&b, name, data); err != nil {
		return nil, fmt.Errorf("rendering %s: %w", name, err)
	}
	return b.Bytes(), nil
}

// spoken is the page in one language: the words, and the templates that say them.
type spoken struct {
	words     *words.Words
	templates *template.Template
}

// here is the address of a page that was asked for, and the overview for a form that
// was sent.
func here(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || r.URL.Path == access.OpenIDCallback {
		return "/admin/"
	}
	return local(r.URL.RequestURI())
}

// local returns path if it is one of the page, and the overview otherwise: what a form
// names leads nowhere else.
func local(path string) string {
	u, err := url.Parse(path)
	if err != nil || len(path) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/admin/") ||
		strings.ContainsAny(path, "\\\r\n\t") || slices.Contains(strings.Split(u.Path, "/"), "..") {
		return "/admin/"
	}
	return path
}

// keyOf is an id as it stands in attributes and forms, whatever is in it.
func keyOf(id string) string { return url.PathEscape(id) }

// pathOf is the page of an extension, with the rest of the path below it.
func pathOf(id string, below ...string) string {
	return "/admin/extensions/" + strings.Join(append([]string{keyOf(id)}, below...), "/")
}
