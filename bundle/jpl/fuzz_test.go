package jpl_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

var update = flag.Bool("update", false, "write testdata/seed.jpl and testdata/root.pem anew")

// seed is an archive whose key nobody has any more, and the root that it leads to: fuzzers
// in different processes find the same in it.
func seed(t testing.TB) (archive []byte, root *x509.Certificate) {
	t.Helper()
	paths := []string{filepath.Join("testdata", "seed.jpl"), filepath.Join("testdata", "root.pem")}
	if *update {
		for i, data := range [][]byte{jpltest.Good().Build(), bundletest.ChainPEM(jpltest.Roots()...)} {
			if err := os.WriteFile(paths[i], data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	archive, err := os.ReadFile(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(paths[1])
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	root, err = x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return archive, root
}

// agree holds Verify to the daemon: what it accepts, a daemon accepts, and writes as the
// tree says. It returns what was verified, nil when it was refused.
func agree(t *testing.T, data []byte, roots []*x509.Certificate) *jpl.Verified {
	v, err := verify(t, data, jpl.Options{Roots: roots, Time: jpltest.Now()})
	if err != nil {
		if !slices.Contains(jpl.Codes(), jpl.CodeOf(err)) {
			t.Fatalf("an unknown code: %v", err)
		}
		return nil
	}
	for _, name := range append(abi.Names(), "unknown") {
		d := &daemon{abi: name, roots: roots, now: jpltest.Now()}
		if code := d.install(data); code != 0 {
			t.Fatalf("it is accepted, and a daemon answers %d", code)
		}
		tree, dropped := v.Tree(name)
		paths := map[string]bool{}
		for _, p := range tree {
			paths[p.Path] = true
		}
		want := slices.Sorted(maps.Keys(d.installed[v.ID()]))
		if got := slices.Sorted(maps.Keys(paths)); !slices.Equal(got, want) || len(tree) != len(paths) {
			t.Fatalf("on %s the tree is %q (without %q), a daemon makes %q", name, got, dropped, want)
		}
		for path := range paths {
			if path == "" || strings.HasPrefix(path, "/") || strings.Contains("/"+path+"/", "/../") {
				t.Fatalf("%q leads out of its folder", path)
			}
		}
	}
	return v
}

// FuzzArchive reads anything. It refuses with a known code; what it accepts, a daemon does,
// too. Only changes that leave every signature as it is are accepted.
func FuzzArchive(f *testing.F) {
	archive, root := seed(f)
	f.Add(archive)
	for _, c := range hostile() {
		if len(c.Bytes) < 16<<10 {
			f.Add(c.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v := agree(t, data, []*x509.Certificate{root})
		if v != nil && (v.ID() != jpltest.ID || v.Version() != jpltest.Version) {
			t.Fatalf("%s %s is accepted, which nobody signed", v.ID(), v.Version())
		}
	})
}

// FuzzSigned signs what it is given. What is accepted then, a daemon accepts and extracts
// alike, and its texts are fit to be shown.
func FuzzSigned(f *testing.F) {
	f.Add([]byte(`{"name":"{{name}}","id":"Greenery","description":"{{a}}{{b}}","version":"1.0.1"}`), []byte(`{"name":"a","a":"b"}`), "data/models/resource.json", []byte(`[]`), false)
	f.Add([]byte(`{"name":"Greenery","version":"1","iconPath":"icon.svg"}`), []byte(`{}`), "lib/arm64-v8a/libGreenery.so", []byte(`[{"type":"a","key":"b"}]`), true)
	f.Add([]byte(`{"id":"a","id":"b","name":"c"}`), []byte("\xff"), "libGreenery.so", []byte(`{}`), true)
	f.Fuzz(func(t *testing.T, manifest, locale []byte, name string, preferences []byte, folders bool) {
		if name == "" || len(name) > 1024 {
			return
		}
		a := jpltest.Good(jpltest.WithFile("manifest.json", manifest), jpltest.WithFile("data/locale/Greenery_de.json", locale),
			jpltest.WithFile(name, []byte("x")), jpltest.WithFile("data/preferences.json", preferences))
		if folders {
			a.Style = jpltest.Folders
		}
		v := agree(t, a.Build(), jpltest.Roots())
		if v == nil {
			return
		}
		texts := v.Texts()
		if _, ok := texts[""]; !ok {
			t.Fatal("there is no text for whoever has no better one")
		}
		for locale, text := range texts {
			if text.Name == "" || len(text.Name) > 256 || len(text.Description) > 16<<10 || strings.ContainsAny(text.Name, "\n\x00\u202e") {
				t.Fatalf("%q: %q", locale, text)
			}
		}
		problems, _ := jpl.CheckForStore(v, jpl.Known{})
		if len(problems) > 0 {
			return
		}
		for _, abi := range v.ABIs() {
			_, dropped := v.Tree(abi)
			for _, name := range dropped {
				if !strings.HasPrefix(name, "lib/") {
					t.Fatalf("a store takes it, and on %s a daemon leaves out %q", abi, name)
				}
			}
		}
	})
}

// FuzzManifest reads any manifest.json, of an archive that is not signed. What is accepted,
// a loose reader reads as the same, and it is fit to be a name of files.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"name":"a","id":"Greenery","version":"1.0.1","description":"b","iconPath":"x/y.svg","backgroundPath":""}`))
	f.Add([]byte(`{"name":"Greenery"}`))
	f.Add([]byte(`{"version":"1"}`))
	f.Add([]byte(`{"id":"a","ID":"b","name":"c\u0000"}`))
	f.Add([]byte(`{"name":"\ud800","id":"x"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		z := &bundletest.Archive{Entries: []bundletest.Entry{{Name: "manifest.json", Data: data, Stored: true}}}
		archive := z.Build()
		file, err := jpl.NewFile(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			if code := jpl.CodeOf(err); code == "" || !slices.Contains(bundle.Codes(), bundle.Code(code)) {
				t.Fatalf("%v", err)
			}
			return
		}
		claim, err := jpl.Read(t.Context(), file)
		if err != nil {
			if !slices.Contains(jpl.Codes(), jpl.CodeOf(err)) {
				t.Fatalf("an unknown code: %v", err)
			}
			return
		}
		loose := parseLoosely(data)
		if loose["id"] != claim.ID() || loose["version"] != claim.Version() {
			t.Fatalf("%s %s, loosely %q", claim.ID(), claim.Version(), loose)
		}
		if claim.ID() == "" || strings.Trim(claim.ID(), "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
			t.Fatalf("%q is no name", claim.ID())
		}
	})
}
