package admin

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/axe"
)

// TestPagesKeepNobodyOut looks at pages as axe does: wide and narrow, light and dark.
func TestPagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	rows := newShelf(everything()...)
	dress(rows)
	url := open(t, rows)
	site := strings.TrimSuffix(url, "/admin/")
	within(ctx, t, "the form", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#name")), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")))
	axe.Check(ctx, t, "sign-in")
	within(ctx, t, "signing in", chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	for _, theme := range []string{"light", "dark"} {
		// On a page where the open menu covers nothing.
		within(ctx, t, "opening the menu", chromedp.Navigate(site+"/admin/nothing"),
			chromedp.Click(chromedp.CSS("details.menu summary")), chromedp.WaitVisible(chromedp.CSS("button[value="+theme+"]")))
		axe.Check(ctx, t, "the menu before "+theme)
		within(ctx, t, "the theme", chromedp.Click(chromedp.CSS("button[value="+theme+"]")), chromedp.WaitVisible(chromedp.CSS("[data-theme="+theme+"]")))
		within(ctx, t, "the overview", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")))
		axe.Check(ctx, t, "overview, "+theme)
		within(ctx, t, "narrow", chromedp.EmulateViewport(390, 800))
		axe.Check(ctx, t, "overview, narrow, "+theme)
		if wide := read[int](ctx, t, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("at 390 pixels the page is %d wide", wide)
		}
		within(ctx, t, "wide", chromedp.EmulateViewport(1400, 900))
		for name, path := range map[string]string{
			"nothing found":     "/admin/?q=nothing+is+called+so",
			"a missing page":    "/admin/nothing",
			"asking to remove":  "/admin/extensions/" + running().ID + "/remove",
			"asking for a roll": "/admin/extensions/" + crashed().ID + "/rollback?version=1.3.0",
		} {
			within(ctx, t, name, chromedp.Navigate(site+path), chromedp.WaitVisible(chromedp.CSS("main")))
			axe.Check(ctx, t, name+", "+theme)
		}
		within(ctx, t, "selecting", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")),
			chromedp.Click(chromedp.CSS("input[name=id]")), chromedp.Click(chromedp.CSS(".bulk button[value=disable]")), chromedp.WaitVisible(chromedp.CSS(".ask table")))
		axe.Check(ctx, t, "the review of a selection, "+theme)
		within(ctx, t, "back", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")))
	}
}
