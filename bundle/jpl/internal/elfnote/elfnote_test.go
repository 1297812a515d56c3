package elfnote_test

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"os"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl/internal/elfnote"
)

// library is an ELF file with notes of these names.
func library(names ...string) []byte {
	var notes bytes.Buffer
	write := func(v any) { _ = binary.Write(&notes, binary.LittleEndian, v) } // to memory
	for _, name := range names {
		write([]uint32{uint32(len(name) + 1), 4, 1})
		notes.WriteString(name + "\x00" + strings.Repeat("\x00", (4-(len(name)+1)%4)%4))
		write(uint32(21))
	}
	var out bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_DYN), Machine: uint16(elf.EM_AARCH64), Version: 1, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2}
	copy(header.Ident[:], "\x7fELF\x02\x01\x01")
	for _, v := range []any{header, elf.Prog64{Type: uint32(elf.PT_LOAD)}, elf.Prog64{Type: uint32(elf.PT_NOTE), Off: 64 + 2*56, Filesz: uint64(notes.Len())}} {
		_ = binary.Write(&out, binary.LittleEndian, v)
	}
	out.Write(notes.Bytes())
	return out.Bytes()
}

func TestAndroid(t *testing.T) {
	for name, c := range map[string]struct {
		head           []byte
		android, known bool
	}{
		"the NDK's":        {library("Android"), true, true},
		"behind another":   {library("GNU", "Android"), true, true},
		"Linux":            {library("GNU"), false, true},
		"no notes":         {library(), false, true},
		"a longer name":    {library("Androids"), false, true},
		"cut":              {library("Android")[:100], false, false},
		"text":             {[]byte(strings.Repeat("\x7fELF of Greenery", 10)), false, false},
		"nothing":          {nil, false, false},
		"32 bits":          {append([]byte("\x7fELF\x01\x01"), make([]byte, 100)...), false, false},
		"a note that lies": {append(library("GNU")[:64+2*56], "\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00"...), false, true},
	} {
		if android, known := elfnote.Android(c.head); android != c.android || known != c.known {
			t.Errorf("%s: %t %t", name, android, known)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if android, known := elfnote.Android(data[:elfnote.Head]); android || !known {
		t.Errorf("this program: %t %t", android, known)
	}
}

// FuzzAndroid: whatever it is given, it ends, and what is for Android has its name in it.
func FuzzAndroid(f *testing.F) {
	f.Add(library("Android"))
	f.Add(library("GNU", "Go"))
	f.Fuzz(func(t *testing.T, head []byte) {
		android, known := elfnote.Android(head)
		if android && (!known || !bytes.Contains(head, []byte("Android\x00"))) {
			t.Fatal("it is for Android and does not say so")
		}
	})
}
