// Package jpltest makes .jpl archives in memory, good and bad ones, and those who sign them.
// Good is an archive that jpl.Verify takes under Roots, in either of the two styles in which
// they are found; Hostile has those that are refused, each with its code.
//
// What it writes is not made by the package jpl, so that a mistake there does not hide
// itself. It panics where it is used wrongly: it is for tests only. Keys are slow to make,
// so each is made once in a process.
package jpltest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// ID and Version are those of Good.
const (
	ID      = "Greenery"
	Version = "1.0.1"
)

// Style is how an archive is written.
type Style int

// The styles. Plain has every entry stored and none for folders, as Jami's own tool writes;
// Folders has them deflated, and an entry for each folder, which is signed, too.
const (
	Plain Style = iota
	Folders
)

// Item is one item of the file signatures.
type Item struct {
	Key   string
	Value []byte
}

// Archive is a .jpl to be. Build signs it and writes it.
type Archive struct {
	Style  Style
	Signer *Signer
	// ID names the certificate's entry.
	ID string
	// Files are the content, manifest.json among it, by name.
	Files map[string][]byte

	// Certificate is <id>.crt; nil is the signer's chain.
	Certificate []byte
	// Items change what is signed, Map the bytes that say so before they are signed
	// themselves, Sealed the whole archive when it is signed.
	Items  func(items []Item) []Item
	Map    func(data []byte) []byte
	Sealed func(z *bundletest.Archive)
}

// Edit changes an archive before it is signed.
type Edit func(a *Archive)

// Good returns an archive that jpl.Verify takes: the id and version above, texts in English
// and French of Canada, a library for x86_64-linux-gnu, a picture.
func Good(edits ...Edit) *Archive {
	a := &Archive{
		Signer: Publisher(), ID: ID,
		Files: map[string][]byte{
			"manifest.json":                         Manifest("name", "{{name}}", "id", ID, "description", "{{description}}", "version", Version),
			"data/locale/" + ID + "_en.json":        []byte(`{"name":"Greenery","description":"Puts *plants* behind you.","blur":"Blur"}`),
			"data/locale/" + ID + "_fr_CA.json":     []byte(`{"name":"Verdure","description":"Met des *plantes* derrière vous.","blur":"Flou"}`),
			"data/preferences.json":                 []byte(`[{"type":"List","key":"plant","title":"{{blur}}","defaultValue":"0","entries":["fern","ivy"],"entryValues":["0","1"]}]`),
			"data/icon.png":                         PNG(),
			"lib/x86_64-linux-gnu/lib" + ID + ".so": []byte("\x7fELF of " + ID),
		},
	}
	for _, edit := range edits {
		edit(a)
	}
	return a
}

// Manifest writes manifest.json of names and values.
func Manifest(pairs ...string) []byte {
	members := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		members[pairs[i]] = pairs[i+1]
	}
	return must(json.MarshalIndent(members, "", "    "))
}

// With sets a member of manifest.json.
func With(name, value string) Edit {
	return func(a *Archive) {
		members := map[string]string{}
		if err := json.Unmarshal(a.Files["manifest.json"], &members); err != nil {
			panic(err)
		}
		members[name] = value
		a.Files["manifest.json"] = must(json.MarshalIndent(members, "", "    "))
	}
}

// WithID makes an archive one of another id, with its library and its translations.
func WithID(id string) Edit {
	return func(a *Archive) {
		With("id", id)(a)
		files := map[string][]byte{}
		for name, data := range a.Files {
			files[strings.ReplaceAll(name, a.ID, id)] = data
		}
		a.ID, a.Files = id, files
	}
}

// WithFile adds a file, or replaces one.
func WithFile(name string, data []byte) Edit {
	return func(a *Archive) { a.Files[name] = data }
}

// Without takes a file out.
func Without(name string) Edit {
	return func(a *Archive) { delete(a.Files, name) }
}

// In sets the style.
func In(s Style) Edit { return func(a *Archive) { a.Style = s } }

// By sets who signs.
func By(s *Signer) Edit { return func(a *Archive) { a.Signer = s } }

// Build signs the archive and writes it.
func (a *Archive) Build() []byte {
	z := &bundletest.Archive{}
	for _, name := range a.names() {
		z.Entries = append(z.Entries, bundletest.Entry{Name: name, Data: a.Files[name], Stored: a.Style == Plain || strings.HasSuffix(name, "/")})
	}
	var items []Item
	for _, e := range z.Entries {
		items = append(items, Item{e.Name, a.Signer.Sign(e.Data)})
	}
	if a.Items != nil {
		items = a.Items(items)
	}
	data := Signatures(items)
	if a.Map != nil {
		data = a.Map(data)
	}
	certificate := a.Certificate
	if certificate == nil {
		certificate = bundletest.ChainPEM(a.Signer.Chain...)
	}
	for _, e := range []bundletest.Entry{
		{Name: a.ID + ".crt", Data: certificate}, {Name: "signatures", Data: data}, {Name: "signatures.sig", Data: a.Signer.Sign(data)},
	} {
		e.Stored = a.Style == Plain
		z.Entries = append(z.Entries, e)
	}
	if a.Sealed != nil {
		a.Sealed(z)
	}
	return z.Build()
}

// names lists the entries of the content, the folders included that have one.
func (a *Archive) names() []string {
	names := slices.Collect(maps.Keys(a.Files))
	if a.Style == Folders {
		for name := range a.Files {
			for i := range len(name) {
				if name[i] == '/' && i < len(name)-1 {
					names = append(names, name[:i+1])
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Signatures writes the file signatures in the types that Jami's tool uses.
func Signatures(items []Item) []byte {
	n := len(items)
	out := []byte{0x80 | byte(n)}
	if n > 15 {
		out = binary.BigEndian.AppendUint16([]byte{0xde}, uint16(n))
	}
	for _, item := range items {
		switch n := len(item.Key); {
		case n < 32:
			out = append(out, 0xa0|byte(n))
		case n < 256:
			out = append(out, 0xd9, byte(n))
		default:
			out = binary.BigEndian.AppendUint16(append(out, 0xda), uint16(n))
		}
		out = append(out, item.Key...)
		out = binary.BigEndian.AppendUint16(append(out, 0xc5), uint16(len(item.Value)))
		out = append(out, item.Value...)
	}
	return out
}

// Sign signs data as Jami's tool does: RSA with PKCS #1 v1.5 and SHA-512. A signer with
// another key signs nothing that would verify.
func (s *Signer) Sign(data []byte) []byte {
	sum := sha512.Sum512(data)
	if key, ok := s.Key.(*rsa.PrivateKey); ok {
		return must(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA512, sum[:]))
	}
	return must(s.Key.Sign(rand.Reader, sum[:], crypto.SHA512))
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
