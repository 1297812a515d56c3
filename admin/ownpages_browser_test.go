package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// paged is a shelf whose one extension has pages of its own, a configuration and types.
type paged struct {
	*shelf
	files map[string]string // of the pages, by name
	hold  chan struct{}     // what Try waits for, nil for nothing

	mu     sync.Mutex // guards what follows
	config host.Configuration
	tries  []host.TryRequest
	saved  []host.ConfigurationChange
}

func newPaged(files map[string]string) *paged {
	return &paged{shelf: newShelf(running()), files: files, config: host.Configuration{
		Schema: json.RawMessage(`{"type":"object"}`), Values: json.RawMessage(`{"salutation":"Hello"}`),
		Secrets: []host.Secret{{Pointer: "/password", Set: true}}, Revision: 4,
	}}
}

// kept is a file in memory.
type kept struct{ *bytes.Reader }

func (kept) Close() error { return nil }

func (p *paged) UIOf(string) string { return host.UIBundle }

func (p *paged) OpenUI(id, name string) (*host.UIFile, error) {
	if name == "" {
		name = "index.html"
	}
	text, ok := p.files[name]
	if id != running().ID || !ok {
		return nil, &host.Error{Code: host.CodeNotFound}
	}
	media := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	return &host.UIFile{ReadSeekCloser: kept{bytes.NewReader([]byte(text))}, Name: name, MediaType: media[filepath.Ext(name)], Size: int64(len(text))}, nil
}

func (p *paged) Configuration(context.Context, string) (host.Configuration, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.config, nil
}

func (p *paged) Configure(_ context.Context, c host.ConfigurationChange) (host.ConfigurationResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.Revision != p.config.Revision && c.Revision != -1 {
		return host.ConfigurationResult{}, &host.Error{Code: host.CodeConflict, Message: "somebody has changed it"}
	}
	result := host.ConfigurationResult{Configuration: p.config, Diff: []host.Difference{
		{Pointer: "/salutation", Before: json.RawMessage(`"He\u202ello"`), After: c.Values}, {Pointer: "/password", Secret: true},
	}}
	if !c.DryRun {
		p.saved = append(p.saved, c)
		p.config.Values, p.config.Revision = c.Values, p.config.Revision+1
		result.Configuration = p.config
	}
	return result, nil
}

func (p *paged) Try(_ context.Context, r host.TryRequest) (host.TryResult, error) {
	if p.hold != nil {
		<-p.hold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Type != running().Request && r.Type != "examples.panel.GreetRequest" {
		return host.TryResult{}, &host.Error{Code: host.CodeNotFound, Message: "the extension does not answer this type"}
	}
	p.tries = append(p.tries, r)
	answer := []byte(`{"greeting":"Hello, Ada"}`)
	return host.TryResult{Status: 200, Code: "ok", MediaType: "application/json", Payload: answer, Bytes: len(answer)}, nil
}

// asked is the last request that came over the bridge, once there is one.
func (p *paged) asked(t *testing.T) host.TryRequest {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		p.mu.Lock()
		n := len(p.tries)
		if n > 0 {
			defer p.mu.Unlock()
			return p.tries[n-1]
		}
		p.mu.Unlock()
		if time.Now().After(deadline) {
			t.Fatal("nothing comes over the bridge")
		}
	}
}

func (p *paged) savedSoFar() []host.ConfigurationChange {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.saved)
}

// witness notes what a server is asked for, and which connections come at all.
type witness struct {
	mu   sync.Mutex
	seen []string
}

func (w *witness) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, what)
}

func (w *witness) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// openPaged serves p, signs a browser in and opens the own pages. It returns what was
// asked for with a cookie below /admin/ui/, or from the frame.
func openPaged(t *testing.T, tab *browsertest.Tab, p *paged) *witness {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.Host, cfg.Address = p, ln.Addr().String()
	inner := mustNew(t, cfg).serve()
	seen := &witness{}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Site") == "cross-site" {
			seen.note(fmt.Sprintf("%s with %d cookies", r.URL.Path, len(r.Cookies())))
		}
		inner.ServeHTTP(w, r)
	}))
	s.Listener.Close()
	s.Listener = ln
	s.Start()
	t.Cleanup(s.Close)
	tab.Do("opening the page", chromedp.Navigate(s.URL+"/admin/sign-in"))
	browsertest.Read[bool](tab, `fetch("/admin/sign-in", { method: "POST", body: new URLSearchParams({ token: "`+testToken+`" }) }).then(() => { window.inside = true; }) instanceof Promise`)
	tab.Until("inside", `window.inside === true`)
	tab.Do("the own pages", chromedp.Navigate(s.URL+"/admin/extensions/"+running().ID+"/ui"), chromedp.WaitVisible(chromedp.CSS("#own-pages")))
	return seen
}

const bare = `<!doctype html><title>x</title><script src="jackfield.js"></script><script src="own.js" type="module"></script><body>`

// knownWaysOut are what browsers let through whatever a policy says: connections that they
// open in the expectation of a request, which is then refused, and packets of WebRTC where
// they do not know webrtc 'block'. docs/ui-bridge.md tells of both.
func knownWaysOut() []string { return []string{"connected", "a packet"} }

// A page that tries everything finds that it can do nothing but ask.
func TestHostileOwnPages(t *testing.T) {
	t.Parallel()
	elsewhere := &witness{}
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { elsewhere.note("asked for " + r.URL.String()) }))
	web.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			elsewhere.note("connected")
		}
	}
	web.Start()
	t.Cleanup(web.Close)
	peer, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { peer.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			if _, _, err := peer.ReadFrom(buf); err != nil {
				return
			}
			elsewhere.note("a packet")
		}
	}()

	script, err := os.ReadFile("testdata/hostile.js")
	if err != nil {
		t.Fatal(err)
	}
	code := strings.NewReplacer("ELSEWHERE", web.URL, "PEER", peer.LocalAddr().String(), "REQUEST", running().Request).Replace(string(script))
	p := newPaged(map[string]string{"index.html": bare, "own.js": code})
	tab := browser.Open(t)
	inside := openPaged(t, tab, p)
	got := p.asked(t)
	var found map[string]string
	if err := json.Unmarshal(got.Payload, &found); err != nil {
		t.Fatalf("%s: %v", got.Payload, err)
	}
	if len(found) < 25 {
		t.Errorf("only %d attempts came to an end", len(found))
	}
	for attempt, result := range found {
		if want, _, _ := strings.Cut(attempt, ": "); result != want && !(want == "refused" && strings.HasPrefix(result, "refused")) {
			t.Errorf("%s: %s", attempt, result)
		}
	}
	if got.Actor.Name != "admin" || !got.OwnPage || len(got.Roles) != 0 || got.ID != running().ID {
		t.Errorf("the request of the page is %+v", got)
	}
	if saved := p.savedSoFar(); len(saved) != 0 {
		t.Errorf("saved without anybody's consent: %+v", saved)
	}
	if seen := slices.DeleteFunc(elsewhere.all(), func(what string) bool { return slices.Contains(knownWaysOut(), what) }); len(seen) != 0 {
		t.Errorf("another server has seen: %q", seen)
	}
	for _, request := range inside.all() {
		if !strings.HasSuffix(request, "with 0 cookies") {
			t.Errorf("the frame has used the session: %s", request)
		}
	}
	if where := browsertest.Read[string](tab, `location.pathname`); !strings.HasSuffix(where, "/ui") {
		t.Errorf("the frame has led the window to %s", where)
	}
	if height := browsertest.Read[string](tab, `document.getElementById("own-pages").getAttribute("height")`); height != "5000" {
		t.Errorf("the frame has made itself %s high", height)
	}
	if injected := browsertest.Read[bool](tab, `Boolean(document.querySelector("#own-pages-confirm b, #own-pages-confirm img") || window.injected)`); injected {
		t.Error("what the frame wrote became a part of the page")
	}
}

// A page can not even leave with what it knows: what is around it keeps it here.
func TestOwnPagesDoNotLeave(t *testing.T) {
	t.Parallel()
	elsewhere := &witness{}
	web := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { elsewhere.note(r.URL.String()) }))
	t.Cleanup(web.Close)
	tab := browser.Open(t)
	for name, leave := range map[string]string{
		"a link":      `location.href = "ELSEWHERE/?" + said;`,
		"a form":      `document.body.append(Object.assign(document.createElement("form"), { action: "ELSEWHERE/?" + said })); document.forms[0].submit();`,
		"a refresh":   `document.head.append(Object.assign(document.createElement("meta"), { httpEquiv: "refresh", content: "0; url=ELSEWHERE/?" + said }));`,
		"the session": `location.href = new URL("/admin/", location.href);`,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPaged(map[string]string{"index.html": bare, "own.js": `
				await jackfield.connect();
				const said = JSON.stringify(await jackfield.ask("types.call", { type: "` + running().Request + `", payload: {} }));
				` + strings.ReplaceAll(leave, "ELSEWHERE", web.URL)})
			p.hold = make(chan struct{})
			inside := openPaged(t, tab, p)
			browsertest.Read[bool](tab, `document.getElementById("own-pages").addEventListener("load", () => { window.left = true; }) === undefined`)
			close(p.hold)
			tab.Until("the frame has loaded something else", `window.left === true`) // for the error page of the browser
			if seen := elsewhere.all(); len(seen) != 0 {
				t.Errorf("another server was asked for %q", seen)
			}
			for _, request := range inside.all() {
				if !strings.HasSuffix(request, "with 0 cookies") {
					t.Errorf("the frame has used the session: %s", request)
				}
			}
		})
	}
}

// The pages of examples/panel do their work over the bridge.
func TestOwnPagesOfPanel(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for _, name := range []string{"index.html", "panel.js", "panel.css"} {
		text, err := os.ReadFile(filepath.Join("..", "examples", "panel", "ui", name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	p := newPaged(files)
	tab := browser.Open(t)
	openPaged(t, tab, p)
	frame := tab.Frame("/admin/ui/")
	frame.Until("the configuration", `document.querySelector("#configuration input")?.value === "Hello" && !document.querySelector("#configuration input").disabled`)
	tab.Until("it fits", `Number(document.getElementById("own-pages").height) < 600`) // it fits

	frame.Do("greeting", chromedp.Click(chromedp.CSS("#try button")))
	frame.Until("it greets", `document.getElementById("said").textContent === "Hello, Ada"`)
	if asked := p.asked(t); string(asked.Payload) != `{"name":"Ada"}` || asked.Type != "examples.panel.GreetRequest" || asked.Actor.Name != "admin" {
		t.Errorf("it asked %+v", asked)
	}

	// Nothing is saved that the person has not confirmed, in the page around.
	change := func(word string) {
		browsertest.Read[string](frame, `document.querySelector("#configuration input").value = ""`)
		frame.Do("changing", chromedp.SendKeys(chromedp.CSS("#configuration input"), word), chromedp.Click(chromedp.CSS("#configuration button")))
		tab.Do("the question", chromedp.WaitVisible(chromedp.CSS("#own-pages-confirm[open]")))
	}
	// The clock of the page around stands still: who clicks just when it asks saves nothing.
	browsertest.Read[bool](tab, `((set, clear) => {
		window.setTimeout = (after, ms) => { if (ms === 800) { window.go = after; return "held"; } return set(after, ms); };
		window.clearTimeout = (clock) => { if (clock === "held") window.go = null; else clear(clock); };
		return true;
	})(window.setTimeout, window.clearTimeout)`)
	change("<b>Salut</b>")
	if text := browsertest.Read[string](tab, `document.querySelector("#own-pages-confirm tbody tr").innerText.replace(/\s+/g, " ")`); text != `/salutation "He\u202ello" {"salutation":"<b>Salut</b>"}` {
		t.Errorf("the person is asked about %q", text)
	}
	if text := browsertest.Read[string](tab, `document.querySelectorAll("#own-pages-confirm tbody tr")[1].innerText.replace(/\s+/g, " ").trim()`); text != "/password ••• •••" {
		t.Errorf("a secret is shown as %q", text)
	}
	tab.Do("refusing", chromedp.Click(chromedp.CSS("#own-pages-confirm button[value='']")))
	frame.Until("it says that nothing is saved", `document.getElementById("said").textContent === "Not saved."`)
	if saved := p.savedSoFar(); len(saved) != 0 {
		t.Fatalf("saved though it was refused: %+v", saved)
	}
	if !browsertest.Read[bool](tab, `window.go === null`) {
		t.Error("the clock of a question goes on into the next one")
	}
	change("Bonjour")
	if !browsertest.Read[bool](tab, `document.querySelector("#own-pages-confirm button[value=save]").disabled`) {
		t.Error("who clicks just when it asks has saved")
	}
	browsertest.Read[bool](tab, `window.go() === undefined`)
	tab.Do("saving", chromedp.Click(chromedp.CSS("#own-pages-confirm button[value=save]")))
	frame.Until("it is saved", `document.getElementById("said").textContent === "Saved."`)
	saved := p.savedSoFar()
	if len(saved) != 1 || string(saved[0].Values) != `{"salutation":"Bonjour"}` || saved[0].Revision != 4 || saved[0].Actor.Name != "admin" {
		t.Errorf("saved %+v", saved)
	}

	// One that asks again and again is not listened to.
	for range 3 {
		change("Again")
		tab.Do("refusing", chromedp.Click(chromedp.CSS("#own-pages-confirm button[value='']")))
		frame.Until("it says that nothing is saved", `document.getElementById("said").textContent === "Not saved."`)
	}
	browsertest.Read[bool](frame, `((form) => { form.requestSubmit(); document.getElementById("said").textContent = ""; return true; })(document.getElementById("configuration"))`)
	frame.Until("it says that nothing is saved", `document.getElementById("said").textContent === "Not saved."`)
	if browsertest.Read[bool](tab, `document.getElementById("own-pages-confirm").open`) {
		t.Error("a fourth question comes")
	}
	tab.Window(400, 800)
	tab.Fits("own pages")
}

// The example of docs/ui-bridge.md does what is said of it.
func TestExampleOfTheBridge(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "ui-bridge.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(language string) string {
		_, rest, _ := strings.Cut(string(page), "```"+language+"\n")
		text, _, ok := strings.Cut(rest, "```")
		if !ok {
			t.Fatalf("the page has no block of %s", language)
		}
		return text
	}
	p := newPaged(map[string]string{"index.html": block("html"), "app.js": block("js")})
	tab := browser.Open(t)
	openPaged(t, tab, p)
	frame := tab.Frame("/admin/ui/")
	frame.Until("the configuration", `document.querySelector("input")?.value === "Hello"`)
	frame.Do("saving", chromedp.Click(chromedp.CSS("button")))
	tab.Until("the question may be answered", `document.querySelector("#own-pages-confirm[open] button[value=save]:enabled") !== null`)
	tab.Do("confirming", chromedp.Click(chromedp.CSS("#own-pages-confirm button[value=save]")))
	frame.Until("it greets", `document.getElementById("said").textContent === "Hello, Ada"`)
	if saved := p.savedSoFar(); len(saved) != 1 || string(saved[0].Values) != `{"salutation":"Hello"}` {
		t.Errorf("saved %+v", saved)
	}
}
