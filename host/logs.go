package host

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/logs"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// LogQuery says which lines of an extension's log are wanted. The zero value means the
// last DefaultTail lines.
type LogQuery = logs.Query

// The bounds of LogQuery.Tail.
const (
	DefaultTail = logs.DefaultTail
	MaxTail     = logs.MaxTail
)

// LogLine is one line of an extension's log. Its strings come from the extension: they
// are hostile until they are escaped.
type LogLine = logs.Line

// LogAttr is one attribute of a line.
type LogAttr = logs.Attr

// LogFollower gives the lines of a log as they come, by Next: it must be closed.
type LogFollower = logs.Follower

// LogLevels are the levels of a log, the least first.
func LogLevels() []string { return logs.Levels() }

// Logs returns the last lines of an extension's log that match q, the oldest first. The
// log of an extension that was removed is there until it is purged.
func (h *Host) Logs(ctx context.Context, id string, q LogQuery) ([]LogLine, error) {
	path, err := h.logOf(id, q)
	if err != nil {
		return nil, err
	}
	lines, err := logs.Tail(ctx, path, q)
	if err != nil {
		return nil, asError(err)
	}
	return lines, nil
}

// FollowLogs gives the lines that Logs would, and then those that follow, also over the
// rotation of files, until the host stops. With after, the Position of a line, it begins
// behind that line instead. Whoever follows must Close.
func (h *Host) FollowLogs(ctx context.Context, id string, q LogQuery, after string) (*LogFollower, error) {
	path, err := h.logOf(id, q)
	if err != nil {
		return nil, err
	}
	f, err := logs.Follow(ctx, path, q, after, h.stopped)
	if err != nil {
		return nil, asError(err)
	}
	return f, nil
}

// LogFile returns the whole log of an extension, the oldest file first, as it is now. The
// caller closes it.
func (h *Host) LogFile(id string) (io.ReadCloser, error) {
	path, err := h.logOf(id, LogQuery{})
	if err != nil {
		return nil, err
	}
	return logs.Whole(path)
}

// logOf is where the log of an extension is that the host knows: an id that it does not
// know is never part of a path.
func (h *Host) logOf(id string, q LogQuery) (string, error) {
	_, known := h.state.Extension(id)
	if row, there := h.Extension(id); !known && (!there || row.ID == row.File) {
		return "", &Error{Code: CodeNotFound, Message: fmt.Sprintf("there is no extension %q", id), Hint: "the list of extensions has the ids"}
	}
	if err := q.Check(); err != nil {
		return "", &Error{Code: CodeInvalidArgument, Message: err.Error()}
	}
	return h.home.ExtensionLog(id), nil
}

// levelOf is the log level of an extension as its processes follow it.
func (h *Host) levelOf(id string) *slog.LevelVar {
	h.mu.Lock()
	defer h.mu.Unlock()
	level := h.levels[id]
	if level == nil {
		level = new(slog.LevelVar)
		is, _ := h.state.Extension(id)
		level.Set(h.levelFor(id, is.LogLevel))
		h.levels[id] = level
	}
	return level
}

// forgetLevel lets go of the level of an extension that has no process any more.
func (h *Host) forgetLevel(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.levels, id)
}

// levelFor is the level that holds when this one was set, "" for none.
func (h *Host) levelFor(id, set string) slog.Level {
	var level slog.Level
	if set == "" || level.UnmarshalText([]byte(set)) != nil {
		return h.cfg.Settings(id).LogLevel
	}
	return level
}

// logLevel is the level as a row shows it.
func (h *Host) logLevel(is state.Extension, id string) LogLevel {
	return LogLevel{Value: levelName(h.levelFor(id, is.LogLevel)), Default: levelName(h.levelFor(id, ""))}
}

func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

// setLogLevel does log-level: it holds for running processes at once.
func (h *Host) setLogLevel(ctx context.Context, a Action, row Extension) (Extension, error) {
	if a.Level != "" && !slices.Contains(LogLevels(), a.Level) {
		return row, &Error{
			Code: CodeInvalidArgument, Message: fmt.Sprintf("%q is no log level", a.Level),
			Hint: "it is one of " + strings.Join(LogLevels(), ", ") + ", or empty for the one that is configured",
		}
	}
	h.journal.flush(ctx)
	is, _ := h.state.Extension(a.ID)
	err := h.state.Change(ctx, state.Change{
		ID: a.ID, Edit: func(x *state.Extension) { x.LogLevel = a.Level },
		Events: []state.Event{{Time: time.Now(), Kind: string(a.Verb), Version: row.Version, Digest: row.Digest, Actor: a.Actor.Name, Message: a.Level}},
		Audit:  []state.AuditEntry{auditOf(a, auditedLevel(is.LogLevel), auditedLevel(a.Level))},
	})
	if err != nil {
		return row, err
	}
	h.levelOf(a.ID).Set(h.levelFor(a.ID, a.Level))
	h.supervisor.LogLevelChanged(a.ID)
	h.reconciler.wake()
	return h.synced(ctx, row)
}

// auditedLevel is a level as the audit trail shows it: null for the configured one.
func auditedLevel(level string) json.RawMessage {
	value := json.RawMessage("null")
	if level != "" {
		value = json.RawMessage(`"` + level + `"`) // one of a closed set
	}
	return append(append(json.RawMessage(`{"log_level":`), value...), '}')
}
