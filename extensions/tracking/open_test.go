package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestNothingIsWrittenBeforeActivate(t *testing.T) {
	folder := t.TempDir()
	ext := newTracking(noon)
	if err := ext.Init(t.Context(), sdk.Setup{DataDir: folder}); err != nil {
		t.Fatal(err)
	}
	if err := ext.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("the data folder has %v (%v)", files, err)
	}
	if err := ext.Destroy(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestInitRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, setup := range map[string]sdk.Setup{
		"configuration":   {DataDir: t.TempDir(), Config: []byte(`{"retention_days":-1,"max_positions":0}`)},
		"no folder":       {DataDir: filepath.Join(t.TempDir(), "missing")},
		"file for folder": {DataDir: file},
	} {
		t.Run(name, func(t *testing.T) {
			if err := newTracking(noon).Init(t.Context(), setup); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestBadDatabase: a database that can not be used is an error that names it, and
// the file stays as it was.
func TestBadDatabase(t *testing.T) {
	sound := func(t *testing.T) []byte {
		folder := t.TempDir()
		f := newFixture(t, folder, "")
		for i := range 20 {
			f.accept(at("d", -time.Duration(i)*time.Second, 1, 2), at(fmt.Sprint("e", i), 0, 1, 2))
		}
		if err := f.Destroy(t.Context()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(folder, historyFile))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, test := range []struct {
		name string
		harm func(data []byte) []byte
		says string
	}{
		{"empty", func([]byte) []byte { return nil }, "damaged"},
		{"short", func(data []byte) []byte { return data[:100] }, "damaged"},
		{"half", func(data []byte) []byte { return data[:len(data)/2] }, "damaged"},
		{"no head", func(data []byte) []byte { clear(data[:8192]); return data }, "damaged"},
		{"only a head", func(data []byte) []byte { clear(data[8192:]); return data }, "damaged"},
		{"something else", func([]byte) []byte { return []byte(strings.Repeat("not a database ", 10_000)) }, "damaged"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			path := filepath.Join(folder, historyFile)
			data := test.harm(sound(t))
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			err := activate(t, folder)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), path) {
				t.Errorf("error is %v", err)
			}
			if left, err := os.ReadFile(path); err != nil || !slices.Equal(left, data) {
				t.Errorf("the file was changed (%v)", err)
			}
		})
	}
}

// activate starts an extension that will not come far, and returns why.
func activate(t *testing.T, folder string) error {
	t.Helper()
	ext := newTracking(noon)
	if err := ext.Init(t.Context(), sdk.Setup{DataDir: folder}); err != nil {
		t.Fatal(err)
	}
	err := ext.Activate(t.Context())
	if err := ext.Destroy(t.Context()); err != nil {
		t.Error(err)
	}
	return err
}

func TestDatabaseOfAnotherKind(t *testing.T) {
	t.Run("locked", func(t *testing.T) {
		folder := t.TempDir()
		newFixture(t, folder, "")
		if err := activate(t, folder); err == nil || !strings.Contains(err.Error(), "in use by another process") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a later format", func(t *testing.T) {
		folder := t.TempDir()
		f := newFixture(t, folder, "")
		err := f.history.Load().db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketMeta)).Put([]byte(keyFormat), []byte{9})
		})
		if err := errors.Join(err, f.Destroy(t.Context())); err != nil {
			t.Fatal(err)
		}
		if err := activate(t, folder); err == nil || !strings.Contains(err.Error(), "format 9") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("buckets are missing", func(t *testing.T) {
		folder := t.TempDir()
		db, err := bbolt.Open(filepath.Join(folder, historyFile), 0o600, nil)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		if err := activate(t, folder); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a link", func(t *testing.T) {
		folder := t.TempDir()
		if err := os.Symlink(filepath.Join(t.TempDir(), "elsewhere"), filepath.Join(folder, historyFile)); err != nil {
			t.Fatal(err)
		}
		if err := activate(t, folder); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a beginning that was cut short", func(t *testing.T) {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, historyFile+".new"), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := activate(t, folder); err != nil {
			t.Error(err)
		}
	})
}

func TestCheckSeesDamage(t *testing.T) {
	t.Run("removed", func(t *testing.T) {
		folder := t.TempDir()
		f := newFixture(t, folder, "")
		if err := f.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(folder, historyFile)); err != nil {
			t.Fatal(err)
		}
		if err := f.Check(t.Context()); err == nil {
			t.Error("a removed database is healthy")
		}
	})
	t.Run("replaced", func(t *testing.T) {
		folder := t.TempDir()
		f := newFixture(t, folder, "")
		path := filepath.Join(folder, historyFile)
		if err := errors.Join(os.WriteFile(path+".other", []byte("x"), 0o600), os.Rename(path+".other", path)); err != nil {
			t.Fatal(err)
		}
		if err := f.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "replaced") {
			t.Errorf("error is %v", err)
		}
	})
	t.Run("a page of it cut off while in use", func(t *testing.T) {
		folder := t.TempDir()
		f := newFixture(t, folder, "")
		f.accept(at("d", 0, 1, 1))
		if err := os.Truncate(filepath.Join(folder, historyFile), 8192); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ask("Track", trackOf("d", -time.Hour, time.Hour)); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("error is %v", err)
		}
		if err := f.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "damaged") {
			t.Errorf("error is %v", err)
		}
		if _, err := f.ask("ReportPositions", reports(at("d", time.Second, 1, 1))); err == nil {
			t.Error("a damaged database took a report")
		}
	})
	t.Run("a stored position that can not be read", func(t *testing.T) {
		f := newFixture(t, t.TempDir(), "")
		f.accept(at("d", 0, 1, 1))
		if err := f.history.Load().db.Update(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(bucketCurrent)).Put([]byte("d"), []byte("short"))
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.ask("CurrentPositions", `{}`); err == nil {
			t.Error("no error")
		}
		if err := f.Check(t.Context()); err == nil {
			t.Error("the database is healthy")
		}
	})
}
