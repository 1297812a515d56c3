package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// Config is what a store is made from. Data, BaseURL and Log are required.
type Config struct {
	// Data is the folder of the store: store.db, blobs, keys, trust, admin-token.
	Data string
	// Database is empty for Data/store.db, or postgres://….
	Database string
	// Blobs is empty for Data/blobs, or s3://BUCKET?endpoint=….
	Blobs string
	// S3AccessKey and S3SecretKey are for Blobs; without them they are those of the
	// environment or of the machine.
	S3AccessKey, S3SecretKey string
	// Trust is the folder of the roots that bundles must lead to; empty for Data/trust.
	Trust string
	// Revocation says what becomes of a signature when nobody says whether it is revoked:
	// soft accepts it, hard refuses, off does not ask. Empty is soft.
	Revocation string
	// PrivateResponders lets addresses of revocation in certificates lead into private
	// networks.
	PrivateResponders bool
	// UnsignedUnsafe lets bundles in that nobody has signed. For development only.
	UnsignedUnsafe bool
	// Drop is a folder in the Jami store's layout that is watched; empty for none.
	Drop string
	// Admission says what becomes of what passes the checks; empty is Direct.
	Admission Admission
	// BaseURL is where clients reach the store, with the path prefix if it has one.
	BaseURL *url.URL
	// Name is the store's name in its index; empty for the host of BaseURL, or localhost
	// where that is an address. With SigningCert the certificate has it.
	Name string
	// SigningCert and SigningKey are PEM files: the store's certificate chain and key.
	// Without them the store makes an authority of its own in Data/keys.
	SigningCert, SigningKey string
	// JameicaCert and JameicaKey are PEM files: the chain and the key by which ZIPs are signed
	// for Jameica, RSA. Without them the store makes its own in Data/keys; several replicas
	// need them.
	JameicaCert, JameicaKey string
	// TLS is nil for plain HTTP.
	TLS *tls.Config
	// Proxies are the addresses whose X-Forwarded-For counts.
	Proxies []netip.Prefix
	// MetricsOpen lets everybody read /metrics; else it needs an administrator's token.
	MetricsOpen bool
	// SearchRate and WriteRate are how many requests a second one client may send that
	// search, or that change something; three times as many at once. 0 is 20.
	SearchRate, WriteRate int
	// MaxBytes is the size of the largest file that is taken; 0 for that of package bundle.
	MaxBytes int64
	// Drain is how long requests may take to end when the store stops; 0 for 10 s.
	Drain time.Duration
	// Stall is how long a client may stand still within a header or a file; 0 for 10 s of a
	// header and 30 s of a file.
	Stall time.Duration
	// Version is the program's own.
	Version string
	Log     *slog.Logger
}

// Admission says what becomes of what passes the checks.
type Admission string

// The policies of admission.
const (
	Direct Admission = "direct" // it is published
	Review Admission = "review" // it waits for somebody to approve it
)

// complete is c with what may be left out.
func (c Config) complete() (Config, error) {
	if c.Data == "" || c.BaseURL == nil || c.Log == nil {
		return c, errors.New("a store needs a folder, its own address and a log")
	}
	set(&c.Database, filepath.Join(c.Data, "store.db"))
	set(&c.Blobs, filepath.Join(c.Data, "blobs"))
	set(&c.Trust, filepath.Join(c.Data, "trust"))
	set(&c.Name, nameOf(c.BaseURL))
	set(&c.Revocation, "soft")
	set(&c.Admission, Direct)
	set(&c.MaxBytes, bundle.DefaultLimits().FileBytes)
	set(&c.SearchRate, 20)
	set(&c.WriteRate, 20)
	set(&c.Drain, 10*time.Second)
	if c.Admission != Direct && c.Admission != Review {
		return c, fmt.Errorf("there is no admission %q: it is direct or review", c.Admission)
	}
	if (c.SigningCert == "") != (c.SigningKey == "") {
		return c, errors.New("the signing certificate and its key come together")
	}
	if (c.JameicaCert == "") != (c.JameicaKey == "") {
		return c, errors.New("the certificate for Jameica and its key come together")
	}
	return c, nil
}

// nameOf is the host of a URL; an address is no name, and what has none is for this machine.
func nameOf(u *url.URL) string {
	if _, err := netip.ParseAddr(u.Hostname()); err == nil {
		return "localhost"
	}
	return u.Hostname()
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) temp() string { return filepath.Join(c.Data, "tmp") }

func (c Config) signer() (*signing.Keys, error) {
	if c.SigningCert != "" {
		return signing.Files(c.SigningCert, c.SigningKey)
	}
	return signing.Own(filepath.Join(c.Data, "keys"), c.Name)
}

// ErrInUse says that another store has the folder.
var ErrInUse = errors.New("is in use by another store")

// prepare makes the folder of a store and takes it for this process. Two servers in one
// folder would each remove what the other has half taken in.
func prepare(data string) (release func(), err error) {
	for _, dir := range []string{data, filepath.Join(data, "tmp"), filepath.Join(data, "trust")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of the store: %w", err)
		}
	}
	path := filepath.Join(data, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the folder of the store: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s %w", data, ErrInUse)
		}
		return nil, &fs.PathError{Op: "lock", Path: path, Err: err}
	}
	if err := errors.Join(tidy(data), tidy(filepath.Join(data, "keys"))); err != nil {
		f.Close()
		return nil, fmt.Errorf("tidying the folder of the store: %w", err)
	}
	return func() { f.Close() }, nil
}

// unfinished are files on their way to their names, as renameio calls them.
var unfinished = regexp.MustCompile(`^\.(admin-token|root\.pem|store\.json|store\.pem)[0-9]+$`)

// tidy removes what a killed process was writing into a folder that is ours alone now.
func tidy(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if unfinished.MatchString(e.Name()) && e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
