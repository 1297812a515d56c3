package supervisor

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/logs"
)

// Who follows a log reads what is written to it, over its rotation; who comes later reads
// what is kept.
func TestALogThatIsRotatedIsReadBack(t *testing.T) {
	t.Parallel()
	all := newLogFiles()
	all.bytes = 4 << 10
	path := filepath.Join(t.TempDir(), "x.log")
	file := all.get(path)
	defer all.put(file)
	log := slog.New(slog.NewTextHandler(file, nil)).With("version", "1", "instance", 7)
	follower, err := logs.Follow(t.Context(), path, logs.Query{}, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	const many, batch = 300, 20 // a batch fits into the files that are kept
	for n := 0; n < many; n += batch {
		for i := n; i < n+batch; i++ {
			log.Info(fmt.Sprintf("line %d", i), "text", "a \"b\"\n")
		}
		for i := n; i < n+batch; i++ {
			line, err := follower.Next(ctx)
			if err != nil || line.Message != fmt.Sprintf("line %d", i) || line.Attrs[2] != (logs.Attr{Key: "text", Value: "a \"b\"\n"}) {
				t.Fatalf("line %d is %+v, %v", i, line, err)
			}
		}
	}
	kept, err := logs.Tail(ctx, path, logs.Query{Tail: logs.MaxTail})
	if err != nil || len(kept) < 100 || len(kept) == many {
		t.Fatalf("%d lines are kept, %v", len(kept), err)
	}
	for i, line := range kept {
		if want := fmt.Sprintf("line %d", many-len(kept)+i); line.Message != want {
			t.Fatalf("%q is kept where %q should be", line.Message, want)
		}
	}
	if err := logs.Remove(path); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(path + "*"); err != nil || len(left) != 0 {
		t.Fatal(left, err)
	}
}
