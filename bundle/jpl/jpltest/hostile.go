package jpltest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"math/big"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
)

// Case is a file that jpl.Verify refuses with a code, under Roots at Now.
type Case struct {
	Name string
	// Hole is the weakness of Jami that the file makes use of, as docs/jami.md numbers
	// them; "" for none.
	Hole  string
	Code  jpl.Code
	Bytes []byte
	// Jami is what a Jami daemon answers, which trusts Roots.
	Jami jpl.JamiCode
}

// Library is the entry of Good with the library.
const Library = "lib/x86_64-linux-gnu/lib" + ID + ".so"

// Evil is the content of what nobody signed.
const Evil = "nobody signed this"

// Hostile returns files that jpl.Verify refuses. Names are unique and fit to be file names.
func Hostile() []Case {
	return slices.Concat(hostileContainers(), hostileContents(), hostileChains(), hostileSignatures())
}

// sealed is a good archive that was changed after it was signed.
func sealed(change func(z *bundletest.Archive), edits ...Edit) []byte {
	a := Good(edits...)
	a.Sealed = change
	return a.Build()
}

func hostileContainers() []Case {
	add := func(name, data string) func(z *bundletest.Archive) {
		return func(z *bundletest.Archive) {
			z.Entries = append(z.Entries, bundletest.Entry{Name: name, Data: []byte(data), Stored: true})
		}
	}
	link := func(z *bundletest.Archive) {
		z.At("data/icon.png").Central = func(h *bundletest.Header) { h.MadeBy, h.Attributes = 0x0314, 0o120777<<16 }
	}
	whole := Good().Build()
	return []Case{
		{"twin-library", "H1", jpl.Code(bundle.CodeDuplicateName), sealed(add(Library, Evil)), jpl.JamiOK},
		{"twin-library-deflated", "H1", jpl.Code(bundle.CodeDuplicateName), sealed(add(Library, Evil), In(Folders)), jpl.JamiOK},
		{"twin-manifest", "H1", jpl.Code(bundle.CodeDuplicateName), sealed(add("manifest.json", `{"name":"Evil","id":"Greenery","version":"1.0.1"}`)), jpl.JamiOK},
		{"twin-signatures", "H1", jpl.Code(bundle.CodeDuplicateName), sealed(add("signatures", Evil)), jpl.JamiOK},
		{"twin-other-case", "H1", jpl.Code(bundle.CodeDuplicateName), sealed(add(strings.ToUpper(Library), Evil)), jpl.JamiSignature},
		{"polyglot", "H2", jpl.Code(bundle.CodePrefixData), polyglot(), jpl.JamiOK},
		{"parent-folder", "H3", jpl.Code(bundle.CodeUnsafePath), Good(WithFile("data/../../escaped", []byte(Evil))).Build(), jpl.JamiOK},
		{"absolute", "H3", jpl.Code(bundle.CodeUnsafePath), Good(WithFile("/etc/escaped", []byte(Evil))).Build(), jpl.JamiOK},
		{"symlink", "H3", jpl.Code(bundle.CodeSpecialFile), sealed(link), jpl.JamiOK},
		{"cut-short", "H8", jpl.Code(bundle.CodeTruncated), whole[:len(whole)-30], jpl.JamiInvalid},
		{"empty", "H8", jpl.Code(bundle.CodeNotZip), nil, jpl.JamiInvalid},
		{"bomb", "H11", jpl.Code(bundle.CodeRatioTooHigh), Good(In(Folders), WithFile("data/zeros", make([]byte, 4<<20))).Build(), jpl.JamiOK},
		{"crowd", "H11", jpl.Code(bundle.CodeTooManyEntries), crowd(), jpl.JamiSignature},
		{"trailing-data", "", jpl.Code(bundle.CodeTrailingData), append(slices.Clone(whole), Evil...), jpl.JamiOK},
	}
}

// crowd has more entries than a signature each could be verified of.
func crowd() []byte {
	return sealed(func(z *bundletest.Archive) {
		for i := range jpl.Limits().Entries {
			z.Entries = append(z.Entries, bundletest.Entry{Name: "data/" + big.NewInt(int64(i)).String(), Stored: true})
		}
	})
}

// polyglot is a tar, compressed, with a file that nobody signed, in front of a good archive.
// Jami lists the ZIP and reads the tar.
func polyglot() []byte {
	a := Good()
	var front bytes.Buffer
	z := gzip.NewWriter(&front)
	w := tar.NewWriter(z)
	write := func(name string, data []byte) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(data))}); err != nil {
			panic(err)
		}
		must(w.Write(data))
	}
	a.Sealed = func(inner *bundletest.Archive) {
		for _, e := range inner.Entries {
			write(e.Name, e.Data)
		}
		write("data/evil", []byte(Evil))
		if err := w.Close(); err != nil {
			panic(err)
		}
		if err := z.Close(); err != nil {
			panic(err)
		}
		inner.Prefix = front.Bytes()
	}
	return a.Build()
}

func hostileContents() []Case {
	manifest := func(text string) Edit { return WithFile("manifest.json", []byte(text)) }
	locale := "data/locale/" + ID + "_de.json"
	build := func(edits ...Edit) []byte { return Good(edits...).Build() }
	return []Case{
		{"no-manifest", "", jpl.CodeManifestInvalid, build(Without("manifest.json")), jpl.JamiInvalid},
		{"manifest-no-json", "", jpl.CodeManifestInvalid, build(manifest("name: Greenery")), jpl.JamiInvalid},
		{"manifest-list", "", jpl.CodeManifestInvalid, build(manifest(`["Greenery"]`)), jpl.JamiInvalid},
		{"manifest-empty", "", jpl.CodeManifestInvalid, build(manifest(`{"id":"Greenery"}`)), jpl.JamiInvalid},
		{"manifest-key-twice", "", jpl.CodeManifestInvalid, build(manifest(`{"name":"a","id":"Evil","id":"Greenery","version":"1.0.1"}`)), jpl.JamiOK},
		{"manifest-number", "", jpl.CodeManifestInvalid, build(manifest(`{"name":"a","id":"Greenery","version":1.0}`)), jpl.JamiOK},
		{"manifest-half-character", "", jpl.CodeManifestInvalid, build(manifest(`{"name":"a","id":"Greenery","version":"1.0.1","x":"\ud83d\\ude00"}`)), jpl.JamiInvalid},
		{"manifest-other-half", "", jpl.CodeManifestInvalid, build(manifest(`{"name":"a","id":"Greenery","version":"1.0.1","x":"\ude00"}`)), jpl.JamiInvalid},
		{"manifest-huge-number", "", jpl.CodeManifestInvalid, build(manifest(`{"name":"a","id":"Greenery","version":"1.0.1","x":1e999}`)), jpl.JamiInvalid},
		{"id-path", "H3", jpl.CodeIDInvalid, build(withIDAlone("data/" + ID)), jpl.JamiOK},
		{"id-spaces", "H3", jpl.CodeIDInvalid, build(WithID("Green ery")), jpl.JamiOK},
		{"id-dash", "", jpl.CodeIDInvalid, build(WithID("green-ery")), jpl.JamiOK},
		{"icon-path", "H3", jpl.CodeManifestInvalid, build(With("iconPath", "../../../.ssh/id_rsa")), jpl.JamiOK},
		{"two-files-one-place", "H1", jpl.Code(bundle.CodeDuplicateName), build(WithFile("lib"+ID+".so", []byte(Evil))), jpl.JamiOK},
		{"two-files-one-place-folder", "H1", jpl.Code(bundle.CodeDuplicateName), build(WithFile("lib"+ID+".so/x", []byte(Evil))), jpl.JamiOK},
		{"two-files-one-place-elsewhere", "H1", jpl.Code(bundle.CodeDuplicateName), build(WithFile("data/x64-windows/a.dll", []byte("a")), WithFile("lib/x64-windows/a.dll", []byte(Evil))), jpl.JamiOK},
		{"locale-list", "H12", jpl.CodeLocaleInvalid, build(WithFile(locale, []byte(`[]`))), jpl.JamiOK},
		{"locale-key-twice", "H12", jpl.CodeLocaleInvalid, build(WithFile(locale, []byte(`{"name":"a","name":"b"}`))), jpl.JamiOK},
		{"locale-nested", "H12", jpl.CodeLocaleInvalid, build(WithFile(locale, []byte(`{"name":{"a":"b"}}`))), jpl.JamiOK},
		{"locale-grows", "H12", jpl.CodeLocaleInvalid, build(With("description", strings.Repeat("{{blur}}", 1000)), WithFile(locale, []byte(`{"blur":"`+strings.Repeat("x", 10000)+`"}`))), jpl.JamiOK},
		{"preferences-object", "", jpl.CodePreferencesInvalid, build(WithFile("data/preferences.json", []byte(`{}`))), jpl.JamiOK},
		{"preferences-no-key", "", jpl.CodePreferencesInvalid, build(WithFile("data/accountpreferences.json", []byte(`[{"type":"Switch"}]`))), jpl.JamiOK},
	}
}

// withIDAlone sets the id of manifest and certificate, not that of other files.
func withIDAlone(id string) Edit {
	return func(a *Archive) {
		With("id", id)(a)
		a.ID = id
	}
}

func hostileChains() []Case {
	by := func(s *Signer) []byte { return Good(By(s)).Build() }
	org := Organization()
	chain := Publisher().Chain
	file := func(list ...*x509.Certificate) []byte {
		a := Good()
		a.Certificate = bundletest.ChainPEM(list...)
		return a.Build()
	}
	under := func(c Certificate) []byte {
		c.Subject, c.Key = "Acme Gardens", org.Key
		c.Issuer = Root()
		return by((&Issuer{c.Make(), org.Key}).Certify(ID, LeafKey()))
	}
	self := Certificate{Subject: ID, Key: OtherKey()}.Make()
	past := Now().AddDate(0, 0, -1)
	leaf := Certificate{Subject: ID, Key: LeafKey()}
	with := func(change func(c *Certificate)) []byte {
		c := leaf
		change(&c)
		return by(org.Issue(c))
	}
	broken := bytes.Replace(bundletest.ChainPEM(chain...), []byte("MII"), []byte("M!I"), 1)
	return []Case{
		{"self-signed", "H4", jpl.CodeChainUntrusted, by(&Signer{OtherKey(), []*x509.Certificate{self}}), jpl.JamiCertificate},
		{"stranger", "H4", jpl.CodeChainUntrusted, by(Stranger()), jpl.JamiCertificate},
		{"leaf-alone", "", jpl.CodeChainUntrusted, file(chain[0]), jpl.JamiCertificate},
		{"chain-reversed", "", jpl.CodeChainInvalid, file(chain[1], chain[0]), jpl.JamiCertificate},
		{"chain-foreign-issuer", "", jpl.CodeChainInvalid, file(chain[0], NewOrganization("Other Gardens").Certificate), jpl.JamiCertificate},
		{"chain-broken-block", "", jpl.CodeChainInvalid, withCertificate(broken), jpl.JamiCertificate},
		{"chain-key-in-it", "", jpl.CodeChainInvalid, withCertificate(append(bundletest.ChainPEM(chain...), bundletest.KeyPEM(ECKey())...)), jpl.JamiOK},
		{"chain-no-certificate", "", jpl.CodeChainInvalid, withCertificate([]byte("none")), jpl.JamiCertificate},
		{"authority-signs", "", jpl.CodeChainInvalid, by(&Signer{org.Key, []*x509.Certificate{org.Certificate}}), jpl.JamiOK},
		{"organization-no-authority", "", jpl.CodeChainInvalid, under(Certificate{}), jpl.JamiCertificate},
		{"organization-may-not-sign", "", jpl.CodeChainInvalid, under(Certificate{CA: true, KeyUsage: x509.KeyUsageDigitalSignature}), jpl.JamiCertificate},
		{"organization-v1", "H13", jpl.CodeChainInvalid, under(Certificate{V1: true}), jpl.JamiCertificate},
		{"organization-expired", "", jpl.CodeExpired, under(Certificate{CA: true, NotAfter: past}), jpl.JamiCertificate},
		{"leaf-of-leaf", "", jpl.CodeChainInvalid, by(leafOfLeaf()), jpl.JamiCertificate},
		{"leaf-expired", "", jpl.CodeExpired, with(func(c *Certificate) { c.NotAfter = past }), jpl.JamiCertificate},
		{"leaf-of-tomorrow", "", jpl.CodeExpired, with(func(c *Certificate) { c.NotBefore = Now().AddDate(0, 0, 1) }), jpl.JamiCertificate},
		{"leaf-v1", "H13", jpl.CodeChainInvalid, with(func(c *Certificate) { c.V1 = true }), jpl.JamiOK},
		{"leaf-serial-0", "H13", jpl.CodeChainInvalid, with(func(c *Certificate) { c.Serial = new(big.Int) }), jpl.JamiOK},
		{"leaf-rsa-1024", "", jpl.CodeWeakAlgorithm, with(func(c *Certificate) { c.Key = WeakKey() }), jpl.JamiCertificate},
		{"leaf-sha1", "", jpl.CodeWeakAlgorithm, with(func(c *Certificate) { c.SHA1 = true }), jpl.JamiCertificate},
		{"leaf-ec", "", jpl.CodeSignatureInvalid, with(func(c *Certificate) { c.Key = ECKey() }), jpl.JamiSignature},
	}
}

func withCertificate(data []byte) []byte {
	a := Good()
	a.Certificate = data
	return a.Build()
}

// leafOfLeaf is signed by a certificate that was issued by a leaf.
func leafOfLeaf() *Signer {
	between := Publisher()
	s := (&Issuer{between.Chain[0], between.Key}).Certify(ID, OtherKey())
	s.Chain = append(s.Chain, between.Chain[1])
	return s
}

func hostileSignatures() []Case {
	drop := func(names ...string) []byte {
		return sealed(func(z *bundletest.Archive) {
			for _, name := range names {
				z.Drop(name)
			}
		})
	}
	change := func(name string, data []byte) []byte {
		return sealed(func(z *bundletest.Archive) { z.At(name).Data = data })
	}
	items := func(edit func(items []Item) []Item, edits ...Edit) []byte {
		a := Good(edits...)
		a.Items = edit
		return a.Build()
	}
	written := func(edit func(data []byte) []byte) []byte {
		a := Good()
		a.Map = edit
		return a.Build()
	}
	without := func(name string) func(items []Item) []Item {
		return func(items []Item) []Item {
			return slices.DeleteFunc(items, func(i Item) bool { return i.Key == name })
		}
	}
	resign := func(sign func(item *Item)) func(items []Item) []Item {
		return func(items []Item) []Item {
			for i := range items {
				sign(&items[i])
			}
			return items
		}
	}
	key := LeafKey().(*rsa.PrivateKey)
	pss := func(i *Item) {
		i.Value = must(rsa.SignPSS(rand.Reader, key, crypto.SHA512, make([]byte, 64), nil))
	}
	short := func(i *Item) {
		sum := sha256.Sum256(Good().Files[i.Key])
		i.Value = must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:]))
	}
	return []Case{
		{"not-signed", "", jpl.CodeUnsigned, drop(ID+".crt", "signatures", "signatures.sig"), jpl.JamiCertificate},
		{"certificate-of-other-id", "", jpl.CodeIdentityMismatch, sealed(func(z *bundletest.Archive) { z.At(ID + ".crt").Name = "Other.crt" }), jpl.JamiCertificate},
		{"no-signatures", "", jpl.CodeSignatureInvalid, drop("signatures", "signatures.sig"), jpl.JamiSignature},
		{"no-signatures-sig", "", jpl.CodeSignatureInvalid, drop("signatures.sig"), jpl.JamiSignature},
		{"signatures-changed", "", jpl.CodeSignatureInvalid, change("signatures", Signatures(nil)), jpl.JamiSignature},
		{"signed-by-another-key", "", jpl.CodeSignatureInvalid, Good(func(a *Archive) { a.Signer = &Signer{OtherKey(), a.Signer.Chain} }).Build(), jpl.JamiSignature},
		{"manifest-changed", "", jpl.CodeSignatureInvalid, change("manifest.json", Manifest("name", "Evil", "id", ID, "version", Version)), jpl.JamiSignature},
		{"library-changed", "", jpl.CodeSignatureInvalid, change(Library, []byte(Evil)), jpl.JamiSignature},
		{"file-not-signed", "", jpl.CodeEntryUnsigned, sealed(func(z *bundletest.Archive) {
			z.Entries = append(z.Entries, bundletest.Entry{Name: "fileNotSign.txt", Data: []byte(Evil)})
		}), jpl.JamiSignature},
		{"folder-not-signed", "", jpl.CodeEntryUnsigned, items(without("data/locale/"), In(Folders)), jpl.JamiSignature},
		{"file-missing", "", jpl.CodeEntryMissing, drop("data/icon.png"), jpl.JamiSignature},
		{"signature-pss", "", jpl.CodeSignatureInvalid, items(resign(pss)), jpl.JamiSignature},
		{"signature-sha256", "", jpl.CodeSignatureInvalid, items(resign(short)), jpl.JamiSignature},
		{"signature-empty", "", jpl.CodeSignatureInvalid, items(resign(func(i *Item) { i.Value = nil })), jpl.JamiSignature},
		{"certificate-signed", "", jpl.CodeSignatureInvalid, items(func(items []Item) []Item {
			return append(items, Item{ID + ".crt", Publisher().Sign(bundletest.ChainPEM(Publisher().Chain...))})
		}), jpl.JamiOK},
		{"map-trailing-byte", "", jpl.CodeSignatureInvalid, written(func(data []byte) []byte { return append(data, 0xc0) }), jpl.JamiOK},
		{"map-key-twice", "", jpl.CodeSignatureInvalid, items(func(items []Item) []Item { return append(items, items[0]) }), jpl.JamiOK},
		{"map-is-a-list", "", jpl.CodeSignatureInvalid, written(func(data []byte) []byte { data[0] ^= 0x10; return data }), jpl.JamiSignature},
		{"map-cut", "", jpl.CodeSignatureInvalid, written(func(data []byte) []byte { return data[:len(data)-1] }), jpl.JamiSignature},
		{"map-count-lies", "", jpl.CodeSignatureInvalid, written(func(data []byte) []byte {
			return append([]byte{0xdf, 0xff, 0xff, 0xff, 0xff}, data[1:]...)
		}), jpl.JamiSignature},
	}
}
