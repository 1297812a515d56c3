//go:build unix && !linux

package lane

import "syscall"

// lookFor looks at nothing: the poller waits.
func (d *direct) lookFor([]byte, int) (int, error) { return 0, syscall.EAGAIN }

// writeNow writes nothing: the poller does.
func writeNow(_ int, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	return 0, syscall.EAGAIN
}

func yieldProcess() {}
