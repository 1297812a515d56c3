package backup

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	_ "modernc.org/sqlite"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

const ext = "org.example.One"

func digest(n int) string { return fmt.Sprintf("%064x", n) }

// newHome is a home in use: an extension with a current and a kept version, data, a
// key-value store, configuration and secrets. The store is its open database.
func newHome(t *testing.T) (host.Home, *state.Store) {
	t.Helper()
	home := host.Home(filepath.Join(t.TempDir(), "home"))
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	s, err := state.Open(state.Config{Path: home.Database(), Backups: home.Backups(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for n, version := range []string{"1.0.0", "2.0.0"} {
		bundle := filepath.Join(home.Bundles(), digest(n))
		put(t, filepath.Join(bundle, "bundle.jar"), "jar "+version, 0o444)
		put(t, filepath.Join(bundle, "tree", "bin", "extension"), "executable "+version, 0o555)
		become(t, s, n, version)
	}
	put(t, filepath.Join(home.Bundles(), digest(7), "bundle.jar"), "of nobody", 0o444)
	put(t, home.Properties(), "listen=127.0.0.1:0\n", 0o640)
	put(t, home.AdminToken(), "a token that nobody may know\n", 0o600)
	put(t, home.SecretKey(), "a key\n", 0o600)
	put(t, filepath.Join(home.Trust(), "root.pem"), "root\n", 0o644)
	put(t, filepath.Join(home.Extensions(), "one.jar"), "jar 2.0.0", 0o644)
	put(t, filepath.Join(home.Data(ext), "positions.db"), strings.Repeat("position ", 10_000), 0o600)
	put(t, filepath.Join(home.Data(ext), "tmp", "scratch"), "nothing", 0o600)
	put(t, filepath.Join(home.Repositories(), "acme", "known.json"), "{}", 0o600)
	put(t, filepath.Join(home.Repositories(), "acme", "sha256", "ab", "object"), "can be read again", 0o600)
	put(t, filepath.Join(home.Snapshots(ext), "sha256-1", "positions.db"), "earlier positions", 0o600)
	put(t, filepath.Join(home.Pages(), ext, "index.html"), "<p>", 0o644)
	put(t, filepath.Join(filepath.Dir(home.ExtensionLog("x")), "one.log"), "a line\n", 0o600)
	put(t, filepath.Join(home.KeyValue(ext), "kv.db"), "", 0o600)
	exec(t, filepath.Join(home.KeyValue(ext), "kv.db"), "PRAGMA journal_mode = WAL; CREATE TABLE entry (key BLOB, value BLOB); PRAGMA user_version = 1")
	return home, s
}

func become(t *testing.T, s *state.Store, n int, version string) {
	t.Helper()
	change := state.Change{ID: ext, Healthy: &state.Version{Version: version, Digest: "sha256:" + digest(n), File: "one.jar"}}
	if err := s.Change(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
}

func exec(t *testing.T, path, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, src Source) (string, *Manifest) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "b.tar.gz")
	m, err := Create(t.Context(), path, src)
	if err != nil {
		t.Fatal(err)
	}
	return path, m
}

// content is what lies in a folder: modes and texts by path, without databases.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, text := strings.TrimPrefix(path, dir), ""
		if info.Mode().IsRegular() && !strings.HasSuffix(name, "jackfield.db") && !strings.HasSuffix(name, "kv.db") {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(data)
		}
		found[name] = info.Mode().String() + " " + text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestThereAndBack(t *testing.T) {
	home, _ := newHome(t)
	path, m := create(t, Source{Home: home, Version: "1.2.3"})
	if len(m.Changed)+len(m.Skipped) != 0 {
		t.Errorf("changed %v, skipped %v", m.Changed, m.Skipped)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	to := host.Home(filepath.Join(t.TempDir(), "deep", "elsewhere"))
	again, err := Restore(t.Context(), path, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	if again.Version != "1.2.3" || again.Bytes() != m.Bytes() || again.Database != state.Form() || again.KeyValue != 1 {
		t.Errorf("restored %+v of %+v", again.Header, m.Header)
	}
	was, is := content(t, string(home)), content(t, string(to))
	for _, gone := range []string{"/log", "/data/downloads", "/log/extensions", "/log/extensions/one.log", "/run", "/data/backups",
		"/data/jackfield.db-shm", "/data/jackfield.db-wal", "/data/extensions/" + ext + "/tmp", "/data/extensions/" + ext + "/tmp/scratch",
		"/data/repositories/acme/sha256", "/data/repositories/acme/sha256/ab", "/data/repositories/acme/sha256/ab/object",
		"/data/bundles/" + digest(7), "/data/bundles/" + digest(7) + "/bundle.jar"} {
		if _, ok := was[gone]; !ok {
			t.Errorf("%s was never there", gone)
		}
		delete(was, gone)
	}
	for _, beside := range []string{"-shm", "-wal"} { // what SQLite leaves beside a file that was only read
		delete(was, "/data/kv/"+ext+"/kv.db"+beside)
	}
	for name := range was {
		if is[name] != was[name] {
			t.Errorf("%s is %.80q, and was %.80q", name, is[name], was[name])
		}
	}
	for name := range is {
		if _, ok := was[name]; !ok {
			t.Errorf("%s was not there", name)
		}
	}
	s, err := state.Open(state.Config{Path: to.Database(), Backups: to.Backups(), Used: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Origin() != state.Restored { // sessions that were ended since do not come back
		t.Errorf("the restored database says %q of itself", s.Origin())
	}
	if e, ok := s.Extension(ext); !ok || e.Current != "sha256:"+digest(1) || len(s.Versions(ext)) != 2 {
		t.Errorf("the restored database has %+v", e)
	}
}

func TestLeavingOut(t *testing.T) {
	home, _ := newHome(t)
	path, _ := create(t, Source{Home: home, Version: "1", WithoutSecrets: true, WithoutData: true})
	to := host.Home(t.TempDir())
	m, err := Restore(t.Context(), path, to, nil)
	if err != nil || !m.WithoutSecrets || !m.WithoutData {
		t.Fatalf("%+v, %v", m, err)
	}
	for path, want := range map[string]bool{
		to.AdminToken(): false, to.SecretKey(): false, to.Data(ext): false, to.Snapshots(ext): false,
		to.Properties(): true, filepath.Join(to.Trust(), "root.pem"): true, filepath.Join(to.KeyValue(ext), "kv.db"): true,
	} {
		if _, err := os.Stat(path); (err == nil) != want {
			t.Errorf("%s: there %v, want %v", path, err == nil, want)
		}
	}
}

// TestWhatIsNoFile has links, pipes and files that lead elsewhere in the data of an
// extension, which may put them there at any time.
func TestWhatIsNoFile(t *testing.T) {
	home, _ := newHome(t)
	secret := filepath.Join(t.TempDir(), "secret")
	put(t, secret, "not for extensions", 0o600)
	data := home.Data(ext)
	if err := errors.Join(os.Symlink(secret, filepath.Join(data, "link")), os.Symlink(filepath.Dir(secret), filepath.Join(data, "folder")),
		syscall.Mkfifo(filepath.Join(data, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(data, "no\xffutf8"), "x", 0o600)
	// What an administrator links to belongs to the home.
	put(t, filepath.Join(filepath.Dir(secret), "elsewhere.pem"), "root\n", 0o644)
	if err := os.Symlink(filepath.Join(filepath.Dir(secret), "elsewhere.pem"), filepath.Join(home.Trust(), "linked.pem")); err != nil {
		t.Fatal(err)
	}
	path, m := create(t, Source{Home: home, Version: "1"})
	if len(m.Skipped) != 4 || len(m.Changed) != 0 {
		t.Errorf("skipped %v, changed %v", m.Skipped, m.Changed)
	}
	to := host.Home(t.TempDir())
	if _, err := Restore(t.Context(), path, to, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(to.Trust(), "linked.pem")); err != nil || string(got) != "root\n" {
		t.Errorf("the linked root is %q, %v", got, err)
	}
	for name, text := range content(t, string(to)) {
		if strings.Contains(text, "not for extensions") {
			t.Errorf("%s came into the backup", name)
		}
	}
}

// TestVersionsChange lets a version become current while the backup is made.
func TestVersionsChange(t *testing.T) {
	home, s := newHome(t)
	put(t, filepath.Join(home.Bundles(), digest(2), "bundle.jar"), "jar 3.0.0", 0o444)
	var once sync.Once
	src := Source{Home: home, Version: "1", between: func() { once.Do(func() { become(t, s, 2, "3.0.0") }) }}
	if _, err := Write(t.Context(), io.Discard, src); CodeOf(err) != CodeChanged || !strings.Contains(err.Error(), ext) {
		t.Errorf("Write: %v", err)
	}
	once = sync.Once{}
	src.between = func() { once.Do(func() { become(t, s, 0, "1.0.0") }) }
	path, _ := create(t, src)
	to := host.Home(t.TempDir())
	if _, err := Restore(t.Context(), path, to, nil); err != nil {
		t.Fatal(err)
	}
	found, err := state.Standings(t.Context(), to.Database())
	if err != nil || found[ext].Current != "sha256:"+digest(0) {
		t.Errorf("the backup has %+v, %v", found, err)
	}
	n := 0
	src.between = func() { n++; become(t, s, n%2, "0") }
	name := filepath.Join(t.TempDir(), "never")
	if _, err := Create(t.Context(), name, src); CodeOf(err) != CodeChanged || n != attempts {
		t.Errorf("Create, after %d tries: %v", n, err)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v", left, err)
	}
}

// TestDataChange has data that change while they are copied.
func TestDataChange(t *testing.T) {
	home, _ := newHome(t)
	var out bytes.Buffer
	file := filepath.Join(home.Data(ext), "a.log")
	put(t, file, "begun", 0o600)
	// It grows when it was copied, while the next one is.
	w := &touching{w: &out, touch: func() {
		f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString("more")
			err = errors.Join(err, f.Close())
		}
		if err != nil {
			t.Error(err)
		}
	}}
	put(t, filepath.Join(home.Data(ext), "b.bin"), random(3<<20), 0o600)
	m, err := Write(t.Context(), w, Source{Home: home, Version: "1"})
	if err != nil || len(m.Changed) != 1 || m.Changed[0] != ext {
		t.Fatalf("%v, %v", m.Changed, err)
	}
	if _, err := read(t.Context(), &out, nil, nil); err != nil {
		t.Error(err)
	}
}

// touching does something after some of the bytes.
type touching struct {
	w     io.Writer
	n     int
	touch func()
}

func (w *touching) Write(p []byte) (int, error) {
	if w.n += len(p); w.n > 1<<20 && w.touch != nil {
		w.touch()
		w.touch = nil
	}
	return w.w.Write(p)
}

func TestRefusals(t *testing.T) {
	home, _ := newHome(t)
	path, _ := create(t, Source{Home: home, Version: "1"})
	locked := host.Home(t.TempDir())
	unlock, err := locked.Lock()
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	half := host.Home(t.TempDir())
	put(t, filepath.Join(string(half), "conf", "x"), "", 0o600)
	put(t, filepath.Join(half.Restoring(), "data", "x"), "", 0o600)
	newer, _ := newHome(t)
	exec(t, newer.Database(), "PRAGMA user_version = 999")
	for _, c := range []struct {
		name string
		do   func() error
		code Code
		text string
	}{
		{"a home that is in use", func() error { _, err := Restore(t.Context(), path, home, nil); return err }, CodeNotEmpty, "move it aside"},
		{"a home that is being restored", func() error { _, err := Restore(t.Context(), path, locked, nil); return err }, CodeInUse, "stop the host"},
		{"a restore that was cut short", func() error { _, err := Restore(t.Context(), path, half, nil); return err }, CodeNotEmpty, "cut short"},
		{"a file that is there", func() error { _, err := Create(t.Context(), path, Source{Home: home, Version: "1"}); return err }, CodeExists, "another name"},
		{"a file in the home", func() error {
			_, err := Create(t.Context(), filepath.Join(home.Extensions(), "x"), Source{Home: home, Version: "1"})
			return err
		}, CodeInHome, "elsewhere"},
		{"no home", func() error {
			_, err := Create(t.Context(), filepath.Join(t.TempDir(), "x"), Source{Home: host.Home(t.TempDir())})
			return err
		}, CodeNoHome, "--home"},
		{"a home of a newer version", func() error { _, err := Write(t.Context(), io.Discard, Source{Home: newer}); return err }, CodeUnreadable, "newer version"},
		{"no backup", func() error { _, err := Verify(t.Context(), home.Properties(), nil); return err }, CodeDamaged, "no backup"},
		{"no file", func() error { _, err := Verify(t.Context(), string(home), nil); return err }, CodeUnreadable, "is no file"},
	} {
		err := c.do()
		text := fmt.Sprint(err)
		if e, ok := errors.AsType[*Error](err); ok {
			text += "\n" + e.Next
		}
		if CodeOf(err) != c.code || !strings.Contains(text, c.text) {
			t.Errorf("%s: %s %s", c.name, CodeOf(err), text)
		}
	}
	if err := half.Make(); err == nil || !strings.Contains(err.Error(), "restore") {
		t.Errorf("a host would start in half a home: %v", err)
	}
}

// TestKilledRestore begins again where nothing was in its place yet.
func TestKilledRestore(t *testing.T) {
	home, _ := newHome(t)
	path, _ := create(t, Source{Home: home, Version: "1"})
	to := host.Home(t.TempDir())
	put(t, filepath.Join(to.Restoring(), "data", "x"), "", 0o600)
	put(t, filepath.Join(to.Run(), "host.lock"), "", 0o600)
	if err := to.Make(); err == nil {
		t.Error("a host would start in it")
	}
	if _, err := Restore(t.Context(), path, to, nil); err != nil {
		t.Fatal(err)
	}
	if err := to.Make(); err != nil {
		t.Error(err)
	}
}
