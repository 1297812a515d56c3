package admin

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
)

// frame is what every page shows around its content.
type frame struct {
	Title    string
	Version  string
	SignedIn bool
}

// templateFuncs are the words of the templates. text and dotted are how a string
// from outside reaches a page; html/template escapes what they return.
func templateFuncs() template.FuncMap {
	return template.FuncMap{
		"text":   func(s string) string { return visible.Clip(s, maxText) },
		"line":   line,
		"dotted": dotted,
	}
}

const (
	maxText = 2000 // characters of a message
	maxLine = 500  // characters of a line of stderr
	maxName = 260  // characters of an id or a type
)

// line is one line of what a process has said. Stack traces are indented by tabs.
func line(s string) string {
	return visible.Clip(strings.ReplaceAll(s[:min(len(s), 4*maxLine)], "\t", "    "), maxLine)
}

// dotted cuts a name behind its dots, where a narrow page may break it.
func dotted(s string) []string {
	return strings.SplitAfter(visible.Clip(s, maxName), ".")
}

func (h *handler) extensionsPage(w http.ResponseWriter, r *http.Request) error {
	now := h.now()
	rows := h.cfg.Host.Snapshot()
	return h.render(w, http.StatusOK, "extensions.html", struct {
		frame
		Rows       []row
		Summary    string
		DropFolder string
		Proof      string // for forms; "" for none
	}{
		frame:   frame{Title: "Extensions", Version: h.cfg.Version, SignedIn: true},
		Rows:    rowsOf(rows, now),
		Summary: summary(rows), DropFolder: h.cfg.DropFolder, Proof: h.formProof(r),
	})
}

func (h *handler) signInPage(w http.ResponseWriter, status int, complaint string) error {
	// A path of this machine is nobody's business elsewhere.
	file := "conf/admin.token in the home folder of the host"
	if h.loopback && h.cfg.TokenFile != "" {
		file = h.cfg.TokenFile
	}
	return h.render(w, status, "sign-in.html", struct {
		frame
		Complaint string
		TokenFile string
	}{frame{Title: "Sign in", Version: ""}, complaint, file})
}

func (h *handler) missingPage(_ http.ResponseWriter, r *http.Request) error {
	return problem(http.StatusNotFound, "not_found", "there is no page at "+visible.Clip(r.URL.Path, 100))
}

// errorPage is the one page for everything that went wrong.
func (h *handler) errorPage(w http.ResponseWriter, r *http.Request, err error) {
	p := h.asProblem(r, err)
	err = h.render(w, p.Status, "error.html", struct {
		frame
		Problem *Problem
	}{frame{Title: p.Title, SignedIn: h.signedIn(r)}, p})
	if err != nil {
		h.writeProblem(w, r, err)
	}
}

// render executes a template completely before the first byte is sent.
func (h *handler) render(w http.ResponseWriter, status int, name string, data any) error {
	var b bytes.Buffer
	if err := h.templates.ExecuteTemplate(&b, name, data); err != nil {
		return fmt.Errorf("rendering %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	h.send(w, b.Bytes())
	return nil
}

// static serves the files of the page, no folders.
func (h *handler) static(w http.ResponseWriter, r *http.Request) error {
	name := path.Join("static", strings.TrimPrefix(r.URL.Path, "/admin/static/"))
	body, err := fs.ReadFile(staticFiles, name)
	if err != nil {
		return h.missingPage(w, r)
	}
	types := map[string]string{
		".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	}
	w.Header().Set("Content-Type", types[path.Ext(name)])
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	return nil
}
