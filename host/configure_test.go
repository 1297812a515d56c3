package host_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// moodSchema is the schema of a configuration for testdata/moody, with a secret and a
// default.
const moodSchema = `{
  "type": "object",
  "properties": {
    "mood": {"type": "string"},
    "limit": {"type": "integer", "minimum": 1, "default": 10},
    "password": {"type": "string", "minLength": 4, "writeOnly": true}
  },
  "additionalProperties": false
}`

// needsPassword is moodSchema where the password must be there.
var needsPassword = strings.Replace(moodSchema, `"type": "object",`, `"type": "object", "required": ["password"],`, 1)

func (w *world) configure(values string, revision int64) (host.ConfigurationResult, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return w.Configure(ctx, host.ConfigurationChange{
		ID: theID, Values: json.RawMessage(values), Revision: revision, Actor: host.Actor{Name: "ada", Remote: "192.0.2.7"},
	})
}

// configures makes a change that must succeed in this way.
func (w *world) configures(values string, way host.Applied) host.ConfigurationResult {
	w.t.Helper()
	result, err := w.configure(values, -1)
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", values, err, w.log)
	}
	if result.Applied != way {
		w.t.Errorf("%s was applied %q, want %q", values, result.Applied, way)
	}
	return result
}

// refuses makes a change that must fail, and returns why.
func (w *world) declines(values string, revision int64, code string) *host.Error {
	w.t.Helper()
	_, err := w.configure(values, revision)
	var refusal *host.Error
	if !errors.As(err, &refusal) || refusal.Code != code {
		w.t.Fatalf("%s: %v, want %s\n%s", values, err, code, w.log)
	}
	return refusal
}

func (w *world) configured() host.Configuration {
	w.t.Helper()
	c, err := w.Configuration(context.Background(), theID)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// holds checks what the extension has, once it answers.
func (w *world) holds(want string) {
	w.t.Helper()
	got := ""
	if !eventually(func() bool { _, got = w.post(theType, "config"); return got == want }) {
		w.t.Errorf("the extension has %s, want %s\n%s", got, want, w.log)
	}
}

// secretFree checks that a text that leaves the host has no secret in it.
func secretFree(t *testing.T, where string, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "hush") {
		t.Errorf("%s gives a secret away: %s", where, text)
	}
}

func TestConfigureLive(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1", config: moodSchema, live: true}.jar(t))
	pid := w.awaitRunning(theID, "1").PID
	w.holds(`{"limit":10}`)
	if c := w.configured(); c.Revision != 0 || c.Changed != nil || string(c.Values) != "{}" || len(c.Secrets) != 1 || c.Secrets[0].Set {
		t.Errorf("before anything is set: %+v", c)
	}

	first := w.configures(`{"limit":3,"password":"hush!"}`, host.AppliedLive)
	secretFree(t, "the answer", first)
	w.holds(`{"limit":3,"password":"hush!"}`)
	if first.Revision != 1 || first.By != "ada" || len(first.Diff) != 2 {
		t.Errorf("the answer is %+v", first)
	}
	c := w.configured()
	secretFree(t, "the configuration", c)
	if string(c.Values) != `{"limit":3}` || !c.Secrets[0].Set || c.Secrets[0].Pointer != "/password" {
		t.Errorf("afterwards it is %+v", c)
	}

	w.declines(`{"limit":4}`, 0, host.CodeConflict)
	if broken := w.declines(`{"limit":0,"x":1}`, 1, host.CodeValidationFailed); len(broken.Violations) != 2 || broken.Violations[0].Pointer != "/limit" {
		t.Errorf("the violations are %+v", broken.Violations)
	}
	refusal := w.declines(`{"mood":"refuse"}`, 1, host.CodeValidationFailed)
	secretFree(t, "a refusal", refusal)
	if !strings.Contains(refusal.Message, "in no mood for (secret)") {
		t.Errorf("the extension's own words are lost: %v", refusal)
	}
	w.declines(`[]`, -1, host.CodeValidationFailed)
	w.declines(`{`, -1, host.CodeInvalidArgument)
	w.holds(`{"limit":3,"password":"hush!"}`)
	if same := w.configures(`{"limit":3}`, ""); same.Revision != 1 || len(same.Diff) != 0 {
		t.Errorf("no change is a change: %+v", same)
	}

	w.configures(`{"limit":4}`, host.AppliedLive) // the secret is left out, and stays
	w.holds(`{"limit":4,"password":"hush!"}`)
	w.post(theType, "die") // what comes after a crash has it, too
	w.holds(`{"limit":4,"password":"hush!"}`)
	w.awaitState(theID, "running")
	w.configures(`{"limit":4,"password":null}`, host.AppliedLive)
	w.holds(`{"limit":4}`)
	w.configures(`{"limit":4,"password":"hush?"}`, host.AppliedLive)
	if now, _ := w.Extension(theID); now.PID == pid || now.Restarts != 1 {
		t.Errorf("there should have been one process for the crash: %+v", now)
	}

	w.tellsNoSecret()
	w.stop()
	w = startQuick(t, home)
	w.awaitRunning(theID, "1")
	w.holds(`{"limit":4,"password":"hush?"}`)
}

// tellsNoSecret looks where a secret must not be.
func (w *world) tellsNoSecret() {
	w.t.Helper()
	audit, err := w.Audit(context.Background(), "", 100)
	if err != nil {
		w.t.Fatal(err)
	}
	secretFree(w.t, "the audit trail", audit)
	secretFree(w.t, "the history", w.history(theID))
	secretFree(w.t, "the log", w.log.String())
	revisions, err := w.ConfigurationRevisions(context.Background(), theID)
	if err != nil || len(revisions) != 4 || revisions[0].Revision != 4 {
		w.t.Errorf("the revisions are %+v, %v", revisions, err)
	}
	secretFree(w.t, "the revisions", revisions)
	var changes []string
	for _, r := range revisions {
		for _, d := range r.Diff {
			changes = append(changes, fmt.Sprint(r.Revision, d.Kind, d.Pointer, d.Secret))
		}
	}
	if got := strings.Join(changes, " "); got != "4added/passwordtrue 3removed/passwordtrue 2changed/limitfalse 1added/limitfalse 1added/passwordtrue" {
		w.t.Errorf("the revisions changed %s", got)
	}
	if e := audit.Events[0]; e.Action != "configure" || e.Actor != "ada" || e.Remote != "192.0.2.7" || e.Target != theID ||
		string(e.Before) != `{"revision":3,"values":{}}` || string(e.After) != `{"revision":4,"values":{"/password":"(secret)"}}` {
		w.t.Errorf("the newest line of the audit trail is %+v: %s, %s", e, e.Before, e.After)
	}
	if info, err := os.Stat(w.home.SecretKey()); err != nil || info.Mode().Perm() != 0o600 {
		w.t.Errorf("the key: %v, %v", info, err)
	}
	files, err := filepath.Glob(w.home.Database() + "*")
	if err != nil || len(files) == 0 {
		w.t.Fatal("there is no database", err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || strings.Contains(string(content), "hush") {
			w.t.Errorf("the secret stands in %s (%v)", file, err)
		}
	}
}

func TestConfigureByRestart(t *testing.T) {
	t.Parallel()
	for name, overlap := range map[string]bool{"overlap": true, "exclusive": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startQuick(t, t.TempDir())
			w.put("m.jar", moody{version: "1", config: moodSchema, overlap: overlap}.jar(t))
			w.awaitRunning(theID, "1")
			clients := w.load(2)
			clients.more(20)
			w.configures(`{"limit":3,"password":"hush!"}`, host.AppliedRestart)
			w.holds(`{"limit":3,"password":"hush!"}`)
			before, _ := w.Extension(theID)
			refusal := w.declines(`{"mood":"refuse"}`, 1, host.CodeValidationFailed)
			if !strings.Contains(refusal.Message, "init_failed") || !strings.Contains(refusal.Message, "in no mood for (secret)") {
				t.Errorf("the reason is %v", refusal)
			}
			w.declines(`{"mood":"die"}`, 1, host.CodeValidationFailed)
			w.holds(`{"limit":3,"password":"hush!"}`)
			if now, _ := w.Extension(theID); now.PID != before.PID || now.State != "running" {
				t.Errorf("a refused configuration has changed the process: %+v", now)
			}
			w.post(theType, "die")
			w.holds(`{"limit":3,"password":"hush!"}`)
			w.awaitState(theID, "running")
			if c := w.configured(); c.Revision != 1 {
				t.Errorf("what is kept is %+v", c)
			}
			clients.halt()
			clients.running.Wait()
			clients.server.Close()
			for _, f := range clients.failures { // but for those that met the crash
				if !strings.Contains(f, "unavailable") {
					t.Errorf("a request failed: %s", f)
				}
			}
		})
	}
}

// TestConfigureThatHangs: nobody knows what such a process has, so it is replaced.
func TestConfigureThatHangs(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir(), func(cfg *host.Config) {
		cfg.Settings = func(string) host.Settings {
			s := quick()
			s.StartTimeout = 10 * time.Second // which a start has on a busy machine, and what hangs, too
			return s
		}
	})
	w.put("m.jar", moody{version: "1", config: moodSchema, live: true}.jar(t))
	pid := w.awaitRunning(theID, "1").PID
	w.declines(`{"mood":"hang"}`, 0, host.CodeUnavailable)
	w.await(theID, "another process", func(e host.Extension, _ bool) bool { return e.State == "running" && e.PID != pid })
	w.holds(`{"limit":10}`)
	if c := w.configured(); c.Revision != 0 {
		t.Errorf("it was kept: %+v", c)
	}
	pid = w.awaitState(theID, "running").PID
	w.declines(`{"mood":"die"}`, 0, host.CodeUnavailable)
	w.await(theID, "another process", func(e host.Extension, _ bool) bool { return e.State == "running" && e.PID != pid })
	w.holds(`{"limit":10}`)
}

// TestFirstStartNeedsConfiguration: it says what is missing, and starts when it is set.
func TestFirstStartNeedsConfiguration(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	w.put("m.jar", moody{version: "1", config: needsPassword}.jar(t))
	row := w.awaitState(theID, "failed")
	if r := row.Reason; r.Code != "config_invalid" || r.Stage != "init" || !strings.Contains(r.Message, `"password" is missing`) || !w.Ready() {
		t.Errorf("the reason is %+v", r)
	}
	w.declines(`{"password":"x"}`, 0, host.CodeValidationFailed)
	w.configures(`{"password":"hush!"}`, host.AppliedStored)
	w.awaitRunning(theID, "1")
	w.holds(`{"password":"hush!","limit":10}`)

	// Without its key the database gives nothing away, and nothing runs with half of it.
	w.stop()
	if err := os.Remove(w.home.SecretKey()); err != nil {
		t.Fatal(err)
	}
	w = startQuick(t, home)
	row = w.awaitState(theID, "failed")
	if r := row.Reason; r.Code != "config_invalid" || !strings.Contains(r.Message, "/password was sealed") {
		t.Errorf("without the key the reason is %+v", r)
	}
	if c := w.configured(); c.Secrets[0].Set {
		t.Errorf("a secret that cannot be read is set: %+v", c)
	}
	w.configures(`{"password":"hush2"}`, host.AppliedStored)
	w.awaitRunning(theID, "1")
	w.holds(`{"password":"hush2","limit":10}`)
}

// TestUpgradeThatNeedsConfiguration: the version that runs goes on until what the new one
// wants is set; then the new one is tried again by itself.
func TestUpgradeThatNeedsConfiguration(t *testing.T) {
	t.Parallel()
	for name, live := range map[string]bool{"live": true, "by restart": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startQuick(t, t.TempDir())
			w.put("m-1.jar", moody{version: "1", config: moodSchema, live: live}.jar(t))
			w.awaitRunning(theID, "1")
			w.configures(`{"limit":3}`, map[bool]host.Applied{true: host.AppliedLive, false: host.AppliedRestart}[live])
			w.put("m-2.jar", moody{version: "2", config: needsPassword, live: live}.jar(t))
			row := w.awaitRejected(theID, "2")
			if r := row.Candidate.Reason; r.Code != "config_invalid" || r.Stage != "init" || row.Version != "1" || row.State != "running" {
				t.Errorf("the candidate: %+v", row)
			}
			if _, err := w.configure(`{"limit":3,"password":"hush!"}`, 1); err != nil {
				t.Fatal(err)
			}
			w.awaitRunning(theID, "2")
			w.holds(`{"limit":3,"password":"hush!"}`)
		})
	}
}

func TestConfigureWhatDoesNotRun(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m.jar", moody{version: "1"}.jar(t)) // without a schema any object will do
	w.awaitRunning(theID, "1")
	w.do(host.Action{Verb: host.VerbDisable, ID: theID})
	w.configures(`{"any":["thing"]}`, host.AppliedStored)
	w.do(host.Action{Verb: host.VerbEnable, ID: theID})
	w.holds(`{"any":["thing"]}`)
	ctx := context.Background()
	if dry, err := w.Configure(ctx, host.ConfigurationChange{ID: theID, Values: json.RawMessage(`{}`), Revision: 1, DryRun: true}); err != nil ||
		dry.Revision != 1 || dry.Applied != host.AppliedRestart || len(dry.Diff) != 1 || dry.Diff[0].Kind != "removed" {
		t.Errorf("a dry run: %+v, %v", dry, err)
	}
	w.holds(`{"any":["thing"]}`)
	var missing *host.Error
	if _, err := w.Configuration(ctx, "org.x"); !errors.As(err, &missing) || missing.Code != host.CodeNotFound {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	w.put("m.jar", moody{version: "1"}.jar(t))
	w.awaitRunning(theID, "1")
	if c := w.configured(); c.Revision != 0 || string(c.Values) != "{}" {
		t.Errorf("after a purge: %+v", c)
	}
}

// TestUpgradeWithItsConfiguration: the new version accepts nothing that the old one does;
// the configuration and the version come together, or neither does.
func TestUpgradeWithItsConfiguration(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m-1.jar", moody{version: "1", config: moodSchema, live: true}.jar(t))
	w.awaitRunning(theID, "1")
	w.configures(`{"limit":3}`, host.AppliedLive)
	const other = `{"type":"object","properties":{"most":{"type":"integer"},"mood":{"type":"string"}},"required":["most"],"additionalProperties":false}`
	w.put("m-2.jar", moody{version: "2", config: other, live: true}.jar(t))
	w.awaitRejected(theID, "2")
	c := w.configured()
	if c.Awaiting == nil || c.Awaiting.Version != "2" || string(c.Awaiting.Schema) != other || !strings.Contains(c.Awaiting.Message, `"most" is missing`) {
		t.Errorf("what waits is %+v", c.Awaiting)
	}
	w.declines(`{"neither":1}`, 1, host.CodeValidationFailed)
	refusal := w.declines(`{"most":5,"mood":"refuse"}`, 1, host.CodeValidationFailed)
	if !strings.Contains(refusal.Message, "init_failed") {
		t.Errorf("the new version does not start with it: %v", refusal)
	}
	w.holds(`{"limit":3}`)
	if now, _ := w.Extension(theID); now.Version != "1" || now.State != "running" || w.configured().Revision != 1 {
		t.Errorf("what failed has changed something: %+v", now)
	}
	// It has failed for another reason than its configuration: it is tried again first.
	if _, err := w.act(host.Action{Verb: host.VerbRetry, ID: theID}); err != nil {
		t.Fatal(err)
	}
	w.await(theID, "without version 2 for its configuration", func(e host.Extension, _ bool) bool {
		return e.Candidate != nil && e.Candidate.State == "failed" && e.Candidate.Reason.Code == "config_invalid"
	})
	w.configures(`{"most":5}`, host.AppliedRestart)
	w.awaitRunning(theID, "2")
	w.holds(`{"most":5}`)
	if c := w.configured(); c.Revision != 2 || c.Awaiting != nil {
		t.Errorf("afterwards it is %+v", c)
	}
}
