package host

import (
	"io"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/pages"
)

// Where the pages of an extension come from.
const (
	UINone   = ""       // it has none
	UIBundle = "bundle" // ui/ of the bundle that runs
	UIHome   = "home"   // jmapadmin/extensions/<id>/ of the home, put there by hand
)

// UIOf says whether an extension has pages of its own and where they come from: what an
// administrator has put into jmapadmin/extensions/<id>/ wins over ui/ of its bundle.
// There are pages where there is an index.html. An unknown id has none.
func (h *Host) UIOf(id string) string { return h.uiOf(id) }

// UIFile is one file of an extension's own pages. Its content is hostile.
type UIFile struct {
	io.ReadSeekCloser
	// Name is the file's, below the folder of the pages.
	Name string
	// MediaType is one of a closed set.
	MediaType string
	Size      int64
	Modified  time.Time
}

// MaxUIFile bounds a file of an extension's own pages, in bytes.
const MaxUIFile = pages.MaxBytes

// OpenUI opens a file of an extension's own pages; "" is index.html. Who gets a UIFile
// closes it. name is a path as it stands in a URL, cleaned of nothing: what is not the
// plain path of a regular file below the folder (dots, links, folders, files of a kind
// that pages do not need) is CodeNotFound, what is over MaxUIFile CodeTooLarge, as an
// *Error.
func (h *Host) OpenUI(id, name string) (*UIFile, error) { return h.openUI(id, name) }
