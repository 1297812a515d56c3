package bundle

import (
	"fmt"
	"hash/crc32"
)

// The kinds of extra field that mean something to us; all others pass.
const (
	extraZip64       = 0x0001
	extraUnicodePath = 0x7075
)

// extras is what the extra fields of one header hold.
type extras struct {
	zip64    []byte
	hasZip64 bool
	// zip64Fault says what is wrong with the zip64 field, fault with any other.
	zip64Fault, fault string
}

// readExtras goes through the extra fields of a header whose raw name is name.
func readExtras(data, name []byte) extras {
	var x extras
	for len(data) > 0 {
		if len(data) < 4 {
			x.fault = fmt.Sprintf("%d bytes behind the last extra field are none", len(data))
			return x
		}
		id, size := le16(data), int(le16(data[2:]))
		if size > len(data)-4 {
			x.fault = fmt.Sprintf("extra field %#04x declares %d bytes and has %d", id, size, len(data)-4)
			return x
		}
		body := data[4 : 4+size]
		data = data[4+size:]
		switch id {
		case extraZip64:
			if x.hasZip64 {
				x.zip64Fault = "there are two zip64 fields"
			}
			x.zip64, x.hasZip64 = body, true
		case extraUnicodePath:
			if x.fault == "" {
				x.fault = unicodePathFault(body, name)
			}
		}
	}
	return x
}

// unicodePathFault checks the Unicode path field: some readers take the name from
// here, so it must be the same.
func unicodePathFault(body, name []byte) string {
	switch {
	case len(body) < 5 || body[0] != 1:
		return "the Unicode path field (0x7075) is malformed"
	case string(body[5:]) != string(name):
		return fmt.Sprintf("the Unicode path field (0x7075) gives the entry another name, %s", quote(clip(string(body[5:]))))
	case le32(body[1:]) != crc32.ChecksumIEEE(name):
		return "the Unicode path field (0x7075) belongs to another name"
	}
	return ""
}

// sizes are the fields of a header that zip64 widens.
type sizes struct {
	size, csize, offset uint64
	disk                uint32
}

// widen replaces the fields of a header that are all ones by those of its zip64
// field. By the specification the field holds exactly those; some writers put all
// in, which is fine as long as they agree, because readers differ in which they
// take. local headers have neither offset nor disk. The text says what is wrong.
func (x *extras) widen(s sizes, local bool) (sizes, string) {
	if x.zip64Fault != "" {
		return s, x.zip64Fault
	}
	wide := []struct {
		value *uint64
		none  uint64
	}{{&s.size, max32}, {&s.csize, max32}, {&s.offset, max32}}
	if local {
		wide = wide[:2]
	}
	rest := x.zip64
	for _, w := range wide {
		if *w.value != w.none {
			continue
		}
		if len(rest) < 8 {
			return s, "a size or offset is left to a zip64 field that does not hold it"
		}
		*w.value, rest = le64(rest), rest[8:]
	}
	if !local && s.disk == max16 {
		if len(rest) < 4 {
			return s, "the disk number is left to a zip64 field that does not hold it"
		}
		s.disk, rest = le32(rest), rest[4:]
	}
	if s.size > 1<<62 || s.csize > 1<<62 || s.offset > 1<<62 {
		return s, "a size or offset in the zip64 field is beyond any file"
	}
	if len(rest) == 0 {
		return s, ""
	}
	return s, x.surplus(s, local)
}

// surplus checks a zip64 field that holds more than the header asked for.
func (x *extras) surplus(s sizes, local bool) string {
	all := []uint64{s.size, s.csize, s.offset}
	if local {
		all = all[:2]
	}
	rest := x.zip64
	for _, want := range all {
		if len(rest) < 8 {
			break
		}
		if le64(rest) != want {
			return "the zip64 field and the header disagree"
		}
		rest = rest[8:]
	}
	if !local && len(x.zip64) == 28 && le32(rest) == s.disk {
		return ""
	}
	if len(rest) > 0 {
		return fmt.Sprintf("the zip64 field has %d bytes, which is no size it can have", len(x.zip64))
	}
	return ""
}
