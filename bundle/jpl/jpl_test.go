package jpl_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// hostile is made once.
var hostile = sync.OnceValue(jpltest.Hostile)

func options() jpl.Options { return jpl.Options{Roots: jpltest.Roots(), Time: jpltest.Now()} }

func verify(t testing.TB, data []byte, o jpl.Options) (*jpl.Verified, error) {
	t.Helper()
	f, err := jpl.NewFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	return jpl.Verify(t.Context(), f, o)
}

func mustVerify(t testing.TB, data []byte) *jpl.Verified {
	t.Helper()
	v, err := verify(t, data, options())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func newDaemon() *daemon {
	return &daemon{abi: "x86_64-linux-gnu", roots: jpltest.Roots(), now: jpltest.Now()}
}

// TestGood takes archives as both tools write them, and a daemon makes the same tree.
func TestGood(t *testing.T) {
	direct := jpltest.Root().Certify(jpltest.ID, jpltest.LeafKey())
	for name, a := range map[string]*jpltest.Archive{
		"as the tool writes it": jpltest.Good(),
		"with folders":          jpltest.Good(jpltest.In(jpltest.Folders)),
		"with the root in it": jpltest.Good(func(a *jpltest.Archive) {
			a.Certificate = bundletest.ChainPEM(append(slices.Clone(a.Signer.Chain), jpltest.Roots()...)...)
		}),
		"with text between": jpltest.Good(func(a *jpltest.Archive) {
			a.Certificate = slices.Concat([]byte("subject=leaf\n"), bundletest.ChainPEM(a.Signer.Chain[0]), []byte("\nsubject=organization\n"), bundletest.ChainPEM(a.Signer.Chain[1]))
		}),
		"directly under the root": jpltest.Good(jpltest.By(direct)),
		"one certificate in DER": jpltest.Good(jpltest.By(direct), func(a *jpltest.Archive) {
			a.Certificate = direct.Chain[0].Raw
		}),
		"in the widest types": jpltest.Good(func(a *jpltest.Archive) { a.Map = widened }),
		"many files": jpltest.Good(func(a *jpltest.Archive) {
			for i := range 20 {
				a.Files["data/"+strings.Repeat("x", 12*i+1)] = []byte{byte(i)}
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			data := a.Build()
			v := mustVerify(t, data)
			if !v.Valid() || v.ID() != jpltest.ID || v.Version() != jpltest.Version || v.Size() != int64(len(data)) {
				t.Errorf("%s %s, %d bytes", v.ID(), v.Version(), v.Size())
			}
			if problems, warnings := jpl.CheckForStore(v, jpl.Known{}); len(problems)+len(warnings)+len(v.Warnings()) > 0 {
				t.Errorf("%v %v %v", problems, warnings, v.Warnings())
			}
			if name == "one certificate in DER" {
				return // our daemon reads PEM only
			}
			d := newDaemon()
			if code := d.install(data); code != 0 {
				t.Fatalf("a daemon answers %d", code)
			}
			if got, want := treeOf(t, v, data, d.abi), d.installed[v.ID()]; !maps.Equal(got, want) {
				t.Errorf("the tree is %q, a daemon makes %q, or what is in them differs", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
			}
		})
	}
}

// widened writes a map of signatures with lengths of four bytes, and values as the strings
// that they were before MessagePack knew bytes.
func widened(data []byte) []byte {
	items, _ := unpack(data)
	out := binary.BigEndian.AppendUint32([]byte{0xdf}, uint32(len(items)))
	for name, signature := range items {
		out = append(binary.BigEndian.AppendUint32(append(out, 0xdb), uint32(len(name))), name...)
		out = append(binary.BigEndian.AppendUint32(append(out, 0xdb), uint32(len(signature))), signature...)
	}
	return out
}

// treeOf is the tree that jpl tells of, with the contents of the archive.
func treeOf(t *testing.T, v *jpl.Verified, archive []byte, abi string) map[string]string {
	t.Helper()
	files, err := readZIP(archive)
	if err != nil {
		t.Fatal(err)
	}
	tree := map[string]string{}
	placed, _ := v.Tree(abi)
	for _, p := range placed {
		tree[p.Path] = string(first(files, p.Entry))
	}
	return tree
}

// TestHostile refuses each with its code, and holds what is said of Jami to its rules.
func TestHostile(t *testing.T) {
	holes := map[string]bool{}
	codes := map[jpl.Code]bool{}
	for _, c := range hostile() {
		t.Run(c.Name, func(t *testing.T) {
			_, err := verify(t, c.Bytes, options())
			if got := jpl.CodeOf(err); got != c.Code {
				t.Errorf("%v, want %s", err, c.Code)
			}
			if !slices.Contains(jpl.Codes(), c.Code) {
				t.Errorf("%s is not one of Codes", c.Code)
			}
			if got := newDaemon().install(c.Bytes); got != int(c.Jami) {
				t.Errorf("a daemon answers %d, not %d as said", got, c.Jami)
			}
			holes[c.Hole], codes[c.Code] = true, true
		})
	}
	for _, hole := range []string{"H1", "H2", "H3", "H4", "H8", "H11", "H12", "H13"} { // H5–H7, H10: below; H9 is of installations
		if !holes[hole] {
			t.Errorf("no archive makes use of %s", hole)
		}
	}
	t.Logf("%d codes", len(codes))
}

// TestDaemonIsDeceived shows H1 and H2 at work on a daemon: what runs was never signed.
func TestDaemonIsDeceived(t *testing.T) {
	for _, c := range hostile() {
		if c.Name != "twin-library" && c.Name != "polyglot" {
			continue
		}
		d := newDaemon()
		if code := d.install(c.Bytes); code != 0 {
			t.Fatalf("%s: %d", c.Name, code)
		}
		if !slices.Contains(slices.Collect(maps.Values(d.installed[jpltest.ID])), jpltest.Evil) {
			t.Errorf("%s: nothing that nobody signed is installed: %q", c.Name, d.installed)
		}
	}
}

// TestH4NoForce: nothing about who signed can be waived, least of all by leaving it out.
func TestH4NoForce(t *testing.T) {
	stranger := jpltest.Good(jpltest.By(jpltest.Stranger())).Build()
	d := newDaemon()
	d.force = true
	if code := d.install(stranger); code != 0 {
		t.Errorf("a daemon that is forced answers %d", code)
	}
	for name, o := range map[string]jpl.Options{"the roots": options(), "no roots": {Time: jpltest.Now()}, "nothing": {}} {
		if _, err := verify(t, stranger, o); jpl.CodeOf(err) != jpl.CodeChainUntrusted {
			t.Errorf("with %s: %v", name, err)
		}
	}
	if _, err := verify(t, jpltest.Good().Build(), jpl.Options{}); jpl.CodeOf(err) != jpl.CodeChainUntrusted {
		t.Errorf("a good one without roots: %v", err)
	}
	if (&jpl.Verified{}).Valid() || (*jpl.Verified)(nil).Valid() {
		t.Error("a Verified that nobody verified is valid")
	}
}

// TestH8MissingFile: a file that is not there is not installed well.
func TestH8MissingFile(t *testing.T) {
	_, err := jpl.Open(filepath.Join(t.TempDir(), "none.jpl"))
	if code := jpl.CodeOf(err); code != jpl.Code(bundle.CodeUnreadable) || code.Jami() != jpl.JamiInvalid || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestH10Revoked: an archive that was good is refused once its issuer has revoked it, or
// the organization above; lists of others say nothing.
func TestH10Revoked(t *testing.T) {
	data := jpltest.Good().Build()
	org, root := jpltest.Organization(), jpltest.Root()
	leaf := jpltest.Publisher().Chain[0]
	stranger := jpltest.NewOrganization("Acme Gardens")
	for _, c := range []struct {
		name string
		list [][]byte
		code jpl.Code
	}{
		{"nobody", nil, ""},
		{"nothing", [][]byte{org.Revoke(), root.Revoke()}, ""},
		{"the leaf", [][]byte{root.Revoke(), org.Revoke(leaf)}, jpl.CodeRevoked},
		{"the organization", [][]byte{root.Revoke(org.Certificate)}, jpl.CodeRevoked},
		{"a list of another with the same name", [][]byte{stranger.Revoke(leaf)}, ""},
	} {
		o := options()
		for _, der := range c.list {
			crl, err := jpl.ParseCRL(der)
			if err != nil {
				t.Fatal(err)
			}
			o.CRLs = append(o.CRLs, crl)
		}
		if _, err := verify(t, data, o); jpl.CodeOf(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestTime: an archive is judged at the time that is given, so that a store can say when it
// accepted one that has expired since.
func TestTime(t *testing.T) {
	data := jpltest.Good().Build()
	o := options()
	o.Time = jpltest.Now().AddDate(2, 0, 0)
	_, err := verify(t, data, o)
	var e *jpl.Error
	if !errors.As(err, &e) || e.Code != jpl.CodeExpired || e.Code.Jami() != jpl.JamiCertificate {
		t.Fatalf("%v", err)
	}
	last := e.Checks[len(e.Checks)-1]
	if last.OK || last.Name != "validity" || len(e.Checks) != 5 {
		t.Errorf("the reasoning is %+v", e.Checks)
	}
	if _, err := verify(t, data, options()); err != nil {
		t.Error(err)
	}
}

// TestChecks: what is accepted has every check, in order.
func TestChecks(t *testing.T) {
	var names []string
	for _, c := range mustVerify(t, jpltest.Good().Build()).Checks() {
		if !c.OK {
			t.Errorf("%+v", c)
		}
		names = append(names, c.Name)
	}
	if !slices.Equal(names, jpl.CheckNames()) {
		t.Errorf("%v", names)
	}
}

func TestWho(t *testing.T) {
	v := mustVerify(t, jpltest.Good().Build())
	if v.Author() != "Acme Gardens" || len(v.Chain()) != 3 || !v.Chain()[2].Equal(jpltest.Root().Certificate) {
		t.Errorf("%s %v", v.Author(), v.Chain())
	}
	if want := []string{"x86_64-linux-gnu"}; !slices.Equal(v.ABIs(), want) || !slices.Equal(v.Platforms(), []string{"linux-amd64"}) {
		t.Errorf("%v %v", v.ABIs(), v.Platforms())
	}
	if icon, background := v.Pictures(); icon != "data/icon.png" || background != "" {
		t.Errorf("%q %q", icon, background)
	}
	if icon, err := v.Icon(); err != nil || !bytes.Equal(icon, jpltest.PNG()) {
		t.Errorf("%d bytes, %v", len(icon), err)
	}
	if _, err := v.Background(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a background that is not there: %v", err)
	}
	f, err := jpl.NewFile(bytes.NewReader(jpltest.Good().Build()), v.Size())
	if err != nil {
		t.Fatal(err)
	}
	claim, err := jpl.Read(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	if signer, err := claim.Signer(t.Context()); err != nil || signer.Subject.CommonName != jpltest.ID {
		t.Errorf("%v %v", signer, err)
	}
}

// TestChangedBehindOurBack: a picture is held to what was verified.
func TestChangedBehindOurBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.jpl")
	write := func(edits ...jpltest.Edit) {
		file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Write(jpltest.Good(edits...).Build()); err != nil {
			t.Fatal(err)
		}
	}
	write()
	f, err := jpl.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	v, err := jpl.Verify(t.Context(), f, options())
	if err != nil {
		t.Fatal(err)
	}
	other := jpltest.PNG()
	other[len(other)-1] ^= 1
	write(jpltest.WithFile("data/icon.png", other))
	if _, err := v.Icon(); err == nil {
		t.Error("another picture is taken for the one that was verified")
	}
}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	data := jpltest.Good().Build()
	f, err := jpl.NewFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := jpl.Verify(ctx, f, options()); !errors.Is(err, context.Canceled) || jpl.CodeOf(err) != "" {
		t.Errorf("%v", err)
	}
}

// TestRoots: a root is an authority that signed itself.
func TestRoots(t *testing.T) {
	root := jpltest.Root().Certificate
	if list, err := jpl.ParseRoots(bundletest.ChainPEM(root)); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	if jpl.IsJamiRoot(root) {
		t.Error("ours is the root of Jami")
	}
	old := jpltest.Certificate{Subject: "Old", Key: jpltest.OtherKey(), V1: true}.Make()
	weak := jpltest.Certificate{Subject: "Weak", Key: jpltest.WeakKey(), CA: true}.Make()
	for name, cert := range map[string]*x509.Certificate{
		"an organization": jpltest.Organization().Certificate, "a leaf": jpltest.Publisher().Chain[0], "of version 1": old, "weak": weak,
	} {
		if _, err := jpl.ParseRoots(bundletest.ChainPEM(root, cert)); err == nil {
			t.Errorf("%s is a root", name)
		}
	}
	if _, err := jpl.ParseRoots([]byte("nothing")); err == nil {
		t.Error("nothing is a root")
	}
}

// BenchmarkVerify verifies an archive with a large file, and one with many small ones.
func BenchmarkVerify(b *testing.B) {
	for name, a := range map[string]*jpltest.Archive{
		"64 MiB": jpltest.Good(jpltest.WithFile("data/model", make([]byte, 64<<20))),
		"500 entries": jpltest.Good(func(a *jpltest.Archive) {
			for i := range 500 {
				a.Files["data/"+strconv.Itoa(i)] = []byte{1}
			}
		}),
	} {
		data := a.Build()
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				mustVerify(b, data)
			}
		})
	}
}
