package jpl

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jackfield-host/jackfield/bundle/jpl/internal/chain"
)

// The bounds of a folder of roots.
const (
	maxRootsFile = 256 << 10
	maxCRLFile   = 16 << 20
	maxRootFiles = 1000
)

// JamiRootSHA256 is the SHA-256 of the root that is compiled into Jami since December 2023:
// "Jami Extension Root C.A." of Savoir-faire Linux, valid to 2053.
const JamiRootSHA256 = "7859f43815cc91b6455868e7e1fd8e573cd774078c79d7baab02e2cb5bafc815"

// IsJamiRoot reports whether cert is the root that is compiled into Jami.
func IsJamiRoot(cert *x509.Certificate) bool {
	sum := sha256.Sum256(cert.Raw)
	return hex.EncodeToString(sum[:]) == JamiRootSHA256
}

// LoadRoots reads what dir holds into the Roots and CRLs of Options: each *.pem and each
// *.crl. A file that is not as it should be is left out as a whole and is one of problems;
// the others count. A folder that does not exist is as good as an empty one.
func LoadRoots(dir string) (o Options, problems []error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, []error{err}
	}
	if len(entries) > maxRootFiles {
		return o, []error{fmt.Errorf("%s holds %d files, more than the %d that are read", dir, len(entries), maxRootFiles)}
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		var err error
		switch filepath.Ext(path) {
		case ".pem":
			var data []byte
			if data, err = readBounded(path, maxRootsFile); err == nil {
				var roots []*x509.Certificate
				roots, err = ParseRoots(data)
				o.Roots = append(o.Roots, roots...)
			}
		case ".crl":
			var data []byte
			if data, err = readBounded(path, maxCRLFile); err == nil {
				var list *x509.RevocationList
				if list, err = ParseCRL(data); err == nil {
					o.CRLs = append(o.CRLs, list)
				}
			}
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", path, err))
		}
	}
	return o, problems
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > limit) {
		err = fmt.Errorf("it is not a file of at most %d bytes", limit)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

// ParseRoots reads the certificates of a PEM file that may be trusted as roots: all of
// them, or none and an error that says what is wrong. A root is an authority of X.509 v3
// that signed itself, with a key and an algorithm of package trust/algorithm.
func ParseRoots(data []byte) ([]*x509.Certificate, error) { return chain.ParseRoots(data) }

// ParseCRL reads a list of what is revoked, in PEM or DER. Its signature is judged when it
// is used.
func ParseCRL(data []byte) (*x509.RevocationList, error) { return chain.ParseCRL(data) }
