package shelf_test

import (
	"context"
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
	return shelf.New(shelf.Config[string, string]{
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
	})
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
		if got, err := s.Get(t.Context(), c.Current()); err != nil || got != want {
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
				got, err := s.Get(t.Context(), c.Current())
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
	if got, err := s.Get(t.Context(), c.Current()); err != nil || !strings.HasPrefix(got, "200 [N000 ") {
		t.Errorf("%.40q %v", got, err)
	}
}

// TestShelfIsPatient: while all is read for the first time others wait for as long as they
// can, and are answered when it is done.
func TestShelfIsPatient(t *testing.T) {
	c := shelftest.New()
	c.Change("a", named("A"))
	reads, goOn := make(chan struct{}), make(chan struct{})
	c.Load = func(string) { close(reads); <-goOn }
	s := names(nil)
	var clients sync.WaitGroup
	ask := func() {
		if got, err := s.Get(t.Context(), c.Current()); err != nil || got != "1 [A]" {
			t.Errorf("%q %v", got, err)
		}
	}
	clients.Go(ask)
	<-reads
	hurried, leave := context.WithCancel(t.Context())
	leave()
	if got, err := s.Get(hurried, c.Current()); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "still being read") {
		t.Errorf("%q %v", got, err)
	}
	clients.Go(ask)
	close(goOn)
	clients.Wait()
}

// TestShelfIsBrokenOff: what was read is not read again by the next who asks; and whoever has
// an answer from before is given that.
func TestShelfIsBrokenOff(t *testing.T) {
	c := shelftest.New()
	for _, id := range []string{"a", "b", "c"} {
		c.Change(id, named(strings.ToUpper(id)))
	}
	ctx, leave := context.WithCancel(t.Context())
	c.Load = func(id string) {
		if id == "b" {
			leave()
		}
	}
	s := names(nil)
	if got, err := s.Get(ctx, c.Current()); !errors.Is(err, context.Canceled) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := s.Get(t.Context(), c.Current()); err != nil || got != "3 [A B C]" || c.Loaded.Load() != 3 {
		t.Errorf("%q %v, %d were read", got, err, c.Loaded.Load())
	}
	c.Change("d", named("D"))
	if got, err := s.Get(ctx, c.Current()); err != nil || got != "3 [A B C]" {
		t.Errorf("who has no time: %q %v", got, err)
	}
	if got, err := s.Get(t.Context(), c.Current()); err != nil || got != "4 [A B C D]" || c.Loaded.Load() != 4 {
		t.Errorf("%q %v, %d were read", got, err, c.Loaded.Load())
	}
}
