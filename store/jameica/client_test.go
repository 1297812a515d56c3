package jameica_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
)

// site is a web server of files whose content may name the server itself as BASE, and of
// handlers. It counts what is asked for.
type site struct {
	*httptest.Server
	mu       sync.Mutex
	files    map[string][]byte
	handlers map[string]http.HandlerFunc
	asked    map[string]int
}

func newSite(t *testing.T) *site {
	s := &site{files: map[string][]byte{}, handlers: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked[r.URL.Path]++
	data, ok := s.files[r.URL.Path]
	handler := s.handlers[r.URL.Path]
	s.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case ok:
		w.Write(bytes.ReplaceAll(data, []byte("BASE"), []byte(s.URL)))
	default:
		http.NotFound(w, r)
	}
}

const latin1 = `<?xml version="1.0" encoding="ISO-8859-1"?>`

// realSite is in the shape of a real repository: ISO-8859-1, two groups of which one is
// signed, a folder for each version, and a few things that are broken.
func realSite(t *testing.T, a authority) (*site, map[string][]byte) {
	s := newSite(t)
	zips := map[string][]byte{}
	add := func(folder, name, version, description, requires string) {
		manifest := latin1 + "\n" + `<plugin xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://www.willuhn.de/schema/jameica-plugin-1.5.xsd" name="` +
			name + `" version="` + version + `"><description>` + description + `</description><url>BASE` + folder + name + "." + version + `.zip</url><requires jameica="2.10.0+">` + requires + `</requires></plugin>`
		s.files[folder+"plugin.xml"] = []byte(manifest)
		data := zipOf(t, file{name + "/", ""}, file{name + "/plugin.xml", strings.ReplaceAll(manifest, "BASE", s.URL)}, file{name + "/" + name + ".jar", "PK " + version})
		zips[name+" "+version] = data
		at := folder + name + "." + version + ".zip"
		s.files[at] = data
		if strings.HasPrefix(folder, "/repository/stable/") {
			s.files[at+".sha1"] = a.sign(t, data)
		}
	}
	add("/repository/stable/verein/4.2/", "verein", "4.2.2", "Vereinsverwaltung f\xfcr alle", `<import plugin="hibiscus" version="2.10.20+"/>`)
	add("/repository/stable/verein/4.1/", "verein", "4.1.9", "Vereinsverwaltung", "")
	add("/repository/stable/hibiscus/", "hibiscus", "2.10.20", "HBCI", "")
	add("/repository/nightly/verein/", "verein", "4.3.0-nightly", "Vereinsverwaltung", "")
	// As it is found in the wild: UTF-8, and nothing that says so.
	s.files["/repository/stable/verein/4.1/plugin.xml"] = []byte(`<plugin xmlns="https://www.willuhn.de/schema/jameica-plugin" name="verein" version="4.1.9">
<description>Über Vereine</description><url>BASE/repository/stable/verein/4.1/verein.4.1.9.zip</url></plugin>`)
	s.files["/repository/stable/broken/plugin.xml"] = []byte("<plugin name='broken'>")
	s.files["/repository/stable/evil/plugin.xml"] = []byte("<plugin name='../evil'><url>BASE/x.zip</url></plugin>")
	s.files["/repository/stable/nowhere/plugin.xml"] = []byte("<plugin name='nowhere'/>")
	s.files["/chain.pem"] = []byte(a.read(t, "chain.pem"))
	s.files["/garbage.pem"] = []byte("garbage")
	s.files["/repository/repository.xml"] = []byte(latin1 + `
<repository xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="https://www.willuhn.de/schema/jameica-repository-1.0.xsd" name="Vereine f` + "\xfc" + `r alle">
  <plugins name="Stable" certificate="BASE/chain.pem">
    <plugin url="BASE/repository/stable/verein/4.2"/><plugin url="BASE/repository/stable/broken"/><plugin url="BASE/repository/stable/verein/4.1/"/>
    <plugin url="BASE/repository/stable/missing"/><plugin url="BASE/repository/stable/evil"/><plugin url="BASE/repository/stable/nowhere"/>
    <plugin url="BASE/repository/stable/hibiscus"/><plugin url="BASE/repository/stable/hibiscus/"/>
  </plugins>
  <plugins name="Nightly"><plugin url="BASE/repository/nightly/verein"/></plugins>
  <plugins name="Lost" certificate="BASE/no-chain.pem"><plugin url="BASE/repository/stable/verein/4.1/"/></plugins>
  <plugins name="Garbled" certificate="BASE/garbage.pem"><plugin url="BASE/repository/stable/verein/4.1/"/></plugins>
</repository>`)
	return s, zips
}

func TestReadRepository(t *testing.T) {
	a := newAuthority(t)
	s, _ := realSite(t, a)
	c := &jameica.Client{}
	for _, base := range []string{s.URL + "/repository", s.URL + "/repository/"} {
		out, err := c.Read(t.Context(), base)
		if err != nil {
			t.Fatal(err)
		}
		if out.Name != "Vereine für alle" {
			t.Errorf("its name is %q", out.Name)
		}
		var got []string
		for _, r := range out.Releases {
			got = append(got, fmt.Sprintf("%s %s %s signed=%v", r.Group, r.Manifest.Name, r.Manifest.Version, r.Chain != nil))
		}
		want := []string{"Stable verein 4.2.2 signed=true", "Stable verein 4.1.9 signed=true", "Stable hibiscus 2.10.20 signed=true", "Nightly verein 4.3.0-nightly signed=false"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("offers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if d := out.Releases[0].Manifest; d.Description != "Vereinsverwaltung für alle" || d.Requires[0].Name != "hibiscus" || !d.Host.Allows("2.12.0") {
			t.Errorf("its first is %+v", d)
		}
		if d := out.Releases[1].Manifest.Description; d != "Über Vereine" {
			t.Errorf("without a declaration it is %q", d)
		}
		for _, part := range []string{
			"verein/4.1/plugin.xml: does not say its encoding", "broken/plugin.xml: it ends before", "missing/plugin.xml: the answer is 404", `evil/plugin.xml: the name "../evil"`,
			"nowhere/plugin.xml: it has no url", "hibiscus 2.10.20 is offered before", "group Lost", "no-chain.pem: the answer is 404", "group Garbled",
		} {
			if !mentions(out.Problems, part) {
				t.Errorf("no problem mentions %q:\n%v", part, out.Problems)
			}
		}
	}
	if n := s.asked["/chain.pem"]; n != 2 {
		t.Errorf("the certificate was asked for %d times in two readings", n)
	}
}

func TestReadHostileRepositories(t *testing.T) {
	other := newSite(t)
	other.files["/r/repository.xml"] = []byte(`<repository name="other"/>`)
	endless := func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("<repository name='x'>"))
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte(" "), 64<<10)); err != nil {
				return
			}
		}
	}
	silent := func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("<repository"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	to := func(code int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(code)
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    jameica.Code
	}{
		{"missing", http.NotFound, jameica.CodeUnreachable},
		{"an error", to(500, ""), jameica.CodeUnreachable},
		{"without content", to(204, ""), jameica.CodeUnreachable},
		{"a page that says it is there", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<!DOCTYPE html><p>no") }, jameica.CodeDoctype},
		{"without end", endless, jameica.CodeTooBig},
		{"silence", silent, jameica.CodeUnreachable},
		{"cut", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `<repository name="x"/>`)
		}, jameica.CodeUnreachable},
		{"compressed without being asked", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3})
		}, jameica.CodeXML},
		{"301 to another host", to(301, other.URL+"/r/repository.xml"), jameica.CodeRedirectRefused},
		{"302 to another host", to(302, other.URL+"/r/repository.xml"), jameica.CodeRedirectRefused},
		{"307 to another host", to(307, other.URL+"/r/repository.xml"), jameica.CodeRedirectRefused},
		{"301 to another scheme", to(301, "https://127.0.0.1/"), jameica.CodeRedirectRefused},
		{"301 to a file", to(301, "file:///etc/passwd"), jameica.CodeRedirectRefused},
		{"301 to itself, for ever", to(301, "/r/repository.xml"), jameica.CodeRedirectRefused},
		{"301 on the same host", to(301, "/good.xml"), ""},
		{"308 on the same host", to(308, "/good.xml"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.handlers["/r/repository.xml"] = c.handler
			s.files["/good.xml"] = []byte(`<repository name="good"/>`)
			client := &jameica.Client{}
			if c.name == "silence" {
				client.Timeout = 100 * time.Millisecond
			}
			out, err := client.Read(t.Context(), s.URL+"/r")
			if jameica.CodeOf(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err == nil && out.Name != "good" {
				t.Errorf("read as %q", out.Name)
			}
		})
	}
	for _, base := range []string{"", "r", "file:///etc", "https://user:secret@store.example/", "https://store.example/?x"} {
		if _, err := (&jameica.Client{}).Read(t.Context(), base); jameica.CodeOf(err) != jameica.CodeRepository || strings.Contains(err.Error(), "secret") {
			t.Errorf("the address %q: %v", base, err)
		}
	}
}

// Many documents that are as long as one may be do not fill the memory.
func TestReadBulkyRepository(t *testing.T) {
	s := newSite(t)
	var entries strings.Builder
	for i := range 40 {
		s.files[fmt.Sprintf("/%d/plugin.xml", i)] = []byte(fmt.Sprintf(`<plugin name="p%d" version="1.0"><url>BASE/p.zip</url><description>%s</description></plugin>`, i, strings.Repeat("x", 10_000)))
		fmt.Fprintf(&entries, `<plugin url="BASE/%d"/>`, i)
	}
	s.files["/r/repository.xml"] = []byte(`<repository name="x"><plugins name="a">` + entries.String() + `</plugins></repository>`)
	out, err := (&jameica.Client{Limits: jameica.Limits{TotalBytes: 200_000}}).Read(t.Context(), s.URL+"/r")
	if err != nil || len(out.Releases) == 0 || len(out.Releases) > 20 || !mentions(out.Problems, "too_big") {
		t.Errorf("%d releases, %v", len(out.Releases), err)
	}
}

// nearby asks a site without a network, so that a test can have a clock of its own.
type nearby struct{ *site }

// newNearby is one in the bubble of a test.
func newNearby() nearby {
	return nearby{&site{Server: &httptest.Server{URL: "http://site.example"}, files: map[string][]byte{}, handlers: map[string]http.HandlerFunc{}, asked: map[string]int{}}}
}

// RoundTrip implements http.RoundTripper.
func (n nearby) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	n.ServeHTTP(w, r)
	if r.Context().Err() != nil {
		return nil, context.Cause(r.Context())
	}
	return w.Result(), nil
}

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// A reading that takes too long in all keeps what it has; one that is called off is an error.
func TestReadSlowRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNearby()
		var entries strings.Builder
		for i := range 200 {
			s.handlers[fmt.Sprintf("/%d/plugin.xml", i)] = silent
			fmt.Fprintf(&entries, `<plugin url="BASE/%d"/>`, i)
		}
		s.files["/good/plugin.xml"] = []byte(`<plugin name="good" version="1.0"><url>BASE/good.zip</url></plugin>`)
		s.files["/r/repository.xml"] = []byte(`<repository name="x"><plugins name="a"><plugin url="BASE/good"/>` + entries.String() + `</plugins></repository>`)
		out, err := (&jameica.Client{Transport: s, Timeout: 50 * time.Millisecond}).Read(t.Context(), s.URL+"/r")
		if err != nil || len(out.Releases) != 1 || len(out.Problems) < 200 || !mentions(out.Problems, "longer than 1s in all") {
			t.Errorf("%d releases, %d problems, %v", len(out.Releases), len(out.Problems), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.handlers["/0/plugin.xml"] = func(w http.ResponseWriter, r *http.Request) { cancel(); silent(w, r) }
		if out, err := (&jameica.Client{Transport: s}).Read(ctx, s.URL+"/r"); jameica.CodeOf(err) != jameica.CodeUnreachable {
			t.Errorf("called off: %+v, %v", out, err)
		}
	})
}

// One entry that hangs costs its own time and harms nobody.
func TestReadWithSilentEntry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newNearby()
		s.files["/r/repository.xml"] = []byte(`<repository name="x"><plugins name="a"><plugin url="BASE/silent"/><plugin url="BASE/good"/></plugins></repository>`)
		s.handlers["/silent/plugin.xml"] = silent
		s.files["/good/plugin.xml"] = []byte(`<plugin name="good" version="1.0"><url>BASE/good.zip</url></plugin>`)
		out, err := (&jameica.Client{Transport: s, Timeout: 300 * time.Millisecond}).Read(t.Context(), s.URL+"/r")
		if err != nil || len(out.Releases) != 1 || out.Releases[0].Manifest.Name != "good" {
			t.Fatalf("%+v, %v", out, err)
		}
		if !mentions(out.Problems, "silent/plugin.xml: it took longer than 300ms") {
			t.Errorf("problems are %v", out.Problems)
		}
	})
}
