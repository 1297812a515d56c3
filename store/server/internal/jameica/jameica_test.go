package jameica_test

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	format "github.com/jackfield-host/jackfield/store/jameica"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica/jameicatest"
)

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestADayWithJameica: being asked, looking, installing and updating, by the rules of both
// generations.
func TestADayWithJameica(t *testing.T) {
	j := jameicatest.Start(t)
	for _, generation := range []string{"", "hardened"} {
		t.Run("generation "+generation, func(t *testing.T) {
			r := serve(t)
			r.publish("demo.notes", "2.1.0")
			r.publish("demo.base", "3.0.0", needing("2.13+"))
			r.publish("demo.notes", "2.2.0-nightly", beta)
			zip := func(id, version string) string {
				return r.url + "/jameica/" + id + "/" + version + "/" + id + "-" + version + ".zip"
			}
			j.Do("forget")
			if generation != "" {
				j.Do(generation)
				j.Do("unattended")
			}
			expect(t, "a user who says no sees nothing", j.Do("open", r.url+"/jameica"), "repository store.example",
				"asked CN=Extensions of store.example", "lost java.io.IOException: not trusted")
			j.Do("trust")
			shown := []string{"group Stable CN=Extensions of store.example",
				"plugin Stable demo.base 3.0.0 " + zip("demo.base", "3.0.0") + " 2.13+",
				"plugin Stable demo.notes 2.1.0 " + zip("demo.notes", "2.1.0") + " 2.10+"}
			expect(t, "one who says yes is asked once", j.Do("open", r.url+"/jameica"),
				append([]string{"repository store.example", "asked CN=Extensions of store.example"}, shown...)...)
			expect(t, "and never again", j.Do("open", r.url+"/jameica/"), append([]string{"repository store.example"}, shown...)...)

			expect(t, "installing", j.Do("install", "demo.notes", "2.1.0"), "installed demo.notes 2.1.0 signed")
			expect(t, "what needs a newer Jameica", j.Do("install", "demo.base", "3.0.0"), "failed java.io.IOException: needs jameica 2.13+")
			expect(t, "a beta is no update", j.Do("updates"))
			expect(t, "with betas", j.Do("open", r.url+"/jameica/beta"), append([]string{"repository store.example (beta)", "group Beta CN=Extensions of store.example",
				"plugin Beta demo.notes 2.2.0-nightly " + zip("demo.notes", "2.2.0-nightly") + " 2.10+"}, shown...)...)
			expect(t, "updates", j.Do("updates"), "update demo.notes 2.2.0-nightly")
			r.publish("demo.notes", "2.3.0")
			j.Do("open", r.url+"/jameica")
			expect(t, "a new release", j.Do("updates"), "update demo.notes 2.3.0")
			expect(t, "updating", j.Do("install", "demo.notes", "2.3.0"), "installed demo.notes 2.3.0 signed")
			expect(t, "no more updates", j.Do("updates"))
			if got := r.taken(&r.counted); got != "demo.notes 2.1.0 java\ndemo.notes 2.3.0 java" {
				t.Errorf("counted downloads:\n%s", got)
			}
			if got := r.taken(&r.failures); got != "" {
				t.Error(got)
			}
		})
	}
}

// TestMistakesOfJameica: what the client does wrong does no harm here.
func TestMistakesOfJameica(t *testing.T) {
	j := jameicatest.Start(t)
	r := serve(t)
	r.publish("demo.notes", "2.1.0")
	r.publish("demo.notes", "2.2.0")
	j.Do("trust")
	j.Do("open", r.url+"/jameica")

	// It keeps a list for as long as it is open: what is taken down meanwhile is not there any
	// more, and neither is its signature, so that it is no unsigned one.
	r.Change("demo.notes", func(l *store.Listing) { l.Releases[0].State = store.TakenDown })
	if got := j.Do("install", "demo.notes", "2.2.0"); len(got) != 1 || !strings.HasPrefix(got[0], "failed java.io.FileNotFoundException") {
		t.Errorf("what was taken down: %q", got)
	}
	// It takes a path that is not there for a signature where that is answered with 200.
	for _, path := range []string{"/jameica/demo.notes/2.1.0/other.zip.sha1", "/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip.sha1.sha1"} {
		if a := r.ask("GET", path); a.StatusCode != 404 {
			t.Errorf("%s: %s", path, a.Status)
		}
	}
	expect(t, "the rest can be installed", j.Do("install", "demo.notes", "2.1.0"), "installed demo.notes 2.1.0 signed")

	// An empty repository is none that can not be read.
	expect(t, "nothing", j.Do("open", serve(t).url+"/jameica"), "repository store.example")
}

func TestDocuments(t *testing.T) {
	r := serve(t)
	zip := r.publish("demo.notes", "2.1.0")
	folder := "/jameica/demo.notes/2.1.0/"
	served := r.ask("GET", folder+"plugin.xml")
	theirs, err := format.ParseManifest(zipEntry(t, zip), format.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	ours, err := format.ParseManifest(served.body, format.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, served.body)
	}
	if ours.URL != r.url+folder+"demo.notes-2.1.0.zip" || ours.Description != "Bücher" {
		t.Errorf("%+v", ours)
	}
	if theirs.URL = ours.URL; fmt.Sprintf("%+v", theirs) != fmt.Sprintf("%+v", ours) {
		t.Errorf("served\n%+v\nin the ZIP\n%+v", ours, theirs)
	}
	if got := r.ask("GET", folder+"demo.notes-2.1.0.zip"); !bytes.Equal(got.body, zip) {
		t.Errorf("the ZIP has %d bytes, want %d", len(got.body), len(zip))
	}

	// The signature, by OpenSSL and by Go.
	signature, certificate := r.ask("GET", folder+"demo.notes-2.1.0.zip.sha1").body, r.ask("GET", "/jameica/certificate.pem").body
	chain, err := format.ParseChain(certificate)
	if err != nil {
		t.Fatal(err)
	}
	key, sum := chain.Leaf().PublicKey.(*rsa.PublicKey), sha1.Sum(zip)
	if err := rsa.VerifyPKCS1v15(key, crypto.SHA1, sum[:], signature); err != nil || key.N.BitLen() < 3072 {
		t.Errorf("%v, %d bits", err, key.N.BitLen())
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"x.zip": zip, "x.zip.sha1": signature, "chain.pem": certificate} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"x509", "-in", "chain.pem", "-pubkey", "-noout", "-out", "key.pem"}, {"dgst", "-sha1", "-verify", "key.pem", "-signature", "x.zip.sha1", "x.zip"}} {
		cmd := exec.CommandContext(t.Context(), "openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func zipEntry(t testing.TB, zip []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(file, zip, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "unzip", "-p", file, "demo.notes/plugin.xml").Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestAnswers: lengths, compression for those who ask, and nothing where there is nothing.
func TestAnswers(t *testing.T) {
	r := serve(t)
	for i := range 40 { // enough to be worth compressing
		r.publish(fmt.Sprintf("demo.n%d", i), "1.0")
	}
	r.publish("demo.notes", "2.1.0")
	r.publish("demo.old", "1.0", in(store.Withdrawn))
	r.publish("demo.bad", "1.0", in(store.TakenDown))
	r.publish("demo.stopped", "1.0", func(r *store.Release) { r.Revoked = "demo.stopped 1.0" })
	r.Change("org.acme.Hello", func(l *store.Listing) {
		l.Format = store.FormatBundle
		l.Releases = []store.Release{{Version: "1.0", State: store.Published, Files: []store.File{{Name: "x.jar", Platforms: []string{"server"}}}}}
	})
	folder := "/jameica/demo.notes/2.1.0/"
	for path, media := range map[string]string{
		"/jameica/repository.xml": "application/xml", "/jameica/certificate.pem": "application/x-pem-file", folder + "plugin.xml": "application/xml",
		folder + "demo.notes-2.1.0.zip": "application/zip", folder + "demo.notes-2.1.0.zip.sha1": "application/octet-stream",
	} {
		a := r.ask("GET", path)
		h := a.Header
		if a.StatusCode != 200 || h.Get("Content-Length") != strconv.Itoa(len(a.body)) || h.Get("Content-Encoding") != "" ||
			h.Get("Content-Type") != media || h.Get("ETag") == "" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", path, a.Status, h)
		}
		if a := r.ask("GET", path, "If-None-Match", h.Get("ETag")); a.StatusCode != 304 || len(a.body) > 0 {
			t.Errorf("%s, which is known: %s", path, a.Status)
		}
		if head := r.ask("HEAD", path); head.StatusCode != 200 || head.Header.Get("Content-Length") != h.Get("Content-Length") || len(head.body) > 0 {
			t.Errorf("HEAD %s: %s %v", path, head.Status, head.Header)
		}
		if a := r.ask("POST", path); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %s", path, a.Status)
		}
	}
	a := r.ask("GET", "/jameica/repository.xml", "Accept-Encoding", "gzip")
	if z, err := gzip.NewReader(bytes.NewReader(a.body)); a.Header.Get("Content-Encoding") != "gzip" || a.Header.Get("Vary") != "Accept-Encoding" || err != nil {
		t.Errorf("%v %v", a.Header, err)
	} else if text, err := io.ReadAll(z); err != nil || !bytes.Equal(text, r.ask("GET", "/jameica/repository.xml").body) {
		t.Errorf("compressed it is another one: %v", err)
	}
	if a := r.ask("GET", folder+"demo.notes-2.1.0.zip", "Range", "bytes=2-5"); a.StatusCode != 206 || len(a.body) != 4 {
		t.Errorf("a part: %s", a.Status)
	}
	for _, path := range []string{
		"/jameica", "/jameica/", "/jameica/x", "/jameica/beta", "/jameica/beta/", "/jameica/beta/x", "/jameica//repository.xml", "/jameica/repository.xml/", "/jameica/repository.xml.sha1", "/jameica/certificate.pem.sha1",
		"/jameica/demo.notes", "/jameica/demo.notes/2.1.0", folder, folder + "plugin.xml.sha1", folder + "x.zip", folder + "x.zip.sha1", folder + "../repository.xml",
		folder + "%2e%2e", "/jameica/Demo.Notes/2.1.0/plugin.xml", "/jameica/demo.notes/2.1/plugin.xml", "/jameica/demo.notes/9/plugin.xml", "/jameica/none/1/plugin.xml",
		"/jameica/demo.notes%2f2.1.0/plugin.xml", "/jameica/demo.notes/2.1.0/plugin.xml%00", "/jameica/org.acme.Hello/1.0/plugin.xml", "/jameica/org.acme.Hello/1.0/x.jar",
		"/jameica/demo.old/1.0/demo.old-1.0.zip", "/jameica/demo.bad/1.0/demo.bad-1.0.zip.sha1", "/jameica/demo.stopped/1.0/plugin.xml", folder + "demo.notes-2.1.0.ZIP",
	} {
		if a := r.ask("GET", path); a.StatusCode != 404 || a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s %v", path, a.Status, a.Header)
		}
	}
	if a := r.ask("GET", "/jameicax"); string(a.body) != "next" {
		t.Errorf("beside the face: %s", a.body)
	}
	if got := r.taken(&r.failures); got != "" {
		t.Error(got)
	}
}

// TestFewVersionsAreListed: the client asks for each of them.
func TestFewVersionsAreListed(t *testing.T) {
	r := serve(t)
	for i := range 12 {
		r.publish("demo.notes", fmt.Sprintf("1.%d", i), needing(fmt.Sprintf("2.%d+", i/4)))
	}
	r.publish("demo.notes", "2.0-rc1", beta)
	r.publish("demo.gone", "1.0", in(store.Withdrawn))
	r.publish("demo.past", "1.0", in(store.Deprecated))
	r.publish("demo.some", "1.0", in(store.Deprecated))
	r.publish("demo.some", "1.1")
	want := "Stable: demo.notes/1.11\nStable: demo.notes/1.10\nStable: demo.notes/1.9\nStable: demo.notes/1.7\nStable: demo.notes/1.3\n" +
		"Stable: demo.past/1.0\nStable: demo.some/1.1"
	if got := r.listed("/jameica/repository.xml"); got != want {
		t.Errorf("listed are\n%s\nwant\n%s", got, want)
	}
	if got := r.listed("/jameica/beta/repository.xml"); got != want+"\nBeta: demo.notes/2.0-rc1" {
		t.Errorf("listed with betas are\n%s\nwant\n%s", got, want)
	}
	for _, path := range []string{"/jameica/demo.notes/1.0/plugin.xml", "/jameica/demo.some/1.0/plugin.xml"} {
		if a := r.ask("GET", path); a.StatusCode != 200 {
			t.Errorf("%s, which is not listed: %s", path, a.Status)
		}
	}
	for i := range 12 {
		r.publish("demo.many", fmt.Sprintf("1.%d", i), needing(fmt.Sprintf("2.%d+", i)))
	}
	if got := strings.Count(r.listed("/jameica/repository.xml"), "demo.many"); got != 8 {
		t.Errorf("%d versions of one extension are listed", got)
	}
}

// TestHostileListings: what should not be in a catalogue harms nothing but itself.
func TestHostileListings(t *testing.T) {
	r := serve(t)
	r.publish("demo.notes", "2.1.0")
	odd := func(id, version string, files ...store.File) {
		r.Change(id, func(l *store.Listing) {
			l.Format = store.FormatJameica
			l.Releases = []store.Release{{Version: version, State: store.Published, Files: files}}
		})
	}
	file := store.File{Name: "../../etc/passwd", Platforms: []string{"java"}, Digest: r.Put([]byte("no ZIP")), Size: 6}
	odd("a b", "1.0", file)
	odd(`x"/><!--`, "1.0", file)
	odd("../up", "1.0", file)
	odd("demo.version", `1"/>`, file)
	odd("demo.blank", "1.0 ", file)
	odd("demo.empty", "1.0")
	odd("demo.nowhere", "1.0", store.File{Name: "x.zip", Digest: file.Digest})
	odd("demo.junk", "1.0", file)
	odd("demo.lost", "1.0", store.File{Name: "x.zip", Platforms: []string{"java"}, Digest: "sha256:none"})
	r.Broken = "demo.broken"
	odd("demo.broken", "1.0", file)
	if got, want := r.listed("/jameica/repository.xml"), "Stable: demo.junk/1.0\nStable: demo.lost/1.0\nStable: demo.notes/2.1.0"; got != want {
		t.Errorf("listed are\n%s\nwant\n%s", got, want)
	}
	if got := r.taken(&r.failures); strings.Count(got, "left out") != 4 {
		t.Errorf("said was\n%s", got)
	}
	for path, status := range map[string]int{
		"/jameica/demo.notes/2.1.0/plugin.xml": 200, "/jameica/demo.junk/1.0/plugin.xml": 500, "/jameica/demo.lost/1.0/plugin.xml": 500,
		"/jameica/demo.lost/1.0/demo.lost-1.0.zip": 500, "/jameica/demo.lost/1.0/demo.lost-1.0.zip.sha1": 500, "/jameica/demo.junk/1.0/..%2f..%2fetc%2fpasswd": 404,
		"/jameica/a%20b/1.0/plugin.xml": 404, "/jameica/demo.empty/1.0/plugin.xml": 404, "/jameica/demo.blank/1.0%20/plugin.xml": 404,
	} {
		if a := r.ask("GET", path); a.StatusCode != status || strings.Contains(string(a.body), "sha256") {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
	}
	// The client skips what can not be had, and shows the rest.
	j := jameicatest.Start(t)
	j.Do("trust")
	if got := strings.Join(j.Do("open", r.url+"/jameica"), "\n"); !strings.Contains(got, "plugin Stable demo.notes 2.1.0") || strings.Count(got, "skipped") != 2 {
		t.Error(got)
	}
}

// TestMadeOnce: what many ask for at once is read and signed once.
func TestMadeOnce(t *testing.T) {
	r := serve(t)
	r.publish("demo.notes", "2.1.0")
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for _, path := range []string{"plugin.xml", "demo.notes-2.1.0.zip.sha1"} {
				if a := r.ask("GET", "/jameica/demo.notes/2.1.0/"+path); a.StatusCode != 200 {
					t.Errorf("%s: %s", path, a.Status)
				}
			}
		})
	}
	clients.Wait()
	if r.signed.Load() != 1 || r.Opened.Load() != 2 {
		t.Errorf("signed %d times, opened %d times", r.signed.Load(), r.Opened.Load())
	}
}

// TestKeyDiffers: who is not to sign gives neither a certificate nor a signature, not one of
// before either, and nothing that could be installed without.
func TestKeyDiffers(t *testing.T) {
	r := serve(t)
	r.publish("demo.notes", "2.1.0")
	const folder = "/jameica/demo.notes/2.1.0/"
	sum := folder + "demo.notes-2.1.0.zip.sha1"
	if a := r.ask("GET", sum); a.StatusCode != 200 {
		t.Fatal(a.Status)
	}
	r.differs.Store(true)
	for path, status := range map[string]int{sum: 503, "/jameica/certificate.pem": 503, folder + "demo.notes-2.1.0.zip": 503, folder + "plugin.xml": 503, "/jameica/repository.xml": 503, "/elsewhere": 200} {
		a := r.ask("GET", path)
		if a.StatusCode != status || status == 503 && (!strings.Contains(string(a.body), jameica.CodeKeyDiffers) || a.Header.Get("Retry-After") == "" || a.Header.Get("Cache-Control") != "no-store") {
			t.Errorf("%s: %s %v %s", path, a.Status, a.Header, a.body)
		}
	}
	j := jameicatest.Start(t)
	j.Do("trust")
	if got := strings.Join(j.Do("open", r.url+"/jameica"), "\n"); strings.Contains(got, "demo.notes") {
		t.Errorf("a group whose certificate can not be had is shown: %s", got)
	}
	r.differs.Store(false)
	if a := r.ask("GET", sum); a.StatusCode != 200 {
		t.Error(a.Status)
	}
	if told := r.taken(&r.failures); told != "" {
		t.Errorf("%s", told)
	}
}
