package ingest

import (
	"archive/zip"
	"bytes"
	"slices"
	"testing"
	"unicode/utf8"
)

func zipped(t testing.TB, names ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range names {
		if _, err := w.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestEntryNames(t *testing.T) {
	good := zipped(t, "META-INF/", "META-INF/MANIFEST.MF", "bin/ü")
	for _, c := range []struct {
		name string
		data []byte
		want []string
	}{
		{"an archive", good, []string{"META-INF/", "META-INF/MANIFEST.MF", "bin/ü"}},
		{"with bytes behind it", append(bytes.Clone(good), "more"...), []string{"META-INF/", "META-INF/MANIFEST.MF", "bin/ü"}},
		{"cut off", good[:len(good)-30], nil},
		{"without a beginning", good[60:], nil},
		{"text", []byte("hello"), nil},
		{"nothing", nil, nil},
	} {
		if got := entryNames(bytes.NewReader(c.data), int64(len(c.data))); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	var many []string
	for range maxNames + 10 {
		many = append(many, "x")
	}
	data := zipped(t, many...)
	if got := entryNames(bytes.NewReader(data), int64(len(data))); len(got) != maxNames {
		t.Errorf("%d names", len(got))
	}
}

// FuzzEntryNames: whatever a file says of itself, the names are text, few, and no longer than
// the file.
func FuzzEntryNames(f *testing.F) {
	f.Add(zipped(f, "META-INF/MANIFEST.MF", "x"))
	f.Add(zipped(f))
	f.Add([]byte("PK\x05\x06" + string(make([]byte, 18))))
	f.Add([]byte("PK\x05\x06\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		names := entryNames(bytes.NewReader(data), int64(len(data)))
		total := 0
		for _, name := range names {
			total += min(1, len(name))
			if !utf8.ValidString(name) {
				t.Fatalf("%q", name)
			}
		}
		if len(names) > maxNames || total > len(data) {
			t.Fatalf("%d names out of %d bytes", len(names), len(data))
		}
	})
}
