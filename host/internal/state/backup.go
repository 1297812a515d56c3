package state

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	keptBackups  = 3
	backupPrefix = "jackfield-"
	backupSuffix = ".db"
	stampLayout  = "20060102T150405.000000000Z"
	// backupQuiet is how long nothing must change before a backup is made, backupLate
	// how long one may be put off by that.
	backupQuiet = time.Second
	backupLate  = 10 * time.Second
)

// Run makes backups after changes, until ctx ends: then a last one.
func (s *Store) Run(ctx context.Context) error {
	quiet := time.NewTimer(time.Hour)
	quiet.Stop()
	defer quiet.Stop()
	var since time.Time // of the first change without a backup
	for {
		select {
		case <-s.dirty:
			if since.IsZero() {
				since = time.Now()
			}
			quiet.Reset(min(backupQuiet, max(time.Until(since.Add(backupLate)), 0)))
		case <-quiet.C:
			since = time.Time{}
			s.backUp(ctx)
		case <-ctx.Done():
			select {
			case <-s.dirty:
				since = time.Now()
			default:
			}
			if !since.IsZero() {
				last, cancel := context.WithTimeout(context.WithoutCancel(ctx), backupLate)
				defer cancel()
				s.backUp(last)
			}
			return nil
		}
	}
}

func (s *Store) backUp(ctx context.Context) {
	if err := s.backup(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn("the host's database could not be backed up", "folder", s.cfg.Backups, "error", err)
	}
}

// backup writes a copy of the database and removes those that are too old.
func (s *Store) backup(ctx context.Context) error {
	part := filepath.Join(s.cfg.Backups, ".part")
	if err := removeIfThere(part); err != nil {
		return err
	}
	s.writing.Lock()
	_, err := s.db.ExecContext(ctx, "VACUUM INTO $1", part)
	s.writing.Unlock()
	if err == nil {
		err = os.Chmod(part, 0o600)
	}
	if err == nil {
		err = syncFile(part)
	}
	if err != nil {
		return errors.Join(asOwn(err), removeIfThere(part))
	}
	name := backupPrefix + time.Now().UTC().Format(stampLayout) + backupSuffix
	if err := os.Rename(part, filepath.Join(s.cfg.Backups, name)); err != nil {
		return err
	}
	if err := syncFile(s.cfg.Backups); err != nil {
		return err
	}
	names, err := s.backups()
	for _, old := range names[min(keptBackups, len(names)):] {
		err = errors.Join(err, os.Remove(filepath.Join(s.cfg.Backups, old)))
	}
	return err
}

// backups lists the names of the backups, the newest first.
func (s *Store) backups() ([]string, error) {
	list, err := os.ReadDir(s.cfg.Backups)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range list {
		if strings.HasPrefix(e.Name(), backupPrefix) && strings.HasSuffix(e.Name(), backupSuffix) {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// recover moves a damaged database aside and puts the newest good backup in its place,
// if there is one.
func (s *Store) recover(why string) (Origin, error) {
	log := s.cfg.Log.With("database", s.cfg.Path)
	aside := s.cfg.Path + ".damaged-" + time.Now().UTC().Format(stampLayout)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Rename(s.cfg.Path+suffix, aside+suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("moving the damaged database aside: %w", err)
		}
	}
	if _, err := os.Stat(aside); err == nil {
		log = log.With("damaged", aside)
	}
	names, err := s.backups()
	if err != nil {
		return "", fmt.Errorf("looking for backups: %w", err)
	}
	for _, name := range names {
		path := filepath.Join(s.cfg.Backups, name)
		if err := good(path); err != nil {
			log.Warn("a backup of the host's database cannot be used", "backup", path, "error", err)
			continue
		}
		if err := copyFile(path, s.cfg.Path); err != nil {
			return "", fmt.Errorf("restoring the database from %s: %w", path, err)
		}
		log.Error("the host's database is lost and was restored from a backup: what was decided after it is not known",
			"reason", why, "backup", path)
		return Restored, nil
	}
	log.Error("the host's database is lost and there is no backup of it: a new one is made", "reason", why)
	return Lost, nil
}

// good reports whether a backup can be used.
func good(path string) error {
	db, err := connect(path)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := check(context.Background(), db); err != nil {
		return err
	}
	_, err = readExtensions(context.Background(), db)
	return err
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	part := to + ".part"
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, to); err != nil {
		return err
	}
	return syncFile(filepath.Dir(to))
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// syncFile sees to it that a file, or the names in a folder, are on disk.
func syncFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
