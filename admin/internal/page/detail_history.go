package page

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
	historyPage = 50  // events on a page
	auditPage   = 50  // entries on a page
	auditBatch  = 500 // entries of the host's trail that are read at once
	// maxAuditReads bounds how often it is read for one page: the trail is that of all
	// extensions, and this one may be rare in it.
	maxAuditReads = 4
	// lookBack is how many events are searched for the last failure.
	lookBack = 30

	maxStderr = 100      // lines
	maxDump   = 64 << 10 // bytes of a goroutine dump
)

// failure is how an extension failed, with all that is known of it.
type failure struct {
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

// evidence is what the host keeps of a failure.
type evidence struct {
	Stage    string   `json:"stage"`
	ExitCode *int     `json:"exit_code"`
	Signal   string   `json:"signal"`
	Stderr   []string `json:"stderr"`
	Dump     string   `json:"goroutines"`
}

func failureOf(e host.Event) *failure {
	f := &failure{Code: e.Code, Message: e.Message, Version: e.Version, Time: e.Time}
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
func (p *Pages) lastFailure(ctx context.Context, e host.Extension) (*failure, error) {
	list, err := p.cfg.Host.History(ctx, e.ID, "", lookBack)
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
		return &failure{Code: r.Code, Stage: string(r.Stage), Message: r.Message, Version: e.Version, Time: r.Time, ExitCode: r.ExitCode, Signal: r.Signal, Stderr: r.Stderr}, nil
	case x != nil:
		return &failure{Time: x.Time, Version: e.Version, ExitCode: x.ExitCode, Signal: x.Signal, Stderr: x.Stderr, Past: past}, nil
	}
	return nil, nil
}

// happened is one event of a history as it is shown.
type happened struct {
	host.Event
	Failure *failure // nil when there is no evidence
}

// detailHistory shows what happened to an extension.
func (p *Pages) detailHistory(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "history")
	if err != nil {
		return err
	}
	cursor, _, err := web.PageOf(r)
	if err != nil {
		return err
	}
	list, err := p.cfg.Host.History(r.Context(), d.E.ID, cursor, historyPage)
	if err != nil {
		return err
	}
	view := struct {
		detail
		Events []happened
		Next   string
		First  bool
	}{d, nil, list.Next, cursor == ""}
	for _, e := range list.Events {
		h := happened{Event: e}
		if len(e.Evidence) > 0 {
			h.Failure = failureOf(e)
		}
		view.Events = append(view.Events, h)
	}
	return p.render(w, http.StatusOK, "detail-history.html", view)
}

// deed is one entry of the audit trail as it is shown.
type deed struct {
	host.AuditEntry
	Changes []change
}

// change is one member that a deed has changed; Before or After is "" where there was,
// or is, none.
type change struct{ Name, Before, After string }

// detailAudit shows who did what to an extension.
func (p *Pages) detailAudit(w http.ResponseWriter, r *http.Request) error {
	d, err := p.detailOf(r, "audit")
	if err != nil {
		return err
	}
	cursor, _, err := web.PageOf(r)
	if err != nil {
		return err
	}
	view := struct {
		detail
		Deeds []deed
		Next  string
		First bool
	}{d, nil, cursor, cursor == ""}
	for range maxAuditReads {
		list, err := p.cfg.Host.Audit(r.Context(), view.Next, auditBatch)
		if err != nil {
			return err
		}
		for _, e := range list.Events {
			if e.Target == d.E.ID {
				view.Deeds = append(view.Deeds, deed{e, changesOf(e.Before, e.After)})
			}
		}
		if view.Next = list.Next; view.Next == "" || len(view.Deeds) >= auditPage {
			break
		}
	}
	return p.render(w, http.StatusOK, "detail-audit.html", view)
}

// changesOf tells two JSON objects apart, member by member. What is no object is one
// change as a whole.
func changesOf(before, after json.RawMessage) []change {
	const most = 200 // characters of a value
	was, is := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if !isObject(before, &was) || !isObject(after, &is) {
		if string(before) == string(after) {
			return nil
		}
		return []change{{"", legible.Value(before, most), legible.Value(after, most)}}
	}
	names := map[string]bool{}
	for name := range was {
		names[name] = true
	}
	for name := range is {
		names[name] = true
	}
	var list []change
	for _, name := range sortedKeys(names) {
		c := change{name, legible.Value(was[name], most), legible.Value(is[name], most)}
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

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
