package bundle

// readZip64End reads the zip64 end record and its locator, when they are there, and
// replaces the numbers of the end record by theirs. It returns false when what they
// say can not be used.
func (p *parser) readZip64End() (bool, error) {
	e := &p.end
	located, err := p.signatureAt(e.at-zip64LocatorLen, sigZip64Locator)
	if err != nil {
		return false, err
	}
	if !located {
		// 65 535 entries are a number like any other; sizes are beyond what we take.
		if e.dirSize == max32 || e.dirOffset == max32 {
			p.faults.add(refuse(CodeZip64Bad, "", "the end record leaves the directory to a zip64 record that is not there"))
			return false, nil
		}
		return true, nil
	}
	if e.dirSize+e.dirOffset == uint64(e.at) && e.dirSize > 0 {
		p.faults.add(refuse(CodeZip64Bad, "", "the central directory ends in what other readers take for a zip64 locator"))
		return false, nil
	}
	return p.mergeZip64()
}

// mergeZip64 takes over the zip64 record, where it and the locator are sound.
func (p *parser) mergeZip64() (bool, error) {
	e := &p.end
	bad := func(format string, args ...any) (bool, error) {
		p.faults.add(refuse(CodeZip64Bad, "", format, args...))
		return false, nil
	}
	start := e.at - zip64LocatorLen - zip64EndLen
	present, err := p.signatureAt(start, sigZip64End)
	if err != nil {
		return false, err
	}
	if !present {
		return bad("no zip64 end record of %d bytes stands in front of its locator", zip64EndLen)
	}
	var b [zip64EndLen + zip64LocatorLen]byte
	if err := p.readAt(b[:], start); err != nil {
		return false, err
	}
	rec, loc := b[:zip64EndLen], b[zip64EndLen:]
	if size := le64(rec[4:]); size != zip64EndLen-12 {
		return bad("the zip64 end record declares %d bytes, not %d", size, zip64EndLen-12)
	}
	wide := ending{
		disk: le32(rec[16:]), dirDisk: le32(rec[20:]),
		here: le64(rec[24:]), total: le64(rec[32:]), dirSize: le64(rec[40:]), dirOffset: le64(rec[48:]),
	}
	for _, f := range []struct {
		narrow, wide, none uint64
		what               string
	}{
		{uint64(e.disk), uint64(wide.disk), max16, "disk number"},
		{uint64(e.dirDisk), uint64(wide.dirDisk), max16, "disk of the directory"},
		{e.here, wide.here, max16, "number of entries on this disk"},
		{e.total, wide.total, max16, "number of entries"},
		{e.dirSize, wide.dirSize, max32, "size of the directory"},
		{e.dirOffset, wide.dirOffset, max32, "offset of the directory"},
	} {
		if f.narrow != f.wide && f.narrow != f.none {
			return bad("the end record and the zip64 end record disagree on the %s, %d and %d", f.what, f.narrow, f.wide)
		}
	}
	// A locator may be off by what was put in front of the archive, no more.
	shift := uint64(start) - wide.dirSize - wide.dirOffset
	if at := le64(loc[8:]); at != uint64(start) && at+shift != uint64(start) {
		return bad("the zip64 locator points to %d, the zip64 end record is at %d", at, start)
	}
	if disk, disks := le32(loc[4:]), le32(loc[16:]); disk != 0 || disks > 1 {
		p.faults.add(refuse(CodeMultiDisk, "", "the zip64 locator speaks of disk %d of %d", disk, disks))
	}
	e.disk, e.dirDisk, e.here, e.total = wide.disk, wide.dirDisk, wide.here, wide.total
	e.dirSize, e.dirOffset = wide.dirSize, wide.dirOffset
	e.dirEnd = start
	return true, nil
}
