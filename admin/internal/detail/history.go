package detail

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/legible"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	historyPage = 50 // events on a page
	auditPage   = 50 // entries on a page
	// lookBack is how many events are searched for the last failure.
	lookBack = 30

	maxStderr = 100      // lines
	maxDump   = 64 << 10 // bytes of a goroutine dump
)

// Failure is how an extension failed, with all that is known of it.
type Failure struct {
	Code, Stage, Message string
	Version              string
	Time                 time.Time
	ExitCode             *int
	Signal               string
	Stderr               []string
	Dump                 string // of the goroutines, "" for none
	DumpCut              bool
	// Past says that it runs again.
	Past bool
}

// Exit is the exit code, 0 for none.
func (f *Failure) Exit() int {
	if f.ExitCode == nil {
		return 0
	}
	return *f.ExitCode
}

// DumpLines are the lines of the dump.
func (f *Failure) DumpLines() []string { return strings.Split(strings.TrimRight(f.Dump, "\n"), "\n") }

// evidence is what the host keeps of a failure.
type evidence struct {
	Stage    string   `json:"stage"`
	ExitCode *int     `json:"exit_code"`
	Signal   string   `json:"signal"`
	Stderr   []string `json:"stderr"`
	Dump     string   `json:"goroutines"`
}

func failureOf(e host.Event) *Failure {
	f := &Failure{Code: e.Code, Message: e.Message, Version: e.Version, Time: e.Time}
	var kept evidence
	if len(e.Evidence) == 0 || json.Unmarshal(e.Evidence, &kept) != nil {
		return f
	}
	f.Stage, f.ExitCode, f.Signal = kept.Stage, kept.ExitCode, kept.Signal
	f.Stderr = kept.Stderr[max(len(kept.Stderr)-maxStderr, 0):]
	if f.DumpCut = len(kept.Dump) > maxDump; f.DumpCut {
		kept.Dump = kept.Dump[:maxDump]
	}
	f.Dump = kept.Dump
	return f
}

// lastFailure finds how an extension last failed, nil when it did not. The history has
// more than the row: the dump of goroutines, and what was before the host started.
func (d *Desk) lastFailure(ctx context.Context, e host.Extension) (*Failure, error) {
	list, err := d.cfg.Host.History(ctx, e.ID, "", lookBack)
	if err != nil {
		return nil, err
	}
	past := e.State == "running" || e.State == "draining"
	for _, event := range list.Events {
		if len(event.Evidence) > 0 {
			f := failureOf(event)
			f.Past = past
			return f, nil
		}
	}
	switch r, x := e.Reason, e.LastExit; {
	case r != nil && (r.ExitCode != nil || r.Signal != "" || len(r.Stderr) > 0):
		return &Failure{Code: r.Code, Stage: string(r.Stage), Message: r.Message, Version: e.Version, Time: r.Time, ExitCode: r.ExitCode, Signal: r.Signal, Stderr: r.Stderr}, nil
	case x != nil:
		return &Failure{Time: x.Time, Version: e.Version, ExitCode: x.ExitCode, Signal: x.Signal, Stderr: x.Stderr, Past: past}, nil
	}
	return nil, nil
}

// Happened is one event of a history as it is shown.
type Happened struct {
	host.Event
	Failure *Failure // nil when there is no evidence
}

// History is the tab of what happened to an extension, newest first.
type History struct {
	Header
	Events []Happened
	Next   string // cursor of the page after this one, "" when there is none
	First  bool   // page
}

func (d *Desk) history(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "history")
	if err != nil {
		return err
	}
	cursor, _, err := web.PageOf(r)
	if err != nil {
		return err
	}
	list, err := d.cfg.Host.History(r.Context(), h.E.ID, cursor, historyPage)
	if err != nil {
		return err
	}
	view := History{Header: h, Next: list.Next, First: cursor == ""}
	for _, e := range list.Events {
		happened := Happened{Event: e}
		if len(e.Evidence) > 0 {
			happened.Failure = failureOf(e)
		}
		view.Events = append(view.Events, happened)
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-history.html", h, view)
}

// Audit is the tab of who did what to an extension, newest first.
type Audit struct {
	Header
	Deeds []Deed
	Next  string // cursor of the page after this one, "" when there is none
	First bool   // page
}

// Deed is one entry of the audit trail as it is shown.
type Deed struct {
	host.AuditEntry
	Changes []Change
}

// Change is one member that a deed has changed; Before or After is "" where there was,
// or is, none. Name is "" for the whole.
type Change struct{ Name, Before, After string }

func (d *Desk) audit(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "audit")
	if err != nil {
		return err
	}
	cursor, _, err := web.PageOf(r)
	if err != nil {
		return err
	}
	list, err := d.cfg.Host.FindAudit(r.Context(), host.AuditQuery{Target: h.E.ID, Cursor: cursor, Limit: auditPage})
	if err != nil {
		return err
	}
	view := Audit{Header: h, Next: list.Next, First: cursor == ""}
	for _, e := range list.Events {
		view.Deeds = append(view.Deeds, Deed{e, changesOf(e.Before, e.After)})
	}
	return d.cfg.Render(w, r, http.StatusOK, "detail-audit.html", h, view)
}

// changesOf tells two JSON objects apart, member by member. What is no object is one
// change as a whole.
func changesOf(before, after json.RawMessage) []Change {
	const most = 200 // characters of a value
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if !isObject(before, &was) || !isObject(after, &is) {
		if string(before) == string(after) {
			return nil
		}
		return []Change{{"", legible.Value(before, most), legible.Value(after, most)}}
	}
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	var list []Change
	for _, name := range slices.Sorted(maps.Keys(names)) {
		c := Change{name, legible.Value(was[name], most), legible.Value(is[name], most)}
		if c.Before != c.After {
			list = append(list, c)
		}
	}
	return list
}

// isObject reads a JSON object; nothing, and null, is an empty one.
func isObject(raw json.RawMessage, into *map[string]json.RawMessage) bool {
	if text := strings.TrimSpace(string(raw)); text == "" || text == "null" {
		return true
	}
	return json.Unmarshal(raw, into) == nil
}
