package repositories

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/trust"
)

// maxRoots bounds a file of roots in bytes.
const maxRoots = 256 << 10

// readRoots reads those who vouch for a store.
func readRoots(path string, now time.Time) ([]*x509.Certificate, error) {
	data, err := readBounded(path, maxRoots)
	if err != nil {
		return nil, fmt.Errorf("reading who vouches for it: %w", err)
	}
	roots, err := trust.ParseRoots(data, now)
	if err != nil {
		return nil, fmt.Errorf("%s says who vouches for it, and cannot be used: %w", path, err)
	}
	return roots, nil
}

// readPool reads those who vouch for groups of Jameica's, whose certificates follow no
// profile.
func readPool(path string) (*x509.CertPool, error) {
	data, err := readBounded(path, maxRoots)
	if err != nil {
		return nil, fmt.Errorf("reading who vouches for it: %w", err)
	}
	certificates, err := jameica.ParseChain(data)
	if err != nil {
		return nil, fmt.Errorf("%s says who vouches for it, and cannot be used: %w", path, err)
	}
	pool := x509.NewCertPool()
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

// CheckRoot reads the file of Root as a look does, and returns until when the first of those
// in it is valid; zero where no file is named.
func (s Source) CheckRoot(now time.Time) (until time.Time, err error) {
	if s.Root == "" {
		return time.Time{}, nil
	}
	data, err := readBounded(s.Root, maxRoots)
	if err != nil {
		return time.Time{}, err
	}
	var certificates []*x509.Certificate
	if s.Kind == KindJameica {
		certificates, err = jameica.ParseChain(data)
	} else {
		certificates, err = trust.ParseRoots(data, now)
	}
	if err != nil {
		return time.Time{}, err
	}
	for _, c := range certificates {
		if until.IsZero() || c.NotAfter.Before(until) {
			until = c.NotAfter
		}
	}
	return until, nil
}
