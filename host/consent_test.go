package host_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// door is a server that may be dialled, and the permission for that.
func door(t *testing.T) (address, permission string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), "net:" + ln.Addr().String()
}

// holds checks what an extension was granted and denied, by whom ("kv by folder").
func holds(t *testing.T, e host.Extension, granted, denied []string) {
	t.Helper()
	list := func(grants []host.Grant) []string {
		lines := []string{}
		for _, g := range grants {
			line := g.Permission + " by " + g.By
			if g.Unused {
				line += ", unused"
			}
			if g.At.IsZero() || time.Since(g.At) > time.Hour {
				t.Errorf("%s at %s", line, g.At)
			}
			lines = append(lines, line)
		}
		return lines
	}
	if got := list(e.Grants); !slices.Equal(got, granted) {
		t.Errorf("granted is %q, want %q", got, granted)
	}
	if got := list(e.Denied); !slices.Equal(got, denied) {
		t.Errorf("denied is %q, want %q", got, denied)
	}
}

// waitsFor checks what waits for consent.
func waitsFor(t *testing.T, e host.Extension, version string, permissions ...string) {
	t.Helper()
	if e.Consent == nil || e.Consent.Version != version || e.Consent.File == "" || e.Consent.Digest == "" {
		t.Fatalf("version %s does not wait for consent: %+v", version, e.Consent)
	}
	var got []string
	for _, n := range e.Consent.Needs {
		if n.Kind != host.NeedPermission {
			t.Errorf("a need of kind %s", n.Kind)
		}
		got = append(got, n.What)
	}
	if !slices.Equal(got, permissions) {
		t.Errorf("version %s waits for %q, want %q", version, got, permissions)
	}
}

// denied asks for a connection that must not be made.
func (w *world) denied(address string) {
	w.t.Helper()
	if status, answer := w.post(theType, "dial "+address); status != http.StatusForbidden || !strings.Contains(answer, "permission_denied") {
		w.t.Errorf("a dial without permission is answered with %d %s", status, answer)
	}
}

// audited returns the newest entry of the audit trail.
func (w *world) audited() host.AuditEntry {
	w.t.Helper()
	page, err := w.Audit(context.Background(), "", 1)
	if err != nil || len(page.Events) != 1 {
		w.t.Fatalf("the audit trail: %+v, %v", page, err)
	}
	return page.Events[0]
}

// TestFolderGrantsTheFirstVersion: who may write there may install.
func TestFolderGrantsTheFirstVersion(t *testing.T) {
	t.Parallel()
	address, net := door(t)
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1", permissions: "kv, " + net}.jar(t))
	row := w.awaitRunning(theID, "1")
	holds(t, row, []string{"kv by folder", net + " by folder"}, []string{})
	if row.Consent != nil || !slices.Equal(row.Permissions, []string{"kv", net}) {
		t.Errorf("the row: %+v", row)
	}
	w.asks(theType, "dial "+address, "connected")
	w.awaitEvents(theID, "consent 1", "started 1")
	entry := w.audited()
	if entry.Actor != "folder" || entry.Action != "consent" || entry.Target != theID || entry.Remote != "" ||
		string(entry.Before) != `{"granted":[],"denied":[]}` || string(entry.After) != `{"granted":["kv","`+net+`"],"denied":[]}` {
		t.Errorf("the audit trail: %+v", entry)
	}
	at := row.Grants[0].At
	w.stop()

	w = startQuick(t, home)
	if row = w.awaitRunning(theID, "1"); !row.Grants[0].At.Equal(at) {
		t.Errorf("after a restart granted at %s instead of %s", row.Grants[0].At, at)
	}
	w.asks(theType, "dial "+address, "connected")
	if n := countEvents(w, "consent"); n != 1 {
		t.Errorf("granted %d times", n)
	}
}

// TestVersionThatAsksForMoreWaits: the old one serves, also over a restart of the host,
// until somebody consents to what they have seen.
func TestVersionThatAsksForMoreWaits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		overlap bool
		file    string // of the second version
	}{{"overlap", true, "m-2.jar"}, {"exclusive, in the place of the first", false, "m-1.jar"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, net := door(t)
			home := t.TempDir()
			w := startQuick(t, home)
			w.put("m-1.jar", moody{version: "1", permissions: "kv", overlap: c.overlap}.jar(t))
			before := w.awaitRunning(theID, "1")
			clients := w.load(4)
			clients.more(10)
			w.put(c.file, moody{version: "2", permissions: "events, kv, " + net, overlap: c.overlap}.jar(t))
			row := w.awaitRejected(theID, "2")
			if row.State != "running" || row.Version != "1" || row.PID != before.PID || !slices.Equal(row.Permissions, []string{"kv"}) {
				t.Errorf("what serves: %+v", row)
			}
			waitsFor(t, row, "2", "events", net)
			why := row.Candidate.Reason
			if why.Code != "needs_consent" || row.Candidate.File != c.file || row.Candidate.Digest != row.Consent.Digest {
				t.Errorf("the candidate: %+v, reason %+v", row.Candidate, why)
			}
			for _, names := range []string{"asks for events, " + net + ",", "`jackfield ext consent " + theID + "`", "Consent on the admin page"} {
				if !strings.Contains(why.Message, names) {
					t.Errorf("%q does not name %q", why.Message, names)
				}
			}
			w.denied(address)
			clients.more(10)
			clients.stop("1")
			w.stop()

			w = startQuick(t, home)
			row = w.awaitRunning(theID, "1")
			waitsFor(t, row, "2", "events", net)
			w.do(host.Action{Verb: host.VerbRetry, ID: theID})
			waitsFor(t, w.awaitRejected(theID, "2"), "2", "events", net)

			clients = w.load(4)
			clients.more(10)
			refusal := w.refused(host.Action{Verb: host.VerbConsent, ID: theID, Digest: "sha256:" + strings.Repeat("0", 64)}, host.CodeConflict)
			if !strings.Contains(refusal.Message, row.Consent.Digest) {
				t.Errorf("the refusal does not say what waits now: %+v", refusal)
			}
			row = w.do(host.Action{Verb: host.VerbConsent, ID: theID, Digest: row.Consent.Digest})
			if row.State != "running" || row.Version != "2" || row.Consent != nil || row.Candidate != nil {
				t.Errorf("after consent: %+v", row)
			}
			holds(t, row, []string{"events by admin", "kv by folder", net + " by admin"}, []string{})
			clients.more(10)
			clients.stop("1", "2")
			w.asks(theType, "dial "+address, "connected")
			w.awaitEvents(theID, "consent 1", "needs_consent 2", "retry", "consent 2", "upgraded 2")
			entry := w.audited()
			if entry.Actor != "admin" || entry.Action != "consent" || string(entry.Before) != `{"granted":["kv"],"denied":[]}` ||
				string(entry.After) != `{"granted":["events","kv","`+net+`"],"denied":[]}` || entry.Remote != "192.0.2.7" {
				t.Errorf("the audit trail: %+v", entry)
			}
			w.stop()

			w = startQuick(t, home)
			w.awaitRunning(theID, "2")
			w.asks(theType, "dial "+address, "connected")
		})
	}
}

// TestConsentToWhatIsNotThereAnyMore: a third version came while somebody thought about
// the second.
func TestConsentToWhatIsNotThereAnyMore(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.put("m-2.jar", moody{version: "2", permissions: "kv"}.jar(t))
	seen := w.awaitRejected(theID, "2").Consent
	w.put("m-3.jar", moody{version: "3", permissions: "kv,events"}.jar(t))
	row := w.awaitRejected(theID, "3")
	waitsFor(t, row, "3", "kv", "events")
	w.refused(host.Action{Verb: host.VerbConsent, ID: theID, Digest: seen.Digest}, host.CodeConflict)
	if now, _ := w.Extension(theID); len(now.Grants) > 0 {
		t.Errorf("granted after all: %+v", now.Grants)
	}
	w.removeFile("m-3.jar")
	w.await(theID, "waiting in version 2", func(e host.Extension, _ bool) bool { return e.Consent != nil && e.Consent.Version == "2" })
	if row = w.do(host.Action{Verb: host.VerbConsent, ID: theID, Digest: seen.Digest}); row.Version != "2" {
		t.Errorf("after consent: %+v", row)
	}
}

// TestFewerPermissionsNeverWait, and those of versions that can be rolled back to stay
// granted; with the last that asks for one it is forgotten.
func TestFewerPermissionsNeverWait(t *testing.T) {
	t.Parallel()
	address, net := door(t)
	w := startQuick(t, t.TempDir())
	put := func(version, permissions string) host.Extension {
		t.Helper()
		w.put("m.jar", moody{version: version, permissions: permissions, overlap: true}.jar(t))
		return w.awaitRunning(theID, version)
	}
	put("1", "kv,"+net)
	holds(t, put("2", "kv"), []string{"kv by folder", net + " by folder, unused"}, []string{})
	w.denied(address)
	if row := w.do(host.Action{Verb: host.VerbRollback, ID: theID}); row.Version != "1" {
		t.Errorf("after a roll back: %+v", row)
	}
	w.asks(theType, "dial "+address, "connected")
	w.do(host.Action{Verb: host.VerbUnpin, ID: theID})
	w.awaitRunning(theID, "2")
	for _, version := range []string{"3", "4"} {
		holds(t, put(version, "kv"), []string{"kv by folder", net + " by folder, unused"}, []string{})
	}
	w.awaitEvents(theID, "upgraded 4")
	put("5", "kv")
	w.awaitEvents(theID, "forgotten 5")
	row := w.await(theID, "without what nobody asks for", func(e host.Extension, _ bool) bool { return len(e.Grants) == 1 })
	holds(t, row, []string{"kv by folder"}, []string{})
	if entry := w.audited(); entry.Actor != "host" || entry.Action != "forget" || string(entry.After) != `{"granted":["kv"],"denied":[]}` {
		t.Errorf("the audit trail: %+v", entry)
	}
	w.put("m.jar", moody{version: "6", permissions: "kv," + net, overlap: true}.jar(t))
	waitsFor(t, w.awaitRejected(theID, "6"), "6", net)
}

// TestConsentToSomeOfIt: the version runs with what it has.
func TestConsentToSomeOfIt(t *testing.T) {
	t.Parallel()
	address, net := door(t)
	w := startQuick(t, t.TempDir())
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	w.put("m-2.jar", moody{version: "2", permissions: "kv,events," + net}.jar(t))
	w.awaitRejected(theID, "2")
	w.refused(host.Action{Verb: host.VerbConsent, ID: theID, Permissions: []string{"kv", "sql:other"}}, host.CodeInvalidArgument)
	row := w.do(host.Action{Verb: host.VerbConsent, ID: theID, Permissions: []string{"kv"}})
	if row.Version != "2" || row.State != "running" || row.Consent != nil {
		t.Errorf("after consent: %+v", row)
	}
	holds(t, row, []string{"kv by admin"}, []string{"events by admin", net + " by admin"})
	w.denied(address)
	row = w.do(host.Action{Verb: host.VerbConsent, ID: theID, Permissions: []string{net}})
	holds(t, row, []string{"kv by admin", net + " by admin"}, []string{"events by admin"})
	w.asks(theType, "dial "+address, "connected")
}

// TestUploadConsents: who uploads sees before what that grants, and what was denied
// stays denied.
func TestUploadConsents(t *testing.T) {
	t.Parallel()
	address, net := door(t)
	w := startQuick(t, t.TempDir())
	first := moody{version: "1", permissions: "kv," + net}
	dry, err := w.upload(first.jar(t), true)
	if err != nil || !slices.Equal(dry.Permissions, []string{"kv", net}) || len(dry.Needs) != 2 || dry.Needs[1] != (host.Need{Kind: "permission", What: net}) {
		t.Errorf("the dry run: %+v, %v", dry, err)
	}
	holds(t, w.uploads(first, "install"), []string{"kv by admin", net + " by admin"}, []string{})
	w.asks(theType, "dial "+address, "connected")
	w.do(host.Action{Verb: host.VerbRevoke, ID: theID, Permissions: []string{net}})

	second := moody{version: "2", permissions: "events," + net}
	dry, err = w.upload(second.jar(t), true)
	if err != nil || !slices.Equal(dry.Permissions, []string{"events", net}) || len(dry.Needs) != 1 || dry.Needs[0].What != "events" || dry.State != "starting" {
		t.Errorf("the dry run: %+v, %v", dry, err)
	}
	row := w.uploads(second, "upgrade")
	if row.Version != "2" {
		t.Errorf("after the upload: %+v", row)
	}
	holds(t, row, []string{"events by admin", "kv by admin, unused"}, []string{net + " by admin"})
	w.denied(address)
	if n := countEvents(w, "needs_consent"); n > 0 {
		t.Errorf("an upload waited for consent %d times", n)
	}

	// What waits already is consented to by uploading it, too.
	third := moody{version: "3", permissions: "events,call:org.n.NRequest"}
	w.put("m-3.jar", third.jar(t))
	w.awaitRejected(theID, "3")
	if dry, err = w.upload(third.jar(t), true); err != nil || dry.State != "starting" || dry.Action != "none" {
		t.Errorf("the dry run of what waits: %+v, %v", dry, err)
	}
	if row = w.uploads(third, "none"); row.Version != "3" || row.Consent != nil {
		t.Errorf("after the upload of what waits: %+v", row)
	}
}

// TestComingBackIsNoFirstTime: what was decided outlives a removal, and what ran before
// does not run instead of what waits. A purge forgets it all.
func TestComingBackIsNoFirstTime(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m-1.jar", moody{version: "1", permissions: "kv"}.jar(t))
	w.awaitRunning(theID, "1")
	w.removeFile("m-1.jar")
	w.await(theID, "gone", func(_ host.Extension, found bool) bool { return !found })
	w.put("m-2.jar", moody{version: "2", permissions: "kv,events"}.jar(t))
	for range 2 {
		row := w.awaitState(theID, "failed")
		if row.Version != "2" || row.Reason.Code != "needs_consent" || row.PID != 0 || row.Candidate != nil {
			t.Errorf("what came back: %+v, reason %v", row, row.Reason)
		}
		waitsFor(t, row, "2", "events")
		if !eventually(w.Ready) {
			t.Error("the host does not become ready")
		}
		w.stop()
		w = startQuick(t, home)
	}
	w.awaitState(theID, "failed")
	w.do(host.Action{Verb: host.VerbConsent, ID: theID})
	row := w.awaitRunning(theID, "2")
	holds(t, row, []string{"events by admin", "kv by folder"}, []string{})
	w.awaitEvents(theID, "started 1", "removed 1", "needs_consent 2", "consent 2", "started 2")
	if n := countEvents(w, "started"); n != 2 {
		t.Errorf("something was started %d times", n)
	}
	w.do(host.Action{Verb: host.VerbRevoke, ID: theID})
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	w.put("m-3.jar", moody{version: "3", permissions: "kv,events"}.jar(t))
	holds(t, w.awaitRunning(theID, "3"), []string{"events by folder", "kv by folder"}, []string{})
}

// TestLostDatabaseGrantsNothing, unless the host is told to run everything.
func TestLostDatabaseGrantsNothing(t *testing.T) {
	t.Parallel()
	for _, run := range []bool{false, true} {
		t.Run(fmt.Sprintf("recover run %v", run), func(t *testing.T) {
			t.Parallel()
			address, net := door(t)
			home := t.TempDir()
			w := startQuick(t, home)
			w.put("m.jar", moody{version: "1", permissions: net}.jar(t))
			w.awaitRunning(theID, "1")
			w.stop()
			loseDatabase(t, w.home, false)
			w = startQuick(t, home, func(cfg *host.Config) { cfg.RecoverRun = run })
			if run {
				holds(t, w.awaitRunning(theID, "1"), []string{net + " by folder"}, []string{})
				return
			}
			w.awaitState(theID, "stopped")
			row := w.do(host.Action{Verb: host.VerbEnable, ID: theID})
			if row.State != "failed" || row.Reason.Code != "needs_consent" {
				t.Errorf("after enable: %+v, reason %v", row, row.Reason)
			}
			waitsFor(t, row, "1", net)
			row = w.do(host.Action{Verb: host.VerbConsent, ID: theID, Digest: row.Digest})
			if row.State != "running" {
				t.Errorf("after consent: %+v, reason %v", row, row.Reason)
			}
			w.asks(theType, "dial "+address, "connected")
		})
	}
}
