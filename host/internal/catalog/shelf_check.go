package catalog

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/bundle"
)

// openShelf makes the storage if need be, removes what a crash left half done and
// takes stock of the rest. What is there is not trusted by that: it is verified when
// a file of the drop folder turns out to hold the same bytes.
func openShelf(dir string, limits bundle.Limits, log *slog.Logger) (*shelf, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s := &shelf{dir: dir, limits: limits, log: log, entries: map[string]stored{}, holds: map[string]int{}}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		switch {
		case strings.HasPrefix(e.Name(), scratch):
			s.remove(filepath.Join(dir, e.Name()))
		case e.IsDir() && isDigest(e.Name()):
			s.entries[e.Name()] = s.stock(e.Name())
		}
	}
	return s, nil
}

func isDigest(name string) bool {
	sum, err := hex.DecodeString(name)
	return err == nil && len(sum) == sha256.Size && name == hex.EncodeToString(sum)
}

// stock reads what the shelf remembers of a folder. A folder that cannot be read has
// no id and no size: nothing matches it, and collect takes it away.
func (s *shelf) stock(digest string) stored {
	dir := filepath.Join(s.dir, digest)
	info, err := os.Lstat(dir)
	if err != nil {
		return stored{}
	}
	e := stored{used: info.ModTime()}
	_, err = os.Lstat(filepath.Join(dir, guestName))
	e.guest = err == nil
	f, err := bundle.Open(filepath.Join(dir, jarName), s.limits)
	if err != nil {
		return e
	}
	defer f.Close()
	e.size = f.Size()
	e.id = claimedID(f)
	return e
}

// claimedID reads the id from an unverified bundle, empty if there is none. It serves
// to count the bundles of an id, nothing else.
func claimedID(f *bundle.File) string {
	for _, e := range f.Entries() {
		if !strings.EqualFold(e.Name, "META-INF/MANIFEST.MF") {
			continue
		}
		r, err := f.OpenEntry(e.Name)
		if err != nil {
			return ""
		}
		defer r.Close()
		data, err := io.ReadAll(r) // bounded by the entry's size, which Open limits
		if err != nil {
			return ""
		}
		m, _, err := bundle.ParseManifest(data)
		if err != nil {
			return ""
		}
		return m.ID
	}
	return ""
}

// trusted returns the parcel of a digest if its folder is there and undamaged, nil if
// it is not; a damaged folder is put out of the way. The caller has the digest's turn.
func (s *shelf) trusted(ctx context.Context, digest string) (*parcel, error) {
	dir := filepath.Join(s.dir, digest)
	if _, err := os.Lstat(dir); err != nil {
		s.forget(digest)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	p, err := s.verify(ctx, dir, func(f *bundle.File, v *bundle.Verified) error {
		if v.Digest() != digestTag+digest {
			return fmt.Errorf("%s has another content, %s", jarName, v.Digest())
		}
		return checkTree(ctx, filepath.Join(dir, treeName), f, v)
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM) {
		return nil, err // says nothing about the copy
	}
	if err != nil {
		s.log.Warn("a private copy of a bundle is damaged and is made anew", "folder", dir, "error", err)
		return nil, s.discard(digest)
	}
	now := time.Now()
	if err := os.Chtimes(dir, now, now); err != nil {
		return nil, err
	}
	s.remember(digest, stored{id: p.manifest().ID, size: p.verified.Size(), used: now})
	return p, nil
}

// checkTree compares an unpacked bundle with what it was unpacked from: every file is
// there with its bytes and mode, and nothing was added.
func checkTree(ctx context.Context, tree string, f *bundle.File, v *bundle.Verified) error {
	want := map[string]unpacked{}
	for _, e := range f.Entries() {
		if !e.Dir {
			sum, _ := v.EntrySHA256(e.Name)
			want[e.Name] = unpacked{size: e.Size, sum: sum, mode: 0o444}
		}
	}
	for _, platform := range v.Platforms() {
		goos, goarch, _ := strings.Cut(platform, "-")
		if name, ok := v.Executable(goos, goarch); ok {
			e := want[name]
			e.mode = 0o555
			want[name] = e
		}
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return cmp.Or(err, ctx.Err())
		}
		e, ok := want[name]
		if !ok {
			return fmt.Errorf("%q does not belong to the bundle", name)
		}
		delete(want, name)
		return e.check(root, name)
	})
	if err != nil {
		return err
	}
	for name := range maps.Keys(want) {
		return fmt.Errorf("%q is missing", name)
	}
	return nil
}

// unpacked is what a file of the tree must be.
type unpacked struct {
	size int64
	sum  [sha256.Size]byte
	mode fs.FileMode
}

func (u unpacked) check(root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	if info.Mode() != u.mode || info.Size() != u.size {
		return fmt.Errorf("%q is not as it was unpacked: %v, %d bytes", name, info.Mode(), info.Size())
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.CopyN(sum, file, u.size); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != u.sum {
		return fmt.Errorf("%q has other bytes than those unpacked", name)
	}
	return nil
}
