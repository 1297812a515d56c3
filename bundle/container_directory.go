package bundle

import (
	"bufio"
	"errors"
	"io"
)

// General purpose flags of a header.
const (
	flagDescriptor = 1 << 3
	// encrypted data, strong encryption, masked headers
	flagsEncrypted = 1<<0 | 1<<6 | 1<<13
	// compression level (twice), descriptor, UTF-8 names
	flagsAllowed = 1<<1 | 1<<2 | flagDescriptor | 1<<11
)

// placeDirectory finds where the directory lies. It returns false when there is no
// use in reading it.
func (p *parser) placeDirectory() (bool, error) {
	ok, err := p.readZip64End()
	if err != nil || !ok {
		p.strangeBegin()
		return false, err
	}
	e := &p.end
	if e.disk != 0 || e.dirDisk != 0 {
		p.faults.add(refuse(CodeMultiDisk, "", "the end record belongs to disk %d of a split archive", e.disk))
		if e.here != e.total || p.begin != sigLocal {
			return false, nil // the other parts are elsewhere
		}
	}
	if e.dirSize > uint64(e.dirEnd) || e.dirOffset > uint64(e.dirEnd) || e.dirSize+e.dirOffset > uint64(e.dirEnd) {
		p.strangeBegin()
		p.faults.add(refuse(CodeDirectoryBad, "", "the central directory, %d bytes at %d, would reach behind its end at %d", e.dirSize, e.dirOffset, e.dirEnd))
		return false, nil
	}
	p.dirAt, p.dirSize = int64(e.dirOffset), int64(e.dirSize)
	prefixed, err := p.shifted()
	if err != nil || prefixed {
		return false, err
	}
	if e.here != e.total {
		p.faults.add(refuse(CodeDirectoryBad, "", "the end record counts %d entries and %d entries", e.here, e.total))
	}
	if e.total > uint64(p.limits.Entries) {
		// Said even if the directory has no room for so many: nobody counts them.
		if p.dirAt > 0 {
			p.strangeBegin()
		}
		p.faults.add(refuse(CodeTooManyEntries, "", "the archive declares %d entries, more than the %d allowed", e.total, p.limits.Entries))
		return false, nil
	}
	return true, nil
}

// shifted judges bytes between where the directory says it ends and where the end
// records begin: either all offsets are too small by as much, because bytes were put
// in front, or these bytes belong to nothing. It returns true for the former.
func (p *parser) shifted() (bool, error) {
	shift := p.end.dirEnd - p.dirSize - p.dirAt
	empty := p.dirSize == 0 && p.end.total == 0
	if shift == 0 {
		return false, nil
	}
	if empty && p.dirAt == 0 && p.begin != sigLocal {
		return true, p.prefix(p.end.dirEnd)
	}
	moved, err := p.signatureAt(p.dirAt+shift, sigCentral)
	if err != nil {
		return false, err
	}
	if moved && p.dirSize >= centralLen {
		var h [centralLen]byte
		if err := p.readAt(h[:], p.dirAt+shift); err != nil {
			return false, err
		}
		offset := le32(h[42:])
		hit, err := p.signatureAt(shift+int64(offset), sigLocal)
		if err != nil {
			return false, err
		}
		if hit || offset == max32 {
			return true, p.prefix(shift)
		}
	}
	more, err := p.signatureAt(p.dirAt+p.dirSize, sigCentral)
	if err != nil {
		return false, err
	}
	if more || empty {
		p.faults.add(refuse(CodeDirectoryBad, "", "the central directory goes on behind the %d bytes and %d entries declared", p.dirSize, p.end.total))
	}
	return false, nil
}

// prefix adds the fault of that many bytes in front of the archive.
func (p *parser) prefix(bytes int64) error {
	fault, err := p.foreign(CodePrefixData, 0, bytes, "", "stand in front of the archive")
	if err != nil {
		return err
	}
	p.faults.add(fault)
	return nil
}

// judgeFront adds what stands in front of the first entry, when offsets count it.
// Entries are in the order of the file and their local headers were found.
func (p *parser) judgeFront() error {
	front := p.dirAt
	if len(p.entries) > 0 {
		front = p.entries[0].offset
	}
	_, lost := p.faults[CodeDirectoryBad]
	switch {
	case front == 0:
		return nil
	case len(p.entries) == 0 && p.begin == sigLocal:
		p.faults.add(refuse(CodeDirectoryBad, "", "the central directory lists no entry, but the file begins with one"))
		return nil
	case lost && p.begin == sigLocal:
		return nil // an offset lies
	}
	return p.prefix(front)
}

// readDirectory reads the records of the directory. It returns false when they can
// not be told apart.
func (p *parser) readDirectory() (bool, error) {
	r := &directoryReader{
		p:    p,
		src:  bufio.NewReaderSize(io.NewSectionReader(p.r, p.dirAt, p.dirSize), 64<<10),
		left: p.dirSize,
		buf:  make([]byte, 2*max16),
	}
	p.entries = make([]entry, 0, min(int64(p.end.total), p.dirSize/centralLen))
	for i := range p.end.total {
		e, ok, err := r.next()
		if err != nil {
			return false, err
		}
		if !ok {
			p.unlisted("record %d of %d of the central directory is not one, or reaches behind its end", i+1, p.end.total)
			return false, nil
		}
		p.entries = append(p.entries, e)
	}
	if r.left > 0 {
		p.unlisted("%d bytes of the central directory follow its %d declared entries", r.left, p.end.total)
		return false, nil
	}
	return true, nil
}

// unlisted adds directory_bad, and prefix_data where the first bytes show it.
func (p *parser) unlisted(format string, args ...any) {
	if p.dirAt > 0 {
		p.strangeBegin()
	}
	p.faults.add(refuse(CodeDirectoryBad, "", format, args...))
}

// strangeBegin adds prefix_data to a file that does not begin with an entry and
// whose directory does not tell where the first one is.
func (p *parser) strangeBegin() {
	if p.end.at > 0 && p.begin != sigLocal && p.begin != sigZip64End {
		p.faults.add(refuse(CodePrefixData, "", "the file does not begin with an entry"))
	}
}

// directoryReader reads records of the directory one after another, keeping of each
// only what is judged later.
type directoryReader struct {
	p    *parser
	src  *bufio.Reader
	left int64
	buf  []byte // name and extra fields of one record
}

// next reads one record; ok is false where there is none.
func (r *directoryReader) next() (e entry, ok bool, err error) {
	var h [centralLen]byte
	if ok, err = r.fill(h[:]); !ok || le32(h[:]) != sigCentral {
		return entry{}, false, err
	}
	nameLen, extraLen, commentLen := int(le16(h[28:])), int(le16(h[30:])), int(le16(h[32:]))
	at := r.p.dirAt + r.p.dirSize - r.left
	if ok, err = r.fill(r.buf[:nameLen+extraLen]); !ok {
		return entry{}, false, err
	}
	if int64(commentLen) > r.left {
		return entry{}, false, nil
	}
	if _, err = r.src.Discard(commentLen); err != nil {
		return entry{}, false, shrunk(err)
	}
	r.left -= int64(commentLen)
	return r.p.newEntry(h[:], r.buf[:nameLen], r.buf[nameLen:nameLen+extraLen], at), true, nil
}

// fill reads exactly len(buf) bytes of the directory; ok is false when it has fewer.
func (r *directoryReader) fill(buf []byte) (ok bool, err error) {
	if int64(len(buf)) > r.left {
		return false, nil
	}
	if _, err := io.ReadFull(r.src, buf); err != nil {
		return false, shrunk(err)
	}
	r.left -= int64(len(buf))
	return true, nil
}

// shrunk names the end of a file that came too early.
func shrunk(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errShrunk
	}
	return err
}

// newEntry makes an entry of a central header, its name and its extra fields, and
// adds the faults of the container that they show. nameAt is the name's offset.
func (p *parser) newEntry(h, name, extra []byte, nameAt int64) entry {
	// One byte more than a path may have is kept of longer names: enough to refuse
	// them. 65 535 names of 64 KiB would not be bounded.
	kept := string(name[:min(len(name), maxPathBytes+1)])
	e := entry{
		Entry: Entry{Name: kept, CRC32: le32(h[16:]), Method: le16(h[10:])},
		flags: le16(h[8:]), attributes: le32(h[38:]), nameLen: len(name), nameAt: nameAt,
	}
	e.Dir = len(name) > 0 && name[len(name)-1] == '/'
	x := readExtras(extra, name)
	e.extraFault = x.fault
	s, fault := x.widen(sizes{
		size: uint64(le32(h[24:])), csize: uint64(le32(h[20:])),
		offset: uint64(le32(h[42:])), disk: uint32(le16(h[34:])),
	}, false)
	if fault != "" {
		p.faults.add(refuse(CodeZip64Bad, kept, "%s", fault))
	}
	e.Size, e.CompressedSize, e.offset = int64(s.size), int64(s.csize), int64(s.offset)
	if e.flags&flagsEncrypted != 0 {
		p.faults.add(refuse(CodeEncrypted, kept, "the entry is encrypted (flags %#04x)", e.flags))
	}
	if s.disk != 0 {
		p.faults.add(refuse(CodeMultiDisk, kept, "the entry begins on disk %d of a split archive", s.disk))
	}
	return e
}
