package catalog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/host/internal/lifecycle"
)

// TestHostileFilesBesideGoodOnes fills a folder with a hundred bad files and more, of
// every kind that there is. Each is refused with its code, and the good ones run, in
// the first View.
func TestHostileFilesBesideGoodOnes(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	want := map[string]bundle.Code{}
	for i, bad := range hostile(100) {
		name := fmt.Sprintf("%03d-%s.jar", i, bad.Name)
		h.put(name, bad.Bytes)
		// Left alone long ago, so that what is truncated need not stall once more.
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(h.path(name), old, old); err != nil {
			t.Fatal(err)
		}
		if len(bad.Bytes) > 0 { // an empty file waits
			want[name] = bad.Code
		}
	}
	good := []string{}
	for i := range 5 {
		id := fmt.Sprintf("good%d", i)
		h.put(fmt.Sprintf("%03d-good.jar", i*20), parcelBytes(id, "1", 1000))
		good = append(good, id+" 1")
	}
	r := h.run(func(c *Catalog) { c.cfg.Stalled = time.Minute })
	v := r.await("all are refused", func(v View) bool {
		return !slices.ContainsFunc(v.Rows, func(row Row) bool {
			return want[row.File] != "" && row.State != lifecycle.Failed && row.State != lifecycle.Refused
		})
	})
	refused := 0
	for _, row := range v.Rows {
		if row.State != lifecycle.Failed && row.State != lifecycle.Refused {
			continue
		}
		if wrong := bundle.Code(row.Reason.Code).OfSignature(); wrong != (row.State == lifecycle.Refused) {
			t.Errorf("%s is %s: %s", row.File, row.State, row.Reason.Code)
		}
		refused++
		if row.Reason.Code != string(want[row.File]) || row.Reason.Message == "" {
			t.Errorf("%s: %s: %s", row.File, row.Reason.Code, row.Reason.Message)
		}
	}
	if refused != len(want) {
		t.Errorf("%d of %d are refused", refused, len(want))
	}
	if left := h.shelved(); len(left) != len(good) {
		t.Errorf("private storage holds %q", left)
	}
	r.never("a good one waits", func(v View) bool { return !slices.Equal(desired(v), good) })
}

// hostile returns at least n files, a bomb and one with a million entries among them.
func hostile(n int) []bundletest.Case {
	list := greedy()
	for len(list) < n {
		for _, c := range append(bundletest.Hostile(), bundletest.Forged()...) {
			if c.Limits == (bundle.Limits{}) {
				list = append(list, c)
			}
		}
	}
	return list
}

// greedy are files that ask for much.
func greedy() []bundletest.Case {
	bomb := bundletest.GoodArchive()
	bomb.Entries = append(bomb.Entries, bundletest.Entry{Name: "data/zeros", Data: make([]byte, 8<<20)})
	return []bundletest.Case{
		{Name: "bomb", Code: bundle.CodeRatioTooHigh, Bytes: bomb.Build()}, // about 1000:1
		{Name: "million", Code: bundle.CodeTooManyEntries, Bytes: millionEntries()},
	}
}

// millionEntries is a small file whose end records declare a million entries.
func millionEntries() []byte {
	const entries = 1_000_000
	directory := bytes.Repeat(append([]byte("PK\x01\x02"), make([]byte, 42)...), entries)
	data := directory
	record := append([]byte("PK\x06\x06"), make([]byte, 52)...)
	binary.LittleEndian.PutUint64(record[4:], 44)
	binary.LittleEndian.PutUint16(record[12:], 45)
	binary.LittleEndian.PutUint16(record[14:], 45)
	binary.LittleEndian.PutUint64(record[24:], entries)
	binary.LittleEndian.PutUint64(record[32:], entries)
	binary.LittleEndian.PutUint64(record[40:], uint64(len(directory)))
	locator := append([]byte("PK\x06\x07"), make([]byte, 16)...)
	binary.LittleEndian.PutUint64(locator[8:], uint64(len(directory)))
	binary.LittleEndian.PutUint32(locator[16:], 1)
	end := append([]byte("PK\x05\x06"), make([]byte, 18)...)
	copy(end[8:], bytes.Repeat([]byte{0xff}, 12))
	return slices.Concat(data, record, locator, end)
}

// TestMemoryWhileJudging checks that what a hostile file costs does not depend on what
// it says of itself.
func TestMemoryWhileJudging(t *testing.T) {
	h := newHome(t)
	for _, c := range greedy() {
		h.put(c.Name+".jar", c.Bytes)
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := h.run()
	r.turned("bomb.jar", lifecycle.Failed, string(bundle.CodeRatioTooHigh))
	r.turned("million.jar", lifecycle.Failed, string(bundle.CodeTooManyEntries))
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 32<<20 {
		t.Errorf("judging allocated %d MiB", allocated>>20)
	}
}
