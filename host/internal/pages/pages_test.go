package pages

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// home is a folder of pages with neighbours that must stay out of reach.
func home(t testing.TB) Folder {
	t.Helper()
	base := t.TempDir()
	for name, content := range map[string]string{
		"secret.html":                         "SECRET",
		"extensions/other.Id/index.html":      "SECRET of another extension",
		"extensions/a.Id/index.html":          "the index",
		"extensions/a.Id/js/app.mjs":          "the script",
		"extensions/a.Id/two..dots.css":       "dots",
		"extensions/a.Id/.hidden.html":        "SECRET",
		"extensions/a.Id/.git/index.html":     "SECRET",
		"extensions/a.Id/config.jsp":          "SECRET",
		"extensions/a.Id/noextension":         "SECRET",
		"extensions/a.Id/folder.html/in.html": "in a folder",
	} {
		path := filepath.Join(base, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Folder{Base: base, Below: "extensions/a.Id"}
}

func content(t testing.TB, f *File) string {
	t.Helper()
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFilesOfPages(t *testing.T) {
	d := home(t)
	if !d.Exists() {
		t.Fatal("there are no pages")
	}
	for _, c := range []struct{ name, media, content string }{
		{"", "text/html; charset=utf-8", "the index"},
		{"index.html", "text/html; charset=utf-8", "the index"},
		{"js/app.mjs", "text/javascript; charset=utf-8", "the script"},
		{"two..dots.css", "text/css; charset=utf-8", "dots"},
		{"folder.html/in.html", "text/html; charset=utf-8", "in a folder"},
	} {
		f, err := d.Open(c.name)
		if err != nil {
			t.Errorf("%q: %v", c.name, err)
			continue
		}
		if got := content(t, f); got != c.content || f.MediaType != c.media || f.Info.Size() != int64(len(got)) {
			t.Errorf("%q is %q of type %q", c.name, got, f.MediaType)
		}
	}
}

func TestWhatIsNotServed(t *testing.T) {
	d := home(t)
	dir := filepath.Join(d.Base, d.Below)
	for link, to := range map[string]string{
		"outside.html": filepath.Join(d.Base, "secret.html"), "up.html": "../../secret.html",
		"inside.html": "index.html", "linked": "js", "away": "/etc", "other": "../other.Id",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Mkfifo(filepath.Join(dir, "pipe.html"), 0o644); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create(filepath.Join(dir, "large.js"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(large.Truncate(MaxBytes+1), large.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"..", "../other.Id/index.html", "../../secret.html", "/index.html", "./index.html", "js/../index.html", "js//app.mjs",
		"js/", "js", "folder.html", ".", ".hidden.html", ".git/index.html", "config.jsp", "noextension", "missing.html",
		"outside.html", "up.html", "inside.html", "linked/app.mjs", "away/index.html", "other/index.html", "pipe.html",
		"index.html\x00.js", `js\app.mjs`, "C:index.html", "index.html/x.html", strings.Repeat("a/", 600) + "x.html", strings.Repeat("a", 300) + ".html", "\xff.html",
	} {
		f, err := d.Open(name)
		if err == nil {
			t.Errorf("%q is served: %q", name, content(t, f))
		} else if !errors.Is(err, ErrNone) {
			t.Errorf("%q: %v, want ErrNone", name, err)
		}
	}
	if _, err := d.Open("large.js"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a large file: %v", err)
	}
}

func TestFoldersWithoutPages(t *testing.T) {
	d := home(t)
	if err := os.Symlink("a.Id", filepath.Join(d.Base, "extensions", "link.Id")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(d.Base, "extensions", "empty.Id"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, below := range []string{"extensions/missing.Id", "extensions/empty.Id", "extensions/link.Id", "nothing/at/all"} {
		if (Folder{d.Base, below}).Exists() {
			t.Errorf("%s has pages", below)
		}
	}
	if (Folder{filepath.Join(d.Base, "missing"), "x"}).Exists() {
		t.Error("a base that is missing has pages")
	}
	// The base itself may be a link: the administrator's home often is.
	link := filepath.Join(t.TempDir(), "home")
	if err := os.Symlink(d.Base, link); err != nil {
		t.Fatal(err)
	}
	if !(Folder{link, d.Below}).Exists() {
		t.Error("behind a link to the base there are no pages")
	}
}

// FuzzOpen: whatever the path says, only files below the folder are opened, and only
// those of the closed set.
func FuzzOpen(f *testing.F) {
	for _, seed := range []string{"", "index.html", "js/app.mjs", "../other.Id/index.html", "js/../../other.Id/index.html", "..%2f", "a\x00b.html", ".hidden.html", "//etc/passwd", "config.jsp"} {
		f.Add(seed)
	}
	d := home(f)
	f.Fuzz(func(t *testing.T, name string) {
		file, err := d.Open(name)
		if err != nil {
			return
		}
		text := content(t, file)
		if strings.Contains(text, "SECRET") || file.MediaType == "" || strings.Contains("/"+name, "/.") {
			t.Fatalf("%q is served: %q", name, text)
		}
	})
}
