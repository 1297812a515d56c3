package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// TestConfigurationInABrowser: somebody configures an extension without a script of ours:
// adds an item, errs, reviews, is overtaken by somebody else, and saves.
func TestConfigurationInABrowser(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	s := configured()
	url := open(t, s)
	path := strings.TrimSuffix(url, "/admin/") + "/admin/extensions/" + running().ID + "/config"
	look := func(name string) {
		t.Helper()
		tab.Accessible(name)
		file := strings.ReplaceAll(name, " ", "-")
		picture(tab, file+"-wide")
		tab.Window(390, 800)
		tab.Fits(name)
		picture(tab, file+"-narrow")
		tab.Window(1400, 900)
	}
	tab.Do("signing in", chromedp.Navigate(url), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")),
		chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	tab.Do("the configuration", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`[name="value:/host"]`)))
	look("config form")

	tab.Do("adding an item", chromedp.Click(chromedp.CSS(`[name="add:/relays"]`)), chromedp.WaitVisible(chromedp.CSS(`[name="value:/relays/1/host"]`)))
	tab.Do("an error", chromedp.SendKeys(chromedp.CSS(`[name="value:/port"]`), "many\r"), chromedp.WaitVisible(chromedp.CSS(".errors")))
	if href := browsertest.Read[string](tab, `document.querySelector(".errors a").getAttribute("href")`); href != "#field-port" {
		t.Errorf("the summary leads to %s", href)
	}
	look("config error")
	tab.Do("correcting", chromedp.Click(chromedp.CSS(".errors a")), chromedp.SetValue(chromedp.CSS(`[name="value:/port"]`), "26"),
		chromedp.SendKeys(chromedp.CSS(`[name="value:/relays/1/host"]`), "c"), chromedp.SendKeys(chromedp.CSS(`[name="value:/password"]`), "hush"),
		chromedp.Click(chromedp.CSS(".actions [value=review]")), chromedp.WaitVisible(chromedp.CSS("[value=save]")))
	look("config review")

	s.mu.Lock()
	s.stale = true
	s.config.Revision = 4
	s.revisions = append([]host.ConfigurationRevision{{Revision: 4, Time: time.Now(), By: "eve", Values: []byte("{}"), Diff: []host.Difference{{Pointer: "/mode", Kind: "removed", Before: []byte(`"tls"`)}}}}, s.revisions...)
	s.mu.Unlock()
	tab.Do("overtaken", chromedp.Click(chromedp.CSS("[value=save]")), chromedp.WaitVisible(chromedp.CSS("#conflict")))
	if theirs := browsertest.Read[string](tab, `document.querySelector(".errors .revisions").textContent`); !strings.Contains(theirs, "eve") || !strings.Contains(theirs, "/mode") {
		t.Errorf("what others have changed: %s", theirs)
	}
	look("config conflict")
	tab.Do("saving all the same", chromedp.Click(chromedp.CSS("[value=save]")), chromedp.WaitVisible(chromedp.CSS(".notice.ok")))
	last := s.configured[len(s.configured)-1]
	if got := string(last.Values); last.DryRun || got != `{"host":"a<script>","port":26,"password":"hush","relays":[{"host":"b"},{"host":"c"}]}` {
		t.Errorf("the host was asked for %+v: %s", last, got)
	}
	look("config saved")

	s.config.Schema = []byte("null")
	tab.Do("without a schema", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`textarea[name="json:"]`)))
	look("config without a schema")
	for _, theme := range []string{"dark"} {
		tab.Do("the theme", chromedp.Click(chromedp.CSS("details.menu summary")), chromedp.WaitVisible(chromedp.CSS("button[value="+theme+"]")),
			chromedp.Click(chromedp.CSS("button[value="+theme+"]")), chromedp.WaitVisible(chromedp.CSS("[data-theme="+theme+"]")))
		s.config.Schema = []byte(pageSchema)
		tab.Do("in the dark", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`[name="value:/host"]`)),
			chromedp.SendKeys(chromedp.CSS(`[name="value:/port"]`), "many\r"), chromedp.WaitVisible(chromedp.CSS(".errors")))
		look("config error dark")
	}
}
