package browsertest

import (
	"context"
	"crypto/rand"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/internal/axe"
)

// Tab is a page that a test looks at, and what it knows of the world. One goroutine uses it.
type Tab struct {
	t       *testing.T
	ctx     context.Context // the tab's, until the test ends
	window  *window
	console iter.Seq2[chromedp.ConsoleMessage, error]
	deafen  func() // ends the console
}

// window is the size of a tab in pixels.
type window struct{ width, height int64 }

// As is the tab in a subtest, whose failures are its own.
func (tab *Tab) As(t *testing.T) *Tab {
	c := *tab
	c.t = t
	return &c
}

// Run takes one step and returns what comes of it. what names it for the message.
func Run[T any](tab *Tab, what string, step chromedp.Action[T]) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	v, err := chromedp.Run(ctx, step)
	if err != nil {
		tab.t.Fatalf("%s: %v\n%s", what, err, tab.Text())
	}
	return v
}

// Do takes steps, all of them within Patience.
func (tab *Tab) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	tab.t.Helper()
	Run(tab, what, chromedp.Steps(steps...))
}

// Read returns the value of an expression in the page.
func Read[T any](tab *Tab, expression string) T {
	tab.t.Helper()
	return Run(tab, expression, chromedp.Evaluate[T](expression))
}

// Until waits until an expression is true in the page, which may be another one by then,
// and is complete.
func (tab *Tab) Until(what, expression string) {
	tab.t.Helper()
	for deadline := time.Now().Add(Patience); ; <-time.After(20 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(tab.ctx, Patience)
		so, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && Boolean(`+expression+`)`))
		cancel()
		if so && err == nil {
			return
		}
		if time.Now().After(deadline) {
			tab.t.Fatalf("waited %s for this: %s: %s (%v)\n%s", Patience, what, expression, err, tab.Text())
		}
	}
}

// Text is where the tab is, and what a person reads there: for messages.
func (tab *Tab) Text() string {
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + "\n" + (document.body?.innerText ?? "")`))
	if err != nil {
		return err.Error()
	}
	return text
}

// whole waits for a page to be complete: it is shown before its last style sheet has come, and
// then looks as nobody sees it.
func (tab *Tab) whole(what string) {
	tab.t.Helper()
	tab.Until(what+" is complete", "true")
}

// Accessible fails the test for what keeps people out of the page; what names the page.
func (tab *Tab) Accessible(what string) {
	tab.t.Helper()
	tab.whole(what)
	axe.Check(tab.ctx, tab.t, what)
}

// widest names what stands out of the page.
const widest = `[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > document.documentElement.clientWidth && getComputedStyle(e).position !== "absolute").slice(0, 5).map(e => e.tagName + "." + e.className + ": " + e.textContent.trim().slice(0, 60)).join(" | ")`

// Fits fails the test if the page is wider than the window; what names the page.
func (tab *Tab) Fits(what string) {
	tab.t.Helper()
	tab.whole(what)
	if wide := Read[int64](tab, `document.documentElement.scrollWidth`); wide > tab.window.width {
		tab.t.Errorf("%s: at %d pixels it is %d wide: %s", what, tab.window.width, wide, Read[string](tab, widest))
	}
}

// Picture writes a picture of the whole page, a PNG, for people to look at.
func (tab *Tab) Picture(path string) {
	tab.t.Helper()
	tab.whole(path)
	if err := os.WriteFile(path, Run(tab, "a picture", chromedp.FullScreenshot(100)), 0o644); err != nil {
		tab.t.Fatal(err)
	}
}

// Window gives the page another size, in pixels. A new tab has 1400 by 1000.
func (tab *Tab) Window(width, height int64) {
	tab.t.Helper()
	*tab.window = window{width, height}
	tab.Do(fmt.Sprintf("a window of %d by %d", width, height), chromedp.EmulateViewport(width, height))
}

// Prefer says which colors the person prefers, light or dark.
func (tab *Tab) Prefer(colors string) {
	tab.t.Helper()
	tab.Do(colors+" colors", tell(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: colors}}}))
}

// Scripts switches the scripts of pages on or off.
func (tab *Tab) Scripts(on bool) {
	tab.t.Helper()
	tab.Do("the switch of scripts", tell(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}))
}

// Header has every request carry a header from now on, and no other one of those before.
func (tab *Tab) Header(name, value string) {
	tab.t.Helper()
	tab.Do("the header "+name, tell(network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{name: value}}))
}

// tell sends one command of the browser's protocol.
func tell[P any](c cdp.Command[P, cdp.Empty], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, c, params)
		return err
	})
}

// Frame waits for a frame of another origin, which has a part in its address, and returns it
// as a tab: its steps are taken in the frame. It has no console and no window of its own.
func (tab *Tab) Frame(part string) *Tab {
	tab.t.Helper()
	for deadline := time.Now().Add(Patience); ; <-time.After(20 * time.Millisecond) {
		targets, err := chromedp.Targets(tab.ctx)
		if err != nil {
			tab.t.Fatal(err)
		}
		for _, target := range targets {
			// The browser has the frames of other tests, too.
			if target.Type != "iframe" || target.BrowserContextID != chromedp.FromContext(tab.ctx).BrowserContextID || !strings.Contains(target.URL, part) {
				continue
			}
			ctx, cancel := chromedp.NewContext(tab.ctx, chromedp.WithTargetID(target.TargetID))
			tab.t.Cleanup(cancel)
			if err := begin(ctx, cancel); err != nil {
				tab.t.Fatalf("entering the frame %s: %v", target.URL, err)
			}
			return &Tab{t: tab.t, ctx: ctx, window: tab.window}
		}
		if time.Now().After(deadline) {
			tab.t.Fatalf("waited %s for a frame whose address has %q\n%s", Patience, part, tab.Text())
		}
	}
}

// Complaints are the messages of the console since the tab was opened, each with the address
// it is about: errors of scripts, what the content security policy refuses, requests that
// fail; not what the browser says by the way. It can be called once.
func (tab *Tab) Complaints() []string {
	tab.t.Helper()
	end := rand.Text() // what was said before it has come before it
	Read[bool](tab, `(console.debug("`+end+`"), true)`)
	late := time.AfterFunc(Patience, tab.deafen)
	defer late.Stop()
	var all []string
	for m, err := range tab.console {
		if err == nil && m.Text == end {
			return all
		}
		if err != nil {
			tab.t.Fatalf("reading the console: %v", err)
		}
		if m.Type != chromedp.ConsoleInfo && m.Type != chromedp.ConsoleDebug {
			all = append(all, m.String()+" ("+m.URL+")")
		}
	}
	tab.t.Fatal("the console ended early")
	return nil
}
