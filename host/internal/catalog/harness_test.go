package catalog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// patience is how long a test waits for what must come; it is not a measurement.
const patience = 60 * time.Second

// home is a drop folder with its private storage.
type home struct {
	t             *testing.T
	drop, bundles string
}

func newHome(t *testing.T) home {
	t.Helper()
	h := home{t: t, drop: filepath.Join(t.TempDir(), "extensions"), bundles: filepath.Join(t.TempDir(), "bundles")}
	if err := os.Mkdir(h.drop, 0o755); err != nil {
		t.Fatal(err)
	}
	return h
}

// running is a Catalog at work and all Views it gave out.
type running struct {
	*Catalog
	t    *testing.T
	log  *logText
	stop func() // ends Run and waits for it

	mu    sync.Mutex
	views []View
	more  chan struct{} // closed when a View comes
}

// run opens a Catalog with short times; adjust may change it before it runs.
func (h home) run(adjust ...func(*Catalog)) *running {
	h.t.Helper()
	r := &running{t: h.t, log: &logText{}, more: make(chan struct{})}
	c, err := Open(Config{
		Extensions: h.drop, Bundles: h.bundles,
		Interval: 100 * time.Millisecond, Settle: 30 * time.Millisecond, Stalled: 200 * time.Millisecond,
		GOOS: "linux", GOARCH: "amd64",
		Log: slog.New(slog.NewTextHandler(r.log, nil)),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, change := range adjust {
		change(c)
	}
	r.Catalog = c
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx, r.take) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("Run: %v", err)
		}
	})
	h.t.Cleanup(r.stop)
	return r
}

func (r *running) take(v View) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.views); n > 0 {
		r.follows(r.views[n-1], v)
	}
	r.views = append(r.views, v)
	close(r.more)
	r.more = make(chan struct{})
}

// follows checks that each row came from the one before by an event of the machine.
func (r *running) follows(before, now View) {
	for _, row := range now.Rows {
		state := lifecycle.Pending
		for _, old := range before.Rows {
			if old.File == row.File {
				state = old.State
			}
		}
		if !slices.ContainsFunc(lifecycle.Events(), func(e lifecycle.Event) bool {
			next, ok := state.On(e)
			return ok && next == row.State
		}) {
			r.t.Errorf("%s was %s and is %s", row.File, state, row.State)
		}
	}
}

// await waits for a View that is as asked for, which the last one may be already.
func (r *running) await(what string, ok func(View) bool) View {
	r.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		r.mu.Lock()
		var last View
		if n := len(r.views); n > 0 {
			if last = r.views[n-1]; ok(last) {
				r.mu.Unlock()
				return last
			}
		}
		more := r.more
		r.mu.Unlock()
		select {
		case <-more:
		case <-late.C:
			r.t.Fatalf("no View in which %s; the last one: %s\nlog:\n%s", what, told1(last), r.log)
		}
	}
}

// all returns the Views so far.
func (r *running) all() []View {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.views)
}

// runs waits until exactly these runs, each "id version", and nothing else is there.
func (r *running) runs(want ...string) View {
	r.t.Helper()
	return r.await("exactly "+strings.Join(want, ", ")+" runs", func(v View) bool {
		return len(v.Rows) == 0 && v.Err == nil && slices.Equal(desired(v), want)
	})
}

// turned waits until the row of a file has a state and code.
func (r *running) turned(file string, state lifecycle.State, code string) Row {
	r.t.Helper()
	return r.explained(file, state, code, "")
}

// explained is turned for a reason whose message holds a text.
func (r *running) explained(file string, state lifecycle.State, code, part string) Row {
	r.t.Helper()
	var found Row
	r.await(fmt.Sprintf("%s is %s: %s: …%s…", file, state, code, part), func(v View) bool {
		i := slices.IndexFunc(v.Rows, func(row Row) bool { return row.File == file })
		if i < 0 || v.Rows[i].State != state || v.Rows[i].Reason.Code != code ||
			!strings.Contains(v.Rows[i].Reason.Message, part) {
			return false
		}
		found = v.Rows[i]
		return true
	})
	return found
}

// never fails the test if a View was out of order.
func (r *running) never(what string, bad func(View) bool) {
	r.t.Helper()
	for i, v := range r.all() {
		if bad(v) {
			r.t.Errorf("View %d, in which %s: %s", i, what, told1(v))
		}
	}
}

// neverStops fails the test if what once ran did not in a later View.
func (r *running) neverStops(what string) {
	r.t.Helper()
	ran := false
	r.never(what+" does not run any more", func(v View) bool {
		runs := slices.Contains(desired(v), what)
		ran = ran || runs
		return ran && !runs
	})
}

func desired(v View) []string {
	list := []string{}
	for _, e := range v.Desired {
		list = append(list, e.ID()+" "+e.Bundle.Manifest().Version.String())
	}
	return list
}

func told1(v View) string {
	text := fmt.Sprintf("desired %q, error %v", desired(v), v.Err)
	for _, row := range v.Rows {
		text += fmt.Sprintf("\n\t%s (%s): %s %s: %s", row.File, row.Claims, row.State, row.Reason.Code, row.Reason.Message)
	}
	return text
}

// parcelBytes makes a good bundle. pad is the size of an incompressible file in it;
// edits change it.
func parcelBytes(id, version string, pad int, edits ...bundletest.Edit) []byte {
	return bundletest.Good(append([]bundletest.Edit{
		bundletest.With("extension_class", id+".Main"),
		bundletest.With("extension_request", id+".Request"),
		bundletest.With("extension_response", id+".Response"),
		bundletest.With("extension_name", id),
		bundletest.With("extension_id", id),
		bundletest.With("extension_version", version),
		bundletest.WithFile(executable, []byte("#!/bin/sh\necho "+id+version+"\n")),
		bundletest.WithFile("data/pad", noise(pad)),
	}, edits...)...)
}

// executable is where a test's host looks for it.
const executable = "bin/linux-amd64/extension"

// noise returns bytes that do not compress.
func noise(n int) []byte {
	data := make([]byte, n)
	x := uint64(88172645463325252)
	for i := range data {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		data[i] = byte(x)
	}
	return data
}

// put drops a file as administrators should: complete, by one rename.
func (h home) put(name string, data []byte) {
	h.t.Helper()
	hidden := filepath.Join(h.drop, "."+name+".part")
	h.write(hidden, data)
	h.rename(hidden, filepath.Join(h.drop, name))
}

func (h home) path(name string) string { return filepath.Join(h.drop, name) }

// write writes a file in place, as cp does.
func (h home) write(path string, data []byte) {
	h.t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h home) rename(from, to string) {
	h.t.Helper()
	if err := os.Rename(from, to); err != nil {
		h.t.Fatal(err)
	}
}

func (h home) remove(name string) {
	h.t.Helper()
	if err := os.RemoveAll(h.path(name)); err != nil {
		h.t.Fatal(err)
	}
}

// counting makes a Catalog count how often each file is judged.
type counting struct {
	mu    sync.Mutex
	times map[string]int
	more  chan struct{}
}

func newCounting() *counting { return &counting{times: map[string]int{}, more: make(chan struct{})} }

func (n *counting) install(c *Catalog) {
	judge := c.lanes.judge
	c.lanes.judge = func(ctx context.Context, name string, want sighting) verdict {
		v := judge(ctx, name, want)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.times[name]++
		close(n.more)
		n.more = make(chan struct{})
		return v
	}
}

func (n *counting) of(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.times[name]
}

// await waits until a file was judged more than so many times.
func (n *counting) await(t *testing.T, name string, more int) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		n.mu.Lock()
		enough, next := n.times[name] > more, n.more
		n.mu.Unlock()
		if enough {
			return
		}
		select {
		case <-next:
		case <-late.C:
			t.Fatalf("%s was judged %d times only", name, n.of(name))
		}
	}
}

// logText is a log that may be read while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count returns how many lines of the log hold a text.
func (l *logText) count(part string) int { return strings.Count(l.String(), part) }
