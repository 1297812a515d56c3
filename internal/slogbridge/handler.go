package slogbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// timeFormat is hclog's.
const timeFormat = "2006-01-02T15:04:05.000000Z07:00"

// Handler is a slog.Handler that writes one line of hclog JSON for each record, in
// one Write. Groups are flattened with dots.
type Handler struct {
	mu     *sync.Mutex
	w      io.Writer
	level  slog.Leveler
	attrs  []byte // of WithAttrs, encoded, each with a comma in front
	prefix string // of WithGroup, with a dot at its end
}

// NewHandler returns a Handler that writes to w what is at least as severe as level.
func NewHandler(w io.Writer, level slog.Leveler) *Handler {
	return &Handler{mu: new(sync.Mutex), w: w, level: level}
}

// Enabled is part of slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle is part of slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	line := make([]byte, 0, 256+len(h.attrs))
	line = append(line, `{"@level":"`...)
	line = append(line, levelName(r.Level)...)
	line = append(line, `","@message":`...)
	line = appendJSON(line, r.Message)
	if !r.Time.IsZero() {
		line = append(line, `,"@timestamp":"`...)
		line = r.Time.AppendFormat(line, timeFormat)
		line = append(line, '"')
	}
	line = append(line, h.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		line = appendAttr(line, h.prefix, a)
		return true
	})
	line = append(line, '}', '\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.w.Write(line)
	return err
}

// WithAttrs is part of slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = next.attrs[:len(next.attrs):len(next.attrs)]
	for _, a := range attrs {
		next.attrs = appendAttr(next.attrs, h.prefix, a)
	}
	return &next
}

// WithGroup is part of slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	next := *h
	next.prefix += name + "."
	return &next
}

func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelDebug:
		return "trace"
	case level < slog.LevelInfo:
		return "debug"
	case level < slog.LevelWarn:
		return "info"
	case level < slog.LevelError:
		return "warn"
	default:
		return "error"
	}
}

func appendAttr(line []byte, prefix string, a slog.Attr) []byte {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, member := range value.Group() {
			line = appendAttr(line, prefix, member)
		}
		return line
	}
	if a.Equal(slog.Attr{}) {
		return line
	}
	line = append(line, ',')
	line = appendJSON(line, prefix+a.Key)
	line = append(line, ':')
	switch value.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(line, value.Int64(), 10)
	case slog.KindUint64:
		return strconv.AppendUint(line, value.Uint64(), 10)
	case slog.KindBool:
		return strconv.AppendBool(line, value.Bool())
	case slog.KindDuration:
		return appendJSON(line, value.Duration().String())
	case slog.KindTime:
		return appendJSON(line, value.Time().Format(time.RFC3339Nano))
	case slog.KindString:
		return appendJSON(line, value.String())
	default:
		return appendAny(line, value.Any())
	}
}

// appendAny encodes values of any type; what JSON can not say is printed as Go would.
// A value whose own method panics, such as a nil pointer as an error, is said to be
// one, as slog's own handlers do: who logs must not die of it.
func appendAny(line []byte, v any) (longer []byte) {
	defer func() {
		if r := recover(); r != nil {
			longer = appendJSON(line, fmt.Sprintf("!PANIC in a method of %T: %v", v, r))
		}
	}()
	if err, ok := v.(error); ok {
		return appendJSON(line, err.Error())
	}
	if data, err := json.Marshal(v); err == nil {
		return append(line, data...)
	}
	return appendJSON(line, fmt.Sprintf("%+v", v))
}

func appendJSON(line []byte, s string) []byte {
	data, err := json.Marshal(s)
	if err != nil { // a string always encodes
		return append(line, `""`...)
	}
	return append(line, data...)
}
