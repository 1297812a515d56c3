package jarsign

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
)

// FuzzSheet reads anything as a manifest and as a signature file. It must not panic;
// sections must lie one behind the other in the file, each with a name of its own; and
// what Rewrite and NewSignatureFile make of a sheet must vouch for exactly the entries
// that were given, and nothing else.
func FuzzSheet(f *testing.F) {
	f.Add([]byte("Manifest-Version: 1.0\r\n\r\nName: a\r\nSHA-256-Digest: x\r\n\r\n"))
	f.Add([]byte("Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\r\n\r\nName: a\r\nMagic: x\r\n"))
	f.Add([]byte("A: b\n\nName: long\n er\nSHA1-Digest: x\nX: y\n\n\n\nName: org/\nSealed: true"))
	f.Add([]byte("A: b\r\rName: a\rSHA-384-Digest: OLBgp1GsljhM2TJ+sbHjaiH9txEUvgdDTAzHv2P24donTt6/529l+9Ua0vFImLlb\r\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := readSheet(data)
		if err != nil {
			return
		}
		at := s.main.end
		var entries []Entry
		for i, part := range s.sections {
			if part.start < at || part.end <= part.start || part.end > len(data) {
				t.Fatalf("section %d takes %d to %d, behind %d", i, part.start, part.end, at)
			}
			at = part.end
			if s.byName[part.name] != i {
				t.Fatalf("%q is section %d and %d", part.name, i, s.byName[part.name])
			}
			if !isFolder(part.name) && !IsSignatureName(part.name) && !strings.EqualFold(part.name, "META-INF/MANIFEST.MF") && i%3 != 2 {
				entries = append(entries, Entry{part.name, sha256.Sum256([]byte(part.name))})
			}
		}
		if _, twice := s.byName["data/of its own"]; !twice {
			entries = append(entries, Entry{"data/of its own", sha256.Sum256(nil)})
		}
		resign(t, data, s.main.end, entries)
	})
}

func resign(t *testing.T, data []byte, mainEnd int, entries []Entry) {
	manifest, err := Rewrite(data, entries)
	if err != nil {
		var fault *Fault
		if !errors.As(err, &fault) || fault.Kind != Invalid {
			t.Fatalf("it can not be signed: %v", err)
		}
		return
	}
	if !bytes.HasPrefix(manifest, data[:mainEnd]) {
		t.Fatalf("the main section changed: %q", manifest)
	}
	raw, err := NewSignatureFile(manifest)
	if _, ended := cutLineEnd(string(data)); err != nil && !ended {
		return // the last line was as long as a line may be, and got its end
	}
	if err != nil {
		t.Fatalf("no signature file of %q: %v", manifest, err)
	}
	again, err := readSheet(manifest)
	if err != nil {
		t.Fatalf("%q: %v", manifest, err)
	}
	sf, err := readSheet(raw)
	if err != nil {
		t.Fatalf("%q: %v", raw, err)
	}
	if err := sf.checkWhole(); err != nil || !fits(manifest, sf.whole) {
		t.Fatalf("%q is not the signature file of %q: %v", raw, manifest, err)
	}
	sections, err := again.vouched()
	if err == nil {
		err = sf.checkSections(manifest, again)
	}
	if err != nil {
		t.Fatalf("%q with %q: %v", manifest, raw, err)
	}
	if len(sections) != len(entries) {
		t.Fatalf("%d entries became %d sections: %q", len(entries), len(sections), manifest)
	}
	for _, section := range sections {
		i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == section.Name })
		if i < 0 || !isOnly(section.Digests, entries[i].Sum) {
			t.Fatalf("it vouches for %q with %x", section.Name, section.Digests)
		}
	}
}

// FuzzFind looks for a signature among any names. What it finds is there, and is named
// as a signature; what it passes over in silence has no such name.
func FuzzFind(f *testing.F) {
	f.Add("META-INF/A.SF\nMETA-INF/A.RSA\nMETA-INF/SIG-A.OCR")
	f.Add("meta-inf/a.sf\nMETA-INF/A.EC\nx")
	f.Add("META-INF/A.DSA\nMETA-INF/sub/A.SF")
	f.Fuzz(func(t *testing.T, list string) {
		names := strings.Split(list, "\n")
		files, found, err := Find(names)
		some := slices.ContainsFunc(names, IsSignatureName)
		if found != some {
			t.Fatalf("found is %v of %q", found, names)
		}
		if err != nil || !found {
			return
		}
		mine := []string{files.SignatureFile, files.Block}
		if files.Staples != "" {
			mine = append(mine, files.Staples)
		}
		for _, name := range names {
			if IsSignatureName(name) != slices.Contains(mine, name) {
				t.Fatalf("%q is passed over, or taken for a signature: %+v", name, files)
			}
		}
	})
}

// FuzzStaples splits anything; what comes of it, put together, is what went in.
func FuzzStaples(f *testing.F) {
	f.Add([]byte("\x30\x00\x30\x01\x05"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := ParseStaples(data)
		if err == nil && !bytes.Equal(bytes.Join(list, nil), data) {
			t.Fatalf("%x became %x", data, list)
		}
	})
}
