package catalog

import "testing"

// TestPurge: of an id that was purged nothing stays in private storage, though its file
// might come back from a lost mount.
func TestPurge(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	m.kept = map[string]bool{}
	h.put("a.jar", parcelBytes("a", "1", 0))
	h.put("b.jar", parcelBytes("b", "1", 0))
	r := h.run(m.install)
	r.runs("a 1", "b 1")
	shelved := func(id string) int { return len(r.ShelvedIDs()[id]) }
	h.remove("a.jar")
	r.runs("b 1")
	if shelved("a") != 1 {
		t.Errorf("%d bundles are kept of what is gone, want 1", shelved("a"))
	}
	for _, id := range []string{"a", "b"} {
		if err := r.Purge(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if shelved("a") != 0 || shelved("b") != 1 {
		t.Errorf("after a purge: %d of a, %d of b, which runs", shelved("a"), shelved("b"))
	}
}

// TestVisitorsAreNotKept: what came by an upload and was not published leaves nothing.
func TestVisitorsAreNotKept(t *testing.T) {
	t.Parallel()
	h, m := newHome(t), newMemory()
	m.kept = map[string]bool{}
	r := h.run(m.install)
	r.runs()
	shelved := func(id string) int { return len(r.ShelvedIDs()[id]) }
	visitor := r.upload(parcelBytes("a", "1", 0))
	r.publish(r.upload(parcelBytes("b", "1", 0)))
	r.runs("b 1")
	if shelved("a") != 1 {
		t.Error("a bundle is gone while it is held")
	}
	visitor.Release()
	eventually(t, "the visitor goes", func() bool { return shelved("a") == 0 })
	h.remove("b-1.jar")
	r.runs()
	if shelved("b") != 1 {
		t.Error("what was published is not kept when its file is gone")
	}
}
