// Package msgpack reads the one shape of MessagePack that .jpl archives hold: call ReadMap.
package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Item is one item of a map.
type Item struct {
	Key   string
	Value []byte
}

// ReadMap reads exactly one map (the format's specification, "Formats") from strings to
// byte strings, without a key that stands twice and without a byte behind it. Keys are of any string type, values of any of bin or, as
// older writers have them, str. A length need not be written in its shortest form.
//
// Values are parts of data. The items are in its order.
func ReadMap(data []byte) ([]Item, error) {
	r := reader{data}
	count, err := r.mapLen()
	if err != nil {
		return nil, err
	}
	// Every item takes at least two bytes, so a count cannot make us reserve more than
	// the file is worth.
	list := make([]Item, 0, min(count, len(r.rest)/2))
	seen := make(map[string]bool, cap(list))
	for i := range count {
		key, err := r.bytes(false)
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		value, err := r.bytes(true)
		if err != nil {
			return nil, fmt.Errorf("the value of key %d: %w", i+1, err)
		}
		name := string(key)
		if seen[name] {
			return nil, fmt.Errorf("the key %.80q stands there twice", name)
		}
		seen[name] = true
		list = append(list, Item{name, value})
	}
	if len(r.rest) > 0 {
		return nil, fmt.Errorf("%d bytes follow the map", len(r.rest))
	}
	return list, nil
}

// reader reads from the front of rest.
type reader struct{ rest []byte }

var errEnd = errors.New("it ends too early")

// take cuts n bytes off.
func (r *reader) take(n uint64) ([]byte, error) {
	if n > uint64(len(r.rest)) {
		return nil, errEnd
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken, nil
}

// number reads an unsigned number of 1, 2 or 4 bytes.
func (r *reader) number(size uint64) (uint64, error) {
	b, err := r.take(size)
	if err != nil {
		return 0, err
	}
	var whole [8]byte
	copy(whole[8-size:], b)
	return binary.BigEndian.Uint64(whole[:]), nil
}

// mapLen reads the head of a map: fixmap, map 16 or map 32.
func (r *reader) mapLen() (int, error) {
	head, err := r.take(1)
	if err != nil {
		return 0, err
	}
	var n uint64
	switch t := head[0]; {
	case t&0xf0 == 0x80:
		n = uint64(t & 0x0f)
	case t == 0xde:
		n, err = r.number(2)
	case t == 0xdf:
		n, err = r.number(4)
	default:
		return 0, fmt.Errorf("it is not a MessagePack map (it begins with %#02x)", t)
	}
	return int(n), err
}

// bytes reads a string, or, if bin is set, also a byte string.
func (r *reader) bytes(bin bool) ([]byte, error) {
	head, err := r.take(1)
	if err != nil {
		return nil, err
	}
	var n uint64
	switch t := head[0]; {
	case t&0xe0 == 0xa0: // fixstr
		n = uint64(t & 0x1f)
	case t == 0xd9 || bin && t == 0xc4:
		n, err = r.number(1)
	case t == 0xda || bin && t == 0xc5:
		n, err = r.number(2)
	case t == 0xdb || bin && t == 0xc6:
		n, err = r.number(4)
	default:
		return nil, fmt.Errorf("it is neither a string nor bytes (it begins with %#02x)", t)
	}
	if err != nil {
		return nil, err
	}
	return r.take(n)
}
