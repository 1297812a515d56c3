package admin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/axe"
)

// TestConfigurationInABrowser: somebody configures an extension without a script of ours:
// adds an item, errs, reviews, is overtaken by somebody else, and saves.
func TestConfigurationInABrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	s := configured()
	url := open(t, s)
	path := strings.TrimSuffix(url, "/admin/") + "/admin/extensions/" + running().ID + "/config"
	look := func(name string) {
		t.Helper()
		axe.Check(ctx, t, name)
		if dir := os.Getenv("SCREENS"); dir != "" {
			for _, width := range []int64{1400, 390} {
				within(ctx, t, name, chromedp.EmulateViewport(width, 900))
				shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-")+map[int64]string{1400: "-wide", 390: "-narrow"}[width]+".png")
				if err := os.WriteFile(file, shot, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		within(ctx, t, name+", narrow", chromedp.EmulateViewport(390, 800))
		if wide := read[int](ctx, t, `document.documentElement.scrollWidth`); wide > 390 {
			t.Errorf("%s: at 390 pixels the page is %d wide", name, wide)
		}
		within(ctx, t, name+", wide", chromedp.EmulateViewport(1400, 900))
	}
	within(ctx, t, "signing in", chromedp.Navigate(url), chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")),
		chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("table")))
	within(ctx, t, "the configuration", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`[name="value:/host"]`)))
	look("config form")

	within(ctx, t, "adding an item", chromedp.Click(chromedp.CSS(`[name="add:/relays"]`)), chromedp.WaitVisible(chromedp.CSS(`[name="value:/relays/1/host"]`)))
	within(ctx, t, "an error", chromedp.SendKeys(chromedp.CSS(`[name="value:/port"]`), "many\r"), chromedp.WaitVisible(chromedp.CSS(".errors")))
	if href := read[string](ctx, t, `document.querySelector(".errors a").getAttribute("href")`); href != "#field-port" {
		t.Errorf("the summary leads to %s", href)
	}
	look("config error")
	within(ctx, t, "correcting", chromedp.Click(chromedp.CSS(".errors a")), chromedp.SetValue(chromedp.CSS(`[name="value:/port"]`), "26"),
		chromedp.SendKeys(chromedp.CSS(`[name="value:/relays/1/host"]`), "c"), chromedp.SendKeys(chromedp.CSS(`[name="value:/password"]`), "hush"),
		chromedp.Click(chromedp.CSS(".actions [value=review]")), chromedp.WaitVisible(chromedp.CSS("[value=save]")))
	look("config review")

	s.mu.Lock()
	s.stale = true
	s.config.Revision = 4
	s.revisions = append([]host.ConfigurationRevision{{Revision: 4, Time: time.Now(), By: "eve", Values: []byte("{}"), Diff: []host.Difference{{Pointer: "/mode", Kind: "removed", Before: []byte(`"tls"`)}}}}, s.revisions...)
	s.mu.Unlock()
	within(ctx, t, "overtaken", chromedp.Click(chromedp.CSS("[value=save]")), chromedp.WaitVisible(chromedp.CSS("#conflict")))
	if theirs := read[string](ctx, t, `document.querySelector(".errors .revisions").textContent`); !strings.Contains(theirs, "eve") || !strings.Contains(theirs, "/mode") {
		t.Errorf("what others have changed: %s", theirs)
	}
	look("config conflict")
	within(ctx, t, "saving all the same", chromedp.Click(chromedp.CSS("[value=save]")), chromedp.WaitVisible(chromedp.CSS(".notice.ok")))
	last := s.configured[len(s.configured)-1]
	if got := string(last.Values); last.DryRun || got != `{"host":"a<script>","port":26,"password":"hush","relays":[{"host":"b"},{"host":"c"}]}` {
		t.Errorf("the host was asked for %+v: %s", last, got)
	}
	look("config saved")

	s.config.Schema = []byte("null")
	within(ctx, t, "without a schema", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`textarea[name="json:"]`)))
	look("config without a schema")
	for _, theme := range []string{"dark"} {
		within(ctx, t, "the theme", chromedp.Click(chromedp.CSS("details.menu summary")), chromedp.WaitVisible(chromedp.CSS("button[value="+theme+"]")),
			chromedp.Click(chromedp.CSS("button[value="+theme+"]")), chromedp.WaitVisible(chromedp.CSS("[data-theme="+theme+"]")))
		s.config.Schema = []byte(pageSchema)
		within(ctx, t, "in the dark", chromedp.Navigate(path), chromedp.WaitVisible(chromedp.CSS(`[name="value:/host"]`)),
			chromedp.SendKeys(chromedp.CSS(`[name="value:/port"]`), "many\r"), chromedp.WaitVisible(chromedp.CSS(".errors")))
		look("config error dark")
	}
}
