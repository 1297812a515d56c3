package catalog

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

func TestRenamedInIsTakenUpAtOnce(t *testing.T) {
	h := newHome(t)
	r := h.run(func(c *Catalog) {
		c.cfg.Interval, c.cfg.Settle = time.Hour, defaultSettle // file events alone, and the real settle time
	})
	r.runs()
	start := time.Now()
	h.put("a.jar", parcelBytes("a", "1.0", 1<<20))
	v := r.runs("a 1.0")
	t.Logf("from rename to View: %v", time.Since(start)) // no bound: the machine may be busy
	e := v.Desired[0]
	if e.File != "a.jar" || e.Bundle.Manifest().ID != "a" || e.Seen.Before(start) || e.ModTime.IsZero() {
		t.Errorf("entry: %+v", e)
	}
	if info, err := os.Stat(e.Executable); err != nil || info.Mode().Perm() != 0o555 {
		t.Errorf("the executable: %v, %v", info, err)
	}
	for _, name := range []string{filepath.Join(e.Dir, jarName), filepath.Join(e.Tree, "data", "pad")} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o444 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	for _, name := range []string{e.Dir, e.Tree, filepath.Join(e.Tree, "data")} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestFirstViewIsComplete(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.put("a.jar", parcelBytes("a", "1", 0))
	h.put("b.jar", parcelBytes("b", "1", 1<<20))
	h.put("garbage.jar", []byte("this is no archive"))
	h.write(h.path("empty.jar"), nil)
	r := h.run()
	r.await("anything is said", func(View) bool { return true })
	first := r.all()[0]
	if !slices.Equal(desired(first), []string{"a 1", "b 1"}) || len(first.Rows) != 2 ||
		first.Rows[0].State != lifecycle.Pending || first.Rows[1].Reason.Code != string(bundle.CodeNotZip) {
		t.Errorf("the first View: %s", told1(first))
	}
}

func TestFirstViewDoesNotWaitForever(t *testing.T) {
	t.Parallel()
	now := time.Now()
	slow := map[string]*dropped{"slow.jar": {first: true, seen: sighting{size: 1}}}
	for name, tt := range map[string]struct {
		c    *Catalog
		want bool
	}{
		"a file is being judged":        {&Catalog{files: slow, looked: true, started: now}, false},
		"a file is judged for too long": {&Catalog{files: slow, looked: true, started: now.Add(-firstLookMax - 1)}, true},
		"the folder was not read yet":   {&Catalog{started: now}, false},
		"the folder cannot be read":     {&Catalog{started: now, err: unix.EIO}, true},
		"the folder is empty":           {&Catalog{started: now, looked: true}, true},
	} {
		if got := tt.c.complete(now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestSlowCopy(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	data := parcelBytes("a", "1", 300<<10)
	f, err := os.Create(h.path("a.jar"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	row := r.turned("a.jar", lifecycle.Pending, lifecycle.CodeCopying)
	if !strings.Contains(row.Reason.Message, "empty") {
		t.Errorf("an empty file: %q", row.Reason.Message)
	}
	for part := range slices.Chunk(data, len(data)/3+1) {
		if _, err := f.Write(part); err != nil {
			t.Fatal(err)
		}
		if info, _ := f.Stat(); info.Size() < int64(len(data)) {
			r.await("the copy is seen to stand still", func(v View) bool {
				return len(v.Rows) == 1 && strings.Contains(v.Rows[0].Reason.Message, "the end of the file is missing")
			})
		}
	}
	r.runs("a 1")
	r.never("a copy in progress counts as failed", func(v View) bool {
		return len(v.Rows) > 0 && v.Rows[0].State != lifecycle.Pending && v.Rows[0].Reason.Code != string(bundle.CodeTruncated)
	})
}

func TestTruncatedThenCompleted(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	n := newCounting()
	r := h.run(n.install)
	data := parcelBytes("a", "1", 64<<10)
	h.write(h.path("empty.jar"), nil)
	h.write(h.path("a.jar"), data[:len(data)/2])
	row := r.turned("a.jar", lifecycle.Failed, string(bundle.CodeTruncated))
	if !strings.Contains(row.Reason.Message, "has not grown for 200ms") || row.Reason.Stage != lifecycle.StageScan {
		t.Errorf("reason: %+v", row.Reason)
	}
	if n.of("a.jar") != 1 {
		t.Errorf("the same bytes were judged %d times", n.of("a.jar"))
	}
	r.turned("empty.jar", lifecycle.Pending, lifecycle.CodeCopying)
	h.write(h.path("a.jar"), data)
	h.remove("empty.jar")
	r.runs("a 1")
}

func TestTruncatedLongAgoNeedsNotStallAgain(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	data := parcelBytes("a", "1", 0)
	h.write(h.path("a.jar"), data[:len(data)-5])
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(h.path("a.jar"), old, old); err != nil {
		t.Fatal(err)
	}
	r := h.run(func(c *Catalog) { c.cfg.Stalled = time.Minute })
	r.turned("a.jar", lifecycle.Failed, string(bundle.CodeTruncated))
}

func TestFailedIsJudgedAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	n := newCounting()
	r := h.run(n.install)
	h.put("a.jar", []byte("not an archive at all"))
	row := r.turned("a.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	h.put("b.jar", parcelBytes("b", "1", 0)) // looks go on
	r.await("b runs", func(v View) bool { return len(v.Desired) == 1 })
	if n.of("a.jar") != 1 {
		t.Errorf("the same bytes were judged %d times", n.of("a.jar"))
	}
	if err := os.Chmod(h.path("a.jar"), 0o600); err != nil { // a new ctime
		t.Fatal(err)
	}
	n.await(t, "a.jar", 1)
	again := r.turned("a.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	if again.Reason.Message != row.Reason.Message {
		t.Errorf("other words for the same fault: %q, %q", row.Reason.Message, again.Reason.Message)
	}
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1", "b 1")
}

func TestSameBytesChangeNothing(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	n := newCounting()
	r := h.run(n.install)
	data := parcelBytes("a", "1", 100<<10)
	h.put("a.jar", data)
	before := r.runs("a 1")
	judged := n.of("a.jar")
	h.write(h.path("a.jar"), data)
	n.await(t, "a.jar", judged)
	after := r.runs("a 1")
	if !sameView(before, after) {
		t.Errorf("before: %+v\nafter: %+v", before.Desired[0], after.Desired[0])
	}
	r.neverStops("a 1")
	r.never("a is made anew", func(v View) bool {
		return len(v.Desired) == 1 && v.Desired[0].Bundle != before.Desired[0].Bundle
	})
}

func TestOtherBytesReplace(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	h.put("a.jar", parcelBytes("a", "1", 0))
	first := r.runs("a 1")
	h.write(h.path("a.jar"), []byte("no archive"))
	row := r.turned("a.jar", lifecycle.Failed, string(bundle.CodeNotZip))
	if row.Claims != "a" {
		t.Errorf("the row of the bytes that would replace a claims %q", row.Claims)
	}
	h.put("a.jar", parcelBytes("a", "2", 0, bundletest.With("extension_requires", "gone >=1")))
	r.turned("a.jar", lifecycle.Waiting, lifecycle.CodeDependencyMissing)
	r.neverStops("a 1")
	if now := r.all()[len(r.all())-1]; now.Desired[0].Bundle != first.Desired[0].Bundle {
		t.Error("version 1 was made anew")
	}
	h.put("a.jar", parcelBytes("a", "3", 0))
	r.runs("a 3")
	h.put("a.jar", parcelBytes("b", "1", 0))
	r.runs("b 1")
	h.remove("a.jar")
	r.runs()
}

func TestRenamedWithinTheFolder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	h.put("a.jar", parcelBytes("a", "1", 0))
	first := r.runs("a 1")
	h.rename(h.path("a.jar"), h.path("other.jar"))
	v := r.await("the new name runs", func(v View) bool {
		return len(v.Rows) == 0 && len(v.Desired) == 1 && v.Desired[0].File == "other.jar"
	})
	if v.Desired[0].Bundle != first.Desired[0].Bundle {
		t.Error("it was made anew")
	}
	r.neverStops("a 1")
}

func TestHighestVersionAndConflictsInTheFolder(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	h.put("a-1.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	h.put("a-2.jar", parcelBytes("a", "2", 0))
	r.turned("a-1.jar", lifecycle.Waiting, lifecycle.CodeHeld)
	h.put("0.jar", parcelBytes("A", "1", 0))
	row := r.turned("0.jar", lifecycle.Conflict, lifecycle.CodeIDTaken)
	if row.Claims != "A" || row.Manifest == nil || row.Digest == "" ||
		!strings.Contains(row.Reason.Message, `"0.jar"`) || !strings.Contains(row.Reason.Message, `"a-2.jar"`) {
		t.Errorf("row: %+v, reason: %+v", row, row.Reason)
	}
	h.put("c.jar", parcelBytes("c", "1", 0)) // the reason keeps its time
	r.await("c runs", func(v View) bool { return len(v.Desired) == 2 })
	if again := r.turned("0.jar", lifecycle.Conflict, lifecycle.CodeIDTaken); !again.Reason.Time.Equal(row.Reason.Time) {
		t.Error("the same reason has another time")
	}
	h.remove("c.jar")
	h.remove("a-1.jar")
	h.remove("a-2.jar")
	r.runs("A 1")
}

func TestHostAndPlatform(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	version := func(text string) bundle.Version {
		v, err := bundle.ParseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	without := func(c *bundletest.Content) { clear(c.Files) }
	h.put("new.jar", parcelBytes("new", "1", 0, bundletest.With("extension_min_host", "2.0")))
	h.put("old.jar", parcelBytes("old", "1", 0, bundletest.With("extension_min_host", "1.4.9")))
	h.put("classic.jar", parcelBytes("classic", "1", 0, without,
		bundletest.WithFile("classic/Main.class", []byte{0xca, 0xfe, 0xba, 0xbe})))
	h.put("windows.jar", parcelBytes("windows", "1", 0, without,
		bundletest.WithFile("bin/windows-amd64/extension", []byte("MZ")),
		bundletest.WithFile("bin/darwin-arm64/extension", []byte("x"))))
	h.put("bare.jar", parcelBytes("bare", "1", 0, without))
	r := h.run(func(c *Catalog) { c.cfg.HostVersion = version("1.5") })
	for _, tt := range []struct {
		file  string
		state lifecycle.State
		code  string
		says  []string
	}{
		{"new.jar", lifecycle.Failed, lifecycle.CodeHostTooOld, []string{"2.0", "1.5"}},
		{"classic.jar", lifecycle.Unsupported, lifecycle.CodeNoExecutable, []string{"bin/linux-amd64/extension", "Java classes only"}},
		{"windows.jar", lifecycle.Unsupported, lifecycle.CodeNoExecutable, []string{"bin/linux-amd64/extension", "darwin-arm64, windows-amd64"}},
		{"bare.jar", lifecycle.Unsupported, lifecycle.CodeNoExecutable, []string{"bin/linux-amd64/extension", "no executable for any platform"}},
	} {
		row := r.turned(tt.file, tt.state, tt.code)
		for _, part := range tt.says {
			if !strings.Contains(row.Reason.Message, part) {
				t.Errorf("%s: %q does not say %q", tt.file, row.Reason.Message, part)
			}
		}
	}
	r.await("old runs", func(v View) bool { return slices.Equal(desired(v), []string{"old 1"}) })
}

func TestWhatIsIgnored(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	good := parcelBytes("a", "1", 0)
	h.write(h.path(".hidden.jar"), good)
	h.write(h.path(".jar"), good)
	h.write(h.path("a.jar.part"), good)
	h.write(h.path("a.zip"), good)
	h.write(h.path("jar"), good)
	outside := filepath.Join(t.TempDir(), "outside.jar")
	h.write(outside, good)
	for _, err := range []error{
		os.Mkdir(h.path("folder.jar"), 0o755),
		os.Symlink(outside, h.path("link.jar")),
		os.Symlink("nowhere", h.path("dangling.jar")),
		unix.Mkfifo(h.path("fifo.jar"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	h.put("UPPER.JAR", parcelBytes("upper", "1", 0))
	h.put("Mixed.jAr", parcelBytes("mixed", "1", 0))
	r := h.run()
	r.runs("mixed 1", "upper 1")
	r.never("anything else is mentioned", func(v View) bool {
		return slices.ContainsFunc(v.Rows, func(row Row) bool { return row.File != "UPPER.JAR" && row.File != "Mixed.jAr" })
	})
	for _, name := range []string{"link.jar", "fifo.jar", "folder.jar", "gone.jar"} { // put there between look and open
		if _, err := openDropped(h.path(name), sighting{}); !errors.Is(err, errChanged) {
			t.Errorf("opening %s: %v", name, err)
		}
	}
}

func TestWithoutFileEvents(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run(func(c *Catalog) {
		c.watch.open = func(string, *slog.Logger) (*fileEvents, error) { return nil, unix.EMFILE }
	})
	r.runs()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	h.remove("a.jar")
	r.runs()
	if n := r.log.count("cannot be watched"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.log)
	}
}

func TestRunTwice(t *testing.T) {
	t.Parallel()
	r := newHome(t).run()
	r.runs()
	if err := r.Run(t.Context(), func(View) {}); !errors.Is(err, errRunTwice) {
		t.Errorf("the second Run: %v", err)
	}
}

func TestOpenNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := Open(Config{GOOS: "linux", SetDevice: func(string) {}})
	for _, part := range []string{"Extensions", "Bundles", "GOARCH", "Log", "SetDevice"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s is not named: %v", part, err)
		}
	}
}

func TestFoldedExtensions(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a.jar": true, "a.JAR": true, "a.b.Jar": true, "ä.jar": true, "a.jar.": false,
		".a.jar": false, ".jar": false, "jar": false, "a.jar ": false, "a.jars": false, "": false,
		"a\n.jar": true, "\xff.jar": true,
	} {
		if got := isBundleName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestTooBig(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.put("big.jar", bytes.Repeat([]byte("x"), 4000))
	r := h.run(func(c *Catalog) {
		j := judge{dir: c.cfg.Extensions, limits: bundle.Limits{FileBytes: 3999}, shelf: c.shelf}
		c.lanes.judge = j.run
	})
	row := r.turned("big.jar", lifecycle.Failed, string(bundle.CodeTooBig))
	if !strings.Contains(row.Reason.Message, "4000") || !strings.Contains(row.Reason.Message, "3999") {
		t.Errorf("reason: %q", row.Reason.Message)
	}
}
