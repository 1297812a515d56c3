package bundle_test

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
)

// allocated returns how many bytes f allocates in all, freed ones included.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// readCounter counts what is read of a file.
type readCounter struct {
	io.ReaderAt
	bytes int64
}

func (c *readCounter) ReadAt(p []byte, at int64) (int, error) {
	c.bytes += int64(len(p))
	return c.ReaderAt.ReadAt(p, at)
}

// TestManyEntries refuses a directory of a million records without reading it.
func TestManyEntries(t *testing.T) {
	const count = 1_000_000
	record := (&bundletest.Archive{Entries: []bundletest.Entry{{Name: "x", Data: []byte("x")}}}).Build()
	at := bytes.Index(record, []byte("PK\x01\x02"))
	a := bundletest.Archive{
		Entries:         []bundletest.Entry{{Name: "x", Data: []byte("x")}},
		AfterDirectory:  bytes.Repeat(record[at:at+47], count-1),
		Zip64:           func(z *bundletest.Zip64End) { z.Here, z.Total, z.Size = count, count, 47*count },
		End:             func(e *bundletest.End) { e.Here, e.Total, e.Size = 0xffff, 0xffff, 47*count },
		BeforeDirectory: nil,
	}
	data := a.Build()
	file := &readCounter{ReaderAt: bytes.NewReader(data)}
	var err error
	used := allocated(func() { _, err = bundle.NewFile(file, int64(len(data)), bundle.Limits{}) })
	if bundle.CodeOf(err) != bundle.CodeTooManyEntries {
		t.Fatal(err)
	}
	if used > 1<<20 || file.bytes > 1<<20 {
		t.Errorf("refusing a file of %d bytes took %d bytes of memory and read %d", len(data), used, file.bytes)
	}
}

// TestBombs stops where a bomb begins to be one.
func TestBombs(t *testing.T) {
	for _, c := range hostile() {
		if !strings.Contains(c.Name, "bomb") {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			var err error
			used := allocated(func() { _, err = verify(c.Bytes, c.Limits) })
			if bundle.CodeOf(err) != c.Code {
				t.Fatal(err)
			}
			if used > 2<<20 {
				t.Errorf("took %d bytes of memory", used)
			}
			if c.Code != bundle.CodeDataCorrupt {
				return // refused before any of its data was looked at
			}
			f, err := bundle.NewFile(bytes.NewReader(c.Bytes), int64(len(c.Bytes)), bundle.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			r, err := f.OpenEntry(c.Entry)
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if len(data) != 10 || bundle.CodeOf(err) != c.Code {
				t.Errorf("read %d bytes where 10 are declared, %v", len(data), err)
			}
		})
	}
}

// TestWorstNames keeps time and memory in proportion to the file, however entries
// are named and wherever they point.
func TestWorstNames(t *testing.T) {
	const count = 10_000
	for _, c := range []struct {
		name  string
		entry func(i int) bundletest.Entry
		want  bundle.Code
	}{
		{"long common beginnings", func(i int) bundletest.Entry {
			return bundletest.Entry{Name: strings.Repeat("a/", 60) + fmt.Sprint(i)}
		}, ""},
		{"folders of their own", func(i int) bundletest.Entry {
			return bundletest.Entry{Name: fmt.Sprint(i) + strings.Repeat("/a", 20)}
		}, bundle.CodeTooManyEntries},
		{"one long local header for all", func(i int) bundletest.Entry {
			return bundletest.Entry{
				Name:    fmt.Sprint(i),
				Local:   func(h *bundletest.Header) { h.Omit, h.Extra = i > 0, bundletest.Field(0x7777, make([]byte, 65000)) },
				Central: func(h *bundletest.Header) { h.Offset = 0 },
			}
		}, bundle.CodeOverlap},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			var a bundletest.Archive
			for i := range count {
				e := c.entry(i)
				e.Stored, e.Data = true, []byte{}
				a.Entries = append(a.Entries, e)
			}
			data := a.Build()
			file := &readCounter{ReaderAt: bytes.NewReader(data)}
			var err error
			used := allocated(func() { _, err = bundle.NewFile(file, int64(len(data)), bundle.Limits{}) })
			if bundle.CodeOf(err) != c.want {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if limit := uint64(64<<20 + 4*len(data)); used > limit {
				t.Errorf("a file of %d bytes took %d bytes of memory, %d allowed", len(data), used, limit)
			}
			if limit := int64(1<<20 + 4*len(data)); file.bytes > limit {
				t.Errorf("%d bytes were read of a file of %d, %d allowed", file.bytes, len(data), limit)
			}
		})
	}
}
