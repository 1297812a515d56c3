package extcmd

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func TestVerbs(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		want host.Action
	}{
		{"enable", []string{"enable", hello}, host.Action{Verb: "enable"}},
		{"disable", []string{"disable", hello}, host.Action{Verb: "disable"}},
		{"disable by force", []string{"disable", hello, "--force"}, host.Action{Verb: "disable", Force: true}},
		{"restart", []string{"restart", hello}, host.Action{Verb: "restart"}},
		{"roll back", []string{"rollback", hello}, host.Action{Verb: "rollback"}},
		{"roll back to", []string{"rollback", hello, "0.9", "--restore-data"}, host.Action{Verb: "rollback", Version: "0.9", RestoreData: true}},
		{"pin", []string{"pin", hello}, host.Action{Verb: "pin"}},
		{"pin at", []string{"pin", hello, "1.0.0"}, host.Action{Verb: "pin", Version: "1.0.0"}},
		{"unpin", []string{"unpin", hello}, host.Action{Verb: "unpin"}},
		{"retry", []string{"retry", hello}, host.Action{Verb: "retry"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{rows: rows()}
			home := string(homeOf(t, h, http.NotFoundHandler()))
			c.want.ID = hello
			out, err := ext("", append(c.args, "--home", home)...)
			if err != nil || !strings.Contains(out, hello+"  Hello  1.0.0    running") {
				t.Errorf("%v, printed %s", err, out)
			}
			if !reflect.DeepEqual(h.actions, []host.Action{c.want}) || !reflect.DeepEqual(h.asked, []string{"settle " + hello}) {
				t.Errorf("the host was asked for %+v, %q; want %+v", h.actions, h.asked, c.want)
			}
			out, err = ext("", append(c.args, "--home", home, "--no-wait", "-o", "json")...)
			var e host.Extension
			if err != nil || json.Unmarshal([]byte(out), &e) != nil || e.ID != hello {
				t.Errorf("-o json: %v, printed %s", err, out)
			}
			if len(h.asked) != 1 || len(h.actions) != 2 {
				t.Errorf("--no-wait waits: %q", h.asked)
			}
			_, err = ext("", c.args[0], "--home", home)
			if err == nil {
				t.Error("no id is needed")
			}
		})
	}
}

// TestSettledElsewhere: a verb has failed when the extension is not as it was meant.
func TestSettledElsewhere(t *testing.T) {
	code := 2
	reason := &host.Reason{Code: "init_failed", Stage: "init", Message: "no port\nleft", Time: time.Unix(0, 0), ExitCode: &code}
	runs := host.Extension{ID: hello, Version: "1.0.0", Digest: "sha256:aa", State: "running"}
	failed := runs
	failed.State, failed.Reason = "failed", reason
	stopped := runs
	stopped.State, stopped.Reason = "stopped", &host.Reason{Code: "disabled", Stage: "scan", Message: "disabled by admin"}
	itself := runs
	itself.Candidate = &host.Candidate{Version: "1.0.0", Digest: "sha256:aa", State: "failed", Reason: reason}
	newer := runs
	newer.Candidate = &host.Candidate{Version: "2.0.0", Digest: "sha256:bb", State: "failed", Reason: reason}
	pinned := newer
	pinned.Versions = []host.Version{{Version: "1.0.0", Digest: "sha256:aa", Current: true}, {Version: "0.9", Digest: "sha256:cc", Pinned: true}}
	for _, c := range []struct {
		name, verb string
		row        host.Extension
		want       []string // none: it is as it should be
	}{
		{"enabled and failed", "enable", failed, []string{`enabling "` + hello + `": it is failed: init_failed: no port\nleft (stage init)`, "hint: 'jackfield ext show " + hello + "'"}},
		{"restarted while it is disabled", "restart", stopped, []string{"it is stopped: disabled", "hint: 'jackfield ext enable"}},
		{"its new process fails", "restart", itself, []string{"version 1.0.0 has not taken over, 1.0.0 is running; 1.0.0 is failed: init_failed"}},
		{"an old failure does not matter", "restart", newer, nil},
		{"tried again in vain", "retry", newer, []string{"version 2.0.0 has not taken over", "hint: 'jackfield ext show " + hello + "' and 'jackfield ext history"}},
		{"not rolled back", "rollback", pinned, []string{"version 0.9 has not taken over, 1.0.0 is running"}},
		{"not at the pin", "pin", pinned, []string{"version 0.9 has not taken over"}},
		{"pinned while it is disabled", "pin", stopped, nil},
		{"disabled", "disable", stopped, nil},
		{"unpinned", "unpin", failed, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{rows: rows(), settled: &c.row}
			home := string(homeOf(t, h, http.NotFoundHandler()))
			out, err := ext("", c.verb, hello, "--home", home)
			if !strings.Contains(out, string(c.row.State)) {
				t.Errorf("the row is not shown: %s", out)
			}
			if c.want != nil {
				wantError(t, err, 1, c.want...)
			} else if err != nil {
				t.Error(err)
			}
			if _, err := ext("", c.verb, hello, "--home", home, "--no-wait"); err != nil {
				t.Errorf("without waiting: %v", err)
			}
		})
	}
}

func TestRefusedVerbs(t *testing.T) {
	for _, c := range []struct {
		name   string
		refuse *host.Error
		want   []string
	}{
		{"others need it", &host.Error{Code: "conflict", Message: "2 extensions need it", Others: []string{"org.b.B", "org.c\x1b[2J"}},
			[]string{"disabling \"" + hello + "\": conflict: 2 extensions need it (request ", "  org.b.B needs it\n", `  org.c\x1b[2J needs it` + "\n", "hint: --force goes ahead"}},
		{"the host's own hint", &host.Error{Code: "invalid_argument", Message: "no", Hint: "do\x1b[2J this"}, []string{"invalid_argument: no", `hint: do\x1b[2J this` + "\n"}},
		{"disk full", &host.Error{Code: "unavailable", Message: "the disk is full"}, []string{"unavailable: the disk is full", "hint: try again in 5 s"}},
		{"unknown", &host.Error{Code: "not_found", Message: "no such"}, []string{"not_found: no such", "hint: 'jackfield ext list' shows the ids"}},
		{"fault", &host.Error{Code: "internal", Message: "broken"}, []string{"internal: broken", "hint: the log of the host says more"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := string(homeOf(t, &house{rows: rows(), refuse: c.refuse}, http.NotFoundHandler()))
			out, err := ext("", "disable", hello, "--home", home)
			wantError(t, err, 1, c.want...)
			if out != "" {
				t.Errorf("printed %s", out)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	h := &house{rows: rows()}
	home := string(homeOf(t, h, http.NotFoundHandler()))
	out, err := ext("", "remove", hello, "--home", home)
	if err != nil || out != "id       "+hello+"\nremoved  yes\npurged   no\n" {
		t.Errorf("%v, printed %q", err, out)
	}
	out, err = ext("", "remove", "odd name%.jar", "--purge", "--yes", "--force", "-o", "json", "--home", home)
	var gone map[string]any
	if err != nil || json.Unmarshal([]byte(out), &gone) != nil || !reflect.DeepEqual(gone, map[string]any{"id": "odd name%.jar", "removed": true, "purged": true}) {
		t.Errorf("%v, printed %s", err, out)
	}
	want := []host.Action{{Verb: "remove", ID: hello}, {Verb: "remove", ID: "odd name%.jar", Purge: true, Force: true}}
	if !reflect.DeepEqual(h.actions, want) {
		t.Errorf("actions %+v, want %+v", h.actions, want)
	}
	_, err = ext("y\n", "remove", hello, "--purge", "--home", home)
	wantError(t, err, 2, "there is no terminal to ask at", "hint: pass --yes")
	if len(h.actions) != 2 {
		t.Error("it was removed without a yes")
	}
}

func TestShowSaysMore(t *testing.T) {
	e := rows()[0]
	e.Enabled = true
	e.Limits = host.Limits{Memory: host.Limit{Value: 1 << 29, By: "cgroup"}, Processes: host.Limit{Value: 64}, Files: host.Limit{By: "rlimit"}}
	e.Versions = []host.Version{
		{Version: "1.0.0", Digest: "sha256:aa", Current: true, Pinned: true}, {Version: "0.9", Digest: "sha256:bb"},
	}
	e.Candidate = &host.Candidate{Version: "2.0", Digest: "sha256:cc", File: "new.jar", State: "failed", Reason: &host.Reason{Code: "hung", Stage: "check", Message: "\x1b[2J"}}
	file := rows()[1]
	home := string(homeOf(t, &house{rows: []host.Extension{e, file}}, http.NotFoundHandler()))
	out, err := ext("", "show", hello, "--home", home)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"enabled           yes", "memory limit      536870912 bytes (by cgroup)", "process limit     64 (nothing enforces it here)",
		"kept version      1.0.0 sha256:aa (current, pinned)", "kept version      0.9 sha256:bb",
		`candidate         2.0 failed hung: \x1b[2J (stage check)`, "candidate file    new.jar", "candidate digest  sha256:cc",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("%q is missing in\n%s", line, out)
		}
	}
	if strings.Contains(out, "file limit") {
		t.Errorf("a limit that is none is shown:\n%s", out)
	}
	if out, err = ext("", "show", file.ID, "--home", home); err != nil || strings.Contains(out, "enabled") {
		t.Errorf("a file that is no extension: %v\n%s", err, out)
	}
}

func TestRecords(t *testing.T) {
	h := &house{rows: rows(), events: 1203}
	home := string(homeOf(t, h, http.NotFoundHandler()))
	out, err := ext("", "history", hello, "--home", home)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); err != nil || len(lines) != 101 ||
		!strings.HasPrefix(lines[0], "TIME ") || !strings.HasSuffix(lines[1], `started  0        folder  -     \x1b[2Jcleared\nscreen`) {
		t.Errorf("history: %v\n%s", err, out)
	}
	var history host.HistoryPage
	out, err = ext("", "history", hello, "--home", home, "--limit", "1100", "-o", "json")
	if err != nil || json.Unmarshal([]byte(out), &history) != nil || len(history.Events) != 1100 || history.Events[1099].Version != "1099" || history.Next != "1100" {
		t.Errorf("history -o json: %v, %d events, next %q", err, len(history.Events), history.Next)
	}
	var audit host.AuditPage
	out, err = ext("", "audit", "--home", home, "--limit", "100000", "-o", "json")
	if err != nil || json.Unmarshal([]byte(out), &audit) != nil || len(audit.Events) != 1203 || audit.Next != "" {
		t.Errorf("audit -o json: %v, %d events", err, len(audit.Events))
	}
	out, err = ext("", "audit", "--home", home, "--limit", "1")
	if err != nil || !strings.HasSuffix(out, `admin  127.0.0.1  disable  \u202eorg.x  {"disabled":false} → {"disabled":true}`+"\n") {
		t.Errorf("audit: %v\n%s", err, out)
	}
	want := []string{
		`history ` + hello + ` "" 100`,
		`history ` + hello + ` "" 500`, `history ` + hello + ` "500" 500`, `history ` + hello + ` "1000" 100`,
		`audit "" 500`, `audit "500" 500`, `audit "1000" 500`, `audit "" 1`,
	}
	if !reflect.DeepEqual(h.asked, want) {
		t.Errorf("the host was asked for %q, want %q", h.asked, want)
	}
	for _, limit := range []string{"0", "-1", "100001"} {
		_, err = ext("", "audit", "--home", home, "--limit", limit)
		wantError(t, err, 2, "--limit must be a number from 1 to 100000")
		_, err = ext("", "history", hello, "--home", home, "--limit", limit)
		wantError(t, err, 2, "--limit must be a number from 1 to 100000")
	}
	h.events = 0
	if out, err = ext("", "history", hello, "--home", home, "-o", "json"); err != nil || out != "{\n  \"events\": []\n}\n" {
		t.Errorf("no history: %v, %q", err, out)
	}
}

func TestCompletionOfVerbs(t *testing.T) {
	list := rows()
	list[0].Versions = []host.Version{{Version: "1.0.0"}, {Version: "0.9\x1b"}}
	home := string(homeOf(t, &house{rows: list}, http.NotFoundHandler()))
	for _, command := range []string{"show", "enable", "disable", "restart", "rollback", "pin", "unpin", "retry", "remove", "history"} {
		out, err := ext("", "__complete", command, "--home", home, "")
		if err != nil || !strings.Contains(out, hello+"\t1.0.0 running\n") {
			t.Errorf("%s: %v, %q", command, err, out)
		}
	}
	out, err := ext("", "__complete", "pin", "--home", home, hello, "")
	if err != nil || !strings.HasPrefix(out, "1.0.0\n0.9\\x1b\n:") {
		t.Errorf("versions: %v, %q", err, out)
	}
	if out, err = ext("", "__complete", "enable", "--home", home, hello, ""); err != nil || !strings.HasPrefix(out, ":") {
		t.Errorf("enable takes one id: %v, %q", err, out)
	}
	if out, err = ext("", "__complete", "install", "--home", home, ""); err != nil || !strings.HasPrefix(out, "jar\n:8") {
		t.Errorf("install: %v, %q", err, out)
	}
}

// TestEveryCommandShowsItself: an example, a sentence, and both formats.
func TestEveryCommandShowsItself(t *testing.T) {
	commands := New().Commands()
	for i := 0; i < len(commands); i++ {
		cmd := commands[i]
		if cmd.HasSubCommands() {
			commands = append(commands, cmd.Commands()...)
			continue
		}
		if cmd.Example == "" || cmd.Short == "" || cmd.Flags().Lookup("output") == nil {
			t.Errorf("%s lacks an example, a sentence or -o", cmd.Name())
		}
		if !strings.HasPrefix(strings.TrimSpace(cmd.Example), "jackfield "+cmd.CommandPath()) {
			t.Errorf("%s has the example %q", cmd.Name(), cmd.Example)
		}
	}
}
