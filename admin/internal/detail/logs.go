package detail

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

const (
	maxSearch = 200  // bytes of a search
	maxShown  = 2000 // characters of a line that is shown
	maxAttrs  = 40   // attributes of a line that are shown
)

// Filter says which lines are shown.
type Filter struct {
	Level, Contains string
	Tail            int
}

// tails are how many lines a reader can ask for, levels from which level on.
func tails() []int     { return []int{100, 200, 500, 1000, 2000} }
func levels() []string { return []string{"debug", "info", "warn", "error"} }
func (f Filter) query() host.LogQuery {
	return host.LogQuery{Tail: f.Tail, Level: f.Level, Contains: f.Contains}
}

// values are the filter as it stands in a URL.
func (f Filter) values() url.Values {
	v := url.Values{}
	if f.Level != "" {
		v.Set("level", f.Level)
	}
	if f.Contains != "" {
		v.Set("contains", f.Contains)
	}
	return v
}

// filterOf reads the filter in the query of r. What is not among the choices counts as
// not chosen.
func filterOf(r *http.Request) Filter {
	q := r.URL.Query()
	f := Filter{Level: q.Get("level"), Contains: strings.TrimSpace(q.Get("contains"))}
	if !slices.Contains(levels(), f.Level) {
		f.Level = ""
	}
	for len(f.Contains) > maxSearch || !utf8.ValidString(f.Contains) {
		f.Contains = f.Contains[:min(maxSearch, len(f.Contains)-1)]
	}
	var err error
	if f.Tail, err = strconv.Atoi(q.Get("tail")); err != nil || !slices.Contains(tails(), f.Tail) {
		f.Tail = host.DefaultTail
	}
	return f
}

// LogLine is one line as it is shown: every character of it can be seen. Its JSON form
// is what followers get.
type LogLine struct {
	Time    time.Time `json:"time"`
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Attrs   []Attr    `json:"attrs"`
}

type Attr struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func shownLine(l host.LogLine) LogLine {
	s := LogLine{Time: l.Time.UTC(), Level: l.Level, Message: visible.Clip(l.Message, maxShown), Attrs: []Attr{}}
	if !slices.Contains(levels(), s.Level) {
		s.Level = "info" // it becomes the name of a class
	}
	for i, a := range l.Attrs {
		if i == maxAttrs {
			s.Attrs = append(s.Attrs, Attr{"…", strconv.Itoa(len(l.Attrs) - maxAttrs)})
			break
		}
		s.Attrs = append(s.Attrs, Attr{visible.Clip(a.Key, 100), visible.Clip(a.Value, maxShown)})
	}
	return s
}

// Logs is the tab of an extension's log.
type Logs struct {
	Header
	Filter   Filter
	Filtered bool // not every line is wanted
	Levels   []string
	Tails    []int
	Lines    []LogLine // the oldest first
	// Follow is the URL of what follows these lines, File that of the whole log.
	Follow, File string
}

func (d *Desk) logs(w http.ResponseWriter, r *http.Request) error {
	h, err := d.Header(r, "logs")
	if err != nil {
		return err
	}
	f := filterOf(r)
	lines, err := d.cfg.Host.Logs(r.Context(), h.E.ID, f.query())
	if err != nil {
		return err
	}
	view := Logs{
		Header: h, Filter: f, Filtered: f.Level != "" || f.Contains != "", Levels: levels(), Tails: tails(),
		File: URL(h.E.ID, "logs", "file"),
	}
	values := f.values()
	for _, l := range lines {
		view.Lines = append(view.Lines, shownLine(l))
		values.Set("after", l.Position)
	}
	view.Follow = URL(h.E.ID, "logs", "follow") + "?" + values.Encode()
	return d.cfg.Render(w, r, http.StatusOK, "detail-logs.html", h, view)
}

// follow sends the lines that come, as server-sent events: line with a LogLine, missed
// with how many were, -1 when nobody knows.
func (d *Desk) follow(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	q := filterOf(r).query()
	q.Tail = -1
	after := r.Header.Get("Last-Event-ID")
	if after == "" {
		after = r.URL.Query().Get("after")
	}
	lines, err := d.cfg.Follow(r.Context(), id, q, after)
	if err != nil {
		return err
	}
	defer lines.Close()
	s, err := d.cfg.Streams.Open(w, r, access.See)
	if err != nil || s == nil {
		return err
	}
	defer s.Close()
	web.Pump(s, lines.Next, func(l host.LogLine) error {
		if l.Missed != 0 {
			return s.Send("missed", "", []byte(strconv.Itoa(l.Missed)))
		}
		data, err := json.Marshal(shownLine(l))
		if err != nil {
			return err
		}
		if strings.ContainsAny(l.Position, "\r\n\x00") { // it would end the line of the event
			l.Position = ""
		}
		return s.Send("line", l.Position, data)
	})
	return nil
}

// logFile sends the whole log as a file.
func (d *Desk) logFile(w http.ResponseWriter, r *http.Request) error {
	id, err := web.Target(r)
	if err != nil {
		return err
	}
	file, err := d.cfg.Host.LogFile(id)
	if err != nil {
		return err
	}
	defer file.Close()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", "attachment; filename=extension.log; filename*=UTF-8''"+url.PathEscape(id)+".log")
	return web.Copy(w, file)
}
