package top

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/internal/ttytest"
)

// seen collects what a terminal shows.
type seen struct {
	mu  sync.Mutex
	all bytes.Buffer // guarded by mu
}

func (s *seen) read(from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		s.mu.Lock()
		s.all.Write(buf[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *seen) wait(t *testing.T, part string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		s.mu.Lock()
		text := s.all.String()
		s.mu.Unlock()
		if strings.Contains(text, part) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the terminal does not show %q: %q", part, text)
		}
	}
}

func TestShow(t *testing.T) {
	person, tty := ttytest.Open(t, 120, 20)
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var looks sync.WaitGroup
	looks.Add(3)
	count := 0
	source := func(context.Context) ([]Standing, error) {
		if count++; count <= 3 {
			looks.Done()
		}
		return standings(), nil
	}
	screen := &seen{}
	go screen.read(person) // it ends with the terminal
	ended := make(chan error, 1)
	go func() {
		ended <- Show(t.Context(), source, tty, tty, "127.0.0.1:8081", View{Sort: "requests"}, 10*time.Millisecond)
	}()
	screen.wait(t, enterScreen)
	screen.wait(t, "org.example.Busy")
	looks.Wait()
	for _, c := range []struct{ type_, want string }{{"m", "MEMORY↓"}, {"m", "MEMORY↑"}, {"/slow\r", "filter: slow"}, {"?", "sort by memory"}} {
		if _, err := io.WriteString(person, c.type_); err != nil {
			t.Fatal(err)
		}
		screen.wait(t, c.want)
	}
	if _, err := io.WriteString(person, "q"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("q does not quit")
	}
	screen.wait(t, leaveScreen)
	after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal is left as %+v, it was %+v: %v", after, before, err)
	}
}

// A host that does not answer at first is an error, not a screen; one that stops answering
// later does not keep the keys from working.
func TestShowWhenTheHostDoesNotAnswer(t *testing.T) {
	person, tty := ttytest.Open(t, 120, 20)
	screen := &seen{}
	go screen.read(person)
	gone := func(context.Context) ([]Standing, error) { return nil, context.DeadlineExceeded }
	if err := Show(t.Context(), gone, tty, tty, "x", View{}, time.Second); err == nil {
		t.Error("there is a screen without a host")
	}
	first := true
	source := func(ctx context.Context) ([]Standing, error) {
		if first {
			first = false
			return standings(), nil
		}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ended := make(chan error, 1)
	go func() { ended <- Show(t.Context(), source, tty, tty, "x", View{Sort: "id"}, time.Millisecond) }()
	screen.wait(t, "org.example.Busy")
	if _, err := io.WriteString(person, "\x03"); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("Ctrl-C does not quit while the host does not answer")
	}
}
