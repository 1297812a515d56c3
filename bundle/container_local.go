package bundle

import "fmt"

// entry is an Entry and what its two headers say.
type entry struct {
	Entry
	flags      uint16
	attributes uint32 // external, as in the directory
	offset     int64  // of the local header
	nameLen    int    // of the whole name; Entry.Name is cut behind maxPathBytes
	nameAt     int64  // of the whole name, in the directory
	extraFault string // what is wrong with an extra field, here or there
	local      localHeader
	dataAt     int64
	end        int64 // behind data and descriptor
}

// localHeader is what the local header says.
type localHeader struct {
	// read is false when the header reaches into the next one, so that its name and
	// extra fields were left alone: together, names are read once.
	read        bool
	flags       uint16
	method      uint16
	crc         uint32
	size, csize uint64
	sameName    bool
}

// boundary is where the entry after i begins, or the directory behind the last.
func (p *parser) boundary(i int) int64 {
	if i+1 < len(p.entries) {
		return p.entries[i+1].offset
	}
	return p.dirAt
}

// readLocalHeaders reads the local header of every entry, in the order of the file,
// and adds the faults of the container that they show.
func (p *parser) readLocalHeaders() error {
	buf := make([]byte, 2*max16)
	for i := range p.entries {
		e := &p.entries[i]
		if e.offset > p.dirAt-localLen {
			p.faults.add(refuse(CodeDirectoryBad, e.Name, "its offset %d is behind all local headers", e.offset))
			continue
		}
		var h [localLen]byte
		if err := p.readAt(h[:], e.offset); err != nil {
			return err
		}
		if le32(h[:]) != sigLocal {
			p.faults.add(refuse(CodeDirectoryBad, e.Name, "no local header is at its offset %d", e.offset))
			continue
		}
		e.local = localHeader{flags: le16(h[6:]), method: le16(h[8:]), crc: le32(h[14:])}
		if e.local.flags&flagsEncrypted != 0 {
			p.faults.add(refuse(CodeEncrypted, e.Name, "the entry is encrypted (flags %#04x in its local header)", e.local.flags))
		}
		nameLen, extraLen := int(le16(h[26:])), int(le16(h[28:]))
		e.dataAt = e.offset + localLen + int64(nameLen+extraLen)
		if e.dataAt > p.boundary(i) {
			continue
		}
		e.local.read = true
		if err := p.readAt(buf[:nameLen+extraLen], e.offset+localLen); err != nil {
			return err
		}
		if err := p.compareLocal(e, h[:], buf[:nameLen], buf[nameLen:nameLen+extraLen]); err != nil {
			return err
		}
	}
	return nil
}

// compareLocal takes over the name and the extra fields of a local header.
func (p *parser) compareLocal(e *entry, h, name, extra []byte) error {
	x := readExtras(extra, name)
	if e.extraFault == "" {
		e.extraFault = x.fault
	}
	s, fault := x.widen(sizes{size: uint64(le32(h[22:])), csize: uint64(le32(h[18:]))}, true)
	if fault != "" {
		p.faults.add(refuse(CodeZip64Bad, e.Name, "%s (in its local header)", fault))
	}
	e.local.size, e.local.csize = s.size, s.csize
	if len(name) != e.nameLen {
		return nil
	}
	if len(name) <= maxPathBytes {
		e.local.sameName = string(name) == e.Name
		return nil
	}
	whole := make([]byte, e.nameLen)
	if err := p.readAt(whole, e.nameAt); err != nil {
		return err
	}
	e.local.sameName = string(name) == string(whole)
	return nil
}

// mismatch says where the local header of e, or the descriptor behind its data,
// does not agree with the directory. It sets e.end. next is where the bytes of e
// have to end.
func (p *parser) mismatch(e *entry, next int64) (string, error) {
	l := &e.local
	described := e.flags&flagDescriptor != 0
	e.end = e.dataAt + e.CompressedSize
	switch {
	case !l.sameName:
		return "its local header has another name", nil
	case l.method != e.Method:
		return fmt.Sprintf("its method is %d in the directory and %d in its local header", e.Method, l.method), nil
	case l.flags != e.flags:
		return fmt.Sprintf("its flags are %#04x in the directory and %#04x in its local header", e.flags, l.flags), nil
	}
	for _, f := range []struct {
		here, there uint64
		what        string
	}{
		{uint64(e.Size), l.size, "size"},
		{uint64(e.CompressedSize), l.csize, "compressed size"},
		{uint64(e.CRC32), uint64(l.crc), "CRC"},
	} {
		// With a descriptor a local header may leave the field open.
		if f.here != f.there && !(described && f.there == 0) {
			return fmt.Sprintf("its %s is %d in the directory and %d in its local header", f.what, f.here, f.there), nil
		}
	}
	if !described || next < e.end {
		return "", nil // it is complete, or it overlaps the next one
	}
	n, err := p.descriptor(e, next-e.end)
	if err != nil {
		return "", err
	}
	if n == 0 {
		return "no data descriptor behind its data agrees with the directory", nil
	}
	e.end += n
	return "", nil
}

// descriptor returns the size of the data descriptor at e.end, 0 when there is none
// that agrees with the directory. room is how many bytes follow until the next
// entry; a form that fills them is preferred.
func (p *parser) descriptor(e *entry, room int64) (int64, error) {
	var b [24]byte
	have := b[:min(room, int64(len(b)))]
	if err := p.readAt(have, e.end); err != nil {
		return 0, err
	}
	best := int64(0)
	for _, n := range []int{12, 16, 20, 24} {
		if n <= len(have) && describes(have[:n], e) && (best == 0 || int64(n) == room) {
			best = int64(n)
		}
	}
	return best, nil
}

// describes reports whether b is a data descriptor with the numbers of e: CRC and
// two sizes of 4 or 8 bytes, with a signature in front or without. A CRC that looks
// like the signature needs one in front, since a reader of streams could not tell.
func describes(b []byte, e *entry) bool {
	signed := len(b)%8 == 0 // 16 and 24; 12 and 20 are without
	if signed != (le32(b) == sigDescriptor) {
		return false
	}
	if signed {
		b = b[4:]
	}
	if le32(b) != e.CRC32 {
		return false
	}
	if len(b) == 12 {
		return uint64(le32(b[4:])) == uint64(e.CompressedSize) && uint64(le32(b[8:])) == uint64(e.Size)
	}
	return le64(b[4:]) == uint64(e.CompressedSize) && le64(b[12:]) == uint64(e.Size)
}
