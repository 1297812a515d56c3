package server

import (
	"context"
	"fmt"
	"io"
	"iter"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/blobs"
	"github.com/jackfield-host/jackfield/store/server/internal/catalogue"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/mattermost"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// soon is how long before its end a certificate that users have confirmed is warned of.
const soon = 90 * 24 * time.Hour

// archives signs ZIPs for Jameica. A key of the store's own is made when somebody first needs
// it: most stores have nothing for Jameica.
type archives struct {
	open func() (*signing.Archives, error)

	mu   sync.Mutex // guards keys, and is held while they are opened
	keys *signing.Archives
}

// openArchives opens the key that is given at once, so that a wrong one is told of at the
// start.
func (s *Server) openArchives() (*archives, error) {
	a := &archives{open: func() (*signing.Archives, error) {
		if strings.Contains(s.cfg.Database, "://") {
			s.cfg.Log.Warn("ZIPs for Jameica are signed by a key of this replica alone: give all replicas the same one, jameica.cert and jameica.key")
		}
		return signing.OwnArchives(filepath.Join(s.cfg.Data, "keys"), s.cfg.Name, now())
	}}
	if s.cfg.JameicaCert == "" {
		return a, nil
	}
	var err error
	a.open = nil
	if a.keys, err = signing.ArchivesFiles(s.cfg.JameicaCert, s.cfg.JameicaKey); err != nil {
		return nil, err
	}
	if left := time.Until(a.keys.Expires()); left < soon {
		s.cfg.Log.Warn("the certificate for Jameica runs out; from then on its users are asked", "expires", a.keys.Expires())
	}
	return a, nil
}

func (a *archives) get() (*signing.Archives, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys != nil {
		return a.keys, nil
	}
	keys, err := a.open()
	if err != nil {
		return nil, fmt.Errorf("opening the key that signs for Jameica: %w", err)
	}
	a.keys = keys
	return keys, nil
}

// Sign implements jameica.Signer.
func (a *archives) Sign(ctx context.Context, zip io.Reader) ([]byte, error) {
	keys, err := a.get()
	if err != nil {
		return nil, err
	}
	return keys.Sign(ctx, zip)
}

// ChainPEM implements jameica.Signer.
func (a *archives) ChainPEM() ([]byte, error) {
	keys, err := a.get()
	if err != nil {
		return nil, err
	}
	return keys.ChainPEM(), nil
}

// jameica is the face of the store for Jameica; next answers the rest.
func (s *Server) jameica(next http.Handler) (http.Handler, error) {
	keys, err := s.openArchives()
	if err != nil {
		return nil, err
	}
	return jameica.New(shelfCatalogue{s}, keys, jameica.Options{
		Name: s.keys.Store(), Base: s.base(), Downloaded: s.counter.Count, Next: next, Failed: s.leftOut,
	}), nil
}

// mattermost is the face of the store for Mattermost, which is beside the native API.
func (s *Server) mattermost() *mattermost.API {
	return mattermost.New(mattermost.Config{
		Current: func() mattermost.Snapshot { return shelfSnapshot{s.catalogue.Current()} },
		Read: func(ctx context.Context, digest string, limit int64) ([]byte, error) {
			return blobs.Read(ctx, s.blobs, digest, limit)
		},
		Base: s.base(), Summary: markdown.New().Summary, Version: s.cfg.Version, Failed: s.leftOut,
	})
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
