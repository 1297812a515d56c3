package supervisor

import (
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// TestProjectParameters asks a real process, and one that ends while it is asked.
func TestProjectParameters(t *testing.T) {
	i := running(t, newSupervisor(t), newSpec(t, ""))
	got, err := i.ProjectParameters(t.Context(), "p1", "fr_CA")
	if err != nil || string(got) != `["p1","fr_CA"]` {
		t.Errorf("%s, %v", got, err)
	}
	if got, err := i.ProjectParameters(t.Context(), "end", ""); sdk.CodeOf(err) != sdk.Unavailable || got != nil {
		t.Errorf("from a process that ended: %s, %v", got, err)
	}
	i.Stop(t.Context())
	if _, err := i.ProjectParameters(t.Context(), "p1", ""); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("from a stopped extension: %v", err)
	}
}
