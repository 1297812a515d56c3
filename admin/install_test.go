package admin

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/host"
)

// someone opens pages as a browser does.
type someone struct {
	t       *testing.T
	h       *tested
	handler http.Handler
	caller
}

// withAdminToken signs in the bearer of the administrator's token, which is quicker than
// with a password.
func withAdminToken(t *testing.T, cfg Config) *someone {
	t.Helper()
	h := mustNew(t, cfg)
	s := &someone{t: t, h: h, handler: h.serve(), caller: caller{name: "admin"}}
	w := ask(s.handler, "POST", "/admin/sign-in", withForm("token="+testToken))
	if w.Code != http.StatusSeeOther {
		t.Fatalf("the bearer of the token is not let in: %d %s", w.Code, w.Body)
	}
	cookie := w.Result().Cookies()[0]
	s.cookie = cookie.Name + "=" + cookie.Value
	r := httptest.NewRequest("GET", "/admin/", nil)
	s.withSession(r)
	s.proof = h.site.Access.Session(r).Proof
	return s
}

// signedIn signs in a user with a role.
func signedIn(t *testing.T, cfg Config, name string, role host.Role) *someone {
	t.Helper()
	h := mustNew(t, cfg)
	_, err := h.cfg.Accounts.AddUser(t.Context(), host.NewUser{Name: name, Role: role, Password: testPassword, Keep: true}, host.Actor{Name: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	s := &someone{t: t, h: h, handler: h.serve(), caller: caller{name: name}}
	s.signIn(t, h)
	return s
}

func (s *someone) gets(path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	s.t.Helper()
	return ask(s.handler, "GET", path, append(change, s.withSession, withHeader("Accept", "text/html"))...)
}

// page is a page that must be there.
func (s *someone) page(path string, change ...func(*http.Request)) *html.Node {
	s.t.Helper()
	w := s.gets(path, change...)
	if w.Code != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, w.Code, w.Header().Get("Location"))
	}
	return parse(s.t, w.Body.String())
}

// posts sends a form of the session.
func (s *someone) posts(path string, values url.Values) *httptest.ResponseRecorder {
	s.t.Helper()
	form := url.Values{"proof": {s.proof}}
	for name, list := range values {
		form[name] = list
	}
	return ask(s.handler, "POST", path, s.withSession, withHeader("Accept", "text/html"), withForm(form.Encode()))
}

// leads checks where an answer leads.
func leads(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != to {
		t.Fatalf("%d, leads to %q, want %q: %s", w.Code, got, to, w.Body)
	}
}

// withBundle is the form of the install page.
func withBundle(proof string, content []byte) func(*http.Request) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if proof != "" {
		if err := form.WriteField("proof", proof); err != nil {
			panic(err)
		}
	}
	file, err := form.CreateFormFile("file", `../../<b>"x`)
	if err == nil {
		_, err = file.Write(content)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		panic(err)
	}
	return withBody(form.FormDataContentType(), body.String())
}

func staged() host.Staged {
	e := running()
	return host.Staged{
		Token: "T0KEN", Expires: time.Now().Add(10 * time.Minute), Size: 9 << 20,
		Uploaded: host.Uploaded{
			ID: e.ID, Version: "6.0", Digest: "sha256:" + strings.Repeat("6", 64), Action: "upgrade", State: "starting", From: e.Version,
			Warnings: []string{"the manifest has no vendor"}, Permissions: []string{"kv", "events", "net:10.0.0.7:7400", "sql:fleet"},
			Needs: []host.Need{{Kind: host.NeedPermission, What: "events"}, {Kind: host.NeedPermission, What: "sql:fleet"}},
		},
		Name: e.Name, Class: e.Class, Request: e.Request, Response: e.Response, Description: "Positions of devices.", Vendor: "K2", License: "MIT",
		Platforms: []string{"darwin-arm64", "linux-amd64"}, Platform: "linux-amd64",
		Signature: host.Signature{State: "valid", Organization: "Acme", Signer: e.ID, Publisher: "0123456789abcdef@acme.example", Chain: []string{"CN=leaf", "CN=Acme", "CN=Root"}},
		Publisher: host.PublisherSame, Bound: "0123456789abcdef@acme.example", Denied: []string{"net:10.0.0.7:7400"},
		Requires: []host.Dependency{
			{ID: "org.example.Maps", Version: "3.1", Constraint: ">=3", Met: true, State: "running"},
			{ID: "org.example.Missing", Constraint: ">=1 <2", Optional: true},
		},
		Changes: &host.Changes{
			Version: e.Version, Digest: e.Digest, UpgradeFrom: "exclusive", UpgradeTo: "overlap", ConfigSchema: host.ChangeChanged,
			Asks: []string{"events", "sql:fleet"}, Leaves: []string{"call:a.B"},
			Types: []host.TypeChange{
				{Type: "a.Added", Role: "request", Kind: host.ChangeAdded},
				{Type: "a.Changed", Role: "request", Kind: host.ChangeChanged, What: []string{"schema", "response"}},
				{Type: "a.Gone", Role: "request", Kind: host.ChangeRemoved},
			},
		},
	}
}

func TestInstallFromThePage(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.stages(staged())
	root := withAdminToken(t, cfg)

	form := root.page("/admin/install")
	input := all(form, "input", "")
	names := []string{}
	for _, i := range input {
		if n := attribute(i, "name"); n == "proof" || n == "file" {
			names = append(names, n)
		}
	}
	if !slices.Equal(names, []string{"proof", "file"}) { // in this order they are sent
		t.Errorf("fields %q", names)
	}
	leads(t, ask(root.handler, "POST", "/admin/install", root.withSession, withBundle(root.proof, []byte("PK bundle"))), "/admin/install/staged/T0KEN")
	if got := shelf.lastUpload(t); got.bytes != 9 || got.Actor.Name != "admin" || got.Actor.Remote == "" {
		t.Errorf("the host saw %+v", got)
	}

	doc := root.page("/admin/install/staged/T0KEN")
	text := textOf(doc)
	for _, want := range []string{
		"Upgrade Tracking to 6.0?", "takes the place of version 5.0.0010", "starts at once", "Requests are held for a moment", // exclusive wins
		"is there, in version 3.1", "is not installed", "it also runs without", "the manifest has no vendor", "same publisher",
		"Publish events and hear those of others", "Read and write the data source fleet", "denied before", "allowed already",
		"its schema, its answer", "will be answered with 404", "both for a moment, before one version at a time", "look at its configuration",
		"linux-amd64, this host’s", "MiB", "sha256:666",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	ticked := map[string]bool{}
	for _, i := range all(doc, "input", "") {
		if attribute(i, "name") == "grant" {
			ticked[attribute(i, "value")] = slices.ContainsFunc(i.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
			if attribute(i, "form") != "install" {
				t.Errorf("the box of %s belongs to no form", attribute(i, "value"))
			}
		}
	}
	if want := map[string]bool{"events": true, "sql:fleet": true, "net:10.0.0.7:7400": false}; fmt.Sprint(ticked) != fmt.Sprint(want) {
		t.Errorf("boxes %v, want %v", ticked, want)
	}
	leads(t, root.posts("/admin/install/staged/T0KEN", url.Values{"installed": {running().Digest}, "grant": {"events"}}),
		"/admin/install/jobs/install-1?id="+running().ID)
	want := host.StagedInstall{Token: "T0KEN", Installed: running().Digest, Grant: []string{"events"}, Actor: host.Actor{Name: "admin", Remote: "192.0.2.1"}}
	if got := shelf.installs(); len(got) != 1 || fmt.Sprintf("%+v", got[0]) != fmt.Sprintf("%+v", want) {
		t.Errorf("the host was asked for %+v", got)
	}
	root.posts("/admin/install/staged/T0KEN", nil)
	if got := shelf.installs()[1]; got.Grant == nil || len(got.Grant) != 0 || got.AcceptPublisher {
		t.Errorf("nothing was ticked, and the host was asked for %+v", got)
	}
	leads(t, root.posts("/admin/install/staged/T0KEN/cancel", nil), "/admin/install")
	if w := root.gets("/admin/install/staged/T0KEN"); w.Code != 404 || !strings.Contains(w.Body.String(), "send the bundle again") {
		t.Errorf("what is forgotten: %d", w.Code)
	}
}

func TestReviewOffersOnlyWhatCanBe(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		change  func(*host.Staged)
		says    []string
		not     []string
		install bool
	}{
		{"first", func(s *host.Staged) {
			s.Action, s.From, s.Changes, s.Publisher = "install", "", nil, host.PublisherFirst
		},
			[]string{"Install Tracking 6.0?", "Nothing of it is installed yet", "later ones must come from the same publisher"}, []string{"What changes"}, true},
		{"the same bytes", func(s *host.Staged) { s.Action = "none" }, []string{"is installed already", "Choose another file", "To the extension"}, []string{"starts at once"}, false},
		{"unsigned where that does not run", func(s *host.Staged) {
			s.State, s.Signature = "refused", host.Signature{State: "unsigned", Code: "unsigned"}
			s.Publisher, s.Reason = host.PublisherUnknown, &host.Reason{Code: "unsigned", Message: "it is not signed"}
		}, []string{"would not run here", "it is not signed", "Choose another file"}, nil, false},
		{"another publisher", func(s *host.Staged) {
			s.State, s.Publisher = "refused", host.PublisherChanged
			s.Signature.State, s.Signature.Code, s.Signature.Publisher = "invalid", "publisher_changed", "ffff@other.example"
			s.Reason = &host.Reason{Code: "publisher_changed", Message: "another publisher"}
		}, []string{"Another publisher than before", "if you accept its publisher", "@acme.example", "@other.example"}, nil, true},
		{"no executable for this host", func(s *host.Staged) {
			s.State, s.Platforms, s.Reason = "unsupported", []string{"windows-amd64"}, &host.Reason{Code: "platform_unsupported", Message: "no executable"}
		}, []string{"None of these is this host’s, linux-amd64"}, nil, false},
		{"a dependency is missing", func(s *host.Staged) {
			s.State, s.Reason = "waiting", &host.Reason{Code: "dependency_missing", Message: "it needs org.b.B"}
		}, []string{"It comes to:", "waiting", "it needs org.b.B"}, []string{"starts at once"}, true},
		{"asks for nothing", func(s *host.Staged) { s.Permissions, s.Needs, s.Denied = nil, nil, nil }, []string{"nothing beyond its own data folder"}, []string{"do not tick"}, true},
		{"nothing else changes", func(s *host.Staged) {
			s.Changes = &host.Changes{Version: "5", Digest: "sha256:5", UpgradeFrom: "overlap", UpgradeTo: "overlap"}
		}, []string{"are the same", "without a pause"}, []string{"held for a moment"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			s := staged()
			c.change(&s)
			cfg.Host.(*shelf).stages(s)
			doc := withAdminToken(t, cfg).page("/admin/install/staged/T0KEN")
			text := textOf(doc)
			for _, want := range c.says {
				if !strings.Contains(text, want) {
					t.Errorf("it does not say %q: %s", want, text)
				}
			}
			for _, unwanted := range c.not {
				if strings.Contains(text, unwanted) {
					t.Errorf("it says %q", unwanted)
				}
			}
			offered := slices.ContainsFunc(all(doc, "button", "primary"), func(b *html.Node) bool { return attribute(b, "form") == "install" })
			if offered != c.install {
				t.Errorf("installing is offered: %v", offered)
			}
		})
	}
}

func TestRefusedBundlesAreExplained(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		refuse  error
		content []byte
		proof   bool
		status  int
		says    string
	}{
		{"no bundle", &host.Error{Code: "not_zip", Message: "it does not end as a ZIP file"}, []byte("x"), true, 422, "it does not end as a ZIP file"},
		{"too large", nil, make([]byte, 1<<20+1), true, 413, "bundle.max_bytes"},
		{"much too large", nil, make([]byte, 3<<20), true, 413, "bundle.max_bytes"},
		{"disk full", &host.Error{Code: host.CodeUnavailable, Message: "the disk of the home folder is full", Hint: "make room and do it again"}, []byte("x"), true, 503, "make room"},
		{"hostile", &host.Error{Code: "manifest_invalid", Message: hostile}, []byte("x"), true, 422, "<script>alert(1)</script>"},
		{"not of this session", nil, []byte("x"), false, 403, "not of your session"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			shelf := cfg.Host.(*shelf)
			shelf.stages(staged())
			shelf.refuse = c.refuse
			root := withAdminToken(t, cfg)
			proof := root.proof
			if !c.proof {
				proof = ""
			}
			w := ask(root.handler, "POST", "/admin/install", root.withSession, withHeader("Accept", "text/html"), withBundle(proof, c.content))
			doc := parse(t, w.Body.String())
			if w.Code != c.status || !strings.Contains(textOf(doc), c.says) {
				t.Fatalf("%d, want %d with %q: %s", w.Code, c.status, c.says, textOf(doc))
			}
			if c.proof && (len(all(doc, "form", "drop")) != 1 || attribute(all(doc, "section", "errors")[0], "role") != "alert") {
				t.Error("there is no way to send another one beside the error")
			}
			if !c.proof && len(shelf.uploads) != 0 {
				t.Error("the host was asked although the form is not of this session")
			}
		})
	}
}

func TestInstallationThatIsRefused(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	shelf := cfg.Host.(*shelf)
	shelf.stages(staged())
	root := withAdminToken(t, cfg)
	shelf.refuse = &host.Error{Code: host.CodeConflict, Message: "another version is installed than when this one was looked at", Hint: "look again"}
	w := root.posts("/admin/install/staged/T0KEN", url.Values{"installed": {"sha256:old"}})
	if doc := parse(t, w.Body.String()); w.Code != 409 || !strings.Contains(textOf(doc), "another version is installed") || len(all(doc, "section", "errors")) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestProgressOfAnInstallation(t *testing.T) {
	t.Parallel()
	job := host.Job{Name: "install-1", State: host.JobStarting, ID: running().ID, Version: "6.0", Digest: "sha256:6"}
	for _, c := range []struct {
		name   string
		change func(*host.Job)
		says   string
		over   bool
		link   string
	}{
		{"on its way", func(*host.Job) {}, "Installing Tracking 6.0", false, ""},
		{"done", func(j *host.Job) { j.State = host.JobDone }, "It runs.", true, "/admin/extensions/" + running().ID},
		{"at rest elsewhere", func(j *host.Job) { j.State, j.Code, j.Message = host.JobDone, "dependency_missing", "it needs org.b.B" },
			"does not run yet", true, "/admin/install"},
		{"failed", func(j *host.Job) { j.State, j.Code, j.Message = host.JobFailed, "init_failed", hostile }, "Version 5.0.0010 goes on serving", true, "/admin/extensions/" + running().ID + "/logs"},
		{"canceled", func(j *host.Job) { j.State = host.JobCanceled }, "took its place", true, "/admin/extensions/" + running().ID},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := testConfig(running())
			j := job
			c.change(&j)
			cfg.Host.(*shelf).sets(j)
			doc := withAdminToken(t, cfg).page("/admin/install/jobs/install-1?id=" + running().ID)
			if text := textOf(doc); !strings.Contains(text, c.says) {
				t.Errorf("it does not say %q: %s", c.says, text)
			}
			if refresh := len(all(doc, "noscript", "")) == 1; refresh == c.over {
				t.Errorf("it loads itself again: %v", refresh)
			}
			links := []string{}
			for _, a := range all(all(doc, "main", "")[0], "a", "button") {
				links = append(links, attribute(a, "href"))
			}
			if c.link != "" && !slices.Contains(links, c.link) {
				t.Errorf("the ways out are %q, without %q", links, c.link)
			}
		})
	}
	root := withAdminToken(t, testConfig(running()))
	leads(t, root.gets("/admin/install/jobs/install-9?id="+running().ID), "/admin/extensions/"+running().ID)
	if w := root.gets("/admin/install/jobs/install-9?id=nobody"); w.Code != 404 {
		t.Errorf("a job that nobody knows: %d", w.Code)
	}
}

func TestReviewOfAHostileBundle(t *testing.T) {
	t.Parallel()
	cfg := testConfig(running())
	s := staged()
	for _, field := range []*string{
		&s.ID, &s.Version, &s.From, &s.Name, &s.Class, &s.Request, &s.Response, &s.Description, &s.Vendor, &s.License, &s.Homepage,
		&s.Signature.Organization, &s.Signature.Signer, &s.Signature.Publisher, &s.Bound, &s.Changes.Version,
	} {
		*field = hostile
	}
	s.Warnings, s.Platforms, s.Permissions, s.Denied = []string{hostile}, []string{hostile}, []string{hostile, "net:" + hostile}, []string{hostile}
	s.Needs = []host.Need{{What: "net:" + hostile}}
	s.Signature.Chain = []string{hostile}
	s.Requires = []host.Dependency{{ID: hostile, Version: hostile, Constraint: hostile}}
	s.Changes.Types = []host.TypeChange{{Type: hostile, Kind: host.ChangeAdded}}
	s.Changes.Asks, s.Changes.Leaves = []string{hostile}, []string{hostile}
	s.Homepage = "javascript:alert(1)"
	cfg.Host.(*shelf).stages(s)
	doc := withAdminToken(t, cfg).page("/admin/install/staged/T0KEN")
	harmless(t, doc)
}

// harmless checks that nothing of a page runs or leads away.
func harmless(t *testing.T, doc *html.Node) {
	t.Helper()
	for d := range doc.Descendants() {
		if d.Type != html.ElementNode {
			continue
		}
		if d.Data == "img" && attribute(d, "src") != "/admin/static/jackfield.svg" || d.Data == "script" && !strings.HasPrefix(attribute(d, "src"), "/admin/static/") {
			t.Errorf("<%s src=%q> is on the page", d.Data, attribute(d, "src"))
		}
		for _, a := range d.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "href" && !strings.HasPrefix(a.Val, "/admin/") && !strings.HasPrefix(a.Val, "#") && !strings.HasPrefix(a.Val, "?") {
				t.Errorf("<%s %s=%q> is on the page", d.Data, a.Key, a.Val)
			}
		}
	}
	if strings.ContainsAny(textOf(doc), "\u202e\u2066\u200b\x1b") {
		t.Error("an invisible character reaches the reader")
	}
}
