package admin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// enter signs in with the administrator's token.
func enter(tab *browsertest.Tab, url string) (site string) {
	tab.Do("signing in", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#password")),
		chromedp.Click(chromedp.CSS(".sign-in summary")), chromedp.WaitVisible(chromedp.CSS("#token")),
		chromedp.SendKeys(chromedp.CSS("#token"), testToken+"\r"), chromedp.WaitVisible(chromedp.CSS("#rows")))
	return strings.TrimSuffix(url, "/admin/")
}

// fileOf is a file with n bytes.
func fileOf(t *testing.T, name string, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(strings.Repeat("x", n)), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func see(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitVisible(chromedp.CSS(selector))
}

func press(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// TestInstallInTheBrowser goes the whole way: a file that is too large, one that is
// refused, one that is good, the look at it, its progress until it runs.
func TestInstallInTheBrowser(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(running())
	rows.stages(staged())
	site := enter(tab, open(t, rows))

	tab.Do("the form", chromedp.Navigate(site+"/admin/install"), see("#file"))
	tab.Accessible("install")
	tab.Do("too large a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "large.jar", 2<<20)}), press("#send button.primary"), see("#file-error"))
	if text := browsertest.Read[string](tab, `document.querySelector("#file-error").textContent`); !strings.Contains(text, "large.jar has 2 MiB") && !strings.Contains(text, "large.jar has 2\u202fMiB") {
		t.Errorf("of a file that is too large it says %q", text)
	}
	if n := len(rows.uploads); n != 0 {
		t.Errorf("%d uploads of a file that is too large", n)
	}

	rows.mu.Lock()
	rows.refuse = &host.Error{Code: "not_zip", Message: "it does not end as a ZIP file"}
	rows.mu.Unlock()
	tab.Do("no bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "no.jar", 1000)}), press("#send button.primary"), see("#problem .errors"))
	if focus := browsertest.Read[string](tab, `document.activeElement.textContent`); !strings.Contains(focus, "it does not end as a ZIP file") {
		t.Errorf("the focus is at %q", focus)
	}
	tab.Accessible("install, refused")

	rows.mu.Lock()
	rows.refuse = nil
	rows.mu.Unlock()
	tab.Do("a bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "good.jar", 1000)}), press("#send button.primary"), see(".decide"))
	tab.Accessible("review")
	if text := browsertest.Read[string](tab, `document.querySelector("h1").textContent`); text != "Upgrade Tracking to 6.0?" {
		t.Errorf("the question is %q", text)
	}
	rows.sets(host.Job{Name: "install-1", State: host.JobVerifying, ID: running().ID, Version: "6.0"})
	tab.Do("installing", press(`input[value="sql:fleet"]`), press("button[form=install]"), see("#job .loading"))
	if got := rows.installs(); len(got) != 1 || strings.Join(got[0].Grant, " ") != "events" || got[0].Installed != running().Digest {
		t.Errorf("the host was asked for %+v", got)
	}
	tab.Accessible("an installation")
	rows.sets(host.Job{Name: "install-1", State: host.JobStarting, ID: running().ID, Version: "6.0"})
	tab.Until("it starts", `document.querySelectorAll("#job .steps .done").length === 2`)
	rows.sets(host.Job{Name: "install-1", State: host.JobDone, ID: running().ID, Version: "6.0"})
	tab.Until("it is installed", `document.querySelector("h1").textContent === "Tracking 6.0 is installed" && document.title.startsWith("Tracking 6.0 is installed")`)
	tab.Accessible("an installation that is over")
	for _, m := range tab.Complaints() {
		if !strings.Contains(m, "422") { // the refusal
			t.Errorf("the browser complains: %s", m)
		}
	}
}

// TestInstallWithoutScripts: the same forms do the same.
func TestInstallWithoutScripts(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	tab.Scripts(false)
	rows := newShelf(running())
	rows.stages(staged())
	site := enter(tab, open(t, rows))
	tab.Do("the form", chromedp.Navigate(site+"/admin/install"), see("#file"))
	if zone := browsertest.Read[string](tab, `document.querySelector("#zone").textContent`); zone != "Times are in UTC." {
		t.Fatalf("scripts run: the page says %q", zone)
	}
	tab.Do("too large a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "large.jar", 3<<20)}), press("#send button.primary"), see("#problem .errors"))
	tab.Do("a bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "good.jar", 1000)}), press("#send button.primary"), see(".decide"))
	rows.sets(host.Job{Name: "install-1", State: host.JobStarting, ID: running().ID, Version: "6.0"})
	tab.Do("installing", press("button[form=install]"), see("#job .loading"))
	rows.sets(host.Job{Name: "install-1", State: host.JobFailed, ID: running().ID, Version: "6.0", Code: "init_failed", Message: "no database"})
	tab.Do("the page that loads itself", chromedp.WaitVisible(chromedp.CSS("#job .said")))
}

// TestAccountsInTheBrowser: a user is added with a password that was suggested, a token is
// made and copied, both are taken away.
func TestAccountsInTheBrowser(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	site := enter(tab, open(t, newShelf(running(), crashed())))
	tab.Do("users", chromedp.Navigate(site+"/admin/users"), see("#name"))
	tab.Accessible("users")
	tab.Do("adding", chromedp.SendKeys(chromedp.CSS("#name"), "vera"), press("[data-suggest]"))
	if password := browsertest.Read[string](tab, `document.querySelector("#password").value`); len(password) != 23 {
		t.Errorf("the suggested password is %q", password)
	}
	tab.Do("the user", press(`form[action="/admin/users"] button.primary`), see(`form[action="/admin/users/vera"]`))
	tab.Accessible("a user")
	tab.Do("tokens", chromedp.Navigate(site+"/admin/tokens"), see("#label"))
	tab.Accessible("tokens")
	tab.Do("a token", chromedp.SendKeys(chromedp.CSS("#label"), "Jenkins"), press(`form[action="/admin/tokens"] button.primary`), see("#secret"))
	tab.Accessible("a token")
	tab.Do("copying", press("[data-copy]"))
	tab.Until("it is copied", `document.querySelector("[data-copy]").textContent === "Copied"`)
	tab.Do("the list", press("a.button.primary"), see("tbody"))
	tab.Do("revoking", press(`a[href$="/revoke"]`), see(".ask"))
	tab.Accessible("asking to revoke")
	tab.Do("revoked", press("button.danger"), see(".notice.ok"))
	tab.Do("removing", chromedp.Navigate(site+"/admin/users/vera/remove"), see(".ask"), press("button.danger"), see(".notice.ok"))
	tab.Do("the own account", chromedp.Navigate(site+"/admin/account"), see("tbody"))
	tab.Accessible("the own account")
	tab.Do("signing out everywhere", press(`form[action="/admin/account/sessions"].actions button`), see("#password"))
	for _, m := range tab.Complaints() {
		t.Errorf("the browser complains: %s", m)
	}
}

// TestMorePagesKeepNobodyOut looks at what is only read.
func TestMorePagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	tab := browser.Open(t)
	rows := newShelf(running(), crashed())
	rows.trail, rows.about = trail(60), ptr(aboutHost())
	rows.settings = []host.Setting{
		{Key: "bundle.max_bytes", Value: "512MiB", Default: "512MiB", Source: "default", Doc: "the largest bundle", Allowed: "a size"},
		{Key: "limits.memory", Value: "1GiB", Source: "file", Place: "line 4", Extension: running().ID},
	}
	site := enter(tab, open(t, rows))
	for _, width := range []int64{1400, 390} {
		tab.Window(width, 900)
		for _, path := range []string{"audit", "audit?actor=ann&from=x", "settings", "about", "install", "users", "tokens", "account"} {
			tab.Do(path, chromedp.Navigate(site+"/admin/"+path), see("main h1"))
			tab.Accessible(path)
			tab.Fits(path)
		}
	}
}
