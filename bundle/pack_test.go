package bundle_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// sources is content for Pack, in an order that changes.
func sources() []bundle.Source {
	var list []bundle.Source
	for name, data := range content() {
		list = append(list, bundle.BytesSource(name, data))
	}
	return list
}

func mustPack(t *testing.T, entries ...bundle.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := bundle.Pack(&b, bundletest.GoodManifest(), entries); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPack(t *testing.T) {
	jar := jdk(t, "jar")
	dir := t.TempDir()
	path := filepath.Join(dir, "out.jar")
	data := mustPack(t, sources()...)
	for range 5 {
		if !bytes.Equal(data, mustPack(t, sources()...)) {
			t.Fatal("the same content gives different bytes")
		}
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if v := mustHold(t, path); len(v.Warnings()) > 0 {
		t.Errorf("warnings: %q", v.Warnings())
	}
	utf8 := []string{"-J-Dfile.encoding=UTF-8", "-J-Dsun.jnu.encoding=UTF-8", "-J-Dstdout.encoding=UTF-8"}
	want := []string{"META-INF/MANIFEST.MF", "bin/linux-amd64/extension", "data/empty", "data/small.txt", "data/été/日本.txt"}
	if got := strings.Fields(run(t, dir, jar, append(utf8, "tf", "out.jar")...)); !slices.Equal(got, want) {
		t.Errorf("jar tf says %q, want %q", got, want)
	}
	run(t, dir, jar, "xf", "out.jar", "bin", "META-INF", "data/small.txt")
	for name, want := range map[string][]byte{
		"bin/linux-amd64/extension": content()["bin/linux-amd64/extension"],
		"data/small.txt":            content()["data/small.txt"],
		"META-INF/MANIFEST.MF":      bundletest.GoodManifest(),
	} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); !bytes.Equal(got, want) {
			t.Errorf("jar xf made another %s (%v)", name, err)
		}
	}
}

// zeros are that many.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

func (z *zeros) Close() error { return nil }

// TestPackLarge packs what is compressed twice, what is too empty to be deflated and
// what does not shrink.
func TestPackLarge(t *testing.T) {
	t.Parallel()
	noisy := bundletest.Deflate([]byte("what was deflated once does not shrink again"))
	block := make([]byte, 5<<18) // shrinks by an eighth
	for i, r := 0, rand.New(rand.NewPCG(1, 2)); i < len(block); i++ {
		block[i] = byte(r.Uint32() & 0x7f)
	}
	v := mustVerify(t, mustPack(t,
		bundle.Source{Name: "data/zeros", Open: func() (io.ReadCloser, error) { return &zeros{3 << 20}, nil }},
		bundle.BytesSource("data/noise", noisy),
		bundle.BytesSource("data/block", block)))
	if v.Size() > 5<<20 {
		t.Errorf("the bundle has %d bytes", v.Size())
	}
}

func TestPackRefuses(t *testing.T) {
	x := []byte("x")
	calls := 0
	changing := bundle.Source{Name: "data/x", Open: func() (io.ReadCloser, error) {
		calls++
		return io.NopCloser(strings.NewReader(fmt.Sprint(calls))), nil
	}}
	broken := bundle.Source{Name: "data/x", Open: func() (io.ReadCloser, error) { return nil, os.ErrPermission }}
	for _, c := range []struct {
		name    string
		sources []bundle.Source
		want    bundle.Code
	}{
		{"path", []bundle.Source{bundle.BytesSource("../x", x)}, bundle.CodeUnsafePath},
		{"folder", []bundle.Source{bundle.BytesSource("data/", x)}, bundle.CodeUnsafePath},
		{"twin", []bundle.Source{bundle.BytesSource("data/x", x), bundle.BytesSource("DATA/x", x)}, bundle.CodeDuplicateName},
		{"manifest", []bundle.Source{bundle.BytesSource("META-INF/manifest.mf", x)}, bundle.CodeMultipleManifest},
		{"types", []bundle.Source{bundle.BytesSource(bundle.TypesName, x)}, bundle.CodeTypesInvalid},
		{"schema", []bundle.Source{bundle.BytesSource(bundle.ConfigSchemaName, x)}, bundle.CodeSchemaInvalid},
		{"changing", []bundle.Source{changing}, ""},
		{"broken", []bundle.Source{broken}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := bundle.Pack(io.Discard, bundletest.GoodManifest(), c.sources)
			if err == nil || bundle.CodeOf(err) != c.want {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if err := bundle.Pack(io.Discard, []byte("no manifest"), nil); bundle.CodeOf(err) != bundle.CodeManifestInvalid {
		t.Errorf("got %v", err)
	}
	if err := bundle.Pack(fullDisk{}, bundletest.GoodManifest(), nil); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("full")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
