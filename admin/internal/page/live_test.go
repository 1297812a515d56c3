package page

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// event is one that a browser has got.
type event struct{ id, kind, data string }

// listen opens the events of the overview as a browser does. The channel is closed when
// the server ends them.
func listen(t *testing.T, p *Pages, who access.Identity, query string) <-chan event {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.live(w, r.WithContext(access.With(r.Context(), who))); err != nil {
			http.Error(w, err.Error(), http.StatusTeapot)
		}
	}))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(server.Close)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/admin/events?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(r)
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%v %+v", err, resp)
	}
	events := make(chan event, 100)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		var e event
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.id = value
			case "event":
				e.kind = value
			case "data":
				e.data = value
			case "":
				events <- e
			}
		}
	}()
	return events
}

func next(t *testing.T, events <-chan event, kind string) event {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e, ok := <-events:
			if !ok {
				t.Fatalf("the events end before there is a %s", kind)
			}
			if e.kind == kind {
				return e
			}
		case <-deadline:
			t.Fatalf("no %s comes", kind)
		}
	}
}

func versionOf(t *testing.T, p *Pages, query string) string {
	t.Helper()
	_, doc := get(t, p.overview, admin(), "/admin/?"+query)
	return attr(find(doc, "div", "id", "live")[0], "data-version")
}

// TestOpenPagesFollow: only what is otherwise is sent, and the id is the version of the
// page as it is then.
func TestOpenPagesFollow(t *testing.T) {
	h := newHouse(runs("a", "Alpha"), runs("b", "Beta"), runs("c", "<script>"))
	p := newPages(t, h)
	events := listen(t, p, admin(), "version="+versionOf(t, p, ""))
	if e := next(t, events, "hello"); e.id != versionOf(t, p, "") {
		t.Errorf("the version is %s, want %s", e.id, versionOf(t, p, ""))
	}
	broken := fails("b", "backoff", "crashed")
	h.set(runs("a", "Alpha"), broken, runs("d", "Delta"))
	e := next(t, events, "change")
	var c change
	if err := json.Unmarshal([]byte(e.data), &c); err != nil {
		t.Fatal(err)
	}
	if e.id != versionOf(t, p, "") {
		t.Errorf("the version is %s, want %s", e.id, versionOf(t, p, ""))
	}
	if len(c.Rows) != 2 || !strings.Contains(c.Rows["b"], "backing off") || !strings.Contains(c.Rows["d"], "Delta") {
		t.Errorf("rows %v", c.Rows)
	}
	if !slices.Equal(c.Order, []string{"b", "a", "d"}) || !strings.Contains(c.Entries["b"], "keeps crashing") || !slices.Equal(c.Groups["bad"], []string{"b"}) {
		t.Errorf("order %v, groups %v, entries %v", c.Order, c.Groups, c.Entries)
	}
	if !strings.Contains(c.Panel, "1 needs attention") {
		t.Errorf("the panel is %s", c.Panel)
	}
	// What is measured comes by itself.
	h.measures = map[string]host.Measure{"a": {RequestsPerSecond: 42}}
	h.set(h.Snapshot()...)
	for {
		var values map[string][]any
		if err := json.Unmarshal([]byte(next(t, events, "measures").data), &values); err != nil {
			t.Fatal(err)
		}
		if len(values) > 0 {
			if len(values) != 1 || values["a"][0] != "42" {
				t.Errorf("measures %v", values)
			}
			break
		}
	}
}

// TestComingBack: who was away gets all of the page, who has it already nothing.
func TestComingBack(t *testing.T) {
	p := newPages(t, newHouse(runs("a", "Alpha"), fails("b", "failed", "init_failed")))
	next(t, listen(t, p, admin(), "q=alpha&version="+versionOf(t, p, "q=alpha")), "hello")
	var c change
	if err := json.Unmarshal([]byte(next(t, listen(t, p, admin(), "q=alpha&version=old"), "change").data), &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Rows) != 1 || !slices.Equal(c.Order, []string{"a"}) || len(c.Entries) != 1 || c.Panel == "" {
		t.Errorf("%+v", c)
	}
}

// TestEventsAreThoseOfThePerson: what may not be seen is not told, and what may not be
// done not offered.
func TestEventsAreThoseOfThePerson(t *testing.T) {
	p := newPages(t, newHouse(runs("hidden", "Hidden"), fails("mine", "failed", "init_failed")))
	who := viewer()
	who.Only = []string{"mine"}
	e := next(t, listen(t, p, who, ""), "change")
	if strings.Contains(e.data, "Hidden") || strings.Contains(e.data, "/retry") || !strings.Contains(e.data, "mine") {
		t.Errorf("%s", e.data)
	}
}
