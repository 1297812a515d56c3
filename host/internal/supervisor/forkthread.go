package supervisor

import "runtime"

// forkThread is one operating system thread on which every child is forked. The
// kernel sends a child its parent-death signal when the thread that forked it ends,
// not when the process does, and Go ends threads as it likes; this one lives as long
// as the Supervisor.
type forkThread struct {
	work  chan func()
	ended chan struct{}
}

func newForkThread() *forkThread {
	t := &forkThread{work: make(chan func()), ended: make(chan struct{})}
	go func() {
		defer close(t.ended)
		runtime.LockOSThread()
		for f := range t.work {
			f()
		}
		// The goroutine ends while locked, so its thread ends too. All children
		// have been reaped by now.
	}()
	return t
}

// do runs f on the thread and waits for it.
func (t *forkThread) do(f func()) {
	done := make(chan struct{})
	t.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// close ends the thread; no call of do may follow.
func (t *forkThread) close() {
	close(t.work)
	<-t.ended
}
