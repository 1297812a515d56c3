package bundle

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"hash"
	"io"
	"slices"

	"github.com/jackfield-host/jackfield/bundle/internal/jarsign"
)

// Signature is what is known of a bundle's signature, in the JSON form of
// `bundle inspect`. Its texts come from certificates that nobody judged.
type Signature struct {
	State string `json:"state"`
	// Code says what is wrong, "" when nothing is or nothing was judged.
	Code         string   `json:"code"`
	Signer       string   `json:"signer"`
	Organization string   `json:"organization"`
	Chain        []string `json:"chain"` // subjects, the signer first
}

// The states of a Signature that this package knows. Others are the verdict of whoever
// judges the signer.
const (
	// SignatureUnsigned is a bundle that carries nothing of a signature.
	SignatureUnsigned = "unsigned"
	// SignatureUnchecked is a signature that holds; who signed was not judged.
	SignatureUnchecked = "unchecked"
	// SignatureInvalid is a signature that does not hold. Only Inspect tells of it: to
	// Verify it is an error.
	SignatureInvalid = "invalid"
)

func (s Signature) clone() Signature {
	s.Chain = slices.Clone(s.Chain)
	return s
}

// describe is what a signature shows of itself.
func (s *Signed) describe() Signature {
	d := Signature{State: SignatureUnchecked, Signer: commonName(s.Chain[0]), Chain: []string{}}
	for _, c := range s.Chain {
		d.Chain = append(d.Chain, c.Subject.String())
	}
	if len(s.Chain) > 1 {
		d.Organization = commonName(s.Chain[1])
		if names := s.Chain[1].Subject.Organization; len(names) > 0 {
			d.Organization = names[0]
		}
	}
	return d
}

func commonName(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}

// findSignature finds the entries that carry the signature. The error is why there can
// be none, though something of one is there.
func (f *File) findSignature() (files jarsign.Files, signed bool, err error) {
	names := make([]string, 0, len(f.entries))
	for i := range f.entries {
		if !f.entries[i].Dir {
			names = append(names, f.entries[i].Name)
		}
	}
	return jarsign.Find(names)
}

// moreSums are the sums of entries beside SHA-256, by entry and by name of the hash.
type moreSums map[string]map[string][]byte

// sumsAsked looks ahead into the manifest of a signed bundle for digests beside
// SHA-256, which are then taken in the one pass over the data. What is wrong with the
// manifest is found later.
func (f *File) sumsAsked() map[string][]crypto.Hash {
	i := slices.IndexFunc(f.entries, func(e entry) bool { return isManifestName(e.Name) })
	if i < 0 || f.entries[i].Size > maxManifest {
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(f.openIndex(i), maxManifest))
	if err != nil {
		return nil
	}
	return jarsign.HashesAsked(data)
}

// summer takes the sums of one entry's data.
type summer struct {
	sha256 hash.Hash
	more   map[string]hash.Hash
}

func newSummer(asked []crypto.Hash) *summer {
	s := &summer{sha256: sha256.New()}
	for _, h := range asked {
		if s.more == nil {
			s.more = map[string]hash.Hash{}
		}
		s.more[h.String()] = h.New()
	}
	return s
}

// Write never fails.
func (s *summer) Write(p []byte) (int, error) {
	for _, h := range s.more {
		h.Write(p)
	}
	return s.sha256.Write(p)
}

func (s *summer) sums() map[string][]byte {
	sums := map[string][]byte{}
	for name, h := range s.more {
		sums[name] = h.Sum(nil)
	}
	return sums
}

// readSignature verifies the signature and that it covers exactly the entries that are
// there. What it proves goes into v. The error is an *Error.
func (v *Verified) readSignature(held *heldTexts) error {
	v.signature = Signature{State: SignatureUnsigned, Chain: []string{}}
	if held.noSignature != nil {
		return signatureFault(held.noSignature)
	}
	if held.files.SignatureFile == "" {
		return nil
	}
	for _, t := range []*heldText{held.signatureFile, held.block} {
		if err := t.check(CodeSignatureInvalid); err != nil {
			return err
		}
	}
	proof, err := jarsign.Verify(jarsign.Input{
		Files: held.files, ManifestName: held.manifest.name,
		Manifest: held.manifest.Bytes(), SignatureFile: held.signatureFile.Bytes(), Block: held.block.Bytes(),
	})
	if err != nil {
		return signatureFault(err)
	}
	if err := v.checkCoverage(proof.Sections); err != nil {
		return err
	}
	signed := &Signed{Chain: proof.Signer.Chain}
	if stamp := proof.Timestamp; stamp != nil {
		signed.Timestamp = &Timestamp{Time: stamp.Time, Chain: stamp.Chain}
	}
	if t := held.staples; t != nil {
		if err := t.check(CodeSignatureInvalid); err != nil {
			return err
		}
		if signed.Staples, err = jarsign.ParseStaples(t.Bytes()); err != nil {
			return refuse(CodeSignatureInvalid, t.name, "%s", err)
		}
	}
	v.signed, v.signature = signed, signed.describe()
	return nil
}

// signatureFault makes an *Error of what jarsign finds.
func signatureFault(err error) *Error {
	var f *jarsign.Fault
	if !errors.As(err, &f) {
		return refuse(CodeSignatureInvalid, "", "%s", err)
	}
	e := refuse(Code(f.Kind), f.File, "%s", f.Message)
	e.Line = f.Line
	return e
}

// checkCoverage compares the entries that are signed with those that are there, in both
// directions.
func (v *Verified) checkCoverage(sections []jarsign.Section) error {
	covered := make(map[string]*jarsign.Section, len(sections))
	for i := range sections {
		covered[sections[i].Name] = &sections[i]
	}
	for i := range v.file.entries {
		e := &v.file.entries[i]
		if !needsSignature(e) {
			continue
		}
		s, ok := covered[e.Name]
		if !ok {
			return refuse(CodeEntryUnsigned, e.Name, "it is not signed: somebody put it into the bundle after it was signed")
		}
		if err := v.checkSums(i, s); err != nil {
			return err
		}
	}
	for i := range sections {
		name := sections[i].Name
		if at, ok := v.file.byName[name]; !ok || v.file.entries[at].Dir {
			return refuse(CodeEntryMissing, name, "it was signed, and is not in the bundle any more")
		}
	}
	return nil
}

// needsSignature reports whether the manifest must vouch for an entry: all but folders,
// the manifest itself and what carries the signature.
func needsSignature(e *entry) bool {
	return !e.Dir && !isManifestName(e.Name) && !jarsign.IsSignatureName(e.Name)
}

func (v *Verified) checkSums(i int, s *jarsign.Section) error {
	name := v.file.entries[i].Name
	for _, d := range s.Digests {
		sum := v.sums[i][:]
		if d.Hash != crypto.SHA256 {
			sum = v.more[name][d.Hash.String()]
		}
		if string(sum) != string(d.Sum) {
			return refuse(CodeSignatureInvalid, name, "it was changed after it was signed: its %s is another", d.Hash)
		}
	}
	return nil
}
