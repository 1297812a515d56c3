package admin

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// Axe looks at the page around own pages, and at the question that it asks, in both
// languages and themes, wide and narrow.
func TestOwnPagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	p := newPaged(map[string]string{"index.html": bare + `<h1>Pages</h1>`, "own.js": `
		await jackfield.connect();
		jackfield.ask("config.set", { values: { salutation: "x".repeat(200) } }).catch(() => {});
		jackfield.fit();`})
	tab := browser.Open(t)
	openPaged(t, tab, p)
	here := browsertest.Read[string](tab, `location.href`)
	for _, preference := range []string{"language=fr&theme=dark", "language=en&theme=light"} {
		browsertest.Read[bool](tab, `fetch("/admin/preferences", { method: "POST", body: new URLSearchParams("`+preference+`&back=/admin/") }).then(() => { window.preferred = true; }) instanceof Promise`)
		tab.Until("the form is sent", `window.preferred === true`)
		tab.Do("the page again", chromedp.Navigate(here))
		tab.Until("the question in this language", `document.documentElement.lang === "`+preference[9:11]+`" && document.getElementById("own-pages-confirm").open`)
		tab.Window(1400, 900)
		tab.Accessible("the question, " + preference)
		tab.Window(390, 800)
		tab.Accessible("the question, narrow, " + preference)
		tab.Fits("the question, " + preference)
		tab.Do("refusing", chromedp.Click(chromedp.CSS("#own-pages-confirm button.quiet")), chromedp.WaitNotVisible(chromedp.CSS("#own-pages-confirm")))
		tab.Accessible("the page, narrow, " + preference)
	}
}
