// Package bundletest makes good and bad parcels in memory. Good is a bundle that
// bundle.Verify takes, Hostile has one or more files for every code, and Archive
// writes any ZIP file, truthful or not, field by field.
//
// What it writes is not made by the package bundle, so that a mistake there does not
// hide itself. It panics where it is used wrongly: it is for tests only.
package bundletest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Descriptor is the form of a data descriptor.
type Descriptor int

// The forms of a data descriptor.
const (
	NoDescriptor Descriptor = iota
	Descriptor12            // no signature, sizes of 4 bytes
	Descriptor16            // signature
	Descriptor20            // no signature, sizes of 8 bytes
	Descriptor24            // signature, sizes of 8 bytes
)

// Header is a local or central header. A local header leaves out what it does not
// have.
type Header struct {
	Signature      uint32
	MadeBy, Needed uint16
	Flags, Method  uint16
	Time, Date     uint16
	CRC            uint32
	Compressed     uint32
	Size           uint32
	Name           string
	Extra          []byte
	Comment        string
	Disk           uint16
	Attributes     uint32
	Offset         uint32
	// Omit leaves the header out.
	Omit bool
}

// Entry is one entry of an Archive. Local and Central change its headers before
// they are written.
type Entry struct {
	Name   string
	Data   []byte
	Stored bool
	// Raw is the compressed data, when it is not Data deflated.
	Raw        []byte
	Descriptor Descriptor
	// DescriptorBytes replaces the descriptor of that form.
	DescriptorBytes []byte
	Before          []byte // bytes in front of the local header
	Local, Central  func(h *Header)
}

// End is the end record.
type End struct {
	Signature     uint32
	Disk, DirDisk uint16
	Here, Total   uint16
	Size, Offset  uint32
	CommentLen    int // -1 for the length of Comment
	Comment       string
}

// Zip64End is the zip64 end record with its locator.
type Zip64End struct {
	Signature     uint32
	RecordSize    uint64
	Disk, DirDisk uint32
	Here, Total   uint64
	Size, Offset  uint64
	Between       []byte // between the record and the locator
	LocatorDisk   uint32
	LocatorAt     uint64
	LocatorDisks  uint32
}

// Archive is a ZIP file to be. Build writes prefix, entries, directory, end records
// and trailer, in this order and without anything between but what is given.
type Archive struct {
	Prefix []byte
	// Relative makes all offsets leave out the prefix.
	Relative bool
	Entries  []Entry
	// Order is the order of the directory, by index; nil is that of Entries.
	Order []int
	// BeforeDirectory and AfterDirectory are bytes around the directory.
	BeforeDirectory, AfterDirectory []byte
	// Zip64 writes zip64 end records, changed by this function.
	Zip64   func(z *Zip64End)
	End     func(e *End)
	Trailer []byte
}

// Build writes the archive.
func (a *Archive) Build() []byte {
	var out bytes.Buffer
	out.Write(a.Prefix)
	base := 0
	if a.Relative {
		base = len(a.Prefix)
	}
	centrals := make([][]byte, len(a.Entries))
	for i := range a.Entries {
		centrals[i] = a.Entries[i].write(&out, base)
	}
	out.Write(a.BeforeDirectory)
	dirAt := out.Len() - base
	order := a.Order
	if order == nil {
		for i := range centrals {
			order = append(order, i)
		}
	}
	dirSize := 0
	for _, i := range order {
		out.Write(centrals[i])
		dirSize += len(centrals[i])
	}
	out.Write(a.AfterDirectory)
	a.writeEnd(&out, base, dirAt, dirSize, len(order))
	out.Write(a.Trailer)
	return out.Bytes()
}

// write writes the entry and returns its record in the directory.
func (e *Entry) write(out *bytes.Buffer, base int) []byte {
	out.Write(e.Before)
	raw, method := e.Raw, uint16(8)
	switch {
	case e.Stored:
		method = 0
		if raw == nil {
			raw = e.Data
		}
	case raw == nil:
		raw = Deflate(e.Data)
	}
	h := Header{
		MadeBy: 20, Needed: 20, Method: method, Date: 33, Name: e.Name,
		CRC: crc32.ChecksumIEEE(e.Data), Compressed: uint32(len(raw)), Size: uint32(len(e.Data)),
		Offset: uint32(out.Len() - base),
	}
	local, central := h, h
	local.Signature, central.Signature = 0x04034b50, 0x02014b50
	if e.Descriptor != NoDescriptor {
		local.Flags, central.Flags = 1<<3, 1<<3
		local.CRC, local.Compressed, local.Size = 0, 0, 0
	}
	if e.Local != nil {
		e.Local(&local)
	}
	if e.Central != nil {
		e.Central(&central)
	}
	if !local.Omit {
		out.Write(local.local())
		out.Write(raw)
		if e.DescriptorBytes != nil {
			out.Write(e.DescriptorBytes)
		} else {
			out.Write(e.Descriptor.bytes(h))
		}
	}
	if central.Omit {
		return nil
	}
	return central.central()
}

func (d Descriptor) bytes(h Header) []byte {
	var b []byte
	if d == Descriptor16 || d == Descriptor24 {
		b = fields(b, uint32(0x08074b50))
	}
	switch d {
	case NoDescriptor:
		return nil
	case Descriptor12, Descriptor16:
		return fields(b, h.CRC, h.Compressed, h.Size)
	}
	return fields(b, h.CRC, uint64(h.Compressed), uint64(h.Size))
}

func (h *Header) local() []byte {
	return fields(nil, h.Signature, h.Needed, h.Flags, h.Method, h.Time, h.Date,
		h.CRC, h.Compressed, h.Size, uint16(len(h.Name)), uint16(len(h.Extra)), []byte(h.Name), h.Extra)
}

func (h *Header) central() []byte {
	return fields(nil, h.Signature, h.MadeBy, h.Needed, h.Flags, h.Method, h.Time, h.Date,
		h.CRC, h.Compressed, h.Size, uint16(len(h.Name)), uint16(len(h.Extra)), uint16(len(h.Comment)),
		h.Disk, uint16(0), h.Attributes, h.Offset, []byte(h.Name), h.Extra, []byte(h.Comment))
}

func (a *Archive) writeEnd(out *bytes.Buffer, base, dirAt, dirSize, count int) {
	e := End{
		Signature: 0x06054b50, Here: uint16(count), Total: uint16(count),
		Size: uint32(dirSize), Offset: uint32(dirAt), CommentLen: -1,
	}
	if a.Zip64 != nil {
		z := Zip64End{
			Signature: 0x06064b50, RecordSize: 44, Here: uint64(count), Total: uint64(count),
			Size: uint64(dirSize), Offset: uint64(dirAt), LocatorAt: uint64(out.Len() - base), LocatorDisks: 1,
		}
		a.Zip64(&z)
		out.Write(fields(nil, z.Signature, z.RecordSize, uint16(45), uint16(45), z.Disk, z.DirDisk,
			z.Here, z.Total, z.Size, z.Offset, z.Between,
			uint32(0x07064b50), z.LocatorDisk, z.LocatorAt, z.LocatorDisks))
	}
	if a.End != nil {
		a.End(&e)
	}
	out.Write(EndRecord(e))
}

// EndRecord writes an end record with its comment.
func EndRecord(e End) []byte {
	if e.CommentLen < 0 {
		e.CommentLen = len(e.Comment)
	}
	return fields(nil, e.Signature, e.Disk, e.DirDisk, e.Here, e.Total, e.Size, e.Offset,
		uint16(e.CommentLen), []byte(e.Comment))
}

// Field writes one extra field.
func Field(id uint16, body []byte) []byte {
	return fields(nil, id, uint16(len(body)), body)
}

// Zip64Field writes a zip64 extra field of 8-byte numbers.
func Zip64Field(values ...uint64) []byte {
	var body []byte
	for _, v := range values {
		body = fields(body, v)
	}
	return Field(0x0001, body)
}

// Deflate compresses data.
func Deflate(data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.DefaultCompression)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(data); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return slices.Clone(b.Bytes())
}

// fields appends numbers in little-endian order, and bytes.
func fields(b []byte, values ...any) []byte {
	for _, v := range values {
		var err error
		if raw, ok := v.([]byte); ok {
			b = append(b, raw...)
		} else if b, err = binary.Append(b, binary.LittleEndian, v); err != nil {
			panic(err)
		}
	}
	return b
}
