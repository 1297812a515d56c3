package jami_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jami"
)

// ask asks a face without a network.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// stocked is a shelf with Greenery 1.0.1 and 1.0.0, and a bundle.
func stocked(t testing.TB) shelf {
	s := newShelf()
	s.publish(t, jpltest.Good(jpltest.With("version", "1.0.0")), day(1))
	s.publish(t, jpltest.Good(), day(2))
	s.Change("org.acme.Hello", func(l *store.Listing) {
		l.Format, l.Texts = store.FormatBundle, map[string]store.Text{"": {Name: "Hello"}}
		l.Publisher.Organization = "Acme Inc."
		l.Releases = []store.Release{{Version: "2.0", Channel: store.Stable, State: store.Published, Published: day(3),
			Files: []store.File{{Name: "hello-2.0.jar", Platforms: []string{"linux-amd64", "server"}, Digest: s.Put([]byte("a bundle"))}}}}
	})
	return s
}

// TestShapes: what the client reads of each answer, byte for byte.
func TestShapes(t *testing.T) {
	face := jami.New(stocked(t), jami.Options{Prefix: "/jami", URL: "https://store.acme.example/jami/"})
	english := `{"id":"Greenery","name":"Greenery","description":"Puts *plants* behind you.","author":"Acme Gardens","version":"1.0.1","timestamp":"2026-06-02T12:00:00Z",` +
		`"iconPath":"https://store.acme.example/jami/icons/Greenery?arch=x86_64-linux-gnu","background":"https://store.acme.example/jami/backgrounds/Greenery?arch=x86_64-linux-gnu"}`
	for target, want := range map[string]string{
		"/?arch=" + linux:                           "[" + english + "]",
		"/jami?arch=" + linux:                       "[" + english + "]",
		"/jami/?arch=" + linux:                      "[" + english + "]",
		"/?arch=arm64-v8a":                          "[]",
		"/?arch=unknown":                            "[]",
		"/?arch=":                                   "[]",
		"/details/Greenery?arch=" + linux:           english,
		"/versions/Greenery?arch=" + linux:          `[{"id":"Greenery","version":"1.0.1","timestamp":"2026-06-02T12:00:00Z"},{"id":"Greenery","version":"1.0.0","timestamp":"2026-06-01T12:00:00Z"}]`,
		"/jami/versions/org.acme.Hello?arch=server": `[{"id":"org.acme.Hello","version":"2.0","timestamp":"2026-06-03T12:00:00Z"}]`,
		"/download/server/org.acme.Hello":           "a bundle",
		"/jami/versions/Greenery?arch=linux-amd64":  `[{"id":"Greenery","version":"1.0.1","timestamp":"2026-06-02T12:00:00Z"},{"id":"Greenery","version":"1.0.0","timestamp":"2026-06-01T12:00:00Z"}]`,
	} {
		w := ask(face, "GET", target)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s\nwant %s", target, w.Code, w.Body, want)
		}
		if got := w.Header().Get("Content-Length"); got != strconv.Itoa(len(want)) {
			t.Errorf("%s: Content-Length %q", target, got)
		}
		head := ask(face, "HEAD", target)
		if head.Code != 200 || head.Body.Len() != 0 || head.Header().Get("Content-Length") != strconv.Itoa(len(want)) || head.Header().Get("ETag") != w.Header().Get("ETag") {
			t.Errorf("HEAD %s: %d %v", target, head.Code, head.Header())
		}
		again := ask(face, "GET", target, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("%s again: %d", target, again.Code)
		}
	}
}

// TestNotThere: 404 for every id and platform that is unknown, in every answer but a list.
func TestNotThere(t *testing.T) {
	s := stocked(t)
	face := jami.New(s, jami.Options{Prefix: "/jami", Failed: failing(t)})
	for _, target := range []string{
		"/details/None?arch=" + linux, "/versions/None?arch=" + linux, "/icons/None?arch=" + linux, "/backgrounds/None?arch=" + linux, "/download/" + linux + "/None",
		"/details/Greenery?arch=unknown", "/versions/Greenery?arch=arm64-v8a", "/icons/Greenery?arch=riscv", "/backgrounds/Greenery", "/download/unknown/Greenery",
		"/details/greenery?arch=" + linux, // another spelling is another file to the client
		"/details/org.acme.Hello?arch=" + linux, "/versions/Greenery?arch=server", "/download/" + linux + "/org.acme.Hello", "/details/org.acme.Hello?arch=linux-amd64",
		"/details/", "/details", "/details/a/b", "/download/" + linux, "/download/" + linux + "/Greenery/x", "/crl/root", "/crl", "/upload/" + linux + "/Greenery",
		"/", "/jami", "/jamigration?arch=" + linux, "/index.html?arch=" + linux, "/versions/%2e%2e?arch=" + linux,
	} {
		for _, prefix := range []string{"", "/jami"} {
			if w := ask(face, "GET", prefix+target); w.Code != 404 || strings.Contains(w.Header().Get("Cache-Control"), "max-age") {
				t.Errorf("%s: %d %s", prefix+target, w.Code, w.Body)
			}
		}
	}
	if w := ask(face, "POST", "/details/Greenery?arch="+linux); w.Code != 405 || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", w.Code)
	}
	// A digest whose bytes are gone is the store's fault.
	archive, _ := s.Current().Listing("greenery")
	s.Lose(archive.Releases[0].Files[0].Digest)
	var failed error
	face = jami.New(s, jami.Options{Failed: func(err error) { failed = err }})
	if w := ask(face, "GET", "/download/"+linux+"/Greenery"); w.Code != 500 || failed == nil || strings.Contains(w.Body.String(), "sha256") {
		t.Errorf("%d %s %v", w.Code, w.Body, failed)
	}
}

// TestNext: the web pages have "/" without arch, and all that the face does not know.
func TestNext(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	face := jami.New(stocked(t), jami.Options{Prefix: "/jami", Next: next})
	for target, want := range map[string]string{"/": "page /", "/?q=x": "page /", "/listings/Greenery": "page /listings/Greenery", "/jami": "page /jami", "/api/v1/listings?arch=x": "page /api/v1/listings"} {
		if w := ask(face, "GET", target); w.Body.String() != want {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	if w := ask(face, "POST", "/"); w.Body.String() != "page /" {
		t.Errorf("POST /: %s", w.Body)
	}
}

// TestWhatIsOffered: which release an id stands for.
func TestWhatIsOffered(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(l *store.Listing)
		want   []string
	}{
		{"both", func(*store.Listing) {}, []string{"1.0.1", "1.0.0"}},
		{"a beta is not for everybody", func(l *store.Listing) { l.Releases[0].Channel = store.Beta }, []string{"1.0.0"}},
		{"withdrawn", func(l *store.Listing) { l.Releases[0].State = store.Withdrawn }, []string{"1.0.0"}},
		{"revoked", func(l *store.Listing) { l.Releases[0].Revoked = "stolen key" }, []string{"1.0.0"}},
		{"nobody should begin with what is deprecated", func(l *store.Listing) { l.Releases[0].State = store.Deprecated }, []string{"1.0.0"}},
		{"unless it is all there is", func(l *store.Listing) {
			l.Releases[0].State, l.Releases[1].State = store.Deprecated, store.TakenDown
		}, []string{"1.0.1"}},
		{"for another platform", func(l *store.Listing) { l.Releases[0].Files[0].Platforms = []string{"windows-amd64"} }, []string{"1.0.0"}},
		{"nothing", func(l *store.Listing) { l.Releases = nil }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := stocked(t)
			s.Change(jpltest.ID, func(l *store.Listing) {
				for i := range l.Releases {
					l.Releases[i].Files = slices.Clone(l.Releases[i].Files)
				}
				c.change(l)
			})
			face := jami.New(s, jami.Options{Failed: failing(t)})
			w := ask(face, "GET", "/versions/Greenery?arch="+linux)
			var list []struct{ Version string }
			_ = json.Unmarshal(w.Body.Bytes(), &list)
			var got []string
			for _, r := range list {
				got = append(got, r.Version)
			}
			if !slices.Equal(got, c.want) || (w.Code == 200) != (len(c.want) > 0) {
				t.Errorf("%d %q, want %q", w.Code, got, c.want)
			}
			listed := strings.Contains(ask(face, "GET", "/?arch="+linux).Body.String(), `"id":"Greenery"`)
			if listed != (len(c.want) > 0) {
				t.Errorf("listed: %t", listed)
			}
			if len(c.want) > 0 {
				if name := ask(face, "GET", "/download/"+linux+"/Greenery").Header().Get("Content-Disposition"); !strings.Contains(name, "Greenery-"+c.want[0]+".jpl") {
					t.Errorf("what is downloaded is %s", name)
				}
			}
		})
	}
}

// TestARMOfLinux: arm64-v8a is Android to most, and every Linux on ARM of 64 bits: the file
// for Linux goes first, because Jami for Android has no store.
func TestARMOfLinux(t *testing.T) {
	s := stocked(t)
	s.Change(jpltest.ID, func(l *store.Listing) {
		l.Releases[0].Files = []store.File{
			{Name: "android.jpl", Platforms: []string{"android-arm64"}, Digest: s.Put([]byte("android"))},
			{Name: "linux.jpl", Platforms: []string{"linux-arm64"}, Digest: s.Put([]byte("linux"))},
		}
	})
	face := jami.New(s, jami.Options{})
	if w := ask(face, "GET", "/download/arm64-v8a/Greenery"); w.Body.String() != "linux" {
		t.Errorf("%s", w.Body)
	}
	s.Change(jpltest.ID, func(l *store.Listing) { l.Releases[0].Files = l.Releases[0].Files[:1] })
	if w := ask(face, "GET", "/download/arm64-v8a/Greenery"); w.Body.String() != "android" {
		t.Errorf("%s", w.Body)
	}
}

// TestLanguages: one name with an underscore, as Qt writes it; what browsers write, too.
func TestLanguages(t *testing.T) {
	s := stocked(t)
	s.Change(jpltest.ID, func(l *store.Listing) {
		l.Texts = map[string]store.Text{"": {Name: "default"}, "en": {Name: "en"}, "fr": {Name: "fr"}, "fr-ca": {Name: "fr-ca"}, "de": {Name: "de"}}
	})
	face := jami.New(s, jami.Options{})
	for header, want := range map[string]string{
		"fr_CA": "fr-ca", "fr-CA": "fr-ca", "FR_ca": "fr-ca", "fr_CH": "fr", "fr": "fr", "de_DE": "de", "de_DE.UTF-8": "de",
		"en_US": "en", "pt_BR": "en", "C": "en", "": "en", "fr-CH, de;q=0.9": "fr", "*": "en", strings.Repeat("x", 1000): "en",
	} {
		for _, target := range []string{"/?arch=" + linux, "/details/Greenery?arch=" + linux} {
			if w := ask(face, "GET", target, "Accept-Language", header); !strings.Contains(w.Body.String(), `"name":"`+want+`"`) || !slices.Contains(w.Header()["Vary"], "Accept-Language") {
				t.Errorf("%q: %s %v", header, w.Body, w.Header())
			}
		}
	}
	s.Change(jpltest.ID, func(l *store.Listing) { l.Texts = map[string]store.Text{"": {Name: "default"}} })
	if w := ask(face, "GET", "/?arch="+linux, "Accept-Language", "fr"); !strings.Contains(w.Body.String(), `"name":"default"`) {
		t.Errorf("%s", w.Body)
	}
}

// TestDownload: ranges, the length, and who is told.
func TestDownload(t *testing.T) {
	var told []string
	s := stocked(t)
	face := jami.New(s, jami.Options{Downloaded: func(id, version, platform string) { told = append(told, id+" "+version+" "+platform) }})
	whole := ask(face, "GET", "/download/"+linux+"/Greenery")
	if !bytes.HasPrefix(whole.Body.Bytes(), []byte("PK")) || whole.Header().Get("Content-Length") != strconv.Itoa(whole.Body.Len()) {
		t.Errorf("%v", whole.Header())
	}
	part := ask(face, "GET", "/download/"+linux+"/Greenery", "Range", "bytes=10-19", "If-Range", whole.Header().Get("ETag"))
	if part.Code != 206 || !bytes.Equal(part.Body.Bytes(), whole.Body.Bytes()[10:20]) {
		t.Errorf("%d, %d bytes", part.Code, part.Body.Len())
	}
	ask(face, "HEAD", "/download/"+linux+"/Greenery")
	ask(face, "GET", "/download/"+linux+"/Greenery", "If-None-Match", whole.Header().Get("ETag"))
	if !slices.Equal(told, []string{"Greenery 1.0.1 linux-amd64"}) {
		t.Errorf("%q", told)
	}
}

// TestPictures: what the store drew is served; a picture of another kind, or none, is a
// blank, which is no error to the client.
func TestPictures(t *testing.T) {
	s := stocked(t)
	face := jami.New(s, jami.Options{})
	icon := func() *httptest.ResponseRecorder { return ask(face, "GET", "/icons/Greenery?arch="+linux) }
	if w := icon(); !bytes.Equal(w.Body.Bytes(), jpltest.PNG()) || w.Header().Get("Content-Type") != "image/png" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	svg := s.Put([]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`))
	s.Change(jpltest.ID, func(l *store.Listing) { l.Pictures.Icon = &store.Picture{Digest: svg, Media: "image/svg+xml"} })
	if w := icon(); w.Code != 200 || http.DetectContentType(w.Body.Bytes()) != "image/png" {
		t.Errorf("an SVG is passed through: %s", w.Body)
	}
	if w := ask(face, "GET", "/backgrounds/Greenery?arch="+linux); w.Code != 200 || http.DetectContentType(w.Body.Bytes()) != "image/jpeg" || w.Header().Get("Content-Type") != "image/jpeg" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestCRL(t *testing.T) {
	list, failure := []byte("der"), error(nil)
	face := jami.New(newShelf(), jami.Options{Prefix: "/jami", CRL: func(context.Context) ([]byte, error) { return list, failure }})
	if w := ask(face, "GET", "/crl/root"); w.Code != 200 || w.Body.String() != "der" || w.Header().Get("Content-Type") != "application/pkix-crl" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if list = nil; ask(face, "GET", "/jami/crl/root").Code != 404 {
		t.Error("a list that there is not")
	}
	if failure = errors.New("no disk"); ask(face, "GET", "/crl/root").Code != 500 {
		t.Error("a list that cannot be read")
	}
}

// TestLists: a change is seen at once, what did not change is not read again, and a large
// list is compressed.
func TestLists(t *testing.T) {
	s := stocked(t)
	s.fill(30)
	face := jami.New(s, jami.Options{})
	count := func() int {
		var list []map[string]any
		w := ask(face, "GET", "/?arch="+linux, "Accept-Encoding", "gzip")
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatalf("%v %v", err, w.Header())
		}
		if err := json.NewDecoder(z).Decode(&list); err != nil {
			t.Fatal(err)
		}
		for _, object := range list {
			if _, ok := object["status"]; ok {
				t.Fatal("there is a status")
			}
		}
		return len(list)
	}
	if n := count(); n != 31 || s.Loaded.Load() != 31 {
		t.Fatalf("%d in the list, %d read", n, s.Loaded.Load())
	}
	s.Change(jpltest.ID, func(l *store.Listing) { l.Releases = nil })
	if n := count(); n != 30 || s.Loaded.Load() != 32 {
		t.Errorf("%d in the list, %d read", n, s.Loaded.Load())
	}
	for range 5 {
		count()
	}
	if s.Loaded.Load() != 32 {
		t.Errorf("%d read", s.Loaded.Load())
	}

	// One that cannot be loaded costs its own row.
	var failed []error
	face = jami.New(s, jami.Options{Failed: func(err error) { failed = append(failed, err) }})
	s.Broken = "Filler7"
	if n := count(); n != 29 || len(failed) != 1 || !strings.Contains(failed[0].Error(), "Filler7") {
		t.Errorf("%d in the list, %v", n, failed)
	}
}

// TestManyAtOnce: while the catalogue changes, whoever asks gets a whole list.
func TestManyAtOnce(t *testing.T) {
	s := stocked(t)
	face := jami.New(s, jami.Options{Failed: failing(t)})
	var asking sync.WaitGroup
	for i := range 8 {
		asking.Go(func() {
			for range 50 {
				var list []map[string]any
				w := ask(face, "GET", "/?arch="+linux, "Accept-Language", []string{"fr_CA", "de", "en"}[i%3])
				if err := json.Unmarshal(w.Body.Bytes(), &list); w.Code != 200 || err != nil || len(list) != 1 {
					t.Errorf("%d %v %s", w.Code, err, w.Body)
				}
			}
		})
	}
	for range 50 {
		s.Change(jpltest.ID, func(l *store.Listing) { l.Publisher.Organization += "." })
	}
	asking.Wait()
	if w := ask(face, "GET", "/?arch="+linux); !strings.Contains(w.Body.String(), "Acme Gardens"+strings.Repeat(".", 50)+`"`) {
		t.Errorf("the last change is not seen: %s", w.Body)
	}
}

// BenchmarkList is a list that is ready, one that a change makes anew, and how much it costs
// to begin, with 5 000 archives.
func BenchmarkList(b *testing.B) {
	s := stocked(b)
	s.fill(5000)
	face := jami.New(s, jami.Options{Failed: failing(b)})
	b.Run("ready", func(b *testing.B) {
		for b.Loop() {
			ask(face, "HEAD", "/?arch="+linux)
		}
	})
	b.Run("changed", func(b *testing.B) {
		for b.Loop() {
			s.Change("Filler1", func(l *store.Listing) { l.Publisher.Organization += "." })
			ask(face, "HEAD", "/?arch="+linux)
		}
	})
	b.Run("begin", func(b *testing.B) {
		for b.Loop() {
			ask(jami.New(s, jami.Options{}), "HEAD", "/?arch="+linux)
		}
	})
}
