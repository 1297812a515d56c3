package server

import (
	"context"
	"iter"
	"net/http"
	"strings"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
)

// jameica is the face of the store for Jameica; next answers the rest.
func (s *Server) jameica(next http.Handler) http.Handler {
	face := jameica.New(shelfCatalogue{s}, s.archives, jameica.Options{
		Name: s.keys.Store(), Base: s.base(), Downloaded: s.counter.Count, Next: next, Failed: s.leftOut,
	})
	s.ahead = append(s.ahead, face.Prepare)
	return face
}

// mattermost is the face of the store for Mattermost, which is beside the native API.
func (s *Server) mattermost() *mattermost.API {
	face := mattermost.New(mattermost.Config{
		Current: func() mattermost.Snapshot { return shelfSnapshot{s.catalogue.Current()} },
		Read: func(ctx context.Context, digest string, limit int64) ([]byte, error) {
			return blobs.Read(ctx, s.blobs, digest, limit)
		},
		Base: s.base(), Summary: markdown.New().Summary, Version: s.cfg.Version, Failed: s.leftOut,
	})
	s.ahead = append(s.ahead, face.Prepare)
	return face
}

// aheadAtMost is how many listings are read ahead. What the faces keep of so many has a few
// mebibytes; of very many it is not kept before somebody has asked.
const aheadAtMost = 20_000

// lookAhead has the faces read the listings as soon as there are any: who asks first would wait
// for that. Later ones read what has changed.
func (s *Server) lookAhead(ctx context.Context) {
	if now, err := s.catalogue.Ready(ctx); err != nil || now.Len() > aheadAtMost {
		return
	}
	for _, prepare := range s.ahead {
		if err := prepare(ctx); err != nil && ctx.Err() == nil {
			s.leftOut(err)
		}
	}
}

// base is the address of the store, without a slash at its end.
func (s *Server) base() string { return strings.TrimSuffix(s.cfg.BaseURL.String(), "/") }

func (s *Server) leftOut(err error) { s.cfg.Log.Error("answering a request of a face", "error", err) }

// shelfCatalogue is the catalogue as the faces read it that keep something of each listing.
type shelfCatalogue struct{ store *Server }

func (c shelfCatalogue) Current() shelf.Snapshot { return shelfSnapshot{c.store.catalogue.Current()} }

func (c shelfCatalogue) Open(ctx context.Context, digest string) (jameica.File, error) {
	return c.store.blobs.Open(ctx, digest)
}

type shelfSnapshot struct{ *catalogue.Snapshot }

func (s shelfSnapshot) Entries(format store.Format) iter.Seq[shelf.Entry] {
	return func(yield func(shelf.Entry) bool) {
		for item := range s.All() {
			if item.Format == format && !yield(shelf.Entry{ID: item.ID, Digest: item.Digest, Load: item.Listing}) {
				return
			}
		}
	}
}
