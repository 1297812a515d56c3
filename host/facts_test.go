package host_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// factual is a bundle of the echo executable with whatever files and attributes.
func factual(t *testing.T, class string, attributes []bundle.Attribute, files ...entry) []byte {
	t.Helper()
	manifest, err := bundle.FormatManifest(append([]bundle.Attribute{
		{Name: "extension_class", Value: class},
		{Name: "extension_request", Value: class + "Request"},
		{Name: "extension_response", Value: class + "Response"},
		{Name: "extension_name", Value: class},
		{Name: "extension_version", Value: "1.0"},
	}, attributes...))
	if err != nil {
		t.Fatal(err)
	}
	return storedJAR(t, append([]entry{{"META-INF/MANIFEST.MF", manifest}, executable(echoBinary)}, files...)...)
}

// codeOf is the code of an *Error, "" for none.
func codeOf(err error) string {
	var refused *host.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return ""
}

func TestTypesAndTry(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("echo.jar", factual(t, "org.f.Echo", nil))
	w.put("moody.jar", moody{version: "1", types: `{"types":[
		{"name":"org.m.Word","role":"request","extends":"org.m.MoodyRequest","response":"org.m.Said","schema":{"type":"string","maxLength":5}},
		{"name":"org.m.Said","role":"response","extends":"org.m.MoodyResponse"}]}`}.jar(t))
	w.awaitState("org.f.Echo", "running")
	w.await("moody.jar", "settled", func(host.Extension, bool) bool { return w.Ready() })

	types, err := w.Types("org.f.Echo")
	if err != nil || len(types) != 2 {
		t.Fatalf("%+v, error %v", types, err)
	}
	if q := types[0]; q.Type != "org.f.EchoRequest" || q.Role != "request" || q.Response != "org.f.EchoResponse" || !q.Handled || q.State != "running" || q.Schema != nil {
		t.Errorf("the base type of a bundle that declares none: %+v", q)
	}
	if a := types[1]; a.Type != "org.f.EchoResponse" || a.Role != "response" || a.Handled {
		t.Errorf("what it answers with: %+v", a)
	}
	// It reports no types when it runs, so it failed; what its bundle declares is known.
	types, err = w.Types(theID)
	if err != nil || len(types) != 4 || types[0].Type != "org.m.MoodyRequest" || types[0].Handled || !types[1].Handled ||
		!bytes.Contains(types[1].Schema, []byte("maxLength")) || types[1].State == "running" {
		t.Errorf("declared types %+v, error %v", types, err)
	}
	if _, err := w.Types("nobody"); codeOf(err) != host.CodeNotFound {
		t.Errorf("types of nobody: %v", err)
	}

	ask := host.TryRequest{
		ID: "org.f.Echo", Type: "org.f.EchoRequest", MediaType: "text/plain", Payload: []byte("<b>hello"),
		Actor: host.Actor{Name: "alice"}, Roles: []string{"operator"},
	}
	got, err := w.Try(t.Context(), ask)
	if err != nil || got.Status != 200 || got.Code != "ok" || string(got.Payload) != "<b>hello" || got.MediaType != "text/plain" ||
		got.Type != "org.f.EchoResponse" || got.Bytes != 8 || got.Took <= 0 || !strings.HasPrefix(got.RequestID, "try-") {
		t.Errorf("answered %+v, error %v", got, err)
	}
	for _, c := range []struct {
		name   string
		change func(*host.TryRequest)
		status int    // of the result
		code   string // of the result, or of the error
	}{
		{"too slow", func(r *host.TryRequest) {
			r.MediaType, r.Payload, r.Timeout = "application/json", []byte(`{"sleep_ms":60000}`), 50*time.Millisecond
		}, 504, "deadline_exceeded"},
		{"a panic", func(r *host.TryRequest) { r.MediaType, r.Payload = "application/json", []byte(`{"panic":true}`) }, 502, "extension_fault"},
		{"no media type at all", func(r *host.TryRequest) { r.MediaType = "nonsense" }, 415, "unsupported_media"},
		{"a type of another one", func(r *host.TryRequest) { r.Type = "org.m.Word" }, 0, host.CodeNotFound},
		{"another one's own type", func(r *host.TryRequest) { r.ID = theID }, 0, host.CodeNotFound},
		{"nobody's type", func(r *host.TryRequest) { r.Type = "org.x.Y" }, 0, host.CodeNotFound},
		{"more than can be tried", func(r *host.TryRequest) { r.Payload = make([]byte, host.MaxTry+1) }, 0, host.CodeTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask
			c.change(&r)
			got, err := w.Try(t.Context(), r)
			if code := got.Code + codeOf(err); code != c.code || got.Status != c.status {
				t.Errorf("status %d, code %q, error %v; want %d %s", got.Status, got.Code, err, c.status, c.code)
			}
		})
	}
	got, err = w.Try(t.Context(), host.TryRequest{ID: theID, Type: "org.m.Word", Payload: []byte(`"hello"`)})
	if err != nil || got.Status != 503 || got.Code != "unavailable" || !got.Retryable || got.Message == "" {
		t.Errorf("an extension that does not run answers %+v, error %v", got, err)
	}
}

func TestTriesAreFew(t *testing.T) {
	t.Parallel()
	w := start(t, t.TempDir())
	w.put("echo.jar", factual(t, "org.f.Echo", nil))
	w.awaitState("org.f.Echo", "running")
	slow := host.TryRequest{ID: "org.f.Echo", Type: "org.f.EchoRequest", MediaType: "application/json", Payload: []byte(`{"sleep_ms":60000}`), Timeout: patience}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error, 8)
	for range 8 {
		go func() {
			var err error
			eventually(func() bool { // the quick ones below may be in the way
				_, err = w.Try(ctx, slow)
				return err == nil
			})
			ended <- err
		}()
	}
	quick := slow
	quick.Payload = []byte(`{}`)
	if !eventually(func() bool {
		_, err := w.Try(t.Context(), quick)
		return codeOf(err) == host.CodeUnavailable
	}) {
		t.Error("nine requests are tried at once")
	}
	leave()
	for range 8 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("base.jar", factual(t, "org.f.Base", nil))
	w.put("top.jar", factual(t, "org.f.Top", []bundle.Attribute{{Name: "extension_requires", Value: "org.f.Base >=1 <2, org.f.Maps >=3; optional"}}))
	w.awaitState("org.f.Top", "running")
	top, err := w.Dependencies("org.f.Top")
	if err != nil || len(top.Needs) != 2 || len(top.NeededBy) != 0 {
		t.Fatalf("%+v, error %v", top, err)
	}
	if n := top.Needs[0]; n != (host.Dependency{ID: "org.f.Base", Name: "org.f.Base", Version: "1.0", State: "running", Constraint: ">=1 <2", Met: true}) {
		t.Errorf("it needs %+v", n)
	}
	if n := top.Needs[1]; n != (host.Dependency{ID: "org.f.Maps", Constraint: ">=3", Optional: true}) {
		t.Errorf("what is not there: %+v", n)
	}
	base, err := w.Dependencies("org.f.Base")
	if err != nil || len(base.Needs) != 0 || len(base.NeededBy) != 1 ||
		base.NeededBy[0] != (host.Dependency{ID: "org.f.Top", Name: "org.f.Top", Version: "1.0", State: "running", Constraint: ">=1 <2", Met: true}) {
		t.Errorf("it is needed by %+v, error %v", base, err)
	}
	if _, err := w.Dependencies("nobody"); codeOf(err) != host.CodeNotFound {
		t.Errorf("dependencies of nobody: %v", err)
	}
}

func TestIcon(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	var drawn bytes.Buffer
	if err := png.Encode(&drawn, image.NewGray(image.Rect(0, 0, 200, 100))); err != nil {
		t.Fatal(err)
	}
	w.put("drawn.jar", factual(t, "org.f.Drawn", nil, entry{"META-INF/extension/icon.png", drawn.Bytes()}))
	w.put("vector.jar", factual(t, "org.f.Vector", nil, entry{"META-INF/extension/icon.svg", []byte("<svg/>")}))
	w.put("broken.jar", factual(t, "org.f.Broken", nil, entry{"META-INF/extension/icon.png", []byte("<svg/>")}))
	w.awaitState("org.f.Drawn", "running")
	w.awaitState("org.f.Vector", "running")
	w.awaitState("org.f.Broken", "running")
	icon, err := w.Icon("org.f.Drawn")
	if err != nil {
		t.Fatal(err)
	}
	shown, err := png.DecodeConfig(bytes.NewReader(icon.Data))
	if err != nil || shown.Width != 128 || shown.Height != 64 || !strings.HasPrefix(icon.ETag, `"`) {
		t.Errorf("%+v with tag %s, error %v", shown, icon.ETag, err)
	}
	for _, id := range []string{"org.f.Vector", "org.f.Broken", "nobody"} {
		if _, err := w.Icon(id); codeOf(err) != host.CodeNotFound {
			t.Errorf("the icon of %s: %v", id, err)
		}
	}
}

func TestOwnPages(t *testing.T) {
	t.Parallel()
	w := startQuick(t, t.TempDir())
	w.put("paged.jar", factual(t, "org.f.Paged", nil, entry{"ui/index.html", []byte("from the bundle")}, entry{"ui/app.js", []byte("// app")}))
	w.put("plain.jar", factual(t, "org.f.Plain", nil))
	w.awaitState("org.f.Paged", "running")
	w.awaitState("org.f.Plain", "running")
	read := func(id, name string) string {
		t.Helper()
		f, err := w.OpenUI(id, name)
		if err != nil {
			return codeOf(err)
		}
		defer f.Close()
		text, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for id, from := range map[string]string{"org.f.Paged": host.UIBundle, "org.f.Plain": host.UINone, "nobody": host.UINone, "..": host.UINone} {
		if got := w.UIOf(id); got != from {
			t.Errorf("the pages of %s are from %q, want %q", id, got, from)
		}
	}
	for name, want := range map[string]string{
		"": "from the bundle", "index.html": "from the bundle", "app.js": "// app",
		"../META-INF/MANIFEST.MF": host.CodeNotFound, "missing.js": host.CodeNotFound,
	} {
		if got := read("org.f.Paged", name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}

	// What an administrator puts there wins, as soon as it has an entry.
	placed := filepath.Join(w.home.Pages(), "org.f.Paged")
	if err := os.Mkdir(placed, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := read("org.f.Paged", ""); got != "from the bundle" {
		t.Errorf("an empty folder hides the pages of the bundle: %q", got)
	}
	if err := os.WriteFile(filepath.Join(placed, "index.html"), []byte("by hand"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read("org.f.Paged", ""); got != "by hand" || w.UIOf("org.f.Paged") != host.UIHome {
		t.Errorf("what was put there by hand does not win: %q from %q", got, w.UIOf("org.f.Paged"))
	}
	if got := read("org.f.Paged", "app.js"); got != host.CodeNotFound {
		t.Errorf("two sets of pages are mixed: %q", got)
	}
}

func TestAboutAndSettings(t *testing.T) {
	t.Parallel()
	a := acme(t)
	rows := []host.Setting{{Key: "listen", Value: "127.0.0.1:1", Default: "127.0.0.1:8080", Source: "flag", Place: "--listen"}}
	home := t.TempDir()
	trusts(t, home, a)
	w := startWith(t, home, func(cfg *host.Config) { cfg.Effective = rows })
	if err := os.WriteFile(filepath.Join(w.home.Trust(), "broken.pem"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.drop("a.jar", "org.a.A", "1.0")
	w.put("broken.jar", []byte("no bundle at all"))
	w.awaitState("org.a.A", "running")
	w.awaitState("broken.jar", "failed")
	about := w.About(t.Context())
	if about.Version != "1.0.0" || about.PID != os.Getpid() || about.Home != string(w.home) || about.Kernel == "" || about.Started.IsZero() {
		t.Errorf("the host: %+v", about)
	}
	if c := about.Counts; c.Extensions != 1 || c.Files != 1 || c.Types != 1 || c.States["running"] != 1 || c.States["failed"] != 1 {
		t.Errorf("counts %+v", c)
	}
	if about.Disk.FreeBytes == 0 || about.Disk.TotalBytes < about.Disk.FreeBytes || about.Database.Bytes == 0 || about.Database.Path != w.home.Database() {
		t.Errorf("disk %+v, database %+v", about.Disk, about.Database)
	}
	if m := about.Machine; m.CPUs == 0 || m.OpenFiles == 0 || m.LimitsBy["files"] != "rlimit" || m.Untried != "" || len(m.Sandbox) != 6 {
		t.Errorf("the machine: %+v", m)
	}
	if tr := about.Trust; tr.Policy != "warn" || tr.Revocation != "hard" || len(tr.Roots) != 1 || tr.Roots[0].Subject != a.Root.Cert.Subject.String() ||
		!strings.HasPrefix(tr.Roots[0].Fingerprint, "sha256:") || tr.Roots[0].Use != "bundles" {
		t.Errorf("trust %+v", tr)
	}
	if !eventually(func() bool { return len(w.About(t.Context()).Trust.Problems) == 1 }) {
		t.Error("a broken file in conf/trust is not told")
	}
	if !eventually(func() bool { return w.About(t.Context()).Database.LastBackup != nil }) {
		t.Error("no backup is told")
	}
	if got := w.Settings(); len(got) != 1 || got[0] != rows[0] {
		t.Errorf("settings %+v", got)
	}
}
