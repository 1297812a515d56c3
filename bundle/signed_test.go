package bundle_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// TestNoByteOfASignatureMayChange flips a bit in every byte of the manifest, the
// signature file and the block with its timestamp. Nothing verifies, but for one thing: a
// root that has another name is not the root of the chain any more, and a chain that ends
// without one proves nothing to a trust store.
func TestNoByteOfASignatureMayChange(t *testing.T) {
	t.Parallel()
	authority := bundletest.NewStampAuthority(t.TempDir(), "sha256")
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	archive := reopen(t, sign(t, bundletest.Good(), bundle.SignOptions{Signer: signer.Key, Chain: signer.Chain(),
		Timestamp: func(_ context.Context, request []byte) ([]byte, error) { return authority.Answer(request) }}))
	want, _ := mustVerify(t, archive.Build()).Signed()
	for i := range archive.Entries[:3] {
		e := &archive.Entries[i]
		for at := range e.Data {
			bit := byte(1) << (at % 8)
			e.Data[at] ^= bit
			if v, err := verify(archive.Build(), bundle.Limits{}); err == nil {
				got, _ := v.Signed()
				if !got.Timestamp.Time.Equal(want.Timestamp.Time) || !sameButForALostRoot(got.Chain, want.Chain) || !sameButForALostRoot(got.Timestamp.Chain, want.Timestamp.Chain) {
					t.Errorf("%s verifies with byte %d of %d changed by %#x", e.Name, at, len(e.Data), bit)
				}
			}
			e.Data[at] ^= bit
		}
	}
	if _, err := verify(archive.Build(), bundle.Limits{}); err != nil {
		t.Errorf("unchanged: %v", err)
	}
}

// sameButForALostRoot reports whether got is want, or want as far as it can be followed:
// without its root, or with a last certificate that does not claim to be one.
func sameButForALostRoot(got, want []*x509.Certificate) bool {
	if n := len(got); n < len(want) {
		return n == len(want)-1 && slices.EqualFunc(got, want[:n], (*x509.Certificate).Equal)
	}
	last := len(want) - 1
	return len(got) == len(want) && slices.EqualFunc(got[:last], want[:last], (*x509.Certificate).Equal) &&
		(got[last].Equal(want[last]) || !bytes.Equal(got[last].RawIssuer, got[last].RawSubject))
}

// reopen returns what a JAR holds, to be changed and built again.
func reopen(t *testing.T, jar []byte) *bundletest.Archive {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(jar), int64(len(jar)))
	if err != nil {
		t.Fatal(err)
	}
	a := &bundletest.Archive{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		a.Entries = append(a.Entries, bundletest.Entry{Name: f.Name, Data: data, Stored: true})
	}
	return a
}

// TestOddAndSound are signatures that look unusual and hold.
func TestOddAndSound(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	for _, c := range []struct {
		name   string
		change func(s *bundletest.Seal)
		after  func(a *bundletest.Archive)
	}{
		{name: "as another library signs"},
		{name: "file names in lower case", after: func(a *bundletest.Archive) {
			a.Entries[1].Name, a.Entries[2].Name = "meta-inf/signer.sf", "META-INF/Signer.ec"
		}},
		{name: "block under the other ending", change: func(s *bundletest.Seal) { s.Ending = ".RSA" }},
		{name: "signature at the end", after: func(a *bundletest.Archive) {
			a.Entries = append(append(a.Entries[:1:1], a.Entries[3:]...), a.Entries[1:3]...)
		}},
		{name: "manifest at the end", after: func(a *bundletest.Archive) {
			a.Entries = append(a.Entries[1:], a.Entries[0])
		}},
		{name: "a weak digest beside a strong one", change: func(s *bundletest.Seal) {
			s.Manifest = func(m string) string { return strings.TrimSuffix(m, "\r\n") + "SHA1-Digest: whatever\r\n\r\n" }
		}},
		{name: "a package without entries", change: func(s *bundletest.Seal) {
			s.Manifest = func(m string) string { return m + "Name: org/example/\r\nSealed: true\r\n\r\n" }
		}},
		{name: "blank lines between sections", change: func(s *bundletest.Seal) {
			s.Manifest = func(m string) string { return m + "\r\n\r\n" }
		}},
		{name: "folders", after: func(a *bundletest.Archive) {
			a.Entries = append(a.Entries, bundletest.Entry{Name: "META-INF/", Stored: true}, bundletest.Entry{Name: "empty/", Stored: true})
		}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			s := bundletest.NewSeal(signer)
			if c.change != nil {
				c.change(s)
			}
			a := s.Build()
			if c.after != nil {
				c.after(a)
			}
			if signed, ok := mustVerify(t, a.Build()).Signed(); !ok || !signed.Chain[0].Equal(signer.Leaf) {
				t.Errorf("signed by %+v", signed)
			}
		})
	}
}

// TestStrippedIsUnsigned: without any of its files a signature leaves no trace, and
// those who have seen one before must remember.
func TestStrippedIsUnsigned(t *testing.T) {
	a := bundletest.NewSeal(bundletest.NewSigner("hello.example", signerID, nil)).Build()
	a.Drop("META-INF/SIGNER.SF")
	a.Drop("META-INF/SIGNER.EC")
	if _, ok := mustVerify(t, a.Build()).Signed(); ok {
		t.Error("signed")
	}
}

// TestInspectReportsAWrongSignature: what Verify refuses, Inspect describes.
func TestInspectReportsAWrongSignature(t *testing.T) {
	a := bundletest.NewSeal(bundletest.NewSigner("hello.example", signerID, nil)).Build()
	a.At("data/x.txt").Data = []byte("changed\n")
	path := filepath.Join(t.TempDir(), "x.jar")
	write(t, path, a.Build())
	r := bundle.Inspect(t.Context(), path, bundle.Limits{}, "linux", "amd64")
	if !r.OK || r.ID != signerID || r.Signature.State != bundle.SignatureInvalid || r.Signature.Code != "signature_invalid" {
		t.Errorf("%+v", r)
	}
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "data/x.txt") {
		t.Errorf("warnings %q", r.Warnings)
	}
	out, err := json.Marshal(r)
	if err != nil || !strings.Contains(string(out), `"signature":{"state":"invalid","code":"signature_invalid","signer":"","organization":"","chain":[]}`) {
		t.Errorf("%s (%v)", out, err)
	}
}

// TestTheSignatureIsJudgedFirst: of a bundle that breaks a rule of the manifest and has a
// wrong signature, the signature is told, and nothing of the manifest is believed.
func TestTheSignatureIsJudgedFirst(t *testing.T) {
	a := bundletest.NewSeal(bundletest.NewSigner("hello.example", signerID, nil)).Build()
	a.Entries[0].Data = []byte("Manifest-Version: 1.0\r\nextension_class: ..\r\n\r\n")
	if _, err := verify(a.Build(), bundle.Limits{}); bundle.CodeOf(err) != bundle.CodeSignatureInvalid {
		t.Errorf("got %v", err)
	}
}

func TestSignKeepsWhatItNeedNotChange(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	a := bundletest.GoodArchive(bundletest.WithFile("data/a.txt", []byte("a\n")), bundletest.WithFile("data/b.txt", []byte("b\n")))
	main := string(a.Entries[0].Data)
	stale := "Name: data/b.txt\r\nContent-Type: text/plain\r\nSHA1-Digest: b2xk\r\n\r\n"
	gone := "Name: data/gone.txt\r\nSHA-256-Digest: b2xk\r\n\r\n"
	a.Entries[0].Data = []byte(main + "Name: org/x/\r\nSealed: true\r\n\r\n" + stale + gone)
	a.Entries = append(a.Entries, bundletest.Entry{Name: "META-INF/OLD.SF", Data: []byte("old")}, bundletest.Entry{Name: "META-INF/OLD.DSA", Data: []byte("old")},
		bundletest.Entry{Name: "META-INF/SIG-OLD.OCR", Data: []byte("old")}, bundletest.Entry{Name: "data/", Stored: true})
	before := a.Build()
	after := signer.Sign(before)
	mustVerify(t, after)
	signed := reopen(t, after)
	manifest := string(signed.Entries[0].Data)
	if !strings.HasPrefix(manifest, main+"Name: org/x/\r\nSealed: true\r\n\r\nName: data/b.txt\r\nContent-Type: text/plain\r\nSHA-256-Digest: ") ||
		strings.Contains(manifest, "gone") || strings.Contains(manifest, "SHA1") {
		t.Errorf("the manifest became\n%s", manifest)
	}
	var names []string
	for _, e := range signed.Entries {
		names = append(names, e.Name)
	}
	want := []string{"META-INF/MANIFEST.MF", "META-INF/SIGNER.SF", "META-INF/SIGNER.EC", "bin/linux-amd64/extension", "data/a.txt", "data/b.txt", "data/"}
	if !reflect.DeepEqual(names, want) {
		t.Errorf("the entries are %q", names)
	}
	again := reopen(t, signer.Sign(after))
	if string(again.Entries[0].Data) != manifest {
		t.Error("signing again changed the manifest")
	}
}

func TestSignRefuses(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	other := bundletest.NewSigner("hello.example", signerID, nil)
	good := bundle.SignOptions{Signer: signer.Key, Chain: signer.Chain()}
	for _, c := range []struct {
		name, want string
		jar        []byte
		change     func(o *bundle.SignOptions)
	}{
		{"a key of another certificate", "the key is not that of the certificate", nil, func(o *bundle.SignOptions) { o.Signer = other.Key }},
		{"a chain in the wrong order", "was not issued by", nil, func(o *bundle.SignOptions) { o.Chain[1], o.Chain[2] = o.Chain[2], o.Chain[1] }},
		{"the chain of another", "was not issued by", nil, func(o *bundle.SignOptions) { o.Chain[1] = other.Organization }},
		{"no certificate", "takes a key and its certificate", nil, func(o *bundle.SignOptions) { o.Chain = nil }},
		{"a staple that is none", "no OCSP answer", nil, func(o *bundle.SignOptions) { o.Staples = [][]byte{[]byte("evil")} }},
		{"an authority that fails", "asking for a timestamp: no route", nil, func(o *bundle.SignOptions) {
			o.Timestamp = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no route") }
		}},
		{"an authority that answers nonsense", "malformed", nil, func(o *bundle.SignOptions) {
			o.Timestamp = func(context.Context, []byte) ([]byte, error) { return []byte("nonsense"), nil }
		}},
		{"an invalid manifest", "manifest_invalid", bundletest.Good(bundletest.With("extension_version", "one")), nil},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			options := good
			options.Chain = signer.Chain()
			if c.change != nil {
				c.change(&options)
			}
			jar := c.jar
			if jar == nil {
				jar = bundletest.Good()
			}
			f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := bundle.Sign(t.Context(), f, &out, options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if out.Len() > 0 {
				t.Errorf("%d bytes were written", out.Len())
			}
		})
	}
}

func TestStaplesComeBack(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	staples := [][]byte{{0x30, 0x01, 0x05}, {0x30, 0x00}}
	signed, _ := mustVerify(t, sign(t, bundletest.Good(), bundle.SignOptions{Signer: signer.Key, Chain: signer.Chain(), Staples: staples})).Signed()
	if !reflect.DeepEqual(signed.Staples, staples) {
		t.Errorf("staples %x", signed.Staples)
	}
}

// TestSignedByRecord verifies by a record, and has the signature judged again.
func TestSignedByRecord(t *testing.T) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	jar := signer.Sign(bundletest.Good())
	first, second, err := recorded(t, jar, jar, asIs)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := first.Signed()
	two, ok := second.Signed()
	if !ok || !reflect.DeepEqual(one, two) || !reflect.DeepEqual(first.Signature(), second.Signature()) {
		t.Errorf("signed %+v, then %+v", one, two)
	}
	// A record that vouches for other bytes than were signed.
	sum, _ := first.EntrySHA256("bin/linux-amd64/extension")
	forged := func(record []byte) []byte {
		return bytes.Replace(record, fmt.Appendf(nil, "%x", sum[:4]), fmt.Appendf(nil, "%x", []byte{sum[0] ^ 1, sum[1], sum[2], sum[3]}), 1)
	}
	if _, second, err := recorded(t, jar, jar, forged); bundle.CodeOf(err) != bundle.CodeSignatureInvalid {
		t.Errorf("got %v: %v", second, err)
	}
}

// TestUpdatedJarsAreSignedAgain adds a file to a signed bundle with the JDK's jar, which
// leaves the signature wrong, and signs it again.
func TestUpdatedJarsAreSignedAgain(t *testing.T) {
	t.Parallel()
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	dir := t.TempDir()
	path := filepath.Join(dir, "x.jar")
	write(t, path, signer.Sign(bundletest.Good()))
	write(t, filepath.Join(dir, "more.txt"), []byte("more\n"))
	run(t, dir, jdk(t, "jar"), "uf", "x.jar", "more.txt")
	updated, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := verify(updated, bundle.Limits{}); bundle.CodeOf(err) != bundle.CodeEntryUnsigned {
		t.Errorf("updated: %v", err)
	}
	if _, ok := mustVerify(t, signer.Sign(updated)).Signed(); !ok {
		t.Error("unsigned")
	}
}
