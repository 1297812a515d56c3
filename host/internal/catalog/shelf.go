package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
)

const (
	jarName  = "bundle.jar" // in the folder of a parcel
	treeName = "tree"       // beside it: the unpacked bundle
	// recordName is what was found out when the bundle was verified whole: it saves
	// unpacking every bundle again at every start of the host.
	recordName = "verified.json"
	// guestName marks the folder of a guest: a host that is killed knows at its next
	// start that nothing but an upload ever needed it.
	guestName = "guest"
	// scratch begins the names of folders that are being filled or emptied; what
	// a crash leaves under such a name is nobody's.
	scratch   = ".scratch-"
	digestTag = "sha256:"
	copyChunk = 256 << 10
)

// shelf is the private storage: one folder per content, named by its SHA-256, with the
// bundle as it was dropped and its unpacked tree. A folder appears under its name only
// when it is complete, verified and on disk, by one rename. Its methods may be called
// from several goroutines.
type shelf struct {
	dir    string
	limits bundle.Limits
	log    *slog.Logger
	judge  func(context.Context, *bundle.Verified) // nil: nobody asks who signed
	// toDisk stands between a copy and the disk, in tests of a full one.
	toDisk func(io.Writer) io.Writer

	mu      sync.Mutex
	entries map[string]stored // by hexadecimal digest
	holds   map[string]int    // how many uploads need a digest
	turns   turns
}

// stored is what the shelf remembers of a folder that it does not necessarily trust.
type stored struct {
	id   string // as its manifest claims, empty when that cannot be read
	size int64
	used time.Time
	// guest says that it came by an upload, and no file has held it since.
	guest bool
}

// parcel is a verified bundle on the shelf.
type parcel struct {
	digest   string // sha256:…
	dir      string
	verified *bundle.Verified
	// classes tells that there are Java classes in it.
	classes bool
}

func (p *parcel) manifest() *bundle.Manifest { return p.verified.Manifest() }

// put brings the content of f onto the shelf. If a folder of these bytes is there and
// undamaged, nothing is copied. Errors of type *bundle.Error speak of the bytes,
// *sourceError of reading f, any other of this machine.
func (s *shelf) put(ctx context.Context, f *os.File, size int64) (*parcel, error) {
	if s.hasSize(size) {
		digest, err := copyAll(io.Discard, &source{ctx: ctx, r: io.NewSectionReader(f, 0, size)}, size)
		if err != nil {
			return nil, err
		}
		if p, err := s.fetch(ctx, digest); p != nil || err != nil {
			return p, err
		}
	}
	return s.bring(ctx, &source{ctx: ctx, r: io.NewSectionReader(f, 0, size)}, size, func(string) {})
}

// bring copies what r holds onto the shelf. size must be right, or -1 for unknown.
// named is called with the digest before the bundle gets its name.
func (s *shelf) bring(ctx context.Context, r io.Reader, size int64, named func(digest string)) (*parcel, error) {
	tmp, err := os.MkdirTemp(s.dir, scratch)
	if err != nil {
		return nil, err
	}
	defer s.remove(tmp) // after the rename there is nothing left to remove
	digest, err := s.copyIn(filepath.Join(tmp, jarName), r, size)
	if err != nil {
		return nil, err
	}
	named(digest)
	return s.shelve(ctx, tmp, digest)
}

// fetch returns the parcel of a digest if it is on the shelf and undamaged, else nil.
func (s *shelf) fetch(ctx context.Context, digest string) (*parcel, error) {
	defer s.turns.take(digest)()
	return s.trusted(ctx, digest)
}

// shelve verifies and unpacks what was copied into tmp and gives it its name, unless
// the same bytes came there in the meantime.
func (s *shelf) shelve(ctx context.Context, tmp, digest string) (*parcel, error) {
	defer s.turns.take(digest)()
	if p, err := s.trusted(ctx, digest); p != nil || err != nil {
		return p, err
	}
	p, err := s.unpack(ctx, tmp)
	if err != nil {
		return nil, err
	}
	if p.digest != digestTag+digest {
		return nil, fmt.Errorf("the private copy reads back as %s, but %s%s was written: is the disk failing?", p.digest, digestTag, digest)
	}
	if s.held(digest) {
		if err := os.WriteFile(filepath.Join(tmp, guestName), nil, 0o444); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	if err := syncDir(tmp); err != nil {
		return nil, err
	}
	p.dir = filepath.Join(s.dir, digest)
	if err := os.Rename(tmp, p.dir); err != nil {
		return nil, err
	}
	if err := syncDir(s.dir); err != nil {
		return nil, err
	}
	s.remember(digest, stored{id: p.manifest().ID, size: p.verified.Size(), used: time.Now()})
	return p, nil
}

// verifyKept verifies the bundle in a folder of the shelf, by its record if it has one
// that is about it.
func verifyKept(ctx context.Context, dir string, f *bundle.File) (*bundle.Verified, error) {
	record, err := os.ReadFile(filepath.Join(dir, recordName))
	if err == nil {
		v, err := bundle.VerifyRecorded(ctx, f, record)
		if err == nil || !errors.Is(err, bundle.ErrRecord) {
			return v, err
		}
	}
	return bundle.Verify(ctx, f)
}

// keepRecord writes the record of a bundle that was verified.
func keepRecord(dir string, v *bundle.Verified) error {
	record, err := v.Record()
	if err != nil {
		return err
	}
	path := filepath.Join(dir, recordName)
	if err := os.WriteFile(path, record, 0o444); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// unpack judges the bundle in a folder and unpacks it there.
func (s *shelf) unpack(ctx context.Context, dir string) (*parcel, error) {
	return s.verify(ctx, dir, func(_ *bundle.File, v *bundle.Verified) error {
		if err := keepRecord(dir, v); err != nil {
			return err
		}
		tree := filepath.Join(dir, treeName)
		if err := os.Mkdir(tree, 0o755); err != nil {
			return err
		}
		return v.Unpack(ctx, tree)
	})
}

// verify opens and verifies the bundle in a folder; then uses it while it is open.
func (s *shelf) verify(ctx context.Context, dir string, then func(*bundle.File, *bundle.Verified) error) (*parcel, error) {
	f, err := bundle.Open(filepath.Join(dir, jarName), s.limits)
	if err != nil {
		return nil, own(err)
	}
	defer f.Close()
	v, err := verifyKept(ctx, dir, f)
	if err != nil {
		return nil, own(err)
	}
	if !v.Valid() {
		return nil, errors.New("verifying it came to nothing")
	}
	if err := then(f, v); err != nil {
		return nil, own(err)
	}
	if s.judge != nil {
		s.judge(ctx, v)
	}
	p := &parcel{digest: v.Digest(), dir: dir, verified: v}
	for _, e := range f.Entries() {
		p.classes = p.classes || strings.HasSuffix(e.Name, ".class")
	}
	return p, nil
}

// own turns a fault of reading a private copy into one of this machine: the dropped
// file is not unreadable.
func own(err error) error {
	var e *bundle.Error
	if !errors.As(err, &e) || e.Code != bundle.CodeUnreadable {
		return err
	}
	if e.Err == nil {
		return errors.New(e.Message)
	}
	return fmt.Errorf("%s: %w", e.Message, e.Err)
}

// copyIn copies r to a new read-only file and sees to it that it is on disk.
func (s *shelf) copyIn(path string, r io.Reader, size int64) (digest string, err error) {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	var w io.Writer = out
	if s.toDisk != nil {
		w = s.toDisk(w)
	}
	if digest, err = copyAll(w, r, size); err != nil {
		return "", err
	}
	if err := out.Chmod(0o444); err != nil { // whatever the umask
		return "", err
	}
	return digest, out.Sync()
}

// copyAll copies r and returns its SHA-256 in hexadecimal. There must be size bytes in
// it, unless size is negative.
func copyAll(w io.Writer, r io.Reader, size int64) (string, error) {
	sum := sha256.New()
	n, err := io.CopyBuffer(io.MultiWriter(sum, w), r, make([]byte, copyChunk))
	if err != nil {
		return "", err
	}
	if size >= 0 && n != size {
		return "", errChanged
	}
	return hexSum(sum), nil
}

// digestHex returns the hexadecimal digits of a digest ("sha256:…").
func digestHex(digest string) string { return strings.TrimPrefix(digest, digestTag) }

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// source reads what comes from outside until the context ends, and marks its faults as
// such.
type source struct {
	ctx context.Context
	r   io.Reader
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &sourceError{err}
	}
	return n, err
}

func (s *shelf) hasSize(size int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.entries {
		if e.size == size {
			return true
		}
	}
	return false
}

// size returns the size of a bundle ("sha256:…"), false if it is not there.
func (s *shelf) size(digest string) (int64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.entries[digestHex(digest)]
	return e.size, ok
}

func (s *shelf) remember(digest string, e stored) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was, known := s.entries[digest]
	e.guest = s.holds[digest] > 0 && (was.guest || !known)
	if was.guest && !e.guest {
		s.settle(digest)
	}
	s.entries[digest] = e
}

// settle takes the mark of a guest away. Where that fails nothing is lost: what a file
// holds is known again at the next start.
func (s *shelf) settle(digest string) {
	if err := os.Remove(filepath.Join(s.dir, digest, guestName)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the mark of an upload cannot be removed", "digest", digestTag+digest, "error", err)
	}
}

func (s *shelf) forget(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, digest)
}

// remove deletes a folder that nobody uses, as far as it can; the next start sweeps
// the rest.
func (s *shelf) remove(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		s.log.Warn("a folder in the private bundle storage cannot be removed", "folder", dir, "error", err)
	}
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
