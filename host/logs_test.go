package host_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// said are the levels in which the last lines of the log say a text, least first.
func (w *world) said(text string) string {
	w.t.Helper()
	lines, err := w.Logs(context.Background(), theID, host.LogQuery{Contains: text})
	if err != nil {
		w.t.Fatal(err)
	}
	var levels []string
	for _, line := range lines {
		if line.Message == text {
			levels = append(levels, line.Level)
		}
	}
	return strings.Join(levels, " ")
}

// says has the extension log a text in each level, and checks in which of them it is kept.
func (w *world) says(text, want string) {
	w.t.Helper()
	w.asks(theType, "log "+text, "log "+text)
	var got string
	if !eventually(func() bool { got = w.said(text); return strings.HasSuffix(got, "error") }) || got != want {
		w.t.Errorf("%q is in the log as %q, want %q", text, got, want)
	}
}

func TestLogsAreReadBackAndFollowed(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.uploads(moody{version: "1"}, "install")
	w.says("hello", "info warn error")

	lines, err := w.Logs(t.Context(), theID, host.LogQuery{Level: "warn", Tail: 1})
	if err != nil || len(lines) != 1 || lines[0].Message != "hello" || lines[0].Level != "error" || time.Since(lines[0].Time) > patience {
		t.Fatalf("%+v, %v", lines, err)
	}
	if i := slices.IndexFunc(lines[0].Attrs, func(a host.LogAttr) bool { return a == host.LogAttr{Key: "version", Value: "1"} }); i != 0 {
		t.Errorf("attributes %+v", lines[0].Attrs)
	}

	follower, err := w.FollowLogs(t.Context(), theID, host.LogQuery{Level: "error"}, lines[0].Position)
	if err != nil {
		t.Fatal(err)
	}
	defer follower.Close()
	w.asks(theType, "log once more", "log once more")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if line, err := follower.Next(ctx); err != nil || line.Message != "once more" || line.Level != "error" {
		t.Fatalf("%+v, %v", line, err)
	}

	whole, err := w.LogFile(theID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(whole)
	if err = errors.Join(err, whole.Close()); err != nil || !strings.Contains(string(text), "once more") {
		t.Fatalf("%q, %v", text, err)
	}

	w.stop()
	for {
		if _, err = follower.Next(ctx); err != nil {
			break
		}
	}
	if err != io.EOF {
		t.Errorf("after the host has stopped: %v", err)
	}
}

func TestLogsThatThereAreNot(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("broken.jar", []byte("no bundle"))
	w.awaitState("broken.jar", "failed")
	if err := os.WriteFile(filepath.Join(string(w.home), "log", "secret.log"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"nobody", "../secret", "", "broken.jar"} {
		var refusal *host.Error
		if lines, err := w.Logs(t.Context(), id, host.LogQuery{}); !errors.As(err, &refusal) || refusal.Code != host.CodeNotFound {
			t.Errorf("%q: %v, %v", id, lines, err)
		}
		if _, err := w.LogFile(id); !errors.As(err, &refusal) || refusal.Code != host.CodeNotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
	w.uploads(moody{version: "1"}, "install")
	var refusal *host.Error
	if _, err := w.Logs(t.Context(), theID, host.LogQuery{Level: "loud"}); !errors.As(err, &refusal) || refusal.Code != host.CodeInvalidArgument {
		t.Error(err)
	}

	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Logs(t.Context(), theID, host.LogQuery{}); err != nil {
		t.Errorf("of a removed extension: %v", err)
	}
	if _, err := w.act(host.Action{Verb: host.VerbRemove, ID: theID, Purge: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Logs(t.Context(), theID, host.LogQuery{}); !errors.As(err, &refusal) || refusal.Code != host.CodeNotFound {
		t.Errorf("of a purged extension: %v", err)
	}
}

// The level of a log changes under a running process, and outlives the host.
func TestTheLogLevelIsLiveAndKept(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	w := startQuick(t, home)
	row := w.uploads(moody{version: "1"}, "install")
	if row.LogLevel != (host.LogLevel{Value: "info", Default: "info"}) {
		t.Errorf("at first %+v", row.LogLevel)
	}
	w.says("one", "info warn error")

	now := w.do(host.Action{Verb: host.VerbLogLevel, ID: theID, Level: "debug"})
	if now.LogLevel != (host.LogLevel{Value: "debug", Default: "info"}) || now.PID != row.PID {
		t.Errorf("then %+v in process %d, that was %d", now.LogLevel, now.PID, row.PID)
	}
	debugs := 0
	if !eventually(func() bool { // the process learns of it in a moment
		w.asks(theType, "log two", "log two")
		debugs = strings.Count(w.said("two"), "debug")
		return debugs > 0
	}) {
		t.Error("the process never says anything at debug level")
	}
	w.do(host.Action{Verb: host.VerbLogLevel, ID: theID, Level: "error"})
	w.says("three", "error")
	if e := w.refused(host.Action{Verb: host.VerbLogLevel, ID: theID, Level: "loud"}, host.CodeInvalidArgument); e.Hint == "" {
		t.Error("no hint")
	}
	w.refused(host.Action{Verb: host.VerbLogLevel, ID: "nobody", Level: "info"}, host.CodeNotFound)

	page, err := w.Audit(t.Context(), "", 1)
	if err != nil || string(page.Events[0].Before) != `{"log_level":"debug"}` || string(page.Events[0].After) != `{"log_level":"error"}` || page.Events[0].Action != "log-level" {
		t.Errorf("the audit trail: %+v, %v", page.Events, err)
	}
	w.stop()

	w = startQuick(t, home)
	if row := w.awaitRunning(theID, "1"); row.LogLevel.Value != "error" {
		t.Errorf("after a restart of the host: %+v", row.LogLevel)
	}
	w.says("four", "error")
	w.do(host.Action{Verb: host.VerbLogLevel, ID: theID})
	if row, _ := w.Extension(theID); row.LogLevel != (host.LogLevel{Value: "info", Default: "info"}) {
		t.Errorf("in the end %+v", row.LogLevel)
	}
	if !eventually(func() bool {
		w.asks(theType, "log five", "log five")
		return strings.HasPrefix(w.said("five"), "info")
	}) {
		t.Error("the process says nothing at info level again")
	}
	if bytes.Contains([]byte(w.said("five")), []byte("debug")) {
		t.Error("it still says what it said at debug level")
	}
}
