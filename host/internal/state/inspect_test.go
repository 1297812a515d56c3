package state

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/state/sqlitefile"
)

// TestInspect looks at a database that is open, at what a killed host leaves, and at one
// that is broken; none of them is changed.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "jackfield.db")
	if err := Inspect(t.Context(), path, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("none: %v", err)
	}
	s, err := Open(Config{Path: path, Backups: filepath.Join(dir, "backups"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.SetValue(t.Context(), "key", "value"); err != nil {
		t.Fatal(err)
	}
	if err := Inspect(t.Context(), path, true); err != nil {
		t.Errorf("one that is open: %v", err)
	}
	killed := filepath.Join(dir, "killed.db")
	for _, end := range []string{"", "-wal"} {
		data, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(killed+end, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wal, err := os.ReadFile(killed + "-wal")
	if err != nil || len(wal) == 0 {
		t.Fatalf("the -wal file has %d bytes, so nothing is tried: %v", len(wal), err)
	}
	if err := Inspect(t.Context(), killed, false); err != nil {
		t.Errorf("one of a host that was killed: %v", err)
	}
	if now, err := os.ReadFile(killed + "-wal"); err != nil || string(now) != string(wal) {
		t.Errorf("looking has changed it: %v", err)
	}
	broken := filepath.Join(dir, "broken.db")
	if err := os.WriteFile(broken, make([]byte, 8192), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Inspect(t.Context(), broken, false); !errors.Is(err, sqlitefile.ErrDamaged) {
		t.Errorf("one that is none: %v", err)
	}
}
