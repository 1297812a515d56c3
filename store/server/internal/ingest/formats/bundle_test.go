package formats

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
	"github.com/jackfield-host/jackfield/trust"
)

const helloID = "examples.hello.HelloExtension"

var signer = bundletest.NewSigner("acme.example", helloID, nil)

func reader(t testing.TB, change ...func(*Bundle)) *Bundle {
	t.Helper()
	b := &Bundle{
		Judge: trust.New(trust.Config{Roots: &trust.Roots{Certificates: []*x509.Certificate{signer.Root}}, Revocation: trust.Off}),
		Tool:  "jackfield", Version: "1.0",
	}
	for _, c := range change {
		c(b)
	}
	return b
}

func file(data []byte) ingest.File {
	sum := sha256.Sum256(data)
	return ingest.File{ReaderAt: bytes.NewReader(data), Size: int64(len(data)), Digest: "sha256:" + hex.EncodeToString(sum[:])}
}

// painted is a picture of one color.
func painted(t testing.TB, w, h int, encode func(*bytes.Buffer, image.Image) error) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	img.Set(0, 0, color.Black)
	var out bytes.Buffer
	if err := encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func asPNG(out *bytes.Buffer, img image.Image) error  { return png.Encode(out, img) }
func asJPEG(out *bytes.Buffer, img image.Image) error { return jpeg.Encode(out, img, nil) }

func TestWhatAListingSaysOfABundle(t *testing.T) {
	const types = `{"types":[{"name":"examples.hello.HelloRequest","role":"request"},{"name":"examples.hello.HelloResponse","role":"response"},
		{"name":"examples.hello.Greet","role":"request","extends":"examples.hello.HelloRequest","response":"examples.hello.HelloResponse","schema":{"type":"object"}}]}`
	jar := signer.Sign(bundletest.Good(
		bundletest.With("extension_version", "1.2.0-rc.1"), bundletest.With("extension_description", "says *hello*"),
		bundletest.With("extension_license", "MIT"), bundletest.With("extension_homepage", "https://acme.example/hello"),
		bundletest.With("extension_security", "mailto:security@acme.example"), bundletest.With("extension_min_host", "0.9"),
		bundletest.With("extension_requires", "org.base >=3.0 <4, org.maps >=1.2; optional"), bundletest.With("extension_permissions", "kv, events"),
		bundletest.WithFile(bundle.TypesName, []byte(types)),
		bundletest.WithFile(describing+"README.md", []byte("# Hello\r\nworld")),
		bundletest.WithFile(describing+"CHANGELOG.md", []byte("## 1.2.0-rc.1\n- better\n## 1.1\n- good")),
		bundletest.WithFile(describing+"LICENSE", []byte("MIT")),
		bundletest.WithFile(describing+"icon.png", painted(t, 512, 512, asPNG)),
		bundletest.WithFile(describing+"background.jpg", painted(t, 2000, 1000, asJPEG)),
		bundletest.WithFile(screenshotsIn+"2.png", painted(t, 20, 10, asPNG)),
		bundletest.WithFile(screenshotsIn+"1.jpg", painted(t, 30, 10, asJPEG)),
		bundletest.WithFile("bin/windows-amd64/extension", []byte("MZ")),
	))
	c, err := reader(t).Read(t.Context(), file(jar))
	if err != nil {
		t.Fatal(err)
	}
	if c.ID != helloID || c.Texts[""] != (store.Text{Name: "Hello", Description: "says *hello*"}) || c.License != "MIT" ||
		c.Links != (store.Links{Homepage: "https://acme.example/hello", Security: "mailto:security@acme.example"}) || c.Readme != "# Hello\nworld" {
		t.Errorf("%+v", c)
	}
	pin, err := trust.Pin(signer.Organization)
	if err != nil {
		t.Fatal(err)
	}
	if c.Publisher != (store.Publisher{Organization: "Test Organization", Host: "acme.example", Pin: pin}) {
		t.Errorf("the publisher is %+v", c.Publisher)
	}
	r := c.Release
	if r.Version != "1.2.0-rc.1" || r.MinHost != "0.9" || r.Changelog != "- better" || !slices.Equal(r.Permissions, []string{"kv", "events"}) ||
		!slices.Equal(r.Requires, []string{"org.base >=3.0 <4", "org.maps >=1.2; optional"}) || len(r.Types) != 3 || r.Types[2] != (store.Type{Name: "examples.hello.Greet", Role: "request"}) {
		t.Errorf("the release is %+v", r)
	}
	f := r.Files[0]
	if f.Name != helloID+"-1.2.0-rc.1.jar" || f.Digest != file(jar).Digest || f.Size != int64(len(jar)) ||
		!slices.Contains(f.Platforms, "server") || !slices.Contains(f.Platforms, "windows-amd64") || !slices.IsSorted(f.Platforms) {
		t.Errorf("the file is %+v", f)
	}
	if r.Signer.Name != helloID || !strings.HasPrefix(r.Signer.Key, "sha256:") || r.Signer.Key == pin[:71] || !r.Signer.SignedAt.IsZero() {
		t.Errorf("the signer is %+v", r.Signer)
	}
	if c.Icon == nil || c.Icon.Width != 256 || c.Background == nil || c.Background.Media != "image/jpeg" || c.Background.Width != 1600 ||
		len(c.Screenshots) != 2 || c.Screenshots[0].Width != 30 {
		t.Errorf("pictures: %+v %+v %+v", c.Icon, c.Background, c.Screenshots)
	}
	d := c.Detail
	if !strings.Contains(d.Manifest, "extension_class") || d.Changelog != "## 1.2.0-rc.1\n- better\n## 1.1\n- good" ||
		len(d.Types) != 3 || string(d.Types[2].Schema) != `{"type":"object"}` || len(d.Evidence) < 3 || d.Evidence[0].Verdict != "passed" || d.Evidence[0].Input != f.Digest {
		t.Errorf("the detail is %+v", d)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %q", c.Warnings)
	}
}

func TestABundleOfClassesIsForServers(t *testing.T) {
	c, err := reader(t).Read(t.Context(), file(signer.Sign(bundletest.Good(func(c *bundletest.Content) { clear(c.Files) }))))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Release.Files[0].Platforms, []string{"server"}) || len(c.Release.Types) != 2 {
		t.Errorf("%+v", c.Release)
	}
}

func TestWhatIsBrokenAroundABundleIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		name    string
		file    string
		data    []byte
		warning string
		code    string // refused instead
	}{
		{"an icon that is none", "icon.png", []byte("no picture"), "icon.png is left out", ""},
		{"an icon as SVG", "icon.svg", []byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), "icon.svg is left out: only PNG and JPEG", ""},
		{"an icon that is too large", "icon.png", painted(t, 2049, 2048, asPNG), "icon.png is left out", ""},
		{"a background as text", "background.jpg", []byte("text"), "background.jpg is left out", ""},
		{"a README that is not UTF-8", "README.md", []byte("caf\xe9"), "", ""},
		{"a README that is too long", "README.md", bytes.Repeat([]byte("words "), 100_000), "README.md has 600000 bytes", ""},
		{"an icon that fills memory", "icon.png", claiming(t, 65535, 65535), "", store.CodePictureInvalid},
		{"a screenshot that fills memory", "screenshots/1.png", claiming(t, 65535, 65535), "", store.CodePictureInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := reader(t).Read(t.Context(), file(signer.Sign(bundletest.Good(bundletest.WithFile(describing+c.file, c.data)))))
			if c.code != "" {
				refusal, ok := errors.AsType[*ingest.Refused](err)
				if !ok || refusal.Problems[0].Code != c.code || refusal.Problems[0].Entry != describing+c.file {
					t.Errorf("%v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.warning != "" && !slices.ContainsFunc(got.Warnings, func(w string) bool { return strings.Contains(w, c.warning) }) {
				t.Errorf("warnings %q, want one with %q", got.Warnings, c.warning)
			}
			if got.Icon != nil || got.Background != nil || len(got.Readme) > maxReadme {
				t.Errorf("%+v", got)
			}
		})
	}
}

// claiming is a PNG whose header claims a size that its data do not have.
func claiming(t testing.TB, w, h uint32) []byte {
	data := painted(t, 4, 4, asPNG)
	for i := range 4 {
		data[16+i], data[20+i] = byte(w>>(24-8*i)), byte(h>>(24-8*i))
	}
	sum := crc(data[12:29])
	copy(data[29:], sum[:])
	return data
}

func TestManyScreenshots(t *testing.T) {
	var edits []bundletest.Edit
	for i := range 20 {
		edits = append(edits, bundletest.WithFile(screenshotsIn+string(rune('a'+i))+".png", painted(t, 5+i, 5, asPNG)))
	}
	edits = append(edits, bundletest.WithFile(screenshotsIn+"below/x.png", painted(t, 5, 5, asPNG)))
	c, err := reader(t).Read(t.Context(), file(signer.Sign(bundletest.Good(edits...))))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Screenshots) != maxScreenshots || c.Screenshots[7].Width != 12 {
		t.Errorf("%d screenshots", len(c.Screenshots))
	}
}

func TestSignatures(t *testing.T) {
	good := bundletest.Good()
	stranger := bundletest.NewSigner("acme.example", helloID, nil)
	another := bundletest.NewSigner("acme.example", "org.acme.Other", nil)
	known := func(b *Bundle) {
		b.Judge = trust.New(trust.Config{Roots: &trust.Roots{Certificates: []*x509.Certificate{signer.Root, another.Root}}, Revocation: trust.Off})
	}
	unsigned := func(b *Bundle) { b.UnsignedUnsafe = true }
	for _, c := range []struct {
		name   string
		jar    []byte
		change func(*Bundle)
		code   trust.Code
	}{
		{"signed", signer.Sign(good), known, ""},
		{"unsigned", good, known, trust.CodeUnsigned},
		{"unsigned, where that is taken", good, unsigned, ""},
		{"signed by somebody whom nobody trusts", stranger.Sign(good), known, trust.ChainUntrusted},
		{"the same, where unsigned is taken", stranger.Sign(good), unsigned, trust.ChainUntrusted},
		{"signed with the certificate of another extension", another.Sign(good), known, trust.IdentityMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := reader(t, c.change).Read(t.Context(), file(c.jar))
			if c.code != "" {
				refusal, ok := errors.AsType[*ingest.Refused](err)
				if !ok || refusal.Problems[0].Code != string(c.code) || refusal.Problems[0].Message == "" {
					t.Errorf("%v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if (got.Publisher.Pin == "") != (c.name != "signed") {
				t.Errorf("the publisher is %+v", got.Publisher)
			}
		})
	}
}

// TestTheCorpusIsRefused has the store say what package bundle says.
func TestTheCorpusIsRefused(t *testing.T) {
	b := reader(t, func(b *Bundle) { b.UnsignedUnsafe = true })
	n := 0
	for _, c := range slices.Concat(bundletest.Hostile(), bundletest.Forged()) {
		_, err := b.Read(t.Context(), file(c.Bytes))
		refusal, ok := errors.AsType[*ingest.Refused](err)
		if !ok || refusal.Problems[0].Code != string(c.Code) {
			t.Errorf("%s: %v, want %s", c.Name, err, c.Code)
		}
		n++
	}
	if n < 200 {
		t.Errorf("only %d files in the corpus", n)
	}
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		name string
		f    ingest.File
		want bool
	}{
		{"a bundle", ingest.File{Names: []string{"META-INF/MANIFEST.MF", "bin/x"}}, true},
		{"another case", ingest.File{Names: []string{"meta-inf/manifest.mf"}}, true},
		{"a Jami archive", ingest.File{Names: []string{"manifest.json", "lib/x"}}, false},
		{"a broken ZIP", file([]byte("PK\x03\x04broken")), true},
		{"text", file([]byte("text")), false},
		{"nothing", file(nil), false},
	} {
		if got := (&Bundle{}).Sniff(c.f); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func crc(data []byte) [4]byte {
	var sum [4]byte
	binary.BigEndian.PutUint32(sum[:], crc32.ChecksumIEEE(data))
	return sum
}
