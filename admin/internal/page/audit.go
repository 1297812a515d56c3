package page

import (
	"context"
	"encoding/json"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/difference"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// auditHost is what remembers who did what.
type auditHost interface {
	FindAudit(ctx context.Context, q host.AuditQuery) (host.AuditPage, error)
}

func (p *Pages) auditRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: auditPath, Right: access.See, Page: true, Serve: p.audit},
		{Method: "GET", Path: auditPath + "/export", Right: access.See, Page: true, Serve: p.exportAudit},
	}
}

const (
	auditPath = "/admin/audit"
	// auditRows is how many entries a page shows, exportRows how many are read at once
	// for a file.
	auditRows  = 50
	exportRows = 500
	// maxField bounds what a filter asks for, in bytes.
	maxField = 300
	// formTime is a time as the field of a form has it; those of the filter are in UTC.
	formTime = "2006-01-02T15:04"
)

// auditFilter is the form above the trail, as it was filled in.
type auditFilter struct {
	Actor, Action, Target string
	From, Until           string
	// Wrong are the fields that can not be read, with what to say of them.
	Wrong map[string]string
}

// readAuditFilter takes the filter from an address.
func readAuditFilter(r *http.Request) (auditFilter, host.AuditQuery) {
	get := func(name string) string {
		v := strings.TrimSpace(r.URL.Query().Get(name))
		return strings.ToValidUTF8(v[:min(len(v), maxField)], "")
	}
	f := auditFilter{
		Actor: get("actor"), Action: get("action"), Target: get("target"), From: get("from"), Until: get("until"), Wrong: map[string]string{},
	}
	q := host.AuditQuery{Actor: f.Actor, Action: f.Action, Target: f.Target, Cursor: get("cursor")}
	for _, field := range []struct {
		name, text string
		at         *time.Time
	}{{"from", f.From, &q.From}, {"until", f.Until, &q.Until}} {
		if field.text == "" {
			continue
		}
		t, ok := parseFormTime(field.text)
		if !ok {
			f.Wrong[field.name] = "audit.bad-time"
		}
		*field.at = t
	}
	if len(f.Wrong) == 0 && !q.From.IsZero() && !q.Until.IsZero() && !q.From.Before(q.Until) {
		f.Wrong["until"] = "audit.bad-span"
	}
	return f, q
}

func parseFormTime(text string) (time.Time, bool) {
	for _, layout := range []string{formTime, "2006-01-02T15:04:05", time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Empty reports whether nothing is asked for.
func (f auditFilter) Empty() bool { return f.Actor+f.Action+f.Target+f.From+f.Until == "" }

// Query is the filter as the query of an address, with more names and values.
func (f auditFilter) Query(more ...string) template.URL {
	q := url.Values{}
	for _, field := range [][2]string{{"actor", f.Actor}, {"action", f.Action}, {"target", f.Target}, {"from", f.From}, {"until", f.Until}} {
		if field[1] != "" {
			q.Set(field[0], field[1])
		}
	}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return template.URL(q.Encode()) // in which everything is escaped
}

// auditRow is one entry.
type auditRow struct {
	host.AuditEntry
	// Did says what was done, in words where there are some for it.
	Did string
	// Place is the page of the target, empty where it has none.
	Place string
	Lines []difference.Line
	// Raw is before and after as they are kept, empty where there is neither.
	Raw string
}

func (p *Pages) audit(w http.ResponseWriter, r *http.Request) error {
	said := p.words(r)
	filter, query := readAuditFilter(r)
	data := struct {
		Filter  auditFilter
		Actions []string // that may be asked for
		Rows    []auditRow
		Older   template.URL // query of the next page, empty when there is none
		First   bool
	}{Filter: filter, Actions: auditActions(), First: query.Cursor == ""}
	status := http.StatusOK
	if len(filter.Wrong) > 0 {
		status = http.StatusBadRequest
	} else {
		query.Limit = auditRows
		page, err := p.cfg.Host.FindAudit(r.Context(), query)
		if err != nil {
			return err
		}
		known := map[string]bool{}
		for _, e := range p.cfg.Host.Snapshot() {
			known[e.ID] = true
		}
		for _, e := range page.Events {
			data.Rows = append(data.Rows, auditRowOf(e, known, said))
		}
		if page.Next != "" {
			data.Older = filter.Query("cursor", page.Next)
		}
	}
	return p.show(w, r, view{Template: "audit.html", Status: status, Title: said.Say("audit.title"), Section: sectionAudit, Data: data})
}

func auditRowOf(e host.AuditEntry, known map[string]bool, said *words.Words) auditRow {
	row := auditRow{AuditEntry: e, Did: e.Action, Lines: difference.Of(e.Before, e.After)}
	if key := "did." + e.Action; said.Has(key) {
		row.Did = said.Say(key)
	}
	if known[e.Target] {
		row.Place = pathOf(e.Target)
	}
	if len(e.Before)+len(e.After) > 0 {
		raw, err := json.MarshalIndent(struct {
			Before json.RawMessage `json:"before"`
			After  json.RawMessage `json:"after"`
		}{e.Before, e.After}, "", "  ")
		if err == nil {
			row.Raw = string(raw[:min(len(raw), maxRaw)])
		}
	}
	return row
}

// maxRaw bounds the JSON of one entry on a page, in bytes; files have all of it.
const maxRaw = 8 << 10

// auditActions are what people look for in the trail.
func auditActions() []string {
	return []string{
		"upload", "enable", "disable", "restart", "retry", "rollback", "pin", "unpin", "recheck", "consent", "revoke", "remove", "purge",
		"configure", "log-level", "sign-in", "sign-in-failed", "lock-out", "sign-out", "add-user", "change-user", "remove-user",
		"set-password", "end-sessions", "add-token", "revoke-token",
	}
}

// exportAudit writes what the filter shows to a file, all pages of it. What goes wrong in
// the middle breaks the connection off: a file that looks whole and is not is worse than
// none.
func (p *Pages) exportAudit(w http.ResponseWriter, r *http.Request) error {
	filter, query := readAuditFilter(r)
	if len(filter.Wrong) > 0 {
		return web.Invalid("the times of the filter can not be read; write them as " + formTime)
	}
	query.Limit = exportRows
	page, err := p.cfg.Host.FindAudit(r.Context(), query)
	if err != nil {
		return err
	}
	web.Allow(http.NewResponseController(w), web.MaxWait)
	name := "audit-" + p.cfg.Now().UTC().Format("20060102-150405")
	var out auditWriter
	switch r.URL.Query().Get("format") {
	case "csv":
		head(w, "text/csv; charset=utf-8", name+".csv")
		if out, err = newTable(w); err != nil {
			panic(http.ErrAbortHandler)
		}
	case "ndjson":
		head(w, "application/x-ndjson", name+".ndjson")
		out = newNDJSON(w)
	default:
		return web.Invalid("the file is csv or ndjson")
	}
	for {
		err := out.write(page.Events)
		if err == nil && page.Next == "" {
			err = out.done()
			if err == nil {
				return nil
			}
		}
		if err == nil {
			query.Cursor = page.Next
			page, err = p.cfg.Host.FindAudit(r.Context(), query)
		}
		if err != nil {
			p.cfg.Log.Warn("the audit trail was not written out to its end", "error", err)
			panic(http.ErrAbortHandler)
		}
	}
}

func head(w http.ResponseWriter, media, name string) {
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}
