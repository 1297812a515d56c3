package server_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica/jameicatest"
)

const notesID = "demo.notes"

// notes is a ZIP for Jameica of a version.
func notes(t *testing.T, version string) []byte {
	t.Helper()
	manifest := `<?xml version="1.0" encoding="ISO-8859-1"?>
<plugin xmlns="http://www.willuhn.de/schema/jameica-plugin" name="demo.notes" version="` + version + `" class="org.example.Notes">
  <description>Notizen f` + "\xfc" + `r Konten</description><url>https://acme.example/notes.zip</url><license>MIT</license>
  <requires jameica="2.10+"><import plugin="hibiscus" version="2.10+" required="false"/></requires>
  <menu><item name="Notes" action="org.example.Open"/></menu>
</plugin>`
	var out bytes.Buffer
	if _, err := jameica.WriteArchive(t.Context(), &out, fstest.MapFS{"plugin.xml": {Data: []byte(manifest)}, "demo.notes.jar": {Data: []byte("PK" + version)}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// beside puts the signature of a signer beside a file.
func beside(t *testing.T, s *bundletest.Signer, file []byte) option {
	t.Helper()
	sum := sha256.Sum256(file)
	signature, err := s.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	return func(r *http.Request) {
		r.Header.Set("Detached-Signature", encode(signature))
		r.Header.Set("Detached-Certificates", encode(s.Leaf.Raw)+","+encode(s.Organization.Raw))
	}
}

// TestJameica: a ZIP is published by who has signed it, and installed by an unmodified client,
// and by ours.
func TestJameica(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		acme := bundletest.NewSigner("acme.example", notesID, nil)
		evil := bundletest.NewSigner("evil.example", notesID, nil)
		r := start(t, b, append(bundletest.ChainPEM(acme.Root), bundletest.ChainPEM(evil.Root)...))
		token := r.publisher(acme, "acme.example")
		other := r.publisher(evil, "evil.example")

		zip := notes(t, "2.1.0")
		for name, c := range map[string]struct {
			token, code string
			beside      []option
		}{
			"without a signature":              {token, "unsigned", nil},
			"with that of another file":        {token, "signature_invalid", []option{beside(t, acme, []byte("x"))}},
			"with that of another publisher":   {token, store.CodeNotYours, []option{beside(t, evil, zip)}},
			"by another, with that of its own": {other, store.CodeNotYours, []option{beside(t, acme, zip)}},
		} {
			if a := r.submit(c.token, zip, "", c.beside...); a.status != 422 || !strings.Contains(string(a.body), `"code":"`+c.code+`"`) {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
		}
		if a := r.submit(token, zip, "", header("Detached-Signature", "x")); a.status != 400 {
			t.Errorf("half a signature: %d %s", a.status, a.body)
		}
		if a := r.get("/jameica/repository.xml"); a.status != 200 || strings.Contains(string(a.body), notesID) {
			t.Errorf("what was refused is listed: %s", a.body)
		}
		publish := func(version, query string) {
			t.Helper()
			file := notes(t, version)
			a := r.submit(token, file, query, beside(t, acme, file))
			if a.status != 201 {
				t.Fatalf("%s: %d %s", version, a.status, a.body)
			}
			r.shows(notesID, version, store.Published)
		}
		publish("2.1.0", "")
		publish("2.2.0", "?channel=beta")
		if file := notes(t, "2.2.0-rc1"); r.submit(token, file, "", beside(t, acme, file)).status != 422 {
			t.Error("2.2.0-rc1 is taken, which is 2.2.0 for Jameica")
		}
		listing := read[store.Listing](t, r.get("/api/v1/listings/"+notesID))
		if listing.Format != store.FormatJameica || listing.Publisher.Host != "acme.example" || listing.Releases[1].MinHost != "2.10+" || listing.Releases[1].Requires[0] != "hibiscus 2.10+; optional" {
			t.Errorf("%+v", listing)
		}
		if page := read[store.CardPage](t, r.get("/api/v1/listings?platform=java&format=jameica")); len(page.Listings) != 1 {
			t.Errorf("%+v", page)
		}

		j := jameicatest.Start(t)
		j.Do("trust")
		if got := strings.Join(j.Do("open", r.url+"/jameica"), "\n"); !strings.HasSuffix(got, "plugin Stable demo.notes 2.1.0 "+r.url+"/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip 2.10+") {
			t.Error(got)
		}
		if got := j.Do("install", notesID, "2.1.0"); len(got) != 1 || got[0] != "installed demo.notes 2.1.0 signed" {
			t.Error(got)
		}
		r.installsAsOurs(2)
		r.until("the download is counted", func() bool {
			counts := read[store.Stats](t, r.get("/api/v1/stats?listing="+notesID)).Counts
			return len(counts) > 0 && counts[0].Platform == "java"
		})

		if a := r.post("/api/v1/listings/"+notesID+"/releases/2.1.0/withdraw", store.Reason{Reason: "wrong"}, bearer(token)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
		r.until("it is gone", func() bool { return r.get("/jameica/demo.notes/2.1.0/plugin.xml").status == 404 })
		if got := strings.Join(j.Do("open", r.url+"/jameica"), "\n"); got != "repository "+read[store.Snapshot](t, r.get("/api/v1/snapshot")).Store {
			t.Error(got)
		}
	})
}

// installsAsOurs reads the repository with the betas as our own client does, and downloads all
// of it.
func (r *running) installsAsOurs(want int) {
	r.t.Helper()
	client := &jameica.Client{}
	contents, err := client.Read(r.t.Context(), r.url+"/jameica/beta")
	if err != nil || len(contents.Releases) != want || len(contents.Problems) > 0 {
		r.t.Fatalf("%+v %v", contents, err)
	}
	block, _ := pem.Decode(r.get("/jameica/certificate.pem").body)
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		r.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(root)
	for _, release := range contents.Releases {
		var zip bytes.Buffer
		d, err := client.Download(r.t.Context(), release, jameica.Trust{Roots: roots}, &zip)
		if err != nil || d.Signer == nil {
			r.t.Errorf("%s: %+v %v", release.Folder, d, err)
		}
	}
}

// TestJameicaBelowAPrefix: addresses are those of the base URL, and the store's own key stays.
func TestJameicaBelowAPrefix(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", notesID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root), func(c *server.Config) {
		c.BaseURL, _ = url.Parse("https://store.example/shop/")
	})
	zip := notes(t, "2.1.0")
	if a := r.send("POST", "/shop/api/v1/submissions", bytes.NewReader(zip), bearer(r.admin), header("Content-Type", "application/zip"), beside(t, acme, zip)); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.until("it is listed", func() bool {
		return strings.Contains(string(r.get("/shop/jameica/repository.xml").body), `url="https://store.example/shop/jameica/demo.notes/2.1.0"`)
	})
	body := string(r.get("/shop/jameica/demo.notes/2.1.0/plugin.xml").body)
	if !strings.Contains(body, "<url>https://store.example/shop/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip</url>") || !strings.Contains(body, `<item action="org.example.Open" name="Notes"/>`) {
		t.Error(body)
	}
	if _, err := os.Stat(filepath.Join(r.data, "keys", "jameica.pem")); !os.IsNotExist(err) {
		t.Errorf("a key is made before somebody needs it: %v", err)
	}
	if a := r.get("/shop/jameica/certificate.pem"); a.status != 200 || !strings.Contains(string(a.body), "BEGIN CERTIFICATE") || strings.Contains(string(a.body), "KEY") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if info, err := os.Stat(filepath.Join(r.data, "keys", "jameica.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// TestJameicaReviewed: the signature that came beside a file is there for a second look.
func TestJameicaReviewed(t *testing.T) {
	t.Parallel()
	acme := bundletest.NewSigner("acme.example", notesID, nil)
	r := start(t, backends.SQLite(t), bundletest.ChainPEM(acme.Root), func(c *server.Config) { c.Admission = server.Review })
	evil := r.publisher(bundletest.NewSigner("evil.example", notesID, nil), "evil.example")
	zip := notes(t, "2.1.0")
	waits := read[store.Submission](t, r.submit(r.admin, zip, "", beside(t, acme, zip)))
	if waits.State != store.InReview || waits.Listing != notesID || waits.Detached == nil || len(waits.Detached.Certificates) != 2 {
		t.Fatalf("%+v", waits)
	}
	if a := r.get(fmt.Sprintf("/api/v1/submissions/%d", waits.Number), bearer(evil)); a.status != 404 {
		t.Errorf("another organization sees it: %d", a.status)
	}
	if a := r.post(fmt.Sprintf("/api/v1/submissions/%d/approve", waits.Number), struct{}{}); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.shows(notesID, "2.1.0", store.Published)

	// Refused, since nobody had said whose key that is; then tried again.
	base := bundletest.NewSigner("acme.example", notesID, nil)
	zip = notes(t, "2.2.0")
	refused := r.submit(r.admin, zip, "", beside(t, base, zip))
	if refused.status != 422 || !strings.Contains(string(refused.body), "chain_untrusted") {
		t.Fatalf("%d %s", refused.status, refused.body)
	}
	list := read[store.SubmissionPage](t, r.get("/api/v1/submissions?state=needs_changes", bearer(r.admin)))
	if len(list.Submissions) != 1 || list.Submissions[0].Detached == nil {
		t.Fatalf("%+v", list)
	}
	again := r.post(fmt.Sprintf("/api/v1/submissions/%d/retry", list.Submissions[0].Number), struct{}{})
	if again.status != 422 || !strings.Contains(string(again.body), "chain_untrusted") { // not unsigned: the signature came along
		t.Errorf("%d %s", again.status, again.body)
	}
}

// TestJameicaReplicas: all replicas sign by one key, or do not sign: by that of the first who
// needed one, then by the one that the administrator gave last.
func TestJameicaReplicas(t *testing.T) {
	t.Parallel()
	b := backends.Postgres(t)
	acme := bundletest.NewSigner("acme.example", notesID, nil)
	cert, key := storeCertificate(t)
	replica := func(changes ...func(*server.Config)) *running {
		t.Helper()
		same := func(c *server.Config) { c.SigningCert, c.SigningKey = cert, key }
		return start(t, b, bundletest.ChainPEM(acme.Root), append(changes, same)...)
	}
	one := replica()
	zip := notes(t, "2.1.0")
	if a := one.submit(one.admin, zip, "", beside(t, acme, zip)); a.status != 201 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	const path = "/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip"
	signs := func(r *running) []byte {
		t.Helper()
		r.until("it has the ZIP", func() bool { return r.get(path).status == 200 })
		a := r.get(path + ".sha1")
		if c := r.get("/jameica/certificate.pem"); a.status != 200 || c.status != 200 {
			t.Fatalf("%d %s, its certificate %d %s", a.status, a.body, c.status, c.body)
		}
		return a.body
	}
	refuses := func(r *running) bool {
		t.Helper()
		a, c := r.get(path+".sha1"), r.get("/jameica/certificate.pem")
		return a.status == 503 && c.status == 503 && strings.Contains(string(a.body), "jameica_key_differs")
	}
	signature := signs(one)

	// Another one with a key of its own does not sign, and has nothing else for Jameica either.
	two := replica()
	two.shows(notesID, "2.1.0", store.Published)
	if !refuses(two) || two.get(path).status != 503 {
		t.Errorf("a second key signs: %d", two.get(path+".sha1").status)
	}
	if n := strings.Count(two.log.String(), "code=jameica_key_differs"); n != 1 || !strings.Contains(two.log.String(), "jameica.cert and jameica.key of every replica") {
		t.Errorf("it is told %d times:\n%s", n, two.log)
	}
	for r, want := range map[*running]string{one: "store_jameica_key_differs 0", two: "store_jameica_key_differs 1"} {
		if a := r.get("/metrics"); !strings.Contains(string(a.body), want) {
			t.Errorf("it does not say %s", want)
		}
	}
	if a := two.get("/about"); a.status != 200 || strings.Contains(string(a.body), "certificate.pem") {
		t.Errorf("the page about the store: %d", a.status)
	}
	client := &jameica.Client{}
	if contents, err := client.Read(t.Context(), two.url+"/jameica"); jameica.CodeOf(err) != jameica.CodeUnreachable {
		t.Errorf("%+v %v", contents, err)
	}

	// With the key of the first it signs as that one does.
	shared := filepath.Join(one.data, "keys", "jameica.pem")
	given := func(file string) func(*server.Config) {
		return func(c *server.Config) { c.JameicaCert, c.JameicaKey = file, file }
	}
	three := replica(given(shared))
	if got := signs(three); !bytes.Equal(got, signature) || !bytes.Equal(signs(one), signature) {
		t.Error("with the same key the signature is another one")
	}

	// The administrator gives another key: those with the old one stop until they have it, too.
	four := replica(given(filepath.Join(two.data, "keys", "jameica.pem")))
	renewed := signs(four)
	if bytes.Equal(renewed, signature) {
		t.Error("another key makes the same signature")
	}
	for _, r := range []*running{one, three} {
		r.until("who has the old key stops", func() bool { return refuses(r) })
	}
	two.until("whose key it is now begins", func() bool { return bytes.Equal(two.get(path+".sha1").body, renewed) })
}

// TestJameicaRestarts: a store that comes back without its folder has another key, and does not
// sign by it.
func TestJameicaRestarts(t *testing.T) {
	t.Parallel()
	b := backends.Postgres(t)
	cert, key := storeCertificate(t)
	same := func(c *server.Config) { c.SigningCert, c.SigningKey, c.UnsignedUnsafe = cert, key, true }
	first := start(t, b, nil, same)
	if a := first.get("/jameica/certificate.pem"); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, b, nil, same, func(c *server.Config) { c.Data = first.data })
	if a := again.get("/jameica/certificate.pem"); a.status != 200 {
		t.Errorf("with its folder: %d %s", a.status, a.body)
	}
	if err := again.stop(); err != nil {
		t.Fatal(err)
	}
	bare := start(t, b, nil, same)
	if a := bare.get("/jameica/certificate.pem"); a.status != 503 || !strings.Contains(bare.log.String(), "code=jameica_key_differs") {
		t.Errorf("without its folder: %d %s", a.status, a.body)
	}
}
