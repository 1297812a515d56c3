package logs

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a child says is read as it was said; and whatever stands in a file is read.
func FuzzParse(f *testing.F) {
	f.Add("listening", "port", "80")
	f.Add("a \"b\" = c\\n", "key with space", "\n\x00\xff")
	f.Add("", "", "")
	f.Add("x", "time", "2026-11-26T12:00:00Z level=ERROR")
	f.Fuzz(func(t *testing.T, message, key, value string) {
		raw := strings.TrimSuffix(lineOf(0, slog.LevelWarn, message, slog.String(key, value)), "\n")
		if strings.Contains(raw, "\n") {
			t.Fatalf("%q is more than one line", raw)
		}
		got := Parse([]byte(raw))
		if got.Message != message || got.Level != "warn" {
			t.Fatalf("%q is read as %+v", raw, got)
		}
		if key == "" && value == "" { // an attribute that is left out
			return
		}
		if last := got.Attrs[len(got.Attrs)-1]; last != (Attr{key, value}) {
			t.Fatalf("%q is read as %+v", raw, got)
		}
		foreign := Parse([]byte(message))
		if foreign.Raw != strings.TrimRight(message, "\r") {
			t.Fatalf("%q is kept as %q", message, foreign.Raw)
		}
	})
}

// Read from the end or from the beginning, a file has the same lines.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\n"), uint16(1))
	f.Add([]byte("\n\n\nx"), uint16(0))
	f.Add([]byte(lineOf(1, slog.LevelInfo, "x")+lineOf(2, slog.LevelInfo, "y")), uint16(30))
	f.Add(bytes.Repeat([]byte("0123456789\n"), 20_000), uint16(65_535))
	f.Fuzz(func(t *testing.T, content []byte, cut uint16) {
		path := filepath.Join(t.TempDir(), "x.log")
		at := min(int(cut), len(content))
		at = bytes.LastIndexByte(content[:at], '\n') + 1 // rotated between lines
		if at > 0 {
			if err := os.WriteFile(path+".1", content[:at], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, content[at:], 0o600); err != nil {
			t.Fatal(err)
		}
		want := bytes.Split(content, []byte("\n"))
		want = want[:len(want)-1]
		want = want[max(len(want)-MaxTail, 0):]
		check := func(how string, lines []Line) {
			if len(lines) != len(want) {
				t.Fatalf("%s: %d lines, want %d", how, len(lines), len(want))
			}
			for i, l := range lines {
				if l.Raw != strings.TrimRight(string(want[i]), "\r") {
					t.Fatalf("%s: line %d is %q, want %q", how, i, l.Raw, want[i])
				}
			}
		}
		lines, err := Tail(t.Context(), path, Query{Tail: MaxTail})
		if err != nil {
			t.Fatal(err)
		}
		check("tail", lines)
		if len(lines) == 0 {
			return
		}
		ended := make(chan struct{})
		close(ended)
		follower, err := Follow(t.Context(), path, Query{}, lines[0].Position, ended)
		if err != nil {
			t.Fatal(err)
		}
		defer follower.Close()
		followed := lines[:1:1]
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		for {
			line, err := follower.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			followed = append(followed, line)
		}
		check("follow", followed)
	})
}

// Whatever somebody says that they have seen, they get whole lines, and the last of all.
func FuzzResume(f *testing.F) {
	content := lineOf(1, slog.LevelInfo, "one") + lineOf(2, slog.LevelInfo, "two") + lineOf(3, slog.LevelInfo, "three")
	path := filepath.Join(f.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.Fatal(err)
	}
	lines, err := Tail(f.Context(), path, Query{})
	if err != nil {
		f.Fatal(err)
	}
	for _, after := range []string{"", "-", lines[0].Position, lines[1].Position + "0", "0123456789abcdef-9223372036854775807", "0123456789abcdef--5", lines[0].Position[:17]} {
		f.Add(after)
	}
	f.Fuzz(func(t *testing.T, after string) {
		if after == lines[2].Position { // nothing is left
			return
		}
		ended := make(chan struct{})
		close(ended)
		follower, err := Follow(t.Context(), path, Query{}, after, ended)
		if err != nil {
			t.Fatal(err)
		}
		defer follower.Close()
		var last string
		for {
			line, err := follower.Next(t.Context())
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if line.Missed == 0 && !strings.Contains("\n"+content, "\n"+line.Raw+"\n") {
				t.Fatalf("behind %q comes %q", after, line.Raw)
			}
			last = line.Message
		}
		if last != "three" {
			t.Fatalf("behind %q the last line is %q", after, last)
		}
	})
}
