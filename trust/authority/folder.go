package authority

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// The names in the folder of a root or an organization.
const (
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
	crlFile         = "crl.pem"
	delegateFile    = "responder.pem"
	certificatesDir = "certificates"
	respondersDir   = "responders"
	tmpDir          = "tmp"
)

const (
	// maxFile bounds what is read of a file. The largest is a list of revoked
	// certificates, about 60 bytes for each in PEM.
	maxFile = 64 << 20
	// patience is how long a change waits for that of another process. Changes take
	// milliseconds, but for the keys of RSA, which are made before.
	patience = 15 * time.Second
)

// lock waits until no other process changes the folder, and clears away what a killed one
// left half made. Readers need none of it: files appear whole. The lock is the kernel's: a
// process that dies leaves none behind.
func (a *Authority) lock() (unlock func(), err error) {
	f, err := os.OpenFile(a.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the authority: %w", err)
	}
	deadline := time.Now().Add(patience)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			if err := os.RemoveAll(a.path(tmpDir)); err != nil {
				f.Close()
				return nil, fmt.Errorf("clearing what was left half made: %w", err)
			}
			return func() { f.Close() }, nil // closing unlocks
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", f.Name(), err)
		}
		if time.Now().After(deadline) {
			f.Close()
			return nil, refuse(CodeBusy, "another process has been changing %s for %s", a.dir, patience)
		}
		time.Sleep(5 * time.Millisecond) // flock has no deadline of its own
	}
}

// install makes the folder of a new root or organization in one step. keyText is nil
// for a key that is elsewhere. The caller has the lock.
func (a *Authority) install(name string, cert *x509.Certificate, keyText []byte) error {
	target := a.path(name)
	parent := filepath.Dir(target)
	if err := makeDir(parent); err != nil {
		return err
	}
	if _, err := os.Lstat(target); err == nil {
		return refuse(CodeExists, "%s is there already", target)
	}
	if err := makeDir(a.path(tmpDir)); err != nil {
		return err
	}
	half := filepath.Join(a.path(tmpDir), filepath.Base(target))
	if err := os.Mkdir(half, 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", name, err)
	}
	if keyText != nil {
		if err := a.writeFile(filepath.Join(half, keyFile), keyText); err != nil {
			return err
		}
	}
	if err := a.writeFile(filepath.Join(half, certificateFile), encodePEM(cert)); err != nil {
		return err
	}
	if err := os.Rename(half, target); err != nil {
		return fmt.Errorf("putting the folder of %s in its place: %w", name, err)
	}
	return syncDir(parent)
}

// retire moves the folder of an organization out of the way of its successor.
func (o *Organization) retire() error {
	retired := o.a.path("retired")
	if err := makeDir(retired); err != nil {
		return err
	}
	target := filepath.Join(retired, o.name+"-"+SerialText(o.cert.SerialNumber))
	if err := os.Rename(o.dir, target); err != nil {
		return fmt.Errorf("retiring the organization %s: %w", o.name, err)
	}
	return errors.Join(syncDir(filepath.Dir(o.dir)), syncDir(retired))
}

// writeFile writes a file whole or not at all, on the disk before it returns, for its
// owner alone. The caller has the lock.
func (a *Authority) writeFile(file string, data []byte) error {
	if err := makeDir(a.path(tmpDir)); err != nil {
		return err
	}
	if err := renameio.WriteFile(file, data, 0o600, renameio.WithTempDir(a.path(tmpDir)), renameio.IgnoreUmask()); err != nil {
		return fmt.Errorf("writing %s: %w", file, err)
	}
	return syncDir(filepath.Dir(file))
}

func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	return syncDir(filepath.Dir(dir))
}

// syncDir makes names in a folder last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, unix.EINVAL) { // file systems of sticks may not know it
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

// readFile reads a bounded file. The error keeps fs.ErrNotExist.
func readFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("reading the authority: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	if len(data) > maxFile {
		return nil, refuse(CodeDamaged, "%s has more than %d bytes", file, maxFile)
	}
	return data, nil
}

// strictJSON reads one object and nothing behind it.
func strictJSON(data []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

// decodePEM reads exactly one certificate.
func decodePEM(data []byte) (*x509.Certificate, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("it is not one certificate in PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}
