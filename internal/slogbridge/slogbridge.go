// Package slogbridge translates between log/slog, which this house speaks, and
// hclog, which go-plugin and its children speak, so that hclog appears nowhere else.
//
// Hclog hands a *slog.Logger to go-plugin. NewHandler is the child's direction: a
// slog.Handler that writes hclog's JSON lines. NewLines is the host's: an io.Writer
// for whatever a child prints, which finds those lines again with their level,
// message and attributes, and takes any other line as it is.
//
// Everything that comes through Lines is hostile: lengths and counts are bounded,
// control and bidi characters are shown as escapes, and an attribute can not pass for
// one of the host's own.
package slogbridge

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"strings"

	"github.com/hashicorp/go-hclog"
)

// LevelTrace is slog's level for hclog's trace, which slog has no name for.
const LevelTrace = slog.LevelDebug - 4

// Hclog returns l in hclog's clothes. Levels, names (as the attribute "module") and
// arguments are kept.
//
// Its GetLevel always says Off. That changes nothing about what is logged, but it
// keeps a go-plugin client from parsing its child's stderr: go-plugin 1.8.0 panics in
// the host when a child prints {"@message":1}. Use Lines for the child's output.
func Hclog(l *slog.Logger) hclog.Logger { return &logger{slog: l} }

// Quiet returns a logger that writes to l what it is given, at debug level at most.
// It is for go-plugin's own notes on the host side, where the supervisor says in its
// own words what happened.
func Quiet(l *slog.Logger) *slog.Logger { return slog.New(quiet{l.Handler()}) }

type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.Handler.Enabled(ctx, min(level, slog.LevelDebug))
}

func (q quiet) Handle(ctx context.Context, r slog.Record) error {
	r.Level = min(r.Level, slog.LevelDebug)
	return q.Handler.Handle(ctx, r)
}

func (q quiet) WithAttrs(attrs []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(attrs)} }
func (q quiet) WithGroup(name string) slog.Handler       { return quiet{q.Handler.WithGroup(name)} }

type logger struct {
	slog    *slog.Logger
	name    string
	implied []any
}

func levelOf(level hclog.Level) slog.Level {
	switch level {
	case hclog.Trace:
		return LevelTrace
	case hclog.Debug:
		return slog.LevelDebug
	case hclog.Warn:
		return slog.LevelWarn
	case hclog.Error:
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

func (l *logger) Log(level hclog.Level, msg string, args ...any) {
	if level == hclog.Off {
		return
	}
	at := levelOf(level)
	ctx := context.Background()
	if !l.slog.Enabled(ctx, at) {
		return
	}
	if l.name != "" {
		args = append([]any{"module", l.name}, args...)
	}
	l.slog.Log(ctx, at, msg, plain(args)...)
}

// plain turns hclog's special argument types into what slog prints.
func plain(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		switch v := arg.(type) {
		case hclog.Format:
			out[i] = ""
			if len(v) > 0 {
				out[i] = fmt.Sprintf(fmt.Sprint(v[0]), v[1:]...)
			}
		case error:
			out[i] = v.Error()
		default:
			out[i] = v
		}
	}
	return out
}

func (l *logger) enabled(level slog.Level) bool {
	return l.slog.Enabled(context.Background(), level)
}

func (l *logger) Trace(msg string, args ...any) { l.Log(hclog.Trace, msg, args...) }
func (l *logger) Debug(msg string, args ...any) { l.Log(hclog.Debug, msg, args...) }
func (l *logger) Info(msg string, args ...any)  { l.Log(hclog.Info, msg, args...) }
func (l *logger) Warn(msg string, args ...any)  { l.Log(hclog.Warn, msg, args...) }
func (l *logger) Error(msg string, args ...any) { l.Log(hclog.Error, msg, args...) }

func (l *logger) IsTrace() bool { return l.enabled(LevelTrace) }
func (l *logger) IsDebug() bool { return l.enabled(slog.LevelDebug) }
func (l *logger) IsInfo() bool  { return l.enabled(slog.LevelInfo) }
func (l *logger) IsWarn() bool  { return l.enabled(slog.LevelWarn) }
func (l *logger) IsError() bool { return l.enabled(slog.LevelError) }

func (l *logger) ImpliedArgs() []any { return l.implied }

func (l *logger) With(args ...any) hclog.Logger {
	return &logger{
		slog: l.slog.With(plain(args)...), name: l.name,
		implied: append(l.implied[:len(l.implied):len(l.implied)], args...),
	}
}

func (l *logger) Name() string { return l.name }

func (l *logger) Named(name string) hclog.Logger {
	if l.name != "" {
		name = l.name + "." + name
	}
	return l.ResetNamed(name)
}

func (l *logger) ResetNamed(name string) hclog.Logger {
	return &logger{slog: l.slog, name: name, implied: l.implied}
}

// SetLevel does nothing: the slog.Logger has its own level.
func (l *logger) SetLevel(hclog.Level) {}

func (l *logger) GetLevel() hclog.Level { return hclog.Off }

func (l *logger) StandardLogger(opts *hclog.StandardLoggerOptions) *log.Logger {
	return log.New(l.StandardWriter(opts), "", 0)
}

func (l *logger) StandardWriter(opts *hclog.StandardLoggerOptions) io.Writer {
	level := hclog.Info
	if opts != nil && opts.ForceLevel != hclog.NoLevel {
		level = opts.ForceLevel
	}
	return lineFunc(func(line string) { l.Log(level, line) })
}

type lineFunc func(line string)

func (f lineFunc) Write(p []byte) (int, error) {
	f(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// Least returns h without what is less severe than level.
func Least(h slog.Handler, level slog.Level) slog.Handler { return least{h, level} }

type least struct {
	slog.Handler
	level slog.Level
}

func (l least) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= l.level && l.Handler.Enabled(ctx, level)
}

func (l least) WithAttrs(attrs []slog.Attr) slog.Handler {
	return least{l.Handler.WithAttrs(attrs), l.level}
}

func (l least) WithGroup(name string) slog.Handler { return least{l.Handler.WithGroup(name), l.level} }
