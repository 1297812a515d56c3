package admin

import (
	"context"
	"net"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
)

// browse starts a browser without window. Its context is not bounded: it owns the
// browser. Single steps are, through within.
func browse(t *testing.T, more ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test drives a real browser: install the Debian package chromium (apt-get install chromium)")
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		// The sandbox of the browser does not work for root. The only page is ours.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.WindowSize(1400, 900),
	)
	opts = append(opts, more...)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// within runs steps, for a few seconds at most.
func within(ctx context.Context, t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
		t.Fatalf("%s: %v\nthe page: %s", what, err, text)
	}
}

func read[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for the page to satisfy an expression.
func until(ctx context.Context, t *testing.T, expression string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expression)); err != nil {
		t.Fatalf("waiting for %s: %v", expression, err)
	}
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
	ctx := browse(t)
	host := served(t, newShelf(running()))
	within(ctx, t, "signing in", chromedp.Navigate(host.URL+"/admin/"), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	if !read[bool](ctx, t, `document.getElementById("stale").hidden`) {
		t.Error("the page is stale from the beginning")
	}
	read[string](ctx, t, `document.getElementById("live").dataset.patience = "1"`)
	host.CloseClientConnections()
	host.Listener.Close()
	until(ctx, t, `!document.getElementById("stale").hidden && /The host does not answer.*ago/.test(document.getElementById("stale").textContent)`)
	if n := read[int](ctx, t, `document.querySelectorAll("#rows tr").length`); n != 1 {
		t.Errorf("%d rows are left", n)
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	messages := watchConsole(ctx)
	spiteful := host.Extension{ID: "spite.jar", Name: hostile, State: "failed", File: "spite.jar", Reason: &host.Reason{Code: "manifest_invalid", Message: hostile}}
	rows := newShelf(running(), crashed(), spiteful)
	url := open(t, rows)

	within(ctx, t, "opening the page", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#password")))
	within(ctx, t, "a wrong token",
		chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), "no such token\r"), chromedp.WaitVisible(chromedp.CSS("#complaint")))
	within(ctx, t, "the right token",
		chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	if n := read[int](ctx, t, `document.querySelectorAll("#rows tr").length`); n != 3 {
		t.Errorf("%d extensions are listed, want 3", n)
	}
	if text := read[string](ctx, t, `document.querySelector(".entry.bad h3").textContent`); !strings.Contains(text, "<script>alert(1)</script>") {
		t.Errorf("the hostile name is not shown as text: %q", text)
	}
	if cookie := read[string](ctx, t, `document.cookie`); cookie != "" {
		t.Errorf("scripts can read the session: %q", cookie)
	}

	// A reader opens the last words of a process and ticks a row; changes come in, and
	// leave that as it is.
	const entry, row = `document.querySelector(".entry.warn")`, `document.querySelector("#rows tr:nth-child(2) input")`
	within(ctx, t, "opening the last words", chromedp.Click(chromedp.CSS("#rows tr:nth-child(2) input")),
		chromedp.Click(chromedp.CSS(".entry.warn summary")), chromedp.WaitVisible(chromedp.CSS(".entry.warn .lines")))
	worse := crashed()
	worse.Restarts = 7
	better := running()
	better.State = "draining"
	rows.set(better, worse, spiteful)
	until(ctx, t, entry+`.textContent.includes("7 restarts")`)
	if !read[bool](ctx, t, entry+`.querySelector("details").open`) {
		t.Error("the change has closed what the reader had opened")
	}
	if focus := read[string](ctx, t, `document.activeElement.tagName`); focus != "SUMMARY" {
		t.Errorf("the change has moved the focus to %s", focus)
	}
	if !read[bool](ctx, t, row+`.checked`) {
		t.Error("the change has taken away what was ticked")
	}
	until(ctx, t, `document.querySelector("[data-group=busy] .entry.busy")?.textContent.includes("finishes its last requests")`)

	// A file comes, another goes.
	fresh := running()
	fresh.ID, fresh.Name, fresh.File = "org.example.Fresh", "Fresh", "fresh.jar"
	rows.set(better, worse, fresh)
	until(ctx, t, `document.querySelectorAll("#rows tr").length === 3 && document.querySelector('#rows [data-id="org.example.Fresh"]') !== null`)
	until(ctx, t, `document.querySelector("#entries .entry.bad") === null && document.querySelector("#summary").textContent.startsWith("3 extensions. 1 needs")`)

	// A version waits; the reader consents to it.
	rows.set(waits(), worse)
	until(ctx, t, `document.querySelector('.entry[data-id="`+waits().ID+`"] li:last-child')?.textContent === "the permission events"`)
	within(ctx, t, "consenting", chromedp.Click(chromedp.CSS(`form[action$="/consent"] button`)), chromedp.WaitVisible(chromedp.CSS(".notice.ok")))
	if done := rows.did(); len(done) != 1 || done[0].Verb != host.VerbConsent || done[0].Digest != waits().Consent.Digest {
		t.Errorf("the host was asked to %+v", done)
	}

	within(ctx, t, "a narrow window", chromedp.EmulateViewport(390, 800))
	if wide := read[int](ctx, t, `document.documentElement.scrollWidth`); wide > 390 {
		t.Errorf("at 390 pixels the page is %d wide", wide)
	}
	within(ctx, t, "signing out", chromedp.Click(chromedp.CSS(".menu summary")),
		chromedp.Click(chromedp.CSS(`form[action="/admin/sign-out"] button`)), chromedp.WaitVisible(chromedp.CSS("#password")))
	for _, m := range messages() {
		if !strings.Contains(m, "403 (Forbidden)") { // the wrong token
			t.Errorf("the browser complains: %s", m)
		}
	}
}

// watchConsole collects what the page's console shows: errors, and what the content
// security policy has refused. The returned function ends it and returns what came.
func watchConsole(ctx context.Context) (stop func() []string) {
	ctx, cancel := context.WithCancel(ctx)
	console := chromedp.Console(ctx)
	done := make(chan []string, 1)
	go func() {
		var all []string
		for m, err := range console {
			if err != nil {
				break
			}
			all = append(all, m.String())
		}
		done <- all
	}()
	return func() []string {
		cancel()
		return <-done
	}
}
