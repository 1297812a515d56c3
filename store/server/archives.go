package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/database"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

const (
	// soon is how long before its end a certificate that users have confirmed is warned of.
	soon = 90 * 24 * time.Hour
	// forJameica is what the database calls the key that signs for Jameica.
	forJameica = "jameica"
	// agreeEvery is how long a replica relies on what the database said of that key, agreeTime
	// how long it waits for that.
	agreeEvery = 2 * time.Second
	agreeTime  = 5 * time.Second
)

// archives signs ZIPs for Jameica. A key of the store's own is made when somebody first needs
// it: most stores have nothing for Jameica.
//
// Users of Jameica confirm one certificate, so all replicas have to sign by one key. The
// database has its fingerprint, of the first replica that needed one or of the last that was
// started with one that the administrator gave; a replica with another key answers nothing. The
// key itself is not in the database: what can sign is in files that their owner alone reads.
type archives struct {
	open   func() (*signing.Archives, error)
	shared *database.Database // nil for a store that is alone
	failed func(error)        // is told when this replica's key becomes the wrong one

	differs atomic.Bool // verdict is ErrKeyDiffers

	mu      sync.Mutex // guards what follows, and is held while keys are opened and compared
	keys    *signing.Archives
	agreed  time.Time // when the database last said by which key the store signs
	verdict error     // what followed from that
}

// openArchives opens the key that is given at once, so that a wrong one is told of at the
// start. One that is given becomes the one by which all replicas sign.
func (s *Server) openArchives(ctx context.Context) (*archives, error) {
	a := &archives{
		open: func() (*signing.Archives, error) {
			return signing.OwnArchives(filepath.Join(s.cfg.Data, "keys"), s.cfg.Name, now())
		},
		failed: func(err error) {
			s.cfg.Log.Error("this replica signs nothing for Jameica", "code", jameica.CodeKeyDiffers, "error", err)
		},
	}
	if strings.Contains(s.cfg.Database, "://") {
		a.shared = s.database
	}
	if s.cfg.JameicaCert == "" {
		return a, a.compareEarly(ctx)
	}
	var err error
	a.open = nil
	if a.keys, err = signing.ArchivesFiles(s.cfg.JameicaCert, s.cfg.JameicaKey); err != nil {
		return nil, err
	}
	if left := time.Until(a.keys.Expires()); left < soon {
		s.cfg.Log.Warn("the certificate for Jameica runs out; from then on its users are asked", "expires", a.keys.Expires())
	}
	if a.shared != nil {
		_, err = a.shared.ClaimSigner(ctx, forJameica, a.keys.Pin(), true)
	}
	return a, err
}

// compareEarly tells at the start that the key of this replica is the wrong one, where the
// store signs for Jameica already.
func (a *archives) compareEarly(ctx context.Context) error {
	if a.shared == nil {
		return nil
	}
	_, err := a.shared.Signer(ctx, forJameica)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	}
	if err == nil {
		_, err = a.get(ctx)
	}
	if errors.Is(err, jameica.ErrKeyDiffers) {
		return nil // it has been told, and the rest of the store can be served
	}
	return err
}

// get returns the key, if it is the one by which the store signs.
func (a *archives) get(ctx context.Context) (*signing.Archives, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.keys == nil {
		keys, err := a.open()
		if err != nil {
			return nil, fmt.Errorf("opening the key that signs for Jameica: %w", err)
		}
		a.keys = keys
	}
	if a.shared != nil && time.Since(a.agreed) > agreeEvery {
		if err := a.compare(ctx); err != nil {
			return nil, err
		}
	}
	return a.keys, a.verdict
}

// compare asks the database by which key the store signs. While it does not answer that is as
// it was. The caller holds mu.
func (a *archives) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, agreeTime)
	defer cancel()
	counts, err := a.shared.Signer(ctx, forJameica)
	if errors.Is(err, database.ErrNotFound) {
		counts, err = a.shared.ClaimSigner(ctx, forJameica, a.keys.Pin(), false)
	}
	switch before := a.verdict; {
	case err != nil && a.agreed.IsZero():
		return fmt.Errorf("asking by which key the store signs for Jameica: %w", err)
	case err != nil:
		return nil
	case counts == a.keys.Pin():
		a.verdict = nil
	default:
		a.verdict = fmt.Errorf("%w: the key of this replica is %s, and the store signs by %s; name the same files as jameica.cert and jameica.key of every replica (keys/jameica.pem of the one that signs is both)",
			jameica.ErrKeyDiffers, a.keys.Pin(), counts)
		if before == nil {
			a.failed(a.verdict)
		}
	}
	a.agreed = time.Now()
	a.differs.Store(a.verdict != nil)
	return nil
}

// Differs implements jameica.Signer.
func (a *archives) Differs() bool { return a.differs.Load() }

// Sign implements jameica.Signer.
func (a *archives) Sign(ctx context.Context, zip io.Reader) ([]byte, error) {
	keys, err := a.get(ctx)
	if err != nil {
		return nil, err
	}
	return keys.Sign(ctx, zip)
}

// ChainPEM implements jameica.Signer.
func (a *archives) ChainPEM(ctx context.Context) ([]byte, error) {
	keys, err := a.get(ctx)
	if err != nil {
		return nil, err
	}
	return keys.ChainPEM(), nil
}
