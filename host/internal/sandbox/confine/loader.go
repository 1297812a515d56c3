package confine

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
)

// loaderOf returns the program that loads an executable, "" for a static one, and for
// what is none that runs here.
func loaderOf(executable string) string {
	f, err := os.Open(executable)
	if err != nil {
		return ""
	}
	defer f.Close()
	return parseLoader(f)
}

// Of the ELF format, 64 bits and little-endian (elf(5)): where the header has the place,
// the size and the number of the program headers, and where one of these has its type,
// its place in the file and its size there.
const (
	elfHeader                              = 64
	elfPlace, elfSize, elfCount            = 32, 54, 56
	segmentBytes                           = 56
	segmentType, segmentPlace, segmentSize = 0, 8, 32
	segmentLoader                          = 3 // PT_INTERP
	maxSegments                            = 256
	maxLoader                              = 256
)

// parseLoader reads the path of the loader, absolute and clean, from an ELF file.
func parseLoader(r io.ReaderAt) string {
	header := make([]byte, elfHeader)
	if _, err := r.ReadAt(header, 0); err != nil || !bytes.HasPrefix(header, []byte("\x7fELF\x02\x01")) {
		return ""
	}
	order := binary.LittleEndian
	place, size, count := order.Uint64(header[elfPlace:]), order.Uint16(header[elfSize:]), order.Uint16(header[elfCount:])
	if size != segmentBytes || count > maxSegments || place > 1<<40 {
		return ""
	}
	segment := make([]byte, segmentBytes)
	for i := range int64(count) {
		if _, err := r.ReadAt(segment, int64(place)+i*segmentBytes); err != nil {
			return ""
		}
		if order.Uint32(segment[segmentType:]) != segmentLoader {
			continue
		}
		at, length := order.Uint64(segment[segmentPlace:]), order.Uint64(segment[segmentSize:])
		if at > 1<<40 || length < 2 || length > maxLoader {
			return ""
		}
		name := make([]byte, length)
		if _, err := r.ReadAt(name, int64(at)); err != nil {
			return ""
		}
		path, rest, ended := bytes.Cut(name, []byte{0})
		if !ended || len(rest) > 0 || !filepath.IsAbs(string(path)) || filepath.Clean(string(path)) != string(path) {
			return ""
		}
		return string(path)
	}
	return ""
}
