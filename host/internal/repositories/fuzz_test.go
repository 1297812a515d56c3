package repositories

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/store"
)

// Whatever a store answers to a search, it leads to few ids of a length that ids may have,
// and nowhere else.
func FuzzParsePage(f *testing.F) {
	f.Add([]byte(`{"listings":[{"id":"org.acme.hello","name":"Hello"}],"next":"abc"}`))
	f.Add([]byte(`{"listings":null,"next":""}`))
	f.Add([]byte(`{"listings":[{"id":""},{"id":"` + strings.Repeat("x", 191) + `"}]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ids, next, err := parsePage(data)
		if err != nil {
			if len(ids) > 0 || next != "" {
				t.Errorf("%d ids and %q beside %v", len(ids), next, err)
			}
			return
		}
		if len(ids) > pageSize || len(next) > 4096 {
			t.Errorf("%d ids, a cursor of %d bytes", len(ids), len(next))
		}
		for _, id := range ids {
			if id == "" || len(id) > 190 || !utf8.ValidString(id) {
				t.Errorf("the id %q", id)
			}
		}
	})
}

// Whatever lies in the folder of a repository, what is taken of it is what its name says.
func FuzzKept(f *testing.F) {
	good := []byte("{}\n")
	f.Add(good, []byte(`{"seen":{"store":"s","sequence":3}}`))
	f.Add([]byte("other"), []byte(`{`))
	f.Add(good, []byte(`{"seen":{"sequence":3},"tag":5}`))
	f.Add([]byte(nil), []byte(nil))
	f.Fuzz(func(t *testing.T, object, seen []byte) {
		dir := t.TempDir()
		name := filepath.Join(dir, keptObjects, store.Digest(good)[7:9], store.Digest(good)[7:])
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		for path, data := range map[string][]byte{name: object, filepath.Join(dir, keptKnown): seen} {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		k := openKeep(dir)
		data, ok := k.object(store.Digest(good))
		if ok != (string(object) == string(good)) || ok && string(data) != string(good) {
			t.Errorf("%q is taken for %q: %v", object, good, ok)
		}
		if k.usable() != nil && k.now() != (known{}) {
			t.Errorf("of what can not be read %+v is known", k.now())
		}
	})
}
