package formats

import (
	"archive/zip"
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
)

const notesID = "demo.notes"

var notesSigner = bundletest.NewSigner("acme.example", notesID, nil)

// notes21 is a plugin.xml with what a listing shows; what is changed is given as from, to.
func notes21(changes ...string) string {
	return strings.NewReplacer(changes...).Replace(`<?xml version="1.0" encoding="UTF-8"?>
<plugin name="demo.notes" version="2.1.0" class="org.example.Notes">
  <description>Notes for accounts</description>
  <url>https://acme.example/demo.notes.zip</url>
  <homepage>https://acme.example/notes</homepage>
  <license>MIT</license>
  <icon>img/icon.png</icon>
  <requires jameica="2.10+"><import plugin="demo.base" version="3.0+"/><import plugin="hibiscus" version="2.10(+)" required="false"/><import plugin="demo.any"/></requires>
</plugin>`)
}

// forJameica is a ZIP as Jameica wants it.
func forJameica(t testing.TB, manifest string, files ...string) []byte {
	t.Helper()
	folder := fstest.MapFS{"plugin.xml": {Data: []byte(manifest)}, "demo.notes.jar": {Data: []byte("PK")}}
	for i := 0; i < len(files); i += 2 {
		folder[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	var out bytes.Buffer
	if _, err := jameica.WriteArchive(t.Context(), &out, folder); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// zipped is a ZIP of entries, in their order: name, content.
func zipped(t testing.TB, entries ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for i := 0; i < len(entries); i += 2 {
		to, err := w.Create(entries[i])
		if err == nil && entries[i+1] != "" {
			_, err = to.Write([]byte(entries[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// signedBy puts the signature of a signer beside a file.
func signedBy(t testing.TB, s *bundletest.Signer, data []byte) ingest.File {
	t.Helper()
	f := file(data)
	sum := sha256.Sum256(data)
	signature, err := s.Key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	f.Detached = &store.Detached{Signature: signature, Certificates: [][]byte{s.Leaf.Raw, s.Organization.Raw}}
	return f
}

func jameicaReader(change ...func(*Jameica)) *Jameica {
	j := &Jameica{
		Judge: trust.New(trust.Config{Roots: &trust.Roots{Certificates: []*x509.Certificate{notesSigner.Root}}, Revocation: trust.Off}),
		Base:  &url.URL{Scheme: "https", Host: "store.example"}, Tool: "jackfield", Version: "1.0",
	}
	for _, c := range change {
		c(j)
	}
	return j
}

func TestWhatAListingSaysOfAZipForJameica(t *testing.T) {
	data := forJameica(t, notes21(), "img/icon.png", string(painted(t, 64, 64, asPNG)), "README.md", "# Notes\r\n", "CHANGELOG.md", "## 2.1.0\n- better\n## 2.0\n- good")
	c, err := jameicaReader().Read(t.Context(), signedBy(t, notesSigner, data))
	if err != nil {
		t.Fatal(err)
	}
	pin, err := trust.Pin(notesSigner.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != notesID || c.Texts[""] != (store.Text{Name: notesID, Description: "Notes for accounts"}) || c.License != "MIT" || c.Readme != "# Notes" ||
		c.Links != (store.Links{Homepage: "https://acme.example/notes"}) || c.Icon == nil || c.Icon.Media != "image/png" ||
		c.Publisher != (store.Publisher{Organization: "Test Organization", Host: "acme.example", Pin: pin}) {
		t.Errorf("%+v", c)
	}
	r := c.Release
	want := store.File{Name: "demo.notes-2.1.0.zip", Platforms: []string{"java"}, Digest: file(data).Digest, Size: int64(len(data))}
	if r.Version != "2.1.0" || r.MinHost != "2.10+" || r.Changelog != "- better" || r.Signer.Name != notesID || len(r.Permissions) != 0 ||
		!slices.Equal(r.Requires, []string{"demo.base 3.0+", "hibiscus 2.10(+); optional", "demo.any"}) || fmt.Sprint(r.Files) != fmt.Sprint([]store.File{want}) {
		t.Errorf("%+v", r)
	}
	if len(c.Warnings) != 0 || !strings.Contains(c.Detail.Manifest, "<license>MIT") || len(c.Detail.Evidence) < 3 {
		t.Errorf("warnings %q, detail %+v", c.Warnings, c.Detail)
	}
}

// TestWhoSignedAZipForJameica: the signature comes beside the file, and is judged as that of
// a bundle is.
func TestWhoSignedAZipForJameica(t *testing.T) {
	data := forJameica(t, notes21())
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	withRSA := bundletest.NewSigner("acme.example", notesID, rsaKey)
	weak := bundletest.NewSigner("acme.example", notesID, weakKey)
	good := func() ingest.File { return signedBy(t, notesSigner, data) }
	trusting := func(root *x509.Certificate) func(*Jameica) {
		return func(j *Jameica) {
			j.Judge = trust.New(trust.Config{Roots: &trust.Roots{Certificates: []*x509.Certificate{root}}, Revocation: trust.Off})
		}
	}
	changed := func(change func(d *store.Detached)) ingest.File { f := good(); change(f.Detached); return f }
	unsigned := func(j *Jameica) { j.UnsignedUnsafe = true }
	for name, c := range map[string]struct {
		file   ingest.File
		change func(*Jameica)
		code   string
	}{
		"by the organization, ECDSA":         {good(), func(*Jameica) {}, ""},
		"by the organization, RSA":           {signedBy(t, withRSA, data), trusting(withRSA.Root), ""},
		"by nobody":                          {file(data), func(*Jameica) {}, "unsigned"},
		"by nobody, where that is taken":     {file(data), unsigned, ""},
		"by a stranger":                      {good(), trusting(withRSA.Root), "chain_untrusted"},
		"by a stranger, for development":     {signedBy(t, withRSA, data), unsigned, "chain_untrusted"},
		"with the certificate of another id": {signedBy(t, bundletest.NewSigner("acme.example", "demo.base", nil), data), func(*Jameica) {}, "chain_untrusted"},
		"with a weak key":                    {signedBy(t, weak, data), trusting(weak.Root), "weak_algorithm"},
		"of another file": {func() ingest.File {
			f := signedBy(t, notesSigner, []byte("another"))
			g := file(data)
			g.Detached = f.Detached
			return g
		}(), func(*Jameica) {}, "signature_invalid"},
		"without a signature":        {changed(func(d *store.Detached) { d.Signature = nil }), func(*Jameica) {}, "signature_invalid"},
		"with one that is too long":  {changed(func(d *store.Detached) { d.Signature = make([]byte, 2000) }), func(*Jameica) {}, "chain_invalid"},
		"without certificates":       {changed(func(d *store.Detached) { d.Certificates = nil }), func(*Jameica) {}, "chain_invalid"},
		"with certificates of junk":  {changed(func(d *store.Detached) { d.Certificates = [][]byte{[]byte("junk")} }), func(*Jameica) {}, "chain_invalid"},
		"with too many certificates": {changed(func(d *store.Detached) { d.Certificates = slices.Repeat(d.Certificates, 4) }), func(*Jameica) {}, "chain_invalid"},
		"with the leaf alone":        {changed(func(d *store.Detached) { d.Certificates = d.Certificates[:1] }), func(*Jameica) {}, "chain_untrusted"},
		"with the chain upside down": {changed(func(d *store.Detached) { slices.Reverse(d.Certificates) }), func(*Jameica) {}, "signature_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := jameicaReader(c.change).Read(t.Context(), c.file)
			if code := codeOfRefusal(err); code != c.code || (err == nil) != (c.code == "") {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if err == nil && (got.Publisher.Pin == "") != (c.file.Detached == nil) {
				t.Errorf("the publisher is %+v", got.Publisher)
			}
		})
	}
	another := bundletest.NewSigner("acme.example", "demo.base", nil)
	if _, err := jameicaReader(trusting(another.Root)).Read(t.Context(), signedBy(t, another, data)); codeOfRefusal(err) != "identity_mismatch" {
		t.Errorf("another id of the same organization: %v", err)
	}
}

func codeOfRefusal(err error) string {
	var r *ingest.Refused
	if errors.As(err, &r) {
		return r.Problems[0].Code
	}
	return ""
}

// TestSignedWithOpenSSL: what a publisher makes with OpenSSL alone is what is taken.
func TestSignedWithOpenSSL(t *testing.T) {
	dir := t.TempDir()
	key, err := keyfile.EncodeUnencrypted(notesSigner.Key)
	if err != nil {
		t.Fatal(err)
	}
	data := forJameica(t, notes21())
	for name, content := range map[string][]byte{"key.pem": key, "notes.zip": data} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "openssl", "dgst", "-sha256", "-sign", "key.pem", "-out", "notes.sig", "notes.zip")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	signature, err := os.ReadFile(filepath.Join(dir, "notes.sig"))
	if err != nil {
		t.Fatal(err)
	}
	f := signedBy(t, notesSigner, data)
	f.Detached.Signature = signature
	if _, err := jameicaReader().Read(t.Context(), f); err != nil {
		t.Error(err)
	}
}

// TestRefusedForJameica: what one generation of the client does not take, or takes otherwise
// than its author means it.
func TestRefusedForJameica(t *testing.T) {
	for name, c := range map[string]struct {
		zip  []byte
		code string
	}{
		"no entry for the folder":      {zipped(t, "demo.notes/plugin.xml", notes21()), "archive_invalid"},
		"two folders":                  {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(), "hibiscus/x.jar", "x"), "archive_invalid"},
		"a folder of another's name":   {zipped(t, "hibiscus/", "", "hibiscus/plugin.xml", notes21()), "archive_invalid"},
		"a file beside the folder":     {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(), "x", "x"), "archive_invalid"},
		"a way out":                    {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(), "demo.notes/../../x", "x"), "unsafe_path"},
		"a name of Windows' devices":   {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(), "demo.notes/con.txt", "x"), "archive_invalid"},
		"a name that ends with a dot":  {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(), "demo.notes/a.", "x"), "unsafe_path"},
		"a document type":              {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><plugin name="demo.notes" version="1"/>`), "doctype_refused"},
		"Jameica itself":               {zipped(t, "jameica/", "", "jameica/plugin.xml", `<system name="jameica" version="1"/>`), "manifest_invalid"},
		"no version":                   {zipped(t, "demo.notes/", "", "demo.notes/plugin.xml", notes21(` version="2.1.0"`, "")), "manifest_invalid"},
		"a version of four numbers":    {forJameica(t, notes21("2.1.0", "2.1.0.4")), "manifest_invalid"},
		"a version with a letter":      {forJameica(t, notes21("2.1.0", "v2.1")), "manifest_invalid"},
		"a typing mistake":             {forJameica(t, notes21(`"2.10+"`, `">=2.10"`)), "manifest_invalid"},
		"a blank behind a requirement": {forJameica(t, notes21(`"3.0+"`, `"3.0+ "`)), "manifest_invalid"},
		"a boolean that is a number":   {forJameica(t, notes21(`required="false"`, `required="0"`)), "manifest_invalid"},
		"an encoding that is guessed":  {forJameica(t, notes21(` encoding="UTF-8"`, "", "Notes for", "Notes für")), "manifest_invalid"},
		"names with a prefix":          {forJameica(t, notes21("<license>", `<x:l xmlns:x="urn:x"/><license>`)), "manifest_invalid"},
		"a picture made to do harm":    {forJameica(t, notes21(), "img/icon.png", string(hugePNG(t))), store.CodePictureInvalid},
		"a manifest without an end":    {forJameica(t, notes21("Notes for", strings.Repeat("x", maxWhole)+" for")), "too_big"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jameicaReader().Read(t.Context(), signedBy(t, notesSigner, c.zip))
			if codeOfRefusal(err) != c.code {
				t.Errorf("%v, want %s", err, c.code)
			}
		})
	}
}

// hugePNG says of itself that it has far more pixels than are drawn.
func hugePNG(t testing.TB) []byte {
	t.Helper()
	data := painted(t, 8, 8, asPNG)
	copy(data[16:24], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536 × 65536
	sum := crc(data[12:29])
	copy(data[29:33], sum[:])
	return data
}

func TestWarningsForJameica(t *testing.T) {
	for name, c := range map[string]struct{ manifest, warning string }{
		"an icon that is not there":       {notes21(), "img/icon.png is not in the ZIP"},
		"a homepage that is no address":   {notes21("https://acme.example/notes", "acme"), "no http or https"},
		"a validated homepage elsewhere":  {notes21("<homepage>", `<homepage validate="true">`), "never offers releases"},
		"a script instead of a homepage ": {notes21("https://acme.example/notes", "javascript:alert(1)"), "no http or https"},
	} {
		got, err := jameicaReader().Read(t.Context(), signedBy(t, notesSigner, forJameica(t, c.manifest)))
		if err != nil || !strings.Contains(strings.Join(got.Warnings, "\n"), c.warning) {
			t.Errorf("%s: %v, %q", name, err, got.Warnings)
		}
	}
	here := notes21("<homepage>", `<homepage validate="true">`, "acme.example/notes", "store.example/p")
	got, err := jameicaReader().Read(t.Context(), signedBy(t, notesSigner, forJameica(t, here, "img/icon.png", string(painted(t, 8, 8, asPNG)))))
	if err != nil || len(got.Warnings) > 0 {
		t.Errorf("a validated homepage here: %v, %q", err, got.Warnings)
	}
}

func TestVersionsForJameica(t *testing.T) {
	for _, c := range []struct {
		version, others string
		fits            bool
	}{
		{"2.1.0", "", true}, {"2.1.0", "2.0.0 1.9", true}, {"2.1.0", "2.1.0", true}, // the same spelling is for the rules of every format
		{"2.1.0", "2.1.0-rc1", false}, {"2.1.0-nightly", "2.1", false}, {"2.1", "2.1.0", false}, {"2.1.1-rc1", "2.1.0-rc1", true},
	} {
		if got := alike(c.version, strings.Fields(c.others)); (len(got) == 0) != c.fits {
			t.Errorf("%s beside %s: %v", c.version, c.others, got)
		}
	}
	j := &Jameica{}
	for _, c := range []struct {
		a, b string
		want int
	}{{"2.10", "2.9", 1}, {"2.1.0", "2.1.0-rc1", 1}, {"2.1", "2.1.0", 0}, {"1.2b3", "1.0", 0}, {"2.1.0-rc2", "2.1.0-rc1", 1}} {
		if got := j.Compare(c.a, c.b); got != c.want {
			t.Errorf("%s to %s: %d", c.a, c.b, got)
		}
	}
}

func TestSniffForJameica(t *testing.T) {
	for _, c := range []struct {
		names string
		want  bool
	}{{"demo.notes/ demo.notes/plugin.xml", true}, {"plugin.xml", false}, {"a/b/plugin.xml", false}, {"a/Plugin.xml", false}, {"", false}} {
		if got := (&Jameica{}).Sniff(ingest.File{Names: strings.Fields(c.names)}); got != c.want {
			t.Errorf("%s: %t", c.names, got)
		}
	}
}

// FuzzJameica: whatever is submitted, a file is refused with a code, or is one that can be
// served: its plugin.xml can be given another address.
func FuzzJameica(f *testing.F) {
	f.Add(forJameica(f, notes21()))
	f.Add(zipped(f, "demo.notes/plugin.xml", notes21()))
	f.Add(zipped(f, "demo.notes/", "", "demo.notes/plugin.xml", `<plugin name="demo.notes" version="1"><icon>x.png</icon></plugin>`, "demo.notes/x.png", "\x89PNG"))
	j := jameicaReader(func(j *Jameica) { j.UnsignedUnsafe = true })
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := j.Read(t.Context(), file(data))
		if err != nil {
			if codeOfRefusal(err) == "" {
				t.Fatalf("an error without a code: %v", err)
			}
			return
		}
		if jameica.CheckName(c.ID) != nil || jameica.LintVersion(c.Release.Version) != "" || len(c.Release.Files) != 1 {
			t.Fatalf("%+v is taken", c)
		}
	})
}
