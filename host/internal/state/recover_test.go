package state

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// filled makes a database of some size whose last backup holds extension "backed-up"
// and which itself holds "later" too, and closes it.
func (h home) filled(t *testing.T, backups int) {
	t.Helper()
	s := h.open(t, Created)
	change := Change{ID: "backed-up", Edit: func(e *Extension) { e.Disabled = true }}
	for range 200 {
		change.Events = append(change.Events, Event{Kind: "x", Message: strings.Repeat("m", 1000)})
	}
	s.mustChange(t, change)
	for range backups {
		if err := s.file.Backup(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.mustChange(t, Change{ID: "later", Edit: func(e *Extension) { e.Disabled = true }})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func (h home) damaged(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob(h.cfg.Path + ".damaged-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// backups returns the names of the finished backups, oldest first.
func (h home) backups() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(h.cfg.Backups, "jackfield-*.db"))
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths, err
}

func copyOf(to, from string) error {
	content, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, content, 0o600))
}

// overwrite writes noise over n bytes at offset.
func overwrite(t *testing.T, path string, offset int64, n int) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	noise := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	if _, err := f.WriteAt(noise, offset); err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	cases := map[string]func(t *testing.T, path string){
		"garbage header": func(t *testing.T, path string) { overwrite(t, path, 0, 16) },
		"garbage page 1": func(t *testing.T, path string) { overwrite(t, path, 20, 4000) },
		"page in the middle": func(t *testing.T, path string) {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			overwrite(t, path, info.Size()/2/4096*4096, 4096)
		},
		"truncated": func(t *testing.T, path string) {
			if err := os.Truncate(path, 40960); err != nil {
				t.Fatal(err)
			}
		},
		"truncated in the header": func(t *testing.T, path string) {
			if err := os.Truncate(path, 7); err != nil {
				t.Fatal(err)
			}
		},
		"empty": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
		},
		"a folder": func(t *testing.T, path string) {
			if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o755)); err != nil {
				t.Fatal(err)
			}
		},
		"text": func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte("I am no database, and long enough to have a header of its own."), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"another database": func(t *testing.T, path string) {
			if err := os.Truncate(path, 0); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec("CREATE TABLE other (x)"); err != nil {
				t.Fatal(err)
			}
		},
		"a table is missing": func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec("DROP TABLE version"); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range cases {
		t.Run(name+", with a backup", func(t *testing.T) {
			h := newHome(t)
			h.filled(t, 1)
			damage(t, h.cfg.Path)
			was, _ := os.ReadFile(h.cfg.Path)
			s := h.open(t, Restored)
			if _, ok := s.Extension("backed-up"); !ok {
				t.Error("what the backup holds is not there")
			}
			if _, ok := s.Extension("later"); ok {
				t.Error("what only the damaged database held is there")
			}
			if events, _, err := s.History(t.Context(), "backed-up", "", 500); err != nil || len(events) != 200 {
				t.Errorf("History has %d events: %v", len(events), err)
			}
			s.mustChange(t, Change{ID: "new", Edit: func(*Extension) {}})

			aside := h.damaged(t)
			if len(aside) == 0 {
				t.Fatal("no damaged file was kept")
			}
			if now, _ := os.ReadFile(aside[0]); !bytes.Equal(now, was) {
				t.Error("the damaged file is not what it was")
			}
			for _, part := range []string{"level=ERROR", aside[0], "backup=", "next="} {
				if !strings.Contains(h.log.String(), part) {
					t.Errorf("the log says nothing of %s:\n%s", part, h.log)
				}
			}

			// Killed before it acted on it, the host finds the same; then no more.
			s.Close()
			s = h.open(t, Restored)
			if err := s.Acknowledge(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.Close()
			s = h.open(t, Opened)
			if _, ok := s.Extension("new"); !ok {
				t.Error("what was changed after the recovery is not there")
			}
		})
		t.Run(name+", without", func(t *testing.T) {
			h := newHome(t)
			h.filled(t, 0)
			damage(t, h.cfg.Path)
			s := h.open(t, Lost)
			if len(s.Extensions()) != 0 || len(h.damaged(t)) == 0 {
				t.Errorf("extensions %v, damaged files %v", s.Extensions(), h.damaged(t))
			}
			s.Close()
			h.open(t, Lost)
		})
	}
}

func TestDamagedBackupsAreSkipped(t *testing.T) {
	h := newHome(t)
	h.filled(t, 3)
	backups, err := h.backups()
	if err != nil || len(backups) != 3 {
		t.Fatalf("backups: %v, %v", backups, err)
	}
	overwrite(t, filepath.Join(h.cfg.Backups, backups[2]), 0, 4096)
	overwrite(t, filepath.Join(h.cfg.Backups, backups[1]), 20480, 4096)
	overwrite(t, h.cfg.Path, 0, 100)
	h.open(t, Restored)
	if !strings.Contains(h.log.String(), backups[0]) {
		t.Errorf("the log does not name %s:\n%s", backups[0], h.log)
	}
	entries, err := os.ReadDir(h.cfg.Backups)
	if err != nil || len(entries) != 3 {
		t.Errorf("in the folder of the backups: %v, %v", entries, err)
	}
}

func TestMissing(t *testing.T) {
	cases := []struct {
		name string
		make func(t *testing.T, h *home)
		want Origin
	}{
		{"a first start", func(*testing.T, *home) {}, Created},
		{"a used home", func(_ *testing.T, h *home) { h.cfg.Used = true }, Lost},
		{"with a backup", func(t *testing.T, h *home) {
			h.filled(t, 1)
			if err := os.Remove(h.cfg.Path); err != nil {
				t.Fatal(err)
			}
		}, Restored},
		{"with a damaged one", func(t *testing.T, h *home) {
			if err := os.WriteFile(h.cfg.Path+".damaged-x", nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, Lost},
		{"killed while it was built", func(t *testing.T, h *home) {
			for _, suffix := range []string{".new", ".new-journal"} {
				if err := os.WriteFile(h.cfg.Path+suffix, []byte("half"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}, Created},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			c.make(t, &h)
			s := h.open(t, c.want)
			if got := len(s.Extensions()); (c.want == Restored) != (got == 1) {
				t.Errorf("it has %d extensions", got)
			}
		})
	}
}

// TestStrayLog: the -wal file of a database that is gone must not be played into the
// next one.
func TestStrayLog(t *testing.T) {
	h := newHome(t)
	s := h.open(t, Created)
	if err := s.file.Backup(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.mustChange(t, Change{ID: "a", Edit: func(*Extension) {}})
	log, err := os.ReadFile(h.cfg.Path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatal(len(log), err)
	}
	s.Close()
	if err := errors.Join(os.Remove(h.cfg.Path), os.WriteFile(h.cfg.Path+"-wal", log, 0o600)); err != nil {
		t.Fatal(err)
	}
	s = h.open(t, Restored)
	if len(s.Extensions()) != 0 {
		t.Errorf("the backup was empty, there is %v", s.Extensions())
	}
	if aside := h.damaged(t); len(aside) != 1 || !strings.HasSuffix(aside[0], "-wal") {
		t.Errorf("moved aside: %v", aside)
	}
}

func TestOpeningRefuses(t *testing.T) {
	cases := []struct {
		name   string
		make   func(t *testing.T, h *home)
		want   error
		text   string
		asRoot bool
	}{
		{"a newer database", func(t *testing.T, h *home) { h.cfg.newer(t, h.cfg.Path) }, ErrNewer, "start that version", true},
		{"a lost one with a newer backup", func(t *testing.T, h *home) {
			backups, _ := h.backups()
			h.cfg.newer(t, filepath.Join(h.cfg.Backups, backups[0]))
			os.Remove(h.cfg.Path)
		}, ErrNewer, "start that version", true},
		{"a dangling link", func(t *testing.T, h *home) {
			os.Remove(h.cfg.Path)
			if err := os.Symlink("/nowhere/at/all", h.cfg.Path); err != nil {
				t.Fatal(err)
			}
		}, nil, "symbolic link", true},
		{"no right to read", func(t *testing.T, h *home) { os.Chmod(h.cfg.Path, 0) }, os.ErrPermission, "give the user", false},
		{"no right to write", func(t *testing.T, h *home) { os.Chmod(h.cfg.Path, 0o400) }, os.ErrPermission, "give the user", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !c.asRoot && os.Geteuid() == 0 {
				asNobody(t) // root may read and write everything
				return
			}
			h := newHome(t)
			h.filled(t, 1)
			c.make(t, &h)
			s, err := Open(h.cfg)
			if err == nil {
				s.Close()
				t.Fatal("it opened")
			}
			if c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), filepath.Dir(h.cfg.Path)) {
				t.Errorf("error: %v", err)
			}
			if aside := h.damaged(t); len(aside) != 0 {
				t.Errorf("moved aside: %v", aside)
			}
		})
	}
}

// newer makes the database at path one of the next version of its form.
func (c Config) newer(t *testing.T, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA user_version = 999"); err != nil {
		t.Fatal(err)
	}
}

func TestMigration(t *testing.T) {
	h := newHome(t)
	h.filled(t, 0)
	next := len(migrations()) + 1
	h.cfg.migrations = append(migrations(), "CREATE TABLE more (x)", "CREATE TABLE broken (")
	if _, err := Open(h.cfg); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("migrating to version %d", next+1)) {
		t.Fatalf("Open with a broken migration: %v", err)
	}
	h.cfg.migrations = h.cfg.migrations[:next]
	s := h.open(t, Opened)
	version := 0
	if err := s.file.Read.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != next {
		t.Errorf("user_version = %d, %v", version, err)
	}
	if _, ok := s.Extension("later"); !ok {
		t.Error("the migration lost a row")
	}
	// The backup made before can be put in place for the older host.
	backups, err := h.backups()
	if err != nil || len(backups) == 0 {
		t.Fatalf("backups: %v, %v", backups, err)
	}
	s.Close()
	old := newHome(t)
	if err := copyOf(old.cfg.Path, filepath.Join(h.cfg.Backups, backups[0])); err != nil {
		t.Fatal(err)
	}
	s = old.open(t, Opened)
	if got := s.Extensions(); len(got) != 2 {
		t.Errorf("the backup of before the migration has %v", got)
	}
}

// asNobody runs the test that calls it, and nothing else, as an ordinary user.
func asNobody(t *testing.T) {
	t.Helper()
	const nobody = 65534
	dir, err := os.MkdirTemp("", "state-nobody-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "state.test")
	if err := errors.Join(os.WriteFile(copied, program, 0o755), os.Chown(dir, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	pattern := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	c := exec.CommandContext(t.Context(), copied, "-test.v", "-test.run", pattern)
	c.Dir, c.Env = dir, append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
}
