package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest/ingesttest"
)

const jamiABI = "x86_64-linux-gnu"

// trustJami has a store trust a root for archives of Jami's.
func trustJami(t *testing.T, root *jpltest.Issuer) func(*server.Config) {
	return func(c *server.Config) {
		dir := filepath.Join(c.Data, "trust", "jami")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate.Raw})
		if err := os.WriteFile(filepath.Join(dir, "root.pem"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// dropInto has a store watch a folder, which is returned.
func dropInto(t *testing.T) (string, func(*server.Config)) {
	dir := t.TempDir()
	return dir, func(c *server.Config) { c.Drop = dir }
}

// lay puts a file into a drop folder, whole at once.
func lay(t *testing.T, dir, name, ending string, data []byte) {
	t.Helper()
	folder := filepath.Join(dir, "plugins", name, "server")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(folder, ".part")
	if err := os.WriteFile(part, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, filepath.Join(folder, name+ending)); err != nil {
		t.Fatal(err)
	}
}

// TestQuarantine throws hostile files at a store, through the API and the drop folder at
// once, while readers ask for everything that it serves: all of them are answered throughout,
// what is published does not change, and every file has its reason.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	const seed = 20261126
	acme := bundletest.NewSigner("acme.example", helloID, nil)
	root, gardener := jpltest.At(time.Now())
	greenery := jpltest.Good(jpltest.By(gardener)).Build()
	files := ingesttest.Hostile(t, seed, 1000, hello(acme, "1.1.0"), hello(acme, "1.2.0"), bundletest.Good(), greenery)
	if !*long {
		files = ingesttest.Some(files, seed, 100)
	}
	t.Logf("%d files, seed %d", len(files), seed)
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		drop, watched := dropInto(t)
		r := start(t, b, bundletest.ChainPEM(acme.Root), trustJami(t, root), watched)
		token := r.publisher(acme, "acme.example")
		for _, version := range []string{"1.0.0", "1.1.0", "1.2.0"} {
			r.published(token, hello(acme, version))
		}
		r.published(r.admin, greenery)
		before := r.shown()

		reading, stop := context.WithCancel(t.Context())
		defer stop()
		var readers sync.WaitGroup
		answers := r.readOn(reading, &readers)
		dropped := map[string]bool{} // digests
		var posted []ingesttest.File
		for i, f := range files {
			digest := store.ObjectOf(f.Data).Digest
			switch {
			case len(f.Data) == 0 && dropped[digest]:
				continue // the API takes no file without bytes
			case len(f.Data) > 0 && i%2 == 0 || dropped[digest]: // the folder takes none twice
				posted = append(posted, f)
				continue
			}
			dropped[digest] = true
			lay(t, drop, fmt.Sprintf("File%d", i), []string{".jar", ".jpl"}[i/2%2], f.Data)
		}
		numbers := r.refusedAll(posted)
		r.until("the drop folder is worked through", func() bool {
			found := 0
			for _, s := range r.submissions() {
				if s.Source == "drop" && dropped[s.Digest] && s.State != store.Submitted && s.State != store.Checking {
					found++
				}
			}
			return found == len(dropped)
		})
		stop()
		readers.Wait()
		if n := answers.Load(); n < 100 {
			t.Errorf("only %d answers were read meanwhile", n)
		}
		if after := r.shown(); after != before {
			t.Errorf("what is published has changed:\n%s\n%s", before, after)
		}
		for _, s := range r.submissions() {
			if s.Source == "drop" {
				numbers = append(numbers, s.Number)
			}
		}
		reasons := r.reasons(numbers)
		if want := len(posted) + len(dropped); len(numbers) != want {
			t.Errorf("%d submissions, want %d", len(numbers), want)
		}
		t.Logf("%d through the API, %d through the drop folder, %d reasons, %d answers meanwhile", len(posted), len(dropped), len(reasons), answers.Load())
	})
}

// shown is all that a client can see of the catalogue, beside its signature.
func (r *running) shown() string {
	r.t.Helper()
	return string(r.get("/api/v1/snapshot").body) + string(r.get("/api/v1/listings").body)
}

// refusedAll submits files from four clients at once. Each must be refused; it returns the
// numbers of the submissions.
func (r *running) refusedAll(files []ingesttest.File) (numbers []int64) {
	next := make(chan ingesttest.File)
	var clients sync.WaitGroup
	var mu sync.Mutex
	for range 4 {
		clients.Go(func() {
			by := &http.Transport{}
			defer by.CloseIdleConnections()
			for f := range next {
				a, err := ask(by, "POST", r.url+"/api/v1/submissions?file=x.jar", bytes.NewReader(f.Data), bearer(r.admin), header("Content-Type", "application/octet-stream"))
				var problem struct{ Submission *store.Submission }
				if err == nil {
					err = json.Unmarshal(a.body, &problem)
				}
				if err != nil || a.status != http.StatusUnprocessableEntity || problem.Submission == nil {
					r.t.Errorf("%s: %d %s, %v", f.Name, a.status, a.body, err)
					continue
				}
				mu.Lock()
				numbers = append(numbers, problem.Submission.Number)
				mu.Unlock()
			}
		})
	}
	for _, f := range files {
		next <- f
	}
	close(next)
	clients.Wait()
	return numbers
}

// submissions are all submissions, as the administrator sees them.
func (r *running) submissions() (all []store.Submission) {
	r.t.Helper()
	for cursor := ""; ; {
		page := read[store.SubmissionPage](r.t, r.get("/api/v1/submissions?limit=500"+cursor, bearer(r.admin)))
		all = append(all, page.Submissions...)
		if page.Next == "" {
			return all
		}
		cursor = "&cursor=" + page.Next
	}
}

// reasons looks at submissions, one by one: each is refused, with a code of the closed set.
func (r *running) reasons(numbers []int64) map[string]int {
	r.t.Helper()
	known, found := ingesttest.Codes(), map[string]int{}
	for _, n := range numbers {
		s := read[store.Submission](r.t, r.get(fmt.Sprintf("/api/v1/submissions/%d", n), bearer(r.admin)))
		if s.State != store.NeedsChanges || len(s.Problems) == 0 || !known[s.Problems[0].Code] || s.Problems[0].Message == "" {
			r.t.Errorf("submission %d of %s is %s: %+v", n, s.File, s.State, s.Problems)
			continue
		}
		found[s.Problems[0].Code]++
	}
	return found
}

// readOn asks for everything that a store serves, again and again, until ctx ends. Every
// answer must be 200, or 304 to who has it already; their number is returned.
func (r *running) readOn(ctx context.Context, readers *sync.WaitGroup) *atomic.Int64 {
	var answers atomic.Int64
	one := "/api/v1/listings/" + helloID
	page := "/extensions/" + helloID
	for _, paths := range [][]string{
		{"/api/v1/listings", "/api/v1/listings?q=hell", one, one + "/releases", one + "/releases/1.2.0", one + "/releases/1.2.0/download", "/api/v1/advisories"},
		{"/api/v1/snapshot/timestamp", "/api/v1/snapshot", "/healthz", "/readyz", "/metrics"},
		{"/?arch=" + jamiABI, "/details/Greenery?arch=" + jamiABI, "/versions/Greenery?arch=" + jamiABI, "/icons/Greenery?arch=" + jamiABI, "/download/" + jamiABI + "/Greenery", "/jami?arch=" + jamiABI},
		{"/", "/?q=hello", "/?label=x&sort=name", page, page + "/versions", page + "/versions/1.0.0", page + "/feed.atom", "/extensions/Greenery", "/labels", "/about", "/submissions", "/feed.atom"},
	} {
		readers.Go(func() {
			by := &http.Transport{}
			defer by.CloseIdleConnections()
			etags := map[string]string{}
			for i := 0; ctx.Err() == nil; i++ {
				path := paths[i%len(paths)]
				conditional := func(*http.Request) {}
				if etag := etags[path]; etag != "" && i/len(paths)%2 == 1 {
					conditional = header("If-None-Match", etag)
				}
				a, err := ask(by, "GET", r.url+path, nil, conditional)
				if err != nil || !slices.Contains([]int{http.StatusOK, http.StatusNotModified}, a.status) {
					r.t.Errorf("%s: %d %.300s, %v", path, a.status, a.body, err)
				}
				etags[path] = a.header.Get("Etag")
				answers.Add(1)
				select {
				case <-ctx.Done():
				case <-time.After(2 * time.Millisecond): // leave some of the machine to the others
				}
			}
		})
	}
	return &answers
}
