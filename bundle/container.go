// Package bundle reads, checks and writes bundles: JAR files that hold one version
// of an extension. docs/bundle.md is the format.
//
// Open looks at the structure of a file and is quick. Verify reads all of it, and
// only Verify makes a Verified, which is what the rest of the host works with:
//
//	f, err := bundle.Open(path, bundle.DefaultLimits())
//	if err != nil { … }
//	defer f.Close()
//	v, err := bundle.Verify(ctx, f)
//
// Inspect does both for people, and Pack writes a bundle. What is wrong with a file
// comes back as an *Error with one Code of a closed set.
//
// The container is read by a parser of our own, because readers of ZIP disagree on
// what a hostile file holds. A file is accepted only when every byte of it belongs
// to exactly one of: a local header with its data and descriptor, the central
// directory, the end records; and when everything that is said twice is said
// equally. Reading costs memory and time that the size of the file and the Limits
// bound, whatever the file says of itself.
package bundle

import (
	"io"
	"os"
	"slices"
	"syscall"
)

// Limits are what a host takes. A field that is 0 stands for its default.
type Limits struct {
	// FileBytes is the size of the whole file.
	FileBytes int64
	// EntryBytes is the unpacked size of one entry, TotalBytes that of all.
	EntryBytes, TotalBytes int64
	// Entries is how many entries there may be, and separately how many folders
	// their names may imply.
	Entries int
	// Ratio is how many times larger than its compressed form an entry may be. It
	// counts for entries over RatioFrom bytes.
	Ratio     int64
	RatioFrom int64
}

// DefaultLimits returns the limits of docs/bundle.md.
func DefaultLimits() Limits {
	return Limits{
		FileBytes: 512 << 20, EntryBytes: 512 << 20, TotalBytes: 1 << 30,
		Entries: 65535, Ratio: 200, RatioFrom: 1 << 20,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		value *int64
		def   int64
	}{
		{&l.FileBytes, d.FileBytes}, {&l.EntryBytes, d.EntryBytes}, {&l.TotalBytes, d.TotalBytes},
		{&l.Ratio, d.Ratio}, {&l.RatioFrom, d.RatioFrom},
	} {
		if *f.value <= 0 {
			*f.value = f.def
		}
	}
	if l.Entries <= 0 {
		l.Entries = d.Entries
	}
	return l
}

// The compression methods of an Entry.
const (
	MethodStored  uint16 = 0
	MethodDeflate uint16 = 8
)

// Entry is one entry of a container.
type Entry struct {
	// Name is a clean relative path of UTF-8, with slashes; that of a folder ends
	// with one.
	Name string
	Dir  bool
	// Size and CompressedSize are in bytes.
	Size, CompressedSize int64
	CRC32                uint32
	// Method is MethodStored or MethodDeflate.
	Method uint16
}

// File is a container whose structure is sound: end records, directory and every
// header were read and agree. Its data was not looked at. A File may be used by
// several goroutines at once.
type File struct {
	r       io.ReaderAt
	size    int64
	closer  io.Closer
	entries []entry // in the order of the file
	byName  map[string]int
}

// Open reads the structure of the file at path: its ends, its directory, its
// headers; none of the data. Besides CodeUnreadable (also for what is no regular
// file) the interesting codes are CodeTruncated, for a file that may still be
// growing, and CodeNotZip. An empty file is CodeNotZip. The caller closes the File.
func Open(path string, limits Limits) (*File, error) {
	// Asked by name first, because opening a device can have effects; asked again
	// below, because the name may lead elsewhere by then.
	info, err := os.Stat(path)
	if err != nil {
		return nil, unreadable(err)
	}
	if !info.Mode().IsRegular() {
		return nil, refuse(CodeUnreadable, "", "not a regular file, it is %s", info.Mode().Type())
	}
	// A FIFO that took the file's place must not block the host.
	fd, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, unreadable(err)
	}
	if info, err = fd.Stat(); err == nil && !info.Mode().IsRegular() {
		err = refuse(CodeUnreadable, "", "not a regular file, it is %s", info.Mode().Type())
	}
	if err != nil {
		fd.Close()
		return nil, unreadable(err)
	}
	f, err := NewFile(fd, info.Size(), limits)
	if err != nil {
		fd.Close()
		return nil, err
	}
	f.closer = fd
	return f, nil
}

// NewFile is Open for bytes that are read elsewhere: size bytes of r, which must
// not change while the File is used. Close leaves r alone.
func NewFile(r io.ReaderAt, size int64, limits Limits) (*File, error) {
	p := &parser{r: r, size: size, limits: limits.withDefaults()}
	if err := p.parse(); err != nil {
		return nil, err
	}
	f := &File{r: r, size: size, entries: p.entries, byName: make(map[string]int, len(p.entries))}
	for i := range f.entries {
		f.byName[f.entries[i].Name] = i
	}
	return f, nil
}

// Close closes the file that Open opened.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Size is the size of the whole file in bytes.
func (f *File) Size() int64 { return f.size }

// Entries lists the entries in the order of their data in the file. The slice is
// the caller's.
func (f *File) Entries() []Entry {
	list := make([]Entry, len(f.entries))
	for i := range f.entries {
		list[i] = f.entries[i].Entry
	}
	return list
}

// parser goes through the structure of one file.
type parser struct {
	r      io.ReaderAt
	size   int64
	limits Limits
	faults faults
	begin  uint32 // the first four bytes
	end    ending
	// dirAt and dirSize are where the directory was found.
	dirAt, dirSize int64
	entries        []entry
}

// parse judges in the order of docs/bundle.md: the container as a whole, by the
// order of its codes; then headers in the order of the file.
func (p *parser) parse() error {
	if p.size > p.limits.FileBytes {
		return refuse(CodeTooBig, "", "the file has %d bytes, more than the %d allowed; see bundle.max_bytes", p.size, p.limits.FileBytes)
	}
	if err := p.parseContainer(); err != nil {
		return unreadable(err)
	}
	if err := p.faults.first(); err != nil {
		return err
	}
	return unreadable(p.judgeHeaders())
}

// parseContainer collects what is wrong with the container in p.faults. Its error
// is one that ends the reading: no end record, or an error of the file system.
func (p *parser) parseContainer() error {
	if err := p.findEnd(); err != nil {
		return err
	}
	ok, err := p.placeDirectory()
	if err != nil || !ok {
		return err
	}
	if ok, err = p.readDirectory(); err != nil || !ok {
		return err
	}
	slices.SortStableFunc(p.entries, func(a, b entry) int {
		switch {
		case a.offset < b.offset:
			return -1
		case a.offset > b.offset:
			return 1
		}
		return 0
	})
	if err := p.readLocalHeaders(); err != nil {
		return err
	}
	return p.judgeFront()
}

// faults keeps the first fault of each code of the container.
type faults map[Code]*Error

func (f *faults) add(e *Error) {
	if *f == nil {
		*f = faults{}
	}
	if _, ok := (*f)[e.Code]; !ok {
		(*f)[e.Code] = e
	}
}

// first returns the fault whose code comes first in the order of Codes.
func (f faults) first() error {
	if len(f) == 0 {
		return nil
	}
	for _, code := range Codes() {
		if e, ok := f[code]; ok {
			return e
		}
	}
	return nil
}

// unreadable makes an *Error of what is none: an error of the file system.
func unreadable(err error) error {
	if err == nil || CodeOf(err) != "" {
		return err
	}
	return &Error{Code: CodeUnreadable, Message: err.Error(), Err: err}
}

// readAt fills buf from offset at, which lies inside of the file.
func (p *parser) readAt(buf []byte, at int64) error {
	n, err := p.r.ReadAt(buf, at)
	switch {
	case n == len(buf):
		return nil
	case err == nil || err == io.EOF:
		return errShrunk
	}
	return err
}

// signatureAt reports whether the four bytes at that offset are sig. What lies
// outside of the file is none.
func (p *parser) signatureAt(at int64, sig uint32) (bool, error) {
	if at < 0 || at > p.size-4 {
		return false, nil
	}
	var b [4]byte
	if err := p.readAt(b[:], at); err != nil {
		return false, err
	}
	return le32(b[:]) == sig, nil
}
