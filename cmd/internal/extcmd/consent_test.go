package extcmd

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// waiting is an extension of which a version waits for consent.
func waiting() host.Extension {
	e := rows()[0]
	e.Enabled, e.Digest = true, "sha256:aa"
	e.Permissions = []string{"kv"}
	e.Grants = []host.Grant{{Permission: "kv", By: "folder", At: time.Unix(0, 0).UTC()}, {Permission: "events", By: "admin", At: time.Unix(0, 0).UTC(), Unused: true}}
	e.Consent = &host.Consent{Version: "2.0.0", Digest: "sha256:bb", Needs: []host.Need{
		{Kind: host.NeedPermission, What: "net:example.org:443"}, {Kind: host.NeedPermission, What: "call:a.B\x1b[2J"},
	}}
	return e
}

func TestConsent(t *testing.T) {
	for _, c := range []struct {
		name   string
		args   []string
		want   host.Action
		stderr []string
	}{
		{"all of it", nil, host.Action{Verb: "consent", ID: hello, Digest: "sha256:bb"},
			[]string{"version 2.0.0 of " + hello + " asks to:\n", "  connect to example.org:443 (net:example.org:443)\n", `  send requests of type a.B\x1b[2J (call:a.B\x1b[2J)`}},
		{"some of it", []string{"net:example.org:443"}, host.Action{Verb: "consent", ID: hello, Digest: "sha256:bb", Permissions: []string{"net:example.org:443"}},
			[]string{"  connect to example.org:443", "  not granted: send requests of type a.B"}},
		{"none of it", []string{"--none"}, host.Action{Verb: "consent", ID: hello, Digest: "sha256:bb", Permissions: []string{}},
			[]string{"  not granted: connect to", "  not granted: send requests"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{rows: []host.Extension{waiting()}}
			home := string(homeOf(t, h, http.NotFoundHandler()))
			args := append([]string{"consent", hello, "--home", home}, c.args...)
			_, _, err := extStreams(strings.NewReader("y\n"), args...)
			wantError(t, err, 2, "there is no terminal to ask at", "hint: pass --yes")
			if len(h.actions) != 0 {
				t.Fatalf("without a yes the host was asked to %+v", h.actions)
			}
			out, said, err := extStreams(strings.NewReader(""), append(args, "--yes")...)
			if err != nil || !strings.Contains(out, hello+"  Hello  1.0.0    running") {
				t.Errorf("%v, printed %s", err, out)
			}
			for _, part := range c.stderr {
				if !strings.Contains(said, part) {
					t.Errorf("it does not show %q: %s", part, said)
				}
			}
			if !reflect.DeepEqual(h.actions, []host.Action{c.want}) || !reflect.DeepEqual(h.asked, []string{"settle " + hello}) {
				t.Errorf("the host was asked for %+v, %q; want %+v", h.actions, h.asked, c.want)
			}
		})
	}
}

func TestNothingWaits(t *testing.T) {
	h := &house{rows: rows()}
	out, said, err := extStreams(strings.NewReader(""), "consent", hello, "--home", string(homeOf(t, h, http.NotFoundHandler())))
	if err != nil || !strings.Contains(said, "nothing of "+hello+" waits for consent") || !strings.Contains(out, "running") || len(h.actions) != 0 {
		t.Errorf("%v, said %q, printed %q, done %+v", err, said, out, h.actions)
	}
}

// TestWhatWasDeniedIsConsentedTo, when nothing waits.
func TestWhatWasDeniedIsConsentedTo(t *testing.T) {
	e := waiting()
	e.Consent, e.Denied = nil, []host.Grant{{Permission: "kv", By: "admin"}, {Permission: "sql:old", By: "admin", Unused: true}}
	h := &house{rows: []host.Extension{e}}
	_, said, err := extStreams(strings.NewReader(""), "consent", hello, "--yes", "--home", string(homeOf(t, h, http.NotFoundHandler())))
	want := []host.Action{{Verb: "consent", ID: hello, Digest: "sha256:aa"}}
	if err != nil || !strings.Contains(said, "version 1.0.0") || !strings.Contains(said, "key-value store (kv)") || strings.Contains(said, "sql:old") || !reflect.DeepEqual(h.actions, want) {
		t.Errorf("%v, said %q, done %+v", err, said, h.actions)
	}
}

func TestRevoke(t *testing.T) {
	h := &house{rows: []host.Extension{waiting()}}
	home := string(homeOf(t, h, http.NotFoundHandler()))
	for _, args := range [][]string{{"revoke", hello}, {"revoke", hello, "kv", "events", "--no-wait"}} {
		if out, err := ext("", append(args, "--home", home)...); err != nil || !strings.Contains(out, "running") {
			t.Errorf("%v, printed %s", err, out)
		}
	}
	want := []host.Action{{Verb: "revoke", ID: hello}, {Verb: "revoke", ID: hello, Permissions: []string{"kv", "events"}}}
	if !reflect.DeepEqual(h.actions, want) || len(h.asked) != 1 {
		t.Errorf("the host was asked for %+v, %q; want %+v", h.actions, h.asked, want)
	}
	h.refuse = &host.Error{Code: host.CodeInvalidArgument, Message: "it has not, and does not ask for, \"x\"", Hint: "as the row shows them"}
	_, err := ext("", "revoke", hello, "x", "--home", home)
	wantError(t, err, 1, `revoking from "`+hello+`": invalid_argument`, "hint: as the row shows them")
	_, err = ext("", "consent", hello, "kv", "--none", "--home", home)
	wantError(t, err, 2, "--none denies everything")
}

// TestWhatComesOfADecision: a version that does not run after it is an error.
func TestWhatComesOfADecision(t *testing.T) {
	reason := &host.Reason{Code: "init_failed", Stage: "init", Message: "it can not do without"}
	failed := waiting()
	failed.State, failed.Reason, failed.Consent = "failed", reason, nil
	bad := waiting()
	bad.Consent, bad.Candidate = nil, &host.Candidate{Version: "2.0.0", Digest: "sha256:bb", State: "failed", Reason: reason}
	for _, c := range []struct {
		verb    string
		settled host.Extension
		want    string
	}{
		{"revoke", failed, "it is failed: init_failed"},
		{"consent", bad, "version 2.0.0 has not taken over, 1.0.0 is running; 2.0.0 is failed: init_failed"},
	} {
		h := &house{rows: []host.Extension{waiting()}, settled: &c.settled}
		args := []string{c.verb, hello, "--home", string(homeOf(t, h, http.NotFoundHandler()))}
		if c.verb == "consent" {
			args = append(args, "--yes")
		}
		_, _, err := extStreams(strings.NewReader(""), args...)
		wantError(t, err, 1, c.want)
	}
}

func TestShowSaysWhatWasDecided(t *testing.T) {
	e := waiting()
	e.Denied = []host.Grant{{Permission: "sql:gis", By: "admin", At: time.Unix(0, 0).UTC()}}
	home := string(homeOf(t, &house{rows: []host.Extension{e}}, http.NotFoundHandler()))
	out, err := ext("", "show", hello, "--home", home)
	for _, part := range []string{
		"granted            kv by folder 1970-01-01T00:00:00Z\n", "granted            events by admin 1970-01-01T00:00:00Z (unused)\n",
		"denied             sql:gis by admin", `waits for consent  version 2.0.0: net:example.org:443, call:a.B\x1b[2J`,
	} {
		if err != nil || !strings.Contains(out, part) {
			t.Errorf("show lacks %q: %v\n%s", part, err, out)
		}
	}
	if out, err = ext("", "list", "--home", home); err != nil || !strings.Contains(out, "version 2.0.0 waits for consent to net:example.org:443") {
		t.Errorf("list: %v\n%s", err, out)
	}
}
