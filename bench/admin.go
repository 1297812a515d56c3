package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/chromedp"
)

// adminResult is what the first page of the admin listener costs.
type adminResult struct {
	Extensions int `json:"extensions"`
	// Render has what each load of the page took, from the request to its last byte, and
	// RenderCPU what the host used for it, both in milliseconds.
	Render    []float64 `json:"render_ms"`
	RenderCPU []float64 `json:"render_cpu_ms"`
	// Scrape has what each scrape of /metrics took, in milliseconds, when every extension has
	// metrics of its own, and ScrapeBytes how large one is.
	Scrape      []float64 `json:"scrape_ms"`
	ScrapeBytes int       `json:"scrape_bytes"`
	// Page is the HTML, All everything that a first visit loads, as it comes over the
	// wire and unpacked, in bytes.
	Page     int `json:"page_bytes"`
	All      int `json:"all_bytes"`
	Unpacked int `json:"unpacked_bytes"`
	Parts    int `json:"parts"`
	// Open and Closed are the shares of one core that the host process used while a
	// browser kept the page open, and without one; extensions changed in both.
	Open   float64       `json:"cpu_open"`
	Closed float64       `json:"cpu_closed"`
	Span   time.Duration `json:"span_ns"`
	Events int           `json:"changes"`
}

// adminSection opens the overview of a host with many extensions.
func adminSection(ctx context.Context, p plan, e *environment, r *report) error {
	many, names := bundles{}, []string{}
	for i := range p.adminExtensions {
		name := fmt.Sprintf("bench.admin%03d", i)
		jar, err := e.renamedEcho(name)
		if err != nil {
			return err
		}
		many[name+".Request"] = jar
		names = append(names, name+".Class")
	}
	host, err := startJackfield(ctx, fmt.Sprintf("%d extensions", len(many)), many)
	if err != nil {
		return err
	}
	defer host.stop()
	a := &administrator{host: host, names: names}
	if err := a.arrive(); err != nil {
		return err
	}
	result := &adminResult{Extensions: len(many), Span: p.adminOpen}
	if err := a.loads(ctx, p.adminLoads, result); err != nil {
		return err
	}
	if err := a.scrapes(ctx, p.adminLoads, result); err != nil {
		return err
	}
	if err := a.weigh(ctx, result); err != nil {
		return err
	}
	if result.Closed, _, err = a.busy(ctx, p.adminOpen); err != nil {
		return err
	}
	if err := a.live(ctx, p.adminOpen, result); err != nil {
		return err
	}
	r.Admin = result
	return nil
}

// administrator asks one host's admin listener.
type administrator struct {
	host  *target
	token string
	names []string // ids of its extensions
}

// arrive reads the token, and waits until nothing starts any more.
func (a *administrator) arrive() error {
	token, err := os.ReadFile(filepath.Join(a.host.home, "conf", "admin.token"))
	a.token = strings.TrimSpace(string(token))
	return err
}

// get returns the answer to a path, its body as it comes.
func (a *administrator) get(ctx context.Context, method, path, encoding string) (body []byte, h http.Header, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+a.host.admin+path, nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	req.Header.Set("Accept-Encoding", encoding)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s answers %d: %.200s", method, path, resp.StatusCode, body)
	}
	return body, resp.Header, err
}

// loads takes the time that the page takes, once it is warm.
func (a *administrator) loads(ctx context.Context, n int, result *adminResult) error {
	for i := range n + 2 {
		before, err := cpuTime(a.host.pid)
		if err != nil {
			return err
		}
		began := time.Now()
		body, _, err := a.get(ctx, http.MethodGet, "/admin/", "gzip")
		if err != nil {
			return err
		}
		took := time.Since(began)
		after, err := cpuTime(a.host.pid)
		if err != nil {
			return err
		}
		if i < 2 { // not warm yet
			continue
		}
		result.Page = len(body)
		result.Render = append(result.Render, float64(took)/float64(time.Millisecond))
		result.RenderCPU = append(result.RenderCPU, float64(after-before)/float64(time.Millisecond))
	}
	return nil
}

// loaded are the addresses that a page has its browser load.
var loaded = regexp.MustCompile(`<(?:script|img|link)\b[^>]*?(?:src|href)="(/[^"]*)"`)

// weigh adds up what a first visit loads.
func (a *administrator) weigh(ctx context.Context, result *adminResult) error {
	paths := []string{"/admin/"}
	for i := 0; i < len(paths); i++ {
		body, h, err := a.get(ctx, http.MethodGet, paths[i], "gzip")
		if err != nil {
			return err
		}
		plain := body
		if h.Get("Content-Encoding") == "gzip" {
			if plain, err = unzip(body); err != nil {
				return err
			}
		}
		result.All, result.Unpacked = result.All+len(body), result.Unpacked+len(plain)
		if i > 0 {
			continue
		}
		for _, m := range loaded.FindAllSubmatch(plain, -1) {
			if path := strings.ReplaceAll(string(m[1]), "&amp;", "&"); !slices.Contains(paths, path) {
				paths = append(paths, path)
			}
		}
	}
	result.Parts = len(paths)
	return nil
}

func unzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// busy lets extensions change for a while, and returns the share of one core that the
// host process used.
func (a *administrator) busy(ctx context.Context, span time.Duration) (share float64, changes int, err error) {
	before, err := cpuTime(a.host.pid)
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	tick := time.NewTicker(span / 15)
	defer tick.Stop()
	for time.Since(began) < span {
		verb := "disable"
		if changes%2 == 1 {
			verb = "enable"
		}
		if _, _, err := a.get(ctx, http.MethodPost, "/api/v1/extensions/"+a.names[changes/2%len(a.names)]+"/"+verb, ""); err != nil {
			return 0, changes, err
		}
		changes++
		select {
		case <-ctx.Done():
			return 0, changes, ctx.Err()
		case <-tick.C:
		}
	}
	after, err := cpuTime(a.host.pid)
	return float64(after-before) / float64(time.Since(began)), changes, err
}

// live has a browser keep the page open, and makes sure that it follows what changes.
func (a *administrator) live(ctx context.Context, span time.Duration, result *adminResult) error {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return fmt.Errorf("%w\nhint: make test installs it", err)
	}
	dir, err := os.MkdirTemp("", "jackfield-bench-browser-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	allocator, cancel := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1400, 1000))...)
	defer cancel()
	tab, cancelTab := chromedp.NewContext(allocator)
	defer cancelTab()
	if err := a.open(tab); err != nil {
		return fmt.Errorf("opening the overview: %w", err)
	}
	if result.Open, result.Events, err = a.busy(tab, span); err != nil {
		return err
	}
	last := a.names[len(a.names)-1]
	if _, _, err := a.get(ctx, http.MethodPost, "/api/v1/extensions/"+last+"/disable", ""); err != nil {
		return err
	}
	seen := fmt.Sprintf(`window.kept && [...document.querySelectorAll("#rows tr")].some(r => r.dataset.id === %q && r.textContent.includes("stopped"))`, last)
	within, cancelWithin := context.WithTimeout(tab, patience)
	defer cancelWithin()
	if _, err := chromedp.Run(within, chromedp.Poll[bool](seen)); err != nil {
		return errors.Join(errors.New("the page does not follow what changes"), err)
	}
	return nil
}

// open signs in and marks the page: what happens to it from then on happens live.
func (a *administrator) open(tab context.Context) error {
	err := chromedp.Do(tab, chromedp.Navigate("http://"+a.host.admin+"/admin/"), chromedp.WaitReady(chromedp.CSS("#token")))
	if err != nil {
		return err
	}
	signIn := fmt.Sprintf(`(f => { f.value = %q; f.form.submit(); return true })(document.querySelector("#token"))`, a.token)
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](signIn)); err != nil {
		return err
	}
	if err := chromedp.Do(tab, chromedp.WaitVisible(chromedp.CSS("#rows tr"))); err != nil {
		return err
	}
	_, err = chromedp.Run(tab, chromedp.Evaluate[bool](`window.kept = true`))
	return err
}
