package host_test

import (
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// TestInstallFromAConfiguredStore installs by what is configured, and nothing else.
func TestInstallFromAConfiguredStore(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deep(t, "1")
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := s.rootFile(root); err != nil {
		t.Fatal(err)
	}
	w := startQuick(t, t.TempDir(), from(nil), func(cfg *host.Config) {
		cfg.RepositorySources = []host.RepositorySource{{Name: "acme", URL: s.server.URL, Kind: host.KindJackfield, Root: root}}
	})
	if !eventually(w.Ready) {
		t.Fatal(w.log)
	}
	if r, err := w.RefreshRepository(t.Context(), "acme"); err != nil || r.State != "ok" {
		t.Fatalf("the repository: %+v, %v", r, err)
	}
	p := w.awaitOver(w.begins(request(deepA)).ID)
	if p.State != "succeeded" || len(p.Steps) != 3 || p.Steps[0].Repository != "acme" || p.Steps[0].Size == 0 || p.Steps[0].Publisher != "Acme" {
		t.Fatalf("the plan: %+v\n%s", p, w.log)
	}
	w.awaitRunning(deepA, "1")
}
