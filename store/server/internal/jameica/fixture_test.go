package jameica_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	format "github.com/jackfield-host/jackfield/store/jameica"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf/shelftest"
	"github.com/jackfield-host/jackfield/store/server/internal/signing"
)

// repository is a face that listens, over a catalogue in memory.
type repository struct {
	*shelftest.Catalogue
	t        testing.TB
	url      string
	keys     *signing.Archives
	signed   atomic.Int64
	differs  atomic.Bool // whether the key is another one than that of the other replicas
	mu       sync.Mutex
	failures []string
	counted  []string
}

func (r *repository) Open(ctx context.Context, digest string) (jameica.File, error) {
	return r.Catalogue.Open(ctx, digest)
}

func (r *repository) Sign(ctx context.Context, zip io.Reader) ([]byte, error) {
	r.signed.Add(1)
	return r.keys.Sign(ctx, zip)
}

func (r *repository) ChainPEM(context.Context) ([]byte, error) {
	if r.differs.Load() {
		return nil, jameica.ErrKeyDiffers
	}
	return r.keys.ChainPEM(), nil
}

func (r *repository) Differs() bool { return r.differs.Load() }

// ownKeys are made once: an RSA key takes its time.
var ownKeys struct {
	sync.Once
	*signing.Archives
	err error
}

func serve(t testing.TB) *repository {
	t.Helper()
	ownKeys.Do(func() { ownKeys.Archives, ownKeys.err = signing.OwnArchives(t.TempDir(), "store.example", time.Now()) })
	if ownKeys.err != nil {
		t.Fatal(ownKeys.err)
	}
	r := &repository{Catalogue: shelftest.New(), t: t, keys: ownKeys.Archives}
	server := httptest.NewUnstartedServer(nil)
	r.url = "http://" + server.Listener.Addr().String()
	server.Config.Handler = jameica.New(r, r, jameica.Options{
		Name: "store.example", Base: r.url,
		Next:       http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "next") }),
		Downloaded: func(id, version, platform string) { r.note(&r.counted, id+" "+version+" "+platform) },
		Failed:     func(err error) { r.note(&r.failures, err.Error()) },
	})
	server.Start()
	t.Cleanup(server.Close)
	return r
}

func (r *repository) note(list *[]string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, text)
}

// taken returns what was noted, and forgets it.
func (r *repository) taken(list *[]string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := strings.Join(*list, "\n")
	*list = nil
	return text
}

// zipOf is a ZIP of a version, with more in its plugin.xml.
func zipOf(t testing.TB, id, version, requires, more string) []byte {
	t.Helper()
	manifest := `<?xml version="1.0" encoding="ISO-8859-1"?><plugin name="` + id + `" version="` + version + `"><description>B` + "\xfc" + `cher</description>` +
		`<url>https://elsewhere.example/x.zip</url><requires jameica="` + requires + `"/>` + more + `</plugin>`
	var out bytes.Buffer
	if _, err := format.WriteArchive(t.Context(), &out, fstest.MapFS{"plugin.xml": {Data: []byte(manifest)}, id + ".jar": {Data: []byte("PK")}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// publish puts a release in front of those that are there.
func (r *repository) publish(id, version string, changes ...func(*store.Release)) (zip []byte) {
	r.t.Helper()
	release := store.Release{Version: version, Channel: store.Stable, State: store.Published, MinHost: "2.10+"}
	for _, c := range changes {
		c(&release)
	}
	zip = zipOf(r.t, id, version, release.MinHost, "")
	release.Files = []store.File{{Name: id + "-" + version + ".zip", Platforms: []string{"java"}, Digest: r.Put(zip), Size: int64(len(zip))}}
	r.Change(id, func(l *store.Listing) {
		l.Format, l.Texts = store.FormatJameica, map[string]store.Text{"": {Name: id}}
		l.Releases = append([]store.Release{release}, l.Releases...)
	})
	return zip
}

func beta(r *store.Release) { r.Channel = store.Beta }

func in(state store.ReleaseState) func(*store.Release) {
	return func(r *store.Release) { r.State = state }
}

func needing(host string) func(*store.Release) { return func(r *store.Release) { r.MinHost = host } }

// answer is what came back.
type answer struct {
	*http.Response
	body []byte
}

// ask sends a request with headers: name, value. Nothing is asked or followed that is not said.
func (r *repository) ask(method, path string, headers ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp, body}
}

// listed are the folders in a repository.xml, as group: id/version.
func (r *repository) listed(path string) string {
	r.t.Helper()
	a := r.ask("GET", path)
	parsed, err := format.ParseRepository(a.body, format.Limits{})
	if a.StatusCode != 200 || err != nil || !strings.HasPrefix(parsed.Name, "store.example") {
		r.t.Fatalf("%s %v\n%s", a.Status, err, a.body)
	}
	var list []string
	for _, g := range parsed.Groups {
		if g.Certificate != r.url+"/jameica/certificate.pem" {
			r.t.Errorf("the certificate of %s is %s", g.Name, g.Certificate)
		}
		for _, e := range g.Entries {
			list = append(list, g.Name+": "+strings.TrimSuffix(strings.TrimPrefix(e, r.url+"/jameica/"), "/"))
		}
	}
	return strings.Join(list, "\n")
}
