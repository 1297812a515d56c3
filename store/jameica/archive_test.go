package jameica_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/jameica"
)

const notesManifest = declared + `<plugin name="demo.notes" version="2.1.0"><url>https://store.example/demo.notes-2.1.0.zip</url><requires jameica="2.10+"><import plugin="demo.base" version="3.0+"/></requires></plugin>`

// file is one entry of a ZIP; a name that ends with a slash is a folder.
type file struct{ name, data string }

func zipOf(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		to, err := w.CreateHeader(&zip.FileHeader{Name: f.name, Method: zip.Deflate})
		if err == nil && f.data != "" {
			_, err = to.Write([]byte(f.data))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// uneven is a text of n bytes or more that does not compress beyond any limit.
func uneven(n int) string {
	var b strings.Builder
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, " %x", uint32(i)*2654435761)
	}
	return b.String()
}

func openArchive(data []byte) (*jameica.Archive, error) {
	f, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), bundle.DefaultLimits())
	if err != nil {
		return nil, err
	}
	return jameica.OpenArchive(context.Background(), f, jameica.Limits{})
}

// codeOf is the code of either package.
func codeOf(err error) string {
	if code := bundle.CodeOf(err); code != "" {
		return string(code)
	}
	return string(jameica.CodeOf(err))
}

func TestOpenArchive(t *testing.T) {
	good := []file{{"demo.notes/", ""}, {"demo.notes/plugin.xml", notesManifest}, {"demo.notes/lib/", ""}, {"demo.notes/lib/demo.notes.jar", "PK"}}
	a, err := openArchive(zipOf(t, good...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Folder != "demo.notes" || a.Manifest.Version != "2.1.0" || a.Headless || string(a.Document) != notesManifest {
		t.Errorf("read as %+v", a)
	}
	if a, err = openArchive(zipOf(t, good[1], good[3])); err != nil || !a.Headless {
		t.Errorf("without an entry for its folder: %+v, %v", a, err)
	}
	with := func(f ...file) []byte { return zipOf(t, append(append([]file{}, good...), f...)...) }
	for _, c := range []struct {
		name string
		zip  []byte
		code string
	}{
		{"empty", zipOf(t), "archive_invalid"},
		{"no ZIP", []byte("<html>404</html>"), "not_zip"},
		{"cut", zipOf(t, good...)[:200], "truncated"},
		{"two folders", with(file{"other/", ""}), "archive_invalid"},
		{"files under another folder", with(file{"hibiscus/plugin.xml", "x"}), "archive_invalid"},
		{"a file beside the folder", with(file{"README", "x"}), "archive_invalid"},
		{"a path out of the folder", with(file{"demo.notes/../../x", "x"}), "unsafe_path"},
		{"a path out at once", with(file{"../escaped.txt", "x"}), "unsafe_path"},
		{"an absolute path", with(file{"/etc/cron.d/x", "x"}), "unsafe_path"},
		{"a drive", with(file{"C:/x", "x"}), "unsafe_path"},
		{"a stream", with(file{"demo.notes/x:y", "x"}), "unsafe_path"},
		{"backslashes", with(file{`demo.notes\..\x`, "x"}), "unsafe_path"},
		{"a dot", with(file{"demo.notes/./x", "x"}), "unsafe_path"},
		{"a part that ends with a dot", with(file{"demo.notes/x./y", "x"}), "unsafe_path"},
		{"a part that ends with a blank", with(file{"demo.notes/x /y", "x"}), "unsafe_path"},
		{"a device", with(file{"demo.notes/lib/aux.jar", "x"}), "archive_invalid"},
		{"a question mark", with(file{"demo.notes/what?", "x"}), "archive_invalid"},
		{"the same name twice", with(file{"demo.notes/PLUGIN.XML", notesManifest}), "duplicate_name"},
		{"a folder of another plugin, which it would replace", zipOf(t, file{"hibiscus/", ""}, file{"hibiscus/plugin.xml", notesManifest}), "archive_invalid"},
		{"no manifest", zipOf(t, good[0], good[3]), "archive_invalid"},
		{"a manifest in another case", zipOf(t, good[0], file{"demo.notes/Plugin.xml", notesManifest}), "archive_invalid"},
		{"a manifest that is a folder", zipOf(t, good[0], file{"demo.notes/plugin.xml/", ""}), "archive_invalid"},
		{"a manifest with a document type", zipOf(t, file{"demo.notes/plugin.xml", `<!DOCTYPE x>` + notesManifest}), "doctype_refused"},
		{"a manifest without end", zipOf(t, file{"demo.notes/plugin.xml", notesManifest + uneven(1<<20)}), "too_big"},
		{"a bomb", with(file{"demo.notes/bomb", strings.Repeat("\x00", 32<<20)}), "ratio_too_high"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := openArchive(c.zip); codeOf(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
	t.Run("damaged data", func(t *testing.T) {
		data := with(file{"demo.notes/x", strings.Repeat("abcdefgh", 10)})
		at := bytes.Index(data, []byte("demo.notes/x")) + len("demo.notes/x")
		data[at+2] ^= 0xff
		if _, err := openArchive(data); codeOf(err) != "data_corrupt" && codeOf(err) != "crc_mismatch" {
			t.Errorf("%v, want data_corrupt or crc_mismatch", err)
		}
	})
	t.Run("no time left", func(t *testing.T) {
		data := zipOf(t, good...)
		f, err := bundle.NewFile(bytes.NewReader(data), int64(len(data)), bundle.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := jameica.OpenArchive(ctx, f, jameica.Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want that it was canceled", err)
		}
	})
}

func TestArchiveMatches(t *testing.T) {
	a, err := openArchive(zipOf(t, file{"demo.notes/plugin.xml", notesManifest}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, old, new string
		ok             bool
	}{
		{"the same", "", "", true},
		{"another address", "demo.notes-2.1.0.zip", "mirror.zip", true},
		{"another name", `"demo.notes"`, `"demo.note"`, false},
		{"another version", "2.1.0", "2.1.1", false},
		{"another host", "2.10+", "2.9+", false},
		{"another requirement", "3.0+", "3.1+", false},
		{"another import", "demo.base", "demo.bass", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			listed, err := jameica.ParseManifest([]byte(strings.Replace(notesManifest, c.old, c.new, 1)), jameica.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			err = a.Matches(listed)
			if c.ok && err != nil || !c.ok && jameica.CodeOf(err) != jameica.CodeMismatch {
				t.Errorf("%v, want it to match: %v", err, c.ok)
			}
		})
	}
}

// What others pack is read.
func TestArchivesOfOthers(t *testing.T) {
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"demo.notes/plugin.xml": notesManifest, "demo.notes/lib/Grüße.txt": "ü", "demo.notes/empty": ""})
	run(t, dir, "zip", "-q", "-r", "info-zip.zip", "demo.notes")
	run(t, dir, "zip", "-q", "-r", "-D", "headless.zip", "demo.notes")
	run(t, dir, "jar", "cMf", "jar.zip", "demo.notes")
	run(t, dir, "python3", "-c", `import shutil; shutil.make_archive("python", "zip", ".", "demo.notes")`)
	for _, name := range []string{"info-zip.zip", "headless.zip", "jar.zip", "python.zip"} {
		f, err := bundle.Open(filepath.Join(dir, name), bundle.DefaultLimits())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		a, err := jameica.OpenArchive(t.Context(), f, jameica.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if a.Headless != (name == "headless.zip") {
			t.Errorf("%s: headless is %v", name, a.Headless)
		}
		f.Close()
	}
}

func writeFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWriteArchive(t *testing.T) {
	files := fstest.MapFS{
		"plugin.xml":       {Data: []byte(notesManifest)},
		"lib/notes.jar":    {Data: []byte("PK")},
		"lib/Grüße.txt":    {Data: []byte("ü")},
		"empty.properties": {},
		"folder/deep":      {Mode: fs.ModeDir | 0o755},
	}
	var first, second bytes.Buffer
	m, err := jameica.WriteArchive(t.Context(), &first, files)
	if err != nil || m.Name != "demo.notes" {
		t.Fatal(m, err)
	}
	if _, err := jameica.WriteArchive(t.Context(), &second, files); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Errorf("the same files give other bytes (%v)", err)
	}
	a, err := openArchive(first.Bytes())
	if err != nil || a.Headless {
		t.Errorf("we do not take it: %+v, %v", a, err)
	}
	if err := oldClientTakes(first.Bytes()); err != nil {
		t.Errorf("the old client does not take it: %v", err)
	}
	if err := newClientTakes(first.Bytes()); err != nil {
		t.Errorf("the new client does not take it: %v", err)
	}
	dir := t.TempDir()
	writeFiles(t, dir, map[string]string{"x.zip": first.String()})
	run(t, dir, "unzip", "-q", "-t", "x.zip")
	run(t, dir, "jar", "xf", "x.zip")
	for name, f := range files {
		if f.Mode.IsDir() {
			continue
		}
		if got, err := os.ReadFile(filepath.Join(dir, "demo.notes", name)); err != nil || !bytes.Equal(got, f.Data) {
			t.Errorf("the JDK unpacks %s as %q, %v", name, got, err)
		}
	}
}

func TestArchiveNotWritten(t *testing.T) {
	links := t.TempDir()
	writeFiles(t, links, map[string]string{"plugin.xml": notesManifest})
	if err := os.Symlink("/etc/passwd", filepath.Join(links, "link")); err != nil {
		t.Fatal(err)
	}
	for name, folder := range map[string]fs.FS{
		"no manifest":     fstest.MapFS{"x": {}},
		"a bad manifest":  fstest.MapFS{"plugin.xml": {Data: []byte("<plugin name='../x'/>")}},
		"a colon":         fstest.MapFS{"plugin.xml": {Data: []byte(notesManifest)}, "a:b": {}},
		"a trailing dot":  fstest.MapFS{"plugin.xml": {Data: []byte(notesManifest)}, "a./b": {}},
		"a device":        fstest.MapFS{"plugin.xml": {Data: []byte(notesManifest)}, "lib/NUL": {}},
		"a symbolic link": os.DirFS(links),
	} {
		if _, err := jameica.WriteArchive(t.Context(), &bytes.Buffer{}, folder); err == nil {
			t.Errorf("a folder with %s is packed", name)
		}
	}
}

// oldClientTakes has the rules of the client's ZippedPlugin, as they are described.
func oldClientTakes(data []byte) error {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	var top []string
	manifest := map[string]bool{}
	for _, f := range r.File {
		before, behind, ok := strings.Cut(f.Name, "/")
		switch {
		case !ok:
			return fmt.Errorf("%s has no slash", f.Name)
		case before != "" && behind != "":
			manifest[f.Name] = true
		default:
			top = append(top, f.Name)
		}
	}
	if len(top) != 1 || !strings.HasSuffix(top[0], "/") || strings.Contains(top[0], "..") || !manifest[top[0]+"plugin.xml"] {
		return fmt.Errorf("top-level entries %q, or no manifest in it", top)
	}
	return nil
}

// newClientTakes has the rules of the hardened client's validator, as they are described.
func newClientTakes(data []byte) error {
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	for _, f := range r.File {
		name := strings.ReplaceAll(f.Name, `\`, "/")
		root, _, _ := strings.Cut(r.File[0].Name, "/") // of whatever the directory begins with
		if !strings.HasPrefix(name, root+"/") || strings.HasPrefix(name, "/") {
			return fmt.Errorf("%s is not in %s", name, r.File[0].Name)
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(name, "/"), "/") {
			if part == "." || part == ".." || strings.Contains(part, ":") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
				return fmt.Errorf("%s has the part %q", name, part)
			}
		}
	}
	return nil
}

func FuzzArchive(f *testing.F) {
	f.Add(zipOf(f, file{"demo.notes/", ""}, file{"demo.notes/plugin.xml", notesManifest}, file{"demo.notes/lib/a.jar", "PK"}))
	f.Add(zipOf(f, file{"demo.notes/plugin.xml", notesManifest}))
	f.Add(zipOf(f, file{"a/", ""}, file{"b/plugin.xml", notesManifest}))
	f.Add(zipOf(f, file{"demo.notes/plugin.xml", notesManifest}, file{"../x", "x"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := openArchive(data)
		if err != nil {
			if codeOf(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if err := newClientTakes(data); err != nil && !a.Headless {
			t.Fatalf("taken, but not by the hardened client: %v", err)
		}
		if err := oldClientTakes(data); (err == nil) == a.Headless {
			t.Fatalf("headless is %v, but the old client says %v", a.Headless, err)
		}
		if a.Manifest.Name != a.Folder {
			t.Fatalf("%s in the folder %s", a.Manifest.Name, a.Folder)
		}
	})
}
