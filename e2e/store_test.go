package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/internal/browsertest"
)

// shop is a folder in which somebody has an authority and runs a store.
type shop struct {
	t   *testing.T
	dir string
	url string
}

// run runs a command of jackfield in the folder, as a person at a shell does, and returns
// what it prints. It must end with the code.
func (s *shop) run(code int, args ...string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, programs.jackfield, args...)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != code {
		s.t.Fatalf("jackfield %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (s *shop) path(name string) string { return filepath.Join(s.dir, name) }

func (s *shop) read(name string) []byte {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return data
}

func (s *shop) write(name string, data []byte) {
	s.t.Helper()
	err := os.MkdirAll(filepath.Dir(s.path(name)), 0o755)
	if err == nil {
		err = os.WriteFile(s.path(name), data, 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// serve starts the store, which ends with the test, and waits until it is ready.
func (s *shop) serve() {
	s.t.Helper()
	start(s.t, "store", s.dir, "store", "serve", "--listen", "127.0.0.1:0", "--trust-revocation", "off").await(func() bool {
		var running struct{ URL string }
		text, err := os.ReadFile(s.path("store-data/store.json"))
		if err != nil || json.Unmarshal(text, &running) != nil {
			return false
		}
		s.url = running.URL
		status, _, err := fetch(s.t.Context(), running.URL+"/readyz")
		return err == nil && status == http.StatusOK
	})
}

func fetch(ctx context.Context, address string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, data, err
}

// sign makes a signed bundle with the things that a page shows.
func (s *shop) sign(name, version string) {
	s.t.Helper()
	jar := name + "-" + version + ".jar"
	s.write(jar, pack(s.t, name, version, bundletest.With("extension_name", "Weather of the north"), bundletest.With("extension_description", "Measures what the weather does, and tells those who ask."),
		bundletest.WithFile("META-INF/extension/icon.png", sun()),
		bundletest.WithFile("META-INF/extension/README.md", []byte(readme)),
		bundletest.WithFile("META-INF/extension/CHANGELOG.md", []byte("## "+version+"\n\n- Asks *every* station.\n"))))
	s.run(0, "bundle", "sign", jar, "--key", idOf(name)+".key.pem", "--chain", idOf(name)+".crt.pem")
}

const readme = `# Weather

Asks stations in the north for what they measure.

## Settings

| setting | what it does | unless it is given | between |
|---|---|---|---|
| station | whose measurements are shown | Montréal | |
| interval | seconds between two looks at the station | 30 | 1 and 86400 |

## A request

` + "```json\n{\"station\": \"Montréal\", \"measurements\": [\"temperature\", \"pressure\", \"humidity\"], \"since\": \"2026-11-26T10:00:00Z\"}\n```\n"

// sun is a picture.
func sun() []byte {
	img := image.NewRGBA(image.Rect(0, 0, 128, 128))
	for x := range 128 {
		for y := range 128 {
			img.Set(x, y, color.RGBA{0x2f, 0x70, 0xb7, 0xff})
			if (x-64)*(x-64)+(y-64)*(y-64) < 40*40 {
				img.Set(x, y, color.RGBA{0xf0, 0xbb, 0x62, 0xff})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // a buffer
	}
	return b.Bytes()
}

// at goes to a path of the store.
func (p *person) at(s *shop, path string) {
	p.t.Helper()
	p.Do("opening "+path, chromedp.Navigate(s.url+path), chromedp.WaitReady(chromedp.CSS("main h1")))
}

// sees waits for the page to say something.
func (p *person) sees(text string) {
	p.t.Helper()
	p.Until("it says "+text, fmt.Sprintf(`document.querySelector("main").textContent.replace(/[\u2066-\u2069]/g, "").replace(/\s+/g, " ").includes(%s)`, quoted(text)))
}

// TestStore is the README's section about the store with a person in front of it: somebody
// starts one and publishes; others look, search, read, and get the bytes that were published.
// What was withdrawn says why, and who has sent what is refused reads the reason.
func TestStore(t *testing.T) {
	t.Parallel()
	s := &shop{t: t, dir: t.TempDir()}
	s.run(0, "ca", "init", "--name", "Our Root", "--no-passphrase")
	s.run(0, "ca", "organization", "acme.example", "--name", "Acme Inc.", "--no-passphrase")
	s.run(0, "ca", "issue", "acme.example/"+idOf("weather"), "--no-passphrase")
	s.write("store-data/trust/root.pem", s.read("jackfield-ca/root/certificate.pem"))
	s.serve()
	p := browse(t)
	listing := "/extensions/" + idOf("weather")

	t.Run("first start", func(t *testing.T) {
		p := p.as(t)
		p.at(s, "/")
		p.sees("jackfield store publish FILE")
	})
	s.sign("weather", "1.0.0")
	_, pin, _ := strings.Cut(s.run(0, "bundle", "verify", "weather-1.0.0.jar", "--trust", "store-data/trust", "--revocation", "off"), "\npublisher ")
	pin, _, _ = strings.Cut(pin, "\n")
	s.run(0, "store", "org", "add", "acme.example", "--title", "Acme Inc.", "--pin", strings.TrimSpace(pin))
	s.run(0, "store", "token", "new", "CI of Acme", "--org", "acme.example", "--out", "acme.token")
	s.run(0, "store", "publish", "weather-1.0.0.jar", "--token-file", "acme.token")

	t.Run("look, search and get it, without scripts", func(t *testing.T) {
		p := p.as(t)
		p.Scripts(false)
		defer p.Scripts(true)
		p.at(s, "/")
		p.Do("searching", chromedp.SendKeys(chromedp.CSS("#q"), "wea\r"), chromedp.WaitReady(chromedp.CSS(".extension h2 a")))
		p.Until("the search", `location.search.startsWith("?q=wea")`)
		p.Do("choosing", chromedp.Click(chromedp.CSS(".extension h2 a")))
		p.Until("the listing", `location.pathname === `+quoted(listing))
		p.sees("Weather of the north")
		p.sees("Acme Inc.")
		p.sees("Asks every station.")
		address := browsertest.Read[string](p.Tab, `document.querySelector(".install a[download]").href`)
		status, data, err := fetch(t.Context(), address)
		if err != nil || status != http.StatusOK || !bytes.Equal(data, s.read("weather-1.0.0.jar")) {
			t.Errorf("%s: %d, %d bytes, %v", address, status, len(data), err)
		}
	})
	t.Run("what was withdrawn says why", func(t *testing.T) {
		p := p.as(t)
		s.sign("weather", "1.1.0")
		s.run(0, "store", "publish", "weather-1.1.0.jar", "--token-file", "acme.token")
		s.run(0, "store", "withdraw", idOf("weather")+"@1.0.0", "--token-file", "acme.token", "--reason", "measures in the wrong unit")
		p.at(s, listing+"/versions")
		p.sees("withdrawn")
		p.at(s, listing+"/versions/1.0.0")
		p.sees("measures in the wrong unit")
		if n := browsertest.Read[int](p.Tab, `document.querySelectorAll("main a[download]").length`); n != 0 {
			t.Errorf("it has %d links to files", n)
		}
		p.at(s, listing)
		p.Do("looking again: browsers keep a page for half a minute", chromedp.Reload())
		p.sees("1.1.0")
	})
	s.write("letter.jar", []byte("Dear store,"))
	s.run(1, "store", "publish", "letter.jar", "--token-file", "acme.token")
	token := strings.TrimSpace(string(s.read("acme.token")))
	t.Run("what is refused has its reason", func(t *testing.T) {
		p := p.as(t)
		p.Header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("any:"+token)))
		p.at(s, "/submissions/mine")
		p.sees("letter.jar")
		p.at(s, "/submissions/3")
		p.sees("needs changes")
		p.sees("Code format_unknown")
	})
	pictures := filepath.Join("..", "dist", "screenshots", "store-real")
	if err := os.MkdirAll(pictures, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, look := range looks() {
		p.Window(look.width, look.height)
		p.Prefer(look.theme)
		for _, page := range []page{
			{"front", "/"}, {"search", "/?q=weather"}, {"listing", listing}, {"versions", listing + "/versions"}, {"withdrawn", listing + "/versions/1.0.0"},
			{"publisher", "/publishers/acme.example"}, {"about", "/about"}, {"submissions", "/submissions/mine"}, {"refused", "/submissions/3"},
		} {
			t.Run(page.name+"/"+look.name, func(t *testing.T) {
				p.as(t).look(s.url, page, filepath.Join(pictures, page.name+"-"+look.name+".png"))
			})
		}
	}
	for _, message := range p.Complaints() {
		t.Errorf("the browser complains: %s", message)
	}
}
