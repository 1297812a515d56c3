package page

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
)

const (
	// measureEvery is how often values are sent, and how soon it shows that nobody
	// answers any more.
	measureEvery = 5 * time.Second
	// livePause is the least time between two looks: what changes more often is shown as
	// it is then.
	livePause = time.Second
)

// change is the event by which an open page becomes what it would be if it was loaded
// now. Rows and Entries are the ones that have changed, as HTML by id; Order, if it is
// there, is that of all rows because some have come or gone, and Groups the ids of the entries of each group.
type change struct {
	Panel   string              `json:"panel,omitempty"`
	Rows    map[string]string   `json:"rows,omitempty"`
	Order   []string            `json:"order,omitempty"`
	Entries map[string]string   `json:"entries,omitempty"`
	Groups  map[string][]string `json:"groups,omitempty"`
}

// live keeps an open overview as things are: GET /admin/events with the query of the
// overview, as server-sent events. The id of an event is the version of the page as it is
// behind that event; who comes with the version of what is shown, in version or in the
// header Last-Event-ID, gets only what is otherwise by then.
func (p *Pages) live(w http.ResponseWriter, r *http.Request) error {
	l, err := listingOf(r)
	if err != nil {
		return err
	}
	notices, err := p.cfg.Events(0)
	if err != nil {
		return err
	}
	defer notices.Close()
	stream, err := p.cfg.Streams.Open(w, r, access.See)
	if stream == nil {
		return err
	}
	defer stream.Close()
	f := &follower{
		pages: p, words: p.words(r), listing: l, stream: stream,
		version: r.Header.Get("Last-Event-ID"), rows: map[string]row{}, entries: map[string]string{}, measured: map[string]measured{},
	}
	if f.version == "" {
		f.version = r.URL.Query().Get("version")
	}
	if f.begin() != nil {
		return nil // the reader has gone
	}
	web.Pump(stream, func(ctx context.Context) (*overviewData, error) { return f.next(ctx, notices) }, f.update)
	return nil
}

// follower is one open page. It belongs to the goroutine of its request.
type follower struct {
	pages   *Pages
	words   *words.Words
	listing listing
	stream  *web.Stream

	// What the page shows: its version, and what it is made of.
	version  string
	panel    string
	rows     map[string]row
	entries  map[string]string // keys by id
	groups   map[string][]string
	measured map[string]measured
}

// begin sends what a page of another version lacks. One of the same version is what a
// page that was loaded now would be.
func (f *follower) begin() error {
	now := f.look()
	if now.Version == f.version {
		f.adopt(now)
		return f.send("hello", struct{}{})
	}
	return f.tell(now)
}

// next is the page as it is after the next change, or when values are due.
func (f *follower) next(ctx context.Context, notices web.Notices) (*overviewData, error) {
	wait, cancel := context.WithTimeout(ctx, measureEvery)
	defer cancel()
	_, err := notices.Next(wait)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err == nil:
		if !f.gather(ctx, notices) {
			return nil, io.EOF
		}
	case !errors.Is(err, context.DeadlineExceeded):
		return nil, err
	}
	return f.look(), nil
}

// update sends what is otherwise by now.
func (f *follower) update(now *overviewData) error {
	if now.Version != f.version {
		if err := f.tell(now); err != nil {
			return err
		}
	}
	return f.measures(now)
}

// gather takes the notices of the next moment together. It is false when there will be no
// more.
func (f *follower) gather(ctx context.Context, notices web.Notices) bool {
	pause, cancel := context.WithTimeout(ctx, livePause)
	defer cancel()
	for {
		if _, err := notices.Next(pause); err != nil {
			return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
		}
	}
}

func (f *follower) look() *overviewData { return f.pages.look(f.words, f.stream.Who(), f.listing) }

// tell sends what is otherwise than the page shows.
func (f *follower) tell(now *overviewData) error {
	c := change{Rows: map[string]string{}, Entries: map[string]string{}}
	var err error
	render := func(name string, data any) string {
		body, e := f.pages.execute(f.words.Language(), name, data)
		err = errors.Join(err, e)
		return string(body)
	}
	order := make([]string, 0, len(now.Rows))
	for _, r := range now.Rows {
		order = append(order, r.Key)
		if f.rows[r.Key] != r.row {
			c.Rows[r.Key] = render("row", r)
		}
	}
	if len(order) != len(f.rows) || slices.ContainsFunc(order, func(id string) bool { _, ok := f.rows[id]; return !ok }) {
		c.Order = order
	}
	for _, g := range now.Groups {
		for _, t := range g.Entries {
			if f.entries[t.Key] != t.key() {
				c.Entries[t.Key] = render("entry", t)
			}
		}
	}
	c.Groups = groupIDs(now.Groups)
	if panel := render("panel", now.Panel); panel != f.panel {
		c.Panel = panel
	}
	if err != nil {
		f.pages.cfg.Log.Error("keeping a page live", "error", err)
		return err
	}
	f.adopt(now)
	return f.send("change", c)
}

// adopt remembers now as what the page shows.
func (f *follower) adopt(now *overviewData) {
	f.version, f.groups = now.Version, groupIDs(now.Groups)
	clear(f.rows)
	clear(f.entries)
	for _, r := range now.Rows {
		f.rows[r.Key] = r.row
		if _, ok := f.measured[r.Key]; !ok {
			f.measured[r.Key] = r.M
		}
	}
	for id := range f.measured {
		if _, ok := f.rows[id]; !ok {
			delete(f.measured, id)
		}
	}
	for _, g := range now.Groups {
		for _, t := range g.Entries {
			f.entries[t.Key] = t.key()
		}
	}
	if body, err := f.pages.execute(f.words.Language(), "panel", now.Panel); err == nil {
		f.panel = string(body)
	}
}

func groupIDs(groups []group) map[string][]string {
	ids := map[string][]string{}
	for _, g := range groups {
		ids[g.Name] = []string{}
		for _, t := range g.Entries {
			ids[g.Name] = append(ids[g.Name], t.Key)
		}
	}
	return ids
}

// measures sends the values that have changed: for each row the texts of its cells from
// left to right, the path of the line, and whether many answers are errors.
func (f *follower) measures(now *overviewData) error {
	changed := map[string][]any{}
	for _, r := range now.Rows {
		if f.measured[r.Key] != r.M {
			f.measured[r.Key] = r.M
			changed[r.Key] = []any{r.M.Rate, r.M.Errors, r.M.P50, r.M.P99, r.M.Memory, r.M.Spark, r.M.Faulty}
		}
	}
	return f.send("measures", changed)
}

// send writes one event, and fails when the reader does not take it in time.
func (f *follower) send(event string, data any) error {
	var body bytes.Buffer
	line := json.NewEncoder(&body)
	line.SetEscapeHTML(false) // no browser takes this for a page
	if err := line.Encode(data); err != nil {
		return err
	}
	return f.stream.Send(event, f.version, bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}
