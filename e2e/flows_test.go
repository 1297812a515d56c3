package e2e

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// TestFlows: a person goes through what is done to a healthy extension, from its pages:
// tries a type, configures it with a secret, brings a newer version and goes back, reads
// in the audit trail who did so, and has a colleague look who may not.
func TestFlows(t *testing.T) {
	t.Parallel()
	h := serve(t)
	first := h.install("weather", "running", configured())
	p := visit(t, h)
	one := "/admin/extensions/" + first.ID

	t.Run("try", func(t *testing.T) {
		p := p.as(t)
		p.open(one + "/types")
		p.follow("Try it")
		p.Do("writing a request", chromedp.SendKeys(chromedp.CSS("#payload"), "<b>how warm is it?</b>"))
		p.follow("Send")
		p.Until("the answer", scripted(`page.says(document.querySelector("#answer-card .body")).includes("<b>how warm is it?</b>")`))
	})
	t.Run("configure", func(t *testing.T) {
		p := p.as(t)
		p.open(one + "/config")
		p.Do("a wrong value", chromedp.SendKeys(chromedp.CSS(`[name="value:/interval"]`), "0"))
		p.follow("Review the changes")
		p.Until("what is wrong, beside the field", `document.querySelector('[name="value:/interval"][aria-invalid="true"]') !== null`)
		browsertest.Read[bool](p.Tab, `(document.querySelector('[name="value:/interval"]').value = "", true)`)
		p.Do("better values", chromedp.SendKeys(chromedp.CSS(`[name="value:/interval"]`), "15"),
			chromedp.SendKeys(chromedp.CSS(`[name="value:/station"]`), "Québec"), chromedp.SendKeys(chromedp.CSS(`[name="value:/key"]`), "s3cr3t-of-the-provider"))
		p.follow("Review the changes")
		p.Until("what will change", scripted(`page.says(document.querySelector("main")).includes("Québec")`))
		p.follow("Save")
		p.Until("it is said", scripted(`page.says(document.querySelector("#notices")).includes("is configured")`))
		if text := p.Text(); strings.Contains(text, "s3cr3t") {
			t.Errorf("the secret is on the page: %s", text)
		}
		if status, text := h.ask("GET", "/api/v1/extensions/"+first.ID+"/config"); status != 200 || !strings.Contains(string(text), `"station":"Québec"`) ||
			!strings.Contains(string(text), `"interval":15`) || strings.Contains(string(text), "s3cr3t") {
			t.Errorf("the configuration is %d %s", status, text)
		}
	})
	t.Run("upgrade and roll back", func(t *testing.T) {
		p := p.as(t)
		p.open("/admin/install")
		p.upload("weather-1.1.0.jar", h.publisher.sign(t, "weather", pack(t, "weather", "1.1.0", configured())))
		p.Until("it is installed", scripted(`page.says(document.querySelector("h1")).includes("1.1.0 is installed")`))
		if now := h.awaitState(first.ID, "running"); now.Version != "1.1.0" {
			t.Errorf("version %s runs", now.Version)
		}
		p.open(one + "/versions")
		p.follow("Roll back")
		p.follow("Roll back")
		h.await("version 1.0.0 runs again", func() bool { return h.row(first.ID).Version == "1.0.0" && h.row(first.ID).State == "running" })
	})
	t.Run("audit", func(t *testing.T) {
		p := p.as(t)
		p.open("/admin/audit?target=" + first.ID)
		for _, what := range []string{"rolled back", "configured", "installed"} {
			p.Until(what+" is in the trail", scripted(`page.says(document.querySelector("main table")).toLowerCase().includes(%s)`, what))
		}
		if text := p.Text(); strings.Contains(text, "s3cr3t") {
			t.Errorf("the secret is in the trail: %s", text)
		}
	})
	for _, message := range p.Complaints() {
		if !strings.Contains(message, "422") { // the form with the wrong value
			t.Errorf("the browser complains: %s", message)
		}
	}
}

// follow presses the button or link of the page's own part that says so, and waits for
// the page that this leads to.
func (p *person) follow(label string) {
	p.t.Helper()
	p.click(label, scripted(`page.button(document.querySelector("main"), %s)`, label))
}

// A colleague who only looks is offered nothing that would be refused.
func TestColleague(t *testing.T) {
	t.Parallel()
	h := serve(t)
	first := h.install("weather", "running", configured())
	p := visit(t, h)
	p.open("/admin/users")
	p.Do("adding a viewer", chromedp.SendKeys(chromedp.CSS("#name"), "vera"), chromedp.SendKeys(chromedp.CSS("#password"), "a first password of vera"))
	p.follow("Add")
	p.Until("vera is there", scripted(`page.says(document.querySelector("main")).includes("vera")`))
	p.click("signing out", `document.querySelector('form[action="/admin/sign-out"] button')`)
	p.Do("signing in as vera", chromedp.SendKeys(chromedp.CSS("#name"), "vera"), chromedp.SendKeys(chromedp.CSS("#password"), "a first password of vera\r"))
	p.Until("a password of her own is asked for", `document.querySelector("#old") !== null`)
	p.Do("changing it", chromedp.SendKeys(chromedp.CSS("#old"), "a first password of vera"), chromedp.SendKeys(chromedp.CSS("#new"), "one that only vera knows"),
		chromedp.SendKeys(chromedp.CSS(`[name="again"]`), "one that only vera knows\r"))
	p.Until("the overview", atOverview+` && document.querySelector("#rows") !== null`)
	for _, path := range []string{"/admin/", "/admin/extensions/" + first.ID, "/admin/extensions/" + first.ID + "/versions", "/admin/extensions/" + first.ID + "/trust"} {
		p.open(path)
		offered := browsertest.Read[string](p.Tab, scripted(`[...document.querySelectorAll("main form[method=post] button:not([disabled]), main a.button")].map(page.label).join(", ")`))
		for _, verb := range []string{"Disable", "Restart", "Remove", "Roll back", "Pin", "Allow", "Revoke", "Install"} {
			if strings.Contains(offered, verb) {
				t.Errorf("%s offers to those who only look: %s", path, offered)
			}
		}
	}
	for _, path := range []string{"/admin/install", "/admin/users", "/admin/settings"} {
		p.open(path)
		if text := p.Text(); !strings.Contains(text, "You may not do this") {
			t.Errorf("%s is open to those who only look: %s", path, text)
		}
	}
}
