package browsertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

var browser Browser

func TestMain(m *testing.M) {
	code := m.Run()
	browser.Close()
	os.Exit(code)
}

// site serves pages of HTML by their paths; what they load besides is not there.
func site(t *testing.T, pages map[string]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, ok := pages[r.URL.Path]
		if !ok {
			w.Header().Set("Content-Type", "text/javascript") // or that is complained about, too
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "img-src data:")
		fmt.Fprintf(w, `<!doctype html><html lang="en"><title>x</title><link rel="icon" href="data:,">%s`, text)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestTabsAreApart: what one tab keeps no other has, though they look at the same site, at
// the same time; and both have the focus.
func TestTabsAreApart(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{"/": `<input id="in" autofocus>`})
	for _, name := range []string{"ada", "eve"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tab := browser.Open(t)
			tab.Do("the page", chromedp.Navigate(url))
			if kept := Read[string](tab, `document.cookie + (localStorage.getItem("name") ?? "")`); kept != "" {
				t.Errorf("it begins with %q", kept)
			}
			Read[bool](tab, `(document.cookie = "name=`+name+`", localStorage.setItem("name", "`+name+`"), true)`)
			tab.Do("the page again", chromedp.Navigate(url), chromedp.SendKeys(chromedp.CSS("#in"), name))
			if kept := Read[string](tab, `[document.cookie, localStorage.getItem("name"), document.querySelector("#in").value, document.hasFocus()].join()`); kept != "name="+name+","+name+","+name+",true" {
				t.Errorf("it has kept %q", kept)
			}
		})
	}
}

// TestComplaints: everything that was said is heard, in order, over all pages; and a page
// without faults says nothing.
func TestComplaints(t *testing.T) {
	t.Parallel()
	url := site(t, map[string]string{
		"/quiet": `<p>Nothing.`, "/error": `<script>throw new Error("one")</script>`, "/policy": `<img alt="" src="/two.png">`, "/missing": `<script src="/three.js"></script>`,
	})
	quiet := browser.Open(t)
	quiet.Do("a page", chromedp.Navigate(url+"/quiet"))
	if said := quiet.Complaints(); len(said) != 0 {
		t.Errorf("a page without faults says %q", said)
	}
	tab := browser.Open(t)
	for _, path := range []string{"/error", "/policy", "/missing"} {
		tab.Do(path, chromedp.Navigate(url+path))
	}
	Read[bool](tab, `(console.info("by the way"), Array.from({ length: 1000 }, (_, i) => console.warn("number " + i)), true)`)
	said := tab.Complaints()
	if len(said) != 1003 {
		t.Fatalf("%d messages: %q", len(said), said[:min(len(said), 5)])
	}
	for i, want := range []string{"one", "Content Security Policy", "404", "number 0"} {
		if !strings.Contains(said[i], want) {
			t.Errorf("message %d is %q, want %q", i, said[i], want)
		}
	}
}

// TestFrame: each tab finds its own frame, and works in it.
func TestFrame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ada", "eve"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := site(t, map[string]string{"/": `<iframe sandbox="allow-scripts" src="/inside"></iframe>`, "/inside": `<p id="name">` + name + `</p><button onclick="this.textContent = 'pressed'">press</button>`})
			tab := browser.Open(t)
			tab.Do("the page", chromedp.Navigate(url))
			frame := tab.Frame("/inside")
			frame.Until("it is the own one", `document.getElementById("name").textContent === "`+name+`"`)
			frame.Do("pressing", chromedp.Click(chromedp.CSS("button")))
			frame.Until("it is pressed", `document.querySelector("button").textContent === "pressed"`)
		})
	}
}

// TestSwitches: scripts, colors, headers, size, and a picture of what is seen.
func TestSwitches(t *testing.T) {
	t.Parallel()
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			asked = append(asked, r.Header.Get("X-Person")) // by one tab, one after the other
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><title>x</title><link rel="icon" href="data:,"><p id="p">off</p><noscript><p id="without">without</p></noscript><script>document.getElementById("p").textContent = "on"</script>`)
	}))
	defer s.Close()
	tab := browser.Open(t)
	tab.Window(390, 844)
	tab.Prefer("dark")
	tab.Header("X-Person", "ada")
	tab.Do("with scripts", chromedp.Navigate(s.URL))
	const seen = `[document.getElementById("p").textContent, document.getElementById("without") !== null, innerWidth, innerHeight, matchMedia("(prefers-color-scheme: dark)").matches].join()`
	if got := Read[string](tab, seen); got != "on,false,390,844,true" {
		t.Errorf("the page is %s", got)
	}
	tab.Fits("the page")
	tab.Prefer("light")
	tab.Scripts(false)
	tab.Do("without scripts", chromedp.Navigate(s.URL))
	if got := Read[string](tab, seen); got != "off,true,390,844,false" {
		t.Errorf("without scripts the page is %s", got)
	}
	if !slices.Equal(asked, []string{"ada", "ada"}) {
		t.Errorf("it was asked by %q", asked)
	}
	path := filepath.Join(t.TempDir(), "picture.png")
	tab.Picture(path)
	if data, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(data), "\x89PNG") {
		t.Errorf("the picture: %v", err)
	}
}

// TestSlowSheet: a page is looked at as people see it, not as it is before its style has come.
func TestSlowSheet(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/late.css":
			<-time.After(300 * time.Millisecond) // a slow server
			w.Header().Set("Content-Type", "text/css")
			fmt.Fprint(w, `p { width: 100px !important } button { min-width: 44px; min-height: 44px; display: block }`)
		case "/page":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><html lang="en"><title>Page</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/late.css"><main><h1>Page</h1><p style="width: 5000px">x</p><button style="width: 5px; padding: 0">a</button><button style="width: 5px; padding: 0">b</button></main>`)
		default:
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<!doctype html><title>x</title><link rel="icon" href="data:,"><a href="/page">on</a>`)
		}
	}))
	defer s.Close()
	for name, look := range map[string]func(*Tab){"size": func(tab *Tab) { tab.Fits("the page") }, "axe": func(tab *Tab) { tab.Accessible("the page") }} {
		t.Run(name, func(t *testing.T) {
			tab := browser.Open(t)
			tab.Do("the link", chromedp.Navigate(s.URL), chromedp.Click(chromedp.CSS("a")), chromedp.WaitReady(chromedp.CSS("main button")))
			look(tab)
		})
	}
}
