package pages

import (
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/look"
	"github.com/jackfield-host/jackfield/store"
)

// readStatics are the files that every page needs, ready to be sent.
func (p *Pages) readStatics() (map[string]*rendered, error) {
	types := map[string]string{".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".ico": "image/x-icon"}
	statics := map[string]*rendered{}
	for _, name := range []string{"look.css", "jackfield.svg", "store.css", "favicon.ico"} {
		body, err := look.Files.ReadFile(name)
		if err != nil {
			body, err = staticFiles.ReadFile(path.Join("static", name))
		}
		if err != nil {
			return nil, fmt.Errorf("a file of the pages is missing: %w", err)
		}
		file := &rendered{status: http.StatusOK, media: types[path.Ext(name)], body: body}
		file.finish(&p.zips)
		statics[name] = file
	}
	return statics, nil
}

// staticPath is where a file is; another content is another address.
func (p *Pages) staticPath(name string) string {
	return p.prefix + "/static/" + strings.Trim(p.statics[name].etag, `"`) + "/" + name
}

func (p *Pages) static(w http.ResponseWriter, r *http.Request) {
	file, ok := p.statics[r.PathValue("name")]
	if !ok {
		p.missing(w, r)
		return
	}
	caching := "public, max-age=300" // of another version of the program
	if r.PathValue("version") == strings.Trim(file.etag, `"`) {
		caching = immutable
	}
	p.send(w, r, file, caching)
}

func (p *Pages) favicon(w http.ResponseWriter, r *http.Request) {
	p.send(w, r, p.statics["favicon.ico"], "public, max-age=86400")
}

// robots keeps programs to what is worth reading.
func (p *Pages) robots(w http.ResponseWriter, r *http.Request) {
	text := "User-agent: *\n"
	for _, below := range []string{"/api/", "/open/", "/submissions", "/?"} {
		text += "Disallow: " + p.prefix + below + "\n"
	}
	page := &rendered{status: http.StatusOK, media: "text/plain; charset=utf-8", body: []byte(text)}
	page.finish(&p.zips)
	p.send(w, r, page, "public, max-age=86400")
}

// picture serves a picture of a listing, and nothing else that is kept under a digest.
func (p *Pages) picture(w http.ResponseWriter, r *http.Request) {
	e, ok := p.cfg.Catalogue.Now().Listing(r.PathValue("id"))
	if !ok {
		p.missing(w, r)
		return
	}
	pictures := slices.Clone(e.Pictures.Screenshots)
	for _, one := range []*store.Picture{e.Pictures.Icon, e.Pictures.Background} {
		if one != nil {
			pictures = append(pictures, *one)
		}
	}
	at := slices.IndexFunc(pictures, func(one store.Picture) bool { return one.Digest == r.PathValue("digest") })
	if at < 0 || !canBeSeen(pictures[at]) {
		p.missing(w, r)
		return
	}
	body, err := p.cfg.Picture(r.Context(), pictures[at].Digest)
	if err != nil {
		p.cfg.Log.Error("a picture can not be read", "listing", e.ID, "digest", pictures[at].Digest, "error", err)
		p.missing(w, r)
		return
	}
	defer body.Close()
	head := w.Header()
	head.Set("Content-Type", pictures[at].Media)
	head.Set("ETag", `"`+pictures[at].Digest+`"`)
	head.Set("Cache-Control", immutable)
	http.ServeContent(w, r, "", time.Time{}, body)
}
