package backup

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// of adds up what is moved of total bytes. There may be more in the end than there was when
// somebody looked.
func (p Progress) of(total int64) (moved func(n int)) {
	var done int64
	return func(n int) {
		done += int64(n)
		p(done, max(done, total))
	}
}

// through is what to tell of a file that is read so many times, nil for nobody.
func (p Progress) through(f *os.File, times int64) (moved func(n int)) {
	info, err := f.Stat()
	if p == nil || err != nil {
		return nil
	}
	return p.of(times * info.Size())
}

var errEnough = errors.New("enough")

// size is about how many bytes the files of the backup will hold. It is for the eye: what
// cannot be read counts for nothing, and so does what is beyond what a backup may have.
func (b *writing) size(ctx context.Context) (sum int64) {
	dirs := []string{b.home.Conf(), b.home.Bundles(), filepath.Dir(b.home.KeyValue("x")), b.home.TrustCache(), b.home.Extensions(), filepath.Dir(b.home.Pages())}
	if !b.src.WithoutData {
		dirs = append(dirs, filepath.Dir(b.home.Data("x")), filepath.Dir(b.home.Snapshots("x")))
	}
	entries := 0
	add := func(_ string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil || entries >= maxFiles {
			return errEnough
		}
		entries++
		if err != nil || !d.Type().IsRegular() {
			return nil // links are not followed: whose they are is looked at when they are written
		}
		if info, err := d.Info(); err == nil {
			sum += info.Size()
		}
		return nil
	}
	for _, dir := range append(dirs, b.home.Database()) {
		if filepath.WalkDir(dir, add) != nil {
			break
		}
	}
	return sum
}
