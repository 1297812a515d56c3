//go:build unix

package serve

import (
	"os/signal"
	"syscall"
)

// failLargeWrites lets a write beyond the largest file that this process may have fail,
// where the signal would end the process.
func failLargeWrites() { signal.Ignore(syscall.SIGXFSZ) }
