package supervisor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// TestCollect asks a real process, and one that ends while it is asked.
func TestCollect(t *testing.T) {
	spec := newSpec(t, "")
	i := running(t, newSupervisor(t), spec)
	if got, err := i.Collect(t.Context()); err != nil || string(got) != "up 1\n" {
		t.Errorf("%q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(spec.DataDir, "collect end"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := i.Collect(t.Context()); sdk.CodeOf(err) != sdk.Unavailable || got != nil {
		t.Errorf("from a process that ended: %q, %v", got, err)
	}
	i.Stop(t.Context())
	if _, err := i.Collect(t.Context()); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("from a stopped extension: %v", err)
	}
}
