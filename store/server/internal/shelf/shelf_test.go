package shelf_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
	"github.com/jackfield-host/jackfield/store/server/internal/shelf/shelftest"
)

func named(name string) func(*store.Listing) {
	return func(l *store.Listing) {
		l.Format, l.Texts = store.FormatBundle, map[string]store.Text{"": {Name: name}}
	}
}

// names is a shelf whose answer are the names of all, and the sequence.
func names(failed func(error)) *shelf.Shelf[string, string] {
	return &shelf.Shelf[string, string]{
		Format: store.FormatBundle, Failed: failed,
		Each: func(l *store.Listing) (string, error) {
			if l.Texts[""].Name == "bad" {
				return "", errors.New("bad")
			}
			return l.Texts[""].Name, nil
		},
		All: func(sequence int64, rows []string) (string, error) {
			return fmt.Sprint(sequence, rows), nil
		},
	}
}

func TestShelf(t *testing.T) {
	c, failures := shelftest.New(), 0
	s := names(func(err error) {
		if failures++; !strings.Contains(err.Error(), "left out") {
			t.Error(err)
		}
	})
	expect := func(what, want string, loads int64, failed int) {
		t.Helper()
		before := c.Loaded.Load()
		failures = 0
		if got, err := s.Get(c.Current()); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", what, got, err, want)
		}
		if n := c.Loaded.Load() - before; n != loads || failures != failed {
			t.Errorf("%s: %d were read and %d left out, want %d and %d", what, n, failures, loads, failed)
		}
	}
	expect("nothing", "0 []", 0, 0)
	c.Change("b", named("B"))
	c.Change("a", named("A"))
	c.Change("jami", func(l *store.Listing) { l.Format = store.FormatJami })
	expect("two, by name", "3 [A B]", 2, 0)
	expect("again", "3 [A B]", 0, 0)
	c.Change("c", named("C"))
	expect("one more", "4 [A B C]", 1, 0)
	c.Change("b", named("bad"))
	expect("one that is bad", "5 [A C]", 1, 1)
	c.Change("a", named("AA"))
	expect("another one changes: what is bad is not read again", "6 [AA C]", 1, 0)
	c.Broken = "c"
	c.Change("c", named("CC"))
	expect("one that can not be read", "7 [AA]", 1, 1)
	c.Broken = ""
	c.Change("a", named("A"))
	expect("which is tried again", "8 [A CC]", 2, 0)
}

// TestShelfOfMany: while the catalogue changes everybody is answered, from one snapshot.
func TestShelfOfMany(t *testing.T) {
	c := shelftest.New()
	s := names(nil)
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := s.Get(c.Current())
				sequence, rows, _ := strings.Cut(got, " ")
				if want := len(strings.Fields(rows)); err != nil || rows != "[]" && sequence != fmt.Sprint(want) {
					t.Errorf("%q %v", got, err)
					return
				}
			}
		})
	}
	for i := range 200 {
		c.Change(fmt.Sprintf("id%d", i), named(fmt.Sprintf("N%03d", i)))
	}
	close(stop)
	readers.Wait()
	if got, err := s.Get(c.Current()); err != nil || !strings.HasPrefix(got, "200 [N000 ") {
		t.Errorf("%.40q %v", got, err)
	}
}
