package bundletest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // weak on purpose
	"encoding/base64"
	"strings"

	"github.com/smallstep/pkcs7"

	"github.com/jackfield-host/jackfield/bundle"
)

// The files of a signature that Seal makes.
const (
	sealedSF    = "META-INF/SIGNER.SF"
	sealedBlock = "META-INF/SIGNER.EC"
)

// Forged returns signed bundles that are refused under bundle.DefaultLimits: changed
// after they were signed, signed wrongly, weakly or only in part. Names are unique, also
// beside those of Hostile, and fit to be file names. Each call makes new keys.
func Forged() []Case {
	f := forger{NewSigner("hello.example", "examples.hello.HelloExtension", nil)}
	var list []Case
	for _, group := range [][]Case{f.tampered(), f.files(), f.sections(), f.digests(), f.signatureFiles(), f.blocks(), f.editedBlocks(), f.names()} {
		list = append(list, group...)
	}
	return list
}

type forger struct{ signer *Signer }

// after is a soundly signed archive that was changed afterwards.
func (f forger) after(name string, code bundle.Code, entry string, change func(a *Archive)) Case {
	a := NewSeal(f.signer).Build()
	change(a)
	return Case{Name: "signed-" + name, Code: code, Entry: entry, Bytes: a.Build()}
}

// sealed is an archive whose signature was made after change.
func (f forger) sealed(name string, code bundle.Code, entry string, change func(s *Seal)) Case {
	s := NewSeal(f.signer)
	change(s)
	return Case{Name: "signed-" + name, Code: code, Entry: entry, Bytes: s.Build().Build()}
}

// tampered are what others did to signed archives: every row of the tables of attacks.
func (f forger) tampered() []Case {
	add := func(name string) func(*Archive) {
		return func(a *Archive) { a.Entries = append(a.Entries, Entry{Name: name, Data: []byte("evil\n")}) }
	}
	const invalid = bundle.CodeSignatureInvalid
	return []Case{
		f.after("entry-added", bundle.CodeEntryUnsigned, "evil.txt", add("evil.txt")),
		f.after("entry-added-to-services", bundle.CodeEntryUnsigned, "META-INF/services/evil", add("META-INF/services/evil")),
		f.after("entry-added-to-meta-inf", bundle.CodeEntryUnsigned, "META-INF/services.txt", add("META-INF/services.txt")),
		f.after("executable-added", bundle.CodeEntryUnsigned, "bin/linux-arm64/extension", add("bin/linux-arm64/extension")),
		f.after("types-added", bundle.CodeEntryUnsigned, bundle.TypesName, add(bundle.TypesName)),
		f.after("slip-added", bundle.CodeUnsafePath, "../evil", add("../evil")),
		f.after("twin-behind", bundle.CodeDuplicateName, extraEntry, add(extraEntry)),
		f.after("twin-in-front", bundle.CodeDuplicateName, extraEntry, func(a *Archive) {
			a.Entries = append([]Entry{{Name: extraEntry, Data: []byte("evil\n")}}, a.Entries...)
		}),
		f.after("entry-removed", bundle.CodeEntryMissing, extraEntry, func(a *Archive) { a.Drop(extraEntry) }),
		f.after("executable-removed", bundle.CodeEntryMissing, program, func(a *Archive) { a.Drop(program) }),
		f.after("entry-now-a-folder", bundle.CodeEntryMissing, extraEntry, func(a *Archive) { *a.At(extraEntry) = Entry{Name: extraEntry + "/", Stored: true} }),
		f.after("entry-renamed", bundle.CodeEntryUnsigned, "data/X.txt", func(a *Archive) { a.At(extraEntry).Name = "data/X.txt" }),
		f.after("entry-changed", invalid, extraEntry, func(a *Archive) { a.At(extraEntry).Data = []byte("Signed\n") }),
		f.after("entry-emptied", invalid, extraEntry, func(a *Archive) { a.At(extraEntry).Data = nil }),
		f.after("entries-swapped", invalid, "META-INF/services/x", func(a *Archive) {
			x, y := a.At(extraEntry), a.At("META-INF/services/x")
			x.Data, y.Data = y.Data, x.Data
		}),
		f.after("main-attribute-changed", invalid, manifestEntry, func(a *Archive) {
			a.Entries[0].Data = bytes.Replace(a.Entries[0].Data, []byte("HelloRequest"), []byte("EvilRequest_"), 1)
		}),
		f.after("main-attribute-added", invalid, manifestEntry, func(a *Archive) {
			a.Entries[0].Data = append([]byte("extension_permissions: kv\r\n"), a.Entries[0].Data...)
		}),
		f.after("section-appended", invalid, manifestEntry, func(a *Archive) {
			add("evil.txt")(a)
			a.Entries[0].Data = append(a.Entries[0].Data, NewSeal(f.signer).section("evil.txt", []byte("evil\n"))...)
		}),
		f.after("manifest-of-another", invalid, manifestEntry, func(a *Archive) { a.Entries[0].Data = GoodManifest() }),
		f.after("line-end-appended-to-manifest", invalid, manifestEntry, func(a *Archive) { a.Entries[0].Data = append(a.Entries[0].Data, "\r\n"...) }),
		f.after("second-manifest", bundle.CodeMultipleManifest, manifestEntry, func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: manifestEntry, Data: GoodManifest(With("extension_class", "evil.Extension"))})
		}),
		f.after("second-manifest-lower-case", bundle.CodeMultipleManifest, "META-INF/manifest.mf", func(a *Archive) {
			a.Entries = append(a.Entries, Entry{Name: "META-INF/manifest.mf", Data: GoodManifest()})
		}),
		f.after("janus", bundle.CodePrefixData, "", func(a *Archive) { a.Prefix = []byte("dex\n035\x00 and more") }),
		f.after("comment", bundle.CodeTrailingData, "", func(a *Archive) { a.End = func(e *End) { e.Comment = "evil" } }),
		f.after("local-name-differs", bundle.CodeLocalMismatch, extraEntry, func(a *Archive) {
			a.At(extraEntry).Local = func(h *Header) { h.Name = "data/y.txt" }
		}),
		f.after("executable-a-symlink", bundle.CodeSpecialFile, program, func(a *Archive) {
			a.At(program).Central = func(h *Header) { h.MadeBy, h.Attributes = 3<<8|20, 0o120777<<16 }
		}),
	}
}

// files are signatures of which a part is gone, or there are two.
func (f forger) files() []Case {
	const invalid = bundle.CodeSignatureInvalid
	rename := func(from, to string) func(*Archive) { return func(a *Archive) { a.At(from).Name = to } }
	copyTo := func(from, to string) func(*Archive) {
		return func(a *Archive) { a.Entries = append(a.Entries, Entry{Name: to, Data: a.At(from).Data}) }
	}
	add := func(name, data string) func(*Archive) {
		return func(a *Archive) { a.Entries = append(a.Entries, Entry{Name: name, Data: []byte(data)}) }
	}
	return []Case{
		f.after("block-stripped", invalid, "", func(a *Archive) { a.Drop(sealedBlock) }),
		f.after("signature-file-stripped", invalid, "", func(a *Archive) { a.Drop(sealedSF) }),
		f.after("block-empty", invalid, sealedBlock, func(a *Archive) { a.At(sealedBlock).Data = nil }),
		f.after("block-renamed", invalid, "META-INF/OTHER.EC", rename(sealedBlock, "META-INF/OTHER.EC")),
		f.after("block-in-a-folder", invalid, "", rename(sealedBlock, "META-INF/sub/SIGNER.EC")),
		f.after("dsa", bundle.CodeWeakAlgorithm, "META-INF/SIGNER.DSA", rename(sealedBlock, "META-INF/SIGNER.DSA")),
		f.after("second-block", invalid, "META-INF/SIGNER.RSA", copyTo(sealedBlock, "META-INF/SIGNER.RSA")),
		f.after("second-signature-file", invalid, "META-INF/OTHER.SF", copyTo(sealedSF, "META-INF/OTHER.SF")),
		f.after("second-signature-file-other-case", bundle.CodeDuplicateName, "META-INF/signer.sf", copyTo(sealedSF, "META-INF/signer.sf")),
		f.after("second-signer", invalid, "META-INF/OTHER.SF", func(a *Archive) {
			copyTo(sealedSF, "META-INF/OTHER.SF")(a)
			copyTo(sealedBlock, "META-INF/OTHER.EC")(a)
		}),
		f.after("signature-file-in-a-folder", bundle.CodeEntryUnsigned, "META-INF/sub/SIGNER.SF", copyTo(sealedSF, "META-INF/sub/SIGNER.SF")),
		f.after("signature-file-elsewhere", bundle.CodeEntryUnsigned, "data/SIGNER.SF", copyTo(sealedSF, "data/SIGNER.SF")),
		f.after("staple-of-another", invalid, "META-INF/SIG-OTHER.OCR", add("META-INF/SIG-OTHER.OCR", "\x30\x00")),
		f.after("staple-no-der", invalid, "META-INF/SIG-SIGNER.OCR", add("META-INF/SIG-SIGNER.OCR", "\x30\x00evil")),
		f.after("staple-too-many", invalid, "META-INF/SIG-SIGNER.OCR", add("META-INF/SIG-SIGNER.OCR", strings.Repeat("\x30\x00", 9))),
		f.after("staple-too-large", invalid, "META-INF/SIG-SIGNER.OCR", add("META-INF/SIG-SIGNER.OCR", strings.Repeat("\x30\x00", 40<<10))),
		f.after("sig-file-added", invalid, "META-INF/sig-evil.txt", add("META-INF/sig-evil.txt", "evil")),
		{Name: "signed-by-a-staple-only", Code: invalid, Bytes: Good(WithFile("META-INF/SIG-X.OCR", []byte("\x30\x00")))},
	}
}

// sections are manifests that say something odd, soundly signed.
func (f forger) sections() []Case {
	manifest := func(name string, code bundle.Code, entry string, change func(string) string) Case {
		return f.sealed("manifest-"+name, code, entry, func(s *Seal) { s.Manifest = change })
	}
	const invalid = bundle.CodeSignatureInvalid
	section := NewSeal(f.signer).section
	appended := func(text string) func(string) string { return func(m string) string { return m + text } }
	instead := func(old, new string) func(string) string {
		return func(m string) string { return strings.Replace(m, old, new, 1) }
	}
	return []Case{
		manifest("section-twice", invalid, manifestEntry, appended(section(extraEntry, []byte("signed\n")))),
		manifest("section-twice-other-digest", invalid, manifestEntry, appended(section(extraEntry, []byte("evil\n")))),
		manifest("digest-twice", invalid, manifestEntry, func(m string) string {
			return strings.TrimSuffix(m, "\r\n") + "sha-256-digest: " + NewSeal(f.signer).sum([]byte("evil")) + "\r\n\r\n"
		}),
		manifest("main-attribute-twice", invalid, manifestEntry, instead("extension_class", "Built-By: a\r\nBuilt-By: b\r\nextension_class")),
		manifest("section-without-digest", bundle.CodeEntryUnsigned, "data/other", appended("Name: data/other\r\nContent-Type: text/plain\r\n\r\n")),
		manifest("section-of-nothing", bundle.CodeEntryMissing, "data/gone", appended(section("data/gone", nil))),
		manifest("section-of-folder-with-digest", invalid, manifestEntry, appended(section("data/", nil))),
		manifest("section-of-manifest", invalid, manifestEntry, appended(section(manifestEntry, nil))),
		manifest("section-of-block", invalid, manifestEntry, appended(section(sealedBlock, nil))),
		manifest("magic", invalid, manifestEntry, func(m string) string { return strings.TrimSuffix(m, "\r\n") + "Magic: x\r\n\r\n" }),
		manifest("digest-in-a-language", invalid, manifestEntry, func(m string) string {
			return strings.TrimSuffix(m, "\r\n") + "SHA-256-Digest-fr: x\r\n\r\n"
		}),
		manifest("section-without-name", bundle.CodeManifestInvalid, manifestEntry, appended("Other: x\r\n\r\n")),
		manifest("line-without-colon", bundle.CodeManifestInvalid, manifestEntry, appended("evil\r\n\r\n")),
		manifest("attribute-invalid", bundle.CodeManifestInvalid, manifestEntry, instead("extension_version: 1.0.0", "extension_version: one")),
		manifest("attribute-in-section", bundle.CodeManifestInvalid, manifestEntry, func(m string) string {
			return strings.TrimSuffix(m, "\r\n") + "extension_id: evil\r\n\r\n"
		}),
	}
}

// digests are too weak, or not what they say.
func (f forger) digests() []Case {
	const invalid, weak = bundle.CodeSignatureInvalid, bundle.CodeWeakAlgorithm
	extra := func(name string, code bundle.Code, entry, line string) Case {
		return f.sealed("digest-"+name, code, entry, func(s *Seal) {
			s.Manifest = func(m string) string { return strings.TrimSuffix(m, "\r\n") + line + "\r\n\r\n" }
		})
	}
	replaced := func(name string, code bundle.Code, entry, old, new string) Case {
		return f.sealed("digest-"+name, code, entry, func(s *Seal) {
			s.Manifest = func(m string) string { return strings.ReplaceAll(m, old, new) }
		})
	}
	sum512 := base64.StdEncoding.EncodeToString(make([]byte, 64))
	good := NewSeal(f.signer).sum([]byte("signed\n"))
	return []Case{
		f.sealed("digest-sha1", weak, sealedSF, func(s *Seal) { s.Digest, s.Sum = "SHA1", crypto.SHA1 }),
		f.sealed("digest-md5", weak, sealedSF, func(s *Seal) { s.Digest = "MD5" }),
		replaced("sha1-of-entries", weak, "META-INF/services/x", "SHA-256-Digest", "SHA1-Digest"),
		replaced("sha-1-of-entries", weak, "META-INF/services/x", "SHA-256-Digest", "SHA-1-Digest"),
		replaced("unknown", invalid, manifestEntry, "SHA-256-Digest", "SHA3-256-Digest"),
		replaced("not-base64", invalid, manifestEntry, good, "~"+good[1:]),
		replaced("loose-base64", invalid, manifestEntry, good, good[:42]+"/="),
		replaced("too-short", invalid, manifestEntry, good, good[:40]),
		extra("second-wrong", invalid, extraEntry, "SHA-512-Digest: "+sum512),
		extra("second-unknown", invalid, manifestEntry, "SHA-999-Digest: "+good),
	}
}

// signatureFiles say something odd, soundly signed.
func (f forger) signatureFiles() []Case {
	const invalid = bundle.CodeSignatureInvalid
	file := func(name string, code bundle.Code, entry string, change func(string) string) Case {
		return f.sealed("sf-"+name, code, entry, func(s *Seal) { s.SignatureFile = change })
	}
	instead := func(old, new string) func(string) string {
		return func(m string) string { return strings.Replace(m, old, new, 1) }
	}
	withoutSection := func(name string) func(string) string {
		return func(sf string) string {
			before, rest, _ := strings.Cut(sf, "Name: "+name+"\r\n")
			_, after, _ := strings.Cut(rest, "\r\n\r\n")
			return before + after
		}
	}
	wrong := base64.StdEncoding.EncodeToString(make([]byte, 32))
	wrongSection := func(sf string) string {
		return withoutSection(extraEntry)(sf) + "Name: " + extraEntry + "\r\nSHA-256-Digest: " + wrong + "\r\n\r\n"
	}
	wrongWhole := func(sf string) string {
		before, rest, _ := strings.Cut(sf, "SHA-256-Digest-Manifest: ")
		return before + "SHA-256-Digest-Manifest: " + wrong + rest[44:]
	}
	return []Case{
		file("version-missing", invalid, sealedSF, instead("Signature-Version: 1.0", "X-Version: 1.0")),
		file("version-2", invalid, sealedSF, instead("Signature-Version: 1.0", "Signature-Version: 2.0")),
		file("version-twice", invalid, sealedSF, instead("Signature-Version: 1.0", "Signature-Version: 1.0\r\nSignature-Version: 1.0")),
		// The JDK would go on with the sections, each of which is right.
		file("whole-digest-wrong", invalid, manifestEntry, wrongWhole),
		file("whole-digest-missing", invalid, sealedSF, instead("SHA-256-Digest-Manifest", "X-Manifest")),
		file("whole-digest-unknown", invalid, sealedSF, instead("SHA-256-Digest-Manifest", "SHA-224-256-Digest-Manifest")),
		file("whole-digest-weak", bundle.CodeWeakAlgorithm, sealedSF, instead("SHA-256-Digest-Manifest", "SHA1-Digest-Manifest")),
		file("main-digest-wrong", invalid, sealedSF, instead("\r\n\r\n", "\r\nSHA-256-Digest-Manifest-Main-Attributes: "+wrong+"\r\n\r\n")),
		file("section-missing", bundle.CodeEntryUnsigned, extraEntry, withoutSection(extraEntry)),
		file("all-sections-missing", bundle.CodeEntryUnsigned, "META-INF/services/x", func(sf string) string { return sf[:strings.Index(sf, "Name: ")] }),
		file("section-digest-wrong", invalid, sealedSF, wrongSection),
		file("section-of-nothing", invalid, sealedSF, func(sf string) string { return sf + "Name: data/gone\r\nSHA-256-Digest: " + wrong + "\r\n\r\n" }),
		file("section-twice", invalid, sealedSF, func(sf string) string { return sf + sf[strings.Index(sf, "Name: "):] }),
		file("section-digest-weak", bundle.CodeWeakAlgorithm, sealedSF, instead("SHA-256-Digest: ", "MD5-Digest: ")),
		file("section-without-digest", invalid, sealedSF, instead("SHA-256-Digest: ", "X-Digested: ")),
		file("section-digest-unknown", invalid, sealedSF, instead("SHA-256-Digest: ", "SHA-999-Digest: ")),
		file("magic", invalid, sealedSF, func(sf string) string { return strings.TrimSuffix(sf, "\r\n") + "Magic: x\r\n\r\n" }),
		file("byte-order-mark", invalid, sealedSF, func(sf string) string { return "\ufeff" + sf }),
		file("blank-line-first", invalid, sealedSF, func(sf string) string { return "\r\n" + sf }),
		file("line-too-long", invalid, sealedSF, instead("\r\n\r\n", "\r\nX: "+strings.Repeat("x", 600)+"\r\n\r\n")),
		file("empty", invalid, sealedSF, func(string) string { return "" }),
		f.after("sf-made-of-attributes", invalid, sealedSF, func(a *Archive) {
			a.At(sealedSF).Data, a.At(sealedBlock).Data = f.signer.AttributesBlock(a.At(sealedSF).Data)
		}),
		f.after("sf-changed", invalid, sealedBlock, func(a *Archive) { a.At(sealedSF).Data = append(a.At(sealedSF).Data, "\r\n"...) }),
	}
}

// blocks are CMS messages that are not what they should be.
func (f forger) blocks() []Case {
	const invalid, weak = bundle.CodeSignatureInvalid, bundle.CodeWeakAlgorithm
	block := func(name string, code bundle.Code, make func(sf []byte) []byte) Case {
		return f.sealed("block-"+name, code, sealedBlock, func(s *Seal) { s.Block = make })
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	return []Case{
		block("of-another-file", invalid, func(sf []byte) []byte { return f.signer.Block(append(sf, ' '), nil) }),
		block("no-message", invalid, func([]byte) []byte { return []byte("evil") }),
		block("cut", invalid, func(sf []byte) []byte { b := f.signer.Block(sf, nil); return b[:len(b)-1] }),
		block("followed-by-a-byte", invalid, func(sf []byte) []byte { return append(f.signer.Block(sf, nil), 0) }),
		block("too-large", invalid, func([]byte) []byte { return make([]byte, 300<<10) }),
		block("ber", invalid, func(sf []byte) []byte {
			b := f.signer.Block(sf, nil) // 30 82 hi lo …, of indefinite length instead
			return append(append([]byte{0x30, 0x80}, b[4:]...), 0, 0)
		}),
		block("attached", invalid, func(sf []byte) []byte { return finish(f.signer.signedData(sf, pkcs7.OIDDigestAlgorithmSHA256)) }),
		block("attached-other-content", invalid, func([]byte) []byte {
			return finish(f.signer.signedData([]byte("evil"), pkcs7.OIDDigestAlgorithmSHA256))
		}),
		block("sha1", weak, func(sf []byte) []byte {
			d := f.signer.signedData(sf, pkcs7.OIDDigestAlgorithmSHA1)
			d.Detach()
			return finish(d)
		}),
		block("rsa-1024", weak, func(sf []byte) []byte {
			return NewSigner("hello.example", "examples.hello.HelloExtension", small).Block(sf, nil)
		}),
		block("certificate-missing", invalid, func(sf []byte) []byte { return f.without(sf) }),
		block("unsigned-attribute", invalid, func(sf []byte) []byte {
			return f.configured(sf, pkcs7.SignerInfoConfig{ExtraUnsignedAttributes: []pkcs7.Attribute{{Type: []int{1, 2, 3}, Value: 1}}})
		}),
		block("timestamp-no-token", invalid, func(sf []byte) []byte {
			return f.configured(sf, pkcs7.SignerInfoConfig{ExtraUnsignedAttributes: []pkcs7.Attribute{{Type: []int{1, 2, 840, 113549, 1, 9, 16, 2, 14}, Value: 1}}})
		}),
		block("attribute-twice", invalid, func(sf []byte) []byte {
			return f.configured(sf, pkcs7.SignerInfoConfig{ExtraSignedAttributes: []pkcs7.Attribute{{Type: pkcs7.OIDAttributeContentType, Value: pkcs7.OIDData}}})
		}),
	}
}

// editedBlocks are messages of which one field is not what it should be.
func (f forger) editedBlocks() []Case {
	other := NewSigner("hello.example", "examples.hello.HelloExtension", nil)
	edited := func(name string, change func(d *pkcs7.SignedData)) Case {
		return f.sealed("block-"+name, bundle.CodeSignatureInvalid, sealedBlock, func(s *Seal) {
			s.Block = func(sf []byte) []byte { return f.signer.Block(sf, change) }
		})
	}
	return []Case{
		edited("two-signers", func(d *pkcs7.SignedData) { other.addTo(d, pkcs7.SignerInfoConfig{}) }),
		edited("certificate-too-many", func(d *pkcs7.SignedData) { d.AddCertificate(other.Leaf) }),
		edited("certificate-twice", func(d *pkcs7.SignedData) { d.AddCertificate(f.signer.Root) }),
		edited("no-attributes-signed", func(d *pkcs7.SignedData) { d.RemoveAuthenticatedAttributes() }),
		edited("elliptic-key-for-algorithm", func(d *pkcs7.SignedData) { // as relic writes it
			d.GetSignedData().SignerInfos[0].DigestEncryptionAlgorithm.Algorithm = []int{1, 2, 840, 10045, 2, 1}
		}),
		edited("other-digest-for-signer", func(d *pkcs7.SignedData) {
			d.GetSignedData().SignerInfos[0].DigestAlgorithm.Algorithm = pkcs7.OIDDigestAlgorithmSHA512
		}),
		edited("other-digest-for-message", func(d *pkcs7.SignedData) {
			d.GetSignedData().DigestAlgorithmIdentifiers[0].Algorithm = pkcs7.OIDDigestAlgorithmSHA512
		}),
		edited("value-changed", func(d *pkcs7.SignedData) { d.GetSignedData().SignerInfos[0].EncryptedDigest[20] ^= 1 }),
		edited("content-of-another-type", func(d *pkcs7.SignedData) { d.GetSignedData().ContentInfo.ContentType = pkcs7.OIDSignedData }),
		edited("version-3", func(d *pkcs7.SignedData) { d.GetSignedData().Version = 3 }),
		edited("signer-version-3", func(d *pkcs7.SignedData) { d.GetSignedData().SignerInfos[0].Version = 3 }),
	}
}

func (f forger) configured(sf []byte, config pkcs7.SignerInfoConfig) []byte {
	d, err := pkcs7.NewSignedData(sf)
	if err != nil {
		panic(err)
	}
	d.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	f.signer.addTo(d, config)
	d.Detach()
	return finish(d)
}

// without leaves out the signer's certificate, by signing as somebody whose is not there.
func (f forger) without(sf []byte) []byte {
	whole := f.configured(sf, pkcs7.SignerInfoConfig{})
	leaf := f.signer.Leaf.Raw
	at := bytes.Index(whole, leaf)
	other := NewSigner("hello.example", "examples.hello.HelloExtension", nil).Leaf.Raw
	if len(other) != len(leaf) {
		// A signature of another length would move everything behind it.
		return f.without(sf)
	}
	return append(append(append([]byte{}, whole[:at]...), other...), whole[at+len(leaf):]...)
}

// names are signatures under names that are reserved.
func (f forger) names() []Case {
	return []Case{
		f.sealed("name-reserved", bundle.CodeSignatureInvalid, "META-INF/SIG-X.SF", func(s *Seal) { s.Name = "SIG-X" }),
	}
}
