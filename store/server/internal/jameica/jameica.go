// Package jameica is the Jameica face of a store: what an unmodified Jameica asks of a
// repository, over the store's catalogue. docs/jameica.md has the routes, the client's traps
// and who signs what.
//
//	face := jameica.New(catalogue, keys, jameica.Options{Name: "store.example", Base: "https://store.example", Next: others})
//
// Whatever is not below /jameica goes to Next; whatever is below it, and is not there, is
// 404: for the client a 200 of a missing signature is a signature.
//
// What is promised: an answer is made of one snapshot; every document is one that both
// generations of the client read; a plugin.xml is the one in its ZIP, but for the address;
// no answer leads elsewhere, each has its length, and is compressed for those alone who ask.
package jameica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
)

// Catalogue is what the face needs of a store. Its methods may be called by any goroutine.
type Catalogue interface {
	// Current returns the catalogue as it is now. It is never nil.
	Current() shelf.Snapshot
	// Open opens the bytes of that digest.
	Open(ctx context.Context, digest string) (File, error)
}

// File is an open ZIP.
type File interface {
	io.ReadSeekCloser
	io.ReaderAt
	Size() int64
}

// Signer signs ZIPs.
type Signer interface {
	// Sign returns the .sha1 of a ZIP.
	Sign(ctx context.Context, zip io.Reader) ([]byte, error)
	// ChainPEM returns the certificate for it, and what is behind it. Its error is ErrKeyDiffers
	// as long as this replica is not to sign.
	ChainPEM(ctx context.Context) ([]byte, error)
	// Differs reports whether ErrKeyDiffers was the last answer.
	Differs() bool
}

// CodeKeyDiffers is the code of ErrKeyDiffers.
const CodeKeyDiffers = "jameica_key_differs"

// ErrKeyDiffers says that other replicas of the store sign by another key, and that this one
// signs nothing: its signatures would not be those that users have confirmed. Nor does it
// answer anything else then: a Jameica that can not have a signature asks its user, or goes on
// without one.
var ErrKeyDiffers = errors.New(CodeKeyDiffers)

// Options say where the face is and what is beside it.
type Options struct {
	// Name is what the repository is called.
	Name string
	// Base is the address of the store, absolute, without a slash at its end.
	Base string
	// Downloaded is told of every download that begins; nil for nobody.
	Downloaded func(id, version, platform string)
	// Next answers what is not below /jameica; nil answers 404.
	Next http.Handler
	// Failed is told of errors that are not the client's; nil for nobody.
	Failed func(err error)
}

// Face answers the requests of Jameica. It is an http.Handler.
type Face struct {
	catalogue Catalogue
	signer    Signer
	options   Options
	shelf     *shelf.Shelf[row, repositories]
	documents *shelf.Cache
	sums      *shelf.Cache // signatures
	zips      negotiate.Gzip
}

// prefix is where the face is below the store.
const prefix = "/jameica"

// certificateName is where the certificate of the groups is below prefix.
const certificateName = "certificate.pem"

// New makes a Face.
func New(c Catalogue, s Signer, o Options) *Face {
	if o.Next == nil {
		o.Next = http.NotFoundHandler()
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	f := &Face{catalogue: c, signer: s, options: o, documents: shelf.NewCache(maxDocuments), sums: shelf.NewCache(maxSums)}
	f.shelf = shelf.New(shelf.Config[row, repositories]{Format: store.FormatJameica, Each: rowOf, All: f.repositories, Failed: o.Failed})
	return f
}

// Prepare reads every ZIP's listing, so that the first who asks does not wait for it. Its error
// is that ctx has ended, or why the repository can not be written.
func (f *Face) Prepare(ctx context.Context) error {
	return f.shelf.Prepare(ctx, f.catalogue.Current())
}

// errNone is the reason of an answer of 404.
var errNone = errors.New("there is none")

// ServeHTTP implements http.Handler.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if path != prefix && !strings.HasPrefix(path, prefix+"/") {
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
	err := f.answer(w, r, strings.Split(strings.TrimPrefix(path, prefix+"/"), "/"))
	if err == nil {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if errors.Is(err, errNone) {
		http.Error(w, "there is nothing here; a repository begins at "+prefix+"/repository.xml", http.StatusNotFound)
		return
	}
	if errors.Is(err, ErrKeyDiffers) { // who signs has told of it
		unavailable(w, CodeKeyDiffers+": this server of the store has nothing for Jameica: its administrator has to give it the key of the others")
		return
	}
	if r.Context().Err() == nil {
		f.options.Failed(fmt.Errorf("answering %s: %w", r.URL.Path, err))
	}
	if errors.Is(err, context.DeadlineExceeded) { // ours: the store has just started
		unavailable(w, "the store has just started: ask again")
		return
	}
	http.Error(w, "the store can not answer now", http.StatusInternalServerError)
}

// unavailable is an answer that says nothing for good: for a client it is neither a signature
// nor that there is none.
func unavailable(w http.ResponseWriter, text string) {
	w.Header().Set("Retry-After", "5")
	http.Error(w, text, http.StatusServiceUnavailable)
}

// answer answers a request for the words of a path, or returns why it does not; then nothing
// was written.
func (f *Face) answer(w http.ResponseWriter, r *http.Request, words []string) error {
	if f.signer.Differs() {
		if _, err := f.signer.ChainPEM(r.Context()); err != nil {
			return err
		}
	}
	switch {
	case len(words) == 1 && words[0] == "repository.xml", len(words) == 2 && words[0] == "beta" && words[1] == "repository.xml":
		both, err := f.shelf.Get(r.Context(), f.catalogue.Current())
		if err != nil {
			return err
		}
		if len(words) == 2 {
			return f.write(w, r, "application/xml", both.beta)
		}
		return f.write(w, r, "application/xml", both.stable)
	case len(words) == 1 && words[0] == certificateName:
		body, err := f.signer.ChainPEM(r.Context())
		if err != nil {
			return err
		}
		return f.write(w, r, "application/x-pem-file", body)
	case len(words) != 3:
		return errNone
	}
	o, err := f.offered(words[0], words[1])
	if err != nil {
		return err
	}
	switch words[2] {
	case "plugin.xml":
		body, err := f.document(r.Context(), o)
		if err != nil {
			return err
		}
		return f.write(w, r, "application/xml", body)
	case o.name():
		return f.download(w, r, o)
	case o.name() + ".sha1":
		body, err := f.signature(r.Context(), o.file.Digest)
		if err != nil {
			return err
		}
		return f.writeBytes(w, r, body)
	}
	return errNone
}

// offer is one release of the catalogue.
type offer struct {
	id      string
	release *store.Release
	file    *store.File
}

// name is that of the ZIP. Neither id nor version needs an escape in an address.
func (o offer) name() string { return o.id + "-" + o.release.Version + ".zip" }

// offered finds a release by the words of a path. The error is errNone where there is none,
// or nobody is to begin with it any more.
func (f *Face) offered(id, version string) (offer, error) {
	id, idErr := url.PathUnescape(id)
	version, versionErr := url.PathUnescape(version)
	l, ok := f.catalogue.Current().Listing(store.FoldID(id))
	if idErr != nil || versionErr != nil || !ok || l.ID != id || l.Format != store.FormatJameica || jameica.CheckName(id) != nil {
		return offer{}, errNone
	}
	for i := range l.Releases {
		if r := &l.Releases[i]; r.Version == version && served(r) {
			return offer{id, r, &r.Files[0]}, nil
		}
	}
	return offer{}, errNone
}

// download answers with the ZIP.
func (f *Face) download(w http.ResponseWriter, r *http.Request, o offer) error {
	blob, err := f.catalogue.Open(r.Context(), o.file.Digest)
	if err != nil {
		return err
	}
	defer blob.Close()
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": o.name()}))
	h.Set("ETag", strconv.Quote(o.file.Digest))
	if r.Method == http.MethodGet && r.Header.Get("Range") == "" && !negotiate.Has(r.Header["If-None-Match"], h.Get("ETag")) && f.options.Downloaded != nil {
		f.options.Downloaded(o.id, o.release.Version, o.file.Platforms[0])
	}
	http.ServeContent(w, r, "", time.Time{}, blob)
	return nil
}

// write answers with a text: compressed for those who ask for it, and not again for those who
// have it.
func (f *Face) write(w http.ResponseWriter, r *http.Request, media string, body []byte) error {
	return negotiate.WriteText(negotiate.Reply(w, r, &f.zips), media, body)
}

// writeBytes answers with bytes that do not compress.
func (f *Face) writeBytes(w http.ResponseWriter, r *http.Request, body []byte) error {
	w.Header().Set("ETag", negotiate.ETag(body))
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(body)))
	return nil
}
