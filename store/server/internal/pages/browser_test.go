package pages

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/axe"
)

// browse starts a browser without window, which the end of the test ends.
func browse(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("this test drives a real browser: install the Debian package chromium (apt-get install chromium)")
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()),
		// The sandbox of the browser does not work for root. The only pages are ours.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"),
	)...)
	t.Cleanup(cancel)
	ctx, cancelTab := chromedp.NewContext(ctx)
	t.Cleanup(cancelTab)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return ctx
}

// within runs steps, for half a minute at most.
func within(ctx context.Context, t *testing.T, what string, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func read[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// tell sends one command of the browser's protocol.
func tell[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

func theme(name string) chromedp.Action[chromedp.Void] {
	return tell(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// serve serves pages at an address of their own.
func serve(t *testing.T, s *shelf, changes ...func(*Config)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := &url.URL{Scheme: "http", Host: server.Listener.Addr().String(), Path: "/"}
	server.Config.Handler = pagesOf(t, s, append(changes, func(c *Config) { c.Base = base })...)
	server.Start()
	t.Cleanup(server.Close)
	return "http://" + base.Host
}

// glance is a way in which a page is looked at.
type glance struct {
	name          string
	width, height int64
	theme         string
	all           bool // pages; else those that differ most
}

// TestLook looks at every page as people do: nothing is cut off, axe finds nothing
// serious, the browser has nothing to complain about. The pictures, in
// dist/screenshots/store, are for people to look at.
func TestLook(t *testing.T) {
	site := serve(t, stocked(), func(c *Config) {
		c.Root = testRoot(t)
		c.Jameica = func(context.Context) ([]byte, error) { return c.Root, nil }
	})
	ctx := browse(t)
	pictures := filepath.Join("..", "..", "..", "..", "dist", "screenshots", "store")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	said := console(ctx)
	header := network.Headers{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("any:of-admin"))}
	within(ctx, t, "a token", tell(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: header}))
	weather, hostile := "/extensions/org.acme.Weather", "/extensions/org.spite.One"
	for _, l := range []glance{
		{"wide-light", 1400, 1000, "light", true}, {"wide-dark", 1400, 1000, "dark", false},
		{"narrow-light", 390, 844, "light", false}, {"narrow-dark", 390, 844, "dark", true},
	} {
		within(ctx, t, "a window of another size and colour", chromedp.EmulateViewport(l.width, l.height), theme(l.theme))
		type page struct{ name, path string }
		pages := []page{{"front", "/"}, {"extension", weather}, {"version-revoked", weather + "/versions/2.11.0"}, {"about", "/about"}}
		if l.all {
			pages = append(pages, []page{
				{"search", "/?q=tides"}, {"extension-hebrew", weather + "?lang=he"}, {"extension-jami", "/extensions/GreenScreen"}, {"extension-jameica", "/extensions/hibiscus.reports"},
				{"extension-hostile", hostile}, {"version", weather + "/versions/2.14.0"}, {"versions", weather + "/versions"}, {"publisher", "/publishers/acme.example"},
				{"labels", "/labels"}, {"open", "/open/org.acme.Weather"}, {"publishing", "/submissions"}, {"submissions", "/submissions/mine"}, {"submission", "/submissions/59"}, {"missing", "/nothing"},
			}...)
		}
		if l.all && l.width > 1000 { // these differ in their words only
			pages = append(pages, []page{
				{"front-french", "/?lang=fr"}, {"extension-french", weather + "?lang=fr"}, {"nothing-found", "/?q=nothing+like+it"}, {"extension-unsigned", "/extensions/org.acme.Unsigned"},
				{"extension-gone", "/extensions/org.acme.Gone"}, {"versions-hostile", hostile + "/versions?from=42.0.0"},
			}...)
		}
		for _, page := range pages {
			t.Run(page.name+"/"+l.name, func(t *testing.T) {
				within(ctx, t, "opening "+page.path, chromedp.Navigate(site+page.path), chromedp.WaitReady(chromedp.CSS("main h1")))
				if wide := read[int64](ctx, t, `document.documentElement.scrollWidth`); wide > l.width {
					t.Errorf("at %d pixels it is %d wide: %s", l.width, wide, read[string](ctx, t, widest))
				}
				if l.all {
					axe.Check(ctx, t, page.name)
				}
				within(ctx, t, "a picture", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
					shot, err := chromedp.FullScreenshot(100)(ctx, target)
					if err != nil {
						return err
					}
					return os.WriteFile(filepath.Join(pictures, page.name+"-"+l.name+".png"), shot, 0o644)
				}))
			})
		}
	}
	for _, message := range said() {
		if !strings.Contains(message, "404") { // the page that is missing
			t.Errorf("the browser complains: %s", message)
		}
	}
}

// TestPrint prints the page of an extension, to be looked at: on paper nobody scrolls.
func TestPrint(t *testing.T) {
	site := serve(t, stocked())
	ctx := browse(t)
	within(ctx, t, "the page of an extension", chromedp.Navigate(site+"/extensions/org.acme.Weather"), chromedp.WaitReady(chromedp.CSS("main h1")))
	var sheet []byte
	within(ctx, t, "printing", chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		printed, err := cdp.Call(ctx, target, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
		sheet = printed.Data
		return err
	}))
	if n := bytes.Count(sheet, []byte("/Type /Page\n")); n < 1 || n > 4 {
		t.Errorf("it takes %d sheets", n)
	}
	pictures := filepath.Join("..", "..", "..", "..", "dist", "screenshots", "store")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(pictures, "extension.pdf"), sheet, 0o644); err != nil {
		t.Error(err)
	}
}

// widest names what stands out of the page.
const widest = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth && getComputedStyle(e).position !== "absolute").slice(0, 5).map(e => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 60)).join(" | ")`

// console collects what the browser complains about. The returned function ends it.
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

// TestWithoutScripts is somebody with scripts switched off who looks for an extension,
// reads about it, and opens it in their host.
func TestWithoutScripts(t *testing.T) {
	site := serve(t, stocked())
	ctx := browse(t)
	at := func() string { return strings.TrimPrefix(read[string](ctx, t, `location.href`), site) }
	until := func(what, path string) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); at() != path || !read[bool](ctx, t, `document.readyState === "complete"`); {
			if time.Now().After(deadline) {
				t.Fatalf("after %s: at %s, want %s", what, at(), path)
			}
			<-time.After(20 * time.Millisecond)
		}
	}
	within(ctx, t, "the front page", tell(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}),
		chromedp.EmulateViewport(1400, 1000), chromedp.Navigate(site+"/"), chromedp.WaitVisible(chromedp.CSS("#q")))
	within(ctx, t, "searching", chromedp.SendKeys(chromedp.CSS("#q"), "forecast\r"))
	until("searching", "/?q=forecast&platform=&label=&format=&sort=published")
	within(ctx, t, "choosing", chromedp.Click(chromedp.CSS(".extension h2 a")))
	until("choosing", "/extensions/org.acme.Weather")
	within(ctx, t, "a dependency", chromedp.Click(chromedp.CSS(`[aria-labelledby=requires] a`)))
	until("a dependency", "/extensions/org.acme.Cache")
	within(ctx, t, "French", chromedp.Click(chromedp.CSS(`.languages a[lang=fr]`)))
	until("French", "/extensions/org.acme.Cache?lang=fr")
	within(ctx, t, "opening in a host", chromedp.Click(chromedp.CSS(`.install .button.primary`)))
	until("opening in a host", "/open/org.acme.Cache?lang=fr")
	within(ctx, t, "an address that is none", chromedp.SendKeys(chromedp.CSS("#host"), "http://far.example\r"), chromedp.WaitVisible(chromedp.CSS("#host-error")))
	within(ctx, t, "an address", chromedp.Clear(chromedp.CSS("#host")), chromedp.SendKeys(chromedp.CSS("#host"), "localhost:9200\r"), chromedp.WaitVisible(chromedp.CSS(`a[href^="https://localhost:9200/admin/install?id=org.acme.Cache"]`)))
	if n := read[int](ctx, t, `document.scripts.length`); n != 0 {
		t.Errorf("the page has %d scripts", n)
	}
}
