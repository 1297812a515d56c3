package host

import (
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// TestRevision: what somebody decides changes it, what happens by itself does not.
func TestRevision(t *testing.T) {
	row := func() Extension {
		return Extension{
			ID: "org.a.A", File: "a.jar", Version: "1", Digest: "sha256:1", Enabled: true, State: lifecycle.Running,
			Permissions: []string{"kv"}, Grants: []Grant{{Permission: "kv"}},
			Versions: []Version{{Version: "1", Digest: "sha256:1", Current: true}},
		}
	}
	now := time.Now()
	for name, c := range map[string]struct {
		change func(*Extension)
		same   bool
	}{
		"nothing":                 {func(*Extension) {}, true},
		"empty lists":             {func(e *Extension) { e.Denied, e.Sandbox = []Grant{}, []Protection{} }, true},
		"memory and process":      {func(e *Extension) { e.ResidentBytes, e.PID, e.Started = 1, 2, &now }, true},
		"a crash":                 {func(e *Extension) { e.State, e.Restarts, e.LastExit = lifecycle.Backoff, 3, &Exit{} }, true},
		"when it was granted":     {func(e *Extension) { e.Grants[0].At = now }, true},
		"disabled":                {func(e *Extension) { e.Enabled = false }, false},
		"another version":         {func(e *Extension) { e.Version = "2" }, false},
		"other bytes":             {func(e *Extension) { e.Digest = "sha256:2" }, false},
		"another file":            {func(e *Extension) { e.File = "b.jar" }, false},
		"pinned":                  {func(e *Extension) { e.Versions[0].Pinned = true }, false},
		"one version more":        {func(e *Extension) { e.Versions = append(e.Versions, Version{Digest: "sha256:0"}) }, false},
		"denied":                  {func(e *Extension) { e.Denied, e.Grants = e.Grants, nil }, false},
		"it asks for more":        {func(e *Extension) { e.Permissions = append(e.Permissions, "net:a:1") }, false},
		"something waits":         {func(e *Extension) { e.Consent = &Consent{Digest: "sha256:2"} }, false},
		"something is tried":      {func(e *Extension) { e.Candidate = &Candidate{Digest: "sha256:2"} }, false},
		"parts that run together": {func(e *Extension) { e.File, e.Version = "a.ja", "r1" }, false},
	} {
		e := row()
		c.change(&e)
		if same := e.Revision() == row().Revision(); same != c.same {
			t.Errorf("%s: the same revision: %t, want %t", name, same, c.same)
		}
	}
}
