package lane

import (
	"context"
	"testing"
	"time"
)

// The context of a handler behaves as those of package context do.
func TestCallIsAContext(t *testing.T) {
	type key struct{}
	t.Run("nothing happens", func(t *testing.T) {
		c := &call{}
		if _, ok := c.Deadline(); ok || c.Err() != nil || c.Value(key{}) != nil {
			t.Error("a fresh context says something")
		}
		select {
		case <-c.Done():
			t.Error("done")
		default:
		}
	})
	t.Run("the end comes once", func(t *testing.T) {
		c := &call{}
		done := c.Done()
		c.end(context.Canceled)
		c.end(context.DeadlineExceeded)
		<-done
		<-c.Done()
		if c.Err() != context.Canceled || context.Cause(c) != context.Canceled {
			t.Errorf("ended with %v", c.Err())
		}
	})
	t.Run("done after the end", func(t *testing.T) {
		c := &call{}
		c.end(context.Canceled)
		<-c.Done()
	})
	t.Run("the deadline passes unwatched", func(t *testing.T) {
		c := &call{deadline: time.Now()}
		if c.Err() != context.DeadlineExceeded {
			t.Errorf("got %v", c.Err())
		}
		<-c.Done()
	})
	t.Run("the deadline passes", func(t *testing.T) {
		c := &call{deadline: time.Now().Add(5 * time.Millisecond)}
		<-c.Done()
		if c.Err() != context.DeadlineExceeded {
			t.Errorf("got %v", c.Err())
		}
	})
	t.Run("derived contexts follow", func(t *testing.T) {
		c := &call{deadline: time.Now().Add(time.Hour)}
		derived, cancel := context.WithTimeout(context.WithValue(c, key{}, 1), 2*time.Hour)
		defer cancel()
		if d, _ := derived.Deadline(); !d.Equal(c.deadline) {
			t.Errorf("the deadline is %v", d)
		}
		c.end(context.Canceled)
		<-derived.Done()
		if derived.Err() != context.Canceled || derived.Value(key{}) != 1 {
			t.Errorf("the derived one ended with %v", derived.Err())
		}
	})
	t.Run("functions after the end", func(t *testing.T) {
		c := &call{}
		ran := make(chan string, 3)
		stop := context.AfterFunc(c, func() { ran <- "stopped" })
		context.AfterFunc(c, func() { ran <- "runs" })
		if !stop() {
			t.Error("it could not be stopped")
		}
		c.end(context.Canceled)
		if got := <-ran; got != "runs" {
			t.Errorf("%s ran", got)
		}
		late := context.AfterFunc(c, func() { ran <- "late" })
		if got := <-ran; got != "late" || late() {
			t.Errorf("%s ran", got)
		}
	})
}
