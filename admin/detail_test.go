package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

// spite is a string that a bundle or a process may send.
const spite = `<script>alert(1)</script><img src=x onerror=alert(1)>"'&{{.}}` + "\u202eexe\x1b[31m"

// the tabs of the extension of detailSample.
func detailTabs() []string {
	return []string{"", "/trust", "/types", "/types/org.example.ReportRequest", "/types/org.example.RawRequest", "/logs", "/metrics", "/metrics?range=day", "/versions", "/versions?compare=sha256:0002", "/history", "/audit"}
}

const reportSchema = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Report","type":"object","required":["device"],"properties":{
	"device":{"type":"string","title":"Device","description":"Who reports.","minLength":1},
	"speed":{"type":"number","minimum":0,"maximum":300,"description":"In kilometres per hour."},
	"mode":{"enum":["fast","slow"],"default":"fast"},
	"tags":{"type":"array","items":{"type":"string"}}}}`

// detailSample is a running extension of which everything is known.
func detailSample() (*detailShelf, host.Extension) {
	now := time.Now()
	e := host.Extension{
		ID: "org.example.Report$Server", Name: "Reports & more", Version: "2.1.0",
		Class: "org.example.Report$Server", Request: "org.example.ReportBaseRequest", Response: "org.example.ReportResponse",
		State: "running", PID: 4711, Started: ptr(now.Add(-3 * time.Hour)), Restarts: 2, ResidentBytes: 48 << 20, Enabled: true,
		Digest: "sha256:0003", File: "report-2.1.0.jar",
		Signature: host.Signature{State: "valid", Signer: "org.example.Report", Organization: "Example Ltd", Publisher: "sha256:aabbccdd",
			Chain: []string{"CN=org.example.Report", "O=Example Ltd", "CN=Example Store Root"}, SignedAt: ptr(now.Add(-90 * 24 * time.Hour))},
		Permissions: []string{"kv", "net:10.0.0.7:7400", "events", "call:org.other.Type"},
		Grants:      []host.Grant{{Permission: "kv", By: "folder", At: now.Add(-48 * time.Hour)}, {Permission: "sql:gis", By: "admin", At: now.Add(-time.Hour), Unused: true}},
		Denied:      []host.Grant{{Permission: "net:10.0.0.7:7400", By: "admin", At: now.Add(-2 * time.Hour)}},
		Consent: &host.Consent{Version: "3.0.0", Digest: "sha256:0004", File: "report-3.jar", Needs: []host.Need{
			{Kind: host.NeedPermission, What: "call:org.other.Type"}, {Kind: host.NeedPublisher, What: "sha256:ffee"}}},
		Versions: []host.Version{{Version: "2.1.0", Digest: "sha256:0003", Current: true, Pinned: true}, {Version: "2.0.9", Digest: "sha256:0002"}},
		Candidate: &host.Candidate{Version: "3.0.0", Digest: "sha256:0004", File: "report-3.jar", State: "failed",
			Reason: &host.Reason{Code: "needs_consent", Stage: "launch", Message: "it asks for call:org.other.Type", Time: now.Add(-time.Minute)}},
		Limits:   host.Limits{Memory: host.Limit{Value: 256 << 20, By: "cgroup"}, Processes: host.Limit{Value: 64, By: "cgroup"}, Files: host.Limit{Value: 1024, By: "rlimit"}, Data: host.Limit{Value: 1 << 30, By: "sampling"}},
		Sandbox:  []host.Protection{{Name: "user", Holds: true}, {Name: "privileges", Holds: true}, {Name: "files", Holds: true}, {Name: "network", Holds: false, Why: "this kernel has no Landlock"}, {Name: "system_calls", Holds: true}, {Name: "processes", Holds: true}},
		LogLevel: host.LogLevel{Value: "debug", Default: "info"},
	}
	s := &detailShelf{shelf: newShelf(e, running())}
	s.types = []host.DeclaredType{
		{Type: "org.example.RawRequest", Role: "request", Response: "org.example.ReportResponse", Schema: json.RawMessage("null"), Handled: true, State: "running"},
		{Type: "org.example.ReportBaseRequest", Role: "request", Response: "org.example.ReportResponse", State: "running"},
		{Type: "org.example.ReportRequest", Role: "request", Extends: "org.example.ReportBaseRequest", Response: "org.example.ReportResponse", Schema: json.RawMessage(reportSchema), Handled: true, State: "running"},
		{Type: "org.example.ReportResponse", Role: "response", Schema: json.RawMessage(`{"type":"object","properties":{"accepted":{"type":"integer"}}}`), State: "running"},
	}
	s.try = func(r host.TryRequest) (host.TryResult, error) {
		return host.TryResult{Status: 200, Code: "ok", RequestID: "r-1", Type: "org.example.ReportResponse", MediaType: "application/json", Payload: []byte(`{"accepted":1}`), Bytes: 14, Took: 3 * time.Millisecond}, nil
	}
	s.depends = host.Dependencies{
		Needs:    []host.Dependency{{ID: running().ID, Name: "Tracking", Version: "5.0.0010", State: "running", Constraint: ">=5.0", Met: true}, {ID: "org.nobody.Here", Constraint: ">=1", Optional: true}},
		NeededBy: []host.Dependency{{ID: "org.example.Top", Name: "Top", Version: "1", State: "waiting"}},
	}
	s.kept = []host.Kept{{Version: e.Versions[0], First: ptr(now.Add(-72 * time.Hour)), Last: ptr(now)}, {Version: e.Versions[1], First: ptr(now.Add(-900 * time.Hour)), Last: ptr(now.Add(-72 * time.Hour)), Restorable: true}}
	s.changes = host.Changes{Version: "2.1.0", Digest: "sha256:0003", Types: []host.TypeChange{
		{Type: "org.example.OldRequest", Role: "request", Kind: host.ChangeAdded}, {Type: "org.example.RawRequest", Role: "request", Kind: host.ChangeRemoved},
		{Type: "org.example.ReportRequest", Role: "request", Kind: host.ChangeChanged, What: []string{"schema", "response"}}},
		Asks: []string{"sql:gis"}, Leaves: []string{"events"}, ConfigSchema: host.ChangeChanged, UpgradeFrom: "overlap", UpgradeTo: "exclusive"}
	for i := range 40 {
		s.lines = append(s.lines, host.LogLine{Time: now.Add(time.Duration(i-40) * time.Second), Level: []string{"debug", "info", "warn", "error"}[i%4], Message: fmt.Sprintf("took position %d of the vehicle", i),
			Attrs: []host.LogAttr{{Key: "device", Value: fmt.Sprintf("d-%d", i)}, {Key: "took", Value: "3ms"}}, Position: fmt.Sprintf("p%d", i)})
	}
	s.measure = map[string]host.Measure{e.ID: {RequestsPerSecond: 1234.5, ErrorsPerSecond: 12, ErrorRate: 0.0098, P50: ptr(0.0021), P99: ptr(0.021), InFlight: 7, Queued: 2, ResidentBytes: 48 << 20, CPU: 0.42, OpenFiles: 33}}
	s.series = map[host.Range]host.Series{host.LastMinutes: seriesOf(now, 60, 5), host.LastDay: seriesOf(now, 288, 300)}
	dump := "goroutine 1 [running]:\nmain.main()\n\t/src/main.go:12 +0x1d\n"
	evidence, _ := json.Marshal(map[string]any{"stage": "runtime", "exit_code": 2, "signal": "", "stderr": []string{"panic: index out of range", "\tmain.go:12"}, "goroutines": dump})
	s.history = host.HistoryPage{Events: []host.Event{
		{Time: now.Add(-time.Hour), Kind: "restarted", Version: "2.1.0", Actor: "host"},
		{Time: now.Add(-61 * time.Minute), Kind: "crashed", Version: "2.1.0", Actor: "host", Code: "crashed", Message: "the process ended with exit code 2", Evidence: evidence},
		{Time: now.Add(-2 * time.Hour), Kind: "pin", Version: "2.1.0", Actor: "admin"},
	}, Next: "n&1"}
	s.deeds = host.AuditPage{Events: []host.AuditEntry{
		{Time: now.Add(-2 * time.Hour), Actor: "admin", Action: "pin", Target: e.ID, Before: json.RawMessage(`{"pinned":""}`), After: json.RawMessage(`{"pinned":"sha256:0003"}`), Remote: "192.0.2.1"},
		{Time: now.Add(-3 * time.Hour), Actor: "folder", Action: "upload", Target: e.ID},
	}}
	s.logFile = "one line\n"
	return s, e
}

func seriesOf(now time.Time, n, step int) host.Series {
	s := host.Series{StepSeconds: step, From: now.Add(-time.Duration(n*step) * time.Second)}
	for i := range n {
		if i < n/10 {
			for _, list := range []*[]*float64{&s.RequestsPerSecond, &s.ErrorsPerSecond, &s.P50, &s.P99, &s.InFlight, &s.ResidentBytes, &s.CPU} {
				*list = append(*list, nil)
			}
			continue
		}
		wave := float64((i*7)%23) / 23
		s.RequestsPerSecond = append(s.RequestsPerSecond, ptr(900+500*wave))
		s.ErrorsPerSecond = append(s.ErrorsPerSecond, ptr(12*wave))
		s.P50, s.P99 = append(s.P50, ptr(0.002+0.001*wave)), append(s.P99, ptr(0.02+0.03*wave))
		s.InFlight = append(s.InFlight, ptr(float64(int(9*wave))))
		s.ResidentBytes = append(s.ResidentBytes, ptr(float64(40<<20)+wave*8*(1<<20)))
		s.CPU = append(s.CPU, ptr(0.3+0.4*wave))
	}
	return s
}

// looker is a sample served to somebody who is signed in.
type looker struct {
	h       http.Handler
	shelf   *detailShelf
	e       host.Extension
	session func(*http.Request)
}

func openDetail(t *testing.T, change ...func(*detailShelf, *host.Extension)) looker {
	t.Helper()
	s, e := detailSample()
	for _, c := range change {
		c(s, &e)
	}
	s.set(e, running())
	cfg := testConfig()
	cfg.Host = s
	h := mustNew(t, cfg).serve()
	cookie := ask(h, "POST", "/admin/sign-in", withForm("token="+testToken)).Result().Cookies()[0]
	return looker{h, s, e, func(r *http.Request) { r.AddCookie(cookie) }}
}

func (o looker) path(tab string) string { return "/admin/extensions/" + url.PathEscape(o.e.ID) + tab }

// page loads a tab, which must be there.
func (o looker) page(t *testing.T, tab string, change ...func(*http.Request)) *html.Node {
	t.Helper()
	w := ask(o.h, "GET", o.path(tab), append([]func(*http.Request){o.session}, change...)...)
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", tab, w.Code, w.Body)
	}
	return parse(t, w.Body.String())
}

// forms are the posted forms of a page below path.
func forms(doc *html.Node, path string) []*html.Node {
	var found []*html.Node
	for _, f := range all(doc, "form", "") {
		if strings.EqualFold(attribute(f, "method"), "post") && strings.HasPrefix(attribute(f, "action"), path) {
			found = append(found, f)
		}
	}
	return found
}

func links(doc *html.Node, path string) []string {
	var found []string
	for _, a := range all(doc, "a", "") {
		if href := attribute(a, "href"); strings.HasPrefix(href, path) {
			found = append(found, href)
		}
	}
	return found
}

// TestDetailTabs: every tab shows the extension, its tabs and no message without words,
// in both languages.
func TestDetailTabs(t *testing.T) {
	t.Parallel()
	o := openDetail(t)
	for _, tab := range detailTabs() {
		for _, language := range []string{"en", "fr"} {
			doc := o.page(t, tab, withHeader("Accept-Language", language))
			if got := textOf(all(doc, "h1", "")[0]); got != o.e.Name {
				t.Errorf("%s in %s: the heading is %q", tab, language, got)
			}
			current := 0
			for _, a := range all(all(doc, "ul", "tabs")[0], "a", "") {
				if attribute(a, "aria-current") == "page" {
					current++
				}
			}
			if current != 1 {
				t.Errorf("%s in %s: %d tabs are current", tab, language, current)
			}
			for _, word := range strings.Fields(textOf(all(doc, "main", "")[0])) {
				if strings.HasPrefix(word, "detail.") || strings.HasPrefix(word, "form.") || strings.HasPrefix(word, "overview.") {
					t.Errorf("%s in %s: there is no message %s", tab, language, word)
				}
			}
			if ids := repeatedIDs(doc); len(ids) > 0 {
				t.Errorf("%s in %s: ids that stand twice: %q", tab, language, ids)
			}
		}
	}
}

func repeatedIDs(doc *html.Node) []string {
	seen, twice := map[string]bool{}, []string{}
	for _, n := range all(doc, "", "") {
		if id := attribute(n, "id"); id != "" {
			if seen[id] {
				twice = append(twice, id)
			}
			seen[id] = true
		}
	}
	return twice
}
