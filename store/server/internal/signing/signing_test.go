package signing_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

func timestamp(host string, sequence int64, validity time.Duration) store.Timestamp {
	now := time.Now()
	return store.Timestamp{Store: host, Sequence: sequence, Issued: now, Expires: now.Add(validity), Snapshot: store.ObjectOf([]byte("{}"))}
}

// rootsOf are those of a host that was given the store's root.
func rootsOf(t *testing.T, keys *signing.Keys) *trust.Roots {
	t.Helper()
	certs, err := trust.ParseRoots(keys.RootPEM(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return &trust.Roots{Certificates: certs}
}

// TestOwn: a store of its own is the same after a restart, renews itself, and can always sign
// for a year.
func TestOwn(t *testing.T) {
	const host = "store.acme.example"
	dir := filepath.Join(t.TempDir(), "keys")
	keys, err := signing.Own(dir, host)
	if err != nil {
		t.Fatal(err)
	}
	roots := rootsOf(t, keys)
	sign := func(keys *signing.Keys, validity time.Duration) {
		t.Helper()
		envelope, err := keys.Sign(timestamp(host, 7, validity))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := store.VerifyTimestamp(envelope, roots, time.Now(), store.Seen{}); err != nil || got.Sequence != 7 {
			t.Errorf("signed %+v, %v", got, err)
		}
		if _, err := keys.Verify(envelope, time.Now()); err != nil {
			t.Errorf("not its own: %v", err)
		}
	}
	sign(keys, 72*time.Hour)
	sign(keys, store.MaxValidity)
	if keys.Store() != host || !strings.HasPrefix(keys.Fingerprint(), "sha256:") {
		t.Errorf("store %s, root %s", keys.Store(), keys.Fingerprint())
	}
	again, err := signing.Own(dir, host)
	if err != nil {
		t.Fatal(err)
	}
	if again.Fingerprint() != keys.Fingerprint() || !again.Expires().Equal(keys.Expires()) {
		t.Error("another certificate after a restart")
	}
	for _, name := range []string{"store.pem", "authority", "authority/root/key.pem"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	// A damaged file is made again, under the same root.
	if err := os.WriteFile(filepath.Join(dir, "store.pem"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	mended, err := signing.Own(dir, host)
	if err != nil {
		t.Fatal(err)
	}
	sign(mended, time.Hour)
	// Another name is another store of the same root.
	other, err := signing.Own(dir, "other.acme.example")
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := other.Sign(timestamp("other.acme.example", 8, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(envelope, time.Now()); store.CodeOf(err) != store.IndexOtherStore {
		t.Errorf("the timestamp of another store: %v", err)
	}
	if _, err := signing.Own(dir, "Not.A.Host:80"); err == nil {
		t.Error("a store with a name that is none")
	}
}

// TestOwnForYears: months go by.
func TestOwnForYears(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		keys, err := signing.Own(dir, "store.acme.example")
		if err != nil {
			t.Fatal(err)
		}
		roots, first := rootsOf(t, keys), keys.Expires()
		for range 30 {
			time.Sleep(30 * 24 * time.Hour)
			envelope, err := keys.Sign(timestamp("store.acme.example", 1, store.MaxValidity))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.VerifyTimestamp(envelope, roots, time.Now(), store.Seen{}); err != nil {
				t.Fatal(err)
			}
		}
		if keys.Expires().Sub(first) < 800*24*time.Hour {
			t.Errorf("the certificate of %s became one until %s", first, keys.Expires())
		}
	})
}

// given writes the files that an administrator gives.
func given(t *testing.T, dir string, a *tt.Authority, chain ...*tt.Holder) (certificate, key string) {
	t.Helper()
	certificate, key = filepath.Join(dir, "store.crt.pem"), filepath.Join(dir, "store.key.pem")
	text, err := keyfile.EncodeUnencrypted(chain[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(certificate, tt.PEM(tt.Certs(chain...)...), 0o644), os.WriteFile(key, text, 0o600)); err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

func TestFiles(t *testing.T) {
	a, dir := tt.NewAuthority(t), t.TempDir()
	holder := a.Issue(t, a.Root, a.Template(tt.Store))
	keys, err := signing.Files(given(t, dir, a, holder, a.Root))
	if err != nil {
		t.Fatal(err)
	}
	host := "store." + a.Host
	roots := &trust.Roots{Certificates: tt.Certs(a.Root)}
	envelope, err := keys.Sign(timestamp(host, 1, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.VerifyTimestamp(envelope, roots, time.Now(), store.Seen{}); err != nil {
		t.Error(err)
	}
	if block, _ := pem.Decode(keys.RootPEM()); !bytes.Equal(block.Bytes, a.Root.Cert.Raw) {
		t.Error("another root")
	}
	// Renewed while the store runs.
	longer := a.Issue(t, a.Root, a.Template(tt.Store, func(c *x509.Certificate) { c.NotAfter = a.Now.AddDate(2, 0, 0) }))
	given(t, dir, a, longer, a.Root)
	if _, err := keys.Sign(timestamp(host, 2, time.Hour)); err != nil || !keys.Expires().Equal(longer.Cert.NotAfter) {
		t.Errorf("after the renewal %s, %v", keys.Expires(), err)
	}
	// Files that have become useless leave what was good.
	given(t, dir, a, a.Extension, a.Organization)
	if _, err := keys.Sign(timestamp(host, 3, time.Hour)); err != nil {
		t.Errorf("with what was read before: %v", err)
	}
	if _, err := keys.Sign(timestamp(host, 3, 3*365*24*time.Hour)); err == nil {
		t.Error("signed for longer than the certificate is good")
	}
}

func TestFilesThatDoNotFit(t *testing.T) {
	a := tt.NewAuthority(t)
	good := a.Issue(t, a.Root, a.Template(tt.Store))
	for _, row := range []struct {
		name, want string
		make       func(t *testing.T, dir string) (certificate, key string)
	}{
		{"no root", "there are 1 certificates in it", func(t *testing.T, dir string) (string, string) { return given(t, dir, a, good) }},
		{"an extension's", "does not fit", func(t *testing.T, dir string) (string, string) {
			return given(t, dir, a, a.Issue(t, a.Root, a.Template(tt.Extension)), a.Root)
		}},
		{"another root", "not signed by the next one", func(t *testing.T, dir string) (string, string) {
			return given(t, dir, a, good, tt.NewAuthority(t).Root)
		}},
		{"another key", "is not that of its certificate", func(t *testing.T, dir string) (string, string) {
			return given(t, dir, a, &tt.Holder{Cert: good.Cert, Key: tt.NewKey(t)}, a.Root)
		}},
		{"a key for everybody", "can be read by others", func(t *testing.T, dir string) (string, string) {
			certificate, key := given(t, dir, a, good, a.Root)
			if err := os.Chmod(key, 0o644); err != nil {
				t.Fatal(err)
			}
			return certificate, key
		}},
		{"a key among the certificates", "only certificates belong here", func(t *testing.T, dir string) (string, string) {
			_, key := given(t, dir, a, good, a.Root)
			return key, key
		}},
		{"no files", "no such file", func(_ *testing.T, dir string) (string, string) { return dir + "/a", dir + "/b" }},
		{"endless", "more than", func(t *testing.T, dir string) (string, string) {
			_, key := given(t, dir, a, good, a.Root)
			return "/dev/zero", key
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if _, err := signing.Files(row.make(t, t.TempDir())); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}
