// Package browsertest puts a real browser, Chromium without a window, in front of the
// pages that a test serves. A package that tests pages has one Browser, which TestMain
// closes; each test opens a Tab in it and takes its steps there.
//
// What is promised: tabs know nothing of each other, as if each had a browser of its own
// (cookies, storage, cache), and may be used at the same time; each of them believes that
// it has the focus. No step takes longer than Patience. When a step fails the test ends,
// and says what the page showed. It is for tests only.
package browsertest

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// Patience is how long one step may take on a machine that is busy with other things.
const Patience = 40 * time.Second

// The size of the window of a new tab, in pixels.
const width, height = 1400, 1000

// Browser is started when the first tab is opened: the zero value is ready to be used.
type Browser struct {
	start sync.Once
	ctx   context.Context // the browser's, until Close
	end   func()
	err   error // why it has not started
}

// launch starts the browser.
func (b *Browser) launch() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		b.err = fmt.Errorf("this test drives a real browser: install the Debian package chromium (apt-get install chromium): %w", err)
		return
	}
	allocator, free := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		// The sandbox of the browser does not work for root. The only pages are ours.
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"),
		chromedp.WindowSize(width, height),
	)...)
	ctx, cancel := chromedp.NewContext(allocator)
	b.ctx, b.end = ctx, func() { cancel(); free() }
	if err := begin(ctx, cancel); err != nil {
		b.err = fmt.Errorf("starting %s: %w", path, err)
	}
}

// begin has the browser make what ctx stands for: itself, or a tab. It lives as long as the
// context does with which it was made, so that can have no deadline.
func begin(ctx context.Context, cancel func()) error {
	late := time.AfterFunc(Patience, cancel)
	defer late.Stop()
	return chromedp.Do(ctx)
}

// Close ends the browser, once no test uses it any more, and waits for its end.
func (b *Browser) Close() {
	if b.end != nil {
		b.end()
	}
}

// Open opens an empty tab, which the end of the test closes.
func (b *Browser) Open(t *testing.T) *Tab {
	t.Helper()
	b.start.Do(b.launch)
	if b.err != nil {
		t.Fatal(b.err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	context.AfterFunc(t.Context(), cancel) // before servers are closed, which wait for what a page still asks
	if err := begin(ctx, cancel); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	listening, deafen := context.WithCancel(ctx)
	tab := &Tab{t: t, ctx: ctx, window: &window{width, height}, console: chromedp.Console(listening), deafen: deafen}
	tab.Do("taking the focus", tell(emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}))
	tab.Window(width, height)
	return tab
}
