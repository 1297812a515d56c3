package admin

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// TestInstallFromRepositoriesInTheBrowser goes the whole way: a search, what is offered, what
// it comes to, its progress until it runs, and what would take it back.
func TestInstallFromRepositoriesInTheBrowser(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(running(), crashed())
	stockShelf(rows)
	site := enter(tab, open(t, rows))
	tab.Do("what is available", press(`nav a[href="/admin/available"]`), see(".offers"))
	tab.Do("a search", chromedp.SendKeys(chromedp.CSS("#q"), "maps\r"), see(`#q[value="maps"]`)) // of the next page
	tab.Do("what is offered", press(`a[href="/admin/available/org.example.maps.Maps"]`), see("#version"))
	tab.Do("the plan", press(".decide button.primary"), see("#start"))
	tab.Do("without consent", press("#start button.primary"))
	if n := browsertest.Read[int](tab, `document.querySelectorAll("input[name=consent]:invalid").length`); n != 2 {
		t.Errorf("%d consents are missing", n)
	}
	rows.plan(underWay(host.PlanRunning, host.StepDownloading, host.StepPlanned, host.StepPlanned))
	browsertest.Read[bool](tab, `document.querySelectorAll("input[name=consent]").forEach((e) => e.click()) === undefined`)
	tab.Do("with consent", press("#start button.primary"), see("#job progress"))
	rows.mu.Lock()
	if got := rows.requests[len(rows.requests)-1]; len(got.Consent) != 2 {
		t.Errorf("the host was asked for %+v", got)
	}
	rows.mu.Unlock()
	browsertest.Read[bool](tab, `document.querySelector("#job form button").focus() === undefined`)
	rows.plan(underWay(host.PlanRunning, host.StepReady, host.StepDownloading, host.StepPlanned))
	tab.Until("it downloads", `/1\sMiB of 4\sMiB/.test(document.querySelector("#job").textContent)`)
	if held := browsertest.Read[string](tab, `document.activeElement.textContent`); held != "Cancel" {
		t.Errorf("the focus went to %q", held)
	}
	rows.plan(underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning))
	tab.Until("it is done", `document.querySelector("#job").textContent.includes("All of it is installed and healthy") && document.title.includes(": done")`)
	tab.Do("asking to undo", press(`a[href="/admin/plans/7/undo"]`), see(".ask"))
	tab.Do("undoing", press(".ask button.danger"), see("#job"))
	if got := strings.Join(rows.planned, ", "); got != "undo 7" {
		t.Errorf("the host was asked to %s", got)
	}
	tab.Do("checking now", chromedp.Navigate(site+"/admin/updates"), see("table"), press(`form[action="/admin/repositories"] button`), see(".notice.bad"))
	for _, m := range tab.Complaints() {
		t.Errorf("the browser complains: %s", m)
	}
}

// TestSpoiltIcon: where an icon can not be had, its letter is there, and no broken picture.
func TestSpoiltIcon(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(running())
	stockShelf(rows)
	site := enter(tab, open(t, rows))
	tab.Do("what is available", chromedp.Navigate(site+"/admin/available"), see(".offers"))
	tab.Until("an icon is there", `document.querySelector(".icon > img").naturalWidth === 96`)
	rows.mu.Lock()
	rows.spoilt, rows.offers[3].Icon = true, true // one that the browser has not seen yet
	rows.mu.Unlock()
	tab.Do("an icon that is spoilt", chromedp.Navigate(site+"/admin/available/"+rows.offers[3].ID), see("#version"))
	tab.Until("its letter is there", `document.querySelector(".icon").textContent === "O" && !document.querySelector(".icon > img")`)
}

// TestPlanWithoutScripts: its page loads itself until it is over.
func TestPlanWithoutScripts(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	tab.Scripts(false)
	rows := newShelf(running())
	stockShelf(rows)
	site := enter(tab, open(t, rows))
	rows.plan(underWay(host.PlanRunning, host.StepReady, host.StepDownloading))
	tab.Do("the plan", chromedp.Navigate(site+"/admin/plans/7"), see("#job progress"))
	p := underWay(host.PlanFailed, host.StepUndone, host.StepFailed, host.StepUndone)
	p.Code, p.Message = "index_unreachable", "the repository acme does not answer"
	rows.plan(p)
	tab.Do("its end", see("#job section.errors"))
}

// storePages are those of installing from repositories, each with how a shelf is for it.
func storePages() []struct {
	name, path string
	set        func(*shelf)
} {
	failed := underWay(host.PlanFailed, host.StepUndone, host.StepFailed, host.StepUndone)
	failed.Code, failed.Message = "index_unreachable", "the repository acme does not answer: dial tcp 192.0.2.1:443: connect: connection refused"
	failed.Steps[1].Code, failed.Steps[1].Message = failed.Code, failed.Message
	none := func(*shelf) {}
	return []struct {
		name, path string
		set        func(*shelf)
	}{
		{"available", "/admin/available", none},
		{"available-spoilt", "/admin/available", func(s *shelf) {
			s.spoilt, s.offers = true, slices.Clone(s.offers)
			s.offers[3].Icon = true // one that the browser has not seen yet
		}},
		{"available-none", "/admin/available", func(s *shelf) { s.repositories = nil }},
		{"offer", "/admin/available/org.example.maps.Maps?store=https://evil.example/", none},
		{"offer-old", "/admin/available/org.example.old.Old", none},
		{"offer-future", "/admin/available/org.example.future.Future", none},
		{"not-offered", "/admin/available/no.such.Extension?store=https://new.example/", none},
		{"plan-review", "/admin/plans/new?install=org.example.maps.Maps", none},
		{"plan-conflict", "/admin/plans/new?install=org.example.maps.Maps", func(s *shelf) {
			s.proposed = &host.Plan{Kind: host.PlanInstall, State: host.PlanPlanned, Requested: []string{"org.example.maps.Maps"}, Problems: []host.PlanProblem{{
				Code: "conflict", Message: "no version of org.example.Base fits both org.example.maps.Maps and org.example.old.Old",
				Chain: []string{"org.example.maps.Maps 3.1.0 requires org.example.Base >=2", "org.example.old.Old 1.0, which is installed, requires org.example.Base <2"}, Hints: []string{"remove org.example.old.Old, or install org.example.maps.Maps@2.9"},
			}}}
		}},
		{"plan-running", "/admin/plans/7", func(s *shelf) {
			s.plans = []host.Plan{underWay(host.PlanRunning, host.StepReady, host.StepDownloading, host.StepPlanned)}
		}},
		{"plan-failed", "/admin/plans/7", func(s *shelf) { s.plans = []host.Plan{failed} }},
		{"plan-done", "/admin/plans/7", func(s *shelf) {
			s.plans = []host.Plan{underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning)}
		}},
		{"plan-undo", "/admin/plans/7/undo", none},
		{"updates", "/admin/updates", none},
		{"repositories", "/admin/repositories", none},
		{"repository-forget", "/admin/repositories/acme/forget", none},
		{"repository-forget-jameica", "/admin/repositories/bank/forget", none},
		{"extension-update", "/admin/extensions/" + running().ID, none},
		{"extension-revoked", "/admin/extensions/" + crashed().ID, none},
	}
}

// TestStorePagesKeepNobodyOut looks at every page as axe does: wide, light and English,
// narrow, dark and French. With JACKFIELD_PICTURES, a folder, it takes pictures, and looks at
// the other ways round, too.
func TestStorePagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(running(), crashed())
	stockShelf(rows)
	rows.plans = []host.Plan{underWay(host.PlanSucceeded, host.StepRunning, host.StepRunning, host.StepRunning)}
	site := enter(tab, open(t, rows))
	type look struct {
		name, theme, language string
		width                 int64
	}
	looks := []look{{"wide-light", "light", "en", 1400}, {"narrow-dark", "dark", "fr", 390}}
	if os.Getenv("JACKFIELD_PICTURES") != "" {
		looks = append(looks, look{"wide-dark", "dark", "fr", 1400}, look{"narrow-light", "light", "en", 390})
	}
	for _, look := range looks {
		prefer(tab, site, "theme="+look.theme+"&language="+look.language)
		tab.Window(look.width, 900)
		for _, page := range storePages() {
			rows.mu.Lock()
			kept := rows.stocked
			page.set(rows)
			rows.mu.Unlock()
			name := page.name + "-" + look.name
			tab.Do(name, chromedp.Navigate(site+page.path), see("main h1"))
			tab.Accessible(name)
			tab.Fits(name)
			picture(tab, name)
			rows.mu.Lock()
			rows.stocked = kept
			rows.mu.Unlock()
		}
	}
}

// prefer sends a form of the menu.
func prefer(tab *browsertest.Tab, site, form string) {
	tab.Do("the overview", chromedp.Navigate(site+"/admin/"), see("main h1"))
	browsertest.Read[bool](tab, `fetch("/admin/preferences", { method: "POST", body: new URLSearchParams("`+form+`&back=/admin/about") }).then(() => { window.preferred = true; }) instanceof Promise`)
	tab.Until("the form is sent", `window.preferred === true`)
}

// picture takes one if JACKFIELD_PICTURES names a folder for it.
func picture(tab *browsertest.Tab, name string) {
	if dir := os.Getenv("JACKFIELD_PICTURES"); dir != "" {
		tab.Picture(filepath.Join(dir, name+".png"))
	}
}
