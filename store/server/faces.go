package server

import (
	"context"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
)

// newFaces is what answers beside the API: the Jami face, and behind it whoever answers
// the rest.
func (s *Server) newFaces() http.Handler {
	return jami.New(jamiCatalogue{s}, jami.Options{
		Prefix: "/jami", URL: strings.TrimSuffix(s.cfg.BaseURL.String(), "/"), Downloaded: s.counter.Count,
		Failed: func(r *http.Request, err error) {
			s.cfg.Log.Error("answering a request of a face", "method", r.Method, "path", r.URL.Path, "error", err)
		},
	})
}

// jamiCatalogue is the catalogue as the Jami face reads it.
type jamiCatalogue struct{ store *Server }

func (c jamiCatalogue) Current() jami.Snapshot { return jamiSnapshot{c.store.catalogue.Current()} }

func (c jamiCatalogue) Open(ctx context.Context, digest string) (io.ReadSeekCloser, error) {
	return c.store.blobs.Open(ctx, digest)
}

type jamiSnapshot struct{ *catalogue.Snapshot }

func (s jamiSnapshot) Entries(format store.Format) iter.Seq[jami.Entry] {
	return func(yield func(jami.Entry) bool) {
		for item := range s.All() {
			if item.Format == format && !yield(jami.Entry{ID: item.ID, Digest: item.Digest, Load: item.Listing}) {
				return
			}
		}
	}
}

// summary is the beginning of a text as it is shown in lists.
func summary(markdown string, n int) string {
	return visible.Clip(strings.Join(strings.Fields(markdown), " "), n)
}

// now is the time as the store keeps it: UTC, in whole seconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
