package admin

import (
	"context"
	"io"
	"net"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// tape is a log to which a test writes while somebody follows it.
type tape struct {
	lines chan host.LogLine
	asked chan string // what each reader came with: the place behind which they go on
}

func (t *tape) Next(ctx context.Context) (host.LogLine, error) {
	select {
	case l, ok := <-t.lines:
		if !ok {
			return host.LogLine{}, io.EOF
		}
		return l, nil
	case <-ctx.Done():
		return host.LogLine{}, ctx.Err()
	}
}

func (t *tape) Close() {}

// TestDetailInBrowser tells the stories of people who look at one extension, each with a
// host of its own.
func TestDetailInBrowser(t *testing.T) {
	t.Parallel()
	for name, story := range map[string]func(*testing.T, *browsertest.Tab){
		"keeps nobody out": detailKeepsNobodyOut, "trying": detailTried, "following": detailFollowed,
		"verbs": detailVerbs, "live": detailLive,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, browser.Open(t))
		})
	}
}

// browseDetail opens the page of the extension of detailSample, signed in. The returned
// path leads to its tabs.
func browseDetail(t *testing.T, page *browsertest.Tab, change ...func(*detailShelf, *host.Extension)) (*detailShelf, *tape, func(tab string) string) {
	t.Helper()
	s, e := detailSample()
	for _, c := range change {
		c(s, &e)
	}
	s.set(e, running())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	log := &tape{lines: make(chan host.LogLine), asked: make(chan string, 10)}
	cfg := testConfig()
	cfg.Host, cfg.Address = s, ln.Addr().String()
	cfg.Follow = func(_ context.Context, id string, _ host.LogQuery, after string) (Lines, error) {
		if id != e.ID {
			return nil, &host.Error{Code: host.CodeNotFound, Message: "no such log"}
		}
		log.asked <- after
		return log, nil
	}
	srv := httptest.NewUnstartedServer(mustNew(t, cfg).serve())
	srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	page.Do("signing in", chromedp.Navigate(srv.URL+"/admin/"), chromedp.WaitVisible(chromedp.CSS("#password")),
		chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS(".menu .who")))
	return s, log, func(tab string) string { return srv.URL + "/admin/extensions/" + url.PathEscape(e.ID) + tab }
}

func goTo(page *browsertest.Tab, url string) {
	page.Do(url, chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("ul.tabs")))
}

// detailKeepsNobodyOut looks at every tab as axe does, wide and light, narrow and
// dark, with everything open; nothing is wider than the window.
func detailKeepsNobodyOut(t *testing.T, page *browsertest.Tab) {
	_, _, path := browseDetail(t, page)
	for _, c := range []struct {
		theme string
		width int64
	}{{"light", 1400}, {"dark", 390}} {
		browsertest.Read[bool](page, `document.cookie = "jackfield_theme=`+c.theme+`; path=/admin/", true`)
		page.Window(c.width, 900)
		for _, tab := range detailTabs() {
			goTo(page, path(tab))
			browsertest.Read[bool](page, `document.querySelectorAll("main details").forEach(d => d.open = true), true`)
			page.Accessible("tab " + tab + ", " + c.theme)
			page.Fits("tab " + tab)
		}
	}
}

// detailTried: a person adds an entry, sends, reads the answer.
func detailTried(t *testing.T, page *browsertest.Tab) {
	s, _, path := browseDetail(t, page)
	goTo(page, path("/types"))
	page.Do("to the form", chromedp.Click(chromedp.CSS(`a[href$="org.example.ReportRequest"]`)), chromedp.WaitVisible(chromedp.CSS(`[name="value:/device"]`)))
	page.Do("writing", chromedp.SendKeys(chromedp.CSS(`[name="value:/device"]`), "d-1"))
	page.Do("a list", chromedp.Click(chromedp.CSS(`[name="add:/tags"]`)), chromedp.WaitReady(chromedp.CSS(`[name="present:/tags"]`)))
	page.Do("an entry", chromedp.Click(chromedp.CSS(`[name="add:/tags"]`)), chromedp.WaitVisible(chromedp.CSS(`[name="value:/tags/0"]`)))
	page.Do("writing more", chromedp.SendKeys(chromedp.CSS(`[name="value:/tags/0"]`), "new\r"), chromedp.WaitVisible(chromedp.CSS(".answer")))
	if text := browsertest.Read[string](page, `document.querySelector(".answer pre").textContent`); !strings.Contains(text, `"accepted": 1`) {
		t.Errorf("the answer is %q", text)
	}
	page.Accessible("an answer")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tried) != 1 || string(s.tried[0].Payload) != `{"device":"d-1","tags":["new"]}` {
		t.Errorf("sent: %+v", s.tried)
	}
	for _, m := range page.Complaints() {
		t.Errorf("the browser complains: %s", m)
	}
}

// detailFollowed: lines appear as they come, as text; the reader pauses, and
// goes on where they were; and changes the level.
func detailFollowed(t *testing.T, page *browsertest.Tab) {
	s, log, path := browseDetail(t, page)
	goTo(page, path("/logs"))
	send := func(l host.LogLine) {
		select {
		case log.lines <- l:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody takes the line")
		}
	}
	page.Do("following", chromedp.Click(chromedp.CSS("#follow")))
	page.Until("it follows", `document.getElementById("follow-state").textContent.startsWith("New lines")`)
	if after := <-log.asked; after != "p39" {
		t.Errorf("it is followed behind %q", after)
	}
	send(host.LogLine{Time: time.Now(), Level: "error", Message: spite, Attrs: []host.LogAttr{{Key: spite, Value: spite}}, Position: "p40"})
	page.Until("a line comes as text", `document.querySelector("#log li:last-child").textContent.includes("<script>alert(1)</script>")`)
	if n := browsertest.Read[int](page, `document.querySelectorAll("#log script, #log img").length`); n != 0 {
		t.Error("a line became markup")
	}
	send(host.LogLine{Missed: 17})
	page.Until("lines are missing", `document.querySelector("#log li:last-child").textContent.startsWith("17 lines")`)
	if !browsertest.Read[bool](page, `(() => { const l = document.getElementById("log"); return l.scrollHeight - l.scrollTop - l.clientHeight < 40 })()`) {
		t.Error("the newest line is not in sight")
	}

	// A reader who has scrolled up stays where they are, and is told of new lines.
	browsertest.Read[bool](page, `document.getElementById("log").scrollTop = 0, true`)
	for i := range 30 {
		send(host.LogLine{Time: time.Now(), Level: "info", Message: "another", Position: "q" + string(rune('a'+i%26))})
	}
	page.Until("it tells of new lines", `!document.getElementById("newest").hidden`)
	if top := browsertest.Read[int](page, `document.getElementById("log").scrollTop`); top != 0 {
		t.Errorf("the reader was taken to %d", top)
	}
	page.Do("pausing", chromedp.Click(chromedp.CSS("#follow")))
	page.Until("it pauses", `document.getElementById("follow").getAttribute("aria-pressed") === "false"`)
	page.Do("going on", chromedp.Click(chromedp.CSS("#follow")))
	if after := <-log.asked; after != "qd" {
		t.Errorf("it goes on behind %q", after)
	}
	page.Accessible("a log that is followed")

	page.Do("another level", chromedp.SetValue(chromedp.CSS("#set-level"), "error"),
		chromedp.Click(chromedp.CSS(`form[action$="/log-level"] button`)), chromedp.WaitVisible(chromedp.CSS(".notice.ok")))
	if done := s.did(); len(done) != 1 || done[0].Verb != host.VerbLogLevel || done[0].Level != "error" {
		t.Errorf("the host was asked %+v", done)
	}
}

// detailVerbs: pinning, rolling back, consent, taking back and removing, as a
// person does them.
func detailVerbs(t *testing.T, page *browsertest.Tab) {
	s, _, path := browseDetail(t, page, func(s *detailShelf, e *host.Extension) {
		s.kept[0].Pinned, e.Versions[0].Pinned = false, false
	})
	link := func(verb string) chromedp.Action[chromedp.Void] {
		return chromedp.Click(chromedp.CSS(`main a[href*="/` + verb + `?"]`))
	}
	sure := func() []chromedp.Action[chromedp.Void] {
		return []chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(".ask form button")), chromedp.WaitVisible(chromedp.CSS(".notice.ok"))}
	}
	do := func(what, tab string, steps ...chromedp.Action[chromedp.Void]) host.Action {
		t.Helper()
		before := len(s.did())
		goTo(page, path(tab))
		page.Do(what, steps...)
		done := s.did()
		if len(done) != before+1 {
			t.Fatalf("%s: the host was asked %+v", what, done)
		}
		return done[before]
	}
	if a := do("pinning", "/versions", chromedp.Click(chromedp.CSS(`form[action$="/pin"] button`)), chromedp.WaitVisible(chromedp.CSS(".notice.ok"))); a.Verb != host.VerbPin || a.Version != "2.1.0" {
		t.Errorf("pinning: %+v", a)
	}
	steps := append([]chromedp.Action[chromedp.Void]{link("rollback"), chromedp.WaitVisible(chromedp.CSS(".ask")), chromedp.Click(chromedp.CSS("input[name=restore_data]"))}, sure()...)
	if a := do("rolling back", "/versions", steps...); a.Verb != host.VerbRollback || a.Version != "2.0.9" || !a.RestoreData {
		t.Errorf("rolling back: %+v", a)
	}
	if a := do("consenting", "/trust", chromedp.Click(chromedp.CSS("#wanted button")), chromedp.WaitVisible(chromedp.CSS(".notice.ok"))); a.Verb != host.VerbConsent || a.Digest != "sha256:0004" || len(a.Permissions) != 1 {
		t.Errorf("consenting: %+v", a)
	}
	if a := do("taking back", "/trust", append([]chromedp.Action[chromedp.Void]{link("revoke"), chromedp.WaitVisible(chromedp.CSS(".ask"))}, sure()...)...); a.Verb != host.VerbRevoke || len(a.Permissions) != 1 || a.Permissions[0] != "kv" {
		t.Errorf("taking back: %+v", a)
	}
	if a := do("removing", "/versions", append([]chromedp.Action[chromedp.Void]{chromedp.Click(chromedp.CSS(`main a[href*="purge=true"]`)), chromedp.WaitVisible(chromedp.CSS(".ask"))}, sure()...)...); a.Verb != host.VerbRemove || !a.Purge {
		t.Errorf("removing: %+v", a)
	}
}

// detailLive: the page becomes what it would be if it was loaded now, and
// what a reader has opened stays open.
func detailLive(t *testing.T, page *browsertest.Tab) {
	s, _, path := browseDetail(t, page)
	goTo(page, path(""))
	page.Do("opening", chromedp.Click(chromedp.CSS("main details summary")))
	e, _ := s.Extension("org.example.Report$Server")
	e.State, e.PID, e.Reason = "backoff", 0, &host.Reason{Code: "crashed", Stage: "runtime", Message: "it crashed just now", Time: time.Now()}
	s.set(e, running())
	page.Until("the crash", `document.querySelector("main").textContent.includes("it crashed just now")`)
	page.Until("the badge", `document.querySelector(".title .badge").textContent === "waiting to retry" || document.querySelector(".title .badge.warn") !== null`)
	if !browsertest.Read[bool](page, `document.querySelector("main details").open`) {
		t.Error("what the reader has opened is closed")
	}
	if focus := browsertest.Read[string](page, `document.activeElement.tagName`); focus != "SUMMARY" {
		t.Errorf("the focus has moved to %s", focus)
	}
}
