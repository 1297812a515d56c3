package lane

import (
	"math/bits"
	"sync"

	"github.com/jackfield-host/jackfield/sdk"
)

// Buffers of smallest bytes and every power of two up to largest are pooled. A larger
// one is left to the collector.
const (
	smallest = 512
	classes  = 17 // up to 32 MiB
)

// buffers is a pool of memory by size classes. Its zero value is ready.
type buffers struct{ classes [classes]sync.Pool }

// buffer is pooled memory, and room for the answer that lies in it.
type buffer struct {
	bytes   []byte // of the size asked for
	whole   []byte // of the size of the class
	pool    *sync.Pool
	answer  sdk.Response
	release func() // gives the buffer back; made once
}

// get returns a buffer of size bytes, whose content is arbitrary.
func (p *buffers) get(size int) *buffer {
	class := max(0, bits.Len(uint(max(size-1, 0)))-bits.Len(smallest-1))
	if class >= classes {
		b := &buffer{bytes: make([]byte, size)}
		b.release = func() {}
		return b
	}
	b, ok := p.classes[class].Get().(*buffer)
	if !ok {
		b = &buffer{whole: make([]byte, smallest<<class), pool: &p.classes[class]}
		b.release = b.put
	}
	b.bytes = b.whole[:size]
	return b
}

// put gives b back. It is called once for each get.
func (b *buffer) put() {
	b.answer, b.bytes = sdk.Response{}, nil
	b.pool.Put(b)
}
