package repositories_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/repositories"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// club is a repository of Jameica's in the shape of a real one: ISO-8859-1, a signed group
// and one that is not, whose ZIPs have bundles in them.
type club struct {
	*httptest.Server
	t     testing.TB
	mu    sync.Mutex
	files map[string][]byte
	tags  map[string]string // of files whose tag says something else
	cuts  map[string]int    // after how many bytes an answer is broken off
	asked []string
	key   *rsa.PrivateKey
	root  string // path of the PEM file of the certificate
}

func newClub(t testing.TB) *club {
	t.Helper()
	c := &club{t: t, files: map[string][]byte{}, tags: map[string]string{}, cuts: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	c.sign()
	return c
}

// sign gives the group a new signer.
func (c *club) sign() {
	c.t.Helper()
	var err error
	if c.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		c.t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Vereine"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, c.key.Public(), c.key)
	if err != nil {
		c.t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.put("/chain.pem", text)
	if c.root == "" {
		c.root = filepath.Join(c.t.TempDir(), "root.pem")
	}
	write(c.t, c.root, text)
}

func (c *club) put(path string, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[path] = data
}

// ServeHTTP serves the files, with a tag, as web servers do.
func (c *club) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	data, ok := c.files[r.URL.Path]
	tag, cut := cmp.Or(c.tags[r.URL.Path], tagOf(data)), c.cuts[r.URL.Path]
	c.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", tag)
	var to http.ResponseWriter = &noting{ResponseWriter: w, note: func(status int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked = append(c.asked, r.URL.Path+" "+http.StatusText(status))
	}}
	if cut > 0 {
		to = &cutting{to, cut}
	}
	http.ServeContent(to, r, "", time.Time{}, bytes.NewReader(data))
}

func tagOf(data []byte) string { return `"` + store.Digest(data)[7:23] + `"` }

// breakOff has answers about a file end after so many bytes; 0 lets them be.
func (c *club) breakOff(path string, after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cuts[path] = after
}

// lie puts a file under the tag of another one.
func (c *club) lie(path string, data, other []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.files[path], c.tags[path] = data, tagOf(other)
}

// cutting breaks the connection off when so many bytes have gone through.
type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	_, _ = c.ResponseWriter.Write(p[:c.left])
	_ = http.NewResponseController(c.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

// add puts a version into a group; jar is what is in its ZIP.
func (c *club) add(name, version, requires string, signed bool, jar []byte) {
	c.t.Helper()
	folder := "/" + name + "/" + version + "/"
	document := []byte(`<?xml version="1.0" encoding="ISO-8859-1"?>
<plugin name="` + name + `" version="` + version + `"><description>F` + "\xfc" + `r Vereine</description><url>` + c.URL + folder + `x.zip</url><requires jameica="2.10+">` + requires + `</requires></plugin>`)
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	for _, f := range []struct {
		name string
		data []byte
	}{{name + "/", nil}, {name + "/plugin.xml", document}, {name + "/lib.jar", []byte("PK")}, {name + "/" + name + ".jar", jar}} {
		to, err := z.Create(f.name)
		if err == nil {
			_, err = to.Write(f.data)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		c.t.Fatal(err)
	}
	c.put(folder+"plugin.xml", document)
	c.put(folder+"x.zip", data.Bytes())
	if signed {
		signature, err := jameica.Sign(bytes.NewReader(data.Bytes()), crypto.Signer(c.key))
		if err != nil {
			c.t.Fatal(err)
		}
		c.put(folder+"x.zip.sha1", signature)
	}
}

// list writes repository.xml.
func (c *club) list(signed, unsigned []string) {
	entries := func(folders []string) (text string) {
		for _, f := range folders {
			text += `<plugin url="` + c.URL + "/" + f + `"/>`
		}
		return text
	}
	text := `<?xml version="1.0" encoding="ISO-8859-1"?><repository name="Vereine f` + "\xfc" + `r alle"><plugins name="Stable" certificate="` + c.URL + `/chain.pem">` + entries(signed) + `</plugins>`
	if unsigned != nil {
		text += `<plugins name="Nightly">` + entries(unsigned) + `</plugins>`
	}
	c.put("/repository.xml", []byte(text+"</repository>"))
}

// bundleOf is a bundle with this id and version.
func bundleOf(id, version string) []byte {
	return bundletest.Good(bundletest.With("extension_id", id), bundletest.With("extension_version", version))
}

func (c *club) source() repositories.Source {
	return repositories.Source{Name: "club", URL: c.URL, Kind: repositories.KindJameica, Root: c.root}
}

// A repository in the shape of a real one is read, searched, resolved and fetched from.
func TestJameica(t *testing.T) {
	c := newClub(t)
	c.add("demo.base", "3.0.1", "", true, bundleOf("demo.base", "3.0.1"))
	c.add("demo.notes", "2.1", `<import plugin="demo.base" version="3.0+"/>`, true, bundleOf("demo.notes", "2.1"))
	c.add("demo.notes", "1.9", "", true, bundleOf("demo.notes", "1.9"))
	c.add("demo.real", "1.0", "", true, []byte("PK, for Jameica alone"))
	c.add("demo.nightly", "1.0", "", false, bundleOf("demo.nightly", "1.0"))
	c.list([]string{"demo.notes/2.1", "demo.notes/1.9", "demo.base/3.0.1", "demo.real/1.0", "missing"}, []string{"demo.nightly/1.0"})
	h := newHost(t, c.source())
	if got := h.refresh("club"); got.State != repositories.StateOK || got.Listings != 4 || len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "missing") {
		t.Fatalf("it is %s with %d listings: %s %q", got.State, got.Listings, got.Message, got.Problems)
	}
	c.asked = nil
	h.refresh("club")
	for _, asked := range c.asked {
		if !strings.HasSuffix(asked, "Not Modified") && !strings.HasSuffix(asked, "Not Found") {
			t.Errorf("looking again asks for all of %s", asked)
		}
	}
	h.restart() // what is known is on the disk
	o, err := h.Find(t.Context(), "demo.notes")
	if err != nil || o.Listing.Texts[""].Description != "Für Vereine" || len(o.Releases) != 2 || o.Listing.Releases[0].Version != "2.1" {
		t.Fatalf("it finds %+v, %v", o, err)
	}
	if found, err := h.Search(t.Context(), repositories.Query{Text: "vereine notes"}); err != nil || len(found.Offers) != 1 {
		t.Errorf("searching finds %+v, %v", found, err)
	}
	u, err := h.Universe(t.Context(), repositories.Reach{IDs: []string{"demo.notes"}})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := resolver.Resolve(resolver.Request{Repositories: u.Repositories, HostVersion: "1.5.0", Platform: platform, Install: []resolver.Ask{{ID: "demo.notes"}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range plan.Steps {
		into := partial(t, []byte("left behind"))
		want := repositories.Want{Repository: step.Repository, ID: step.ID, Version: step.Version}
		fetched, err := h.Fetch(t.Context(), want, into, nil)
		if err != nil {
			t.Fatal(err)
		}
		f, err := bundle.Open(into.Name(), bundle.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		v, err := bundle.Verify(t.Context(), f)
		if err != nil || v.Digest() != fetched.Digest || v.Size() != fetched.Size {
			t.Errorf("what was fetched is %+v, %v", fetched, err)
		}
		got = append(got, v.Manifest().ID+" "+v.Manifest().Version.String())
		f.Close()
	}
	if strings.Join(got, ", ") != "demo.base 3.0.1, demo.notes 2.1" {
		t.Errorf("installed is %v", got)
	}
	for id, want := range map[string]repositories.Code{"demo.real": repositories.CodeNoBundle, "demo.nightly": repositories.CodeSignature} {
		into := partial(t, nil)
		_, err := h.Fetch(t.Context(), repositories.Want{Repository: "club", ID: id, Version: "1.0"}, into, nil)
		if repositories.CodeOf(err) != want {
			t.Errorf("%s is %v, want %s", id, err, want)
		}
		if id == "demo.real" && len(contentOf(t, into)) != 0 {
			t.Errorf("what is no bundle is left behind")
		}
	}
}

// Who has signed what was taken of a name stands for the publisher that it is pinned to;
// somebody else does not, however trusted.
func TestJameicaSigners(t *testing.T) {
	c := newClub(t)
	c.add("demo.notes", "1.0", "", true, bundleOf("demo.notes", "1.0"))
	c.list([]string{"demo.notes/1.0"}, nil)
	h := newHost(t, c.source())
	h.refresh("club")
	const pinned = "sha256:00@acme.example"
	offered := func() string {
		t.Helper()
		u, err := h.Universe(t.Context(), repositories.Reach{IDs: []string{"demo.notes"}, Publishers: map[string]string{"demo.notes": pinned}})
		if err != nil {
			t.Fatal(err)
		}
		releases, err := u.Repositories[0].Releases("demo.notes")
		if err != nil {
			t.Fatal(err)
		}
		return releases[0].Publisher
	}
	fetch := func() error {
		_, err := h.Fetch(t.Context(), repositories.Want{Repository: "club", ID: "demo.notes", Version: "1.0"}, partial(t, nil), nil)
		return err
	}
	if got := offered(); got != "" {
		t.Errorf("what was never taken is by %s", got)
	}
	if err := fetch(); err != nil {
		t.Fatal(err)
	}
	h.restart()
	if got := offered(); got != pinned {
		t.Errorf("what was taken before is by %q, want %s", got, pinned)
	}
	if err := fetch(); err != nil {
		t.Error(err)
	}
	c.sign()
	c.add("demo.notes", "1.0", "", true, bundleOf("demo.notes", "1.0"))
	h.refresh("club")
	if got := offered(); got != "" {
		t.Errorf("by a new signer it is by %s", got)
	}
	if err := fetch(); repositories.CodeOf(err) != repositories.CodeSignature {
		t.Errorf("fetching from a new signer is %v", err)
	}
	if _, _, err := h.Forget(t.Context(), "club"); err != nil {
		t.Fatal(err)
	}
	h.refresh("club")
	if err := fetch(); err != nil {
		t.Errorf("once it is forgotten: %v", err)
	}
}

// A hostile repository of Jameica's has its error, and harms nobody.
func TestJameicaAttacks(t *testing.T) {
	for name, a := range map[string]struct {
		attack http.HandlerFunc
		want   repositories.Code
	}{
		"no answer":   {func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, repositories.Code(store.IndexTooSlow)},
		"errors":      {func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", 500) }, repositories.Code(store.IndexUnreachable)},
		"without end": {func(w http.ResponseWriter, r *http.Request) { endless(w) }, repositories.Code(store.IndexTooLarge)},
		"no XML":      {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }, repositories.Code(store.IndexMalformed)},
		"a document type": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `<!DOCTYPE x [<!ENTITY e "x">]><repository/>`)
		}, repositories.Code(store.IndexMalformed)},
		"another origin": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.2:9/repository.xml", http.StatusFound)
		}, repositories.CodeRedirected},
		"round and round": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, repositories.CodeRedirected},
		"a tag that lies": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNotModified) }, repositories.Code(store.IndexUnreachable)},
		"an unknown format": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, `<?xml version="1.0" encoding="x-unknown"?><repository/>`)
		}, repositories.Code(store.IndexMalformed)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			evil := httptest.NewServer(a.attack)
			t.Cleanup(evil.Close)
			c := newClub(t)
			c.add("demo.notes", "1.0", "", true, bundleOf("demo.notes", "1.0"))
			c.list([]string{"demo.notes/1.0"}, nil)
			h := newHost(t, repositories.Source{Name: "a-evil", URL: evil.URL, Kind: repositories.KindJameica}, c.source())
			patient := func() {}
			if a.want == repositories.Code(store.IndexTooSlow) {
				patient = h.impatient()
			}
			if got := h.refresh("a-evil"); got.State != repositories.StateError || got.Code != a.want || got.Message == "" {
				t.Errorf("it is %s, %s: %s, want %s", got.State, got.Code, got.Message, a.want)
			}
			patient()
			if got := h.refresh("club"); got.State != repositories.StateOK {
				t.Errorf("the one beside is %s, %s: %s", got.State, got.Code, got.Message)
			}
			if o, err := h.Find(t.Context(), "demo.notes"); err != nil || o.Repository != "club" {
				t.Errorf("the one beside gives %+v, %v", o, err)
			}
		})
	}
}

// TestJameicaResumes: a ZIP that was broken off is gone on with, also after a restart; if it is
// wrong in the end, the next try begins anew.
func TestJameicaResumes(t *testing.T) {
	c := newClub(t)
	c.add("demo.notes", "1.0", "", true, bundleOf("demo.notes", "1.0"))
	c.list([]string{"demo.notes/1.0"}, nil)
	const zip = "/demo.notes/1.0/x.zip"
	h := newHost(t, c.source())
	h.refresh("club")
	fetch := func() (asked string, most int64, err error) {
		t.Helper()
		c.mu.Lock()
		c.asked = nil
		c.mu.Unlock()
		into := partial(t, nil)
		_, err = h.Fetch(t.Context(), repositories.Want{Repository: "club", ID: "demo.notes", Version: "1.0"}, into, func(size, _ int64) { most = max(most, size) })
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, a := range c.asked {
			if status, ok := strings.CutPrefix(a, zip+" "); ok {
				asked += status
			}
		}
		return asked, most, err
	}
	size := int64(len(c.files[zip]))
	c.breakOff(zip, int(size/2))
	if asked, most, err := fetch(); repositories.CodeOf(err) != repositories.Code(store.IndexUnreachable) || most != size/2 {
		t.Fatalf("what is broken off: %s, %d bytes, %v", asked, most, err)
	}
	c.breakOff(zip, int(size/4))
	if asked, most, err := fetch(); repositories.CodeOf(err) != repositories.Code(store.IndexUnreachable) || most != size/2+size/4 {
		t.Fatalf("what is broken off again: %s, %d bytes, %v", asked, most, err)
	}
	h.restart()
	c.breakOff(zip, 0)
	if asked, most, err := fetch(); err != nil || asked != "Partial Content" || most != size {
		t.Errorf("the rest: %s, %d bytes of %d, %v", asked, most, size, err)
	}
	if asked, _, err := fetch(); err != nil || asked != "OK" {
		t.Errorf("once more: %s, %v", asked, err)
	}

	// A server that gives something else under the same tag.
	h.restart() // which forgets documents, and this is small enough to be one
	c.breakOff(zip, int(size/2))
	if _, _, err := fetch(); repositories.CodeOf(err) != repositories.Code(store.IndexUnreachable) {
		t.Fatal(err)
	}
	c.breakOff(zip, 0)
	right := c.files[zip]
	c.lie(zip, append(bytes.Clone(right[:size-4]), "lies"...), right)
	if _, _, err := fetch(); repositories.CodeOf(err) != repositories.CodeSignature {
		t.Errorf("an end of something else: %v", err)
	}
	c.put(zip, right)
	if asked, _, err := fetch(); err != nil || asked != "OK" {
		t.Errorf("after that: %s, %v", asked, err)
	}
	if left, err := filepath.Glob(filepath.Join(h.config.Dir, "*", "zip-*")); err != nil || len(left) != 0 {
		t.Errorf("%q are left, %v", left, err)
	}
}
