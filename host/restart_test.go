package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func TestFileRemovedWhileTheHostWasDown(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1"}.jar(t))
	w.put("n.jar", moody{class: "org.n.N", version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.awaitRunning("org.n.N", "1")
	w.stop()
	w.removeFile("m.jar")

	w = startQuick(t, home)
	w.awaitRunning("org.n.N", "1")
	if !eventually(w.Ready) {
		t.Error("the host does not become ready")
	}
	if row, found := w.Extension(theID); found {
		t.Errorf("what was removed is there: %+v", row)
	}
	w.awaitEvents(theID, "started 1", "removed 1")
}

// TestFileOverwrittenWhileTheHostWasDown: what ran before serves first, and is then
// upgraded like at any other time.
func TestFileOverwrittenWhileTheHostWasDown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		second moody
		runs   string
	}{
		{"by a good one", moody{version: "2"}, "2"},
		{"by an older one", moody{version: "0.9"}, "0.9"},
		{"by a bad one", moody{version: "2", mood: "init"}, "1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			w := startQuick(t, home)
			w.put("m.jar", moody{version: "1"}.jar(t))
			w.awaitRunning(theID, "1")
			w.stop()
			w.put("m.jar", c.second.jar(t))

			w = startQuick(t, home)
			if c.runs == "1" {
				w.awaitRejected(theID, c.second.version)
				w.awaitEvents(theID, "started 1", "rejected "+c.second.version)
			} else {
				w.awaitRunning(theID, c.runs)
				w.awaitEvents(theID, "started 1", "started 1", "upgraded "+c.runs)
			}
			w.asks(theType, "version", c.runs)
			w.stop()

			w = startQuick(t, home)
			w.awaitRunning(theID, c.runs)
			w.asks(theType, "version", c.runs)
		})
	}
}

// loseDatabase removes the database, and its backups if there are to be none.
func loseDatabase(t *testing.T, home host.Home, backups bool) {
	t.Helper()
	paths, err := filepath.Glob(home.Database() + "*")
	if err != nil || len(paths) == 0 {
		t.Fatalf("the database is %v, %v", paths, err)
	}
	if !backups {
		paths = append(paths, home.Backups())
	}
	for _, path := range paths {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestLostDatabaseStopsWhatRan: nobody knows any more what was meant to run.
func TestLostDatabaseStopsWhatRan(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.stop()
	loseDatabase(t, w.home, false)

	for range 2 { // also when the host is restarted before anybody looks
		w = startQuick(t, home)
		row := w.awaitState(theID, "stopped")
		if row.Enabled || row.Reason == nil || !strings.Contains(row.Reason.Message, "lost") {
			t.Errorf("after the database was lost: %+v, reason %v", row, row.Reason)
		}
		w.stop()
	}
	w = startQuick(t, home)
	w.put("n.jar", moody{class: "org.n.N", version: "1"}.jar(t))
	w.awaitRunning("org.n.N", "1") // what is new was never decided upon
	if row := w.do(host.Action{Verb: host.VerbEnable, ID: theID}); row.State != "running" || !row.Enabled {
		t.Errorf("after enable: %+v", row)
	}
	w.awaitEvents(theID, "unconfirmed", "enable", "started 1")
	w.stop()

	w = startQuick(t, home)
	w.awaitRunning(theID, "1")
}

func TestLostDatabaseWithRecoverRun(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.stop()
	loseDatabase(t, w.home, false)
	w = startQuick(t, home, func(cfg *host.Config) { cfg.RecoverRun = true })
	w.awaitRunning(theID, "1")
}

// TestDamagedDatabaseIsRestored: what was decided is in a backup.
func TestDamagedDatabaseIsRestored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, home host.Home)
	}{
		{"garbage", func(t *testing.T, home host.Home) {
			loseDatabase(t, home, true)
			if err := os.WriteFile(home.Database(), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"missing", func(t *testing.T, home host.Home) { loseDatabase(t, home, true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			w := startQuick(t, home)
			w.put("m.jar", moody{version: "1"}.jar(t))
			w.awaitRunning(theID, "1")
			w.put("n.jar", moody{class: "org.n.N", version: "1"}.jar(t))
			w.awaitRunning("org.n.N", "1")
			w.do(host.Action{Verb: host.VerbDisable, ID: "org.n.N"})
			w.do(host.Action{Verb: host.VerbPin, ID: theID})
			w.stop()
			c.damage(t, w.home)

			w = startQuick(t, home)
			if row := w.awaitRunning(theID, "1"); !pinned(row, "1") {
				t.Errorf("the pin is lost: %+v", row.Versions)
			}
			if row := w.awaitState("org.n.N", "stopped"); row.Enabled || row.Reason.Code != "disabled" {
				t.Errorf("what was disabled: %+v", row)
			}
			w.awaitEvents(theID, "started 1", "pin 1")
		})
	}
}
