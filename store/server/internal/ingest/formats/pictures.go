package formats

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/jackfield-host/jackfield/internal/picture"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// maxScreenshots is how many are shown.
const maxScreenshots = 8

var (
	iconBounds  = picture.Bounds{Bytes: 2 << 20, Pixels: 2048 * 2048, Side: 256}
	largeBounds = picture.Bounds{Bytes: 8 << 20, Pixels: 3840 * 2160, Side: 1600}
)

// drawing is held while a picture is drawn: at most some 160 MiB, once.
type drawing struct{ sync.Mutex }

// picture draws the first of some entries that is there and can be drawn.
func (n *notes) picture(d *drawing, a archive, names map[string]int64, bounds picture.Bounds, candidates ...string) *ingest.Picture {
	for _, name := range candidates {
		if _, ok := names[name]; !ok {
			continue
		}
		if drawn := n.draw(d, a, names, bounds, name); drawn != nil {
			return drawn
		}
	}
	return nil
}

func (n *notes) draw(d *drawing, a archive, names map[string]int64, bounds picture.Bounds, name string) *ingest.Picture {
	d.Lock()
	defer d.Unlock()
	data, err := read(a, names, name, int64(bounds.Bytes)+1)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			n.warn("%s can not be read and is left out: %v", name, err)
		}
		return nil
	}
	return n.redraw(name, data, bounds)
}

// redraw draws a picture whose bytes are there; the caller holds the drawing.
func (n *notes) redraw(name string, data []byte, bounds picture.Bounds) *ingest.Picture {
	drawn, err := picture.Redraw(data, bounds)
	switch {
	case errors.Is(err, picture.ErrBomb):
		n.problems = append(n.problems, store.Problem{Code: store.CodePictureInvalid, Entry: name, Message: err.Error()})
		return nil
	case err != nil && strings.EqualFold(path.Ext(name), ".svg"):
		n.warn("%s is left out: only PNG and JPEG are shown, because they can be drawn anew; bring one beside it", name)
		return nil
	case err != nil:
		n.warn("%s is left out: %v", name, err)
		return nil
	}
	return &ingest.Picture{Data: drawn.Data, Media: drawn.Media, Width: drawn.Width, Height: drawn.Height}
}

// screenshots draws the pictures of a folder, by name.
func (n *notes) screenshots(d *drawing, a archive, names map[string]int64, folder string) []ingest.Picture {
	var found []string
	for name := range names {
		if path.Dir(name)+"/" == folder && !strings.HasSuffix(name, "/") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	var list []ingest.Picture
	for i, name := range found {
		if i == maxScreenshots {
			n.warn("%s has %d files, of which the first %d are shown", folder, len(found), maxScreenshots)
			break
		}
		if p := n.draw(d, a, names, largeBounds, name); p != nil {
			list = append(list, *p)
		}
	}
	return list
}
