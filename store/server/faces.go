package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
	"github.com/jackfield-host/jackfield/store/server/internal/pages"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// newFaces is what answers beside the API: the face for Jameica, behind it the one for Jami,
// and behind that the pages.
func (s *Server) newFaces() (http.Handler, error) {
	people, err := pages.New(pages.Config{
		Catalogue: pages.Of(s.catalogue), Desk: submissions{s.database}, Detail: s.detail,
		Picture: func(ctx context.Context, digest string) (io.ReadSeekCloser, error) { return s.blobs.Open(ctx, digest) },
		Name:    s.keys.Store(), Base: s.cfg.BaseURL, Root: s.keys.RootPEM(), Jameica: s.archives.ChainPEM, Version: s.cfg.Version, Log: s.cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the pages: %w", err)
	}
	options := jami.Options{
		Prefix: "/jami", URL: s.base(), Downloaded: s.counter.Count, Next: whole(people),
		Failed: s.leftOut,
	}
	if list := s.jamiCRL; list != nil {
		options.CRL = func(context.Context) ([]byte, error) { return list, nil }
	}
	face := jami.New(jamiCatalogue{s}, options)
	s.ahead = append(s.ahead, face.Prepare)
	return s.jameica(face), nil
}

// detail is what is too much for the listing of a release.
func (s *Server) detail(ctx context.Context, id, version string) (pages.Detail, error) {
	kept, err := s.database.Detail(ctx, id, version)
	d := pages.Detail{Readme: kept.Readme, Changelog: kept.Changelog}
	for _, e := range kept.Evidence {
		d.Evidence = append(d.Evidence, pages.Evidence{Check: e.Check, Tool: e.Tool, Version: e.Version, Verdict: e.Verdict, Text: e.Text})
	}
	return d, err
}

// submissions are what the pages show to those who have a token.
type submissions struct{ database *database.Database }

func (d submissions) Visitor(ctx context.Context, token string) (pages.Visitor, error) {
	caller, err := web.CallerOf(ctx, d.database, token)
	if err == nil && !caller.May(web.See) {
		err = pages.ErrNotFound
	}
	return pages.Visitor{Name: caller.Name, Organization: caller.Organization}, err
}

func (d submissions) Submissions(ctx context.Context, v pages.Visitor, before int64, limit int) ([]store.Submission, error) {
	return d.database.Submissions(ctx, database.SubmissionFilter{Organization: v.Organization, Before: before, Limit: limit})
}

func (d submissions) Submission(ctx context.Context, v pages.Visitor, number int64) (store.Submission, error) {
	found, err := d.database.Submission(ctx, number)
	if errors.Is(err, database.ErrNotFound) || err == nil && v.Organization != "" && v.Organization != found.Organization {
		return store.Submission{}, pages.ErrNotFound
	}
	return found, err
}

type wholeKey struct{}

// remember keeps the path of r before the prefix of the store was taken off.
func remember(r *http.Request) *http.Request {
	u := *r.URL
	return r.WithContext(context.WithValue(r.Context(), wholeKey{}, &u))
}

// whole gives a handler the path as it came: the pages know their prefix themselves.
func whole(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, ok := r.Context().Value(wholeKey{}).(*url.URL); ok {
			r = r.Clone(r.Context())
			r.URL = u
		}
		handler.ServeHTTP(w, r)
	})
}

// jamiCatalogue is the catalogue as the Jami face reads it.
type jamiCatalogue struct{ store *Server }

func (c jamiCatalogue) Current() shelf.Snapshot { return shelfSnapshot{c.store.catalogue.Current()} }

func (c jamiCatalogue) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	return c.store.blobs.Open(ctx, digest)
}

// now is the time as the store keeps it: UTC, in whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
