package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// listed reports whether /v1/types knows a request type.
func (w *world) listed(typ string) bool {
	w.t.Helper()
	listener := httptest.NewServer(w.Requests())
	defer listener.Close()
	resp, err := http.Get(listener.URL + "/v1/types")
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		w.t.Fatalf("/v1/types: %d %v", resp.StatusCode, err)
	}
	return strings.Contains(string(text), `"`+typ+`"`)
}

func TestDisabledStaysDisabled(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1"}.jar(t))
	running := w.awaitRunning(theID, "1")
	if !w.listed(theType) {
		t.Error("the types do not have the one that runs")
	}
	row := w.do(host.Action{Verb: host.VerbDisable, ID: theID})
	if row.State != "stopped" || row.Enabled || row.Reason == nil || row.Reason.Code != "disabled" || alive(running.PID) {
		t.Errorf("after disable: %+v, reason %v", row, row.Reason)
	}
	disabled := func() {
		t.Helper()
		if w.listed(theType) {
			t.Error("the types have one that is disabled")
		}
		if status, answer := w.post(theType, "version"); status < 400 {
			t.Errorf("what is disabled answers %d %s", status, answer)
		}
	}
	disabled()
	w.refused(host.Action{Verb: host.VerbEnable, ID: theID, Revision: running.Revision()}, host.CodeConflict) // that was before
	w.refused(host.Action{Verb: host.VerbRestart, ID: theID}, host.CodeConflict)
	w.stop()

	w = startQuick(t, home)
	if row := w.awaitState(theID, "stopped"); row.Enabled {
		t.Errorf("after a restart: %+v", row)
	}
	disabled()
	if row := w.do(host.Action{Verb: host.VerbEnable, ID: theID}); row.State != "running" || !row.Enabled {
		t.Errorf("after enable: %+v", row)
	}
	w.asks(theType, "version", "1")
	w.stop()

	w = startQuick(t, home)
	w.awaitRunning(theID, "1")
	w.awaitEvents(theID, "started 1", "disable", "enable", "started 1")
}

// family is an extension and two that need it, one through the other.
func (w *world) family(t *testing.T) {
	t.Helper()
	w.put("c.jar", moody{class: "org.c.C", version: "1", requires: "org.b.B >=0"}.jar(t))
	w.put("b.jar", moody{class: "org.b.B", version: "1", requires: "org.a.A >=0"}.jar(t))
	w.put("a.jar", moody{class: "org.a.A", version: "1"}.jar(t))
	for _, id := range []string{"org.a.A", "org.b.B", "org.c.C"} {
		w.awaitRunning(id, "1")
	}
}

func TestWhatOthersNeed(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.family(t)
	for _, verb := range []host.Verb{host.VerbDisable, host.VerbRemove} {
		refusal := w.refused(host.Action{Verb: verb, ID: "org.a.A"}, host.CodeConflict)
		if !slices.Equal(refusal.Others, []string{"org.b.B"}) || !strings.Contains(refusal.Message, "org.b.B") {
			t.Errorf("%s: %+v", verb, refusal)
		}
	}
	w.asks("org.a.ARequest", "version", "1")

	waiting := func() {
		t.Helper()
		for _, id := range []string{"org.b.B", "org.c.C"} { // they were installed: their rows are theirs
			row := w.awaitState(id, "waiting")
			if row.Reason == nil || row.Reason.Code != "dependency_missing" {
				t.Errorf("%s: %v", id, row.Reason)
			}
		}
	}
	if row := w.do(host.Action{Verb: host.VerbDisable, ID: "org.a.A", Force: true}); row.State != "stopped" {
		t.Errorf("after disable: %+v", row)
	}
	waiting()
	w.do(host.Action{Verb: host.VerbEnable, ID: "org.a.A"})
	w.awaitRunning("org.c.C", "1")

	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: "org.a.A", Force: true}); err != nil {
		t.Fatal(err)
	}
	waiting()
	w.put("a.jar", moody{class: "org.a.A", version: "2"}.jar(t))
	w.awaitRunning("org.c.C", "1")
	w.asks("org.b.BRequest", "version", "1")
}

func TestWhatIsNeededStartsFirst(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.family(t)
	w.stop()
	w = startQuick(t, home)
	var rows []host.Extension
	for _, id := range []string{"org.a.A", "org.b.B", "org.c.C"} {
		rows = append(rows, w.awaitRunning(id, "1"))
	}
	for i := range rows[1:] {
		if !rows[i].Started.Before(*rows[i+1].Started) {
			t.Errorf("%s started at %v, %s that it needs at %v", rows[i+1].ID, rows[i+1].Started, rows[i].ID, rows[i].Started)
		}
	}
}

func TestCycleNamesItsPath(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("a.jar", moody{class: "org.a.A", version: "1", requires: "org.c.C >=0"}.jar(t))
	w.put("b.jar", moody{class: "org.b.B", version: "1", requires: "org.a.A >=0"}.jar(t))
	w.put("c.jar", moody{class: "org.c.C", version: "1", requires: "org.b.B >=0"}.jar(t))
	for _, file := range []string{"a.jar", "b.jar", "c.jar"} {
		w.await(file, "in a cycle", func(e host.Extension, found bool) bool {
			return found && e.State == "waiting" && e.Reason != nil && e.Reason.Code == "dependency_cycle" &&
				strings.Contains(e.Reason.Message, "org.a.A → org.c.C → org.b.B → org.a.A")
		})
	}
	w.put("c.jar", moody{class: "org.c.C", version: "2"}.jar(t))
	w.awaitRunning("org.b.B", "1")
}

func TestRemoveAndPurge(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.put("m-2.jar", moody{version: "2"}.jar(t))
	row := w.awaitRunning(theID, "2") // there is a snapshot now
	left := []string{w.home.Data(theID), w.home.Snapshots(theID), w.home.ExtensionLog(theID)}
	exist := func(want bool) {
		t.Helper()
		for _, path := range left {
			if _, err := os.Stat(path); (err == nil) != want {
				t.Errorf("%s: %v", path, err)
			}
		}
	}
	exist(true)
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID}); err != nil {
		t.Fatal(err)
	}
	w.await(theID, "gone", func(_ host.Extension, found bool) bool { return !found })
	if files, err := filepath.Glob(filepath.Join(w.home.Extensions(), "*.jar")); err != nil || len(files) > 0 {
		t.Errorf("in the folder are %v (%v)", files, err)
	}
	if alive(row.PID) {
		t.Errorf("process %d outlives its extension", row.PID)
	}
	exist(true)
	w.awaitEvents(theID, "upgraded 2", "removed 2")

	// It comes back as it was, and goes for good then.
	w.put("m-2.jar", moody{version: "2"}.jar(t))
	w.awaitRunning(theID, "2")
	if _, answer := w.post(theType, "data"); !strings.HasPrefix(answer, "activated 1\n") {
		t.Errorf("its data are %q", answer)
	}
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	exist(false)
	w.purged(t, 2)
}

// TestPurgeOfWhatWasRemoved: also what is not installed any more can be forgotten.
func TestPurgeOfWhatWasRemoved(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.removeFile("m.jar")
	w.await(theID, "gone", func(_ host.Extension, found bool) bool { return !found })
	w.refused(host.Action{Verb: host.VerbRemove, ID: theID}, host.CodeNotFound)
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(w.home.Data(theID)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its data: %v", err)
	}
	w.purged(t, 1)
}

// purged checks that only the audit trail knows of the extension, with so many removes.
func (w *world) purged(t *testing.T, removes int) {
	t.Helper()
	var refusal *host.Error
	if _, err := w.History(t.Context(), theID, "", 10); !errors.As(err, &refusal) || refusal.Code != host.CodeNotFound {
		t.Errorf("the history after a purge: %v", err)
	}
	if !eventually(func() bool {
		shelved, err := os.ReadDir(w.home.Bundles())
		return err == nil && len(shelved) == 0
	}) {
		t.Error("its bundles are kept after a purge")
	}
	page, err := w.Audit(t.Context(), "", 100)
	if err != nil || len(page.Events) != 1+removes+1 { // the first is that of the first user
		t.Fatalf("the audit trail: %+v, %v", page.Events, err)
	}
	if last := page.Events[0]; last.Action != "purge" || last.Target != theID {
		t.Errorf("its last entry: %+v", last)
	}
	if last := page.Events[1]; last.Action != "remove" || last.Target != theID || !strings.Contains(string(last.After), `"purge":true`) {
		t.Errorf("the one before: %+v", last)
	}
}

func TestAuditTrailAndHistory(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m.jar", moody{version: "1"}.jar(t))
	row := w.awaitRunning(theID, "1")
	w.do(host.Action{Verb: host.VerbDisable, ID: theID})
	w.do(host.Action{Verb: host.VerbEnable, ID: theID})
	w.do(host.Action{Verb: host.VerbPin, ID: theID, Version: "1"})
	w.do(host.Action{Verb: host.VerbUnpin, ID: theID})

	type desired struct {
		Enabled bool
		Pinned  string
	}
	want := []struct {
		action        string
		before, after desired
	}{
		{"unpin", desired{true, row.Digest}, desired{true, ""}},
		{"pin", desired{true, ""}, desired{true, row.Digest}},
		{"enable", desired{false, ""}, desired{true, ""}},
		{"disable", desired{true, ""}, desired{false, ""}},
	}
	cursor := ""
	for i, c := range want { // one to a page
		page, err := w.Audit(t.Context(), cursor, 1)
		if err != nil || len(page.Events) != 1 || page.Next == "" {
			t.Fatalf("page %d: %+v, %v", i, page, err)
		}
		e := page.Events[0]
		var before, after desired
		if err := errors.Join(json.Unmarshal(e.Before, &before), json.Unmarshal(e.After, &after)); err != nil {
			t.Fatal(err)
		}
		if e.Action != c.action || e.Target != theID || e.Actor != "admin" || e.Remote != "192.0.2.7" || before != c.before || after != c.after {
			t.Errorf("entry %d: %+v, from %s to %s", i, e, e.Before, e.After)
		}
		cursor = page.Next
	}
	if page, err := w.Audit(t.Context(), cursor, 1); err != nil || len(page.Events) != 1 || page.Events[0].Action != "add-user" || page.Next != "" {
		t.Errorf("the last page: %+v, %v", page, err)
	}
	w.awaitEvents(theID, "started 1", "disable", "enable", "started 1", "pin 1", "unpin")
	for _, e := range w.history(theID) {
		actor := "host"
		if slices.Contains([]string{"disable", "enable", "pin", "unpin"}, e.Kind) {
			actor = "admin"
		}
		if e.Actor != actor || e.Time.IsZero() {
			t.Errorf("event %+v", e)
		}
	}
	var refusal *host.Error
	if _, err := w.Audit(t.Context(), "nonsense", 1); !errors.As(err, &refusal) || refusal.Code != host.CodeInvalidArgument {
		t.Errorf("a cursor that is none: %v", err)
	}
	if _, err := w.History(context.Background(), "org.None", "", 1); !errors.As(err, &refusal) || refusal.Code != host.CodeNotFound {
		t.Errorf("the history of nothing: %v", err)
	}
}
