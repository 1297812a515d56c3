package host_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// What the stories of upgrades, verbs and restarts share.

const (
	theID   = "org.m.Moody"
	theType = "org.m.MoodyRequest"
)

// moody is a bundle of testdata/moody. Zero values are the usual ones.
type moody struct {
	class, version, mood string
	overlap              bool
	requires             string
	permissions          string
	types                string // types.json
	config               string // config.schema.json
	note                 string // makes other bytes of the same version
	live                 bool   // takes configurations while it runs
	hollow               bool   // no program is in it: it is never to run
}

func (m moody) jar(t *testing.T) []byte {
	t.Helper()
	class := m.class
	if class == "" {
		class = theID
	}
	attributes := []bundle.Attribute{
		{Name: "extension_class", Value: class},
		{Name: "extension_request", Value: class + "Request"},
		{Name: "extension_response", Value: class + "Response"},
		{Name: "extension_name", Value: class},
		{Name: "extension_version", Value: m.version},
	}
	if m.overlap {
		attributes = append(attributes, bundle.Attribute{Name: "extension_upgrade", Value: "overlap"})
	}
	if m.requires != "" {
		attributes = append(attributes, bundle.Attribute{Name: "extension_requires", Value: m.requires})
	}
	if m.permissions != "" {
		attributes = append(attributes, bundle.Attribute{Name: "extension_permissions", Value: m.permissions})
	}
	manifest, err := bundle.FormatManifest(attributes)
	if err != nil {
		t.Fatal(err)
	}
	binary := moodyBinary
	if m.live {
		binary = livelyBinary
	}
	if m.hollow {
		binary = []byte("hollow")
	}
	entries := []entry{{"META-INF/MANIFEST.MF", manifest}, executable(binary)}
	for name, text := range map[string]string{
		"mood": m.mood, "META-INF/extension/types.json": m.types, "META-INF/extension/config.schema.json": m.config, "note": m.note,
	} {
		if text != "" {
			entries = append(entries, entry{name, []byte(text)})
		}
	}
	return storedJAR(t, entries...)
}

// startQuick starts a host that does not wait long before it tries again.
func startQuick(t *testing.T, home string, changes ...func(*host.Config)) *world {
	t.Helper()
	return startWith(t, home, func(cfg *host.Config) {
		cfg.Settings = func(string) host.Settings { return quick() }
		for _, change := range changes {
			change(cfg)
		}
	})
}

// quick are settings of hosts that try again soon, and wait for processes as long as a test
// does: on a busy machine a start has taken longer than the 10 s that hosts give it.
func quick() host.Settings {
	s := host.DefaultSettings()
	s.StartTimeout = planPatience
	s.BackoffFirst, s.BackoffMax = 10*time.Millisecond, 40*time.Millisecond
	return s
}

// awaitRunning waits until a version runs.
func (w *world) awaitRunning(id, version string) host.Extension {
	w.t.Helper()
	return w.await(id, "running in version "+version, func(e host.Extension, found bool) bool {
		return found && e.Version == version && e.State == "running"
	})
}

// awaitRejected waits until a version has failed to take over.
func (w *world) awaitRejected(id, version string) host.Extension {
	w.t.Helper()
	return w.await(id, "without version "+version, func(e host.Extension, found bool) bool {
		return found && e.Candidate != nil && e.Candidate.Version == version && e.Candidate.State == "failed"
	})
}

// asks checks what a request is answered with.
func (w *world) asks(typ, body, want string) {
	w.t.Helper()
	if status, answer := w.post(typ, body); status != http.StatusOK || answer != want {
		w.t.Errorf("%s is answered with %d %q, want %q", body, status, answer, want)
	}
}

func (w *world) act(a host.Action) (host.Extension, error) {
	a.Actor = host.Actor{Name: "admin", Remote: "192.0.2.7"}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.Act(ctx, a)
}

// do does something that must succeed, and waits for what comes of it.
func (w *world) do(a host.Action) host.Extension {
	w.t.Helper()
	if _, err := w.act(a); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", a.Verb, a.ID, err, w.log)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	e, err := w.Settle(ctx, a.ID)
	if err != nil {
		w.t.Fatalf("%s %s does not settle: %v\n%s", a.Verb, a.ID, err, w.log)
	}
	return e
}

// refused does something that must be refused.
func (w *world) refused(a host.Action, code string) *host.Error {
	w.t.Helper()
	_, err := w.act(a)
	refusal, ok := err.(*host.Error)
	if !ok || refusal.Code != code {
		w.t.Fatalf("%s %s: %v, want %s", a.Verb, a.ID, err, code)
	}
	return refusal
}

func (w *world) removeFile(file string) {
	w.t.Helper()
	if err := os.Remove(filepath.Join(w.home.Extensions(), file)); err != nil {
		w.t.Fatal(err)
	}
}

// history returns all events, the oldest first, page by page.
func (w *world) history(id string) []host.Event {
	w.t.Helper()
	var all []host.Event
	for cursor := ""; ; {
		page, err := w.History(context.Background(), id, cursor, 3)
		if err != nil || len(page.Events) > 3 {
			w.t.Fatalf("the history: %d events, %v", len(page.Events), err)
		}
		all = append(all, page.Events...)
		if cursor = page.Next; cursor == "" {
			slices.Reverse(all)
			return all
		}
	}
}

// awaitEvents waits until the history has these "kind version", in this order among
// others.
func (w *world) awaitEvents(id string, want ...string) {
	w.t.Helper()
	var got []string
	if eventually(func() bool {
		got = nil
		left := want
		for _, e := range w.history(id) {
			line := strings.TrimSpace(e.Kind + " " + e.Version)
			got = append(got, line)
			if len(left) > 0 && left[0] == line {
				left = left[1:]
			}
		}
		return len(left) == 0
	}) {
		return
	}
	w.t.Errorf("the history of %s is\n  %s\nwithout all of\n  %s", id, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
}

// clients send requests without a pause, each in a row, until stop is called.
type clients struct {
	w       *world
	server  *httptest.Server
	halt    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // guards what follows
	failures []string
	switches [][]string // for each client the versions it saw, each once in a row
	answers  int
	each     []int // answers of each client
}

func (w *world) load(n int) *clients {
	c := &clients{w: w, server: httptest.NewServer(w.Requests()), switches: make([][]string, n), each: make([]int, n)}
	var ctx context.Context
	ctx, c.halt = context.WithCancel(context.Background())
	for i := range n {
		c.running.Go(func() {
			for ctx.Err() == nil {
				c.once(i)
			}
		})
	}
	return c
}

func (c *clients) once(i int) {
	resp, err := c.server.Client().Post(c.server.URL+"/v1/requests/"+theType, "text/plain", strings.NewReader("version"))
	text := ""
	if err == nil {
		var body []byte
		body, err = io.ReadAll(resp.Body)
		resp.Body.Close()
		text = string(body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers++
	c.each[i]++
	if err != nil || resp.StatusCode != http.StatusOK {
		c.failures = append(c.failures, fmt.Sprintf("%v %s", err, text))
		return
	}
	seen := c.switches[i]
	if len(seen) == 0 || seen[len(seen)-1] != text {
		c.switches[i] = append(seen, text)
	}
}

// more waits until n more requests were answered, two at least of each client: the first
// of them may have been under way before.
func (c *clients) more(n int) {
	c.w.t.Helper()
	c.mu.Lock()
	begun, each := c.answers, slices.Clone(c.each)
	c.mu.Unlock()
	done := func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i, before := range each {
			if c.each[i] < before+2 {
				return false
			}
		}
		return c.answers >= begun+n
	}
	if !eventually(done) {
		c.w.t.Errorf("requests are not answered any more\n%s", c.w.log)
	}
}

// stop ends the load and checks that nothing failed and what each client saw.
func (c *clients) stop(versions ...string) {
	c.w.t.Helper()
	c.halt()
	c.running.Wait()
	c.server.Close()
	if len(c.failures) > 0 {
		c.w.t.Errorf("%d of %d requests failed, first with %s", len(c.failures), c.answers, c.failures[0])
	}
	for i, seen := range c.switches {
		if !slices.Equal(seen, versions) {
			c.w.t.Errorf("client %d saw %v, want %v", i, seen, versions)
		}
	}
}
