package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/backup"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// TestReplicas: two stores over one database and one bucket are one store.
func TestReplicas(t *testing.T) {
	t.Parallel()
	b := backends.Postgres(t)
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	cert, key := storeCertificate(t)
	same := func(c *server.Config) { c.SigningCert, c.SigningKey = cert, key }
	one := start(t, b, bundletest.ChainPEM(acme.Root), same)
	two := start(t, b, bundletest.ChainPEM(acme.Root), same)
	if two.admin != "" {
		t.Error("the second has made a token of its own")
	}
	two.admin = one.admin
	token := one.publisher(acme, "acme.example")

	// What one of them takes in, the other one serves; both check what waits.
	for i, r := range []*running{one, two, one, two} {
		jar := hello(acme, fmt.Sprintf("%d.0.0", i+1))
		if i == 0 {
			r.published(token, jar)
			continue
		}
		a := r.submit(token, jar, "")
		if a.status != 201 {
			t.Fatalf("version %d: %d %s", i+1, a.status, a.body)
		}
	}
	for _, r := range []*running{one, two} {
		r.shows(helloID, "4.0.0", store.Published)
	}
	one.until("both have the same snapshot", func() bool {
		first, second := one.get("/api/v1/snapshot"), two.get("/api/v1/snapshot")
		return bytes.Equal(first.body, second.body) && bytes.Equal(one.get("/api/v1/snapshot/timestamp").body, two.get("/api/v1/snapshot/timestamp").body)
	})
	if a := two.get("/api/v1/listings/" + helloID + "/releases/1.0.0/download"); a.status != 200 {
		t.Errorf("what the first has taken in: %d", a.status)
	}
	if err := one.stop(); err != nil {
		t.Fatal(err)
	}
	two.published(token, hello(acme, "5.0.0"))
	audited := read[store.AuditPage](t, two.get("/api/v1/audit?limit=500", bearer(two.admin)))
	if len(audited.Entries) < 10 {
		t.Errorf("only %d entries in the audit trail", len(audited.Entries))
	}
}

// storeCertificate is the certificate that replicas share, in files.
func storeCertificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	a, err := authority.Init(filepath.Join(dir, "ca"), authority.Options{Name: "Root of the store", Unencrypted: true})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := a.IssueStore("store.example.org", authority.IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "store.pem"), filepath.Join(dir, "store.key.pem")
	for path, text := range map[string][]byte{cert: bundletest.ChainPEM(issued.Chain...), key: bundletest.KeyPEM(issued.Key)} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestPrefix: a store may be below a path of another site.
func TestPrefix(t *testing.T) {
	t.Parallel()
	var base string
	r := start(t, backends.SQLite(t), nil, func(c *server.Config) {
		base = c.BaseURL.String()
		c.BaseURL, _ = url.Parse(base + "/our/store/")
	})
	for path, want := range map[string]int{
		"/our/store/api/v1/listings": 200, "/our/store/healthz": 200, "/healthz": 200, "/readyz": 200, "/metrics": 200,
		"/api/v1/listings": 404, "/our/storeroom": 404, "/our/store?lang=fr": 308,
	} {
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(must(http.NewRequest("GET", r.url+path, nil)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
		if to := resp.Header.Get("Location"); want == 308 && to != "/our/store/?lang=fr" {
			t.Errorf("%s leads to %s", path, to)
		}
	}
}

// TestTidy: what killed processes were writing goes at the next start, and nothing else.
func TestTidy(t *testing.T) {
	t.Parallel()
	kept := []string{".store.json", ".admin-token.old", "keys/.notes1"}
	r := start(t, backends.SQLite(t), nil, func(c *server.Config) {
		for _, name := range append(kept, ".store.json123", ".root.pem9", ".admin-token4711", "keys/.store.pem5") {
			path := filepath.Join(c.Data, name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	})
	var left []string
	for _, pattern := range []string{".*", "keys/.*"} {
		found, err := filepath.Glob(filepath.Join(r.data, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			left = append(left, strings.TrimPrefix(path, r.data+"/"))
		}
	}
	slices.Sort(left)
	slices.Sort(kept)
	if !slices.Equal(left, kept) {
		t.Errorf("%q are left, want %q", left, kept)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCheckAndBackup: what is kept can be carried elsewhere, and what is missing is found.
func TestCheckAndBackup(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	b := backends.SQLite(t)
	data := filepath.Dir(b.DatabaseURL)
	r := start(t, b, bundletest.ChainPEM(acme.Root), func(c *server.Config) {
		c.Data, c.Database, c.Blobs = data, "", ""
		c.Trust = trustOf(t, acme)
	})
	r.admin = readToken(t, data)
	token := r.publisher(acme, "acme.example")
	s := r.published(token, hello(acme, "1.0.0"))

	var file bytes.Buffer
	summary, err := backup.Write(t.Context(), backup.Source{Data: data, Program: "1.0.0"}, &file)
	if err != nil || summary.Blobs == 0 {
		t.Fatalf("%+v, %v", summary, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "store")
	if _, err := backup.Restore(t.Context(), bytes.NewReader(file.Bytes()), elsewhere); err != nil {
		t.Fatal(err)
	}
	check := func(data string) *server.Report {
		t.Helper()
		u, _ := url.Parse(r.url)
		report, err := server.Check(t.Context(), server.Config{Data: data, BaseURL: u, Log: discard()}, true)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	if report := check(elsewhere); len(report.Problems) > 0 || report.Listings != 1 || report.Releases != 1 || report.Audit < 4 {
		t.Errorf("the copy: %+v", report)
	}
	if err := os.Remove(filepath.Join(elsewhere, "blobs", "sha256", s.Digest[7:9], s.Digest[7:])); err != nil {
		t.Fatal(err)
	}
	if report := check(elsewhere); len(report.Problems) != 1 {
		t.Errorf("with a file missing: %+v", report)
	}

	whole := file.Bytes()
	for name, bad := range map[string][]byte{
		"cut": whole[:len(whole)/2], "nothing": {}, "no backup": []byte("PK\x03\x04"), "changed": flipped(whole),
	} {
		dir := filepath.Join(t.TempDir(), "store")
		if _, err := backup.Restore(t.Context(), bytes.NewReader(bad), dir); err == nil {
			t.Errorf("%s is restored", name)
		}
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s: something is left: %v", name, err)
		}
	}
}

// flipped is data with one bit of a file in it changed.
func flipped(data []byte) []byte {
	changed := bytes.Clone(data)
	changed[len(changed)/2] ^= 1
	return changed
}
