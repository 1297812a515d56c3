package admin

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/axe"
)

// Axe looks at the page around own pages, and at the question that it asks, in both
// languages and themes, wide and narrow.
func TestOwnPagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	p := newPaged(map[string]string{"index.html": bare + `<h1>Pages</h1>`, "own.js": `
		await jackfield.connect();
		jackfield.ask("config.set", { values: { salutation: "x".repeat(200) } }).catch(() => {});
		jackfield.fit();`})
	ctx := browse(t)
	openPaged(ctx, t, p)
	here := read[string](ctx, t, `location.href`)
	for _, preference := range []string{"language=fr&theme=dark", "language=en&theme=light"} {
		read[bool](ctx, t, `fetch("/admin/preferences", { method: "POST", body: new URLSearchParams("`+preference+`&back=/admin/") }).then(() => { window.preferred = true; }) instanceof Promise`)
		until(ctx, t, `window.preferred === true`)
		within(ctx, t, "the page again", chromedp.Navigate(here))
		until(ctx, t, `document.documentElement.lang === "`+preference[9:11]+`" && document.getElementById("own-pages-confirm").open`)
		within(ctx, t, "wide", chromedp.EmulateViewport(1400, 900))
		axe.Check(ctx, t, "the question, "+preference)
		within(ctx, t, "narrow", chromedp.EmulateViewport(390, 800))
		axe.Check(ctx, t, "the question, narrow, "+preference)
		if wide := read[int](ctx, t, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("at 390 pixels the page is %d wide", wide)
		}
		within(ctx, t, "refusing", chromedp.Click(chromedp.CSS("#own-pages-confirm button.quiet")), chromedp.WaitNotVisible(chromedp.CSS("#own-pages-confirm")))
		axe.Check(ctx, t, "the page, narrow, "+preference)
	}
}
