package admin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/axe"
)

// enter signs in with the administrator's token.
func enter(ctx context.Context, t *testing.T, url string) (site string) {
	t.Helper()
	within(ctx, t, "signing in", chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("#password")),
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
	ctx := browse(t)
	messages := watchConsole(ctx)
	rows := newShelf(running())
	rows.stages(staged())
	site := enter(ctx, t, open(t, rows))

	within(ctx, t, "the form", chromedp.Navigate(site+"/admin/install"), see("#file"))
	axe.Check(ctx, t, "install")
	within(ctx, t, "too large a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "large.jar", 2<<20)}), press("#send button.primary"), see("#file-error"))
	if text := read[string](ctx, t, `document.querySelector("#file-error").textContent`); !strings.Contains(text, "large.jar has 2 MiB") && !strings.Contains(text, "large.jar has 2\u202fMiB") {
		t.Errorf("of a file that is too large it says %q", text)
	}
	if n := len(rows.uploads); n != 0 {
		t.Errorf("%d uploads of a file that is too large", n)
	}

	rows.mu.Lock()
	rows.refuse = &host.Error{Code: "not_zip", Message: "it does not end as a ZIP file"}
	rows.mu.Unlock()
	within(ctx, t, "no bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "no.jar", 1000)}), press("#send button.primary"), see("#problem .errors"))
	if focus := read[string](ctx, t, `document.activeElement.textContent`); !strings.Contains(focus, "it does not end as a ZIP file") {
		t.Errorf("the focus is at %q", focus)
	}
	axe.Check(ctx, t, "install, refused")

	rows.mu.Lock()
	rows.refuse = nil
	rows.mu.Unlock()
	within(ctx, t, "a bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "good.jar", 1000)}), press("#send button.primary"), see(".decide"))
	axe.Check(ctx, t, "review")
	if text := read[string](ctx, t, `document.querySelector("h1").textContent`); text != "Upgrade Tracking to 6.0?" {
		t.Errorf("the question is %q", text)
	}
	rows.sets(host.Job{Name: "install-1", State: host.JobVerifying, ID: running().ID, Version: "6.0"})
	within(ctx, t, "installing", press(`input[value="sql:fleet"]`), press("button[form=install]"), see("#job .loading"))
	if got := rows.installs(); len(got) != 1 || strings.Join(got[0].Grant, " ") != "events" || got[0].Installed != running().Digest {
		t.Errorf("the host was asked for %+v", got)
	}
	axe.Check(ctx, t, "an installation")
	rows.sets(host.Job{Name: "install-1", State: host.JobStarting, ID: running().ID, Version: "6.0"})
	until(ctx, t, `document.querySelectorAll("#job .steps .done").length === 2`)
	rows.sets(host.Job{Name: "install-1", State: host.JobDone, ID: running().ID, Version: "6.0"})
	until(ctx, t, `document.querySelector("h1").textContent === "Tracking 6.0 is installed" && document.title.startsWith("Tracking 6.0 is installed")`)
	axe.Check(ctx, t, "an installation that is over")
	for _, m := range messages() {
		if !strings.Contains(m, "422") { // the refusal
			t.Errorf("the browser complains: %s", m)
		}
	}
}

// TestInstallWithoutScripts: the same forms do the same.
func TestInstallWithoutScripts(t *testing.T) {
	t.Parallel()
	ctx := browse(t, chromedp.Flag("blink-settings", "scriptEnabled=false"))
	rows := newShelf(running())
	rows.stages(staged())
	site := enter(ctx, t, open(t, rows))
	within(ctx, t, "the form", chromedp.Navigate(site+"/admin/install"), see("#file"))
	if zone := read[string](ctx, t, `document.querySelector("#zone").textContent`); zone != "Times are in UTC." {
		t.Fatalf("scripts run: the page says %q", zone)
	}
	within(ctx, t, "too large a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "large.jar", 3<<20)}), press("#send button.primary"), see("#problem .errors"))
	within(ctx, t, "a bundle", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{fileOf(t, "good.jar", 1000)}), press("#send button.primary"), see(".decide"))
	rows.sets(host.Job{Name: "install-1", State: host.JobStarting, ID: running().ID, Version: "6.0"})
	within(ctx, t, "installing", press("button[form=install]"), see("#job .loading"))
	rows.sets(host.Job{Name: "install-1", State: host.JobFailed, ID: running().ID, Version: "6.0", Code: "init_failed", Message: "no database"})
	within(ctx, t, "the page that loads itself", chromedp.WaitVisible(chromedp.CSS("#job .said")))
}

// TestAccountsInTheBrowser: a user is added with a password that was suggested, a token is
// made and copied, both are taken away.
func TestAccountsInTheBrowser(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	messages := watchConsole(ctx)
	site := enter(ctx, t, open(t, newShelf(running(), crashed())))
	within(ctx, t, "users", chromedp.Navigate(site+"/admin/users"), see("#name"))
	axe.Check(ctx, t, "users")
	within(ctx, t, "adding", chromedp.SendKeys(chromedp.CSS("#name"), "vera"), press("[data-suggest]"))
	if password := read[string](ctx, t, `document.querySelector("#password").value`); len(password) != 23 {
		t.Errorf("the suggested password is %q", password)
	}
	within(ctx, t, "the user", press(`form[action="/admin/users"] button.primary`), see(`form[action="/admin/users/vera"]`))
	axe.Check(ctx, t, "a user")
	within(ctx, t, "tokens", chromedp.Navigate(site+"/admin/tokens"), see("#label"))
	axe.Check(ctx, t, "tokens")
	within(ctx, t, "a token", chromedp.SendKeys(chromedp.CSS("#label"), "Jenkins"), press(`form[action="/admin/tokens"] button.primary`), see("#secret"))
	axe.Check(ctx, t, "a token")
	within(ctx, t, "copying", press("[data-copy]"))
	until(ctx, t, `document.querySelector("[data-copy]").textContent === "Copied"`)
	within(ctx, t, "the list", press("a.button.primary"), see("tbody"))
	within(ctx, t, "revoking", press(`a[href$="/revoke"]`), see(".ask"))
	axe.Check(ctx, t, "asking to revoke")
	within(ctx, t, "revoked", press("button.danger"), see(".notice.ok"))
	within(ctx, t, "removing", chromedp.Navigate(site+"/admin/users/vera/remove"), see(".ask"), press("button.danger"), see(".notice.ok"))
	within(ctx, t, "the own account", chromedp.Navigate(site+"/admin/account"), see("tbody"))
	axe.Check(ctx, t, "the own account")
	within(ctx, t, "signing out everywhere", press(`form[action="/admin/account/sessions"].actions button`), see("#password"))
	for _, m := range messages() {
		t.Errorf("the browser complains: %s", m)
	}
}

// TestMorePagesKeepNobodyOut looks at what is only read.
func TestMorePagesKeepNobodyOut(t *testing.T) {
	t.Parallel()
	ctx := browse(t)
	rows := newShelf(running(), crashed())
	rows.trail, rows.about = trail(60), ptr(aboutHost())
	rows.settings = []host.Setting{
		{Key: "bundle.max_bytes", Value: "512MiB", Default: "512MiB", Source: "default", Doc: "the largest bundle", Allowed: "a size"},
		{Key: "limits.memory", Value: "1GiB", Source: "file", Place: "line 4", Extension: running().ID},
	}
	site := enter(ctx, t, open(t, rows))
	for _, width := range []int64{1400, 390} {
		within(ctx, t, "the window", chromedp.EmulateViewport(width, 900))
		for _, path := range []string{"audit", "audit?actor=ann&from=x", "settings", "about", "install", "users", "tokens", "account"} {
			within(ctx, t, path, chromedp.Navigate(site+"/admin/"+path), see("main h1"))
			axe.Check(ctx, t, path)
			if wide := read[int64](ctx, t, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("%s at %d pixels is %d wide", path, width, wide)
			}
		}
	}
}
