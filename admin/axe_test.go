package admin

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPagesKeepNobodyOut looks at pages as axe does: wide and narrow, light and dark.
func TestPagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(everything()...)
	dress(rows)
	url := open(t, rows)
	site := strings.TrimSuffix(url, "/admin/")
	tab.Do("the form", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#name")), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")))
	tab.Accessible("sign-in")
	tab.Do("signing in", chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	for _, theme := range []string{"light", "dark"} {
		// On a page where the open menu covers nothing.
		tab.Do("opening the menu", chromedp.Navigate(site+"/admin/nothing"),
			chromedp.Click(chromedp.CSS("details.menu summary")), chromedp.WaitVisible(chromedp.CSS("button[value="+theme+"]")))
		tab.Accessible("the menu before " + theme)
		tab.Do("the theme", chromedp.Click(chromedp.CSS("button[value="+theme+"]")), chromedp.WaitVisible(chromedp.CSS("[data-theme="+theme+"]")))
		tab.Do("the overview", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")))
		tab.Accessible("overview, " + theme)
		tab.Window(390, 800)
		tab.Accessible("overview, narrow, " + theme)
		tab.Fits("overview, narrow, " + theme)
		tab.Window(1400, 900)
		for name, path := range map[string]string{
			"nothing found":     "/admin/?q=nothing+is+called+so",
			"a missing page":    "/admin/nothing",
			"asking to remove":  "/admin/extensions/" + running().ID + "/remove",
			"asking for a roll": "/admin/extensions/" + crashed().ID + "/rollback?version=1.3.0",
		} {
			tab.Do(name, chromedp.Navigate(site+path), chromedp.WaitVisible(chromedp.CSS("main")))
			tab.Accessible(name + ", " + theme)
		}
		tab.Do("selecting", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")),
			chromedp.Click(chromedp.CSS("input[name=id]")), chromedp.Click(chromedp.CSS(".bulk button[value=disable]")), chromedp.WaitVisible(chromedp.CSS(".ask table")))
		tab.Accessible("the review of a selection, " + theme)
		tab.Do("back", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("table")))
	}
}
