// Package jami is the Jami face of a store: the routes that Jami Desktop asks, over the
// store's catalogue. docs/jami.md has the routes and the client's traps.
//
//	face := jami.New(catalogue, jami.Options{Prefix: "/jami", Next: pages})
//	http.ListenAndServe(address, face)
//
// Every route is there with the prefix and without. Whatever the face does not answer goes
// to Next. It lists .jpl archives for the platforms of Jami, and bundles for the platform
// "server", for which Jami never asks by itself.
package jami

import (
	"context"
	"io"
	"net/http"

	"github.com/jackfield-host/jackfield/store"
)

// Catalogue is what the face needs of a store. Its methods may be called by any goroutine.
// What it gives is shared: the face does not change it.
type Catalogue interface {
	// Sequence counts changes of the catalogue: as long as it stays the same, so does
	// what Listings returns.
	Sequence() int64
	// Listings returns every listing of a format, in any order.
	Listings(ctx context.Context, format store.Format) ([]*store.Listing, error)
	// Listing returns one, of any format, by its id as written. The error is or wraps
	// fs.ErrNotExist when there is none.
	Listing(ctx context.Context, id string) (*store.Listing, error)
	// Open opens the bytes of that digest: a file of a release, or a picture. The error is
	// or wraps fs.ErrNotExist when there are none.
	Open(ctx context.Context, digest string) (io.ReadSeekCloser, error)
}

// Options say where the face is and what is beside it.
type Options struct {
	// Prefix is a path under which the routes are, too: "/jami". It may be empty.
	Prefix string
	// URL is the address of the store in front of the addresses of pictures,
	// "https://store.example.org"; empty makes them paths.
	URL string
	// CRL returns the list of what the root has revoked, in DER; nil, or an answer of
	// nothing, is 404.
	CRL func(ctx context.Context) ([]byte, error)
	// Downloaded is told of every download of a whole file; nil for nobody.
	Downloaded func(id, version, platform string)
	// Next answers what is none of the face's routes: "/" without arch is the web page of
	// the store. nil answers 404.
	Next http.Handler
	// Failed is told of errors that a client was told of with status 500; nil for nobody.
	Failed func(r *http.Request, err error)
}

// Face answers the requests of Jami Desktop.
type Face struct {
	catalogue Catalogue
	options   Options
}

// New makes a Face.
func New(c Catalogue, o Options) *Face { return &Face{catalogue: c, options: o} }

// ServeHTTP implements http.Handler.
func (f *Face) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
