package drop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// desk remembers what it was given, as the store's does.
type desk struct {
	mu    sync.Mutex
	got   []string // "file: content", or "file: !code"
	known map[string]bool
	fail  error
}

func (d *desk) Knows(_ context.Context, source, digest string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[digest], d.fail
}

func (d *desk) Receive(_ context.Context, u ingest.Upload) (store.Submission, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return store.Submission{}, d.fail
	}
	if u.Problem != nil {
		d.got = append(d.got, u.File+": !"+u.Problem.Code)
		return store.Submission{}, nil
	}
	data, err := io.ReadAll(u.Body)
	if err != nil {
		return store.Submission{}, err
	}
	sum := sha256.Sum256(data)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	if !strings.HasSuffix(u.Key, digest) || u.Source != ingest.SourceDrop {
		return store.Submission{}, errors.New("a key that is not that of the bytes")
	}
	if d.known == nil {
		d.known = map[string]bool{}
	}
	d.known[digest] = true
	d.got = append(d.got, u.File+": "+string(data))
	return store.Submission{}, nil
}

func (d *desk) received() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.got)
}

// folder is a drop folder and who watches it.
type folder struct {
	t    *testing.T
	dir  string
	desk *desk
	*Watcher
}

func newFolder(t *testing.T) *folder {
	dir, d := t.TempDir(), &desk{}
	return &folder{t, dir, d, New(Config{Dir: dir, Desk: d, Temp: t.TempDir(), MaxBytes: 1000})}
}

func (f *folder) put(at, content string) string {
	f.t.Helper()
	path := filepath.Join(f.dir, "plugins", at)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// looks looks n times and holds what was received by then to want, in any order.
func (f *folder) looks(n int, want ...string) {
	f.t.Helper()
	for range n {
		f.look(f.t.Context())
	}
	got := f.desk.received()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		f.t.Errorf("received %q, want %q", got, want)
	}
}

func TestTheLayout(t *testing.T) {
	f := newFolder(t)
	for _, at := range []string{"Hello/server/Hello.jar", "Hello/desktop/Hello.jpl", "Hello/android/Hello.JPL",
		"Hello/ios/Hello.jpl", "Hello/Hello.jar", "Hello/server/Hello.txt", "Hello/server/.Hello.jar", ".Hidden/server/.Hidden.jar"} {
		f.put(at, at)
	}
	f.put("Hello/server/Other.jar", "x")
	if err := os.Mkdir(filepath.Join(f.dir, "plugins/Hello/server/Folder.jar"), 0o755); err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "Link.jar")
	if err := os.WriteFile(outside, []byte("secret"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.put("Link/server/x", "")
	if err := os.Symlink(outside, filepath.Join(f.dir, "plugins/Link/server/Link.jar")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(f.dir, "plugins/Link/server/Pipe.jar"), 0o644); err != nil {
		t.Fatal(err)
	}
	f.put("Large/server/Large.jar", strings.Repeat("x", 1001))
	f.looks(4, "Hello/server/Hello.jar: Hello/server/Hello.jar", "Hello/desktop/Hello.jpl: Hello/desktop/Hello.jpl",
		"Hello/android/Hello.JPL: Hello/android/Hello.JPL", "Hello/server/Other.jar: !name_mismatch", "Large/server/Large.jar: !too_big")
	if left, err := os.ReadDir(f.cfg.Temp); err != nil || len(left) > 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

func TestAFileIsTakenOnceItRests(t *testing.T) {
	f := newFolder(t)
	at := f.put("Hello/server/Hello.jar", "a")
	f.looks(1)
	f.put("Hello/server/Hello.jar", "ab") // still being copied
	f.looks(1)
	if err := os.Chtimes(at, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	f.looks(1) // written again, the size is the same
	f.looks(1, "Hello/server/Hello.jar: ab")
	f.looks(3, "Hello/server/Hello.jar: ab")

	f.put("Hello/server/Hello.jar", "version two")
	f.looks(2, "Hello/server/Hello.jar: ab", "Hello/server/Hello.jar: version two")

	if err := os.RemoveAll(filepath.Join(f.dir, "plugins/Hello")); err != nil {
		t.Fatal(err)
	}
	f.looks(2, "Hello/server/Hello.jar: ab", "Hello/server/Hello.jar: version two")
	f.put("Hello/server/Hello.jar", "ab") // an old one comes back: its bytes are known
	f.looks(3, "Hello/server/Hello.jar: ab", "Hello/server/Hello.jar: version two")
	if len(f.known) != 1 {
		t.Errorf("%d files are remembered, want 1", len(f.known))
	}
}

func TestAnotherReplicaHasSeenIt(t *testing.T) {
	f := newFolder(t)
	f.put("Hello/server/Hello.jar", "a")
	second := New(Config{Dir: f.dir, Desk: f.desk})
	for range 3 {
		second.look(t.Context())
		f.look(t.Context())
	}
	f.looks(1, "Hello/server/Hello.jar: a")
}

func TestAFileThatChangesWhileItIsReadIsTriedAgain(t *testing.T) {
	f := newFolder(t)
	at := f.put("Hello/server/Hello.jar", "first")
	root, err := os.OpenRoot(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	was, err := os.Lstat(at)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func() error{
		"it grows": func() error { return os.WriteFile(at, []byte("first and more"), 0o644) },
		"it is replaced": func() error {
			return errors.Join(os.WriteFile(at+".new", []byte("other"), 0o644), os.Rename(at+".new", at))
		},
		"it is gone": func() error { return os.Remove(at) },
		"a pipe":     func() error { return syscall.Mkfifo(at, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			os.Remove(at)
			if err := os.WriteFile(at, []byte("first"), 0o644); err != nil {
				t.Fatal(err)
			}
			if was, err = os.Lstat(at); err != nil {
				t.Fatal(err)
			}
			if name == "a pipe" {
				os.Remove(at)
			}
			if err := change(); err != nil {
				t.Fatal(err)
			}
			if result, err := f.submit(t.Context(), root, "plugins/Hello/server/Hello.jar", was); result != store.CodeUnstable {
				t.Errorf("%s, %v; want unstable", result, err)
			}
		})
	}
	os.Remove(at)
	f.put("Hello/server/Hello.jar", "last")
	f.looks(2, "Hello/server/Hello.jar: last")
}

func TestFailuresAreTriedAgain(t *testing.T) {
	f := newFolder(t)
	f.put("Hello/server/Hello.jar", "a")
	f.desk.fail = errors.New("the database is away")
	f.looks(3)
	f.desk.fail = nil
	f.looks(1, "Hello/server/Hello.jar: a")

	if err := os.Rename(f.dir, f.dir+".away"); err != nil {
		t.Fatal(err)
	}
	f.looks(2, "Hello/server/Hello.jar: a")
	if err := os.Rename(f.dir+".away", f.dir); err != nil {
		t.Fatal(err)
	}
	f.put("Bye/server/Bye.jar", "b")
	f.looks(2, "Hello/server/Hello.jar: a", "Bye/server/Bye.jar: b")
}

// TestRun puts files into a folder that is watched, in ways in which people do.
func TestRun(t *testing.T) {
	dir, d := filepath.Join(t.TempDir(), "drop"), &desk{}
	w := New(Config{Dir: dir, Desk: d, Settle: 20 * time.Millisecond, Interval: 100 * time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := w.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	defer running.Wait()
	defer stop()

	f := &folder{t, dir, d, w}
	f.renameIn("A/server/A.jar", "1")
	f.renameIn("B/desktop/B.jpl", "2")
	await(t, d, "A/server/A.jar: 1", "B/desktop/B.jpl: 2")
	f.renameIn("A/android/A.jpl", "3")
	f.renameIn("A/server/A.jar", "4")
	await(t, d, "A/server/A.jar: 1", "B/desktop/B.jpl: 2", "A/android/A.jpl: 3", "A/server/A.jar: 4")
}

// renameIn puts a file so that it is there whole or not at all.
func (f *folder) renameIn(at, content string) {
	f.t.Helper()
	part := f.put(filepath.Join(filepath.Dir(at), ".part"), content)
	if err := os.Rename(part, filepath.Join(f.dir, "plugins", at)); err != nil {
		f.t.Fatal(err)
	}
}

func await(t *testing.T, d *desk, want ...string) {
	t.Helper()
	slices.Sort(want)
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := d.received()
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("received %q, want %q", got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
