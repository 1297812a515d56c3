package msgpack_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl/internal/msgpack"
)

func TestReadMap(t *testing.T) {
	long := strings.Repeat("k", 300)
	for name, c := range map[string]struct {
		data string
		want []msgpack.Item
	}{
		"empty":           {"\x80", nil},
		"fixstr, bin 8":   {"\x81\xa1a\xc4\x02xy", []msgpack.Item{{"a", []byte("xy")}}},
		"str 8, bin 16":   {"\x81\xd9\x01a\xc5\x00\x01x", []msgpack.Item{{"a", []byte("x")}}},
		"str 16, bin 32":  {"\x81\xda\x01\x2c" + long + "\xc6\x00\x00\x00\x01x", []msgpack.Item{{long, []byte("x")}}},
		"str 32, old str": {"\x81\xdb\x00\x00\x00\x01a\xda\x00\x01x", []msgpack.Item{{"a", []byte("x")}}},
		"old fixstr":      {"\x81\xa0\xa1x", []msgpack.Item{{"", []byte("x")}}},
		"map 16":          {"\xde\x00\x02\xa1b\xc4\x00\xa1a\xc4\x00", []msgpack.Item{{"b", nil}, {"a", nil}}},
		"map 32":          {"\xdf\x00\x00\x00\x01\xa1b\xc4\x00", []msgpack.Item{{"b", nil}}},
	} {
		got, err := msgpack.ReadMap([]byte(c.data))
		if err != nil || len(got) != len(c.want) {
			t.Errorf("%s: %v %v", name, got, err)
			continue
		}
		for i := range got {
			if got[i].Key != c.want[i].Key || !bytes.Equal(got[i].Value, c.want[i].Value) {
				t.Errorf("%s: %q", name, got)
			}
		}
	}
	for name, data := range map[string]string{
		"nothing": "", "a list": "\x91\xa1a", "a string": "\xa1a", "nil": "\xc0",
		"cut head": "\xde\x00", "no item": "\x81", "no value": "\x81\xa1a", "cut value": "\x81\xa1a\xc4\x02x",
		"cut length": "\x81\xa1a\xc5\x00", "a number as key": "\x81\x01\xc4\x00", "bin as key": "\x81\xc4\x01a\xc4\x00",
		"nil as value": "\x81\xa1a\xc0", "a map as value": "\x81\xa1a\x80", "ext as value": "\x81\xa1a\xd4\x01x",
		"twice": "\x82\xa1a\xc4\x00\xa1a\xc4\x00", "twice, written differently": "\x82\xa1a\xc4\x00\xd9\x01a\xc4\x00",
		"trailing": "\x81\xa1a\xc4\x00\xc0", "two maps": "\x80\x80", "a huge count": "\xdf\xff\xff\xff\xff\xa1a\xc4\x00",
		"a huge key": "\x81\xdb\xff\xff\xff\xffa",
	} {
		if got, err := msgpack.ReadMap([]byte(data)); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// FuzzReadMap: what is read, written again in the widest types, is read as the same, keys
// stand there once, and nothing takes more memory than it has bytes.
func FuzzReadMap(f *testing.F) {
	f.Add([]byte("\x82\xa1a\xc4\x02xy\xd9\x01b\xda\x00\x01x"))
	f.Add([]byte("\xde\x00\x01\xdb\x00\x00\x00\x01a\xc6\x00\x00\x00\x01x"))
	f.Add([]byte("\xdf\xff\xff\xff\xff\xa1a\xc4\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := msgpack.ReadMap(data)
		if err != nil {
			return
		}
		if 2*len(items) > len(data) {
			t.Fatalf("%d items in %d bytes", len(items), len(data))
		}
		again := binary.BigEndian.AppendUint32([]byte{0xdf}, uint32(len(items)))
		seen := map[string]bool{}
		for _, i := range items {
			if seen[i.Key] {
				t.Fatalf("%q stands there twice", i.Key)
			}
			seen[i.Key] = true
			again = binary.BigEndian.AppendUint32(append(again, 0xdb), uint32(len(i.Key)))
			again = binary.BigEndian.AppendUint32(append(append(again, i.Key...), 0xc6), uint32(len(i.Value)))
			again = append(again, i.Value...)
		}
		twice, err := msgpack.ReadMap(again)
		if err != nil || len(twice) != len(items) {
			t.Fatalf("written again: %v", err)
		}
		for i := range items {
			if items[i].Key != twice[i].Key || !bytes.Equal(items[i].Value, twice[i].Value) {
				t.Fatalf("item %d: %q, then %q", i, items[i], twice[i])
			}
		}
	})
}
