package accounts

import (
	"io"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// BenchmarkBearer is what a request costs that carries the token of a user.
func BenchmarkBearer(b *testing.B) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	dir := b.TempDir()
	kept, err := state.Open(state.Config{Path: filepath.Join(dir, "db"), Backups: filepath.Join(dir, "backups"), Log: log})
	if err != nil {
		b.Fatal(err)
	}
	defer kept.Close()
	a, err := Open(Config{State: kept, AdminToken: adminToken, PasswordFile: filepath.Join(dir, "first"), Log: log})
	if err != nil {
		b.Fatal(err)
	}
	_, secret, err := a.AddToken(b.Context(), NewToken{Label: "x", Role: Viewer}, root, "")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := a.Bearer(b.Context(), secret); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(fullCost())
	b.ReportAllocs()
	for b.Loop() {
		if right, err := h.check(b.Context(), nil, goodWord); right || err != nil {
			b.Fatal(right, err)
		}
	}
}
