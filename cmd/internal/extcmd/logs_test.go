package extcmd

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/jackfield-host/jackfield/admin"
	"github.com/jackfield-host/jackfield/host"
)

func said() []host.LogLine {
	return []host.LogLine{
		{Time: time.Unix(1, 0).UTC(), Level: "info", Message: "one", Attrs: []host.LogAttr{{Key: "k", Value: "v"}}, Raw: "level=INFO msg=one k=v", Position: "p1"},
		{Level: "info", Message: "\x1b[2Jtwo", Attrs: []host.LogAttr{}, Raw: "\x1b[2Jtwo", Position: "p2"},
	}
}

func (h *house) Logs(_ context.Context, id string, q host.LogQuery) ([]host.LogLine, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	since := ""
	if !q.Since.IsZero() {
		since = q.Since.Format(time.RFC3339)
	}
	h.asked = append(h.asked, fmt.Sprintf("logs %s %d %s %s %s", id, q.Tail, q.Level, q.Contains, since))
	if _, ok := h.Extension(id); !ok {
		return nil, &host.Error{Code: host.CodeNotFound, Message: "there is no extension"}
	}
	return said(), nil
}

// following gives what was said, and then ends as a host does that stops.
type following struct{ left []host.LogLine }

func (f *following) Next(context.Context) (line host.LogLine, err error) {
	if len(f.left) == 0 {
		return line, io.EOF
	}
	line, f.left = f.left[0], f.left[1:]
	return line, nil
}

func (f *following) Close() {}

func (h *house) followed(_ context.Context, id string, q host.LogQuery, _ string) (admin.Lines, error) {
	return &following{append(said(), host.LogLine{Missed: 3}, host.LogLine{Missed: -1})}, nil
}

func (h *house) LogFile(string) (io.ReadCloser, error) { return nil, io.ErrUnexpectedEOF }
func (h *house) Measures() map[string]host.Measure     { return nil }
func (h *house) Series(string, host.Range) (host.Series, bool) {
	return host.Series{}, false
}
func (h *house) GathererOf(string) prometheus.Gatherer { return prometheus.NewRegistry() }

func (h *house) Job(name string) (host.Job, bool) {
	return host.Job{Name: name, State: host.JobStarting}, true
}

const twoLines = "level=INFO msg=one k=v\n" + `\x1b[2Jtwo` + "\n"

func TestLogsAreShown(t *testing.T) {
	h := &house{rows: rows()}
	home := string(homeOf(t, h, nil))
	out, err := ext("", "logs", hello, "--home", home, "--tail", "7", "--level", "warn", "--contains", "a b", "--since", "2026-11-26T12:00:00Z")
	if err != nil || out != twoLines {
		t.Errorf("%q, %v", out, err)
	}
	if want := "logs " + hello + " 7 warn a b 2026-11-26T12:00:00Z"; h.asked[0] != want {
		t.Errorf("asked for %q, want %q", h.asked[0], want)
	}
	out, err = ext("", "logs", hello, "--home", home, "-o", "json")
	if err != nil || strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, `{"time":"1970-01-01T00:00:01Z","level":"info","message":"one"`) || strings.Contains(out, "\x1b") {
		t.Errorf("%q, %v", out, err)
	}
	_, err = ext("", "logs", "nobody", "--home", home)
	wantError(t, err, 1, "there is no extension", "ext list")
}

func TestLogsAreFollowed(t *testing.T) {
	home := string(homeOf(t, &house{rows: rows()}, nil))
	out, notes, err := extStreams(nil, "logs", hello, "-f", "--home", home)
	if err != nil || out != twoLines || notes != "jackfield: 3 lines were missed here\njackfield: some lines were missed here\n" {
		t.Errorf("%q, %q, %v", out, notes, err)
	}
	out, err = ext("", "logs", hello, "-f", "--home", home, "-o", "json")
	if err != nil || strings.Count(out, `"message"`) != 2 {
		t.Errorf("%q, %v", out, err)
	}
}

func TestLogsThatAreAskedForInVain(t *testing.T) {
	for _, args := range [][]string{
		{"logs"}, {"logs", "a", "b"}, {"logs", "a", "--tail", "-1"}, {"logs", "a", "--tail", "10001"}, {"logs", "a", "--level", "loud"},
		{"logs", "a", "--since", "yesterday"}, {"logs", "a", "--since", "-5m"}, {"level", "a"}, {"level", "a", "loud"},
	} {
		_, err := ext("", append(args, "--home", t.TempDir())...)
		if len(args) > 1 && args[0] == "logs" && len(args) != 3 || args[0] == "level" && len(args) == 3 {
			wantError(t, err, 2)
		} else if err == nil {
			t.Errorf("%q is taken", args)
		}
	}
}

func TestSinceIsATimeOrHowLongAgo(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for since, want := range map[string]string{"90m": "2026-11-26T10:30:00Z", "2026-01-02T03:04:05+01:00": "2026-01-02T02:04:05Z", "": ""} {
		query, err := (&logFlags{since: since}).query(now)
		if err != nil || query.Get("since") != want {
			t.Errorf("%q is %q, %v", since, query.Get("since"), err)
		}
	}
	if query, err := (&logFlags{level: "warn", tail: 3}).query(now); err != nil || query.Encode() != (url.Values{"level": {"warn"}, "tail": {"3"}}).Encode() {
		t.Errorf("%v, %v", query, err)
	}
}

func TestLevel(t *testing.T) {
	h := &house{rows: rows()}
	h.rows[0].LogLevel = host.LogLevel{Value: "debug", Default: "info"}
	home := string(homeOf(t, h, nil))
	out, err := ext("", "level", hello, "debug", "--home", home)
	if err != nil || !strings.Contains(out, "debug") || !strings.Contains(out, "info") {
		t.Errorf("%q, %v", out, err)
	}
	if _, err := ext("", "level", hello, "default", "--home", home); err != nil {
		t.Error(err)
	}
	want := []host.Action{{Verb: host.VerbLogLevel, ID: hello, Level: "debug"}, {Verb: host.VerbLogLevel, ID: hello}}
	if fmt.Sprint(h.actions) != fmt.Sprint(want) {
		t.Errorf("done %+v", h.actions)
	}
	_, err = ext("", "level", "nobody", "debug", "--home", home)
	wantError(t, err, 1, "no extension has this id")
}
