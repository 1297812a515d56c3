package jarsign

import (
	"crypto"
	"strings"
)

// checkWhole reads a signature file's main section: its version, and that it has a
// strong digest of the whole manifest.
func (s *sheet) checkWhole() error {
	version := ""
	for _, h := range s.main.headers {
		if strings.EqualFold(h.Name, "Signature-Version") {
			version = h.Value
		}
	}
	if version != "1.0" {
		return refuse(Invalid, "", 0, "Signature-Version is %q, not 1.0", version)
	}
	whole, weak, err := s.main.digests("-manifest")
	switch {
	case err != nil:
		return err
	case len(whole) == 0 && weak:
		return refuse(Weak, "", 0, "the digest of the manifest is too weak; sign with SHA-256 or better")
	case len(whole) == 0:
		return refuse(Invalid, "", 0, "there is no SHA-256-Digest-Manifest: the signature does not cover the whole manifest")
	}
	s.whole = whole
	return nil
}

// checkSections verifies what a signature file says of parts of the manifest. It must
// name every section that vouches for an entry, since the JDK takes the others for
// unsigned, and no section that is not there.
func (s *sheet) checkSections(raw []byte, manifest *sheet) error {
	main, _, err := s.main.digests("-manifest-main-attributes")
	if err != nil {
		return err
	}
	if !fits(raw[:manifest.main.end], main) {
		return refuse(Invalid, "", 0, "the digest of the manifest's main section is another")
	}
	for i := range s.sections {
		part := &s.sections[i]
		at, ok := manifest.byName[part.name]
		if !ok {
			return refuse(Invalid, "", part.line, "the signature file names %q, of which the manifest says nothing", part.name)
		}
		if err := part.check(); err != nil {
			return err
		}
		list, weak, err := part.digests("")
		switch of := &manifest.sections[at]; {
		case err != nil:
			return err
		case len(list) == 0 && weak:
			return refuse(Weak, "", part.line, "the digest of the section of %q is too weak", part.name)
		case len(list) == 0:
			return refuse(Invalid, "", part.line, "there is no digest of the section of %q", part.name)
		case !fits(raw[of.start:of.end], list):
			return refuse(Invalid, "", part.line, "the digest of the section of %q is another", part.name)
		}
	}
	for i := range manifest.sections {
		of := &manifest.sections[i]
		if _, ok := s.byName[of.name]; !ok && !isFolder(of.name) {
			return refuse(Unsigned, of.name, 0, "the signature file does not name it: other readers take it for unsigned")
		}
	}
	return nil
}

// isFolder reports whether a section is about a folder or a package, which has no data.
func isFolder(name string) bool { return strings.HasSuffix(name, "/") }

// vouched returns the entries that a manifest vouches for.
func (s *sheet) vouched() ([]Section, error) {
	list := make([]Section, 0, len(s.sections))
	for i := range s.sections {
		part := &s.sections[i]
		if err := part.check(); err != nil {
			return nil, err
		}
		digests, weak, err := part.digests("")
		switch {
		case err != nil:
			return nil, err
		case isFolder(part.name) && len(digests) == 0 && !weak:
			continue
		case isFolder(part.name):
			return nil, refuse(Invalid, "", part.line, "the folder %q has a digest, and no data that could have it", part.name)
		case strings.EqualFold(part.name, "META-INF/MANIFEST.MF") || IsSignatureName(part.name):
			return nil, refuse(Invalid, "", part.line, "a manifest can not vouch for %q", part.name)
		case len(digests) == 0 && weak:
			return nil, refuse(Weak, part.name, 0, "its digest is too weak; sign with SHA-256 or better")
		case len(digests) == 0:
			return nil, refuse(Unsigned, part.name, 0, "the manifest has a section about it, and no digest there")
		}
		list = append(list, Section{part.name, part.line, digests})
	}
	return list, nil
}

// HashesAsked returns, for the entries of a manifest that was not verified, the hashes
// of their digests that are not SHA-256. It is a hint, empty where the manifest can not
// be read.
func HashesAsked(manifest []byte) map[string][]crypto.Hash {
	s, err := readSheet(manifest)
	if err != nil {
		return nil
	}
	asked := map[string][]crypto.Hash{}
	for i := range s.sections {
		part := &s.sections[i]
		list, _, _ := part.digests("") // judged when the manifest is verified
		for _, d := range list {
			if d.Hash != crypto.SHA256 {
				asked[part.name] = append(asked[part.name], d.Hash)
			}
		}
	}
	return asked
}
