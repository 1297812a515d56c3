package bundletest

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/smallstep/pkcs7"
)

// Seal is a signature to be, made without the package bundle: by another library, and
// line by line, so that each part can be wrong while those around it are right.
type Seal struct {
	Signer  *Signer
	Archive *Archive // unsigned, its manifest the first entry
	// Manifest and SignatureFile change those files before what covers them is made.
	Manifest, SignatureFile func(text string) string
	// Digest is the name of the digests in both, "" for SHA-256; Sum makes them.
	Digest string
	Sum    crypto.Hash
	// Block makes the block; nil is Signer.Block.
	Block func(signatureFile []byte) []byte
	// Name is that of the signature's files, "SIGNER" if it is empty; Ending is .EC.
	Name, Ending string
}

// NewSeal signs a good bundle with one file more.
func NewSeal(s *Signer) *Seal {
	a := GoodArchive(WithFile(extraEntry, []byte("signed\n")), WithFile("META-INF/services/x", []byte("y\n")))
	return &Seal{Signer: s, Archive: a}
}

// Build returns the signed archive, whose first three entries are the manifest, the
// signature file and the block.
func (s *Seal) Build() *Archive {
	a := *s.Archive
	a.Entries = slices.Clone(a.Entries)
	manifest := string(a.Entries[0].Data)
	for _, e := range a.Entries[1:] {
		manifest += s.section(e.Name, e.Data)
	}
	if s.Manifest != nil {
		manifest = s.Manifest(manifest)
	}
	sf := fmt.Sprintf("Signature-Version: 1.0\r\n%s-Digest-Manifest: %s\r\n\r\n", s.digest(), s.sum([]byte(manifest)))
	seen := map[string]bool{}
	for i, part := range strings.SplitAfter(manifest, "\r\n\r\n") {
		name, ok := strings.CutPrefix(part, "Name: ")
		name, _, _ = strings.Cut(name, "\r\n")
		if ok && i > 0 && !seen[name] {
			seen[name] = true
			sf += s.section(name, []byte(part))
		}
	}
	if s.SignatureFile != nil {
		sf = s.SignatureFile(sf)
	}
	block := s.Block
	if block == nil {
		block = func(sf []byte) []byte { return s.Signer.Block(sf, nil) }
	}
	name, ending := s.Name, s.Ending
	if name == "" {
		name = "SIGNER"
	}
	if ending == "" {
		ending = ".EC"
	}
	a.Entries[0].Data = []byte(manifest)
	a.Entries = slices.Insert(a.Entries, 1,
		Entry{Name: "META-INF/" + name + ".SF", Data: []byte(sf)}, Entry{Name: "META-INF/" + name + ending, Data: block([]byte(sf))})
	return &a
}

func (s *Seal) digest() string {
	if s.Digest == "" {
		return "SHA-256"
	}
	return s.Digest
}

func (s *Seal) sum(data []byte) string {
	if s.Sum == 0 {
		sum := sha256.Sum256(data)
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	h := s.Sum.New()
	h.Write(data)
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// section says what an entry, or a section, has for a digest. Names are short.
func (s *Seal) section(name string, data []byte) string {
	return fmt.Sprintf("Name: %s\r\n%s-Digest: %s\r\n\r\n", name, s.digest(), s.sum(data))
}

// Block makes a detached signature with another library, after change.
func (s *Signer) Block(content []byte, change func(d *pkcs7.SignedData)) []byte {
	d := s.signedData(content, pkcs7.OIDDigestAlgorithmSHA256)
	d.Detach()
	if change != nil {
		change(d)
	}
	return finish(d)
}

// AttributesBlock signs content and takes the signed attributes out of the block: it is
// a true signature over their encoding then, which is returned as well.
func (s *Signer) AttributesBlock(content []byte) (attributes, block []byte) {
	block = s.Block(content, func(d *pkcs7.SignedData) {
		var err error
		if attributes, err = asn1.MarshalWithParams(d.GetSignedData().SignerInfos[0].AuthenticatedAttributes, "set"); err != nil {
			panic(err)
		}
		d.RemoveAuthenticatedAttributes()
	})
	return attributes, block
}

// signedData is not detached.
func (s *Signer) signedData(content []byte, digest []int) *pkcs7.SignedData {
	d, err := pkcs7.NewSignedData(content)
	if err != nil {
		panic(err)
	}
	d.SetDigestAlgorithm(digest)
	s.addTo(d, pkcs7.SignerInfoConfig{})
	return d
}

func (s *Signer) addTo(d *pkcs7.SignedData, config pkcs7.SignerInfoConfig) {
	if err := d.AddSignerChain(s.Leaf, s.Key, []*x509.Certificate{s.Organization, s.Root}, config); err != nil {
		panic(err)
	}
}

func finish(d *pkcs7.SignedData) []byte {
	der, err := d.Finish()
	if err != nil {
		panic(err)
	}
	return der
}

// At returns the entry of that name in an archive.
func (a *Archive) At(name string) *Entry {
	for i := range a.Entries {
		if a.Entries[i].Name == name {
			return &a.Entries[i]
		}
	}
	panic("there is no entry " + name)
}

// Drop takes the entry of that name out of an archive.
func (a *Archive) Drop(name string) {
	a.Entries = slices.DeleteFunc(a.Entries, func(e Entry) bool { return e.Name == name })
}

// KeyPEM writes a private key as PKCS #8.
func KeyPEM(key crypto.Signer) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// ChainPEM writes certificates one after another.
func ChainPEM(chain ...*x509.Certificate) []byte {
	var out bytes.Buffer
	for _, c := range chain {
		out.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return out.Bytes()
}
