package duplex

import (
	"context"
	"sync"
	"sync/atomic"
)

// maxIdle bounds the goroutines that wait for work: they keep their stacks, which
// makes the next burst of lines cheap.
const maxIdle = 512

// crew does jobs, each in a goroutine of its own that is used again. How many there
// are is bounded by those who bring the jobs.
type crew struct {
	jobs    chan *job // without a buffer: what is sent has been taken up
	idle    atomic.Int32
	stopped chan struct{}
	working sync.WaitGroup

	mu     sync.Mutex
	closed bool // guarded by mu: no goroutine may be started
}

// job is one line, and who takes care of it.
type job struct {
	Question
	text   []byte // the line, to which the Question points
	number uint64
	to     interface{ do(j *job) }

	ctx context.Context // of a message, which it does not outlive
	key string          // what its id means
}

func newCrew() *crew { return &crew{jobs: make(chan *job), stopped: make(chan struct{})} }

// run has j done and does not wait for it.
func (c *crew) run(j *job) {
	select {
	case c.jobs <- j:
		return
	default:
	}
	c.mu.Lock()
	if !c.closed {
		c.working.Add(1)
		go c.work(j)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	j.to.do(j) // nobody else would be waited for
}

func (c *crew) work(j *job) {
	defer c.working.Done()
	for {
		j.to.do(j)
		if c.idle.Add(1) > maxIdle {
			c.idle.Add(-1)
			return
		}
		select {
		case j = <-c.jobs:
			c.idle.Add(-1)
		case <-c.stopped:
			return
		}
	}
}

// stop waits for the jobs at work and ends every goroutine.
func (c *crew) stop() {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.stopped)
	}
	c.mu.Unlock()
	c.working.Wait()
}

// buffer is memory for one line on its way out.
type buffer struct{ bytes []byte }

// maxPooled is the largest memory that is kept for the next line.
const maxPooled = 256 << 10

func (l *Lines) buffer() *buffer {
	if b, ok := l.buffers.Get().(*buffer); ok {
		return b
	}
	return &buffer{make([]byte, 0, 2<<10)}
}

func (l *Lines) freeBuffer(b *buffer) {
	if b != nil && cap(b.bytes) <= maxPooled {
		b.bytes = b.bytes[:0]
		l.buffers.Put(b)
	}
}

func (l *Lines) chunk() *[chunk]byte {
	if c, ok := l.chunks.Get().(*[chunk]byte); ok {
		return c
	}
	return new([chunk]byte)
}

func (l *Lines) freeChunk(c *[chunk]byte) { l.chunks.Put(c) }

func (l *Lines) job() *job {
	if j, ok := l.jobs.Get().(*job); ok {
		return j
	}
	return &job{text: make([]byte, 0, 2<<10)}
}

// freeJob keeps j for the next line. Nobody may be reading its memory.
func (l *Lines) freeJob(j *job) {
	if cap(j.text) > maxPooled || cap(j.Scratch) > maxPooled {
		return
	}
	*j = job{text: j.text[:0], Question: Question{Scratch: j.Scratch[:0]}}
	l.jobs.Put(j)
}
