package state

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// forms are the beginnings of the digests of the steps that were released, and rows as
// the version that had them would have written: each form keeps what those before have.
func forms() []struct{ digest, rows string } {
	return []struct{ digest, rows string }{
		{"2824d1b9f1c7", `
INSERT INTO extension (id, disabled, unconfirmed, pinned, current, version, file, removed, rejected)
	VALUES ('org.example.Old', 1, 0, 'sha256:01', 'sha256:02', '1.0.0', 'old.jar', 0, 'null');
INSERT INTO version (extension, digest, version, file, first, last) VALUES ('org.example.Old', 'sha256:02', '1.0.0', 'old.jar', 1000000, 2000000);
INSERT INTO history (extension, time, kind, version, digest, actor, code, message) VALUES ('org.example.Old', 1000000, 'started', '1.0.0', 'sha256:02', 'host', '', 'as ever');
INSERT INTO evidence (seq, extension, body) VALUES (1, 'org.example.Old', '{"exit":3}');
INSERT INTO audit (time, actor, action, target, before, after, remote) VALUES (1000000, 'admin', 'disable', 'org.example.Old', '', '', '127.0.0.1');
INSERT INTO value (key, value) VALUES ('device', '17');`},
		{"84e051869a27", `UPDATE extension SET consented = 1;`},
		{"16e3b4c06e71", `UPDATE extension SET publisher = 'example.org';`},
		{"35c77b81fe25", `INSERT INTO account (kind, key, body) VALUES ('user', 'vera', '{}');`},
		{"edc01014fdba", `INSERT INTO configuration (extension, revision, time, actor, content, secrets) VALUES ('org.example.Old', 1, 1000000, 'admin', '{"a":1}', '{}');`},
		{"937fe8f7a8c1", `UPDATE extension SET log_level = 'debug';`},
		{"9dc96acddc89", `INSERT INTO plan (id, over, body) VALUES ('plan-1', 1, '{}');`},
	}
}

// TestReleasedSteps holds the steps to what was released: a home that has had a step does
// not have it again.
func TestReleasedSteps(t *testing.T) {
	steps, known := migrations(), forms()
	if len(steps) != len(known) {
		t.Fatalf("there are %d steps, and forms knows %d: add the new ones there", len(steps), len(known))
	}
	for i, step := range steps {
		sum := sha256.Sum256([]byte(step))
		if got := hex.EncodeToString(sum[:])[:12]; got != known[i].digest {
			t.Errorf("step %d is not the one that was released: its digest begins with %s, not %s", i+1, got, known[i].digest)
		}
	}
}

// TestEveryForm opens a database of every form that there ever was, with what was in it.
func TestEveryForm(t *testing.T) {
	for n := 1; n <= len(migrations()); n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			h := newHome(t)
			ofForm(t, h.cfg.Path, n)
			if found, err := Standings(t.Context(), h.cfg.Path); err != nil || found["org.example.Old"].Current != "sha256:02" {
				t.Errorf("Standings: %+v, %v", found, err)
			}
			copied := filepath.Join(t.TempDir(), "copy.db")
			if form, err := Snapshot(t.Context(), h.cfg.Path, copied); err != nil || form != n {
				t.Errorf("Snapshot: form %d, %v", form, err)
			}
			for path, origin := range map[string]Origin{h.cfg.Path: Opened, copied: Restored} {
				h.cfg.Path = path
				check(t, h.open(t, origin), n)
			}
			backups, err := os.ReadDir(h.cfg.Backups)
			if older := n < len(migrations()); err != nil || (len(backups) > 0) != older {
				t.Errorf("%d backups of before, %v", len(backups), err)
			}
		})
	}
}

// ofForm makes a database as a version with n steps left it.
func ofForm(t *testing.T, path string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for i := range n {
		if _, err := db.Exec(migrations()[i] + forms()[i].rows + fmt.Sprintf("PRAGMA user_version = %d", i+1)); err != nil {
			t.Fatalf("step %d: %v", i+1, err)
		}
	}
}

// check compares what a store has with the rows of form n.
func check(t *testing.T, s *Store, n int) {
	t.Helper()
	e, ok := s.Extension("org.example.Old")
	if !ok || !e.Disabled || e.Pinned != "sha256:01" || e.Version != "1.0.0" || len(s.Versions(e.ID)) != 1 || s.Value("device") != "17" {
		t.Errorf("the extension is %+v", e)
	}
	if e.Consented != (n >= 2) || (e.Publisher == "example.org") != (n >= 3) || (e.LogLevel == "debug") != (n >= 6) {
		t.Errorf("the extension is %+v", e)
	}
	events, _, err := s.History(t.Context(), e.ID, "", 0)
	if err != nil || len(events) != 1 || string(events[0].Evidence) != `{"exit":3}` {
		t.Errorf("history: %+v, %v", events, err)
	}
	if audit, _, err := s.Audit(t.Context(), "", 0); err != nil || len(audit) != 1 || audit[0].Action != "disable" {
		t.Errorf("audit: %+v, %v", audit, err)
	}
	rows := map[string]int{}
	for _, table := range []string{"account", "configuration"} {
		err := sqlitefile.Each(t.Context(), s.file.Read, "SELECT count(*) FROM "+table, func(scan func(...any) error) error {
			n := 0
			err := scan(&n)
			rows[table] = n
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if (rows["account"] == 1) != (n >= 4) || (rows["configuration"] == 1) != (n >= 5) {
		t.Errorf("rows of form %d: %v", n, rows)
	}
}
