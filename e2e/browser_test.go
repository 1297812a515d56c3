package e2e

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/axe"
)

// person sits in front of a browser.
type person struct {
	t    *testing.T
	ctx  context.Context // the browser's, until the test ends
	home *home           // nil: they have none
	said func() []string // what the console showed
}

// visit starts a browser and signs in as the administrator, with the password of the
// first start.
func visit(t *testing.T, h *home) *person {
	t.Helper()
	p := browse(t)
	p.home = h
	p.signIn()
	return p
}

// browse starts a browser for somebody who has no host.
func browse(t *testing.T) *person {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("these tests drive a real browser: install the Debian package chromium (apt-get install chromium)")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		// The sandbox of the browser does not work for root. The only pages are ours.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"),
		chromedp.WindowSize(1400, 1000),
	)...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &person{t: t, ctx: ctx, said: console(ctx)}
}

// console collects what the browser complains about: errors of scripts, and what the
// content security policy refuses. The returned function ends it.
func console(ctx context.Context) (stop func() []string) {
	ctx, cancel := context.WithCancel(ctx)
	messages := chromedp.Console(ctx)
	done := make(chan []string, 1)
	go func() {
		var all []string
		for m, err := range messages {
			if err != nil {
				break
			}
			all = append(all, m.String()+" ("+m.URL+")")
		}
		done <- all
	}()
	return func() []string {
		cancel()
		return <-done
	}
}

// as is p in a subtest: failures are its own.
func (p *person) as(t *testing.T) *person {
	q := *p
	q.t = t
	if p.home != nil {
		h := *p.home
		h.t = t
		q.home = &h
	}
	return &q
}

// soon is the context of one step.
func (p *person) soon() (context.Context, context.CancelFunc) {
	return context.WithTimeout(p.ctx, patience)
}

// accessible has axe look at the page that is open.
func (p *person) accessible(name string) {
	p.t.Helper()
	axe.Check(p.ctx, p.t, name)
}

// do takes steps in the browser.
func (p *person) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := p.soon()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\n%s", what, err, p.text())
	}
}

// open goes to a path of the admin listener.
func (p *person) open(path string) {
	p.t.Helper()
	p.do("opening "+path, chromedp.Navigate(p.home.admin+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// text is the page as a person reads it, for messages.
func (p *person) text() string {
	ctx, cancel := p.soon()
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](p *person, expression string) T {
	p.t.Helper()
	ctx, cancel := p.soon()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", expression, err, p.text())
	}
	return v
}

// until waits for the page, which may be another by then, to satisfy an expression.
func (p *person) until(what, expression string) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		ctx, cancel := p.soon()
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(`+expression+`)`))
		cancel()
		if ok && err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("waited %s for this: %s (%v)\n%s", patience, what, err, p.text())
		}
		<-time.After(50 * time.Millisecond)
	}
}

// click clicks what an expression finds, once it is there, and waits for the page that
// this leads to.
func (p *person) click(what, expression string) {
	p.t.Helper()
	p.until(what, `(b => b && (window.left = false, b.click(), true))(`+expression+`)`)
	p.until("the page after "+what, `window.left === undefined`)
}

// quoted is s in a script.
func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string
	}
	return string(text)
}

// signIn uses the form, and changes the password that was made at the first start, as
// the page asks for.
func (p *person) signIn() {
	p.t.Helper()
	p.open("/admin/")
	const changed = "four words make a password"
	if !evaluate[bool](p, `document.querySelector("#password") !== null`) {
		p.do("signing in with the token", chromedp.SendKeys(chromedp.CSS("#token"), p.home.token+"\r"))
		p.until("the overview", atOverview)
		return
	}
	password := strings.TrimSpace(string(p.home.read("conf/initial-admin-password")))
	p.do("signing in", chromedp.SendKeys(chromedp.CSS("#name"), "admin"), chromedp.SendKeys(chromedp.CSS("#password"), password+"\r"))
	p.until("the page after signing in", `document.querySelector("#old") !== null || `+atOverview)
	if evaluate[bool](p, `document.querySelector("#old") !== null`) {
		p.do("changing the password", chromedp.SendKeys(chromedp.CSS("#old"), password), chromedp.SendKeys(chromedp.CSS("#new"), changed),
			chromedp.SendKeys(chromedp.CSS(`[name="again"]`), changed+"\r"))
		p.until("the password is changed", `document.querySelector("#old") === null`)
		p.open("/admin/")
	}
	p.until("the overview", atOverview)
	p.home.password = changed
}
