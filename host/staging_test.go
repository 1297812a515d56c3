package host

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/catalog"
)

// clock is one that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func TestStagingIsBounded(t *testing.T) {
	c := &clock{time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)}
	s := newStaging(100, c.now)
	add := func(actor string, size int64) string {
		t.Helper()
		item, done, err := s.add(&catalog.Received{Size: size}, actor)
		if err != nil {
			t.Fatal(err)
		}
		done()
		return item.token
	}
	has := func(token, actor string) bool {
		_, done, err := s.use(token, actor)
		if err == nil {
			done()
		}
		return err == nil
	}
	full := func(size int64, actor string) bool {
		_, _, err := s.add(&catalog.Received{Size: size}, actor)
		var refused *Error
		return errors.As(err, &refused) && refused.Code == CodeUnavailable && refused.Hint != ""
	}

	t.Run("one actor displaces its own oldest only", func(t *testing.T) {
		theirs := add("bob", 1)
		var mine []string
		for range mostStagedEach + 1 {
			mine = append(mine, add("ann", 1))
		}
		if has(mine[0], "ann") || !has(mine[1], "ann") || !has(theirs, "bob") {
			t.Error("not the oldest of ann is gone")
		}
		if has(theirs, "ann") {
			t.Error("ann has what bob has staged")
		}
		s.drop(theirs, "ann")
		if !has(theirs, "bob") {
			t.Error("ann has dropped what bob has staged")
		}
	})
	t.Run("bytes", func(t *testing.T) {
		add("ann", 150) // displaces what fits not beside it
		if !full(100, "carl") {
			t.Error("more bytes are taken than there may be")
		}
	})
	t.Run("what is used stays", func(t *testing.T) {
		item, done, err := s.add(&catalog.Received{Size: 1}, "dora")
		if err != nil {
			t.Fatal(err)
		}
		s.drop(item.token, "dora")
		c.at = c.at.Add(stagedFor)
		s.sweep()
		if !slices.Contains(s.items, item) || len(s.items) != 1 {
			t.Errorf("%d wait", len(s.items))
		}
		if has(item.token, "dora") {
			t.Error("what has expired is found")
		}
		done()
		s.sweep()
		if len(s.items) != 0 {
			t.Errorf("%d wait after all have expired", len(s.items))
		}
	})
	t.Run("all actors", func(t *testing.T) {
		for i := range mostStaged {
			add(fmt.Sprint("user", i), 1)
		}
		if !full(1, "another") {
			t.Error("more are taken than there may be")
		}
	})
}

// FuzzSchemaChange: a schema is as itself, however it is spelled, and a change is one in
// both directions.
func FuzzSchemaChange(f *testing.F) {
	f.Add(`{"type":"object"}`, `{"type":"string"}`)
	f.Add(`{"title":"a"}`, `{"title":"b"}`)
	f.Add(`{"enum":[1,2]}`, `{"enum":[2,1]}`)
	f.Add(`{`, `[]`)
	f.Fuzz(func(t *testing.T, a, b string) {
		there, back := schemaChange([]byte(a), []byte(b)), schemaChange([]byte(b), []byte(a))
		if there != back || there != ChangeNone && there != ChangeChanged {
			t.Errorf("%q and %q: %q, and back %q", a, b, there, back)
		}
		if spaced := strings.TrimSpace(a); schemaChange([]byte(a), []byte(spaced+" ")) != schemaChange([]byte(a), []byte(a)) {
			t.Errorf("%q is otherwise with a space", a)
		}
	})
}
