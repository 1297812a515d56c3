package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/trust"
)

// The seed plays the same kills again, as far as the machine does.
var killSeed = flag.Uint64("killseed", 20261126, "decides when the store is killed")

// TestKilled kills `jackfield store serve` with SIGKILL at random moments, from its first
// start on, while two organizations publish and a host reads the index. Whoever publishes
// sends the same request again until it is answered. In the end what was acknowledged is
// there, what is there was sent, and nothing is left lying around; at no moment was the index
// one that a host refuses.
func TestKilled(t *testing.T) {
	t.Parallel()
	publishes, kills := 10, 3
	if *long {
		publishes, kills = 200, 60
	}
	binary := build(t)
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		t.Parallel()
		p := &program{t: t, binary: binary, data: filepath.Join(t.TempDir(), "store-data")}
		p.env = append(os.Environ(), "JACKFIELD_STORE_TRUST_REVOCATION=off", "JACKFIELD_STORE_LIMITS_WRITE=1000", "JACKFIELD_STORE_BASE_URL=http://store.test")
		if b.Name == "postgres" {
			p.env = append(p.env, "JACKFIELD_STORE_DATABASE="+b.DatabaseURL, "JACKFIELD_STORE_BLOBS="+b.BlobsURL,
				"AWS_ACCESS_KEY_ID="+b.BlobOptions.AccessKey, "AWS_SECRET_ACCESS_KEY="+b.BlobOptions.SecretKey)
		}
		authors := []*author{newAuthor("acme.example", helloID), newAuthor("other.example", "other.example.Extension")}
		var roots []byte
		for _, a := range authors {
			roots = append(roots, bundletest.ChainPEM(a.signer.Root)...)
			a.versions = publishes / len(authors)
		}
		p.write("trust/root.pem", roots)
		random := rand.New(rand.NewPCG(*killSeed, 8))
		p.firstStarts(random)
		n := p.publishAll(random, authors, kills)
		t.Logf("%d releases, %d kills, seed %d", publishes, n, *killSeed)
		p.holds(authors)
	})
}

// firstStarts kills the store while it makes its folder, then lets it be made.
func (p *program) firstStarts(random *rand.Rand) {
	p.t.Helper()
	for range 3 {
		r := p.start()
		time.AfterFunc(time.Duration(random.Int64N(int64(400*time.Millisecond))), func() { _ = r.Process.Kill() })
		for p.ready(r) {
			<-r.ended
		}
	}
	r := p.start()
	if !p.ready(r) {
		p.t.Fatal("the store was killed by somebody else")
	}
	r.kill()
	p.url.Store(nil)
}

// author publishes the versions of one extension.
type author struct {
	host, id     string
	signer       *bundletest.Signer
	versions     int
	token        string
	mu           sync.Mutex        // guards what follows
	sent         map[string]string // digests by version
	acknowledged map[string]string
}

func newAuthor(host, id string) *author {
	return &author{host: host, id: id, signer: bundletest.NewSigner(host, id, nil), sent: map[string]string{}, acknowledged: map[string]string{}}
}

// publishAll starts the store again and again, and kills it at random moments, until all is
// published and it was killed often enough. It returns how often it was.
func (p *program) publishAll(random *rand.Rand, authors []*author, atLeast int) (kills int) {
	p.t.Helper()
	ctx, stop := context.WithCancel(p.t.Context())
	var clients, watchers sync.WaitGroup
	defer watchers.Wait()
	defer stop()
	watchers.Go(func() { p.watch(ctx, authors) })
	for _, a := range authors {
		clients.Go(func() { p.publish(ctx, a) })
	}
	done := make(chan struct{})
	go func() { clients.Wait(); close(done) }()
	const usual = 400 * time.Millisecond
	patience, before := usual, 0
	for {
		select {
		case <-done:
			if kills >= atLeast {
				return kills
			}
			patience = usual // nothing gets done any more
		default:
		}
		r := p.start()
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(patience))), func() { _ = r.Process.Kill() })
		p.ready(r)
		<-r.ended
		timer.Stop()
		p.url.Store(nil)
		kills++
		now := 0
		for _, a := range authors {
			a.mu.Lock()
			now += len(a.acknowledged)
			a.mu.Unlock()
		}
		switch {
		case now == before: // a slow machine gets something done, too
			patience += patience / 4
		case now > before+2: // and a fast one is killed as often
			patience -= patience / 4
		}
		if before = now; patience > 10*time.Minute {
			p.t.Error("nothing gets done between two kills")
			return kills
		}
	}
}

// publish publishes all versions of a, one after the other, each until it is acknowledged.
func (p *program) publish(ctx context.Context, a *author) {
	for i := range a.versions {
		version := fmt.Sprintf("1.%d", i)
		noise := make([]byte, 256<<10) // does not compress: there is something to interrupt
		rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(noise)
		file := a.signer.Sign(bundletest.Good(bundletest.With("extension_class", a.id), bundletest.With("extension_version", version), bundletest.WithFile("data/noise", noise)))
		a.mu.Lock()
		a.sent[version] = store.ObjectOf(file).Digest
		a.mu.Unlock()
		for ctx.Err() == nil && !p.send(ctx, a, version, file) {
			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
}

// send sends one request of publish, and reports whether it is over.
func (p *program) send(ctx context.Context, a *author, version string, file []byte) bool {
	url := p.url.Load()
	if url == nil {
		return false
	}
	if a.token == "" && !p.register(*url, a) {
		return false
	}
	answer, err := ask(&http.Transport{DisableKeepAlives: true}, "POST", *url+"/api/v1/submissions?file=x.jar", bytes.NewReader(file),
		bearer(a.token), header("Content-Type", "application/octet-stream"), header("Idempotency-Key", a.host+"/"+version))
	switch {
	case err != nil || answer.status == http.StatusAccepted || answer.status >= 500:
		return false
	case answer.status != http.StatusCreated:
		p.t.Errorf("%s %s: %d %s", a.host, version, answer.status, answer.body)
		return true
	}
	var s store.Submission
	if err := json.Unmarshal(answer.body, &s); err != nil || s.Version != version {
		p.t.Errorf("%s %s: %s, %v", a.host, version, answer.body, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acknowledged[version] = s.Digest
	return ctx.Err() == nil
}

// register has an administrator make a known, and a token of it.
func (p *program) register(url string, a *author) bool {
	admin, err := os.ReadFile(filepath.Join(p.data, "admin-token"))
	if err != nil {
		p.t.Errorf("the administrator's token: %v", err)
		return true
	}
	pin, err := trust.Pin(a.signer.Organization)
	if err != nil {
		p.t.Error(err)
		return true
	}
	post := func(path string, v any) (answer, error) {
		text, err := json.Marshal(v)
		if err != nil {
			return answer{}, err
		}
		return ask(&http.Transport{DisableKeepAlives: true}, "POST", url+path, bytes.NewReader(text), bearer(strings.TrimSpace(string(admin))), header("Content-Type", "application/json"))
	}
	if got, err := post("/api/v1/organizations", store.OrganizationRequest{Name: a.host, Title: a.host, Pins: []string{pin}}); err != nil || got.status != http.StatusOK {
		return false
	}
	got, err := post("/api/v1/tokens", store.TokenRequest{Name: "ci", Role: store.RolePublisher, Organization: a.host})
	var made store.NewToken
	if err != nil || got.status/100 != 2 || json.Unmarshal(got.body, &made) != nil {
		return false
	}
	a.token = made.Secret
	return true
}

// watch reads the index as a host does, until ctx ends: each is signed, none is older than
// the one before, and what it names was sent and has the digest that it says.
func (p *program) watch(ctx context.Context, authors []*author) {
	reader := store.NewReader(store.ReaderConfig{Source: moving{p}, Roots: rootsOf(p.t, p.data)})
	seen := map[string]bool{} // digests of files that were downloaded
	views, last := 0, int64(0)
	for ctx.Err() == nil {
		view, err := reader.Refresh(ctx)
		if err == nil && view.Timestamp().Sequence != last {
			if last = view.Timestamp().Sequence; last > 0 {
				views++
			}
			err = p.look(ctx, view, authors, seen)
		}
		if code := store.CodeOf(err); err != nil && code != store.IndexUnreachable && ctx.Err() == nil {
			p.t.Errorf("at sequence %d: %s: %v", last, code, err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
	p.t.Logf("a host has read %d catalogues up to sequence %d and downloaded %d files", views, last, len(seen))
	if views == 0 || len(seen) == 0 {
		p.t.Error("no catalogue was read meanwhile")
	}
}

// look holds one catalogue to what was sent, and downloads what it has not seen yet.
func (p *program) look(ctx context.Context, view *store.View, authors []*author, seen map[string]bool) error {
	for l, err := range view.All(ctx) {
		if err != nil {
			return err
		}
		for _, r := range l.Releases {
			file := r.Files[0]
			if !slices.ContainsFunc(authors, func(a *author) bool {
				a.mu.Lock()
				defer a.mu.Unlock()
				return a.id == l.ID && a.sent[r.Version] == file.Digest
			}) {
				p.t.Errorf("%s %s is %s, which nobody has sent", l.ID, r.Version, file.Digest)
			}
			if seen[file.Digest] {
				continue
			}
			into, err := os.CreateTemp(p.t.TempDir(), "download-")
			if err != nil {
				return err
			}
			err = view.Download(ctx, store.ReleaseFile{Listing: l.ID, Version: r.Version, File: file}, into, nil)
			if err := errors.Join(err, into.Close(), os.Remove(into.Name())); err != nil {
				return err
			}
			seen[file.Digest] = true
		}
	}
	return nil
}

// holds is what must be true after all kills.
func (p *program) holds(authors []*author) {
	p.t.Helper()
	r := p.start()
	if !p.ready(r) {
		p.t.Fatal("the store was killed by somebody else")
	}
	for _, a := range authors {
		got, err := ask(http.DefaultTransport, "GET", *p.url.Load()+"/api/v1/listings/"+a.id, nil)
		var l store.Listing
		if err == nil {
			err = json.Unmarshal(got.body, &l)
		}
		if err != nil || len(l.Releases) != a.versions || len(a.acknowledged) != a.versions {
			p.t.Errorf("%s has %d releases, %d were acknowledged, want %d; %v", a.id, len(l.Releases), len(a.acknowledged), a.versions, err)
		}
		for _, rel := range l.Releases {
			if d := rel.Files[0].Digest; d != a.acknowledged[rel.Version] || d != a.sent[rel.Version] {
				p.t.Errorf("%s %s is %s, acknowledged was %s, sent %s", a.id, rel.Version, d, a.acknowledged[rel.Version], a.sent[rel.Version])
			}
		}
	}
	if err := r.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	<-r.ended
	if code := r.ProcessState.ExitCode(); code != 0 {
		p.t.Errorf("SIGTERM ends the store with %d\n%s", code, p.stderr.String())
	}
	cmd := exec.Command(p.binary, "store", "check", "--data", p.data, "--digests", "--output", "json")
	cmd.Env = p.env
	out, err := cmd.Output()
	var report server.Report
	if err == nil {
		err = json.Unmarshal(out, &report)
	}
	if err != nil || len(report.Problems) > 0 || !report.Verified || report.Releases != int64(len(authors)*authors[0].versions) || report.Sequence != report.Releases {
		p.t.Errorf("the check says %s, %v", out, err)
	}
	p.tidy()
}
