package backup

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// random is text that does not compress.
func random(n int) string {
	source := rand.NewChaCha8([32]byte{1})
	data := make([]byte, n)
	source.Read(data)
	return string(data)
}

// forged is a backup that is put together by hand.
type forged struct {
	header   any
	manifest func(files []File) any
	entries  []tar.Header
	text     map[string]string
	after    []tar.Header // behind the manifest
}

func good() forged {
	return forged{
		header: Header{Format: 1, Version: "9.9.9", Database: 1},
		manifest: func(files []File) any {
			return Manifest{Header: Header{Format: 1, Version: "9.9.9", Database: 1}, Files: files}
		},
		entries: []tar.Header{
			{Typeflag: tar.TypeDir, Name: "data/", Mode: 0o755},
			{Typeflag: tar.TypeReg, Name: "data/jackfield.db", Mode: 0o600},
		},
		text: map[string]string{"data/jackfield.db": "a database"},
	}
}

// add puts an entry before the manifest.
func (f forged) add(h tar.Header, text string) forged {
	f.entries = append(f.entries, h)
	f.text[h.Name] = text
	return f
}

// archive returns the tar.
func (f forged) archive(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	put := func(h tar.Header, text string) {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(text))
		}
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil && h.Typeflag == tar.TypeReg {
			t.Fatal(err)
		}
	}
	put(tar.Header{Typeflag: tar.TypeReg, Name: headerName}, asJSON(t, f.header))
	var files []File
	for _, h := range f.entries {
		text := f.text[h.Name]
		file := File{Path: strings.TrimSuffix(h.Name, "/"), Mode: uint32(h.Mode), Dir: h.Typeflag == tar.TypeDir, Owner: h.Uid}
		if !file.Dir {
			sum := sha256.Sum256([]byte(text))
			file.Size, file.SHA256 = int64(len(text)), hex.EncodeToString(sum[:])
		}
		files = append(files, file)
		put(h, text)
	}
	if f.manifest != nil {
		put(tar.Header{Typeflag: tar.TypeReg, Name: manifestName}, asJSON(t, f.manifest(files)))
	}
	for _, h := range f.after {
		put(h, "")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func zipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestForged(t *testing.T) {
	manifest := func(change func(*Manifest)) func([]File) any {
		return func(files []File) any {
			m := Manifest{Header: Header{Format: 1, Version: "9.9.9", Database: 1}, Files: files}
			change(&m)
			return m
		}
	}
	for _, c := range []struct {
		name string
		make func(f forged) forged
		code Code
		text string
	}{
		{"a good one", func(f forged) forged { return f }, "", ""},
		{"a newer format", func(f forged) forged {
			f.header = `{"format": 2, "version": "9.9.9", "something": "else"}`
			return f
		}, CodeNewer, `newer version of Jackfield ("9.9.9")`},
		{"a newer database", func(f forged) forged { f.header = Header{Format: 1, Version: "9.9.9", Database: 999}; return f }, CodeNewer, "form 999"},
		{"a newer key-value store", func(f forged) forged { f.manifest = manifest(func(m *Manifest) { m.KeyValue = 99 }); return f }, CodeNewer, "form 99"},
		{"no format", func(f forged) forged { f.header = "{}"; return f }, CodeDamaged, "names no format"},
		{"a header of others", func(f forged) forged { f.header = `{"format": 1, "database": 1, "more": 1}`; return f }, CodeDamaged, "more"},
		{"no manifest", func(f forged) forged { f.manifest = nil; return f }, CodeIncomplete, "cut short"},
		{"another header in the manifest", func(f forged) forged { f.manifest = manifest(func(m *Manifest) { m.Version = "1" }); return f }, CodeDamaged, "header"},
		{"another digest", func(f forged) forged {
			f.manifest = manifest(func(m *Manifest) { m.Files[1].SHA256 = strings.Repeat("0", 64) })
			return f
		}, CodeDamaged, "data/jackfield.db is not what was written"},
		{"a file too few", func(f forged) forged {
			f.manifest = manifest(func(m *Manifest) { m.Files = append(m.Files, File{Path: "conf", Dir: true}) })
			return f
		}, CodeDamaged, "a file that is missing"},
		{"a file too many", func(f forged) forged {
			f.manifest = manifest(func(m *Manifest) { m.Files = m.Files[:2] })
			return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/more"}, "")
		}, CodeDamaged, "data/more"},
		{"no database", func(f forged) forged { f.entries = f.entries[:1]; return f }, CodeDamaged, "no database"},
		{"something behind the manifest", func(f forged) forged {
			f.after = []tar.Header{{Typeflag: tar.TypeReg, Name: "data/late"}}
			return f
		}, CodeDamaged, "behind its manifest"},
		{"out of the home", func(f forged) forged { return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/../../x"}, "") }, CodeUnsafe, "no path"},
		{"absolute", func(f forged) forged { return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "/etc/x"}, "") }, CodeUnsafe, "no path"},
		{"beside the places", func(f forged) forged { return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "run/host.lock"}, "") }, CodeUnsafe, "no path"},
		{"very long", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/" + strings.Repeat("x", 5000)}, "")
		}, CodeUnsafe, "no path"},
		{"very deep", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeDir, Name: "data" + strings.Repeat("/d", 200)}, "")
		}, CodeUnsafe, "no path"},
		{"a link", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeSymlink, Name: "data/link", Linkname: "/etc/passwd"}, "")
		}, CodeUnsafe, "neither a file nor a folder"},
		{"a second name", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeLink, Name: "data/link", Linkname: "data/jackfield.db"}, "")
		}, CodeUnsafe, "neither a file nor a folder"},
		{"a device", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeChar, Name: "data/null", Devmajor: 1, Devminor: 3}, "")
		}, CodeUnsafe, "neither a file nor a folder"},
		{"twice", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/jackfield.db", Mode: 0o600}, "a database")
		}, CodeUnsafe, "twice"},
		{"in no folder", func(f forged) forged { return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "conf/x"}, "") }, CodeUnsafe, "in no folder"},
		{"in a file", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/jackfield.db/x"}, "")
		}, CodeUnsafe, "in no folder"},
		{"set user id", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeReg, Name: "data/x", Mode: 0o4755}, "")
		}, CodeUnsafe, "mode"},
		{"somebody else's configuration", func(f forged) forged {
			return f.add(tar.Header{Typeflag: tar.TypeDir, Name: "conf/", Uid: 1000}, "")
		}, CodeUnsafe, "owner"},
		{"a header that is too large", func(f forged) forged { f.header = strings.Repeat(" ", maxHeader+1); return f }, CodeTooLarge, "larger than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path, to := filepath.Join(t.TempDir(), "b"), host.Home(filepath.Join(t.TempDir(), "to"))
			f := good()
			put(t, path, string(zipped(t, c.make(f).archive(t))), 0o600)
			_, err := Restore(t.Context(), path, to, nil)
			if CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.text) {
				t.Errorf("%s: %v", CodeOf(err), err)
			}
			if _, statErr := os.Lstat(string(to)); (err != nil) != os.IsNotExist(statErr) {
				t.Errorf("the home is there: %v", statErr)
			}
		})
	}
}

// TestSparse has a file that is a petabyte of zeros, in a few bytes.
func TestSparse(t *testing.T) {
	archive := good().add(tar.Header{Typeflag: tar.TypeReg, Name: "data/holes", Mode: 0o600, PAXRecords: map[string]string{
		"XXX.sparse.numblocks": "1", "XXX.sparse.map": "0,0", "XXX.sparse.size": "1125899906842624",
	}}, "").archive(t)
	archive = bytes.ReplaceAll(archive, []byte("XXX.sparse."), []byte("GNU.sparse.")) // which the library does not write
	_, err := read(t.Context(), bytes.NewReader(zipped(t, archive)), nil, nil)
	if CodeOf(err) != CodeUnsafe || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("%s: %v", CodeOf(err), err)
	}
}

// TestCutShortOrFlipped has every kind of damage that copying can do.
func TestCutShortOrFlipped(t *testing.T) {
	home, _ := newHome(t)
	path, want := create(t, Source{Home: home, Version: "1"})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	choices := rand.New(rand.NewPCG(1, 2))
	for i := range 200 {
		data, kind := bytes.Clone(whole), "a damaged one"
		at := choices.IntN(len(data))
		switch i % 3 {
		case 0:
			data, kind = data[:at], "one that is cut short"
		case 1:
			data[at] ^= 1 << choices.IntN(8)
		default:
			data = append(data, "\x00more"[:1+choices.IntN(5)]...)
		}
		m, err := read(t.Context(), bytes.NewReader(data), nil, nil)
		// Not every bit of a compressed file matters to what it holds.
		if err == nil && (i%3 != 1 || !slices.Equal(m.Files, want.Files)) {
			t.Errorf("%s (%d of %d) is accepted: %+v", kind, at, len(whole), m.Header)
		}
		if code := CodeOf(err); err != nil && code != CodeDamaged && code != CodeIncomplete && code != CodeUnsafe && code != CodeTooLarge && code != CodeNewer {
			t.Errorf("%s: %v", kind, err)
		}
		if i%3 == 0 && at > 100 && CodeOf(err) != CodeIncomplete {
			t.Errorf("%s at %d: %v", kind, at, err)
		}
	}
}

// FuzzRead gives tar archives of anybody's making: what is accepted has one digest for
// each file, and no path that leads out of the places of a home.
func FuzzRead(f *testing.F) {
	f.Add(good().archive(f))
	f.Add(good().add(tar.Header{Typeflag: tar.TypeReg, Name: "data/x", Mode: 0o644}, "text").archive(f))
	f.Add(good().add(tar.Header{Typeflag: tar.TypeSymlink, Name: "data/x", Linkname: "/etc"}, "").archive(f))
	f.Add(good().add(tar.Header{Typeflag: tar.TypeReg, Name: "data/../x"}, "").archive(f))
	f.Fuzz(func(t *testing.T, archive []byte) {
		var taken int64
		var files []File
		m, err := read(t.Context(), bytes.NewReader(zipped(t, archive)), nil, func(f File, content io.Reader) error {
			n, err := io.Copy(io.Discard, content)
			taken += n
			files = append(files, f)
			return err
		})
		if err != nil {
			if CodeOf(err) == "" {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		if taken != m.Bytes() || len(files) != len(m.Files) {
			t.Errorf("%d bytes in %d files were taken, and the manifest has %d in %d", taken, len(files), m.Bytes(), len(m.Files))
		}
		for _, f := range m.Files {
			if !filepath.IsLocal(f.Path) || f.Mode&^0o777 != 0 {
				t.Errorf("accepted: %+v", f)
			}
		}
	})
}
