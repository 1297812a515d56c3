package slogbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
)

// text returns a logger and what it has written, without the time.
func textLog(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var buf bytes.Buffer
	return slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{Level: level, ReplaceAttr: noTime})), &buf
}

func noTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func TestHclog(t *testing.T) {
	l, got := textLog(LevelTrace)
	h := Hclog(l).Named("engine").With("id", 7)
	h.Trace("one")
	h.Debug("two", "err", errors.New("broken"))
	h.Info("three", "text", hclog.Fmt("%d beans", 3))
	h.Named("inner").Warn("four")
	h.ResetNamed("").Error("five", "odd")
	h.Log(hclog.Off, "never")
	h.StandardLogger(&hclog.StandardLoggerOptions{ForceLevel: hclog.Error}).Print("six")
	want := `level=DEBUG-4 msg=one id=7 module=engine
level=DEBUG msg=two id=7 module=engine err=broken
level=INFO msg=three id=7 module=engine text="3 beans"
level=WARN msg=four id=7 module=engine.inner
level=ERROR msg=five id=7 !BADKEY=odd
level=ERROR msg=six id=7 module=engine
`
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if !h.IsTrace() || !h.IsDebug() || !h.IsInfo() || !h.IsWarn() || !h.IsError() {
		t.Error("a level is off")
	}
	if h.GetLevel() != hclog.Off {
		t.Error("GetLevel invites go-plugin to parse a child's output")
	}
	if !slices.Equal(h.ImpliedArgs(), []any{"id", 7}) || h.Name() != "engine" {
		t.Errorf("got %v of %s", h.ImpliedArgs(), h.Name())
	}
}

func TestQuietAndLeast(t *testing.T) {
	l, got := textLog(slog.LevelDebug)
	Quiet(l).With("a", 1).WithGroup("g").Error("crash", "b", 2)
	warn := slog.New(Least(l.Handler(), slog.LevelWarn)).With("c", 3).WithGroup("g")
	warn.Info("never")
	warn.Warn("seen")
	if want := "level=DEBUG msg=crash a=1 g.b=2\nlevel=WARN msg=seen c=3\n"; got.String() != want {
		t.Errorf("got\n%s", got)
	}
	l, got = textLog(slog.LevelInfo)
	Quiet(l).Error("crash")
	if got.Len() > 0 {
		t.Errorf("got %s", got)
	}
}

// What a child logs through Handler arrives through Lines.
func TestRoundTrip(t *testing.T) {
	l, got := textLog(LevelTrace)
	lines := NewLines(l)
	child := slog.New(NewHandler(lines, LevelTrace))
	child.Log(context.Background(), LevelTrace, "tiny")
	child.Debug("small", "d", 1500*time.Millisecond)
	child.With("req", 1).WithGroup("db").With("host", "h").Info("medium", "n", uint64(7), "ok", true, "f", 0.5)
	child.Warn("large", slog.Group("g", "a", 1, slog.Group("h", "b", 2)), slog.Group("", "inline", 3))
	child.Error("huge", "err", errors.New("it\nbroke"), "list", []int{1, 2}, "bad", func() {}, "when", time.Unix(0, 0).UTC())
	want := `level=DEBUG-4 msg=tiny
level=DEBUG msg=small d=1.5s
level=INFO msg=medium req=1 db.host=h db.n=7 db.ok=true db.f=0.5
level=WARN msg=large g.a=1 g.h.b=2 inline=3
level=ERROR msg=huge err="it\nbroke" list=[1,2] bad=0x`
	if !strings.HasPrefix(got.String(), want) || !strings.HasSuffix(got.String(), " when=1970-01-01T00:00:00Z\n") {
		t.Errorf("got\n%swant\n%s…", got, want)
	}
}

func TestHandlerIsASlogHandler(t *testing.T) {
	var buf bytes.Buffer
	results := func() []map[string]any {
		var out []map[string]any
		for line := range strings.Lines(buf.String()) {
			flat := make(map[string]any)
			if err := json.Unmarshal([]byte(line), &flat); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			out = append(out, nested(flat))
		}
		return out
	}
	if err := slogtest.TestHandler(NewHandler(&buf, slog.LevelInfo), results); err != nil {
		t.Error(err)
	}
}

// nobody's method panics on the nil pointer.
type nobody struct{ name string }

func (n *nobody) Error() string { return n.name }

func TestHandlerSurvivesItsValues(t *testing.T) {
	var buf bytes.Buffer
	l := slog.New(NewHandler(&buf, slog.LevelInfo))
	l.Info("a nil pointer as an error", "err", (*nobody)(nil), "after", 1)
	var got map[string]any
	if err := json.Unmarshal(buf.Bytes(), &got); err != nil {
		t.Fatalf("%s: %v", &buf, err)
	}
	if err, _ := got["err"].(string); !strings.HasPrefix(err, "!PANIC in a method of *slogbridge.nobody: ") || got["after"] != 1.0 {
		t.Errorf("got %s", &buf)
	}
}

// nested undoes the names of hclog and the flattening of groups.
func nested(flat map[string]any) map[string]any {
	out := make(map[string]any)
	for key, value := range flat {
		switch key {
		case "@timestamp":
			key = slog.TimeKey
		case "@level":
			key = slog.LevelKey
		case "@message":
			key = slog.MessageKey
		}
		at := out
		parts := strings.Split(key, ".")
		for _, part := range parts[:len(parts)-1] {
			if at[part] == nil {
				at[part] = make(map[string]any)
			}
			at = at[part].(map[string]any)
		}
		at[parts[len(parts)-1]] = value
	}
	return out
}

// Lines that hclog itself writes, as children in the wild do.
func TestLinesOfHclog(t *testing.T) {
	l, got := textLog(LevelTrace)
	lines := NewLines(l)
	child := hclog.New(&hclog.LoggerOptions{Name: "db", Output: lines, JSONFormat: true, Level: hclog.Trace})
	child.Warn("slow", "ms", 1200, "query", "select 1")
	if want := "level=WARN msg=slow module=db ms=1200 query=\"select 1\"\n"; got.String() != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine+100)
	for _, c := range []struct{ name, in, want string }{
		{"plain", "hello\r\n\nworld", "level=INFO msg=hello\nlevel=INFO msg=world\n"},
		{"prefixes", "[TRACE] a\n[DEBUG] b\n[INFO] c\n[WARN] d\n[ERROR] e\n", "level=DEBUG-4 msg=\"[TRACE] a\"\nlevel=DEBUG msg=\"[DEBUG] b\"\nlevel=INFO msg=\"[INFO] c\"\nlevel=WARN msg=\"[WARN] d\"\nlevel=ERROR msg=\"[ERROR] e\"\n"},
		{"a panic", "panic: oh\n\ngoroutine 1 [running]:\n", "level=ERROR msg=\"panic: oh\"\nlevel=ERROR msg=\"goroutine 1 [running]:\"\n"},
		{"a message that is no string", `{"@message":1,"@level":"info"}`, `level=INFO msg="{\"@message\":1,\"@level\":\"info\"}"` + "\n"},
		{"no level", `{"@message":"a"}`, `level=INFO msg="{\"@message\":\"a\"}"` + "\n"},
		{"an unknown level", `{"@message":"a","@level":"loud"}`, "level=INFO msg=a\n"},
		{"two objects", `{"@message":"a","@level":"info"}{}`, `level=INFO msg="{\"@message\":\"a\",\"@level\":\"info\"}{}"` + "\n"},
		{"half an object", `{"@message":"a","@level":"info"`, `level=INFO msg="{\"@message\":\"a\",\"@level\":\"info\""` + "\n"},
		{"the first of two messages", `{"@message":"a","@level":"warn","@message":"b","@level":"error"}`, "level=WARN msg=a message=b child.level=error\n"},
		{"names of the host", `{"@message":"a","@level":"info","ext":"other","level":"ERROR","Time":0,"":1}`, "level=INFO msg=a child.ext=other child.level=ERROR child.Time=0 child.=1\n"},
		{"values", `{"@message":"a","@level":"info","n":-1,"f":1.5e3,"big":123456789012345678901,"t":true,"z":null,"o":{"a":[1]}}`, `level=INFO msg=a n=-1 f=1500 big=1.2345678901234568e+20 t=true z=null o="{\"a\":[1]}"` + "\n"},
		{"control characters", "\x1b[2J\x9b\u202egnp\u0085", `level=INFO msg="\\u001b[2J` + "\uFFFD" + `\\u202egnp\\u0085"` + "\n"},
		{"a forged line", `{"@message":"a\nlevel=ERROR msg=forged","@level":"info"}`, `level=INFO msg="a\nlevel=ERROR msg=forged"` + "\n"},
		{"too long", long + "\nnext\n", fmt.Sprintf("level=INFO msg=\"%s… (%d more bytes)\"\nlevel=INFO msg=next\n", long[:maxText], len(long)-maxText)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, step := range []int{1, 7, len(c.in)} {
				l, got := textLog(LevelTrace)
				lines := NewLines(l)
				for part := range slices.Chunk([]byte(c.in), step) {
					if n, err := lines.Write(part); n != len(part) || err != nil {
						t.Fatal(n, err)
					}
				}
				if err := lines.Close(); err != nil {
					t.Fatal(err)
				}
				if got.String() != c.want {
					t.Errorf("in steps of %d: got\n%.300s\nwant\n%.300s", step, got, c.want)
				}
			}
		})
	}
}

func TestAttributesAreBounded(t *testing.T) {
	members := []string{`"@level":"info"`, `"@message":"` + strings.Repeat("m", maxText+10) + `"`, `"` + strings.Repeat("k", 1000) + `":1`}
	for i := range 2 * maxAttrs {
		members = append(members, fmt.Sprintf(`"a%d":1`, i))
	}
	e, ok := parseEntry([]byte("{" + strings.Join(members, ",") + "}"))
	if !ok || len(e.attrs) != maxAttrs || len(e.message) > maxText+3 || len(e.attrs[0].Key) > maxKey+3 {
		t.Errorf("kept %d attributes, a message of %d bytes, a key of %d", len(e.attrs), len(e.message), len(e.attrs[0].Key))
	}
}

// Whatever a child prints becomes one line of log for each of its lines, without a
// character that a terminal would obey.
func FuzzLines(f *testing.F) {
	f.Add([]byte(`{"@message":"a","@level":"warn","n":1,"o":{"x":[null]}}` + "\n"))
	f.Add([]byte("panic: \x1b[2J\u202e\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var out bytes.Buffer
			lines := NewLines(slog.New(handler(&out)))
			_, _ = lines.Write(data)
			_ = lines.Close()
			if got, most := strings.Count(out.String(), "\n"), bytes.Count(data, []byte("\n"))+1; got > most {
				t.Errorf("%d lines of %d", got, most)
			}
			if !utf8.Valid(out.Bytes()) || strings.ContainsFunc(out.String(), deceives) {
				t.Errorf("got %q", out.String())
			}
		}
	})
}
