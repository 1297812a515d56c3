package catalog

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxFiles bounds what one look takes in; a folder with more is a mistake.
	maxFiles  = 10_000
	listBatch = 512
	bundleExt = ".jar"
)

// place identifies a folder: the device tells a lost mount, both tell a new folder
// under the old name.
type place struct{ dev, ino uint64 }

// sighting is what stat tells of a file. Two equal sightings are the same content.
type sighting struct {
	place
	size         int64
	mtime, ctime int64 // nanoseconds since 1970
}

func sightingOf(st *unix.Stat_t) sighting {
	return sighting{
		place: placeOf(st),
		size:  st.Size,
		mtime: st.Mtim.Nano(),
		ctime: st.Ctim.Nano(),
	}
}

// placeOf converts because the width of a device number differs between systems.
func placeOf(st *unix.Stat_t) place { return place{uint64(st.Dev), st.Ino} }

func isRegular(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFREG }

// folder is the drop folder as a place that may be lost and come back.
type folder struct {
	path string
	// dev is the device that the folder was on when it was last believed.
	dev      uint64
	believed bool
	// expect tells on which device the folder was when an earlier host believed it,
	// and which files were in it; nil when that is not remembered.
	expect func() (device string, files []string)
	// foreign is another device that was found there instead, and foreignFiles what
	// was on it then; nil before.
	foreign      uint64
	foreignFiles map[string]bool
}

// look lists the regular files that may be bundles. arrived is called with the
// folder's place before the listing, so that a watch set there misses nothing. known
// are the files of the last look.
//
// An error means that the folder says nothing: it cannot be read, or another device
// is under its path than before. A folder on another device is believed again when
// it holds every known file, which is a mount that came back under another number;
// an empty mount point is not. At the first look, one known file is enough.
func (d *folder) look(known map[string]*dropped, arrived func(place)) (map[string]sighting, error) {
	dir, err := os.OpenFile(d.path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, folderError(err)
	}
	defer dir.Close()
	fd := int(dir.Fd())
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, folderError(err)
	}
	here := placeOf(&st)
	arrived(here)
	found, err := list(dir, fd)
	if err != nil {
		return nil, err
	}
	if d.believed && here.dev != d.dev {
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if _, ok := found[name]; !ok {
				return nil, fmt.Errorf("another device is under the extensions folder, and %q is not on it: "+
					"is a mount lost? what runs keeps running; mount it again, or remove what is meant to be gone with `jackfield ext remove ID`", name)
			}
		}
	}
	if !d.believed && d.expect != nil {
		if err := d.recognise(here.dev, found); err != nil {
			return nil, err
		}
	}
	d.dev, d.believed = here.dev, true
	return found, nil
}

// recognise says whether the folder may be the one that an earlier host believed.
// Another device that holds none of its files is not, until somebody puts a bundle
// there.
func (d *folder) recognise(dev uint64, found map[string]sighting) error {
	device, files := d.expect()
	if device == "" || device == deviceText(dev) || len(files) == 0 {
		return nil
	}
	for _, name := range files {
		if _, ok := found[name]; ok {
			return nil
		}
	}
	if d.foreignFiles == nil || d.foreign != dev {
		d.foreign, d.foreignFiles = dev, map[string]bool{}
		for name := range found {
			d.foreignFiles[name] = true
		}
	}
	for name := range found {
		if !d.foreignFiles[name] {
			return nil
		}
	}
	return fmt.Errorf("the extensions folder is on another device than before, and none of the %d files that were in use is there: "+
		"is a mount lost? what ran before runs again; mount it, or remove the extensions with `jackfield ext remove ID`, "+
		"or put a bundle into the folder to have it taken as it is", len(files))
}

func list(dir *os.File, fd int) (map[string]sighting, error) {
	found := map[string]sighting{}
	for {
		names, err := dir.Readdirnames(listBatch)
		for _, name := range names {
			if !isBundleName(name) {
				continue
			}
			var st unix.Stat_t
			err := unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
			if errors.Is(err, unix.ENOENT) {
				continue // gone since it was listed
			}
			if err != nil {
				return nil, folderError(&os.PathError{Op: "stat", Path: name, Err: err})
			}
			if !isRegular(&st) {
				continue
			}
			if len(found) == maxFiles {
				return nil, fmt.Errorf("the extensions folder holds more than %d bundles: nothing new is taken up until some are removed", maxFiles)
			}
			found[name] = sightingOf(&st)
		}
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, folderError(err)
		}
	}
}

func folderError(err error) error {
	return fmt.Errorf("the extensions folder cannot be read: %w; what runs keeps running", err)
}

// isBundleName tells the names that are looked at: *.jar in any letter case, no dot
// files (copying programs use them for what is not complete).
func isBundleName(name string) bool {
	return !strings.HasPrefix(name, ".") && strings.EqualFold(filepath.Ext(name), bundleExt)
}

// openDropped opens a file of the drop folder if it still is what was seen. A link or
// a FIFO put in its place is neither followed nor waited for.
func openDropped(path string, want sighting) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
			return nil, errChanged
		}
		return nil, &sourceError{err}
	}
	if err := unchanged(f, want); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// errChanged says that a file is not what was seen any more: look again.
var errChanged = errors.New("the file has changed")

func unchanged(f *os.File, want sighting) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &sourceError{&os.PathError{Op: "stat", Path: f.Name(), Err: err}}
	}
	if !isRegular(&st) || sightingOf(&st) != want {
		return errChanged
	}
	return nil
}
