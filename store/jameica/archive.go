package jameica

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/bundle"
)

// manifestFile is the one file that every folder has.
const manifestFile = "plugin.xml"

// Archive is the ZIP of one version whose shape is sound.
type Archive struct {
	// Folder is the one folder that everything lies in. It is the name in the manifest.
	Folder   string
	Manifest *Manifest
	// Document is the plugin.xml as it lies in the ZIP.
	Document []byte
	// Headless says that the ZIP has no entry for its folder itself. The client refuses such
	// a ZIP as empty; it is read here, but must not be served.
	Headless bool
}

// OpenArchive reads the ZIP of one version from a container: one top-level folder, named as
// the plugin, its plugin.xml, every entry inside of it, every name safe on every system. It
// reads every entry to its end, so that sizes and checksums hold. Faults of the container
// come as *bundle.Error, others as *Error.
func OpenArchive(ctx context.Context, f *bundle.File, limits Limits) (*Archive, error) {
	limits = limits.withDefaults()
	entries := f.Entries()
	if len(entries) == 0 {
		return nil, fault(CodeArchive, "", "it is empty")
	}
	a := &Archive{Headless: true}
	a.Folder, _, _ = strings.Cut(entries[0].Name, "/")
	for _, e := range entries {
		top, inside, nested := strings.Cut(e.Name, "/")
		switch {
		case !nested:
			return nil, fault(CodeArchive, e.Name, "it lies beside the folder of the plugin, not in it")
		case top != a.Folder:
			return nil, fault(CodeArchive, e.Name, "it lies in another folder than %s; there must be one", a.Folder)
		case inside == "":
			a.Headless = false
		}
		if err := checkPath(strings.TrimSuffix(e.Name, "/")); err != nil {
			return nil, err
		}
	}
	for _, e := range entries {
		if err := a.read(ctx, f, e, limits); err != nil {
			return nil, err
		}
	}
	if a.Manifest == nil {
		return nil, fault(CodeArchive, "", "there is no %s/%s", a.Folder, manifestFile)
	}
	if a.Manifest.Name != a.Folder {
		return nil, fault(CodeArchive, "", "its folder is %s, but the plugin is %s: it would replace another one", a.Folder, a.Manifest.Name)
	}
	return a, nil
}

// read reads one entry to its end, and parses the manifest.
func (a *Archive) read(ctx context.Context, f *bundle.File, e bundle.Entry, limits Limits) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reading the ZIP: %w", context.Cause(ctx))
	}
	data, err := f.OpenEntry(e.Name)
	if err != nil {
		return err
	}
	defer data.Close()
	if e.Name != a.Folder+"/"+manifestFile {
		_, err = io.Copy(io.Discard, contextReader{ctx, data})
		return err
	}
	if e.Size > limits.DocumentBytes {
		return fault(CodeTooBig, e.Name, "it has %d bytes, more than the %d that are read", e.Size, limits.DocumentBytes)
	}
	if a.Document, err = io.ReadAll(data); err != nil {
		return err
	}
	a.Manifest, err = ParseManifest(a.Document, limits)
	return about(e.Name, err)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}

// about names the subject of an error that has none.
func about(subject string, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Subject == "" {
		named := *e
		named.Subject = subject
		return &named
	}
	return err
}

// Faults are what a client would take otherwise than its author means, or not at all, although
// the shape is sound: a store publishes none that has one. Each is one that the author can mend.
func (a *Archive) Faults(limits Limits) []*Error {
	var list []*Error
	entry := a.Folder + "/" + manifestFile
	if a.Headless {
		list = append(list, fault(CodeArchive, a.Folder+"/", "the ZIP has no entry for its folder itself, and Jameica takes such a ZIP for empty: pack the folder with its entry (zip -r, not zip -D)"))
	}
	for _, p := range a.Manifest.Problems {
		list = append(list, fault(p.Code, entry, "it %s", p.Message))
	}
	// Served with the address of a store, it has to be one that can be written.
	var e *Error
	if _, err := Relocate(a.Document, "https://store.example/x.zip", limits); errors.As(err, &e) {
		list = append(list, fault(e.Code, entry, "%s", e.Message))
	}
	return list
}

// Matches compares what a repository said of a version with what its ZIP says: name,
// version and what it requires, by which it was chosen. The error has CodeMismatch.
func (a *Archive) Matches(listed *Manifest) error {
	in := a.Manifest
	for _, c := range []struct{ what, listed, in string }{
		{"name", listed.Name, in.Name},
		{"version", listed.Version, in.Version},
		{"required version of Jameica", string(listed.Host), string(in.Host)},
	} {
		if c.listed != c.in {
			return fault(CodeMismatch, in.Name, "the repository says that its %s is %q, the ZIP says %q", c.what, c.listed, c.in)
		}
	}
	if !slices.Equal(listed.Requires, in.Requires) {
		return fault(CodeMismatch, in.Name, "the repository and the ZIP differ in what it imports")
	}
	return nil
}

// epoch is the time of every entry, so that the same files give the same ZIP: the first
// that a ZIP can say.
var epoch = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// WriteArchive writes the ZIP of one version: the folder itself as the first entry, then
// what is in it in the order of its names, always the same bytes for the same files. folder
// has what is to lie in it, plugin.xml included, which names the folder; there is nothing
// but folders and regular files in it. On an error w has bytes that are no ZIP.
func WriteArchive(ctx context.Context, w io.Writer, folder fs.FS) (*Manifest, error) {
	document, err := fs.ReadFile(folder, manifestFile)
	if err != nil {
		return nil, fmt.Errorf("writing the ZIP: %w", err)
	}
	m, err := ParseManifest(document, DefaultLimits())
	if err != nil {
		return nil, about(manifestFile, err)
	}
	z := zip.NewWriter(w)
	err = fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		return writeEntry(ctx, z, folder, document, m.Name, name, entry)
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("writing the ZIP of %s: %w", m.Name, err)
	}
	return m, nil
}

func writeEntry(ctx context.Context, z *zip.Writer, folder fs.FS, document []byte, top, name string, entry fs.DirEntry) error {
	inZip := path.Join(top, name)
	if err := checkPath(inZip); err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		_, err := z.CreateHeader(&zip.FileHeader{Name: inZip + "/", Method: zip.Store, Modified: epoch})
		return err
	case !entry.Type().IsRegular():
		return fault(CodeArchive, name, "it is neither a folder nor a regular file, but %s", entry.Type())
	}
	to, err := z.CreateHeader(&zip.FileHeader{Name: inZip, Method: zip.Deflate, Modified: epoch})
	if err != nil {
		return err
	}
	if name == manifestFile { // the one that was judged
		_, err := io.Copy(to, bytes.NewReader(document))
		return err
	}
	from, err := folder.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	_, err = io.Copy(to, contextReader{ctx, from})
	return err
}

// checkPath judges the name of an entry by what every system and both clients take. That of
// a container has passed package bundle's rules before.
func checkPath(name string) error {
	if !utf8.ValidString(name) || len(name) > 1000 {
		return fault(CodeArchive, clip(name), "its name is not UTF-8, or longer than 1000 bytes")
	}
	for part := range strings.SplitSeq(name, "/") {
		last, _ := utf8.DecodeLastRuneInString(part)
		switch {
		case part == "", last == '.', unicode.IsSpace(last):
			return fault(CodeArchive, name, "a part of its name is empty, or ends with a dot or a blank")
		case strings.ContainsFunc(part, func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(`\:<>"|?*`, r) }):
			return fault(CodeArchive, name, `its name has a control character or one of \ : < > " | ? *, which some systems do not have in names`)
		case reserved.MatchString(part):
			return fault(CodeArchive, name, "%s is the name of a device on some systems", part)
		}
	}
	return nil
}
