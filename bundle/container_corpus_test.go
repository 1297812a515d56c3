package bundle_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
)

// TestJarsOfThisMachine reads every JAR that came with the JDK and with packages of
// Java libraries: all ordinary ones must be sound containers.
func TestJarsOfThisMachine(t *testing.T) {
	t.Parallel()
	tool, err := filepath.EvalSymlinks(jdk(t, "jar"))
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Dir(filepath.Dir(tool))
	if _, err := os.Stat(filepath.Join(home, "lib", "modules")); err != nil {
		// A launcher script, not a link: ask.
		home = javaHome(t)
	}
	paths := map[string]bool{}
	for _, root := range []string{home, "/usr/share/java"} {
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".jar") {
				if path, err = filepath.EvalSymlinks(path); err == nil {
					paths[path] = true
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(paths) == 0 {
		t.Fatalf("no JAR below %s: install a whole JDK, for example the package openjdk-17-jdk-headless", home)
	}
	for path := range paths {
		f, err := bundle.Open(path, bundle.Limits{})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		for _, e := range f.Entries() {
			if e.Dir || f.Size() > 64<<10 {
				continue // of the large ones the structure is enough
			}
			r, err := f.OpenEntry(e.Name)
			if err == nil {
				_, err = io.Copy(io.Discard, r)
			}
			if err != nil {
				t.Errorf("%s: %s: %v", path, e.Name, err)
			}
		}
		f.Close()
	}
	t.Logf("%d JARs", len(paths))
}

func javaHome(t *testing.T) string {
	t.Helper()
	for line := range strings.Lines(run(t, ".", jdk(t, "java"), "-XshowSettings:properties", "-version")) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " = "); ok && name == "java.home" {
			return value
		}
	}
	t.Fatal("java does not tell its home")
	return ""
}

// TestGoTestdata reads the samples of other writers that come with Go's own reader,
// the bad ones too.
func TestGoTestdata(t *testing.T) {
	bad := map[string]bundle.Code{
		"comment-truncated.zip":  bundle.CodePrefixData, // among other things
		"readme.notzip":          bundle.CodeNotZip,
		"readme.zip":             bundle.CodeTrailingData, // a comment and one byte
		"symlink.zip":            bundle.CodeSpecialFile,
		"test-badbase.zip":       bundle.CodeTrailingData, // a comment, first
		"test-baddirsz.zip":      bundle.CodeTrailingData,
		"test-prefix.zip":        bundle.CodePrefixData,
		"test-trailing-junk.zip": bundle.CodeTrailingData,
		"test.zip":               bundle.CodeTrailingData, // a comment
		// Old releases of Go stored with descriptors.
		"dupdir.zip":               bundle.CodeMethod,
		"go-with-datadesc-sig.zip": bundle.CodeMethod,
		"time-22738.zip":           bundle.CodeMethod,
		"time-go.zip":              bundle.CodeMethod,
	}
	root := strings.TrimSpace(run(t, ".", "go", "env", "GOROOT"))
	paths, err := filepath.Glob(filepath.Join(root, "src", "archive", "zip", "testdata", "*zip"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("the sources of Go's standard library are not installed (%v)", err)
	}
	for _, path := range paths {
		f, err := bundle.Open(path, bundle.Limits{})
		if err == nil {
			f.Close()
		}
		if got, want := bundle.CodeOf(err), bad[filepath.Base(path)]; got != want {
			t.Errorf("%s: %v, want %q", filepath.Base(path), err, want)
		}
	}
}
