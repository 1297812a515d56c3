package sqlitefile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	keepBackups = 3

	// A backup is made when nothing has changed for quiet, and no later than latest
	// after the first change; one that failed is tried again after retry.
	quiet  = time.Second
	latest = 10 * time.Second
	retry  = time.Minute

	backupPrefix, backupSuffix = "jackfield-", ".db"
	unfinished                 = ".tmp"
	stampLayout                = "20060102T150405.000Z"
)

// Run makes a backup a second after the last of a row of calls of Changed, within ten
// seconds of the first one, and once more at the end when ctx ends with changes that
// are in no backup. A backup that fails is logged and tried again.
func (f *File) Run(ctx context.Context) error {
	for {
		select {
		case <-f.dirty:
		case <-ctx.Done():
			select {
			case <-f.dirty:
				f.tryBackup(ctx)
			default:
			}
			return nil
		}
		f.settle(ctx)
		for !f.tryBackup(ctx) {
			if ctx.Err() != nil {
				return nil
			}
			wait(ctx, retry)
		}
	}
}

// Changed tells Run that there is something to back up.
func (f *File) Changed() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
}

// settle waits until the changes pause.
func (f *File) settle(ctx context.Context) {
	deadline := time.Now().Add(latest)
	for {
		timer := time.NewTimer(min(quiet, time.Until(deadline)))
		select {
		case <-f.dirty:
			timer.Stop()
			if time.Now().Before(deadline) {
				continue
			}
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		return
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (f *File) tryBackup(ctx context.Context) bool {
	// Not cut short by the end of ctx: that is when the last one is made.
	err := f.Backup(context.WithoutCancel(ctx))
	if err != nil {
		f.cfg.Log.Warn("no backup of the database was made", "error", err, "retry", retry)
	}
	return err == nil
}

// Backup writes a whole copy of the database as it is at this moment. Writers are not
// held up.
func (f *File) Backup(ctx context.Context) (err error) {
	backups, err := listBackups(f.cfg.Backups)
	if err != nil {
		return Explain("listing the backups in", f.cfg.Backups, err)
	}
	path := filepath.Join(f.cfg.Backups, backupName(time.Now(), backups))
	temp := path + unfinished
	defer func() {
		if err != nil {
			err = Explain("backing up to", path, errors.Join(err, removeDatabase(temp)))
		}
	}()
	// SQLite fills an empty file; made here it is nobody else's to read.
	if err := copyFile(temp, ""); err != nil {
		return err
	}
	if _, err := f.Read.ExecContext(ctx, "VACUUM INTO ?", temp); err != nil {
		return err
	}
	// A copy of something broken must not push out a good one.
	if err := f.cfg.inspect(ctx, temp, still); err != nil {
		return err
	}
	if err := syncFile(temp); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	if err := syncDir(f.cfg.Backups); err != nil {
		return err
	}
	for _, old := range backups[:max(0, len(backups)+1-keepBackups)] {
		if err := os.Remove(filepath.Join(f.cfg.Backups, old)); err != nil {
			return err
		}
	}
	return nil
}

// backupName returns a name that sorts after all of backups, whatever the clock says.
func backupName(now time.Time, backups []string) string {
	if len(backups) > 0 {
		last := strings.TrimSuffix(strings.TrimPrefix(backups[len(backups)-1], backupPrefix), backupSuffix)
		if t, err := time.Parse(stampLayout, last); err == nil && !now.Truncate(time.Millisecond).After(t) {
			now = t.Add(time.Millisecond)
		}
	}
	return backupPrefix + now.UTC().Format(stampLayout) + backupSuffix
}

// makeBackups makes the folder of the backups and clears away unfinished ones.
func makeBackups(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Explain("making the folder of the backups", dir, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Explain("listing the backups in", dir, err)
	}
	for _, entry := range entries {
		// With what SQLite put beside it: -journal.
		if name := entry.Name(); strings.HasPrefix(name, backupPrefix) && strings.Contains(name, backupSuffix+unfinished) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return Explain("clearing an unfinished backup away:", filepath.Join(dir, name), err)
			}
		}
	}
	return nil
}

// listBackups returns the names of the finished backups, oldest first; none without a
// folder.
func listBackups(dir string) ([]string, error) {
	if dir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		stamp, ok := strings.CutPrefix(entry.Name(), backupPrefix)
		stamp, ok2 := strings.CutSuffix(stamp, backupSuffix)
		if _, err := time.Parse(stampLayout, stamp); ok && ok2 && err == nil {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// copyFile makes a new file at to, for the host alone, with the content of from, or
// empty when from is "".
func copyFile(to, from string) (err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if from == "" {
		return nil
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := io.Copy(f, source); err != nil {
		return fmt.Errorf("copying %s: %w", from, err)
	}
	return nil
}

func syncFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
