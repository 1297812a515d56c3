package jpl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/jpl/abi"
)

// The entries that have a meaning of their own.
const (
	manifestName      = "manifest.json"
	signaturesName    = "signatures"
	signaturesSigName = "signatures.sig"
	preferencesName   = "data/preferences.json"
	accountPrefsName  = "data/accountpreferences.json"
	localeFolder      = "data/locale/"
)

// The bounds of what is held in memory, in bytes.
const (
	maxManifest    = 64 << 10
	maxCertificate = 64 << 10
	maxSignatures  = 16 << 20
	maxSignature   = 1 << 10 // an RSA key of 8192 bits
	maxPreferences = 1 << 20
	maxLocale      = 256 << 10
	maxPicture     = 8 << 20
)

// The bounds of how many entries of a kind are held.
const (
	maxLocales      = 200
	maxCertificates = 16
)

// contents is what is in an archive.
type contents struct {
	file     *bundle.File
	digest   [sha256.Size]byte
	sums     map[string]*sums         // of every entry
	held     map[string][]byte        // the entries of heldLimit that are not over it
	placed   map[string]abi.Placement // of every file
	manifest manifest
	locales  map[string]map[string]string // by folded name
	texts    map[string]Text
	warnings []string
}

type sums struct {
	sha256 [sha256.Size]byte // to know it again
	sha512 [sha512.Size]byte // what is signed
}

// heldLimit says how much of an entry may be held in memory; 0 for those that are not.
func heldLimit(name string) int64 {
	switch {
	case name == manifestName:
		return maxManifest
	case name == signaturesName:
		return maxSignatures
	case name == signaturesSigName:
		return maxSignature
	case name == preferencesName, name == accountPrefsName:
		return maxPreferences
	case strings.HasPrefix(name, localeFolder):
		return maxLocale
	case path.Dir(name) == "." && strings.HasSuffix(name, ".crt"):
		return maxCertificate
	}
	return 0
}

// gather reads every entry once: its sums, and what describes the archive.
func gather(ctx context.Context, f *bundle.File) (*contents, error) {
	c := &contents{file: f, sums: map[string]*sums{}, held: map[string][]byte{}, placed: map[string]abi.Placement{}, warnings: []string{}}
	if err := c.countHeld(); err != nil {
		return nil, err
	}
	buffer := make([]byte, 64<<10)
	digest, err := f.ReadAll(ctx, func(e bundle.Entry, r io.Reader) error {
		short, long := sha256.New(), sha512.New()
		dst := io.MultiWriter(short, long)
		var text *bytes.Buffer
		if limit := heldLimit(e.Name); !e.Dir && e.Size <= limit {
			text = new(bytes.Buffer)
			dst = io.MultiWriter(short, long, text)
		}
		if _, err := io.CopyBuffer(dst, r, buffer); err != nil {
			return err
		}
		s := new(sums)
		short.Sum(s.sha256[:0])
		long.Sum(s.sha512[:0])
		c.sums[e.Name] = s
		if !e.Dir {
			c.placed[e.Name] = abi.Place(e.Name)
		}
		if text != nil {
			c.held[e.Name] = text.Bytes()
		}
		return nil
	})
	if err != nil {
		return nil, ofContainer(err)
	}
	c.digest = digest
	return c, nil
}

// countHeld bounds how many entries are held.
func (c *contents) countHeld() error {
	locales, certificates := 0, 0
	for _, e := range c.file.Entries() {
		switch heldLimit(e.Name) {
		case maxLocale:
			locales++
		case maxCertificate:
			certificates++
		}
	}
	if locales > maxLocales {
		return refuse(CodeLocaleInvalid, localeFolder, "there are %d files with translations, more than the %d allowed", locales, maxLocales)
	}
	if certificates > maxCertificates {
		return refuse(CodeChainInvalid, "", "there are %d files with certificates, more than the %d allowed", certificates, maxCertificates)
	}
	return nil
}

// text returns an entry that is held. ok is false when there is none of that name.
func (c *contents) text(code Code, name string) (data []byte, ok bool, err error) {
	if _, ok = c.sums[name]; !ok {
		return nil, false, nil
	}
	if data, ok = c.held[name]; !ok {
		return nil, false, refuse(code, name, "it has more than the %d bytes allowed", heldLimit(name))
	}
	return data, true, nil
}

// readContent judges what stands inside, beside the manifest.
func (c *contents) readContent() error {
	if err := c.readLocales(); err != nil {
		return err
	}
	for _, name := range []string{preferencesName, accountPrefsName} {
		data, ok, err := c.text(CodePreferencesInvalid, name)
		if err == nil && ok {
			err = c.checkPreferences(name, data)
		}
		if err != nil {
			return err
		}
	}
	for what, name := range map[string]string{"iconPath": c.manifest.icon, "backgroundPath": c.manifest.background} {
		if _, ok := c.sums["data/"+name]; name != "" && c.manifest.given[what] && !ok {
			c.warn("%s of %s names %q, which is not in data", what, manifestName, name)
		}
	}
	slices.Sort(c.warnings) // the map above has no order
	return c.checkTree()
}

func (c *contents) warn(format string, args ...any) {
	c.warnings = append(c.warnings, fmt.Sprintf(format, args...))
}

// ID is the id: letters, digits and underscores.
func (c *contents) ID() string { return c.manifest.id }

// Version is the version as its author wrote it.
func (c *contents) Version() string { return c.manifest.version }

// Texts are the texts by locale in lower case with a hyphen ("fr-ca"); "" is that of
// whoever has no better one, and always there.
func (c *contents) Texts() map[string]Text { return maps.Clone(c.texts) }

// Digest is the SHA-256 of the whole file as "sha256:<hex>".
func (c *contents) Digest() string { return "sha256:" + hex.EncodeToString(c.digest[:]) }

// Size is the size of the whole file in bytes.
func (c *contents) Size() int64 { return c.file.Size() }

// Warnings are sentences about what is legal and probably not meant, never nil.
func (c *contents) Warnings() []string { return slices.Clone(c.warnings) }

// Pictures are the names of the entries with the icon and the background; "" where there is
// none.
func (c *contents) Pictures() (icon, background string) {
	named := func(name string) string {
		if _, ok := c.sums["data/"+name]; name == "" || !ok {
			return ""
		}
		return "data/" + name
	}
	return named(c.manifest.icon), named(c.manifest.background)
}

// Icon reads the icon as its author made it: PNG or SVG by custom, anything in truth. The
// error is or wraps fs.ErrNotExist when there is none.
func (c *contents) Icon() ([]byte, error) {
	name, _ := c.Pictures()
	return c.read(name)
}

// Background reads the background picture, like Icon; a JPEG by custom.
func (c *contents) Background() ([]byte, error) {
	_, name := c.Pictures()
	return c.read(name)
}

// read reads an entry again, and holds it to what was verified.
func (c *contents) read(name string) ([]byte, error) {
	want, ok := c.sums[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	r, err := c.file.OpenEntry(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxPicture+1))
	switch {
	case err != nil:
		return nil, ofContainer(err)
	case len(data) > maxPicture:
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxPicture)
	case sha256.Sum256(data) != want.sha256:
		return nil, fmt.Errorf("%s is not what was read before: the file changed", name)
	}
	return data, nil
}
