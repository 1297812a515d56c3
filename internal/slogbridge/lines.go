package slogbridge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// What is kept of one line of a child.
const (
	maxLine  = 64 << 10 // bytes; what follows up to the line's end is dropped
	maxText  = 16 << 10 // bytes of a message or a value
	maxKey   = 128      // bytes of an attribute's name
	maxAttrs = 64
)

// Lines is an io.Writer for the output of a child. Each line becomes one record:
// hclog's JSON with its level, message and attributes, the start of a Go panic and
// what follows it at error level, any other line at info level (or the level of a
// prefix such as "[WARN]"). Write never fails and may be called by several
// goroutines; Close logs a last line that has no end.
type Lines struct {
	log *slog.Logger

	mu       sync.Mutex // guards what follows
	line     []byte
	dropped  int  // bytes of the current line that were not kept
	panicked bool // a Go panic is being printed
}

// NewLines returns Lines that write to log.
func NewLines(log *slog.Logger) *Lines { return &Lines{log: log} }

// Write takes any part of the output.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(p)
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			l.keep(p)
			return n, nil
		}
		l.keep(p[:i])
		l.flush()
		p = p[i+1:]
	}
}

// Close logs what is left. Lines may be used again afterwards.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush()
	return nil
}

func (l *Lines) keep(part []byte) {
	room := maxLine - len(l.line)
	if len(part) > room {
		l.dropped += len(part) - room
		part = part[:room]
	}
	l.line = append(l.line, part...)
}

func (l *Lines) flush() {
	line, dropped := l.line, l.dropped
	l.dropped = 0
	if cap(l.line) > 4096 { // one long line is no reason to hold the memory
		l.line = nil
	} else {
		l.line = l.line[:0]
	}
	line = bytes.TrimRight(line, "\r")
	if len(line) == 0 && dropped == 0 {
		return
	}
	if e, ok := parseEntry(line); ok && dropped == 0 {
		l.log.LogAttrs(context.Background(), e.level, e.message, e.attrs...)
		return
	}
	text := clean(string(line), maxText)
	if dropped += len(line) - min(len(line), maxText); dropped > 0 {
		text = fmt.Sprintf("%s (%d more bytes)", text, dropped)
	}
	l.log.LogAttrs(context.Background(), l.plainLevel(text), text)
}

// plainLevel guesses the level of a line that is not hclog's.
func (l *Lines) plainLevel(line string) slog.Level {
	if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
		l.panicked = true
	}
	switch {
	case l.panicked, strings.HasPrefix(line, "[ERROR]"):
		return slog.LevelError
	case strings.HasPrefix(line, "[WARN]"):
		return slog.LevelWarn
	case strings.HasPrefix(line, "[DEBUG]"):
		return slog.LevelDebug
	case strings.HasPrefix(line, "[TRACE]"):
		return LevelTrace
	default:
		return slog.LevelInfo
	}
}

type entry struct {
	level   slog.Level
	message string
	attrs   []slog.Attr
}

// parseEntry reads one line of hclog JSON. Members keep their order, and of several
// with one name the first counts for @level and @message.
func parseEntry(line []byte) (entry, bool) {
	if len(line) == 0 || line[0] != '{' {
		return entry{}, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil {
		return entry{}, false
	}
	var e entry
	var level, message *string
	for dec.More() {
		token, err := dec.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return entry{}, false
		}
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return entry{}, false
		}
		switch {
		case key == "@level" && level == nil:
			level = text(raw)
		case key == "@message" && message == nil:
			message = text(raw)
		case key == "@timestamp": // the host's clock counts
		case len(e.attrs) < maxAttrs:
			e.attrs = append(e.attrs, slog.Attr{Key: keyOf(key), Value: valueOf(raw)})
		}
	}
	if level == nil || message == nil {
		return entry{}, false
	}
	if _, err := dec.Token(); err != nil {
		return entry{}, false
	}
	if dec.InputOffset() != int64(len(bytes.TrimRight(line, " \t"))) {
		return entry{}, false
	}
	e.level, e.message = levelNamed(*level), clean(*message, maxText)
	return e, true
}

// text returns the string that raw is, nil when it is something else.
func text(raw json.RawMessage) *string {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return &s
}

func levelNamed(name string) slog.Level {
	switch strings.ToLower(name) {
	case "trace":
		return LevelTrace
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// keyOf makes a child's attribute name safe beside the host's own attributes.
func keyOf(key string) string {
	key = clean(key, maxKey)
	switch strings.ToLower(strings.TrimPrefix(key, "@")) {
	case "", "time", "level", "msg", "source", "ext", "extension", "version", "instance", "kind", "pid":
		return "child." + strings.TrimPrefix(key, "@")
	}
	return strings.TrimPrefix(key, "@")
}

// valueOf keeps strings, numbers and truth values as such and shows anything else as
// its JSON text.
func valueOf(raw json.RawMessage) slog.Value {
	switch raw[0] {
	case '"':
		if s := text(raw); s != nil {
			return slog.StringValue(clean(*s, maxText))
		}
	case 't', 'f':
		return slog.BoolValue(raw[0] == 't')
	case '{', '[', 'n':
	default:
		number := json.Number(raw)
		if i, err := number.Int64(); err == nil {
			return slog.Int64Value(i)
		}
		if f, err := number.Float64(); err == nil {
			return slog.Float64Value(f)
		}
	}
	return slog.StringValue(clean(string(raw), maxText))
}

// clean returns s as valid UTF-8 of at most limit bytes (and an ellipsis), with
// control and bidi characters as escapes. Line breaks and tabs stay: slog's handlers
// escape them, and stacks are read by people.
func clean(s string, limit int) string {
	cut := len(s) > limit
	if cut {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit]
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, deceives) {
		var b strings.Builder
		for _, r := range s { // an invalid byte arrives as U+FFFD
			if deceives(r) {
				fmt.Fprintf(&b, `\u%04x`, r)
			} else {
				b.WriteRune(r)
			}
		}
		s = b.String()
	}
	if cut {
		s += "…"
	}
	return s
}

// deceives reports whether r moves a terminal's cursor or turns text around.
func deceives(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}
