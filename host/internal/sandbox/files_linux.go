package sandbox

import (
	"errors"

	"golang.org/x/sys/unix"
)

// SetFiles bounds the open descriptors of a process that was just started, 0 for no
// bound, and lets it leave no core dump.
func SetFiles(pid, files int) error {
	core := unix.Prlimit(pid, unix.RLIMIT_CORE, &unix.Rlimit{}, nil)
	if files <= 0 {
		return core
	}
	limit := unix.Rlimit{Cur: uint64(files), Max: uint64(files)}
	return errors.Join(core, unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil))
}
