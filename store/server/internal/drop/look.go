package drop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/ingest"
)

// look goes through the folder once, and submits what had not changed since the look before.
// waiting is how many files are to be looked at again soon; watched are the folders in which
// something may happen.
func (w *Watcher) look(ctx context.Context) (waiting int, watched []string) {
	watched = []string{w.cfg.Dir}
	root, err := os.OpenRoot(w.cfg.Dir)
	if err != nil {
		w.tell("the drop folder can not be read", err)
		return 0, nil
	}
	defer root.Close()
	for _, s := range w.known {
		s.gone = true
	}
	names, err := folderNames(root, "plugins", maxPlugins)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.tell("the drop folder can not be read", err)
		return 0, watched
	}
	w.tell("", nil)
	watched = append(watched, path.Join(w.cfg.Dir, "plugins"))
	for _, name := range names {
		watched = append(watched, path.Join(w.cfg.Dir, "plugins", name))
		for _, folder := range folders {
			at := path.Join("plugins", name, folder)
			files, err := fileInfos(root, at)
			if err != nil {
				continue // mostly there is none
			}
			watched = append(watched, path.Join(w.cfg.Dir, at))
			for _, info := range files {
				if ctx.Err() != nil {
					return waiting, watched
				}
				if !w.visit(ctx, root, path.Join(at, info.Name()), info) {
					waiting++
				}
			}
		}
	}
	for at, s := range w.known {
		if s.gone {
			delete(w.known, at)
		}
	}
	w.metrics.waiting.Set(float64(waiting))
	return waiting, watched
}

// tell logs a failure that is not the one that was logged last.
func (w *Watcher) tell(what string, err error) {
	text := fmt.Sprint(what, err)
	if text != w.mute && err != nil {
		w.cfg.Log.Warn(what+"; it is looked at again", "folder", w.cfg.Dir, "error", err)
	}
	w.mute = text
}

// visit looks at one file; false: it is to be looked at again soon.
func (w *Watcher) visit(ctx context.Context, root *os.Root, at string, info fs.FileInfo) bool {
	s := w.known[at]
	if s == nil {
		s = &sighting{size: -1}
		w.known[at] = s
	}
	s.gone = false
	if s.size != info.Size() || !s.time.Equal(info.ModTime()) {
		s.size, s.time, s.done = info.Size(), info.ModTime(), false
		return false
	}
	if s.done {
		return true
	}
	result, err := w.submit(ctx, root, at, info)
	if ctx.Err() != nil {
		return false
	}
	w.metrics.looks.WithLabelValues(result).Inc()
	if err == nil {
		s.done = true
		return true
	}
	if text := err.Error(); text != s.said {
		w.cfg.Log.Warn("a file of the drop folder could not be submitted; it is tried again", "file", at, "reason", result, "error", err)
		s.said = text
	}
	if result == unstable {
		s.size = -1 // look at it twice once more
	}
	return false
}

// What becomes of a look at a file: the label of a metric.
const (
	submitted = "submitted"
	known     = "known"
	unstable  = store.CodeUnstable
	failed    = "failed"
)

// submit submits one file, unless its bytes were before.
func (w *Watcher) submit(ctx context.Context, root *os.Root, at string, info fs.FileInfo) (result string, err error) {
	file, digest, err := w.copy(ctx, root, at, info)
	if errors.Is(err, errChanged) {
		return unstable, err
	}
	if err != nil {
		return failed, err
	}
	defer file.Close()
	u := ingest.Upload{Source: ingest.SourceDrop, File: strings.TrimPrefix(at, "plugins/"), Actor: "store", Key: "drop " + digest}
	if u.Problem = w.refuses(at, info.Size()); u.Problem != nil {
		u.Key = "drop refused " + at + " " + digest
		u.Object = store.Object{Digest: digest, Size: info.Size()}
	} else {
		u.Body = file
		if yes, err := w.cfg.Desk.Knows(ctx, ingest.SourceDrop, digest); err != nil {
			return failed, err
		} else if yes {
			return known, nil
		}
	}
	s, err := w.cfg.Desk.Receive(ctx, u)
	if err != nil {
		return failed, err
	}
	w.cfg.Log.Info("a file of the drop folder is submitted", "file", at, "submission", s.Number, "digest", digest)
	return submitted, nil
}

// refuses says why a file is not read: for its name or its size.
func (w *Watcher) refuses(at string, size int64) *store.Problem {
	file := path.Base(at)
	name := path.Base(path.Dir(path.Dir(at)))
	if strings.TrimSuffix(file, path.Ext(file)) != name {
		return &store.Problem{Code: store.CodeNameMismatch, Message: fmt.Sprintf("the file %s lies in the folder %s: rename one of them, so that both say the same", file, name)}
	}
	if size > w.cfg.MaxBytes {
		return &store.Problem{Code: string(bundle.CodeTooBig), Message: fmt.Sprintf("it has %d bytes, and this store takes at most %d", size, w.cfg.MaxBytes)}
	}
	return nil
}

var errChanged = errors.New("the file changed while it was read")

// copy reads a file into one without a name, which nobody else can change. errChanged: it
// was not the same from beginning to end.
func (w *Watcher) copy(ctx context.Context, root *os.Root, at string, want fs.FileInfo) (file *os.File, digest string, err error) {
	// A pipe that took the place of the file would make opening it wait.
	from, err := root.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", errChanged
	}
	if err != nil {
		return nil, "", err
	}
	defer from.Close()
	if !unchanged(from, want) {
		return nil, "", errChanged
	}
	file, err = ingest.Scratch(w.cfg.Temp)
	if err != nil {
		return nil, "", err
	}
	defer func() {
		if err != nil {
			file.Close()
		}
	}()
	sum := sha256.New()
	to := io.MultiWriter(file, sum)
	if want.Size() > w.cfg.MaxBytes {
		to = sum // it is refused: its name is all that is needed
	}
	n, err := io.Copy(to, whileAlive{ctx, io.LimitReader(from, want.Size()+1)})
	if err != nil {
		return nil, "", err
	}
	if n != want.Size() || !unchanged(from, want) {
		return nil, "", errChanged
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, "", err
	}
	return file, "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}

func unchanged(file *os.File, want fs.FileInfo) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular() && os.SameFile(info, want) && info.Size() == want.Size() && info.ModTime().Equal(want.ModTime())
}

// whileAlive ends a copy with its context.
type whileAlive struct {
	ctx context.Context
	io.Reader
}

func (w whileAlive) Read(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.Reader.Read(p)
}

// folderNames lists the folders in a folder, without those that are hidden.
func folderNames(root *os.Root, at string, limit int) ([]string, error) {
	dir, err := root.Open(at)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(limit)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// fileInfos lists the files of a folder that may be submitted.
func fileInfos(root *os.Root, at string) ([]fs.FileInfo, error) {
	dir, err := root.Open(at)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	entries, err := dir.ReadDir(maxFiles)
	if err != nil && err != io.EOF {
		return nil, err
	}
	var files []fs.FileInfo
	for _, e := range entries {
		extension := strings.ToLower(path.Ext(e.Name()))
		if !e.Type().IsRegular() || strings.HasPrefix(e.Name(), ".") || extension != ".jar" && extension != ".jpl" {
			continue
		}
		if info, err := root.Lstat(path.Join(at, e.Name())); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
		}
	}
	return files, nil
}
