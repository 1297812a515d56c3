package admin

import (
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

func TestZZScreens(t *testing.T) {
	dir := os.Getenv("SCREENS")
	if dir == "" {
		return
	}
	ctx := browse(t)
	s, e := detailSample()
	s.set(e, running())
	ln, _ := net.Listen("tcp", "127.0.0.1:0")
	cfg := testConfig()
	cfg.Host, cfg.Address = s, ln.Addr().String()
	srv := httptest.NewUnstartedServer(mustNew(t, cfg).serve())
	srv.Listener.Close()
	srv.Listener = ln
	srv.Start()
	defer srv.Close()
	base := srv.URL
	within(ctx, t, "open", chromedp.Navigate(base+"/admin/"), chromedp.WaitVisible(chromedp.CSS("#token")), chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("#content")))
	only := os.Getenv("ONLY")
	for _, mode := range []string{"wide-light", "narrow-dark"} {
		w := int64(1400)
		if strings.HasPrefix(mode, "narrow") {
			w = 390
		}
		theme := strings.Split(mode, "-")[1]
		read[bool](ctx, t, `fetch("/admin/preferences",{method:"POST",headers:{"Content-Type":"application/x-www-form-urlencoded"},body:"theme=`+theme+`&language=`+map[string]string{"light": "en", "dark": "fr"}[theme]+`"}).then(()=>true)`)
		for _, tab := range detailTabs() {
			if only != "" && only != strings.Trim(strings.NewReplacer("/", "-", "?", "_").Replace(tab), "-") {
				continue
			}
			within(ctx, t, "nav", chromedp.EmulateViewport(w, 900), chromedp.Navigate(base+"/admin/extensions/"+strings.ReplaceAll(e.ID, "$", "%24")+tab), chromedp.WaitVisible(chromedp.CSS("h1")))
			if os.Getenv("OPEN") != "" {
				read[bool](ctx, t, `document.querySelectorAll("main details").forEach(d=>d.open=true), true`)
			}
			wide := read[int](ctx, t, `document.documentElement.scrollWidth`)
			if wide > int(w) {
				t.Logf("%s %s is %d wide", mode, tab, wide)
			}
			shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(80))
			if err != nil {
				t.Fatal(err)
			}
			name := strings.Trim(strings.NewReplacer("/", "-", "?", "_", ":", "").Replace(tab), "-")
			os.WriteFile(dir+"/"+name+"."+mode+".jpg", shot, 0o644)
		}
	}
}
