package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// part is a part of the home that others must not change, or not even read.
type part struct {
	path string
	deny os.FileMode // the permission bits that it must not have
	// anyOwner says that the administrator may have given it to somebody else.
	anyOwner bool
}

const (
	others  os.FileMode = 0o022 // may write
	anybody os.FileMode = 0o077 // may do anything
)

// parts lists what is judged before a host starts. Who can change one of them decides
// what the host trusts, runs and lets in. The drop folder is the administrator's to
// share: its group, or its owner, are those who may install extensions. So are the
// configuration pages that are put there by hand.
func (h Home) parts() []part {
	list := []part{
		{path: string(h), deny: others},
		{path: h.Extensions(), deny: 0o002, anyOwner: true},
		{path: filepath.Dir(h.Pages()), deny: 0o002, anyOwner: true},
		{path: h.Pages(), deny: 0o002, anyOwner: true},
		{path: h.AdminToken(), deny: anybody},
		{path: h.InitialPassword(), deny: anybody},
		{path: h.SecretKey(), deny: anybody},
		{path: h.RequestsTokens(), deny: 0o026},
		{path: h.Database(), deny: anybody},
	}
	data := filepath.Dir(h.Bundles())
	for _, path := range []string{
		h.Conf(), h.Properties(), h.Trust(), filepath.Join(h.Trust(), "timestamp"),
		data, h.Bundles(), filepath.Dir(h.Data("x")), filepath.Dir(h.Snapshots("x")), filepath.Dir(h.KeyValue("x")), h.TrustCache(), h.Backups(),
		filepath.Dir(filepath.Dir(h.ExtensionLog("x"))), filepath.Dir(h.ExtensionLog("x")), h.Run(),
	} {
		list = append(list, part{path: path, deny: others})
	}
	for _, dir := range []string{h.Trust(), filepath.Join(h.Trust(), "timestamp")} {
		roots, _ := filepath.Glob(filepath.Join(escapeGlob(dir), "*.pem")) // the pattern is well formed
		for _, path := range roots {
			list = append(list, part{path: path, deny: others})
		}
	}
	return list
}

// escapeGlob returns the pattern that matches a path and nothing else.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// check refuses a home of which somebody else can change a part, and says of each such
// part what mends it. Links are followed: what they lead to is judged, who made them, and
// whether others can put something else into its place.
func (h Home) check() error {
	if err := errors.Join(h.Faults(os.Geteuid())...); err != nil {
		return fmt.Errorf("the home folder %s can be read or changed by others than the host's user; it is not safe to start from:\n%w", h, err)
	}
	return nil
}

// Faults lists what keeps a host of the user with this uid from starting in the home: which
// part of it others can change or read, and the command that mends it. It changes nothing;
// a part that is missing is no fault.
func (h Home) Faults(user int) []error {
	var faults []error
	for _, p := range h.parts() {
		for _, fault := range p.check(user) {
			if fault != nil {
				faults = append(faults, fault)
			}
		}
	}
	return faults
}

// check returns the faults of one part, nil ones among them.
func (p part) check(user int) (faults []error) {
	link, err := os.Lstat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	path, info := p.path, link
	if err == nil && link.Mode()&fs.ModeSymlink != 0 {
		if path, err = filepath.EvalSymlinks(p.path); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err != nil {
		return []error{err}
	}
	if info != link && !p.anyOwner {
		faults = append(faults, ownedByOthers(p.path, link, user, "chown -h"))
		above := filepath.Dir(path)
		if dir, err := os.Stat(above); err != nil {
			faults = append(faults, err)
		} else if dir.Mode()&fs.ModeSticky == 0 {
			faults = append(faults, openToOthers(above, dir, others, ", and the link "+p.path+" leads there"), ownedByOthers(above, dir, user, "chown"))
		}
	}
	faults = append(faults, openToOthers(path, info, p.deny, ""))
	if !p.anyOwner {
		faults = append(faults, ownedByOthers(path, info, user, "chown"))
	}
	return faults
}

// openToOthers is the fault of permission bits that must not be set, nil for none.
func openToOthers(path string, info fs.FileInfo, deny os.FileMode, more string) error {
	mode := info.Mode().Perm()
	bad := mode & deny
	if bad == 0 {
		return nil
	}
	who := "others"
	if bad&0o007 == 0 {
		who = "its group"
	}
	can := "written to"
	if bad&0o022 == 0 {
		can = "read"
	}
	return fmt.Errorf("%s can be %s by %s (mode %04o)%s: chmod %04o %s", path, can, who, mode, more, mode&^deny, quoteForShell(path))
}

// ownedByOthers is the fault of belonging to somebody who is neither root nor the host's
// user, nil for none.
func ownedByOthers(path string, info fs.FileInfo, user int, chown string) error {
	owner, ok := ownerOf(info)
	if ok && owner != user && owner != 0 {
		return fmt.Errorf("%s belongs to user %d, and the host runs as user %d: %s %d %s", path, owner, user, chown, user, quoteForShell(path))
	}
	return nil
}

// Owner is the uid of whom the home belongs to: that of the host, where root looks at the
// home of a service. It is that of this process where there is no home.
func (h Home) Owner() int {
	if info, err := os.Stat(string(h)); err == nil {
		if owner, ok := ownerOf(info); ok {
			return owner
		}
	}
	return os.Geteuid()
}

func ownerOf(info fs.FileInfo) (int, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}

// quoteForShell returns path as one word of a shell.
func quoteForShell(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+@,:=", r))
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
