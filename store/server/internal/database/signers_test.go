package database_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// TestSigners: the first who claims a use has it, until somebody takes it on purpose.
func TestSigners(t *testing.T) {
	t.Parallel()
	backends.Each(t, func(t *testing.T, b backends.Backend) {
		db := b.Database
		if pin, err := db.Signer(t.Context(), "jameica"); !errors.Is(err, database.ErrNotFound) {
			t.Errorf("%q %v", pin, err)
		}
		var replicas sync.WaitGroup
		got := make([]string, 8)
		for i := range got {
			replicas.Go(func() {
				pin, err := db.ClaimSigner(t.Context(), "jameica", "sha256:"+string(rune('a'+i)), false)
				if got[i] = pin; err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		first, err := db.Signer(t.Context(), "jameica")
		for i := range got {
			if err != nil || first == "" || got[i] != first {
				t.Errorf("%d is told %q, and it is %q: %v", i, got[i], first, err)
			}
		}
		for _, c := range []struct {
			use, pin string
			replace  bool
			want     string
		}{{"jameica", "sha256:x", false, first}, {"jameica", "sha256:x", true, "sha256:x"}, {"jameica", "sha256:x", false, "sha256:x"}, {"other", "sha256:y", false, "sha256:y"}} {
			if pin, err := db.ClaimSigner(t.Context(), c.use, c.pin, c.replace); err != nil || pin != c.want {
				t.Errorf("%+v: %q %v", c, pin, err)
			}
		}
		list, err := db.Audit(t.Context(), database.AuditFilter{Target: "jameica"})
		if err != nil || len(list) != 2 || list[0].Reason != "the store signs by sha256:x, and did by "+first {
			t.Errorf("%+v %v", list, err)
		}
	})
}
