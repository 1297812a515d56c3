package pages

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// request is what a page is made for.
type request struct {
	*http.Request
	who reader
	now View
}

// maker makes one page. Its errors are *httpError, or mistakes of ours.
type maker func(request) (view, error)

// httpError is an answer other than the page that was asked for.
type httpError struct {
	status int
	to     string // where the page is, for 301
}

func (e *httpError) Error() string { return http.StatusText(e.status) }

func notFound() error { return &httpError{status: http.StatusNotFound} }

const (
	// pageAge is how long others may keep a page, in seconds: a revocation has to be seen.
	pageAge = "30"
	// immutable is said of what is named by its digest.
	immutable = "public, max-age=31536000, immutable"
	// makingTime bounds how long a page is made for somebody who waits, in seconds.
	makingTime = 10
)

// guard is what every request passes first.
func (p *Pages) guard(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection()
	protected.SetDenyHandler(p.refused(http.StatusForbidden))
	inner := protected.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		inner.ServeHTTP(w, r)
	})
}

// page serves pages that are the same for everybody who reads the same language, as long
// as the catalogue is the same. queries are the names of those that it reads; searches are
// made anew, or somebody who searches for everything would push the others out.
func (p *Pages) page(make maker, queries ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		asked := request{r, readerOf(r), p.cfg.Catalogue.Now()}
		query := r.URL.Query()
		key := []string{string(asked.who.language), strings.Join(asked.who.wanted, ","), asked.who.chosen, r.URL.EscapedPath()}
		for _, name := range queries {
			key = append(key, query.Get(name))
		}
		one := strings.Join(key, "\x00")
		if query.Get("q") != "" || len(one) > 4096 {
			p.send(w, r, p.render(asked, make), "public, max-age="+pageAge)
			return
		}
		page := p.kept.get(one, asked.now.Sequence(), p.cfg.Now())
		if page == nil {
			// Those who ask for the same at the same time wait for the first, whose going away
			// must not end it for the others.
			made, _, _ := p.making.Do(strconv.FormatInt(asked.now.Sequence(), 10)+"\x00"+one, func() (any, error) {
				asked.Request = r.WithContext(context.WithoutCancel(r.Context()))
				page := p.render(asked, make)
				if page.status == http.StatusOK {
					p.kept.put(one, page)
				}
				return page, nil
			})
			page = made.(*rendered)
		}
		p.send(w, r, page, "public, max-age="+pageAge)
	}
}

// fresh serves pages that are not the same for everybody.
func (p *Pages) fresh(make maker) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p.send(w, r, p.render(request{r, readerOf(r), p.cfg.Catalogue.Now()}, make), "private, no-store")
	}
}

// missing answers what nobody else does.
func (p *Pages) missing(w http.ResponseWriter, r *http.Request) {
	status := http.StatusNotFound
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusMethodNotAllowed
		w.Header().Set("Allow", "GET, HEAD")
	}
	p.refused(status)(w, r)
}

// refused answers with the page about a status.
func (p *Pages) refused(status int) http.HandlerFunc {
	return p.fresh(func(request) (view, error) { return view{}, &httpError{status: status} })
}

// moved leads to another path of the store.
func (p *Pages) moved(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.prefix+path, http.StatusMovedPermanently)
	}
}

// render makes a page, or the one that says why there is none.
func (p *Pages) render(asked request, make maker) *rendered {
	ctx, cancel := context.WithTimeout(asked.Context(), makingTime*1e9)
	defer cancel()
	asked.Request = asked.WithContext(ctx)
	v, err := make(asked)
	page := (*rendered)(nil)
	if err == nil {
		page, err = p.execute(asked, v)
	}
	if err == nil {
		return page
	}
	other, ok := errors.AsType[*httpError](err)
	if !ok {
		if !errors.Is(err, context.Canceled) {
			p.cfg.Log.Error("a page could not be made", "path", asked.URL.Path, "error", err)
		}
		other = &httpError{status: http.StatusInternalServerError}
	}
	if other.status == http.StatusMovedPermanently {
		return &rendered{status: other.status, media: other.to}
	}
	said := p.languages[asked.who.language].words
	code := strconv.Itoa(other.status)
	page, err = p.execute(asked, view{
		Template: "error.html", Status: other.status, Title: said.Say("error." + code), NoIndex: true, Data: said.Say("error.next." + code),
	})
	if err != nil {
		p.cfg.Log.Error("the page about an error could not be made", "error", err)
		return &rendered{status: http.StatusInternalServerError, media: "text/plain; charset=utf-8", body: []byte(said.Say("error.500"))}
	}
	return page
}

// execute renders a view, completely.
func (p *Pages) execute(asked request, v view) (*rendered, error) {
	page := &rendered{
		status: cmp.Or(v.Status, http.StatusOK), media: cmp.Or(v.Media, "text/html; charset=utf-8"),
		language: string(asked.who.language), sequence: asked.now.Sequence(), made: p.cfg.Now(),
	}
	if v.Body != nil {
		page.body = v.Body
	} else {
		var b bytes.Buffer
		if err := p.languages[asked.who.language].templates.ExecuteTemplate(&b, v.Template, p.frame(asked, v)); err != nil {
			return nil, err
		}
		page.body = b.Bytes()
	}
	page.finish(&p.zips)
	return page, nil
}

// finish makes what is made of the body.
func (p *rendered) finish(zips *negotiate.Gzip) {
	p.etag = negotiate.ETag(p.body)
	if len(p.body) >= negotiate.WorthIt {
		p.gzip, _ = zips.Bytes(p.body) // a buffer takes everything
	}
}

// send sends a page in the form that the client takes, or says that it has it.
func (p *Pages) send(w http.ResponseWriter, r *http.Request, page *rendered, caching string) {
	if page.status == http.StatusMovedPermanently {
		http.Redirect(w, r, page.media, page.status)
		return
	}
	head := w.Header()
	if page.status != http.StatusOK && page.status != http.StatusNotFound {
		caching = "no-store"
	}
	head.Set("Cache-Control", caching)
	head.Set("Vary", "Accept-Language, Accept-Encoding")
	body, etag := page.body, page.etag
	if page.gzip != nil && negotiate.TakesGzip(r.Header) {
		body, etag = page.gzip, negotiate.Zipped(page.etag)
		head.Set("Content-Encoding", "gzip")
	}
	if page.status == http.StatusOK && etag != "" {
		head.Set("ETag", etag)
		if negotiate.Has(r.Header["If-None-Match"], etag) {
			head.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	if page.status == http.StatusUnauthorized {
		head.Set("WWW-Authenticate", `Basic realm="submissions", charset="UTF-8"`)
	}
	head.Set("Content-Type", page.media)
	if page.language != "" {
		head.Set("Content-Language", page.language)
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(page.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // whoever went away does not mind
	}
}

// path is an address below the store's, each segment escaped, in the language that the
// reader has chosen in the address.
func (p *Pages) path(who reader, segments ...string) string {
	var b strings.Builder
	b.WriteString(p.prefix)
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(segment(s))
	}
	if len(segments) == 0 {
		b.WriteByte('/')
	}
	if who.chosen != "" {
		b.WriteString("?lang=" + url.QueryEscape(who.chosen))
	}
	return b.String()
}

// segment is s as one segment of a path. One that is only dots would lead up.
func segment(s string) string {
	if strings.Trim(s, ".") == "" {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	return url.PathEscape(s)
}
