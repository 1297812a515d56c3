package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// person sits in front of a browser.
type person struct {
	*browsertest.Tab
	t    *testing.T
	home *home // nil: they have none
}

// visit signs in as the administrator, with the password of the first start.
func visit(t *testing.T, h *home) *person {
	t.Helper()
	p := browse(t)
	p.home = h
	p.signIn()
	return p
}

// browse is somebody who has no host.
func browse(t *testing.T) *person {
	t.Helper()
	return &person{Tab: browser.Open(t), t: t}
}

// as is p in a subtest: failures are its own.
func (p *person) as(t *testing.T) *person {
	q := person{Tab: p.As(t), t: t}
	if p.home != nil {
		h := *p.home
		h.t = t
		q.home = &h
	}
	return &q
}

// open goes to a path of the admin listener.
func (p *person) open(path string) {
	p.t.Helper()
	p.Do("opening "+path, chromedp.Navigate(p.home.admin+path), chromedp.WaitReady(chromedp.CSS("main")))
}

// click clicks what an expression finds, once it is there, and waits for the page that
// this leads to.
func (p *person) click(what, expression string) {
	p.t.Helper()
	p.Until(what, `(b => b && (window.left = false, b.click(), true))(`+expression+`)`)
	p.Until("the page after "+what, `window.left === undefined`)
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
	if !browsertest.Read[bool](p.Tab, `document.querySelector("#password") !== null`) {
		p.Do("signing in with the token", chromedp.SendKeys(chromedp.CSS("#token"), p.home.token+"\r"))
		p.Until("the overview", atOverview)
		return
	}
	password := strings.TrimSpace(string(p.home.read("conf/initial-admin-password")))
	p.Do("signing in", chromedp.SendKeys(chromedp.CSS("#name"), "admin"), chromedp.SendKeys(chromedp.CSS("#password"), password+"\r"))
	p.Until("the page after signing in", `document.querySelector("#old") !== null || `+atOverview)
	if browsertest.Read[bool](p.Tab, `document.querySelector("#old") !== null`) {
		p.Do("changing the password", chromedp.SendKeys(chromedp.CSS("#old"), password), chromedp.SendKeys(chromedp.CSS("#new"), changed),
			chromedp.SendKeys(chromedp.CSS(`[name="again"]`), changed+"\r"))
		p.Until("the password is changed", `document.querySelector("#old") === null`)
		p.open("/admin/")
	}
	p.Until("the overview", atOverview)
	p.home.password = changed
}
