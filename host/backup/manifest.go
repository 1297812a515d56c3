package backup

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/host/internal/services"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

// format is the form of the file: a tar archive (PAX), compressed with gzip, whose first
// entry is the header, whose last is the manifest, both JSON, and between them the
// entries of Manifest.Files in their order.
const format = 1

const (
	headerName   = "backup.json"
	manifestName = "manifest.json"
)

// What is read and written at most.
const (
	maxHeader   = 64 << 10
	maxManifest = 128 << 20
	maxFiles    = 500_000
	maxPath     = 4096
	maxDepth    = 128
	maxSkipped  = 1000
)

// places are what a backup may have at its top.
func places() []string { return []string{"conf", "data", "extensions", "jmapadmin"} }

// parseHeader reads a header. What a newer version has written is CodeNewer, whatever
// else is in it.
func parseHeader(data []byte) (h Header, err error) {
	var first struct {
		Format  int    `json:"format"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(data, &first); err != nil {
		return h, fault(CodeDamaged, err, "", "its header is not JSON")
	}
	switch {
	case first.Format > format:
		return h, newer(first.Version, "its format is %d, and %d is the newest known here", first.Format, format)
	case first.Format < 1:
		return h, fault(CodeDamaged, nil, "", "its header names no format")
	}
	if err := decode(data, &h); err != nil {
		return h, fault(CodeDamaged, err, "", "its header cannot be read")
	}
	if h.Database > state.Form() {
		return h, newer(h.Version, "its database has the form %d, and %d is the newest known here", h.Database, state.Form())
	}
	if h.Database < 1 {
		return h, fault(CodeDamaged, nil, "", "its header names no form of the database")
	}
	return h, nil
}

// newer is the fault of a backup that this program is too old for.
func newer(version, what string, args ...any) error {
	return fault(CodeNewer, nil, "restore it with that version, or a newer one",
		"it was written by a newer version of Jackfield (%.40q): %s", version, fmt.Sprintf(what, args...))
}

// parseManifest reads a manifest and judges it by itself.
func parseManifest(data []byte) (*Manifest, error) {
	m := &Manifest{}
	if err := decode(data, m); err != nil {
		return nil, fault(CodeDamaged, err, "", "its manifest cannot be read")
	}
	if m.KeyValue > services.StoreForm() {
		return nil, newer(m.Version, "a key-value store in it has the form %d, and %d is the newest known here", m.KeyValue, services.StoreForm())
	}
	if err := checkFiles(m.Files); err != nil {
		return nil, err
	}
	return m, nil
}

// decode reads one JSON value that has no members but known ones.
func decode(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is more behind it")
	}
	return nil
}

// checkFiles says what is wrong with a list of files, nil for nothing.
func checkFiles(files []File) error {
	if len(files) > maxFiles {
		return fault(CodeTooLarge, nil, "", "it has more than %d files", maxFiles)
	}
	dirs, seen, sum := map[string]bool{".": true}, map[string]bool{}, int64(0)
	for _, f := range files {
		if err := checkPath(f.Path); err != nil {
			return err
		}
		wrong := ""
		switch {
		case seen[f.Path]:
			wrong = "is there twice"
		case !dirs[path.Dir(f.Path)]:
			wrong = "lies in no folder"
		case f.Mode&^uint32(fs.ModePerm) != 0:
			wrong = "has a mode that no backup has"
		case f.Owner < 0 || f.Owner > 1<<31-1 || f.Owner != 0 && !ownedByExtension(f.Path):
			wrong = "has an owner that no backup has"
		case f.Dir && (f.Size != 0 || f.SHA256 != "") || f.Size < 0 || sum+f.Size < sum:
			wrong = "has a size that no backup has"
		}
		if wrong != "" {
			return fault(CodeUnsafe, nil, "", "%.200q %s", f.Path, wrong)
		}
		seen[f.Path] = true
		dirs[f.Path] = f.Dir
		sum += f.Size
	}
	if !seen["data/jackfield.db"] {
		return fault(CodeDamaged, nil, "", "there is no database in it")
	}
	return nil
}

// checkPath refuses a path that is none of a backup: absolute, out of the home, or not
// among places.
func checkPath(p string) error {
	top, _, _ := strings.Cut(p, "/")
	if len(p) > maxPath || strings.Count(p, "/") > maxDepth || !fs.ValidPath(p) || strings.ContainsRune(p, 0) || !slices.Contains(places(), top) {
		return fault(CodeUnsafe, nil, "", "%.200q is no path of a backup", p)
	}
	return nil
}

// ownedByExtension reports whether an extension may have the file at p for itself.
func ownedByExtension(p string) bool {
	return strings.HasPrefix(p, "data/extensions/") || strings.HasPrefix(p, "data/snapshots/")
}
