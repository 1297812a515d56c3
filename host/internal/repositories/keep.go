package repositories

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/renameio/v2"

	"github.com/jackfield-host/jackfield/store"
)

// What a repository may take up on the disk, in bytes.
const (
	maxKept     = 256 << 20 // of objects
	maxObject   = store.MaxNotices
	maxKnown    = 64 << 10
	keptKnown   = "known.json"
	keptEnvelop = "timestamp.json"
	keptObjects = "sha256"
)

// known is what has to outlive the host beside the index: known.json.
type known struct {
	// Seen is what a store must not take back. It is written before anything else of an
	// index is read.
	Seen store.Seen `json:"seen"`
	// Tag is the ETag of the envelope in timestamp.json, Read when it was read and all of its
	// index was there.
	Tag  string    `json:"tag"`
	Read time.Time `json:"read"`
}

// keep is the folder of one store: the objects of its index, in the form of an export, and
// what is known. It is not trusted: what it gives is verified like what a store gives.
type keep struct {
	dir string

	mu    sync.Mutex // guards what follows
	fault error      // nothing may be kept, and so nothing read
	known known
	size  int64 // of the objects, as far as they were counted
}

// openKeep reads what there is. What cannot be read is as good as not there, but for Seen:
// where known.json is there and cannot be read that is the keep's fault, since without it an
// old catalogue would pass.
func openKeep(dir string) *keep {
	k := &keep{dir: dir}
	k.fault = k.open()
	return k
}

func (k *keep) open() error {
	if err := os.MkdirAll(filepath.Join(k.dir, keptObjects), 0o700); err != nil {
		return err
	}
	var seen known
	data, err := readBounded(filepath.Join(k.dir, keptKnown), maxKnown)
	if err == nil {
		err = json.Unmarshal(data, &seen)
	}
	if err == nil {
		k.known = seen
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s holds which catalogue was seen last, and cannot be read (%w): take it from a backup, or have the repository forgotten and with it what was seen: 'jackfield ext repo forget'", filepath.Join(k.dir, keptKnown), err)
	}
	return k.each(func(_ string, size int64) { k.size += size })
}

// usable says why nothing can be kept, nil if it can.
func (k *keep) usable() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fault
}

// each visits the objects that are kept.
func (k *keep) each(visit func(digest string, size int64)) error {
	return filepath.WalkDir(filepath.Join(k.dir, keptObjects), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			visit("sha256:"+entry.Name(), info.Size())
		}
		return err
	})
}

// now returns what is known.
func (k *keep) now() known {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known
}

// note changes what is known, durably.
func (k *keep) note(change func(*known)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	next := k.known
	change(&next)
	data, err := json.Marshal(next)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(k.dir, keptKnown), data, 0o600); err != nil {
		return fmt.Errorf("keeping what was seen of a repository: %w", err)
	}
	k.known = next
	return nil
}

// Load and Save make a keep the store.Memory of a Reader.
func (k *keep) Load(context.Context) (store.Seen, error) { return k.now().Seen, nil }

// Save keeps what was seen.
func (k *keep) Save(_ context.Context, seen store.Seen) error {
	return k.note(func(n *known) { n.Seen = seen })
}

// take keeps an envelope whose index is there as a whole.
func (k *keep) take(envelope []byte, tag string, read time.Time) error {
	if err := renameio.WriteFile(filepath.Join(k.dir, keptEnvelop), envelope, 0o600); err != nil {
		return fmt.Errorf("keeping the timestamp of a repository: %w", err)
	}
	return k.note(func(n *known) { n.Tag, n.Read = tag, read })
}

// envelope returns the one that is kept, nil for none.
func (k *keep) envelope() []byte {
	data, err := readBounded(filepath.Join(k.dir, keptEnvelop), store.MaxEnvelope)
	if err != nil {
		return nil
	}
	return data
}

// forget removes everything.
func (k *keep) forget() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := os.RemoveAll(k.dir); err != nil {
		return err
	}
	k.known, k.size = known{}, 0
	k.fault = k.open()
	return k.fault
}

func (k *keep) path(digest string) (string, bool) {
	if _, ok := store.ParseDigest(digest); !ok {
		return "", false
	}
	hex := strings.TrimPrefix(digest, "sha256:")
	return filepath.Join(k.dir, keptObjects, hex[:2], hex), true
}

// object returns an object if it is kept. One that is not what its name says goes.
func (k *keep) object(digest string) ([]byte, bool) {
	path, ok := k.path(digest)
	if !ok {
		return nil, false
	}
	data, err := readBounded(path, maxObject)
	if err != nil {
		return nil, false
	}
	if store.Digest(data) != digest {
		k.drop(digest, int64(len(data)))
		return nil, false
	}
	return data, true
}

func (k *keep) drop(digest string, size int64) {
	path, ok := k.path(digest)
	if !ok || os.Remove(path) != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size -= size
}

// put keeps an object if it is what its digest says and there is room. That it could not be
// written is no fault: it is read again then.
func (k *keep) put(digest string, data []byte) {
	path, ok := k.path(digest)
	if !ok || store.Digest(data) != digest {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.size+int64(len(data)) > maxKept {
		return
	}
	if _, err := os.Stat(path); err == nil {
		return
	}
	if os.MkdirAll(filepath.Dir(path), 0o700) == nil && writeSoon(path, data) == nil {
		k.size += int64(len(data))
	}
}

// writeSoon writes a file whole or not at all, without waiting for the disk: what a failure
// of power leaves of it is found out by its digest.
func writeSoon(path string, data []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// sweep drops every object that is not among those that are in use.
func (k *keep) sweep(used map[string]bool) error {
	gone := map[string]int64{}
	err := k.each(func(digest string, size int64) {
		if !used[digest] {
			gone[digest] = size
		}
	})
	for digest, size := range gone {
		if _, ok := k.path(digest); ok {
			k.drop(digest, size)
			continue
		}
		name := strings.TrimPrefix(digest, "sha256:") // what an interruption left behind
		if left, _ := filepath.Glob(filepath.Join(k.dir, keptObjects, "*", name)); len(left) == 1 {
			os.Remove(left[0])
		}
	}
	return err
}

// readBounded reads a regular file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", path)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", path, limit)
	}
	return data, err
}

// keptSource reads a store, and keeps what it gives. Objects that are kept are not asked for
// again.
type keptSource struct {
	from store.Source
	keep *keep
	// recalls says that the timestamp is the one that is kept, alone that nobody else is asked.
	recalls bool
	alone   atomic.Bool

	mu       sync.Mutex
	envelope *bytes.Buffer // the last one that came
	tag      string
}

// Timestamp asks whether the one that is kept is still current, where nothing else is known.
func (s *keptSource) Timestamp(ctx context.Context, tag string) (io.ReadCloser, string, error) {
	kept := s.keep.envelope()
	if s.recalls {
		if kept == nil {
			return nil, "", fs.ErrNotExist
		}
		return io.NopCloser(bytes.NewReader(kept)), "", nil
	}
	asked := tag
	if asked == "" && kept != nil {
		asked = s.keep.now().Tag
	}
	body, got, err := s.from.Timestamp(ctx, asked)
	if err != nil {
		return nil, "", err
	}
	if body == nil {
		if tag != "" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.envelope = nil // nothing came that would be new
			return nil, tag, nil
		}
		body, got = io.NopCloser(bytes.NewReader(kept)), asked
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.envelope, s.tag = &bytes.Buffer{}, got
	return tee{body, s.envelope, nil}, got, nil
}

// came returns the last envelope that came, and its tag.
func (s *keptSource) came() ([]byte, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.envelope == nil {
		return nil, ""
	}
	return s.envelope.Bytes(), s.tag
}

// Object reads what is kept, else it asks, and keeps what comes if it is right.
func (s *keptSource) Object(ctx context.Context, digest string) (io.ReadCloser, error) {
	if data, ok := s.keep.object(digest); ok {
		return io.NopCloser(bytes.NewReader(data)), nil
	}
	if s.alone.Load() {
		return nil, fs.ErrNotExist
	}
	body, err := s.from.Object(ctx, digest)
	if err != nil {
		return nil, err
	}
	copied := &bytes.Buffer{}
	return tee{body, copied, func() { s.keep.put(digest, copied.Bytes()) }}, nil
}

// File asks: files of releases are not kept here.
func (s *keptSource) File(ctx context.Context, want store.ReleaseFile, offset int64) (io.ReadCloser, error) {
	return s.from.File(ctx, want, offset)
}

// Icon asks: icons are kept by who shows them.
func (s *keptSource) Icon(ctx context.Context, listing string, icon store.Picture) (io.ReadCloser, error) {
	if from, ok := s.from.(store.IconSource); ok {
		return from.Icon(ctx, listing, icon)
	}
	return nil, fs.ErrNotExist
}

// tee copies what is read of a body, whose reader minds the limits.
type tee struct {
	body   io.ReadCloser
	copied *bytes.Buffer
	whole  func() // called once the end was read; may be nil
}

func (t tee) Read(p []byte) (int, error) {
	n, err := t.body.Read(p)
	t.copied.Write(p[:n])
	if err == io.EOF && t.whole != nil {
		t.whole()
	}
	return n, err
}

func (t tee) Close() error { return t.body.Close() }
