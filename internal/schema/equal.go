package schema

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// equal compares two values as JSON Schema does: numbers by value, objects without
// regard to order. Out of steps it answers false.
func (e *evaluation) equal(a *tape, i uint32, b *tape, j uint32) bool {
	x, y := a.cells[i], b.cells[j]
	if !e.spend(1) || x.kind != y.kind {
		return false
	}
	switch x.kind {
	case null:
		return true
	case boolean:
		return a.isTrue(i) == b.isTrue(j)
	case number:
		return parseDecimal(a.raw(i)).compare(parseDecimal(b.raw(j))) == 0
	case text:
		e.spend(int(x.end-x.start) / 64)
		return bytes.Equal(a.text(i), b.text(j))
	}
	if x.count != y.count {
		return false
	}
	if x.kind == array {
		for k, l := i+1, j+1; k < x.next; k, l = a.cells[k].next, b.cells[l].next {
			if !e.equal(a, k, b, l) {
				return false
			}
		}
		return true
	}
	return e.equalMembers(a, i, b, j)
}

func (e *evaluation) equalMembers(a *tape, i uint32, b *tape, j uint32) bool {
	end := a.cells[i].next
	next := j + 1 // where the other object has the key if the order is the same
	for k := i + 1; k < end; k = a.cells[k+1].next {
		key := a.text(k)
		if next < b.cells[j].next && bytes.Equal(b.text(next), key) {
			if !e.equal(a, k+1, b, next+1) {
				return false
			}
			next = b.cells[next+1].next
			continue
		}
		if !e.spend(int(b.cells[j].count)) {
			return false
		}
		at, ok := b.member(j, string(key))
		if !ok || !e.equal(a, k+1, b, at) {
			return false
		}
		next = b.cells[at].next
	}
	return true
}

// distinct judges uniqueItems. Equal items have equal hashes, and the seed is this
// evaluation's own, so that nobody can prepare collisions.
func (e *evaluation) distinct(i uint32) bool {
	c := e.cells[i]
	if c.count < 2 {
		return true
	}
	type place struct {
		pos int
		at  uint32
	}
	seed := maphash.MakeSeed()
	buckets := make(map[uint64][]place, c.count)
	for at, pos := i+1, 0; at < c.next; at, pos = e.cells[at].next, pos+1 {
		if !e.spend(1 + int(e.cells[at].next-at)) {
			return false
		}
		h := e.hash(seed, at)
		for _, other := range buckets[h] {
			if e.equal(e.tape, other.at, e.tape, at) {
				return e.fail("the items %d and %d are equal, where each may stand once", other.pos, pos)
			}
		}
		buckets[h] = append(buckets[h], place{pos, at})
	}
	return true
}

// hash is equal for equal values. Its recursion is bounded by the parser.
func (e *evaluation) hash(seed maphash.Seed, i uint32) uint64 {
	c := e.cells[i]
	var h maphash.Hash
	h.SetSeed(seed)
	h.WriteByte(byte(c.kind))
	sum := func(x uint64) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], x)
		h.Write(b[:])
	}
	switch c.kind {
	case boolean:
		if e.isTrue(i) {
			h.WriteByte(1)
		}
	case number:
		d := parseDecimal(e.raw(i))
		if d.negative {
			h.WriteByte(1)
		}
		sum(uint64(d.exp))
		h.Write(d.digits)
	case text:
		h.Write(e.text(i))
	case array:
		for k := i + 1; k < c.next; k = e.cells[k].next {
			sum(e.hash(seed, k))
		}
	case object:
		var total uint64 // a sum does not know an order
		for k := i + 1; k < c.next; k = e.cells[k+1].next {
			var member maphash.Hash
			member.SetSeed(seed)
			var b [8]byte
			member.Write(e.text(k))
			binary.LittleEndian.PutUint64(b[:], e.hash(seed, k+1))
			member.Write(b[:])
			total += member.Sum64()
		}
		sum(total)
	}
	return h.Sum64()
}
