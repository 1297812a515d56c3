package ingest

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
)

// What entryNames looks at.
const (
	maxEnd       = 22 + 65535 // an end record with its comment
	maxDirectory = 8 << 20    // bytes of a central directory
	maxNames     = 4096
)

// entryNames lists the first entries of a ZIP archive, nil for what can not be read as one.
// It believes what the file says of itself and decides nothing but who reads the file: that
// is for its reader to verify. (archive/zip would make an object of every entry that is
// claimed.)
func entryNames(r io.ReaderAt, size int64) []string {
	tail := make([]byte, min(size, maxEnd))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return nil
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || len(tail)-at < 22 {
		return nil
	}
	length := int64(binary.LittleEndian.Uint32(tail[at+12:]))
	offset := int64(binary.LittleEndian.Uint32(tail[at+16:]))
	if length > maxDirectory || offset > size || length > size-offset {
		return nil
	}
	directory := make([]byte, length)
	if _, err := r.ReadAt(directory, offset); err != nil && err != io.EOF {
		return nil
	}
	return namesIn(directory)
}

func namesIn(directory []byte) []string {
	const header = 46
	var names []string
	for len(directory) >= header && string(directory[:4]) == "PK\x01\x02" && len(names) < maxNames {
		name := int(binary.LittleEndian.Uint16(directory[28:]))
		rest := int(binary.LittleEndian.Uint16(directory[30:])) + int(binary.LittleEndian.Uint16(directory[32:]))
		if len(directory) < header+name+rest {
			return names
		}
		names = append(names, strings.ToValidUTF8(string(directory[header:header+name]), "\ufffd"))
		directory = directory[header+name+rest:]
	}
	return names
}
