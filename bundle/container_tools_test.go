package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// jdk returns the path of a tool of the JDK, which these tests need.
func jdk(t *testing.T, tool string) string {
	t.Helper()
	path, err := exec.LookPath(tool)
	if err != nil {
		t.Fatalf("this test compares with the JDK, and its %q is not in PATH: install a JDK, for example the package openjdk-17-jdk-headless", tool)
	}
	return path
}

// run runs a program in dir and returns what it prints.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	if slices.Contains([]string{"jar", "jarsigner", "keytool"}, filepath.Base(program)) {
		// What runs for a moment is not worth being compiled well: half the time.
		args = append([]string{"-J-XX:TieredStopAtLevel=1"}, args...)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
	return string(out)
}

// content is what the archives of the good corpus hold.
func content() map[string][]byte {
	return map[string][]byte{
		"bin/linux-amd64/extension": bytes.Repeat([]byte("\x7fELF and so on; "), 9000),
		"data/empty":                {},
		"data/été/日本.txt":           []byte("utf-8 name\n"),
		"data/small.txt":            []byte("small\n"),
	}
}

// folderOf writes content and a manifest into a new folder.
func folderOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range content() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "manifest.mf"), bundletest.GoodManifest(), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// mustHold verifies the archive at path and compares what it holds with content.
func mustHold(t *testing.T, path string) *bundle.Verified {
	t.Helper()
	f, err := bundle.Open(path, bundle.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	v, err := bundle.Verify(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range content() {
		r, err := f.OpenEntry(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes (%v), want %d", name, len(got), err, len(want))
		}
		if sum, ok := v.EntrySHA256(name); !ok || sum != sha256.Sum256(want) {
			t.Errorf("%s: wrong SHA-256", name)
		}
	}
	if v.Manifest().ID != "examples.hello.HelloExtension" {
		t.Errorf("id %q", v.Manifest().ID)
	}
	return v
}

func TestJDKJar(t *testing.T) {
	t.Parallel()
	jar := jdk(t, "jar")
	for _, c := range []struct {
		name string
		args [][]string
	}{
		{"deflated", [][]string{{"cfm", "out.jar", "manifest.mf", "bin", "data"}}},
		{"stored", [][]string{{"0cfm", "out.jar", "manifest.mf", "bin", "data"}}},
		{"without-folders", [][]string{{"--create", "--file", "out.jar", "--manifest", "manifest.mf", "bin/linux-amd64/extension", "-C", ".", "data"}}},
		{"updated-manifest", [][]string{{"cf", "out.jar", "bin", "data"}, {"ufm", "out.jar", "manifest.mf"}}},
		{"updated-files", [][]string{{"cfm", "out.jar", "manifest.mf", "bin"}, {"uf", "out.jar", "data"}}},
		{"updated-stored", [][]string{{"0cfm", "out.jar", "manifest.mf", "bin"}, {"0uf", "out.jar", "data"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := folderOf(t)
			for _, args := range c.args {
				run(t, dir, jar, append([]string{"-J-Dfile.encoding=UTF-8", "-J-Dsun.jnu.encoding=UTF-8"}, args...)...)
			}
			v := mustHold(t, filepath.Join(dir, "out.jar"))
			if len(v.Warnings()) > 0 {
				t.Errorf("warnings: %q", v.Warnings())
			}
		})
	}
	t.Run("streamed", func(t *testing.T) {
		dir := folderOf(t)
		// To standard output the tool can not go back: descriptors.
		cmd := exec.Command(jar, "cm", "manifest.mf", "bin", "data")
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "out.jar")
		if err := os.WriteFile(path, out, 0o644); err != nil {
			t.Fatal(err)
		}
		mustHold(t, path)
	})
}

func TestGoZip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out.jar")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	add := func(h *zip.FileHeader, data []byte) {
		t.Helper()
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	add(&zip.FileHeader{Name: "META-INF/"}, nil)
	add(&zip.FileHeader{Name: "META-INF/MANIFEST.MF", Method: zip.Deflate, Comment: "the label"}, bundletest.GoodManifest())
	for name, data := range content() {
		h := &zip.FileHeader{Name: name, Method: zip.Deflate, Extra: bundletest.Field(0x7777, []byte("ours"))}
		h.SetMode(os.ModeSetuid | 0o755)
		add(h, data)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if v := mustHold(t, path); len(v.Warnings()) > 0 {
		t.Errorf("warnings: %q", v.Warnings())
	}
}

const pythonZip = `
import sys, zipfile, os
with zipfile.ZipFile("out.jar", "w", zipfile.ZIP_DEFLATED) as z:
    z.write("manifest.mf", "META-INF/MANIFEST.MF")
    if sys.argv[1] == "folders":
        z.write("bin", "bin/"); z.write("data", "data/")
    for top in ("bin", "data"):
        for folder, _, files in os.walk(top):
            for name in sorted(files):
                path = folder + "/" + name
                if sys.argv[1] == "zip64":
                    with z.open(path, "w", force_zip64=True) as f:
                        f.write(open(path, "rb").read())
                else:
                    z.write(path)
`

const pythonStream = `
import sys, zipfile
class Out:
    def __init__(self, f): self.f = f
    def write(self, b): return self.f.write(b)
    def flush(self): self.f.flush()
with open("out.jar", "wb") as f, zipfile.ZipFile(Out(f), "w", zipfile.ZIP_DEFLATED) as z:
    for path, name in [("manifest.mf", "META-INF/MANIFEST.MF")] + [(p, p) for p in sys.argv[1:]]:
        z.write(path, name)
`

// TestOtherTools reads what python3 and Info-ZIP write, where they are installed.
func TestOtherTools(t *testing.T) {
	t.Parallel()
	if python, err := exec.LookPath("python3"); err == nil {
		for _, mode := range []string{"plain", "folders", "zip64"} {
			t.Run("python-"+mode, func(t *testing.T) {
				dir := folderOf(t)
				run(t, dir, python, "-c", pythonZip, mode)
				mustHold(t, filepath.Join(dir, "out.jar"))
			})
		}
		t.Run("python-stream", func(t *testing.T) {
			dir := folderOf(t)
			args := []string{"-c", pythonStream}
			for name := range content() {
				args = append(args, name)
			}
			run(t, dir, python, args...)
			mustHold(t, filepath.Join(dir, "out.jar"))
		})
	}
	infozip, err := exec.LookPath("zip")
	if err != nil {
		return
	}
	for _, c := range []struct {
		name string
		args []string
	}{
		{"info-zip", []string{"-q", "-r", "out.jar", "META-INF", "bin", "data"}},
		{"info-zip-utf8", []string{"-q", "-UN=UTF8", "-r", "out.jar", "META-INF", "bin", "data"}},
		{"info-zip-stored", []string{"-q", "-0", "-D", "-r", "out.jar", "META-INF", "bin", "data"}},
		{"info-zip-zip64", []string{"-q", "-fz", "-r", "out.jar", "META-INF", "bin", "data"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := infoZipFolder(t)
			run(t, dir, infozip, c.args...)
			mustHold(t, filepath.Join(dir, "out.jar"))
		})
	}
	t.Run("info-zip-stream", func(t *testing.T) {
		dir := infoZipFolder(t)
		// Of an empty file it would store nothing, with a descriptor, which is refused.
		if err := os.Remove(filepath.Join(dir, "data", "empty")); err != nil {
			t.Fatal(err)
		}
		run(t, dir, "sh", "-c", "zip -q -r - META-INF bin data | cat > out.jar")
		if r := bundle.Inspect(context.Background(), filepath.Join(dir, "out.jar"), bundle.Limits{}, "linux", "amd64"); !r.Runnable {
			t.Errorf("%+v", r)
		}
	})
}

// infoZipFolder is folderOf with the manifest in its place.
func infoZipFolder(t *testing.T) string {
	t.Helper()
	dir := folderOf(t)
	if err := os.Mkdir(filepath.Join(dir, "META-INF"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "manifest.mf"), filepath.Join(dir, "META-INF", "MANIFEST.MF")); err != nil {
		t.Fatal(err)
	}
	return dir
}
