package jarsign

import (
	"crypto"
	_ "crypto/sha256" // for crypto.SHA256
	_ "crypto/sha512" // for crypto.SHA384 and crypto.SHA512
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/internal/headers"
)

// sheet is a manifest or a signature file after grammar.
type sheet struct {
	main     section
	sections []section
	byName   map[string]int
	whole    []Digest // of a signature file: those of the manifest
}

// section is a section with the bytes that it takes, its blank line included.
type section struct {
	name       string // "" for the main one
	line       int
	headers    []headers.Header
	start, end int
}

// readSheet reads every section. Two sections of one name, and a header that stands
// twice in a section, are refused: readers differ on which one counts.
func readSheet(data []byte) (*sheet, error) {
	r := sectionReader{headers.NewReader(data), map[string]int{}}
	s := &sheet{byName: map[string]int{}}
	var err error
	if s.main, err = r.section(); err != nil {
		return nil, err
	}
	for !r.Done() {
		next, err := r.section()
		if err != nil {
			return nil, err
		}
		if len(next.headers) == 0 {
			continue // several blank lines between sections
		}
		first := next.headers[0]
		if !strings.EqualFold(first.Name, "Name") {
			return nil, &headers.Error{Line: first.Line, Message: fmt.Sprintf("a section must begin with \"Name: …\", not with %q", first.Name)}
		}
		next.name, next.line, next.headers = first.Value, first.Line, next.headers[1:]
		if before, twice := s.byName[next.name]; twice {
			return nil, refuse(Invalid, "", next.line, "the section of %q stands in line %d already", next.name, s.sections[before].line)
		}
		s.byName[next.name] = len(s.sections)
		s.sections = append(s.sections, next)
	}
	return s, nil
}

// sectionReader reads section after section.
type sectionReader struct {
	*headers.Reader
	seen map[string]int // names in lower case in the section at hand → line
}

func (r sectionReader) section() (section, error) {
	s := section{start: r.Offset()}
	clear(r.seen)
	for {
		h, end, err := r.Next()
		if err != nil {
			return s, err
		}
		if end {
			s.end = r.Offset()
			return s, nil
		}
		key := strings.ToLower(h.Name)
		if line, twice := r.seen[key]; twice {
			return s, refuse(Invalid, "", h.Line, "duplicate attribute: %s stands in line %d already", h.Name, line)
		}
		r.seen[key] = h.Line
		s.headers = append(s.headers, h)
	}
}

// hashName returns the hash that a name like SHA-256 stands for; weak is true for one
// that was good once, and both are zero for one that nobody here knows.
func hashName(name string) (hash crypto.Hash, weak bool) {
	switch name {
	case "sha-256":
		return crypto.SHA256, false
	case "sha-384":
		return crypto.SHA384, false
	case "sha-512":
		return crypto.SHA512, false
	case "md2", "md5", "sha", "sha1", "sha-1", "sha-224":
		return 0, true
	}
	return 0, false
}

// digests returns what attributes named <hash>-Digest<suffix> say. Weak ones are passed
// over; weak is true when there was one. A digest that nobody here can compare is
// refused, also beside others.
func (s *section) digests(suffix string) (list []Digest, weak bool, err error) {
	for _, h := range s.headers {
		key := strings.ToLower(h.Name)
		base, ok := strings.CutSuffix(key, "-digest"+suffix)
		if !ok {
			continue
		}
		hash, isWeak := hashName(base)
		switch {
		case isWeak:
			weak = true
			continue
		case hash == 0:
			return nil, false, refuse(Invalid, "", h.Line, "the digest of %s is not known here", h.Name)
		}
		sum, err := base64.StdEncoding.Strict().DecodeString(h.Value)
		if err != nil || len(sum) != hash.Size() {
			return nil, false, refuse(Invalid, "", h.Line, "%s is not %d bytes in base64", h.Name, hash.Size())
		}
		list = append(list, Digest{hash, sum})
	}
	return list, weak, nil
}

// check refuses what would make other readers leave a section out, or read it in
// another way: Magic, and digests in forms that are not known here.
func (s *section) check() error {
	for _, h := range s.headers {
		key := strings.ToLower(h.Name)
		if key == "magic" {
			return refuse(Invalid, "", h.Line, "the attribute Magic asks readers to pass over the section if they do not know it")
		}
		if strings.Contains(key, "-digest-") {
			return refuse(Invalid, "", h.Line, "the attribute %s is not known here", h.Name)
		}
	}
	return nil
}

// fits reports whether data has every one of these digests.
func fits(data []byte, list []Digest) bool {
	for _, d := range list {
		h := d.Hash.New()
		h.Write(data)
		if string(h.Sum(nil)) != string(d.Sum) {
			return false
		}
	}
	return true
}
