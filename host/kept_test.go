package host_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// TestKeptVersions: after an upgrade both versions tell when they were
// healthy and how they differ; nothing else can be read under the extension's id.
func TestKeptVersions(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("m-1.jar", moody{version: "1"}.jar(t))
	old := w.awaitRunning(theID, "1")
	w.put("m-2.jar", moody{version: "2", overlap: true, permissions: "kv"}.jar(t))
	w.await(theID, "waiting for consent", func(e host.Extension, _ bool) bool { return e.Consent != nil })
	w.do(host.Action{Verb: host.VerbConsent, ID: theID})
	w.awaitRunning(theID, "2")

	kept, err := w.Kept(theID)
	if err != nil || len(kept) != 2 {
		t.Fatalf("kept: %+v, %v", kept, err)
	}
	for _, k := range kept {
		if k.Last == nil || k.First == nil || k.Current != (k.Version.Version == "2") || k.Current && k.Restorable {
			t.Errorf("version %s: %+v", k.Version.Version, k)
		}
	}
	changes, err := w.Compare(t.Context(), theID, old.Digest)
	if err != nil || changes.Version != "2" || changes.UpgradeFrom != "overlap" || changes.UpgradeTo != "exclusive" ||
		len(changes.Asks) != 0 || !slices.Equal(changes.Leaves, []string{"kv"}) {
		t.Errorf("back to version 1: %+v, %v", changes, err)
	}

	for name, c := range map[string]struct{ id, digest string }{
		"an unknown id":           {"org.nobody.Here", old.Digest},
		"a digest of nothing":     {theID, "sha256:" + strings.Repeat("0", 64)},
		"a path instead of one":   {theID, "sha256:../../conf"},
		"no digest where one is":  {theID, ""},
		"a digest without prefix": {theID, strings.TrimPrefix(old.Digest, "sha256:")},
	} {
		_, err := w.Compare(t.Context(), c.id, c.digest)
		if refused, ok := err.(*host.Error); !ok || refused.Code != host.CodeNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := os.RemoveAll(filepath.Join(w.home.Bundles(), strings.TrimPrefix(old.Digest, "sha256:"))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Compare(t.Context(), theID, old.Digest); err == nil || !strings.Contains(err.Error(), "not there any more") {
		t.Errorf("a copy that is gone: %v", err)
	}
	if _, err := w.Kept("org.nobody.Here"); err == nil {
		t.Error("the kept versions of nothing")
	}
}
