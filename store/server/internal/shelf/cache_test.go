package shelf_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store/server/internal/shelf"
)

func TestCache(t *testing.T) {
	c, made := shelf.NewCache(1000), 0
	get := func(key string, size int) {
		t.Helper()
		got, err := c.Get(t.Context(), key, time.Minute, func(context.Context) ([]byte, error) {
			made++
			return []byte(strings.Repeat(key, size)), nil
		})
		if err != nil || string(got) != strings.Repeat(key, size) {
			t.Errorf("%s: %q %v", key, got, err)
		}
	}
	get("a", 200)
	get("a", 200)
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	for i := range 20 { // more than it holds, and one that is asked for again and again
		get(string(rune('b'+i)), 200)
		get("a", 200)
	}
	if made != 21 {
		t.Errorf("made %d times, want 21", made)
	}
	get("b", 200)
	if made != 22 {
		t.Errorf("the oldest is kept for ever: made %d times", made)
	}

	// What fails is tried again.
	broken := errors.New("broken")
	for range 2 {
		if _, err := c.Get(t.Context(), "x", time.Minute, func(context.Context) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	get("x", 3)
}

// TestCacheOfMany: one makes, the others wait, and it does not matter that the first one goes
// away.
func TestCacheOfMany(t *testing.T) {
	c := shelf.NewCache(1000)
	first, leave := context.WithCancel(t.Context())
	began, goOn := make(chan struct{}), make(chan struct{})
	var made atomic.Int64
	slow := func(ctx context.Context) ([]byte, error) {
		if made.Add(1) == 1 {
			close(began)
		}
		<-goOn
		return []byte("made"), ctx.Err()
	}
	var clients sync.WaitGroup
	ask := func(ctx context.Context) {
		if got, err := c.Get(ctx, "a", time.Minute, slow); err != nil || string(got) != "made" {
			t.Errorf("%q %v", got, err)
		}
	}
	clients.Go(func() { ask(first) })
	<-began
	for range 8 {
		clients.Go(func() { ask(t.Context()) })
	}
	leave()
	close(goOn)
	clients.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

// TestCacheIsBusy: whoever would wait for too long is told so.
func TestCacheIsBusy(t *testing.T) {
	c, stop := shelf.NewCache(1000), make(chan struct{})
	var began, clients sync.WaitGroup
	for i := range 2 {
		began.Add(1)
		clients.Go(func() {
			_, _ = c.Get(t.Context(), fmt.Sprint(i), time.Minute, func(context.Context) ([]byte, error) {
				began.Done()
				<-stop
				return nil, nil
			})
		})
	}
	began.Wait()
	_, err := c.Get(t.Context(), "third", time.Millisecond, func(context.Context) ([]byte, error) { return nil, nil })
	close(stop)
	clients.Wait()
	if err == nil || !strings.Contains(err.Error(), "at once") {
		t.Error(err)
	}
}
