package jarsign

import (
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/internal/headers"
)

// Entry is an entry to sign: its name and the SHA-256 of its data.
type Entry struct {
	Name string
	Sum  [sha256.Size]byte
}

// Rewrite returns manifest with a section and a SHA-256-Digest for each of entries, and
// no other sections but those of folders. The main section, and sections that say what
// they should already, keep every byte; a section with other digests keeps its other
// attributes; sections about what is not there go. The error is a *Fault.
func Rewrite(manifest []byte, entries []Entry) ([]byte, error) {
	s, err := readSheet(manifest)
	if err != nil {
		return nil, grammarFault(Manifest, "", err)
	}
	pending := make(map[string][sha256.Size]byte, len(entries))
	for _, e := range entries {
		pending[e.Name] = e.Sum
	}
	var b strings.Builder
	b.WriteString(closed(manifest[:s.main.end]))
	for i := range s.sections {
		part := &s.sections[i]
		if err := part.check(); err != nil {
			return nil, err
		}
		sum, there := pending[part.name]
		digests, weak, err := part.digests("")
		switch {
		case !there && !isFolder(part.name):
			continue
		case err == nil && !weak && (!there && len(digests) == 0 || there && isOnly(digests, sum)):
			b.WriteString(closed(manifest[part.start:part.end]))
		default:
			part.rewrite(&b, sum, there)
		}
		delete(pending, part.name)
	}
	for _, e := range entries {
		if _, missing := pending[e.Name]; missing {
			headers.Write(&b, "Name", e.Name)
			writeDigest(&b, "", e.Sum)
			b.WriteString("\r\n")
		}
	}
	return []byte(b.String()), nil
}

// isOnly reports whether list holds that SHA-256 and nothing else.
func isOnly(list []Digest, sum [sha256.Size]byte) bool {
	return len(list) == 1 && list[0].Hash == crypto.SHA256 && string(list[0].Sum) == string(sum[:])
}

// rewrite writes a section without the digests that it had.
func (s *section) rewrite(b *strings.Builder, sum [sha256.Size]byte, there bool) {
	headers.Write(b, "Name", s.name)
	for _, h := range s.headers {
		if !strings.HasSuffix(strings.ToLower(h.Name), "-digest") {
			headers.Write(b, h.Name, h.Value)
		}
	}
	if there {
		writeDigest(b, "", sum)
	}
	b.WriteString("\r\n")
}

func writeDigest(b *strings.Builder, suffix string, sum [sha256.Size]byte) {
	headers.Write(b, "SHA-256-Digest"+suffix, base64.StdEncoding.EncodeToString(sum[:]))
}

// closed returns a section with a blank line at its end, which the last one may lack.
func closed(raw []byte) string {
	text := string(raw)
	rest, ended := cutLineEnd(text)
	if !ended {
		return text + "\r\n\r\n"
	}
	if _, ended = cutLineEnd(rest); !ended {
		return text + "\r\n"
	}
	return text
}

func cutLineEnd(s string) (string, bool) {
	for _, end := range []string{"\r\n", "\n", "\r"} {
		if rest, ok := strings.CutSuffix(s, end); ok {
			return rest, true
		}
	}
	return s, false
}

// NewSignatureFile returns the signature file of a manifest: digests of the whole, of
// its main section and of every other one. The error is a *Fault.
func NewSignatureFile(manifest []byte) ([]byte, error) {
	s, err := readSheet(manifest)
	if err != nil {
		return nil, grammarFault(Manifest, "", err)
	}
	var b strings.Builder
	headers.Write(&b, "Signature-Version", "1.0")
	writeDigest(&b, "-Manifest-Main-Attributes", sha256.Sum256(manifest[:s.main.end]))
	writeDigest(&b, "-Manifest", sha256.Sum256(manifest))
	headers.Write(&b, "Created-By", "Jackfield")
	b.WriteString("\r\n")
	for i := range s.sections {
		part := &s.sections[i]
		headers.Write(&b, "Name", part.name)
		writeDigest(&b, "", sha256.Sum256(manifest[part.start:part.end]))
		b.WriteString("\r\n")
	}
	return []byte(b.String()), nil
}
