package backup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// told collects what a Progress is told, and holds it to what is promised.
type told struct{ done, total int64 }

func (p *told) watch(t *testing.T) Progress {
	return func(done, total int64) {
		if done < p.done || done > total || total < 1 {
			t.Fatalf("%d of %d, after %d of %d", done, total, p.done, p.total)
		}
		p.done, p.total = done, total
	}
}

// TestProgress: a backup is through when all of its files are, a file when it was read as
// often as it has to be.
func TestProgress(t *testing.T) {
	home, _ := newHome(t)
	var writing, verifying, restoring told
	path, m := create(t, Source{Home: home, Version: "1", Progress: writing.watch(t)})
	if writing.done != m.Bytes() {
		t.Errorf("told of %d bytes; %d are in it", writing.done, m.Bytes())
	}
	if writing.total < m.Bytes() || writing.total > 2*m.Bytes() {
		t.Errorf("told of %d bytes in all; %d are in it", writing.total, m.Bytes())
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), path, verifying.watch(t)); err != nil || verifying != (told{info.Size(), info.Size()}) {
		t.Errorf("a file of %d bytes is verified with %+v, %v", info.Size(), verifying, err)
	}
	to := host.Home(filepath.Join(t.TempDir(), "to"))
	if _, err := Restore(t.Context(), path, to, restoring.watch(t)); err != nil || restoring != (told{2 * info.Size(), 2 * info.Size()}) {
		t.Errorf("it is restored with %+v, %v", restoring, err)
	}
}

// TestProgressOfAnotherTry: what begins again because versions changed begins at 0.
func TestProgressOfAnotherTry(t *testing.T) {
	home, store := newHome(t)
	begun, last := 0, int64(0)
	src := Source{Home: home, Version: "1", Progress: func(done, _ int64) {
		if done < last || last == 0 {
			begun++
		}
		last = done
	}}
	src.between = func() {
		if begun == 1 {
			become(t, store, 0, "1.0.0")
		}
	}
	_, m := create(t, src)
	if begun != 2 || last != m.Bytes() {
		t.Errorf("begun %d times, and through with %d of %d bytes", begun, last, m.Bytes())
	}
}
