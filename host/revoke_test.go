package host_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// TestRevoke: what is taken back is gone from the process at once, and no request fails
// for it; what was denied stays so for later versions.
func TestRevoke(t *testing.T) {
	t.Parallel()
	for _, overlap := range []bool{true, false} {
		t.Run(fmt.Sprintf("overlap %v", overlap), func(t *testing.T) {
			t.Parallel()
			address, net := door(t)
			w := startQuick(t, t.TempDir())
			w.put("m-1.jar", moody{version: "1", permissions: "kv," + net, overlap: overlap}.jar(t))
			before := w.awaitRunning(theID, "1")
			w.asks(theType, "dial "+address, "connected")
			clients := w.load(4)
			clients.more(10)
			w.refused(host.Action{Verb: host.VerbRevoke, ID: theID, Permissions: []string{"events"}}, host.CodeInvalidArgument)
			row := w.do(host.Action{Verb: host.VerbRevoke, ID: theID, Permissions: []string{net}})
			clients.more(10)
			holds(t, row, []string{"kv by folder"}, []string{net + " by admin"})
			if row.State != "running" || row.PID == before.PID || row.Consent != nil || !slices.Equal(row.Permissions, []string{"kv", net}) {
				t.Errorf("after revoke: %+v", row)
			}
			w.denied(address)
			if entry := w.audited(); entry.Action != "revoke" || string(entry.After) != `{"granted":["kv"],"denied":["`+net+`"]}` {
				t.Errorf("the audit trail: %+v", entry)
			}
			w.put("m-2.jar", moody{version: "2", permissions: net, overlap: overlap}.jar(t))
			w.awaitRunning(theID, "2")
			w.denied(address)
			row = w.do(host.Action{Verb: host.VerbConsent, ID: theID})
			holds(t, row, []string{"kv by folder, unused", net + " by admin"}, []string{})
			clients.more(10)
			clients.stop("1", "2")
			w.asks(theType, "dial "+address, "connected")
			w.awaitEvents(theID, "revoke 1", "restarted 1", "upgraded 2", "consent 2", "restarted 2")
		})
	}
}

// TestRevokeOfWhatItCannotDoWithout: the process that may do it does not go on.
func TestRevokeOfWhatItCannotDoWithout(t *testing.T) {
	t.Parallel()
	address, net := door(t)
	w := startQuick(t, t.TempDir())
	w.put("m.jar", moody{version: "1", permissions: net, mood: "dial " + address}.jar(t))
	before := w.awaitRunning(theID, "1")
	row := w.do(host.Action{Verb: host.VerbRevoke, ID: theID})
	holds(t, row, []string{}, []string{net + " by admin"})
	if row.State == "running" || alive(before.PID) {
		t.Errorf("after revoke: %+v, the old process alive: %v", row, alive(before.PID))
	}
	w.awaitEvents(theID, "revoke 1", "ended 1")
	w.do(host.Action{Verb: host.VerbConsent, ID: theID})
	w.awaitRunning(theID, "1")
}

// TestGrantsThatCannotBeWrittenDown: nothing is granted that the next start would not
// know; what asks for nothing runs.
func TestGrantsThatCannotBeWrittenDown(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	db, err := sql.Open("sqlite", w.home.Database()+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	execute := func(query string) {
		t.Helper()
		if _, err := db.Exec(query); err != nil {
			t.Fatal(err)
		}
	}
	execute("CREATE TRIGGER broken BEFORE INSERT ON extension BEGIN SELECT RAISE(ABORT, 'the disk says no'); END")
	w.put("n.jar", moody{class: "org.n.N", version: "1"}.jar(t))
	w.put("m.jar", moody{version: "1", permissions: "kv"}.jar(t))
	w.awaitRunning("org.n.N", "1")
	row := w.awaitState(theID, "failed")
	if row.Reason.Code != "needs_consent" || !strings.Contains(row.Reason.Message, "the disk says no") || row.PID != 0 || len(row.Grants) != 0 {
		t.Errorf("what cannot be written down: %+v, reason %v", row, row.Reason)
	}
	execute("DROP TRIGGER broken")
	holds(t, w.awaitRunning(theID, "1"), []string{"kv by folder"}, []string{})
}
