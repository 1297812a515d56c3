package confine

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// mayChangeUsers reports what the host lacks to give extensions users of their own, and
// to deal with processes and files of these afterwards.
func mayChangeUsers() error {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("what the host may do cannot be read: %w", err)
	}
	var missing []string
	for _, c := range []struct {
		number int
		name   string
	}{
		{unix.CAP_CHOWN, "CAP_CHOWN"}, {unix.CAP_DAC_OVERRIDE, "CAP_DAC_OVERRIDE"}, {unix.CAP_FOWNER, "CAP_FOWNER"},
		{unix.CAP_KILL, "CAP_KILL"}, {unix.CAP_SETGID, "CAP_SETGID"}, {unix.CAP_SETUID, "CAP_SETUID"},
	} {
		if sets[0].Effective&(1<<c.number) == 0 {
			missing = append(missing, c.name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return errors.New("the host may not give it one: run it as root, or give it " + strings.Join(missing, ", "))
}
