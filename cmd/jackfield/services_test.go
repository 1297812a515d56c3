package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestNotesOfManyClients kills the host while many clients add notes at once: what was
// answered is there afterwards, and no two notes have one number.
func TestNotesOfManyClients(t *testing.T) {
	t.Parallel()
	const id, clients, killAt = "examples.notes.NotesExtension", 16, 200
	home := t.TempDir()
	mustDrop(t, home, "notes.jar", readBundle(t, "notes.jar"))
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	if err := h.waitState(id, "running"); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	answered := map[int]string{} // text by number
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for n := 0; ; n++ {
				text := fmt.Sprintf("client %d, note %d", c, n)
				status, _, body, err := h.post("examples.notes.AddRequest", "application/json", []byte(`{"text":"`+text+`"}`))
				if err != nil || status == http.StatusServiceUnavailable {
					return // the host was killed
				}
				var out struct{ Number int }
				if status != http.StatusOK || json.Unmarshal(body, &out) != nil {
					t.Errorf("%s is answered %d %s", text, status, body)
					return
				}
				mu.Lock()
				if before, twice := answered[out.Number]; twice {
					t.Errorf("%q and %q have the number %d", before, text, out.Number)
				}
				answered[out.Number] = text
				kill := len(answered) == killAt
				mu.Unlock()
				if kill {
					h.cmd.Process.Kill()
					return
				}
			}
		})
	}
	wg.Wait()
	<-h.exited
	if len(answered) < killAt {
		t.Fatalf("%d notes were answered before the host ended\n%s", len(answered), h.log())
	}

	again, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.kill)
	if err := again.waitState(id, "running"); err != nil {
		t.Fatal(err)
	}
	kept := map[int]string{}
	for after := 0; ; {
		status, _, body, err := again.post("examples.notes.ListRequest", "application/json", fmt.Appendf(nil, `{"after":%d}`, after))
		var out struct {
			Notes []struct {
				Number int
				Text   string
			}
			Next int
		}
		if err != nil || status != http.StatusOK || json.Unmarshal(body, &out) != nil {
			t.Fatalf("listing: %d %s, %v", status, body, err)
		}
		for _, n := range out.Notes {
			kept[n.Number] = n.Text
		}
		if after = out.Next; after == 0 {
			break
		}
	}
	for number, text := range answered {
		if kept[number] != text {
			t.Errorf("note %d was %q and is %q", number, text, kept[number])
		}
	}
	t.Logf("%d notes were answered before the kill, %d are kept", len(answered), len(kept))
	if err := again.stop(); err != nil {
		t.Error(err)
	}
}
