package bundle

import (
	"encoding/binary"
	"errors"
)

// The records of a ZIP file begin with these numbers, and have these sizes without
// their variable parts.
const (
	sigLocal        = 0x04034b50
	sigCentral      = 0x02014b50
	sigEnd          = 0x06054b50
	sigZip64End     = 0x06064b50
	sigZip64Locator = 0x07064b50
	sigDescriptor   = 0x08074b50

	localLen        = 30
	centralLen      = 46
	endLen          = 22
	zip64EndLen     = 56
	zip64LocatorLen = 20

	max16 = 0xffff
	max32 = 0xffffffff

	// tailLen is where readers look for the end record: it and the longest comment.
	tailLen = endLen + max16
	// farTailLen is how far back we look for an end record with foreign bytes behind
	// it, only to call them by their name.
	farTailLen = 4 << 20
)

var errShrunk = errors.New("the file became shorter while it was read")

func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// ending is what the end records say, after zip64.
type ending struct {
	at            int64 // of the end record
	tail          int64 // bytes behind its fixed part: comment and what follows
	comment       int64 // declared length
	disk, dirDisk uint32
	here, total   uint64
	dirSize       uint64
	dirOffset     uint64
	dirEnd        int64 // where the directory has to end: the first end record
}

// record reads the fixed part of an end record that lies at offset at.
func (p *parser) record(b []byte, at int64) ending {
	return ending{
		at: at, tail: p.size - at - endLen, comment: int64(le16(b[20:])),
		disk: uint32(le16(b[4:])), dirDisk: uint32(le16(b[6:])),
		here: uint64(le16(b[8:])), total: uint64(le16(b[10:])),
		dirSize: uint64(le32(b[12:])), dirOffset: uint64(le32(b[16:])),
		dirEnd: at,
	}
}

// findEnd finds the end record by which the file is to be read, and adds
// trailing_data and multiple_eocd. It ends with truncated or not_zip when there is
// no record.
//
// A signature of an end record may stand anywhere in compressed data, and a whole
// end record stands at the end of every JAR that is stored inside: neither is a
// second end. Which record is "the" end is ambiguous only where some reader could
// take another one than we do, so another record counts as a rival
//   - when its comment would reach exactly to the end of the file, or
//   - when it points, in absolute offsets, to a directory that ends where it
//     begins, which the record of a stored JAR never does, or
//   - when it stands in bytes that belong to no entry: behind the end record here,
//     in front of the archive or in a gap elsewhere (holdsEnd).
func (p *parser) findEnd() error {
	var begin [4]byte
	if err := p.readAt(begin[:min(p.size, 4)], 0); err != nil {
		return err
	}
	p.begin = le32(begin[:])
	window := min(p.size, tailLen)
	buf := make([]byte, window)
	if err := p.readAt(buf, p.size-window); err != nil {
		return err
	}
	candidates, err := p.endCandidates(buf, p.size-window)
	if err != nil {
		return err
	}
	best := bestCandidate(candidates)
	if best < 0 {
		return p.findFarEnd()
	}
	p.end = candidates[best].ending
	inner, err := p.endsInsideEntry(candidates[best])
	if err != nil {
		return err
	}
	if inner {
		return refuse(CodeTruncated, "", "the file has no end record of its own: it stops behind an archive that is stored inside; copy it again")
	}
	p.judgeTail(candidates)
	return nil
}

// candidate is a possible end record and what speaks for it.
type candidate struct {
	ending
	exact    bool // its comment ends where the file ends
	absolute bool // a directory ends where it begins, and lies where it says
	relative bool // a directory ends where it begins
}

// endCandidates finds all signatures of end records in buf, which begins at offset
// base and reaches to the end of the file; the last one in the file comes first.
func (p *parser) endCandidates(buf []byte, base int64) ([]candidate, error) {
	var list []candidate
	for i := len(buf) - endLen; i >= 0; i-- {
		if buf[i] != 'P' || le32(buf[i:]) != sigEnd {
			continue
		}
		c := candidate{ending: p.record(buf[i:], base+int64(i))}
		c.exact = c.comment == c.tail
		var err error
		if c.absolute, c.relative, err = p.pointsToDirectory(c.ending); err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// pointsToDirectory reports whether a central directory, or a zip64 record, ends
// where the end record e begins; absolute is true when it also lies at the offset
// that e names.
func (p *parser) pointsToDirectory(e ending) (absolute, relative bool, err error) {
	if e.dirSize == 0 && e.total == 0 {
		return e.dirOffset == uint64(e.at), false, nil
	}
	located, err := p.signatureAt(e.at-zip64LocatorLen, sigZip64Locator)
	if err != nil {
		return false, false, err
	}
	if located {
		var b [zip64LocatorLen]byte
		if err := p.readAt(b[:], e.at-zip64LocatorLen); err != nil {
			return false, false, err
		}
		start := e.at - zip64LocatorLen - zip64EndLen
		if relative, err = p.signatureAt(start, sigZip64End); relative || err != nil {
			return le64(b[8:]) == uint64(start), relative, err
		}
	}
	start := e.at - int64(e.dirSize)
	relative, err = p.signatureAt(start, sigCentral)
	return relative && start == int64(e.dirOffset), relative, err
}

// bestCandidate chooses as careful readers do: the record at the very end; else the
// last whose comment fits; else, because bytes follow it, the last that points to a
// directory. It returns -1 for none.
func bestCandidate(list []candidate) int {
	for i, c := range list {
		if c.exact {
			return i
		}
	}
	for i, c := range list {
		if c.comment < c.tail && (c.absolute || c.relative) {
			return i
		}
	}
	return -1
}

// findFarEnd is for a file without an end record where readers look for one.
func (p *parser) findFarEnd() error {
	window := min(p.size, farTailLen)
	base := p.size - window
	buf := make([]byte, window)
	if err := p.readAt(buf, base); err != nil {
		return err
	}
	for i := len(buf) - endLen; i >= 0; i-- {
		if buf[i] != 'P' || le32(buf[i:]) != sigEnd {
			continue
		}
		// Only a record in absolute offsets: while a file is being copied, the record
		// of an archive that is stored inside may stand anywhere.
		e := p.record(buf[i:], base+int64(i))
		if e.dirSize+e.dirOffset != uint64(e.at) || e.comment >= e.tail {
			continue
		}
		absolute, _, err := p.pointsToDirectory(e)
		if err != nil {
			return err
		}
		if absolute {
			p.end = e
			p.judgeTail(nil)
			return nil
		}
	}
	if p.beginsLikeZip() {
		return refuse(CodeTruncated, "", "the file begins like a ZIP archive but has no end record: it is incomplete, copy it again")
	}
	return refuse(CodeNotZip, "", "the file is not a ZIP archive")
}

// beginsLikeZip is true for what begins with a record of a ZIP archive, or is too
// short to tell.
func (p *parser) beginsLikeZip() bool {
	switch {
	case p.size == 0:
		return false
	case p.size < 4:
		return p.begin == sigLocal&(1<<(8*p.size)-1)
	}
	return p.begin == sigLocal || p.begin == sigEnd || p.begin == sigZip64End
}

// endsInsideEntry reports whether the end record belongs to an archive that is
// stored inside of this one: the file is then one whose copy stopped, or has come,
// just there. The archive inside begins right behind the local header of a stored
// entry that is long enough to hold it.
func (p *parser) endsInsideEntry(c candidate) (bool, error) {
	start := c.at - int64(c.dirSize) - int64(c.dirOffset)
	if c.absolute || start < localLen || p.begin != sigLocal {
		return false, nil
	}
	buf := make([]byte, min(start, 4<<10)) // the header, a name and some extra fields
	if err := p.readAt(buf, start-int64(len(buf))); err != nil {
		return false, err
	}
	for i := len(buf) - localLen; i >= 0; i-- {
		h := buf[i:]
		if le32(h) != sigLocal || le16(h[8:]) != MethodStored {
			continue
		}
		behind := i + localLen + int(le16(h[26:])) + int(le16(h[28:]))
		size := int64(le32(h[18:]))
		unknown := le16(h[6:])&flagDescriptor != 0 || size == max32
		if behind == len(buf) && (unknown || start+size >= c.at+endLen) {
			return true, nil
		}
	}
	return false, nil
}

// judgeTail adds trailing_data and multiple_eocd. Rivals are all candidates.
func (p *parser) judgeTail(rivals []candidate) {
	e := p.end
	for _, c := range rivals {
		if c.at != e.at && (c.exact || c.absolute || c.at > e.at) {
			p.faults.add(refuse(CodeMultipleEOCD, "", "there are two end records, at %d and at %d: readers would disagree on which archive this is", min(c.at, e.at), max(c.at, e.at)))
			return
		}
	}
	switch {
	case e.tail == 0:
	case e.comment == e.tail:
		p.faults.add(refuse(CodeTrailingData, "", "the archive has a comment of %d bytes; remove it", e.tail))
	default:
		p.faults.add(refuse(CodeTrailingData, "", "%d bytes follow the end record at %d", e.tail, e.at))
	}
}

// holdsEnd reports whether the bytes from one offset to another, which belong to no
// entry, end with an end record: they are then an archive, or the remains of one.
func (p *parser) holdsEnd(from, to int64) (bool, error) {
	buf := make([]byte, min(to-from, tailLen))
	base := to - int64(len(buf))
	if err := p.readAt(buf, base); err != nil {
		return false, err
	}
	for i := len(buf) - endLen; i >= 0; i-- {
		if le32(buf[i:]) != sigEnd {
			continue
		}
		e := p.record(buf[i:], base+int64(i))
		if e.at+endLen+e.comment == to || e.dirOffset+e.dirSize == uint64(e.at) {
			return true, nil
		}
	}
	return false, nil
}

// foreign is the fault of bytes that belong to nothing: code, or multiple_eocd when
// they hold an end record.
func (p *parser) foreign(code Code, from, to int64, entry, message string) (*Error, error) {
	second, err := p.holdsEnd(from, to)
	if err != nil {
		return nil, err
	}
	if second {
		return refuse(CodeMultipleEOCD, entry, "%d bytes at %d hold an end record of their own: the file is two archives in one", to-from, from), nil
	}
	return refuse(code, entry, "%d bytes at %d %s", to-from, from, message), nil
}
