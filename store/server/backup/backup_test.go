package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// archive is a backup of a small store, or of none.
func archive(t testing.TB, entries ...[2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := w.WriteHeader(&tar.Header{Name: e[0], Mode: 0o600, Size: int64(len(e[1])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func headOf(t testing.TB, files map[string]string) string {
	t.Helper()
	h := head{Format: format, Program: "1", Files: map[string]string{}}
	for name, text := range files {
		h.Files[name] = digest(text)
	}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// emptyDatabase is the file of a database without anything.
func emptyDatabase(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "store.db")
	db, err := database.Open(t.Context(), path, database.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRestore(t *testing.T) {
	empty := emptyDatabase(t)
	db := map[string]string{"store.db": empty}
	for _, c := range []struct {
		name    string
		entries [][2]string
		says    string // "" for restored
	}{
		{"good", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", empty}, {"blobs/sha256/" + digest("b"), "b"}, {"end", ""}}, ""},
		{"keys and roots", [][2]string{{"backup.json", headOf(t, map[string]string{"store.db": empty, "keys/a/b.pem": "k"})}, {"store.db", empty}, {"keys/a/b.pem", "k"}, {"end", ""}}, ""},
		{"without an end", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", empty}}, "too early"},
		{"without a database", [][2]string{{"backup.json", headOf(t, nil)}, {"end", ""}}, "no database"},
		{"with a file missing", [][2]string{{"backup.json", headOf(t, db)}, {"end", ""}}, "store.db is missing"},
		{"with another database", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", "other"}, {"end", ""}}, "not those that were backed up"},
		{"with another blob", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", empty}, {"blobs/sha256/" + digest("b"), "c"}, {"end", ""}}, "another digest"},
		{"with a blob of no digest", [][2]string{{"backup.json", headOf(t, db)}, {"blobs/sha256/../../../x", "c"}, {"end", ""}}, "file"},
		{"out of its folder", [][2]string{{"backup.json", headOf(t, map[string]string{"store.db": empty, "keys/../../x": "k"})}}, "has no place"},
		{"a file that is not named", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", empty}, {"trust/x.pem", "x"}, {"end", ""}}, "not named"},
		{"twice", [][2]string{{"backup.json", headOf(t, db)}, {"store.db", empty}, {"store.db", empty}, {"end", ""}}, "not named"},
		{"a database that is none", [][2]string{{"backup.json", headOf(t, map[string]string{"store.db": "db"})}, {"store.db", "db"}, {"end", ""}}, "database that was restored"},
		{"something else", [][2]string{{"x", "y"}}, "no backup"},
	} {
		dir := filepath.Join(t.TempDir(), "store")
		_, err := Restore(t.Context(), bytes.NewReader(archive(t, c.entries...)), dir)
		if c.says == "" {
			if _, missing := os.Stat(filepath.Join(dir, "store.db")); err != nil || missing != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
		if left, _ := filepath.Glob(dir + "*"); len(left) > 0 {
			t.Errorf("%s: %v is left", c.name, left)
		}
	}
}

// FuzzRestore: nothing is written outside of the folder; what is restored as a blob has the
// digest of its name; after an error nothing is left.
func FuzzRestore(f *testing.F) {
	empty := emptyDatabase(f)
	db := map[string]string{"store.db": empty}
	good := archive(f, [2]string{"backup.json", headOf(f, db)}, [2]string{"store.db", empty}, [2]string{"blobs/sha256/" + digest("b"), "b"}, [2]string{"end", ""})
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(archive(f, [2]string{"backup.json", headOf(f, db)}, [2]string{"../store.db", empty}))
	f.Fuzz(func(t *testing.T, data []byte) {
		around := t.TempDir()
		dir := filepath.Join(around, "store")
		_, err := Restore(t.Context(), bytes.NewReader(data), dir)
		entries, _ := os.ReadDir(around)
		if err != nil && len(entries) > 0 || err == nil && len(entries) != 1 {
			t.Fatalf("%v, and around it are %v", err, entries)
		}
		if err != nil {
			return
		}
		err = filepath.WalkDir(filepath.Join(dir, "blobs", "sha256"), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err == nil && digest(string(text)) != d.Name() {
				t.Errorf("%s has %q", path, text)
			}
			return err
		})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	})
}
