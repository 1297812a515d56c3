package admin

import (
	"bufio"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// withProvider starts an OpenID provider as a process of its own (testdata/openid), and a
// page whose people sign in there. vera is an administrator by it, otto a viewer; eve
// exists there and is nothing here.
func withProvider(t *testing.T) (page *httptest.Server, accounts *host.Accounts) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "openid")
	if out, err := exec.Command("go", "build", "-C", filepath.Join("testdata", "openid"), "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building the provider: %v\n%s", err, out)
	}
	page = httptest.NewUnstartedServer(nil)
	address := page.Listener.Addr().String()
	issuer := startProvider(t, binary, "http://"+address+"/admin/oidc/callback")

	cfg := testConfig(running())
	cfg.Address, cfg.Accounts = address, accountsOf(t, nil)
	var err error
	cfg.OpenID, err = host.NewOpenID(host.OpenIDConfig{
		Issuer: issuer, ClientID: "jackfield", ClientSecret: "s3cret", Scopes: []string{"profile", "email"},
		RolesClaim: "roles", Administrators: []string{"jackfield-admins"}, Viewers: []string{"staff"},
	}, cfg.Accounts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	page.Config.Handler = mustNew(t, cfg).serve()
	page.Start()
	t.Cleanup(page.Close)
	return page, cfg.Accounts
}

// startProvider returns the issuer once the provider serves. It ends with the test.
func startProvider(t *testing.T, binary, redirect string) (issuer string) {
	t.Helper()
	cmd := exec.Command(binary, redirect)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	kill := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider says no issuer: %v", err)
	}
	kill.Stop()
	return strings.TrimSpace(line)
}

// visitor is a client that keeps cookies, and follows to other sites as browsers do.
func visitor(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second}
}

// atProvider signs in at the provider, whose form the browser has come to, and returns
// where the provider sends it.
func atProvider(t *testing.T, b *http.Client, form *http.Response, name string) *url.URL {
	t.Helper()
	id := form.Request.URL.Query().Get("authRequestID")
	if id == "" {
		t.Fatalf("this is not the form of the provider: %s", form.Request.URL)
	}
	last := *b
	last.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/admin/") {
			return http.ErrUseLastResponse
		}
		return nil
	}
	resp, err := last.PostForm("http://"+form.Request.URL.Host+"/login/username", url.Values{"id": {id}, "username": {name}, "password": {"verysecure"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return back
}

// visit returns status and text of a page.
func visit(t *testing.T, b *http.Client, address string) (int, string) {
	t.Helper()
	resp, err := b.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestSignInAtAProvider(t *testing.T) {
	t.Parallel()
	page, accounts := withProvider(t)
	if _, text := visit(t, visitor(t), page.URL+"/admin/sign-in"); !strings.Contains(text, "/admin/oidc/start") {
		t.Errorf("the form does not lead to the provider: %s", text)
	}
	begin := func(b *http.Client) *http.Response {
		t.Helper()
		resp, err := b.Get(page.URL + "/admin/oidc/start")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}

	vera := visitor(t)
	back := atProvider(t, vera, begin(vera), "vera")
	// Who has only seen where the provider sends her can not come in by it.
	if status, _ := visit(t, visitor(t), back.String()); status != http.StatusForbidden {
		t.Errorf("with the code and another browser: %d", status)
	}
	status, text := visit(t, vera, back.String())
	if status != 200 || !strings.Contains(text, "Signed in") {
		t.Fatalf("coming back: %d %s", status, text)
	}
	if status, text := visit(t, vera, page.URL+"/admin/"); status != 200 || !strings.Contains(text, "Tracking") {
		t.Errorf("the page: %d %s", status, text)
	}
	u, err := accounts.User("vera")
	if err != nil || u.Role != host.RoleAdministrator || u.Source != "oidc" || u.MustChange {
		t.Errorf("%+v, %v", u, err)
	}
	if list := accounts.Sessions("vera"); len(list) != 1 || list[0].Via != host.ViaOpenID {
		t.Errorf("%+v", list)
	}
	if status, _ := visit(t, vera, back.String()); status != http.StatusForbidden {
		t.Errorf("a second time: %d", status)
	}

	otto := visitor(t)
	first := begin(otto)
	begin(otto) // in another tab: the last one counts
	if status, _ := visit(t, otto, atProvider(t, otto, first, "otto").String()); status != http.StatusForbidden {
		t.Errorf("the answer of another sign-in: %d", status)
	}
	back = atProvider(t, otto, begin(otto), "otto")
	forged := *back
	query := forged.Query()
	query.Set("code", query.Get("code")+"x")
	forged.RawQuery = query.Encode()
	if status, text := visit(t, otto, forged.String()); status != http.StatusForbidden || !strings.Contains(text, "has not confirmed") {
		t.Errorf("a forged code: %d %s", status, text)
	}
	if status, _ := visit(t, otto, atProvider(t, otto, begin(otto), "otto").String()); status != 200 {
		t.Errorf("otto: %d", status)
	}
	if u, err := accounts.User("otto"); err != nil || u.Role != host.RoleViewer {
		t.Errorf("%+v, %v", u, err)
	}

	eve := visitor(t)
	status, text = visit(t, eve, atProvider(t, eve, begin(eve), "eve").String())
	if status != http.StatusForbidden || !strings.Contains(text, "gives no role here") {
		t.Errorf("eve: %d %s", status, text)
	}
	if _, err := accounts.User("eve"); err == nil {
		t.Error("eve is a user")
	}
	denied := visitor(t)
	begin(denied)
	if status, _ := visit(t, denied, page.URL+"/admin/oidc/callback?error=access_denied&state=x"); status != http.StatusForbidden {
		t.Errorf("a refusal: %d", status)
	}
}

// A real browser keeps back cookies that do not belong to where a request comes from: it
// gets in all the same, and the cookie that it keeps is the strict one.
func TestBrowserSignsInAtAProvider(t *testing.T) {
	t.Parallel()
	page, _ := withProvider(t)
	tab := browser.Open(t)
	tab.Do("the sign-in form", chromedp.Navigate(page.URL+"/admin/"), chromedp.Click(chromedp.CSS(`a[href="/admin/oidc/start"]`)))
	tab.Do("the provider", chromedp.WaitVisible(chromedp.CSS("#username")),
		chromedp.SendKeys(chromedp.CSS("#username"), "vera"), chromedp.SendKeys(chromedp.CSS("#password"), "verysecure\r"))
	tab.Do("the extensions", chromedp.WaitVisible(chromedp.CSS("table")))
	if where := browsertest.Read[string](tab, "location.href"); where != page.URL+"/admin/" {
		t.Errorf("the browser is at %s", where)
	}
	if cookie := browsertest.Read[string](tab, "document.cookie"); cookie != "" {
		t.Errorf("scripts can read the session: %q", cookie)
	}
}
