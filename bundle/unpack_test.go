package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// listing returns "mode path" for everything below dir.
func listing(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		list = append(list, info.Mode().String()+" "+filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestUnpack(t *testing.T) {
	a := bundletest.GoodArchive(
		bundletest.Without("bin/linux-amd64/extension"),
		func(c *bundletest.Content) { clear(c.Files) },
		bundletest.WithFile("bin/linux-amd64/extension", []byte("one")),
		bundletest.WithFile("bin/plan9-arm/extension", []byte("two")),
		bundletest.WithFile("bin/tool.sh", []byte("#!/bin/sh")),
		bundletest.WithFile("data/deep/er/é.txt", []byte("text")))
	for i := range a.Entries {
		a.Entries[i].Central = func(h *bundletest.Header) { h.MadeBy, h.Attributes = 3<<8|20, 0o104777<<16 }
	}
	a.Entries = append(a.Entries, bundletest.Entry{Name: "empty/", Data: []byte{}, Stored: true})
	v := mustVerify(t, a.Build())
	want := []string{
		"drwxr-xr-x .",
		"drwxr-xr-x META-INF",
		"-r--r--r-- META-INF/MANIFEST.MF",
		"drwxr-xr-x bin",
		"drwxr-xr-x bin/linux-amd64",
		"-r-xr-xr-x bin/linux-amd64/extension",
		"drwxr-xr-x bin/plan9-arm",
		"-r-xr-xr-x bin/plan9-arm/extension",
		"-r--r--r-- bin/tool.sh",
		"drwxr-xr-x data",
		"drwxr-xr-x data/deep",
		"drwxr-xr-x data/deep/er",
		"-r--r--r-- data/deep/er/é.txt",
		"drwxr-xr-x empty",
	}
	for _, made := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "out")
		if made {
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := v.Unpack(context.Background(), dir); err != nil {
			t.Fatal(err)
		}
		if got := listing(t, dir); !slices.Equal(got, want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if data, err := os.ReadFile(filepath.Join(dir, "bin/linux-amd64/extension")); string(data) != "one" {
			t.Errorf("%q %v", data, err)
		}
		if err := v.Unpack(context.Background(), dir); err == nil {
			t.Error("a folder that is not empty was taken")
		}
		if got := listing(t, dir); !slices.Equal(got, want) {
			t.Error("a refused folder was changed")
		}
	}
}

func TestUnpackLeavesNothing(t *testing.T) {
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	// A file that changes between Verify and Unpack.
	a := bundletest.GoodArchive()
	a.Entries = append(a.Entries, bundletest.Entry{Name: "data/x", Data: []byte("abcdefgh"), Stored: true})
	data := a.Build()
	changing := mustVerify(t, data)
	data[bytes.LastIndex(data, []byte("abcdefgh"))]++

	for _, c := range []struct {
		name string
		v    *bundle.Verified
		ctx  context.Context
		want func(error) bool
	}{
		{"context", mustVerify(t, bundletest.Good()), canceled, func(err error) bool { return errors.Is(err, context.Canceled) }},
		{"changed file", changing, context.Background(), func(err error) bool { return bundle.CodeOf(err) == bundle.CodeCRCMismatch }},
		{"not verified", &bundle.Verified{}, context.Background(), func(err error) bool { return err != nil }},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "out")
			if err := c.v.Unpack(c.ctx, dir); !c.want(err) {
				t.Errorf("got %v", err)
			}
			if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the folder is still there: %v", err)
			}
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := c.v.Unpack(c.ctx, dir); err == nil {
				t.Error("no error")
			}
			if got := listing(t, dir); len(got) != 1 {
				t.Errorf("left behind: %q", got)
			}
		})
	}
}

func TestUnpackFollowsNoLink(t *testing.T) {
	base := t.TempDir()
	if err := os.Symlink(filepath.Join(base, "elsewhere"), filepath.Join(base, "out")); err != nil {
		t.Fatal(err)
	}
	v := mustVerify(t, bundletest.Good())
	if err := v.Unpack(context.Background(), filepath.Join(base, "out")); err == nil {
		t.Error("a dangling link was taken for a folder")
	}
	if _, err := os.Lstat(filepath.Join(base, "elsewhere")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("written behind a link")
	}
}
