package servecmd

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// keepSecrets keeps what this process knows out of files that others can read and out of
// core dumps, its own and those of what it starts. Other processes of the same user can
// not look into it either; the profiles of /debug/pprof, which it makes itself, stay.
func keepSecrets() error {
	unix.Umask(0o077)
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("keeping core dumps from being written: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keeping other processes from looking into this one: %w", err)
	}
	return nil
}
