package catalog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// upload receives a bundle that must be good.
func (r *running) upload(data []byte) *Received {
	r.t.Helper()
	received, err := r.Receive(r.t.Context(), iotest.OneByteReader(bytes.NewReader(data)), -1)
	if err != nil {
		r.t.Fatalf("receiving: %v", err)
	}
	r.t.Cleanup(received.Release)
	return received
}

// publish puts an upload into the folder, which must go well.
func (r *running) publish(received *Received) string {
	r.t.Helper()
	file, err := r.Publish(r.t.Context(), received)
	if err != nil {
		r.t.Fatalf("publishing: %v", err)
	}
	received.Release()
	return file
}

// dropped lists the folder, dot files included.
func (h home) dropped() []string {
	h.t.Helper()
	list, err := os.ReadDir(h.drop)
	if err != nil {
		h.t.Fatal(err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestUpload(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.write(h.path(uploading+"123"), []byte("left by a crash"))
	var copies atomic.Int32
	r := h.run(countCopies(&copies))
	r.runs()
	data := parcelBytes("a", "1.0", 100<<10)
	received := r.upload(data)
	if received.Manifest.ID != "a" || received.Size != int64(len(data)) || received.Fault != nil || received.Digest == "" {
		t.Errorf("received: %+v", received)
	}
	if got := r.Plan(received); got.Action != Install || got.From != "" || got.State != lifecycle.Starting || got.Reason != nil {
		t.Errorf("planned: %+v", got)
	}
	r.runs() // nothing is changed so far
	if file := r.publish(received); file != "a-1.0.jar" {
		t.Errorf("published as %q", file)
	}
	e := r.runs("a 1.0").Desired[0]
	if e.File != "a-1.0.jar" || e.Bundle.Digest() != received.Digest || copies.Load() != 1 {
		t.Errorf("%q runs, %d copies were made", e.File, copies.Load())
	}
	if got := h.dropped(); !slices.Equal(got, []string{"a-1.0.jar"}) {
		t.Errorf("the folder holds %q", got)
	}
	info, err := os.Stat(h.path("a-1.0.jar"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("the file: %v, %v", info, err)
	}

	// Once more: nothing is written.
	again := r.upload(data)
	if got := r.Plan(again); got.Action != Nothing || got.From != "1.0" || got.State != lifecycle.Starting {
		t.Errorf("planned: %+v", got)
	}
	r.publish(again)
	if now, err := os.Stat(h.path("a-1.0.jar")); err != nil || !os.SameFile(info, now) || !now.ModTime().Equal(info.ModTime()) {
		t.Errorf("the same bytes were written again: %v", err)
	}

	// Who writes into the folder does not write into private storage.
	f, err := os.OpenFile(h.path("a-1.0.jar"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("garbage"), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	r.turned("a-1.0.jar", lifecycle.Failed, string(bundle.CodeDirectoryBad))
	if _, err := r.Shelved(t.Context(), received.Digest); err != nil {
		t.Errorf("the private copy: %v", err)
	}

	// Other content under the name is replaced, here and when it runs.
	r.publish(r.upload(data))
	r.runs("a 1.0")
	other := r.upload(parcelBytes("a", "1.0", 10))
	if got := r.Plan(other); got.Action != Replace || got.From != "1.0" || got.State != lifecycle.Starting {
		t.Errorf("planned: %+v", got)
	}
	h.write(h.path(uploading+"456"), []byte("left by a crash of another kind"))
	r.publish(other)
	if got := h.dropped(); !slices.Equal(got, []string{"a-1.0.jar"}) {
		t.Errorf("the folder holds %q", got)
	}
	r.await("the other bytes run", func(v View) bool { return len(v.Desired) == 1 && v.Desired[0].Bundle.Digest() == other.Digest })
	r.neverStops("a 1.0")
}

func TestPlan(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	h.put("a-2.jar", parcelBytes("a", "2", 0))
	h.put("b.jar", parcelBytes("b", "1", 0, bundletest.With("extension_name", "Same")))
	h.put("off.jar", parcelBytes("off", "1", 0))
	h.put("pin.jar", parcelBytes("pin", "1", 0))
	m.set("off", func(st *Standing) { st.Disabled = true })
	r := h.run(m.install)
	v := r.is("a 2", "b 1", "off 1 disabled", "pin 1")
	m.healthy(v)
	m.set("pin", func(st *Standing) { st.Pinned = st.Current })
	bad := r.upload(parcelBytes("a", "3-bad", 0))
	m.set("a", func(st *Standing) { st.Rejected = []string{bad.Digest} })
	far := r.upload(parcelBytes("far", "2", 0))
	m.set("far", func(st *Standing) { st.Pinned = far.Digest })

	for name, tt := range map[string]struct {
		data   []byte
		action Action
		from   string
		state  lifecycle.State
		code   string
		says   string
	}{
		"new":                    {parcelBytes("n", "1", 0), Install, "", lifecycle.Starting, "", ""},
		"higher":                 {parcelBytes("a", "10", 0), Upgrade, "2", lifecycle.Starting, "", ""},
		"lower":                  {parcelBytes("a", "1", 0), Downgrade, "2", lifecycle.Waiting, lifecycle.CodeHeld, `"a-2.jar" holds version 2`},
		"other bytes":            {parcelBytes("a", "2.0", 9), Replace, "2", lifecycle.Starting, "", ""},
		"the same":               {parcelBytes("a", "2", 0), Nothing, "2", lifecycle.Starting, "", ""},
		"taken":                  {parcelBytes("c", "1", 0, bundletest.With("extension_name", "same")), Install, "", lifecycle.Conflict, lifecycle.CodeNameTaken, `"b.jar" (b) has the name "Same"`},
		"upgrade of the owner":   {parcelBytes("b", "2", 0, bundletest.With("extension_name", "same")), Upgrade, "1", lifecycle.Starting, "", ""},
		"requires what is there": {parcelBytes("c", "1", 0, bundletest.With("extension_requires", "a >=2")), Install, "", lifecycle.Starting, "", ""},
		"requires what is not":   {parcelBytes("c", "1", 0, bundletest.With("extension_requires", "a >2")), Install, "", lifecycle.Waiting, lifecycle.CodeDependencyMissing, "a >2"},
		"of a disabled one":      {parcelBytes("off", "2", 0), Upgrade, "1", lifecycle.Stopped, "disabled", "jackfield ext enable off"},
		"of a pinned one":        {parcelBytes("pin", "2", 0), Upgrade, "1", lifecycle.Waiting, lifecycle.CodeHeld, "pinned at version 1"},
		"the pin":                {parcelBytes("pin", "1", 0), Nothing, "1", lifecycle.Starting, "", ""},
		"pinned, and not there":  {parcelBytes("far", "1", 0), Install, "", lifecycle.Waiting, lifecycle.CodeHeld, "pinned at another bundle"},
		"rejected":               {parcelBytes("a", "3-bad", 0), Upgrade, "2", lifecycle.Waiting, lifecycle.CodeHeld, "did not take over from 2"},
		"not for this platform":  {cannotRun("a", "5"), Upgrade, "2", lifecycle.Unsupported, lifecycle.CodeNoExecutable, "no executable"},
	} {
		received := r.upload(tt.data)
		eventually(t, "the loop has seen what was set", func() bool {
			r.Catalog.mu.Lock()
			defer r.Catalog.mu.Unlock()
			return r.Catalog.input.standing["far"].Pinned != ""
		})
		got := r.Plan(received)
		if got.Action != tt.action || got.From != tt.from || got.State != tt.state || (got.Reason == nil) != (tt.code == "") ||
			got.Reason != nil && (got.Reason.Code != tt.code || !strings.Contains(got.Reason.Message, tt.says)) {
			t.Errorf("%s: %+v, reason %v", name, got, got.Reason)
		}
		if tt.state == lifecycle.Unsupported != (received.Fault != nil) || received.Fault != nil && received.Fault.State != tt.state {
			t.Errorf("%s: its fault is %+v", name, received.Fault)
		}
		received.Release()
	}
	if got := h.dropped(); len(got) != 4 {
		t.Errorf("planning left %q in the folder", got)
	}
}

func TestBadUploads(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run(func(c *Catalog) { c.cfg.Limits.FileBytes = 64 << 10 })
	r.runs()
	good := parcelBytes("a", "1", 100)
	endless := func() io.Reader { return iotest.DataErrReader(zeros{}) }
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx  context.Context
		body io.Reader
		size int64
		code bundle.Code
		is   error
	}{
		"announced too big":   {nil, nil, 64<<10 + 1, bundle.CodeTooBig, nil},
		"grows too big":       {nil, endless(), -1, bundle.CodeTooBig, nil},
		"garbage":             {nil, strings.NewReader("no archive"), -1, bundle.CodeNotZip, nil},
		"nothing":             {nil, strings.NewReader(""), 0, bundle.CodeNotZip, nil},
		"cut off":             {nil, bytes.NewReader(good[:len(good)-9]), int64(len(good) - 9), bundle.CodeTruncated, nil},
		"a manifest is wrong": {nil, bytes.NewReader(parcelBytes("a b", "1", 0)), -1, bundle.CodeManifestInvalid, nil},
		"shorter than said":   {nil, bytes.NewReader(good), int64(len(good) + 1), "", io.ErrUnexpectedEOF},
		"the client goes":     {nil, io.MultiReader(bytes.NewReader(good[:99]), iotest.ErrReader(unix.ECONNRESET)), -1, "", unix.ECONNRESET},
		"nobody waits":        {ended, bytes.NewReader(good), -1, "", context.Canceled},
	} {
		ctx := tt.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		received, err := r.Receive(ctx, tt.body, tt.size)
		if received != nil || err == nil || bundle.CodeOf(err) != tt.code || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%s: %+v, %v", name, received, err)
		}
	}
	if left := h.shelved(); len(left) != 0 {
		t.Errorf("private storage holds %q", left)
	}
	r.runs()
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestUploadOnAFullDisk(t *testing.T) {
	t.Parallel()
	var room atomic.Int64
	room.Store(10 << 10)
	h := newHome(t)
	r := h.run(func(c *Catalog) {
		c.shelf.toDisk = func(w io.Writer) io.Writer { return narrowDisk{w, &room} }
	})
	data := parcelBytes("a", "1", 100<<10)
	_, err := r.Receive(t.Context(), bytes.NewReader(data), -1)
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "private storage") || bundle.CodeOf(err) != "" {
		t.Errorf("on a full disk: %v", err)
	}
	if left := h.shelved(); len(left) != 0 {
		t.Errorf("private storage holds %q", left)
	}
}

func TestPublishWhereItCannotBe(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	r.runs()
	received := r.upload(parcelBytes("a", "1", 0))
	if err := os.Mkdir(h.path("a-1.jar"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Publish(t.Context(), received); !errors.Is(err, ErrFolder) {
		t.Errorf("over a folder: %v", err)
	}
	h.remove("a-1.jar")
	if got := h.dropped(); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
	outside := h.bundles + ".outside"
	h.write(outside, []byte("theirs"))
	if err := os.Symlink(outside, h.path("a-1.jar")); err != nil {
		t.Fatal(err)
	}
	r.publish(received) // takes the place of the link
	r.runs("a 1")
	if data, err := os.ReadFile(outside); err != nil || string(data) != "theirs" {
		t.Errorf("what the link led to: %q, %v", data, err)
	}

	h.rename(h.drop, h.drop+".away")
	r.await("the folder is missed", func(v View) bool { return v.Err != nil })
	if _, err := r.Publish(t.Context(), received); !errors.Is(err, ErrFolder) {
		t.Errorf("into a lost folder: %v", err)
	}
	for _, tt := range []struct {
		err  error
		says string
	}{
		{unix.ENOSPC, "is full"}, {unix.EDQUOT, "is full"}, {unix.EROFS, "may not write"}, {unix.EACCES, "may not write"}, {unix.EIO, "nothing can be put"},
	} {
		if err := depositError(&fs.PathError{Op: "write", Err: tt.err}); !errors.Is(err, tt.err) || !errors.Is(err, ErrFolder) || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%v: %v", tt.err, err)
		}
	}
}

func TestReceivedIsHeld(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	m.kept = map[string]bool{}
	r := h.run(m.install)
	r.runs()
	first, second := r.upload(parcelBytes("a", "1", 0)), r.upload(parcelBytes("a", "2", 0))
	third := r.upload(parcelBytes("a", "2", 0)) // the same bytes, held twice
	m.mu.Lock()
	m.kept[first.Digest] = true // so that nothing else of a stays
	m.mu.Unlock()
	shelved := func() int { return len(r.ShelvedIDs()["a"]) }
	collected := func() bool {
		var tidy bool
		m.wake()
		return r.ask(t.Context(), func() { tidy = !r.untidy }) == nil && tidy
	}
	eventually(t, "the shelf is tidied", collected)
	second.Release()
	second.Release()
	eventually(t, "the shelf is tidied", collected)
	if shelved() != 2 {
		t.Errorf("%d are there, and two are needed", shelved())
	}
	third.Release()
	eventually(t, "the other one goes", func() bool { return shelved() == 1 })
}

// TestUploadsFromEverywhere receives, plans, publishes and withdraws from many
// goroutines at once, while the loop runs.
func TestUploadsFromEverywhere(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	r := h.run(m.install)
	r.runs()
	var work sync.WaitGroup
	for _, id := range []string{"a", "b", "c", "d"} {
		work.Go(func() {
			for _, version := range []string{"1", "2", "3"} {
				received, err := r.Receive(t.Context(), bytes.NewReader(parcelBytes(id, version, 1000)), -1)
				if err != nil {
					t.Error(err)
					return
				}
				r.Plan(received)
				if _, err := r.Publish(t.Context(), received); err != nil {
					t.Error(err)
				}
				received.Release()
				r.Dependents(id)
				r.ShelvedIDs()
				m.wake()
			}
			if id == "d" {
				if err := r.WithdrawFile(t.Context(), "d-3.jar"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	r.is("a 3", "b 3", "c 3", "d 2")
	for _, id := range []string{"a", "b", "c", "d"} {
		if _, err := r.Withdraw(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	r.runs()
	if got := h.dropped(); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

// TestGuestsOfAKilledHost: of what came by uploads, only what a file holds outlives a host
// that had no time to tidy up.
func TestGuestsOfAKilledHost(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	r.runs()
	for _, id := range []string{"a", "b"} { // as many as are kept of an id
		if _, err := r.Receive(t.Context(), bytes.NewReader(parcelBytes(id, "1", 0)), -1); err != nil {
			t.Fatal(err)
		}
	}
	r.publish(r.upload(parcelBytes("c", "1", 0)))
	r.runs("c 1")
	r.stop() // as if it were killed: nothing is released
	if got := h.shelved(); len(got) != 3 {
		t.Fatalf("private storage holds %q", got)
	}
	r = h.run()
	r.runs("c 1")
	eventually(t, "the others go", func() bool { return len(h.shelved()) == 1 })
	h.remove("c-1.jar")
	r.runs()
	if got := h.shelved(); len(got) != 1 {
		t.Errorf("what a file has held is no guest any more, but %q is there", got)
	}
}
