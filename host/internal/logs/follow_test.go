package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

func follow(t *testing.T, s *scribe, q Query, after string, ended <-chan struct{}) *Follower {
	t.Helper()
	f, err := Follow(t.Context(), s.path, q, after, ended)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// next returns the next n lines.
func next(t *testing.T, f *Follower, n int) []Line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var lines []Line
	for range n {
		line, err := f.Next(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", messages(lines), err)
		}
		lines = append(lines, line)
	}
	return lines
}

func wantNext(t *testing.T, f *Follower, want ...string) []Line {
	t.Helper()
	lines := next(t, f, len(want))
	if got := messages(lines); got != strings.Join(want, " ") {
		t.Fatalf("followed %q, want %q", got, strings.Join(want, " "))
	}
	return lines
}

func TestFollowBeginsWithTheTailAndGoesOn(t *testing.T) {
	s := newScribe(t)
	s.say(1, "a")
	s.say(2, "b")
	f := follow(t, s, Query{Tail: 1}, "", nil)
	wantNext(t, f, "b")
	s.say(3, "c")
	s.append(lineOf(4, slog.LevelInfo, "d")[:20]) // the writer is in the middle of it
	wantNext(t, f, "c")
	s.append(lineOf(4, slog.LevelInfo, "d")[20:])
	wantNext(t, f, "d")
}

func TestFollowWaitsForALogThatIsNotThereYet(t *testing.T) {
	s := newScribe(t)
	f := follow(t, s, Query{}, "", nil)
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	s.append("")
	s.say(1, "a")
	wantNext(t, f, "a")
}

func TestFollowSurvivesRotation(t *testing.T) {
	s := newScribe(t)
	f := follow(t, s, Query{}, "", nil)
	s.say(0, "m0")
	wantNext(t, f, "m0")
	s.say(1, "m1")
	s.rotate(5)
	s.say(2, "m2")
	s.rotate(5)
	s.rotate(5) // nothing was written in between
	s.say(3, "m3")
	wantNext(t, f, "m1", "m2", "m3")
}

func TestFollowSaysWhatIsGone(t *testing.T) {
	s := newScribe(t)
	s.say(0, "m0")
	f := follow(t, s, Query{}, "", nil)
	wantNext(t, f, "m0")
	for n := range 4 {
		s.rotate(3)
		s.say(n+1, fmt.Sprintf("m%d", n+1))
	}
	wantNext(t, f, "(-1 missed)", "m2", "m3", "m4")

	if err := Remove(s.path); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(t.Context(), 3*lookPause)
	defer cancel()
	if line, err := f.Next(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(line, err)
	}
	s.say(9, "new")
	wantNext(t, f, "(-1 missed)", "new")
}

func TestFollowNoticesAnEmptiedFile(t *testing.T) {
	s := newScribe(t)
	s.say(0, "a long first line")
	f := follow(t, s, Query{}, "", nil)
	wantNext(t, f, "a long first line")
	if err := os.Truncate(s.path, 0); err != nil {
		t.Fatal(err)
	}
	wantNext(t, f, "(-1 missed)")
	s.say(1, "b")
	wantNext(t, f, "b")
}

func TestAPositionOutlivesTheReaderAndRotation(t *testing.T) {
	s := newScribe(t)
	for n := range 4 {
		s.say(n, fmt.Sprintf("m%d", n))
	}
	lines := wantNext(t, follow(t, s, Query{}, "", nil), "m0", "m1", "m2", "m3")
	s.rotate(5)
	s.say(4, "m4")
	s.rotate(5)
	s.say(5, "m5")
	if tail := s.tail(Query{}); tail[1].Position != lines[1].Position {
		t.Fatalf("a position is %q and %q", tail[1].Position, lines[1].Position)
	}
	wantNext(t, follow(t, s, Query{}, lines[1].Position, nil), "m2", "m3", "m4", "m5")

	for name, after := range map[string]string{
		"of another file": "0123456789abcdef-0", "in the middle of a line": lines[0].Position + "1",
		"behind the end": strings.Split(lines[0].Position, "-")[0] + "-99999", "nonsense": "-", "negative": "0123456789abcdef--1",
	} {
		t.Run(name, func(t *testing.T) {
			wantNext(t, follow(t, s, Query{Tail: 2}, after, nil), "(-1 missed)", "m4", "m5")
		})
	}
}

func TestASlowReaderIsToldHowMuchItHasMissed(t *testing.T) {
	s := newScribe(t)
	s.say(0, "first")
	f := follow(t, s, Query{}, "", nil)
	wantNext(t, f, "first")
	const many = 80_000
	var all strings.Builder
	for n := range many {
		all.WriteString(lineOf(n, slog.LevelInfo, fmt.Sprintf("m%d", n)))
	}
	s.append(all.String())
	if all.Len() < maxLag {
		t.Fatalf("%d bytes are no lag", all.Len())
	}
	line := next(t, f, 1)[0]
	after := next(t, f, 1)[0]
	if line.Missed < many/2 || after.Message != fmt.Sprintf("m%d", line.Missed) {
		t.Fatalf("%d missed, then %s", line.Missed, after.Message)
	}
}

func TestFollowCutsALineWithoutEnd(t *testing.T) {
	s := newScribe(t)
	s.say(0, "first")
	f := follow(t, s, Query{}, "", nil)
	wantNext(t, f, "first")
	s.append(strings.Repeat("x", 2*maxLine))
	if line := next(t, f, 1)[0]; len(line.Message) < maxLine || len(line.Message) > maxLine+blockBytes || line.Position != "" {
		t.Fatalf("%d bytes at %q", len(line.Message), line.Position)
	}
	s.append("the rest\n")
	s.say(1, "next")
	wantNext(t, f, "next")
}

func TestFollowEndsWithWhatThereIs(t *testing.T) {
	s := newScribe(t)
	ended := make(chan struct{})
	f := follow(t, s, Query{Level: "warn"}, "", ended)
	s.append(lineOf(1, slog.LevelInfo, "not this"))
	s.append(lineOf(2, slog.LevelError, "last words"))
	close(ended)
	wantNext(t, f, "last words")
	if _, err := f.Next(t.Context()); err != io.EOF {
		t.Fatal(err)
	}
}

// A reader that keeps up misses nothing, however the writer rotates under it.
func TestNothingIsLostUnderAWriter(t *testing.T) {
	s := newScribe(t)
	f := follow(t, s, Query{}, "", nil)
	const many = 500
	var writer sync.WaitGroup
	defer writer.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read := make(chan struct{}, 64) // the writer stays within the files that are kept
	writer.Go(func() {
		random := rand.New(rand.NewPCG(1, 2))
		for n := range many {
			if random.IntN(50) == 0 {
				s.rotate(8)
			}
			s.say(n, fmt.Sprint(n))
			select {
			case read <- struct{}{}:
			case <-ctx.Done():
				return
			}
		}
	})
	for n := range many {
		if line := next(t, f, 1)[0]; line.Message != fmt.Sprint(n) {
			t.Fatalf("line %d is %q (%d missed)", n, line.Message, line.Missed)
		}
		<-read
	}
}
