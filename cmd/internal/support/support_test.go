package support

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// unpack returns the files of an archive, by name.
func unpack(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[h.Name] = string(data)
	}
}

func TestArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	a, err := Create(path, "jackfield-support", NewRedactor([]string{canary}), time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.txt": "it is " + canary, "logs/b.log": strings.Repeat("x", MaxFile) + "the end"} {
		if err := a.Add(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if left := a.Left(); len(left) != 1 || !strings.Contains(left[0], "logs/b.log: the first 7 bytes") {
		t.Errorf("left out: %q", left)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	files := unpack(t, path)
	if files["jackfield-support/a.txt"] != "it is "+Blank || !strings.HasSuffix(files["jackfield-support/logs/b.log"], "the end") || len(files) != 2 {
		t.Errorf("%d files, %q", len(files), files["jackfield-support/a.txt"])
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := Create(path, "x", NewRedactor(nil), time.Now()); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over another file: %v", err)
	}
}

func TestDiscardedArchiveIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.tar.gz")
	a, err := Create(path, "x", NewRedactor(nil), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Discard(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there: %v", err)
	}
}
