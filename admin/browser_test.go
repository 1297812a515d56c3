package admin

import (
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// browser is the one that all tests of this package share.
var browser browsertest.Browser

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Close()
	os.Exit(code)
}

// open serves rows on a free port and returns the page's URL.
func open(t *testing.T, rows *shelf) string {
	t.Helper()
	return served(t, rows).URL + "/admin/"
}

// served serves rows on a free port.
func served(t *testing.T, rows *shelf) *httptest.Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := testConfig()
	cfg.Host, cfg.Events, cfg.Address = rows, rows.events, ln.Addr().String()
	s := httptest.NewUnstartedServer(mustNew(t, cfg).serve())
	s.Listener.Close()
	s.Listener = ln
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// TestStalePage: a page whose host is gone says so, and what is shown stays.
func TestStalePage(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	host := served(t, newShelf(running()))
	tab.Do("signing in", chromedp.Navigate(host.URL+"/admin/"), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	if !browsertest.Read[bool](tab, `document.getElementById("stale").hidden`) {
		t.Error("the page is stale from the beginning")
	}
	browsertest.Read[string](tab, `document.getElementById("live").dataset.patience = "1"`)
	host.CloseClientConnections()
	host.Listener.Close()
	tab.Until("it says so", `!document.getElementById("stale").hidden && /The host does not answer.*ago/.test(document.getElementById("stale").textContent)`)
	if n := browsertest.Read[int](tab, `document.querySelectorAll("#rows tr").length`); n != 1 {
		t.Errorf("%d rows are left", n)
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	spiteful := host.Extension{ID: "spite.jar", Name: hostile, State: "failed", File: "spite.jar", Reason: &host.Reason{Code: "manifest_invalid", Message: hostile}}
	rows := newShelf(running(), crashed(), spiteful)
	url := open(t, rows)

	tab.Do("opening the page", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#password")))
	tab.Do("a wrong token",
		chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), "no such token\r"), chromedp.WaitVisible(chromedp.CSS("#complaint")))
	tab.Do("the right token",
		chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	if n := browsertest.Read[int](tab, `document.querySelectorAll("#rows tr").length`); n != 3 {
		t.Errorf("%d extensions are listed, want 3", n)
	}
	if text := browsertest.Read[string](tab, `document.querySelector(".entry.bad h3").textContent`); !strings.Contains(text, "<script>alert(1)</script>") {
		t.Errorf("the hostile name is not shown as text: %q", text)
	}
	if cookie := browsertest.Read[string](tab, `document.cookie`); cookie != "" {
		t.Errorf("scripts can read the session: %q", cookie)
	}

	// A reader opens the last words of a process and ticks a row; changes come in, and
	// leave that as it is.
	const entry, row = `document.querySelector(".entry.warn")`, `document.querySelector("#rows tr:nth-child(2) input")`
	tab.Do("opening the last words", chromedp.Click(chromedp.CSS("#rows tr:nth-child(2) input")),
		chromedp.Click(chromedp.CSS(".entry.warn summary")), chromedp.WaitVisible(chromedp.CSS(".entry.warn .lines")))
	worse := crashed()
	worse.Restarts = 7
	better := running()
	better.State = "draining"
	rows.set(better, worse, spiteful)
	tab.Until("the row changes", entry+`.textContent.includes("7 restarts")`)
	if !browsertest.Read[bool](tab, entry+`.querySelector("details").open`) {
		t.Error("the change has closed what the reader had opened")
	}
	if focus := browsertest.Read[string](tab, `document.activeElement.tagName`); focus != "SUMMARY" {
		t.Errorf("the change has moved the focus to %s", focus)
	}
	if !browsertest.Read[bool](tab, row+`.checked`) {
		t.Error("the change has taken away what was ticked")
	}
	tab.Until("what is busy", `document.querySelector("[data-group=busy] .entry.busy")?.textContent.includes("finishes its last requests")`)

	// A file comes, another goes.
	fresh := running()
	fresh.ID, fresh.Name, fresh.File = "org.example.Fresh", "Fresh", "fresh.jar"
	rows.set(better, worse, fresh)
	tab.Until("the rows are others", `document.querySelectorAll("#rows tr").length === 3 && document.querySelector('#rows [data-id="org.example.Fresh"]') !== null`)
	tab.Until("what was bad is gone", `document.querySelector("#entries .entry.bad") === null && document.querySelector("#summary").textContent.startsWith("3 extensions. 1 needs")`)

	// A version waits; the reader consents to it.
	rows.set(waits(), worse)
	tab.Until("what it asks for", `document.querySelector('.entry[data-id="`+waits().ID+`"] li:last-child')?.textContent === "the permission events"`)
	tab.Do("consenting", chromedp.Click(chromedp.CSS(`form[action$="/consent"] button`)), chromedp.WaitVisible(chromedp.CSS(".notice.ok")))
	if done := rows.did(); len(done) != 1 || done[0].Verb != host.VerbConsent || done[0].Digest != waits().Consent.Digest {
		t.Errorf("the host was asked to %+v", done)
	}

	tab.Window(390, 800)
	tab.Fits("overview")
	tab.Do("signing out", chromedp.Click(chromedp.CSS(".menu summary")),
		chromedp.Click(chromedp.CSS(`form[action="/admin/sign-out"] button`)), chromedp.WaitVisible(chromedp.CSS("#password")))
	for _, m := range tab.Complaints() {
		if !strings.Contains(m, "403 (Forbidden)") { // the wrong token
			t.Errorf("the browser complains: %s", m)
		}
	}
}
