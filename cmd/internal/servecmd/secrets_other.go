//go:build !linux

package servecmd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keepSecrets keeps what this process knows out of files that others can read and out of
// core dumps.
func keepSecrets() error {
	unix.Umask(0o077)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("keeping core dumps from being written: %w", err)
	}
	return nil
}
