package host_test

import (
	"archive/zip"
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// installs configures a host that installs from repositories as an administrator names them.
func installs(sources ...host.RepositorySource) func(*host.Config) {
	return func(cfg *host.Config) {
		from(nil)(cfg)
		cfg.RepositorySources = sources
	}
}

// awaitRead waits until a repository was read.
func (w *world) awaitRead(name string) {
	w.t.Helper()
	if !eventually(func() bool {
		return slices.ContainsFunc(w.Repositories(), func(r host.Repository) bool { return r.Name == name && r.State == "ok" })
	}) {
		w.t.Fatalf("the repositories: %+v", w.Repositories())
	}
}

// What a store offers is installed, with what it needs; what is newer is seen and installed;
// a broken repository that was never read is in nobody's way, unless an administrator has put
// it before others: then it may be the one that has the id.
func TestInstallFromRepositories(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	needed := moody{class: "org.acme.Needed", version: "1", overlap: true}
	s.offer(t, needed)
	s.offer(t, moody{version: "1", overlap: true, requires: needed.class + " >=1"})
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, trusttest.PEM(s.Authority.Root.Cert), 0o600); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(t.TempDir(), "home")
	broken := host.RepositorySource{Name: "broken", URL: filepath.Join(t.TempDir(), "nowhere"), Kind: host.KindJackfield, Root: root, Priority: 9}
	shop := host.RepositorySource{Name: "shop", URL: s.server.URL, Kind: host.KindJackfield, Root: root}
	w := startQuick(t, home, installs(broken, shop))
	w.awaitRead("shop")
	refused, err := w.Propose(t.Context(), request(theID))
	if err != nil || len(refused.Steps) > 0 || len(refused.Problems) != 1 || !strings.Contains(refused.Problems[0].Message, "repository.broken.enabled=false") {
		t.Errorf("behind one that was never read: %+v, %v", refused, err)
	}
	w.stop()
	broken.Priority = 0
	w = startQuick(t, home, installs(broken, shop))
	w.awaitRead("shop")
	p := w.awaitOver(w.begins(request(theID)).ID)
	if p.State != "succeeded" || len(p.Steps) != 2 || p.Steps[0].Repository != "shop" {
		t.Fatalf("the plan: %+v", p)
	}
	s.offer(t, moody{version: "1.1", overlap: true, requires: needed.class + " >=1"})
	if _, err := w.RefreshRepository(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	list, err := w.Outdated(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != theID {
		t.Fatalf("outdated: %+v, %v", list, err)
	}
	if o, err := w.AvailableOne(t.Context(), theID); err != nil || o.Installed != "1" || o.Action != "update" || o.Version != "1.1" {
		t.Errorf("the offer: %+v, %v", o, err)
	}
	p = w.awaitOver(w.begins(host.PlanRequest{Update: []string{theID}, Actor: "ann"}).ID)
	if row, _ := w.Extension(theID); p.State != "succeeded" || row.Version != "1.1" {
		t.Errorf("the plan: %+v; the row: %+v", p, row)
	}
}

// jameicaSite is a repository of Jameica's in ISO-8859-1 with two groups, none of them signed.
type jameicaSite struct {
	*httptest.Server
	mu    sync.Mutex
	files map[string][]byte
}

func (s *jameicaSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if data, ok := s.files[r.URL.Path]; ok {
		w.Write(data)
		return
	}
	http.NotFound(w, r)
}

// put puts a version of a bundle there, in the shape that Jameica wants.
func (s *jameicaSite) put(t *testing.T, m moody, imports string) (entry string) {
	t.Helper()
	folder := "/" + m.id() + "/" + m.version + "/"
	document := `<?xml version="1.0" encoding="ISO-8859-1"?>
<plugin name="` + m.id() + `" version="` + m.version + `"><description>F` + "\xfc" + `r alle</description><url>` + s.URL + folder + `x.zip</url><requires jameica="2.10+">` + imports + `</requires></plugin>`
	var data bytes.Buffer
	z := zip.NewWriter(&data)
	for name, text := range map[string][]byte{"": nil, "plugin.xml": []byte(document), "bundle.jar": m.jar(t), "lib.jar": []byte("no bundle")} {
		to, err := z.Create(m.id() + "/" + name)
		if err == nil {
			_, err = to.Write(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[folder+"plugin.xml"], s.files[folder+"x.zip"] = []byte(document), data.Bytes()
	return `<plugin url="` + s.URL + folder + `"/>`
}

// A repository of Jameica's is installed from, by its own versions and imports.
func TestInstallFromJameica(t *testing.T) {
	t.Parallel()
	s := &jameicaSite{files: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	needed := moody{class: "org.acme.Needed", version: "3.1.0", overlap: true}
	entries := s.put(t, needed, "") + s.put(t, moody{class: "org.acme.Needed", version: "4.0.0", overlap: true}, "")
	notes := s.put(t, moody{version: "2.1", overlap: true}, `<import plugin="org.acme.Needed" version="3.0.0(+)"/>`)
	s.mu.Lock()
	s.files["/repository.xml"] = []byte(`<?xml version="1.0" encoding="ISO-8859-1"?><repository name="Vereine f` + "\xfc" + `r alle"><plugins name="a">` + entries + `</plugins><plugins name="b">` + notes + `</plugins></repository>`)
	s.mu.Unlock()
	w := startQuick(t, filepath.Join(t.TempDir(), "home"), installs(
		host.RepositorySource{Name: "club", URL: s.URL, Kind: host.KindJameica, Unsigned: true}))
	w.awaitRead("club")
	p, err := w.Propose(t.Context(), request(theID))
	if err != nil || len(p.Problems) == 0 {
		t.Errorf("3.0.0(+) is 3.0.x, which nobody has, and the plan is %+v, %v", p, err)
	}
	s.put(t, moody{version: "2.1", overlap: true}, `<import plugin="org.acme.Needed" version="3.0(+)"/>`)
	if _, err := w.RefreshRepository(t.Context(), "club"); err != nil {
		t.Fatal(err)
	}
	p = w.awaitOver(w.begins(request(theID)).ID)
	var got []string
	for _, id := range []string{"org.acme.Needed", theID} {
		row, _ := w.Extension(id)
		got = append(got, row.Version)
	}
	if p.State != "succeeded" || !slices.Equal(got, []string{"3.1.0", "2.1"}) {
		t.Errorf("the plan: %+v; installed: %v", p, got)
	}
}
