package host

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/jackfield-host/jackfield/host/internal/pages"
	"github.com/jackfield-host/jackfield/internal/picture"
)

// iconFile is where a bundle has its picture.
const iconFile = "META-INF/extension/icon.png"

func (h *Host) icon(id string) (Icon, error) {
	r, b, err := h.find(id)
	if err != nil {
		return Icon{}, err
	}
	if b == nil {
		return Icon{}, &Error{Code: CodeNotFound, Message: id + " has no picture: it is no extension (yet)"}
	}
	made, err := h.icons.Get(b.Digest(), func() ([]byte, error) { return readIcon(r.edition.entry.Tree) })
	if errors.Is(err, picture.ErrUnfit) || errors.Is(err, fs.ErrNotExist) {
		return Icon{}, &Error{Code: CodeNotFound, Message: fmt.Sprintf("%s has no picture in %s that can be shown", id, iconFile)}
	}
	if err != nil {
		return Icon{}, fmt.Errorf("reading the picture of %s: %w", id, err)
	}
	return Icon{Data: made.PNG, Media: "image/png", ETag: `"` + made.Tag + `"`}, nil
}

func readIcon(tree string) ([]byte, error) {
	f, err := os.OpenInRoot(tree, iconFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // a picture that is no picture: it need not be looked for again
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, picture.MaxBytes+1))
}

// pagesOf returns where the own pages of an extension are, and what UIOf says of it.
func (h *Host) pagesOf(id string) (pages.Folder, string) {
	r, b, err := h.find(id)
	if err != nil || b == nil {
		return pages.Folder{}, UINone
	}
	if placed := (pages.Folder{Base: h.home.Pages(), Below: id}); placed.Exists() {
		return placed, UIHome
	}
	if brought := (pages.Folder{Base: r.edition.entry.Tree, Below: "ui"}); brought.Exists() {
		return brought, UIBundle
	}
	return pages.Folder{}, UINone
}

func (h *Host) uiOf(id string) string {
	_, from := h.pagesOf(id)
	return from
}

func (h *Host) openUI(id, name string) (*UIFile, error) {
	folder, from := h.pagesOf(id)
	if from == UINone {
		return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("%q has no pages of its own", id)}
	}
	f, err := folder.Open(name)
	switch {
	case errors.Is(err, pages.ErrNone):
		return nil, &Error{Code: CodeNotFound, Message: fmt.Sprintf("the pages of %q have no such file", id)}
	case errors.Is(err, pages.ErrTooLarge):
		return nil, &Error{Code: CodeTooLarge, Message: err.Error()}
	case err != nil:
		return nil, fmt.Errorf("opening a file of the pages of %s: %w", id, err)
	}
	return &UIFile{ReadSeekCloser: f, Name: cmp.Or(name, pages.Index), MediaType: f.MediaType, Size: f.Info.Size(), Modified: f.Info.ModTime()}, nil
}
