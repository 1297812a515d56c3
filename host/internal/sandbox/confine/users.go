package confine

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Users are the uids, and gids of the same numbers, that are the extensions' alone: Count
// of them from First on. No account may have one.
type Users struct{ First, Count uint32 }

// Where no account is: above what systemd gives to containers (up to 1879048191), below
// 2^31, from which on programs misread it.
const (
	defaultFirstUser = 1_900_000_000
	defaultUserCount = 65_536
)

// DefaultUsers returns the uids of a host whose configuration says nothing.
func DefaultUsers() Users { return Users{First: defaultFirstUser, Count: defaultUserCount} }

func (u Users) withDefaults() Users {
	if u.First == 0 || u.Count == 0 {
		return DefaultUsers()
	}
	return u
}

func (u Users) has(uid uint32) bool { return uid >= u.First && uid-u.First < u.Count }

// candidate is the n-th choice for the extension with this data folder. The path of the
// folder, not the id, so that another home on the same machine has other ones.
func (u Users) candidate(dataDir string, n uint32) uint32 {
	sum := sha256.Sum256([]byte(dataDir))
	return u.First + (binary.BigEndian.Uint32(sum[:])%u.Count+n)%u.Count
}

// enter gives s its user. The record is the owner of its data folder: that of a
// neighbour is never given twice, and an extension keeps its own as long as its data.
func (g *Guard) enter(s Subject) (uint32, error) {
	g.users.Lock()
	defer g.users.Unlock()
	parent := filepath.Dir(s.DataDir)
	if err := os.MkdirAll(parent, 0o711); err != nil {
		return 0, err
	}
	taken, err := owners(parent, filepath.Base(s.DataDir))
	if err != nil {
		return 0, fmt.Errorf("finding a user for an extension: %w", err)
	}
	user, had := ownerOf(s.DataDir)
	if !had || !g.cfg.Users.has(user) || taken[user] {
		for n := uint32(0); ; n++ {
			if n == g.cfg.Users.Count {
				return 0, fmt.Errorf("all %d users of extensions are taken: enlarge sandbox.users", n)
			}
			// Whoever has processes is the user of another host's extension.
			if user = g.cfg.Users.candidate(s.DataDir, n); !taken[user] && !g.before()[user] {
				break
			}
		}
	} else if g.before()[user] && g.live[user] == 0 {
		if err := g.sweep(user); err != nil {
			return 0, err
		}
		delete(g.before(), user)
	}
	if err := makeData(s.DataDir, user); err != nil {
		return 0, fmt.Errorf("making the data folder: %w", err)
	}
	g.live[user]++
	return user, nil
}

// usersWithProcesses finds out which of some users have any.
func usersWithProcesses(of Users) map[uint32]bool {
	found := map[uint32]bool{}
	list, err := os.ReadDir("/proc")
	if err != nil {
		return found
	}
	for _, e := range list {
		if name := e.Name(); name[0] < '0' || name[0] > '9' {
			continue
		}
		// The owner of the folder is another for what cannot be dumped.
		status, err := os.ReadFile(filepath.Join("/proc", e.Name(), "status"))
		if err != nil {
			continue // it has ended
		}
		_, after, _ := strings.Cut(string(status), "\nUid:")
		line, _, _ := strings.Cut(after, "\n")
		if strings.Contains(string(status), "\nState:\tZ") {
			continue
		}
		for _, field := range strings.Fields(line) {
			if uid, err := strconv.ParseUint(field, 10, 32); err == nil && of.has(uint32(uid)) {
				found[uint32(uid)] = true
			}
		}
	}
	return found
}

// owners are the owners of what is in dir, but for one name.
func owners(dir, but string) (map[uint32]bool, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	found := make(map[uint32]bool, len(list))
	for _, e := range list {
		if uid, ok := ownerOf(filepath.Join(dir, e.Name())); ok && e.Name() != but {
			found[uid] = true
		}
	}
	return found, nil
}

func ownerOf(path string) (uint32, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return is.Uid, true
}

// temporary is where the process has its temporary files: in its data, where they count
// as its own and nobody else sees them.
const temporary = "tmp"

// makeData makes the data folder and, in it, an empty folder for temporary files: those
// of a process that crashed would pile up. With a user both become that user's, and so
// does all that is in the folder if it was another's.
func makeData(dir string, user uint32) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	// What is in it may be hostile and may change meanwhile: nothing is followed.
	if err := root.RemoveAll(temporary); err != nil {
		return err
	}
	if err := root.Mkdir(temporary, 0o700); err != nil {
		return err
	}
	if user == 0 {
		return disown(dir)
	}
	if owner, ok := ownerOf(dir); ok && owner == user {
		return errors.Join(root.Lchown(temporary, int(user), int(user)), root.Chmod(".", 0o700))
	}
	if err := fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		info, err := root.Lstat(name)
		if err != nil {
			return err
		}
		// A second name of a file may be outside, and the file not the extension's.
		if is, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() && is.Nlink > 1 {
			return nil
		}
		return root.Lchown(name, int(user), int(user))
	}); err != nil {
		return fmt.Errorf("giving its data to an extension: %w", err)
	}
	// The folder comes last: as long as it is another's, all this is done again.
	return errors.Join(root.Chmod(".", 0o700), os.Lchown(dir, int(user), int(user)))
}

// disown takes the data folder back into the host's name when its extension runs with
// the host's user: what that writes must be given away again later.
func disown(dir string) error {
	if owner, ok := ownerOf(dir); !ok || os.Geteuid() != 0 || owner == 0 {
		return nil
	}
	return os.Lchown(dir, 0, 0)
}

// reachable reports whether another user can come to everything that s needs. The two
// folders of the host's own are opened for that: to pass, not to list.
func reachable(s Subject) error {
	for _, dir := range []string{s.RunDir, filepath.Dir(s.DataDir)} {
		if dir == "" {
			continue
		}
		if err := openWay(dir); err != nil {
			return fmt.Errorf("opening %s to extensions' users: %w", dir, err)
		}
	}
	runDir := s.RunDir
	if runDir == "" {
		runDir = os.TempDir()
	}
	for _, path := range []string{s.Executable, filepath.Join(s.BundleDir, "x"), s.DataDir, filepath.Join(runDir, "x")} {
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o001 == 0 {
				return fmt.Errorf("no other user can pass the folder %s: chmod o+x it, or move the home", dir)
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return nil
}

func openWay(dir string) error {
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm()&0o001 != 0 {
		return err
	}
	return os.Chmod(dir, info.Mode().Perm()|0o001)
}
