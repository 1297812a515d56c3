package bundle_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// FuzzSigned reads anything as a signed bundle. It must not panic; what verifies and is
// signed has, as another reader of archives and of manifests sees it, a digest for
// exactly the entries that are there, and they fit. The corpus holds bundles signed by
// the JDK and by ourselves, whose keys nobody has.
func FuzzSigned(f *testing.F) {
	signer := bundletest.NewSigner("hello.example", signerID, nil)
	f.Add(signer.Sign(bundletest.Good()))
	f.Add(bundletest.NewSeal(signer).Build().Build())
	limits := bundle.Limits{FileBytes: 1 << 20, EntryBytes: 1 << 20, TotalBytes: 2 << 20, Entries: 1000}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := verify(data, limits)
		if err != nil {
			if !slices.Contains(bundle.Codes(), bundle.CodeOf(err)) {
				t.Fatalf("an unknown code: %v", err)
			}
			return
		}
		if _, ok := v.Signed(); ok {
			checkSignedEntries(t, data)
		}
	})
}

func checkSignedEntries(t *testing.T, data []byte) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatalf("another reader can not open it: %v", err)
	}
	contents := map[string][]byte{}
	for _, file := range z.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		if contents[file.Name], err = io.ReadAll(r); err != nil {
			t.Fatalf("another reader can not read %q: %v", file.Name, err)
		}
	}
	vouched := map[string]bool{}
	for name, text := range contents {
		if strings.EqualFold(name, "META-INF/MANIFEST.MF") {
			vouched = digestsIn(t, string(text), contents)
		}
	}
	for name := range contents {
		upper := strings.ToUpper(name)
		exempt := strings.HasSuffix(name, "/") || upper == "META-INF/MANIFEST.MF" ||
			path.Dir(upper) == "META-INF" && (slices.Contains([]string{".SF", ".RSA", ".EC"}, path.Ext(upper)) || strings.HasPrefix(path.Base(upper), "SIG-"))
		if !exempt && !vouched[name] {
			t.Fatalf("%q is there and not signed", name)
		}
	}
}

// digestsIn reads a manifest in the simplest way there is, and checks each digest.
func digestsIn(t *testing.T, manifest string, contents map[string][]byte) map[string]bool {
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(manifest)
	lines = strings.ReplaceAll(lines, "\n ", "")
	vouched := map[string]bool{}
	name := ""
	for line := range strings.SplitSeq(lines, "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch strings.ToLower(key) {
		case "":
			name = ""
		case "name":
			name = value
		case "sha-256-digest", "sha-384-digest", "sha-512-digest":
			if name == "" {
				continue // of the main section, where it means nothing
			}
			text, ok := contents[name]
			if !ok {
				t.Fatalf("%q is signed and not there", name)
			}
			s256, s384, s512 := sha256.Sum256(text), sha512.Sum384(text), sha512.Sum512(text)
			sums := map[string][]byte{"sha-256-digest": s256[:], "sha-384-digest": s384[:], "sha-512-digest": s512[:]}
			if value != base64.StdEncoding.EncodeToString(sums[strings.ToLower(key)]) {
				t.Fatalf("%q has another %s", name, key)
			}
			vouched[name] = true
		}
	}
	return vouched
}
