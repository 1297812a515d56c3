package trust

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/jackfield-host/jackfield/trust/algorithm"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// The bounds of the folder of roots.
const (
	maxRootsFile  = 256 << 10
	maxRootsFiles = 1000
)

// Roots is whom an administrator trusts: what the folder conf/trust holds. It is not
// changed once a Judge has it. The zero value trusts nobody.
type Roots struct {
	Certificates []*x509.Certificate // who may vouch for organizations: *.pem
	Timestamp    []*x509.Certificate // whose timestamps count: timestamp/*.pem
	CRLs         []revocation.CRL    // lists put down by hand, of any age and issuer: *.crl
}

// FileError says what is wrong with one file of the folder of roots.
type FileError struct {
	File string // its path
	Err  error
}

func (e FileError) Error() string { return e.File + ": " + e.Err.Error() }
func (e FileError) Unwrap() error { return e.Err }

// LoadRoots reads what dir holds: each *.pem, each timestamp/*.pem and each *.crl, of which
// a PEM file may hold several certificates. A file that is not as it should be is left out
// as a whole and has its problem in the list; the others count. A folder that does not
// exist is as good as an empty one. The Roots are never nil. Load anew, and give the
// result to Judge.SetRoots, when the folder may have changed.
func LoadRoots(dir string) (*Roots, []FileError) {
	l := &loader{now: time.Now()}
	roots := &Roots{}
	l.each(dir, "*.pem", maxRootsFile, func(_ string, data []byte) error {
		certs, err := ParseRoots(data, l.now)
		roots.Certificates = append(roots.Certificates, certs...)
		return err
	})
	l.each(filepath.Join(dir, "timestamp"), "*.pem", maxRootsFile, func(_ string, data []byte) error {
		certs, err := parseRoots(data, l.now, checkAnchor)
		roots.Timestamp = append(roots.Timestamp, certs...)
		return err
	})
	l.each(dir, "*.crl", revocation.MaxCRL, func(name string, data []byte) error {
		crl, err := revocation.ParseCRL(name, data)
		if err == nil {
			roots.CRLs = append(roots.CRLs, crl)
		}
		return err
	})
	return roots, l.problems
}

type loader struct {
	now      time.Time
	problems []FileError
}

// each gives every file of dir that matches pattern to take.
func (l *loader) each(dir, pattern string, limit int64, take func(name string, data []byte) error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.problem(dir, err)
		return
	}
	taken := 0
	for _, entry := range entries { // in the order of their names
		if match, _ := filepath.Match(pattern, entry.Name()); !match {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		if taken++; taken > maxRootsFiles {
			l.problem(path, fmt.Errorf("there are more than %d files like it; the rest is not read", maxRootsFiles))
			return
		}
		data, err := readFile(path, limit)
		if err == nil {
			err = take(entry.Name(), data)
		}
		if err != nil {
			l.problem(path, err)
		}
	}
}

func (l *loader) problem(file string, err error) {
	var wrapped *fs.PathError // repeats the path
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	l.problems = append(l.problems, FileError{File: file, Err: err})
}

// readFile reads a regular file, or what a symbolic link leads to: that is how
// configuration is often mounted. It looks before it opens, since a pipe would wait.
func readFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is not a file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("it has more than %d bytes, too much for what it should be", limit)
	}
	return data, nil
}

// ParseRoots reads the certificates of a PEM file that may be trusted as roots at the
// time now: all of them, or none and an error that says what is wrong. Text around the
// blocks, as openssl writes it, is left alone.
func ParseRoots(data []byte, now time.Time) ([]*x509.Certificate, error) {
	return parseRoots(data, now, checkRoot)
}

func parseRoots(data []byte, now time.Time, check func(*x509.Certificate) error) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			if bytes.HasSuffix([]byte(block.Type), []byte("PRIVATE KEY")) {
				return nil, errors.New("there is a private key in it; the host needs the certificate alone: take the key away, and do not use it any more if others could read this file")
			}
			return nil, fmt.Errorf("there is a block %.40q in it; only certificates belong here", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("its certificate cannot be read: %w", err)
		}
		if err := check(cert); err != nil {
			return nil, fmt.Errorf("%q is no root: %w", display(cert), err)
		}
		if now.After(cert.NotAfter) {
			return nil, fmt.Errorf("%q has expired on %s: get the new certificate from whoever issued it", display(cert), stamp(cert.NotAfter))
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, errors.New("there is no certificate in PEM in it (-----BEGIN CERTIFICATE-----)")
	}
	return certs, nil
}

// checkRoot checks that a certificate can be a root: the lenient column of the profile.
func checkRoot(cert *x509.Certificate) error {
	if err := checkAnchor(cert); err != nil {
		return err
	}
	if cert.MaxPathLen == 0 {
		return errors.New("its path length of 0 leaves no room for organizations")
	}
	return nil
}

// checkAnchor checks what roots of both kinds have in common.
func checkAnchor(cert *x509.Certificate) error {
	if err := checkForm(cert); err != nil {
		return err
	}
	if err := algorithm.CheckCertificate(cert); err != nil {
		return err
	}
	switch {
	case !cert.BasicConstraintsValid || !cert.IsCA:
		return errors.New("it is not an authority (CA)")
	case cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return errors.New("its key is not for signing certificates (keyCertSign)")
	case !selfIssued(cert):
		return fmt.Errorf("it was issued by %q: the root is the certificate at the end of the chain, which issued itself", issuerOf(cert))
	}
	if err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return errors.New("its signature is not its own")
	}
	return nil
}
