// Package ingesttest has the files that must not become releases, for tests of what takes
// files in:
//
//	for _, f := range ingesttest.Hostile(t, seed, 1000, good...) { … }
//
// They are the same for the same seed and the same good files. Whatever refuses one of them
// does so with one of Codes.
package ingesttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
)

// File is a file that must not become a release.
type File struct {
	Name string // of the case; no name of a file
	Data []byte
}

// Hostile returns n files, or more: everything broken that the formats know of, what fuzzing
// has kept, and mutations of good files. A mutation that does no harm is a good file again:
// publish those first, so that it is refused as another file of the same version.
func Hostile(t testing.TB, seed uint64, n int, good ...[]byte) []File {
	t.Helper()
	var list []File
	for _, c := range slices.Concat(bundletest.Hostile(), bundletest.Forged()) {
		list = append(list, File{c.Name, c.Bytes})
	}
	for _, c := range jpltest.Hostile() {
		list = append(list, File{c.Name, c.Bytes})
	}
	list = append(list, fuzzed(t, filepath.Join(module(t), "bundle", "testdata", "fuzz"))...)
	random := rand.New(rand.NewPCG(seed, 8))
	for i := 0; len(list) < n; i++ {
		list = append(list, File{fmt.Sprintf("mutation %d of seed %d", i, seed), mutate(random, good[i%len(good)])})
	}
	return list
}

// Some returns n of files, chosen by a seed.
func Some(files []File, seed uint64, n int) []File {
	some := slices.Clone(files)
	rand.New(rand.NewPCG(seed, 9)).Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	return some[:min(n, len(some))]
}

// module is the folder of go.mod, above the package that is tested.
func module(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod is above the test's folder")
		}
	}
}

// fuzzed reads the inputs that fuzzing has kept, as far as they are bytes.
func fuzzed(t testing.TB, dir string) (list []File) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			literal, ok := strings.CutPrefix(strings.TrimSpace(line), "[]byte(")
			if !ok {
				continue
			}
			data, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			list = append(list, File{path, []byte(data)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// mutate changes a copy of a file in one of the ways in which files break.
func mutate(random *rand.Rand, good []byte) []byte {
	data := bytes.Clone(good)
	at := random.IntN(len(data))
	switch random.IntN(6) {
	case 0: // cut off
		return data[:at]
	case 1: // some bytes changed
		for range 1 + random.IntN(8) {
			data[random.IntN(len(data))] ^= byte(1 + random.IntN(255))
		}
	case 2: // a piece missing
		return slices.Delete(data, at, min(len(data), at+1+random.IntN(100)))
	case 3: // a piece twice
		return slices.Insert(data, at, data[at:min(len(data), at+1+random.IntN(100))]...)
	case 4: // a piece zeroed, as after a power failure
		clear(data[at:min(len(data), at+1+random.IntN(4096))])
	default: // two pieces exchanged
		half := len(data) / 2
		return slices.Concat(data[half:], data[:half])
	}
	return data
}

// Codes are all that a refusal of a Hostile file may say.
func Codes() map[string]bool {
	known := map[string]bool{}
	for _, c := range bundle.Codes() {
		known[string(c)] = true
	}
	for _, c := range jpl.Codes() {
		known[string(c)] = true
	}
	for _, c := range trust.Codes() {
		known[string(c)] = true
	}
	for _, c := range []string{store.CodeFormatUnknown, store.CodeVersionExists, store.CodePictureInvalid} {
		known[c] = true
	}
	return known
}
