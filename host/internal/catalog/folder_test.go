package catalog

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFolderVanishesAndComesBack(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	r := h.run()
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
	away := filepath.Join(t.TempDir(), "away")
	h.rename(h.drop, away)
	r.await("the folder is missed and a runs on", func(v View) bool {
		return v.Err != nil && strings.Contains(v.Err.Error(), "cannot be read") && slices.Equal(desired(v), []string{"a 1"})
	})
	h.rename(away, h.drop)
	r.runs("a 1")
	r.neverStops("a 1")
	h.put("b.jar", parcelBytes("b", "1", 0))
	r.runs("a 1", "b 1")
	if n := r.log.count("is not usable"); n != 1 {
		t.Errorf("said %d times:\n%s", n, r.log)
	}
	if n := r.log.count("is usable again"); n != 1 {
		t.Errorf("the recovery is said %d times:\n%s", n, r.log)
	}
}

func TestFolderMissingAtStart(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.remove(".")
	r := h.run()
	r.await("the folder is missed", func(v View) bool { return v.Err != nil && len(v.Desired) == 0 })
	if err := os.Mkdir(h.drop, 0o755); err != nil {
		t.Fatal(err)
	}
	h.put("a.jar", parcelBytes("a", "1", 0))
	r.runs("a 1")
}

func TestFolderIsAFile(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.remove(".")
	h.write(h.drop, []byte("no folder"))
	h.run().await("the file is refused", func(v View) bool { return v.Err != nil })
}

// TestLostMount covers the rule with a device number that is changed by hand, because
// mounting takes root. TestLostTmpfs does it for real where it can.
func TestLostMount(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	d := folder{path: h.drop}
	look := func(known ...string) error {
		files := map[string]*dropped{}
		for _, name := range known {
			files[name] = &dropped{}
		}
		_, err := d.look(files, func(place) {})
		return err
	}
	if err := look(); err != nil {
		t.Fatal(err)
	}
	right := d.dev
	d.dev++
	err := look("a.jar", "b.jar")
	if err == nil || !strings.Contains(err.Error(), "is a mount lost?") {
		t.Errorf("an empty folder on another device: %v", err)
	}
	h.write(h.path("a.jar"), nil)
	if look("a.jar", "b.jar") == nil {
		t.Error("another device is believed although a file is missing on it")
	}
	h.write(h.path("b.jar"), nil)
	if err := look("a.jar", "b.jar"); err != nil || d.dev != right {
		t.Errorf("the mount came back under another number: %v", err)
	}
	d.dev++
	if err := look(); err != nil {
		t.Errorf("nothing is lost where nothing was: %v", err)
	}
}
