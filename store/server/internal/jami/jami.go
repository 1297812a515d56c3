// Package jami is the Jami face of a store: the routes that Jami Desktop asks, over the
// store's catalogue. docs/jami.md has the routes and the client's traps.
//
//	face := jami.New(catalogue, jami.Options{Prefix: "/jami", Next: pages})
//	http.ListenAndServe(address, face)
//
// Every route is there with the prefix and without. Whatever the face does not answer goes
// to Next. It lists .jpl archives for the platforms of Jami, and bundles for the platform
// "server", for which Jami never asks by itself.
//
// What is promised: an answer is made of one snapshot; a list of versions is never empty;
// nothing is said of which Jami would make something else; only bytes that the store keeps
// by their digest are served.
package jami

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
)

// Catalogue is what the face needs of a store. Its methods may be called by any goroutine.
type Catalogue interface {
	// Current returns the catalogue as it is now. It is never nil.
	Current() shelf.Snapshot
	// Open opens the bytes of that digest: a file of a release, or a picture.
	Open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
}

// Options say where the face is and what is beside it.
type Options struct {
	// Prefix is a path under which the routes are, too: "/jami". It may be empty.
	Prefix string
	// URL is the address of the store in front of the paths of pictures,
	// "https://store.example.org/jami"; empty makes them paths below Prefix.
	URL string
	// CRL returns the list of what the root has revoked, in DER; nil, or an answer of
	// nothing, is 404.
	CRL func(ctx context.Context) ([]byte, error)
	// Downloaded is told of every download that begins; nil for nobody.
	Downloaded func(id, version, platform string)
	// Next answers what is none of the face's routes: "/" without arch is the web page of
	// the store. nil answers 404.
	Next http.Handler
	// Failed is told of errors that are not the client's; nil for nobody.
	Failed func(err error)
}

// Face answers the requests of Jami Desktop. It is an http.Handler.
type Face struct {
	catalogue Catalogue
	options   Options
	base      string // in front of the paths of pictures
	shelves   map[store.Format]*shelf.Shelf[*row, *lists]
	archs     []arch // those for which there are lists
	blank     blanks
	zips      negotiate.Gzip
}

// New makes a Face.
func New(c Catalogue, o Options) *Face {
	if o.Next == nil {
		o.Next = http.NotFoundHandler()
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	f := &Face{catalogue: c, options: o, base: strings.TrimSuffix(o.URL, "/"), archs: listed(), blank: makeBlanks()}
	if f.base == "" {
		f.base = o.Prefix
	}
	f.shelves = map[store.Format]*shelf.Shelf[*row, *lists]{}
	for _, format := range []store.Format{store.FormatJami, store.FormatBundle} {
		f.shelves[format] = shelf.New(shelf.Config[*row, *lists]{Format: format, Each: f.rowOf, All: listsOf, Failed: o.Failed})
	}
	return f
}

// Prepare reads every archive's listing, so that the first who asks does not wait for it; of
// bundles, for which no Jami asks by itself, somebody has to ask. Its error is that ctx has
// ended.
func (f *Face) Prepare(ctx context.Context) error {
	return f.shelves[store.FormatJami].Prepare(ctx, f.catalogue.Current())
}

// errNone is the reason of an answer of 404.
var errNone = errors.New("there is none")

// ServeHTTP implements http.Handler.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve := f.route(r)
	if serve == nil {
		f.options.Next.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are answered here", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "public, max-age=5")
	err := serve(w, r)
	if err == nil {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, errNone) {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	if r.Context().Err() == nil {
		f.options.Failed(fmt.Errorf("answering %s: %w", r.URL.Path, err))
	}
	status := http.StatusInternalServerError
	if errors.Is(err, context.DeadlineExceeded) { // ours: the store has just started
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	http.Error(w, "the store can not answer now", status)
}

// serve answers a request, or returns why it does not; then nothing was written.
type serve func(w http.ResponseWriter, r *http.Request) error

// route returns what answers r, nil for none of the face. Jami appends paths to its base as
// text, so that a base which ends in a slash makes two of them.
func (f *Face) route(r *http.Request) serve {
	words := f.words(r.URL.EscapedPath())
	switch {
	case len(words) == 0 && r.URL.Query().Has("arch"):
		return f.list
	case len(words) == 2 && words[0] == "details":
		return withID(words[1], f.details)
	case len(words) == 2 && words[0] == "versions":
		return withID(words[1], f.versions)
	case len(words) == 2 && words[0] == "icons":
		return withID(words[1], f.icon)
	case len(words) == 2 && words[0] == "backgrounds":
		return withID(words[1], f.background)
	case len(words) == 3 && words[0] == "download":
		return func(w http.ResponseWriter, r *http.Request) error { return f.download(w, r, words[1], words[2]) }
	case len(words) == 2 && words[0] == "crl" && words[1] == "root":
		return f.crl
	}
	return nil
}

// words are the parts of a path behind the prefix, unescaped one by one: an id is one part,
// whatever is in it.
func (f *Face) words(escaped string) []string {
	split := func(path string) []string {
		return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	}
	words, prefix := split(escaped), split(f.options.Prefix)
	if len(words) >= len(prefix) && slices.Equal(words[:len(prefix)], prefix) {
		words = words[len(prefix):]
	}
	for i, word := range words {
		plain, err := url.PathUnescape(word)
		if err != nil {
			return []string{escaped} // no route has it
		}
		words[i] = plain
	}
	return words
}

func withID(id string, answer func(w http.ResponseWriter, r *http.Request, id string) error) serve {
	return func(w http.ResponseWriter, r *http.Request) error { return answer(w, r, id) }
}

// offered returns what the store offers of an id on a platform of Jami's. The error is
// errNone where it is nothing.
func (f *Face) offered(id, name string) (offer, error) {
	l, ok := f.catalogue.Current().Listing(store.FoldID(id))
	if !ok || l.ID != id {
		return offer{}, fmt.Errorf("no extension %.100q: %w", id, errNone)
	}
	o, ok := offerOf(l, archOf(name))
	if !ok {
		return offer{}, fmt.Errorf("nothing of %s for %.100q: %w", id, name, errNone)
	}
	return o, nil
}

// crl answers /crl/root, the address that stands in Jami's root.
func (f *Face) crl(w http.ResponseWriter, r *http.Request) error {
	var list []byte
	if f.options.CRL != nil {
		var err error
		if list, err = f.options.CRL(r.Context()); err != nil {
			return err
		}
	}
	if len(list) == 0 {
		return fmt.Errorf("no list of what is revoked: %w", errNone)
	}
	f.write(w, r, "application/pkix-crl", f.prepare(list))
	return nil
}
