package bundle

import (
	"bufio"
	"compress/flate"
	"errors"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
)

// OpenEntry reads the entry of that name. Reading ends with an *Error instead of
// io.EOF when size or CRC are not as declared; it never gives more bytes than
// declared.
func (f *File) OpenEntry(name string) (io.ReadCloser, error) {
	i, ok := f.byName[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(f.openIndex(i)), nil
}

func (f *File) openIndex(i int) io.Reader {
	e := &f.entries[i]
	var u unpacker
	return u.open(e, bufio.NewReaderSize(io.NewSectionReader(f.r, e.dataAt, e.CompressedSize), int(min(e.CompressedSize+16, 64<<10))))
}

// span is the compressed data of one entry inside of a longer stream. It reads
// single bytes, so that inflating takes no byte more than it needs.
type span struct {
	src  *bufio.Reader
	left int64
	err  error // of the file, not of the data
}

func (s *span) Read(p []byte) (int, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.src.Read(p)
	s.left -= int64(n)
	return n, s.fail(err)
}

func (s *span) ReadByte() (byte, error) {
	if s.left == 0 {
		return 0, io.EOF
	}
	b, err := s.src.ReadByte()
	if err != nil {
		return 0, s.fail(err)
	}
	s.left--
	return b, nil
}

// fail keeps an error of the file, and makes its early end one.
func (s *span) fail(err error) error {
	if err == io.EOF && s.left > 0 {
		err = errShrunk
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return err
}

// unpacker turns spans into data. It keeps its tables from entry to entry, so its
// zero value serves many entries, one after another.
type unpacker struct {
	inflate io.ReadCloser
	crc     hash.Hash32
}

// open starts with the entry e, whose compressed data is what src gives next.
func (u *unpacker) open(e *entry, src *bufio.Reader) *entryReader {
	r := &entryReader{e: e, raw: span{src: src, left: e.CompressedSize}}
	if u.crc == nil {
		u.crc = crc32.NewIEEE()
	}
	u.crc.Reset()
	r.crc, r.data = u.crc, &r.raw
	if e.Method == MethodDeflate {
		if reset, ok := u.inflate.(flate.Resetter); ok {
			// Reset fails only with a dictionary, and there is none.
			_ = reset.Reset(&r.raw, nil)
		} else {
			u.inflate = flate.NewReader(&r.raw)
		}
		r.data = u.inflate
	}
	return r
}

// entryReader gives the data of one entry and judges it.
type entryReader struct {
	e    *entry
	raw  span
	data io.Reader
	crc  hash.Hash32
	n    int64
	err  error
}

func (r *entryReader) Read(p []byte) (int, error) {
	if r.err != nil || len(p) == 0 {
		return 0, r.err
	}
	left := r.e.Size - r.n
	if r.e.Dir && r.e.Size > 0 {
		r.err = refuse(CodeDataCorrupt, r.e.Name, "the folder has a content of %d bytes", r.e.Size)
		return 0, r.err
	}
	if left == 0 {
		r.err = r.finish()
		return 0, r.err
	}
	n, err := r.data.Read(p[:min(int64(len(p)), left)])
	r.n += int64(n)
	r.crc.Write(p[:n])
	if err == io.EOF {
		// Only finish may end the data well.
		err = nil
		if r.n < r.e.Size {
			err = refuse(CodeDataCorrupt, r.e.Name, "the data ends after %d of the %d bytes declared", r.n, r.e.Size)
		}
	}
	if err != nil {
		r.err = r.fault(err)
	}
	return n, r.err
}

// finish judges an entry whose declared bytes were all read. It returns io.EOF when
// all is well.
func (r *entryReader) finish() error {
	var more [1]byte
	n, err := io.ReadFull(r.data, more[:])
	switch {
	case n > 0:
		return refuse(CodeDataCorrupt, r.e.Name, "the data is longer than the %d bytes declared", r.e.Size)
	case err != io.EOF:
		return r.fault(err)
	case r.raw.left > 0:
		return refuse(CodeDataCorrupt, r.e.Name, "%d bytes follow the end of the compressed data", r.raw.left)
	case r.crc.Sum32() != r.e.CRC32:
		return refuse(CodeCRCMismatch, r.e.Name, "the CRC of the data is %08x, not %08x as declared", r.crc.Sum32(), r.e.CRC32)
	}
	return io.EOF
}

// fault tells an error of the file from one of the data.
func (r *entryReader) fault(err error) error {
	var e *Error
	switch {
	case r.raw.err != nil:
		return unreadable(r.raw.err)
	case errors.As(err, &e):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(CodeDataCorrupt, r.e.Name, "the compressed data ends too early")
	}
	return refuse(CodeDataCorrupt, r.e.Name, "the compressed data is damaged (%v)", err)
}
