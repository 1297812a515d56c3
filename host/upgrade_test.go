package host_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func TestUpgradeFailsNoRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		overlap bool
	}{{"overlap", true}, {"exclusive", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := startQuick(t, t.TempDir())
			w.put("m-1.jar", moody{version: "1", overlap: c.overlap}.jar(t))
			w.awaitRunning(theID, "1")
			clients := w.load(4)
			clients.more(20)
			w.put("m-2.jar", moody{version: "2", overlap: c.overlap}.jar(t))
			w.awaitRunning(theID, "2")
			clients.more(20)
			clients.stop("1", "2")
			w.awaitEvents(theID, "started 1", "upgraded 2")
		})
	}
}

func TestRestartFailsNoRequest(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m.jar", moody{version: "1"}.jar(t))
	before := w.awaitRunning(theID, "1")
	clients := w.load(4)
	clients.more(20)
	if after := w.do(host.Action{Verb: host.VerbRestart, ID: theID}); after.PID == before.PID || after.State != "running" {
		t.Errorf("after a restart of process %d: %+v", before.PID, after)
	}
	clients.more(20)
	clients.stop("1")
	w.awaitEvents(theID, "started 1", "restart", "restarted 1")
}

// TestBadVersionChangesNothing: whatever is wrong with it, what served goes on, and the
// bad one is not tried again until it is asked for.
func TestBadVersionChangesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		bad  moody
		code string
		// back says that what served had to come back.
		back bool
	}{
		{"its Init fails", moody{mood: "init", overlap: true}, "init_failed", false},
		{"its Init fails, exclusive", moody{mood: "init"}, "init_failed", false},
		{"its Activate fails", moody{mood: "activate", overlap: true}, "init_failed", false},
		{"its Activate fails, exclusive", moody{mood: "activate"}, "init_failed", true},
		{"it has other types than its bundle says", moody{
			types: `{"types":[{"name":"org.m.Other","role":"request","extends":"org.m.MoodyRequest"}]}`,
		}, "types_mismatch", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			home := t.TempDir()
			w := startQuick(t, home)
			w.put("m-1.jar", moody{version: "1", overlap: c.bad.overlap}.jar(t))
			good := w.awaitRunning(theID, "1")
			clients := w.load(2)
			clients.more(5)
			c.bad.version = "2"
			w.put("m-2.jar", c.bad.jar(t))
			row := w.awaitRejected(theID, "2")
			clients.more(5)
			clients.stop("1")
			if row.State != "running" || row.Version != "1" || (row.PID == good.PID) == c.back {
				t.Errorf("the good version: %+v", row)
			}
			if why := row.Candidate.Reason; why == nil || why.Code != c.code || row.Candidate.File != "m-2.jar" {
				t.Errorf("the candidate: %+v, reason %+v", row.Candidate, why)
			}
			w.awaitEvents(theID, "started 1", "rejected 2")
			w.stop()

			w = startQuick(t, home)
			row = w.awaitRunning(theID, "1")
			if row.Candidate == nil || row.Candidate.State != "failed" || row.Candidate.Reason.Code != c.code {
				t.Errorf("the candidate after a restart of the host: %+v", row.Candidate)
			}
			rejections := countEvents(w, "rejected")
			w.do(host.Action{Verb: host.VerbRetry, ID: theID})
			if row := w.awaitRejected(theID, "2"); row.Version != "1" {
				t.Errorf("after another try: %+v", row)
			}
			if n := countEvents(w, "rejected"); rejections != 1 || n != 2 {
				t.Errorf("it was rejected %d times, after another try %d times", rejections, n)
			}
			w.asks(theType, "version", "1")
		})
	}
}

func countEvents(w *world, kind string) int {
	n := 0
	for _, e := range w.history(theID) {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

func TestVersionThatDiesInItsProbationIsReplaced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		overlap bool
	}{{"overlap", true}, {"exclusive", false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := startQuick(t, t.TempDir())
			w.put("m-1.jar", moody{version: "1", overlap: c.overlap}.jar(t))
			w.awaitRunning(theID, "1")
			w.put("m-2.jar", moody{version: "2", overlap: c.overlap}.jar(t))
			w.awaitRunning(theID, "2")
			if status, answer := w.post(theType, "die"); status == http.StatusOK {
				t.Errorf("a dead process answers %s", answer)
			}
			w.awaitRunning(theID, "1")
			row := w.awaitRejected(theID, "2")
			if row.Version != "1" || row.Candidate.Reason.ExitCode == nil || *row.Candidate.Reason.ExitCode != 3 {
				t.Errorf("after its death: %+v, candidate %+v", row, row.Candidate)
			}
			w.asks(theType, "version", "1")
			w.awaitEvents(theID, "upgraded 2", "rejected 2", "reverted 1")
		})
	}
}

func TestVersionThatOutlivesItsProbationIsKept(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir(), func(cfg *host.Config) {
		cfg.Settings = func(string) host.Settings {
			s := quick()
			s.Probation, s.DrainTimeout = 50*time.Millisecond, 50*time.Millisecond
			return s
		}
	})
	w.put("m-1.jar", moody{version: "1", overlap: true}.jar(t))
	old := w.awaitRunning(theID, "1")
	w.put("m-2.jar", moody{version: "2", overlap: true}.jar(t))
	w.awaitRunning(theID, "2")
	w.awaitEvents(theID, "upgraded 2", "confirmed 2")
	if !eventually(func() bool { return !alive(old.PID) }) {
		t.Errorf("the old process %d lives on", old.PID)
	}
	w.post(theType, "die")
	row := w.await(theID, "restarted", func(e host.Extension, _ bool) bool { return e.State == "running" && e.Restarts == 1 })
	if row.Version != "2" || row.Candidate != nil {
		t.Errorf("after its crash: %+v", row)
	}
}

func TestRollBack(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	if !eventually(w.Ready) {
		t.Fatal("the host does not become ready")
	}
	w.refused(host.Action{Verb: host.VerbRollback, ID: theID}, host.CodeNotFound)
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.refused(host.Action{Verb: host.VerbRollback, ID: theID}, host.CodeConflict)
	w.asks(theType, "write by 1", "write by 1")
	for _, version := range []string{"2", "3"} {
		w.put("m-"+version+".jar", moody{version: version}.jar(t))
		w.awaitRunning(theID, version)
		w.asks(theType, "write by "+version, "write by "+version)
	}

	row := w.do(host.Action{Verb: host.VerbRollback, ID: theID})
	if row.Version != "2" || row.State != "running" || !pinned(row, "2") {
		t.Errorf("after a roll back: %+v", row)
	}
	if _, answer := w.post(theType, "data"); !strings.Contains(answer, "by 3") {
		t.Errorf("a roll back without its data has %q", answer)
	}
	if held := w.awaitState("m-3.jar", "waiting"); held.Reason.Code != "held" {
		t.Errorf("the newer file: %+v", held.Reason)
	}
	w.refused(host.Action{Verb: host.VerbRollback, ID: theID, Version: "9"}, host.CodeNotFound)
	w.refused(host.Action{Verb: host.VerbRollback, ID: theID, Version: "2", RestoreData: true}, host.CodeConflict)

	row = w.do(host.Action{Verb: host.VerbRollback, ID: theID, Version: "1.0", RestoreData: true})
	if row.Version != "1" || !pinned(row, "1") {
		t.Errorf("after a roll back to 1: %+v", row)
	}
	w.asks(theType, "data", "activated 1\nby 1\nactivated 1\n")
	w.awaitEvents(theID, "rollback 2", "upgraded 2", "rollback 1", "upgraded 1")

	row = w.do(host.Action{Verb: host.VerbUnpin, ID: theID})
	if row = w.awaitRunning(theID, "3"); pinned(row, "1") {
		t.Errorf("after unpin: %+v", row)
	}
}

func pinned(row host.Extension, version string) bool {
	for _, v := range row.Versions {
		if v.Pinned {
			return v.Version == version
		}
	}
	return false
}

func TestPinHolds(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	if row := w.do(host.Action{Verb: host.VerbPin, ID: theID}); !pinned(row, "1") {
		t.Errorf("after pin: %+v", row)
	}
	w.put("m-2.jar", moody{version: "2"}.jar(t))
	w.awaitState("m-2.jar", "waiting")
	w.stop()

	// Also when its own file is not there any more.
	w.removeFile("m-1.jar")
	w = startQuick(t, home)
	if row := w.awaitState(theID, "running"); row.Version != "1" || !pinned(row, "1") {
		t.Errorf("the pinned version after a restart: %+v", row)
	}
	if held := w.awaitState("m-2.jar", "waiting"); held.Claims != theID || held.Reason.Code != "held" {
		t.Errorf("the newer file: %+v", held)
	}
	w.do(host.Action{Verb: host.VerbUnpin, ID: theID})
	w.awaitRunning(theID, "2")
}
