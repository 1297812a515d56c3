//go:build amd64 || arm64

package shim

import (
	"errors"
	"io/fs"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock calls rights to files, by the version of its interface that brought
// them (landlock(7)). A right that a ruleset handles is refused everywhere but where a
// rule grants it.
const (
	readFile    = unix.LANDLOCK_ACCESS_FS_READ_FILE
	readFolder  = unix.LANDLOCK_ACCESS_FS_READ_DIR
	execute     = unix.LANDLOCK_ACCESS_FS_EXECUTE
	writeFile   = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	makeSpecial = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK
	makeAny     = unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_MAKE_FIFO | unix.LANDLOCK_ACCESS_FS_MAKE_SYM | unix.LANDLOCK_ACCESS_FS_REFER
	deviceControl = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	all = readFile | readFolder | execute | writeFile | makeSpecial | makeAny | deviceControl
	// ofFile are the rights that a rule for something else than a folder can have.
	ofFile = readFile | execute | writeFile | deviceControl
)

// handled returns what a ruleset of a version can refuse.
func handled(abi int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: all}
	if abi < 2 {
		attr.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if abi < 3 {
		attr.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if abi >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if abi < 5 {
		attr.Handled_access_fs &^= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if abi >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

// landlockVersion is the version of the kernel's interface, an error if it has none.
func landlockVersion() (int, error) {
	n, _, number := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if number != 0 {
		return 0, number
	}
	return int(n), nil
}

// prepareFiles makes the ruleset, while the folders can still be opened.
func (s *shim) prepareFiles() *Failure {
	files := s.policy.Files
	if files == nil {
		return nil
	}
	abi, err := landlockVersion()
	if err != nil {
		return failed(StepRuleset, "", err)
	}
	attr := handled(abi)
	fd, _, number := unix.RawSyscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if number != 0 {
		return failed(StepRuleset, "", number)
	}
	s.ruleset = int(fd)
	if err := s.allow(s.executable(), (readFile|execute)&attr.Handled_access_fs); err != nil {
		return failed(StepRuleset, "the executable", err)
	}
	for _, rule := range []struct {
		paths  []string
		access uint64
	}{
		{files.Read, readFile | readFolder},
		{files.Write, readFile | readFolder | writeFile | makeAny},
		{files.Devices, readFile | writeFile | deviceControl},
		{files.Execute, readFile | execute},
	} {
		for _, path := range rule.paths {
			if err := s.allowPath(path, rule.access&attr.Handled_access_fs); err != nil {
				return failed(StepRuleset, path, err)
			}
		}
	}
	return nil
}

// allowPath grants rights below path, if there is something.
func (s *shim) allowPath(path string, access uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return s.allow(fd, access)
}

// allow grants rights below what a descriptor is of.
func (s *shim) allow(fd int, access uint64) error {
	var is unix.Stat_t
	if err := unix.Fstat(fd, &is); err != nil {
		return err
	}
	if is.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= ofFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	_, _, number := unix.RawSyscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(s.ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if number != 0 {
		return number
	}
	return nil
}

// confineFiles enforces the ruleset.
func (s *shim) confineFiles() *Failure {
	if s.ruleset < 0 {
		return nil
	}
	if _, _, number := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(s.ruleset), 0, 0); number != 0 {
		return failed(StepFiles, "", number)
	}
	return nil
}
