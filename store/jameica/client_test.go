package jameica_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/resolver"
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
		for _, part := range []string{
			"broken/plugin.xml: it ends before", "missing/plugin.xml: the answer is 404", `evil/plugin.xml: the name "../evil"`,
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

// A reading that takes too long in all keeps what it has; one that is called off is an error.
func TestReadSlowRepository(t *testing.T) {
	s := newSite(t)
	var entries strings.Builder
	for i := range 200 {
		s.handlers[fmt.Sprintf("/%d/plugin.xml", i)] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		fmt.Fprintf(&entries, `<plugin url="BASE/%d"/>`, i)
	}
	s.files["/good/plugin.xml"] = []byte(`<plugin name="good" version="1.0"><url>BASE/good.zip</url></plugin>`)
	s.files["/r/repository.xml"] = []byte(`<repository name="x"><plugins name="a"><plugin url="BASE/good"/>` + entries.String() + `</plugins></repository>`)
	out, err := (&jameica.Client{Timeout: 50 * time.Millisecond}).Read(t.Context(), s.URL+"/r")
	if err != nil || len(out.Releases) != 1 || len(out.Problems) < 200 || !mentions(out.Problems, "longer than 1s in all") {
		t.Errorf("%+v, %v", out, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.mu.Lock()
	s.handlers["/0/plugin.xml"] = func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }
	s.mu.Unlock()
	if out, err := (&jameica.Client{}).Read(ctx, s.URL+"/r"); jameica.CodeOf(err) != jameica.CodeUnreachable {
		t.Errorf("called off: %+v, %v", out, err)
	}
}

// One entry that hangs costs its own time and harms nobody.
func TestReadWithSilentEntry(t *testing.T) {
	s := newSite(t)
	s.files["/r/repository.xml"] = []byte(`<repository name="x"><plugins name="a"><plugin url="BASE/silent"/><plugin url="BASE/good"/></plugins></repository>`)
	s.handlers["/silent/plugin.xml"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	s.files["/good/plugin.xml"] = []byte(`<plugin name="good" version="1.0"><url>BASE/good.zip</url></plugin>`)
	out, err := (&jameica.Client{Timeout: 300 * time.Millisecond}).Read(t.Context(), s.URL+"/r")
	if err != nil || len(out.Releases) != 1 || out.Releases[0].Manifest.Name != "good" {
		t.Fatalf("%+v, %v", out, err)
	}
	if !mentions(out.Problems, "silent/plugin.xml: it took longer than 300ms") {
		t.Errorf("problems are %v", out.Problems)
	}
}

func TestDownload(t *testing.T) {
	a := newAuthority(t)
	s, zips := realSite(t, a)
	c := &jameica.Client{}
	out, err := c.Read(t.Context(), s.URL+"/repository")
	if err != nil {
		t.Fatal(err)
	}
	signed, unsigned := out.Releases[0], out.Releases[3]
	zipPath := "/repository/stable/verein/4.2/verein.4.2.2.zip"
	trusted := jameica.Trust{Roots: a.roots(t)}
	pinned := jameica.Trust{Roots: a.roots(t), Pin: jameica.Pin(signed.Chain.Leaf())}

	var got bytes.Buffer
	d, err := c.Download(t.Context(), signed, pinned, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := zips["verein 4.2.2"]
	if !bytes.Equal(got.Bytes(), want) || d.Size != int64(len(want)) || d.Digest != fmt.Sprintf("sha256:%x", sha256.Sum256(want)) || d.Signer.Subject.CommonName != "Publisher" {
		t.Errorf("downloaded %+v", d)
	}
	archive, err := openArchive(got.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := archive.Matches(signed.Manifest); err != nil {
		t.Error(err)
	}
	if d, err := c.Download(t.Context(), unsigned, jameica.Trust{AllowUnsigned: true}, &got); err != nil || d.Signer != nil {
		t.Errorf("unsigned, which is allowed: %+v, %v", d, err)
	}

	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, h := range []struct {
		name    string
		release jameica.Release
		trust   jameica.Trust
		path    string
		handler http.HandlerFunc
		want    jameica.Code
	}{
		{"the signature is stripped", signed, trusted, zipPath + ".sha1", http.NotFound, jameica.CodeUnsigned},
		{"the signature is stripped, and unsigned is allowed", signed, jameica.Trust{Roots: a.roots(t), AllowUnsigned: true}, zipPath + ".sha1", http.NotFound, jameica.CodeUnsigned},
		{"the signature is forbidden", signed, trusted, zipPath + ".sha1", status(403), jameica.CodeUnsigned},
		{"the signature can not be had now", signed, trusted, zipPath + ".sha1", status(503), jameica.CodeUnreachable},
		{"too many questions", signed, trusted, zipPath + ".sha1", status(429), jameica.CodeUnreachable},
		{"the signature is elsewhere", signed, trusted, zipPath + ".sha1", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.example/x", http.StatusFound)
		}, jameica.CodeRedirectRefused},
		{"the signature is a page", signed, trusted, zipPath + ".sha1", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "<html>not found</html>")
		}, jameica.CodeSignatureInvalid},
		{"the signature is endless", signed, trusted, zipPath + ".sha1", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(make([]byte, 1<<20))
		}, jameica.CodeSignatureInvalid},
		{"the ZIP is another one", signed, trusted, zipPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Write(zips["verein 4.1.9"])
		}, jameica.CodeSignatureInvalid},
		{"the ZIP is missing", signed, trusted, zipPath, http.NotFound, jameica.CodeUnreachable},
		{"the ZIP is cut", signed, trusted, zipPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			w.Write(zips["verein 4.2.2"])
		}, jameica.CodeUnreachable},
		{"the ZIP says that it is too big", signed, trusted, zipPath, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000000000")
			w.Write([]byte("PK"))
		}, jameica.CodeTooBig},
		{"nobody is trusted", signed, jameica.Trust{}, "", nil, jameica.CodeUntrusted},
		{"somebody else signed before", signed, jameica.Trust{Roots: a.roots(t), Pin: "sha256:00"}, "", nil, jameica.CodeUntrusted},
		{"the certificate has expired", signed, jameica.Trust{Roots: a.roots(t), Time: time.Now().AddDate(9, 0, 0)}, "", nil, jameica.CodeUntrusted},
		{"unsigned", unsigned, trusted, "", nil, jameica.CodeUnsigned},
		{"unsigned now, signed before", unsigned, jameica.Trust{AllowUnsigned: true, Pin: pinned.Pin}, "", nil, jameica.CodeUnsigned},
		{"a signature that nothing can be judged by", unsigned, jameica.Trust{AllowUnsigned: true}, "/repository/nightly/verein/verein.4.3.0-nightly.zip.sha1", func(w http.ResponseWriter, _ *http.Request) {
			w.Write(make([]byte, 256))
		}, jameica.CodeUncertified},
		{"a server that finds everything", unsigned, jameica.Trust{AllowUnsigned: true}, "/repository/nightly/verein/verein.4.3.0-nightly.zip.sha1", status(200), jameica.CodeUncertified},
	} {
		t.Run(h.name, func(t *testing.T) {
			s.mu.Lock()
			s.handlers = map[string]http.HandlerFunc{h.path: h.handler}
			s.mu.Unlock()
			if d, err := c.Download(t.Context(), h.release, h.trust, &bytes.Buffer{}); jameica.CodeOf(err) != h.want || d != nil {
				t.Errorf("%+v, %v, want %s", d, err, h.want)
			}
		})
	}
}

// A repository in the shape of a real one is resolved and downloaded from.
func TestResolveAndDownload(t *testing.T) {
	a := newAuthority(t)
	s, _ := realSite(t, a)
	c := &jameica.Client{}
	out, err := c.Read(t.Context(), s.URL+"/repository")
	if err != nil {
		t.Fatal(err)
	}
	pin := jameica.Pin(a.chain(t, "leaf.pem").Leaf())
	request := resolver.Request{
		Repositories: []resolver.Repository{{Name: "vereine", Releases: func(id string) ([]resolver.Release, error) { return out.Offer(id), nil }}},
		HostVersion:  "2.12.0-nightly", Install: []resolver.Ask{{ID: "verein", Version: jameica.Requirement("4.2(+)")}},
		Publishers: map[string]string{"verein": pin}, // so that the unsigned nightly is none
	}
	plan, err := resolver.Resolve(request)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, step := range plan.Steps {
		got = append(got, fmt.Sprintf("%s %s %s signed=%v", step.Action, step.ID, step.Version, step.Publisher == pin))
		for _, r := range out.Releases {
			if r.Manifest.Name != step.ID || r.Manifest.Version != step.Version {
				continue
			}
			var data bytes.Buffer
			if _, err := c.Download(t.Context(), r, jameica.Trust{Roots: a.roots(t), Pin: step.Publisher}, &data); err != nil {
				t.Fatal(err)
			}
			archive, err := openArchive(data.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			if err := archive.Matches(r.Manifest); err != nil {
				t.Error(err)
			}
		}
	}
	if want := "install hibiscus 2.10.20 signed=true, install verein 4.2.2 signed=true"; strings.Join(got, ", ") != want {
		t.Errorf("the plan is %v, want %s", got, want)
	}
	request.HostVersion = "2.8.7"
	if _, err := resolver.Resolve(request); err == nil || !strings.Contains(err.Error(), "verein 4.2.2 needs a host 2.10.0+, and this is 2.8.7") {
		t.Errorf("on an old host: %v", err)
	}
}

func TestOffer(t *testing.T) {
	m := func(text string) *jameica.Manifest {
		m, err := jameica.ParseManifest([]byte(text), jameica.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	out := jameica.Contents{Releases: []jameica.Release{
		{Manifest: m(`<plugin name="x" version="1.0"><requires jameica="2.10+"><import plugin="Jameica" version="3.0-"/><import plugin="jameica.update" version="9"/><import plugin="y" version="1(+)" required="false"/><import plugin="z"/></requires></plugin>`)},
		{Manifest: m(`<plugin name="other" version="1.0"/>`)},
	}}
	list := out.Offer("x")
	if len(list) != 1 {
		t.Fatalf("%d offers", len(list))
	}
	var needs []string
	for _, n := range list[0].Needs {
		needs = append(needs, fmt.Sprintf("%s %s optional=%v", n.ID, n.Version, n.Optional))
	}
	if got := strings.Join(needs, ", "); got != "y 1(+) optional=true, z  optional=false" {
		t.Errorf("needs are %s", got)
	}
	host := list[0].Host
	if host.String() != "2.10+ and 3.0-" || !host.Allows("2.11") || host.Allows("2.9") || host.Allows("3.1") {
		t.Errorf("the host is to be %s", host)
	}
}

func TestDownloadWithoutEnd(t *testing.T) {
	s := newSite(t)
	release := jameica.Release{Group: "a", Manifest: &jameica.Manifest{Name: "x", Version: "1.0", URL: s.URL + "/x.zip"}}
	s.handlers["/x.zip"] = func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	}
	var got bytes.Buffer
	_, err := (&jameica.Client{Limits: jameica.Limits{ArchiveBytes: 200_000}}).Download(t.Context(), release, jameica.Trust{AllowUnsigned: true}, &got)
	if jameica.CodeOf(err) != jameica.CodeTooBig || got.Len() > 200_001 {
		t.Errorf("%v after %d bytes", err, got.Len())
	}
	s.mu.Lock()
	s.handlers["/x.zip"] = func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("PK"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	s.mu.Unlock()
	_, err = (&jameica.Client{Stall: 100 * time.Millisecond}).Download(t.Context(), release, jameica.Trust{AllowUnsigned: true}, &got)
	if jameica.CodeOf(err) != jameica.CodeUnreachable || !strings.Contains(err.Error(), "less than 65536 bytes came in 100ms") {
		t.Errorf("a download that stands still: %v", err)
	}
}
