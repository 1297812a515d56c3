package bundlecmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

const (
	described = "META-INF/extension" // where what describes the extension lies
	// maxManifest is read of a manifest; the parser refuses from 4 MiB.
	maxManifest = 4<<20 + 1
)

// label is the manifest of a folder.
type label struct {
	manifest *bundle.Manifest
	normal   []byte // as it is packed
}

// readLabel reads the folder's one manifest.
func readLabel(root *os.Root) (*label, error) {
	name, err := findManifest(root)
	if err != nil {
		return nil, err
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxManifest))
	if err != nil {
		return nil, fmt.Errorf("reading the manifest: %w", err)
	}
	m, _, err := bundle.ParseManifest(data)
	if err != nil {
		return nil, manifestFault(root, name, err)
	}
	normal, err := bundle.NormalizeManifest(data)
	if err != nil {
		return nil, manifestFault(root, name, err)
	}
	return &label{m, normal}, nil
}

func manifestFault(root *os.Root, name string, err error) error {
	var fault *bundle.Error
	if !errors.As(err, &fault) {
		return err
	}
	place := root.Name() + "/" + name
	if fault.Line > 0 {
		place += fmt.Sprintf(":%d", fault.Line)
	}
	return output.Errorf("", "%s: %s: %s", place, fault.Code, fault.Message)
}

// findManifest looks for manifest.mf in the folder and in META-INF, in any letter
// case.
func findManifest(root *os.Root) (string, error) {
	var found []string
	for _, dir := range []string{".", "META-INF"} {
		entries, err := fs.ReadDir(root.FS(), dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the manifest: %w", err)
		}
		for _, e := range entries {
			if strings.EqualFold(e.Name(), "manifest.mf") && !e.IsDir() {
				found = append(found, path.Join(dir, e.Name()))
			}
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", output.Errorf("write a manifest.mf with extension_class, extension_request, extension_response, extension_name and extension_version",
			"%s has no manifest: there is neither manifest.mf nor META-INF/MANIFEST.MF", root.Name())
	}
	return "", output.Errorf("keep one of them", "%s has several manifests: %s", root.Name(), strings.Join(found, ", "))
}

// collect lists the files that are packed as they are, all but executables.
func collect(root *os.Root) ([]bundle.Source, error) {
	var sources []bundle.Source
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return nil, fmt.Errorf("reading the folder: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		var err error
		switch {
		case name == "ui" || name == "data":
			sources, err = addTree(sources, root, name, name)
		case name == "screenshots":
			sources, err = addTree(sources, root, name, described+"/"+name)
		case name == "META-INF":
			sources, err = addTree(sources, root, described, described)
		case isDescription(name):
			sources, err = addTree(sources, root, name, described+"/"+name)
		}
		if err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// isDescription tells the files that describe an extension to people and to the
// host. Pictures are known by their ending: icon.go is none.
func isDescription(name string) bool {
	switch name {
	case "README.md", "CHANGELOG.md", "LICENSE", "config.schema.json":
		return true
	}
	base, ending, _ := strings.Cut(name, ".")
	switch ending {
	case "png", "svg", "jpg", "jpeg", "webp", "gif":
		return base == "icon" || base == "background"
	}
	return false
}

// addTree adds a file or all files of a folder, under another name.
func addTree(sources []bundle.Source, root *os.Root, from, to string) ([]bundle.Source, error) {
	notRegular := func(name string) error {
		return output.Errorf("put a copy of the file in its place", "%s/%s is no regular file, and a bundle holds nothing else", root.Name(), name)
	}
	if info, err := root.Lstat(from); err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, notRegular(from) // WalkDir would follow the link
	}
	err := fs.WalkDir(root.FS(), from, func(name string, d fs.DirEntry, err error) error {
		switch {
		case name == from && errors.Is(err, fs.ErrNotExist):
			return nil // META-INF without extension
		case err != nil:
			return fmt.Errorf("reading the folder: %w", err)
		case d.IsDir():
			return nil
		case !d.Type().IsRegular():
			return notRegular(name)
		}
		info, err := d.Info()
		if err != nil {
			return fmt.Errorf("reading the folder: %w", err)
		}
		sources = append(sources, bundle.Source{
			Name: to + strings.TrimPrefix(name, from),
			Mode: info.Mode(),
			Open: func() (io.ReadCloser, error) { return root.Open(name) },
		})
		return nil
	})
	return sources, err
}
