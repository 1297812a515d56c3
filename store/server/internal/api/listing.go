package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// show answers GET listings/{id} with the document that the index names.
func (a *API) show(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	document, ok := a.cfg.Catalogue.Current().Document(web.Var(r, "id"))
	if !ok {
		return noListing()
	}
	fresh(w)
	return writeObject(w, r, document)
}

// releases answers GET listings/{id}/releases.
func (a *API) releases(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	l, err := find(a.cfg.Catalogue.Current(), r)
	if err != nil {
		return err
	}
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, store.ReleaseList{Releases: list(l.Releases)})
}

// release answers GET listings/{id}/releases/{version}.
func (a *API) release(w http.ResponseWriter, r *http.Request) error {
	if _, err := web.Parameters(r); err != nil {
		return err
	}
	l, err := find(a.cfg.Catalogue.Current(), r)
	if err != nil {
		return err
	}
	rel, err := findRelease(l, r)
	if err != nil {
		return err
	}
	detail, err := a.cfg.Database.Detail(r.Context(), l.ID, rel.Version)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	fresh(w)
	return negotiate.WriteJSON(w, http.StatusOK, store.ReleaseDetail{Listing: l.ID, Release: *rel, Detail: detail})
}

// writeObject answers with a document of the index, or one that is kept like them: compressed,
// and its digest is its ETag.
func writeObject(w http.ResponseWriter, r *http.Request, o catalogue.Object) error {
	etag := quoted(o.Digest)
	head := w.Header()
	head.Add("Vary", "Accept-Encoding")
	zipped := negotiate.TakesGzip(r.Header)
	if zipped {
		etag = negotiate.Zipped(etag)
	}
	head.Set("Etag", etag)
	if negotiate.Has(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := o.Gzip
	if !zipped {
		reader, err := gzip.NewReader(bytes.NewReader(o.Gzip))
		if err != nil {
			return err
		}
		plain := bytes.NewBuffer(make([]byte, 0, o.Size))
		if _, err := io.Copy(plain, reader); err != nil { // ours: made by this store
			return err
		}
		body = plain.Bytes()
	} else {
		head.Set("Content-Encoding", "gzip")
	}
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // a client that is gone is not an error of ours
	return nil
}
