package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// scribe writes a log as the host does.
type scribe struct {
	t    *testing.T
	path string
}

func newScribe(t *testing.T) *scribe {
	t.Helper()
	return &scribe{t, filepath.Join(t.TempDir(), "ext.log")}
}

func (s *scribe) append(text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		s.t.Fatal(err)
	}
}

var noon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func lineOf(n int, level slog.Level, message string, attrs ...slog.Attr) string {
	var b bytes.Buffer
	h := slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug - 4}).WithAttrs([]slog.Attr{
		slog.String("version", "1.0.0"), slog.Int64("instance", 3),
	})
	r := slog.NewRecord(noon.Add(time.Duration(n)*time.Second), level, message, 0)
	r.AddAttrs(attrs...)
	if err := h.Handle(context.Background(), r); err != nil {
		panic(err)
	}
	return b.String()
}

func (s *scribe) say(n int, message string, attrs ...slog.Attr) {
	s.t.Helper()
	s.append(lineOf(n, slog.LevelInfo, message, attrs...))
}

// rotate does what the writer does, with this many files.
func (s *scribe) rotate(count int) {
	s.t.Helper()
	for n := count - 1; n > 0; n-- {
		if err := os.Rename(numbered(s.path, n-1), numbered(s.path, n)); err != nil && !os.IsNotExist(err) {
			s.t.Fatal(err)
		}
	}
}

func (s *scribe) tail(q Query) []Line {
	s.t.Helper()
	lines, err := Tail(s.t.Context(), s.path, q)
	if err != nil {
		s.t.Fatal(err)
	}
	return lines
}

func messages(lines []Line) string {
	var list []string
	for _, l := range lines {
		if l.Missed != 0 {
			list = append(list, fmt.Sprintf("(%d missed)", l.Missed))
			continue
		}
		list = append(list, l.Message)
	}
	return strings.Join(list, " ")
}

func TestALineIsReadAsItWasWritten(t *testing.T) {
	for name, c := range map[string]struct {
		level   slog.Level
		message string
		attrs   []slog.Attr
		want    string // level
	}{
		"plain":         {slog.LevelInfo, "listening", []slog.Attr{slog.Int("port", 80)}, "info"},
		"spaces":        {slog.LevelWarn, "no such device", []slog.Attr{slog.String("device", "a b")}, "warn"},
		"empty":         {slog.LevelError, "", []slog.Attr{slog.String("x", "")}, "error"},
		"lines":         {slog.LevelDebug, "panic: x\n\tat y", []slog.Attr{slog.String("stack", "a\r\nb")}, "debug"},
		"quotes":        {slog.LevelDebug - 4, `say "x=y" \n`, []slog.Attr{slog.String(`a "key" = odd`, `"`)}, "debug"},
		"same names":    {slog.LevelInfo + 2, "msg", []slog.Attr{slog.String("msg", "1"), slog.String("level", "2"), slog.String("time", "3")}, "info"},
		"not UTF-8":     {slog.LevelInfo, "a\xffb", []slog.Attr{slog.String("k", "\xfe")}, "info"},
		"hostile":       {slog.LevelError + 3, "<script>\x1b[31m\u202e</script>", []slog.Attr{slog.String("<b>", "&")}, "error"},
		"looks like it": {slog.LevelInfo, "time=2026-01-01T00:00:00Z level=ERROR msg=forged", nil, "info"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := strings.TrimSuffix(lineOf(0, c.level, c.message, c.attrs...), "\n")
			got := Parse([]byte(raw))
			want := []Attr{{"version", "1.0.0"}, {"instance", "3"}}
			for _, a := range c.attrs {
				want = append(want, Attr{a.Key, a.Value.String()})
			}
			if got.Message != c.message || got.Level != c.want || !slices.Equal(got.Attrs, want) || !got.Time.Equal(noon) || got.Raw != raw {
				t.Fatalf("%q is read as %+v", raw, got)
			}
		})
	}
}

func TestWhatIsNoLineOfTheHostIsItsOwnMessage(t *testing.T) {
	for _, raw := range []string{
		"", "hello", "time=now level=INFO msg=x", `time=2026-11-26T12:00:00Z level=INFO msg="unfinished`,
		"time=2026-11-26T12:00:00Z level=LOUD msg=x", "level=INFO msg=x", "time=2026-11-26T12:00:00Z msg=x",
		"time=2026-11-26T12:00:00Z level=INFO msg=x junk", "=", "a=b", "\x00\xff",
	} {
		got := Parse([]byte(raw))
		if got.Message != raw || got.Level != "info" || len(got.Attrs) != 0 || !got.Time.IsZero() {
			t.Errorf("%q is read as %+v", raw, got)
		}
	}
}

func TestTailGoesBackOverRotatedFiles(t *testing.T) {
	s := newScribe(t)
	for n := range 10 {
		if n%3 == 0 && n > 0 {
			s.rotate(3) // the oldest file goes
		}
		s.say(n, fmt.Sprintf("m%d", n))
	}
	s.append("time=unfinished")
	for _, c := range []struct {
		tail int
		want string
	}{
		{0, "m3 m4 m5 m6 m7 m8 m9"}, {2, "m8 m9"}, {5, "m5 m6 m7 m8 m9"}, {-1, ""}, {100, "m3 m4 m5 m6 m7 m8 m9"},
	} {
		if got := messages(s.tail(Query{Tail: c.tail})); got != c.want {
			t.Errorf("the last %d are %q, want %q", c.tail, got, c.want)
		}
	}
}

func TestTailGivesWhatIsAskedFor(t *testing.T) {
	s := newScribe(t)
	s.append(lineOf(1, slog.LevelDebug, "one", slog.String("device", "Tram-7")))
	s.append(lineOf(2, slog.LevelInfo, "two Äpfel"))
	s.append("goroutine 1 [running]:\n")
	s.append(lineOf(3, slog.LevelWarn, "three"))
	s.append(lineOf(4, slog.LevelError, "four"))
	for name, c := range map[string]struct {
		q    Query
		want string
	}{
		"all":           {Query{}, "one two Äpfel goroutine 1 [running]: three four"},
		"level":         {Query{Level: "warn"}, "three four"},
		"last of level": {Query{Level: "info", Tail: 1}, "four"},
		"text":          {Query{Contains: "ÄPFEL"}, "two Äpfel"},
		"attribute":     {Query{Contains: "device=tram"}, "one"},
		"not its time":  {Query{Contains: "2026"}, ""},
		"both":          {Query{Contains: "hree", Level: "warn"}, "three"},
		"since":         {Query{Since: noon.Add(3 * time.Second)}, "three four"},
	} {
		if got := messages(s.tail(c.q)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTailOfNothing(t *testing.T) {
	s := newScribe(t)
	if got := s.tail(Query{}); len(got) != 0 {
		t.Fatal(got)
	}
	s.append("")
	if got := s.tail(Query{}); len(got) != 0 {
		t.Fatal(got)
	}
}

func TestLinesAndAnswersAreBounded(t *testing.T) {
	s := newScribe(t)
	s.say(1, "first")
	s.append(strings.Repeat("x", maxLine+blockBytes) + "\n")
	s.say(2, "last")
	lines := s.tail(Query{})
	if len(lines) != 3 || len(lines[1].Raw) != maxLine || lines[0].Message != "first" || lines[2].Message != "last" {
		t.Fatalf("%d lines", len(lines))
	}
	for range tailBytes/maxLine + 4 {
		s.append(strings.Repeat("y", maxLine-1) + "\n")
	}
	if n := len(s.tail(Query{})); n > tailBytes/maxLine+1 {
		t.Fatalf("%d lines of half a MiB", n)
	}
}

func TestWholeIsEveryByteInOrder(t *testing.T) {
	s := newScribe(t)
	var want strings.Builder
	for n := range 9 {
		if n%3 == 0 {
			s.rotate(5)
		}
		s.say(n, "x")
		want.WriteString(lineOf(n, slog.LevelInfo, "x"))
	}
	w, err := Whole(s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.say(10, "later")
	got, err := io.ReadAll(w)
	if err = errors.Join(err, w.Close()); err != nil || string(got) != want.String() {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestRemoveTakesTheRotatedFilesToo(t *testing.T) {
	s := newScribe(t)
	for n := range 5 {
		s.rotate(5)
		s.say(n, "x")
	}
	if err := errors.Join(Remove(s.path), Remove(s.path)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(filepath.Dir(s.path)); err != nil || len(left) != 0 {
		t.Fatal(left, err)
	}
}

func TestAQueryIsChecked(t *testing.T) {
	for _, q := range []Query{{Tail: -2}, {Tail: MaxTail + 1}, {Level: "loud"}, {Level: "INFO"}, {Contains: strings.Repeat("x", 300)}} {
		if q.Check() == nil {
			t.Errorf("%+v passes", q)
		}
	}
	if err := (Query{Tail: -1, Level: "debug", Contains: "x"}).Check(); err != nil {
		t.Error(err)
	}
}
