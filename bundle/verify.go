package bundle

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/internal/jarsign"
	"github.com/jackfield-host/jackfield/sdk"
)

// Where a bundle says what it is, beside its manifest.
const (
	// TypesName is the entry that declares request and response types.
	TypesName = "META-INF/extension/types.json"
	// ConfigSchemaName is the entry with the JSON Schema of the configuration.
	ConfigSchemaName = "META-INF/extension/config.schema.json"
)

// maxDescription bounds what is held in memory of one describing entry.
const maxDescription = 4 << 20

// Verified is a bundle that was read to its last byte and found sound, its signature
// included if it has one. Only Verify and
// VerifyRecorded fill one in; of the zero value Valid is false and nothing else may be asked. It
// stays usable after its File is closed, except for Unpack.
//
// Signed is what proves who made the bundle; whether they may was not judged.
type Verified struct {
	file      *File
	manifest  *Manifest
	types     []sdk.Type
	hasTypes  bool
	schema    json.RawMessage
	digest    string
	sums      [][sha256.Size]byte // of the data of each entry
	more      moreSums
	platforms []platform
	signature Signature
	signed    *Signed // nil: unsigned
	warnings  []string
}

// Verify reads all of f once: the data and CRC of every entry, the signature, and only
// then what it covers: the manifest, the declared types, the schema of the
// configuration. An error is an *Error, or that of ctx.
func Verify(ctx context.Context, f *File) (*Verified, error) {
	v, signature, err := examine(ctx, f)
	if signature != nil {
		return nil, signature
	}
	if err != nil {
		return nil, err
	}
	return v, nil
}

// examine is Verify for those who go on where the signature is wrong: what is wrong
// with it comes apart from what is wrong behind it.
func examine(ctx context.Context, f *File) (v *Verified, signature, err error) {
	v = &Verified{file: f, sums: make([][sha256.Size]byte, len(f.entries)), more: moreSums{}, warnings: []string{}}
	held := holdTexts(f)
	var asked map[string][]crypto.Hash
	if held.files.SignatureFile != "" {
		asked = f.sumsAsked()
	}
	digest, err := f.readAll(ctx, func(i int, r io.Reader) error {
		e := &f.entries[i]
		sum := newSummer(asked[e.Name])
		dst := io.Writer(sum)
		if text := held.of(e); text != nil {
			dst = io.MultiWriter(sum, text)
		}
		if _, err := io.Copy(dst, r); err != nil {
			return err
		}
		sum.sha256.Sum(v.sums[i][:0])
		if sum.more != nil {
			v.more[e.Name] = sum.sums()
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	v.digest = "sha256:" + hex.EncodeToString(digest[:])
	signature, err = v.describe(held)
	return v, signature, err
}

// describe fills in what the describing entries say: first of all the signature, whose
// fault comes apart from the others.
func (v *Verified) describe(held *heldTexts) (signature, err error) {
	if held.manifest == nil {
		return nil, refuse(CodeNoManifest, "", "there is no %s", manifestName)
	}
	if err := held.manifest.check(CodeManifestInvalid); err != nil {
		return nil, err
	}
	signature = v.readSignature(held)
	if err := v.readManifest(held); err != nil {
		return signature, err
	}
	if err := v.readDescriptions(held); err != nil {
		return signature, err
	}
	v.platforms = findPlatforms(v.file, v.manifest)
	v.lookAround()
	return signature, nil
}

// ReadAll reads the whole file once, from front to back, and calls visit with the data of
// every entry, in the order of Entries. The data ends as that of OpenEntry does; visit reads
// it to its end. Besides the errors of visit there are *Error for what is wrong with the
// data, and that of ctx. digest is the SHA-256 of the whole file.
//
// It is for readers of other formats in the same container; bundles have Verify.
func (f *File) ReadAll(ctx context.Context, visit func(e Entry, r io.Reader) error) (digest [sha256.Size]byte, err error) {
	return f.readAll(ctx, func(i int, r io.Reader) error { return visit(f.entries[i].Entry, r) })
}

// readAll reads the whole file from front to back, hashing it, and calls visit with
// the data of every entry, which visit reads to its end.
func (f *File) readAll(ctx context.Context, visit func(i int, r io.Reader) error) (digest [sha256.Size]byte, err error) {
	sum := sha256.New()
	src := io.TeeReader(&contextReader{ctx, io.NewSectionReader(f.r, 0, f.size)}, sum)
	br := bufio.NewReaderSize(src, 64<<10)
	pos := int64(0)
	skipTo := func(at int64) error {
		n, err := io.CopyN(io.Discard, br, at-pos)
		pos += n
		return shrunk(err)
	}
	var u unpacker
	for i := range f.entries {
		e := &f.entries[i]
		if err = skipTo(e.dataAt); err == nil {
			err = visit(i, u.open(e, br))
			pos += e.CompressedSize
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = skipTo(f.size)
	}
	if ctx.Err() != nil {
		return digest, fmt.Errorf("reading the bundle: %w", context.Cause(ctx))
	}
	if err != nil {
		return digest, unreadable(err)
	}
	sum.Sum(digest[:0])
	return digest, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// heldTexts are the entries that are held in memory.
type heldTexts struct {
	manifest, types, schema *heldText

	// The signature: its files, or why they can be none.
	files                         jarsign.Files
	noSignature                   error
	signatureFile, block, staples *heldText
}

type heldText struct {
	bytes.Buffer
	name      string
	size, max int64
}

// holdTexts says which entries of f are held.
func holdTexts(f *File) *heldTexts {
	t := &heldTexts{}
	t.files, _, t.noSignature = f.findSignature()
	return t
}

// of returns where to keep the data of e, nil for nowhere. What is too long is not
// kept; its size is judged later.
func (t *heldTexts) of(e *entry) io.Writer {
	slot, limit := &t.manifest, int64(maxDescription)
	switch {
	case e.Dir:
		return nil
	case isManifestName(e.Name):
	case e.Name == TypesName:
		slot = &t.types
	case e.Name == ConfigSchemaName:
		slot = &t.schema
	case e.Name == t.files.SignatureFile:
		slot, limit = &t.signatureFile, jarsign.MaxSignatureFile
	case e.Name == t.files.Block:
		slot, limit = &t.block, jarsign.MaxBlock
	case e.Name == t.files.Staples:
		slot, limit = &t.staples, jarsign.MaxStaples
	default:
		return nil
	}
	*slot = &heldText{name: e.Name, size: e.Size, max: limit}
	if e.Size > limit {
		return nil
	}
	return *slot
}

// check refuses a text that was too long to keep.
func (t *heldText) check(code Code) error {
	if t.size > t.max {
		return refuse(code, t.name, "it has %d bytes, more than the %d allowed", t.size, t.max)
	}
	return nil
}

// about names the entry in an error of a parser that knows only its bytes.
func (t *heldText) about(err error) error {
	if e, ok := err.(*Error); ok {
		named := *e
		named.Entry = t.name
		return &named
	}
	return err
}

func (v *Verified) readManifest(t *heldTexts) error {
	m, warnings, err := ParseManifest(t.manifest.Bytes())
	if err != nil {
		return t.manifest.about(err)
	}
	v.manifest = m
	v.warnings = append(v.warnings, warnings...)
	return nil
}

func (v *Verified) readDescriptions(t *heldTexts) error {
	if t.types != nil {
		if err := t.types.check(CodeTypesInvalid); err != nil {
			return err
		}
		types, err := ParseTypes(t.types.Bytes(), v.manifest)
		if err != nil {
			return t.types.about(err)
		}
		v.types, v.hasTypes = types, true
	}
	if t.schema != nil {
		if err := t.schema.check(CodeSchemaInvalid); err != nil {
			return err
		}
		if err := ParseConfigSchema(t.schema.Bytes()); err != nil {
			return t.schema.about(err)
		}
		v.schema = t.schema.Bytes()
	}
	return nil
}

// lookAround adds warnings about what is legal and probably not meant.
func (v *Verified) lookAround() {
	entries := v.file.entries
	first := 0
	if len(entries) > 1 && strings.EqualFold(entries[0].Name, "META-INF/") {
		first = 1
	}
	if !isManifestName(entries[first].Name) {
		v.warnings = append(v.warnings, fmt.Sprintf("%s is not the first file of the archive: readers of streams, like Java's JarInputStream, do not find it", manifestName))
	}
	for i := range entries {
		name := entries[i].Name
		for _, known := range []string{manifestName, TypesName, ConfigSchemaName} {
			switch {
			case name == known || !strings.EqualFold(name, known):
			case known == manifestName:
				v.warnings = append(v.warnings, fmt.Sprintf("the manifest is named %s; write %s", quote(name), known))
			default:
				v.warnings = append(v.warnings, fmt.Sprintf("%s is ignored: the name must be %s", quote(name), known))
			}
		}
	}
}

// Valid is true for what Verify returned and false for the zero value and nil.
func (v *Verified) Valid() bool { return v != nil && v.manifest != nil }

// Manifest is the label of the bundle. It is shared: do not change it.
func (v *Verified) Manifest() *Manifest { return v.manifest }

// HasTypes reports whether the bundle declares types. One that does not accepts
// exactly its manifest's request type and answers its response type.
func (v *Verified) HasTypes() bool { return v.hasTypes }

// Types are the declared types in the order of types.json, empty without it.
func (v *Verified) Types() []sdk.Type { return slices.Clone(v.types) }

// ConfigSchema is the JSON Schema of the configuration, nil when there is none.
func (v *Verified) ConfigSchema() json.RawMessage { return bytes.Clone(v.schema) }

// Digest is the SHA-256 of the whole file as "sha256:<hex>". It identifies a bundle.
func (v *Verified) Digest() string { return v.digest }

// Size is the size of the whole file in bytes.
func (v *Verified) Size() int64 { return v.file.size }

// Signature is what is known of the signature.
func (v *Verified) Signature() Signature { return v.signature.clone() }

// Warnings are sentences about what is legal and probably not meant, never nil.
func (v *Verified) Warnings() []string { return slices.Clone(v.warnings) }

// EntrySHA256 is the SHA-256 of the data of an entry, unpacked.
func (v *Verified) EntrySHA256(name string) (sum [sha256.Size]byte, ok bool) {
	i, ok := v.file.byName[name]
	if !ok {
		return sum, false
	}
	return v.sums[i], true
}
