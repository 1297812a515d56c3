package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// What lies in the folder of an extension's snapshots: a tree for each version that was
// taken over from, data that was set aside, and, as long as a hand-over is under way,
// a note of that.
const (
	handOverName = "hand-over.json"
	scratchName  = ".scratch"
	backName     = ".back"
	asidePrefix  = "aside-"
	keptCopies   = 3
	keptAside    = 2
	// temporary is where a process has its temporary files: they are not kept.
	temporary = "tmp"
)

// Folder is the data folder of one extension and the copies of it: it implements Data.
// Data that are not there are an empty folder.
type Folder struct {
	// Dir is the data folder, Copies the folder of its copies, on the same file
	// system.
	Dir, Copies string
	// MaxBytes bounds a copy (upgrade.snapshot_max).
	MaxBytes int64
	Log      *slog.Logger
	// Now is the clock.
	Now func() time.Time

	// ahead is what Prepare has copied, by path.
	ahead map[string]stamp
}

var _ Data = (*Folder)(nil)

// handOver is the content of the note.
type handOver struct {
	From  string    `json:"from"` // digest of the version that has ended
	Begun time.Time `json:"begun"`
	// Restoring says that the data of From are being put back: that must be finished,
	// whatever runs next.
	Restoring bool `json:"restoring,omitempty"`
}

// TooBigError says that data are not copied because of their size.
type TooBigError struct{ Bytes, Max int64 }

func (e *TooBigError) Error() string {
	return fmt.Sprintf("the data folder holds more than the %d bytes of upgrade.snapshot_max (%d and more)", e.Max, e.Bytes)
}

// copyOf is where the data of a version are kept.
func (f *Folder) copyOf(digest string) string {
	return filepath.Join(f.Copies, strings.ReplaceAll(digest, ":", "-"))
}

// Prepare is part of Data.
func (f *Folder) Prepare(ctx context.Context, _ string) error {
	f.ahead = nil
	scratch := filepath.Join(f.Copies, scratchName)
	if err := os.RemoveAll(scratch); err != nil {
		return err
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return err
	}
	ahead, err := copyTree(ctx, f.Dir, scratch, f.MaxBytes, nil, nil)
	if err != nil {
		return err
	}
	f.ahead = ahead
	return nil
}

// Take is part of Data.
func (f *Folder) Take(ctx context.Context, from string) error {
	scratch := filepath.Join(f.Copies, scratchName)
	if f.ahead == nil {
		if err := os.RemoveAll(scratch); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(scratch, 0o700); err != nil {
		return err
	}
	_, err := copyTree(ctx, f.Dir, scratch, f.MaxBytes, f.ahead, nil)
	f.ahead = nil
	if err != nil {
		// An older copy is not the data that this version leaves.
		return errors.Join(err, os.RemoveAll(scratch), os.RemoveAll(f.copyOf(from)))
	}
	if err := os.RemoveAll(f.copyOf(from)); err != nil {
		return err
	}
	if err := os.Rename(scratch, f.copyOf(from)); err != nil {
		return err
	}
	now := f.Now()
	if err := os.Chtimes(f.copyOf(from), now, now); err != nil { // its age, for prune
		return err
	}
	if err := syncDir(f.Copies); err != nil {
		return err
	}
	f.prune()
	return f.write(handOver{From: from, Begun: now})
}

// write notes on disk what is under way.
func (f *Folder) write(note handOver) error {
	content, err := json.Marshal(note)
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(filepath.Join(f.Copies, handOverName), content, 0o600); err != nil {
		return err
	}
	return syncDir(f.Copies)
}

// Restore is part of Data.
func (f *Folder) Restore(ctx context.Context, from string) error {
	kept := f.copyOf(from)
	if _, err := os.Stat(kept); err != nil {
		return fmt.Errorf("there is no copy of the data of that version: %w", err)
	}
	back := filepath.Join(f.Copies, backName)
	if err := os.RemoveAll(back); err != nil {
		return err
	}
	if err := os.MkdirAll(back, 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(f.Dir, 0o700); err != nil {
		return err
	}
	owner, err := os.Lstat(f.Dir)
	if err != nil {
		return err
	}
	if _, err := copyTree(ctx, kept, back, 0, nil, owner); err != nil {
		return err
	}
	if err := f.write(handOver{From: from, Begun: f.Now(), Restoring: true}); err != nil {
		return err
	}
	aside := filepath.Join(f.Copies, asidePrefix+f.Now().UTC().Format("20060102T150405.000000000Z"))
	if err := os.Mkdir(aside, 0o700); err != nil {
		return err
	}
	// The folder itself stays: a process that is about to be activated has it open, and
	// may reach this folder only, whatever has its name.
	if err := moveAll(f.Dir, aside); err != nil {
		return err
	}
	if err := moveAll(back, f.Dir); err != nil {
		return err
	}
	if err := os.Remove(back); err != nil {
		return err
	}
	f.Log.Info("the data folder is as it was; what was in it is set aside", "folder", f.Dir, "aside", aside)
	f.prune()
	return errors.Join(syncDir(f.Copies), syncDir(f.Dir))
}

// moveAll moves what is in a folder into another one, but for temporary files.
func moveAll(from, to string) error {
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Name() == temporary {
			continue
		}
		if err := os.Rename(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Done is part of Data.
func (f *Folder) Done() error {
	err := os.Remove(filepath.Join(f.Copies, handOverName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, syncDir(f.Copies))
}

// Has reports whether there is a copy of the data of a version.
func (f *Folder) Has(digest string) bool {
	info, err := os.Stat(f.copyOf(digest))
	return err == nil && info.IsDir()
}

// Recover puts the data back if the host was killed in the middle of a hand-over, after
// the version from had ended and before another one was current, or in the middle of
// putting data back. It must be called
// before anything of the extension runs; current is what runs next.
func (f *Folder) Recover(ctx context.Context, current string) (restored bool, err error) {
	raw, err := os.ReadFile(filepath.Join(f.Copies, handOverName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var note handOver
	if err := json.Unmarshal(raw, &note); err != nil {
		return false, fmt.Errorf("reading %s: %w", handOverName, err)
	}
	if note.From == current || note.Restoring {
		if err := f.Restore(ctx, note.From); err != nil {
			return false, err
		}
		restored = true
	}
	return restored, f.Done()
}

// Purge removes the data and every copy.
func (f *Folder) Purge() error {
	return errors.Join(os.RemoveAll(f.Dir), os.RemoveAll(f.Copies))
}

// prune keeps the newest copies, and the newest of what was set aside.
func (f *Folder) prune() {
	list, err := os.ReadDir(f.Copies)
	if err != nil {
		return
	}
	type entry struct {
		name string
		time time.Time
	}
	var copies, aside []entry
	for _, e := range list {
		info, err := e.Info()
		switch {
		case err != nil || !e.IsDir() || strings.HasPrefix(e.Name(), "."):
		case strings.HasPrefix(e.Name(), asidePrefix):
			aside = append(aside, entry{e.Name(), info.ModTime()})
		default:
			copies = append(copies, entry{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(copies, func(a, b entry) int { return b.time.Compare(a.time) })
	slices.SortFunc(aside, func(a, b entry) int { return strings.Compare(b.name, a.name) })
	for _, old := range slices.Concat(copies[min(keptCopies, len(copies)):], aside[min(keptAside, len(aside)):]) {
		if err := os.RemoveAll(filepath.Join(f.Copies, old.name)); err != nil {
			f.Log.Warn("an old copy of a data folder cannot be removed", "folder", f.Copies, "copy", old.name, "error", err)
		}
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
