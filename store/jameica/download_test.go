package jameica_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/resolver"
)

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
