// Package elfnote tells libraries for Android from those for Linux where their names do not.
// Call Android.
package elfnote

import "encoding/binary"

// Of the header of a file, and of one of a segment (System V ABI, "Object Files"; sizes are
// those of ELF of 64 bits).
const (
	headerSize  = 64
	segmentSize = 56
	typeNote    = 4
	maxSegments = 256
)

// Head is how much of a file Android has to see: notes stand in its first page by custom.
const Head = 64 << 10

// Android reports whether a library says of itself that it is for Android: the compilers of
// its NDK put a note of that name into each. known is false when head is not the beginning
// of an ELF file of 64 bits, little-endian, as ARM's are.
func Android(head []byte) (android, known bool) {
	order := binary.LittleEndian
	if len(head) < headerSize || string(head[:6]) != "\x7fELF\x02\x01" {
		return false, false
	}
	at, count := order.Uint64(head[32:]), int(order.Uint16(head[56:]))
	if order.Uint16(head[54:]) != segmentSize || count > maxSegments {
		return false, false
	}
	for range count {
		segment, ok := span(head, at, segmentSize)
		if !ok {
			return false, false
		}
		at += segmentSize
		if order.Uint32(segment) != typeNote {
			continue
		}
		if notes, ok := span(head, order.Uint64(segment[8:]), order.Uint64(segment[32:])); ok && named(notes, "Android\x00") {
			return true, true
		}
	}
	return false, true
}

// named reports whether one of the notes has that name.
func named(notes []byte, name string) bool {
	order := binary.LittleEndian
	for len(notes) >= 12 {
		nameSize, size := uint64(order.Uint32(notes)), uint64(order.Uint32(notes[4:]))
		notes = notes[12:]
		if got, ok := span(notes, 0, nameSize); !ok || string(got) == name {
			return ok
		}
		next := (nameSize+3)&^3 + (size+3)&^3
		if next > uint64(len(notes)) {
			return false
		}
		notes = notes[next:]
	}
	return false
}

// span is n bytes of data from at on; ok is false when there are not so many.
func span(data []byte, at, n uint64) (part []byte, ok bool) {
	if at > uint64(len(data)) || n > uint64(len(data))-at {
		return nil, false
	}
	return data[at : at+n], true
}
