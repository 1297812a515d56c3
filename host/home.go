package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// Home is the layout of JMAP_HOME: the one place that knows where things lie.
type Home string

// Extensions is the drop folder.
func (h Home) Extensions() string { return filepath.Join(string(h), "extensions") }

// Pages holds the configuration pages that administrators put there by hand, a folder per
// extension, named by its id.
func (h Home) Pages() string { return filepath.Join(string(h), "jmapadmin", "extensions") }

// Conf holds the configuration, the trusted roots and the administrator's token.
func (h Home) Conf() string { return filepath.Join(string(h), "conf") }

// Properties is the configuration file; it may be missing.
func (h Home) Properties() string { return filepath.Join(h.Conf(), "jackfield.properties") }

// AdminToken is the file with the bearer token of the local administrator.
func (h Home) AdminToken() string { return filepath.Join(h.Conf(), "admin.token") }

// InitialPassword is the file with the first password of the user admin; it is gone once
// that is changed.
func (h Home) InitialPassword() string { return filepath.Join(h.Conf(), "initial-admin-password") }

// SecretKey is the key that seals the secrets of configurations in the database; it is
// made with the first of them.
func (h Home) SecretKey() string { return filepath.Join(h.Conf(), "secret.key") }

// RequestsTokens is the file with the digests of the tokens that requests may carry;
// it may be missing.
func (h Home) RequestsTokens() string { return filepath.Join(h.Conf(), "requests.tokens") }

// Bundles holds private copies of accepted bundles, a folder per digest.
func (h Home) Bundles() string { return filepath.Join(string(h), "data", "bundles") }

// Downloads holds bundles on their way from repositories: they are gone on with after a
// restart.
func (h Home) Downloads() string { return filepath.Join(string(h), "data", "downloads") }

// Data is the private data folder of one extension.
func (h Home) Data(id string) string { return filepath.Join(string(h), "data", "extensions", id) }

// Snapshots holds the copies of one extension's data folder that upgrades make.
func (h Home) Snapshots(id string) string { return filepath.Join(string(h), "data", "snapshots", id) }

// KeyValue is the folder of the key-value store of one extension, which the host keeps
// for it.
func (h Home) KeyValue(id string) string { return filepath.Join(string(h), "data", "kv", id) }

// Database holds what should run, and what happened.
func (h Home) Database() string { return filepath.Join(string(h), "data", "jackfield.db") }

// Backups holds backups of the database.
func (h Home) Backups() string { return filepath.Join(string(h), "data", "backups") }

// ExtensionLog is the log file of one extension.
func (h Home) ExtensionLog(id string) string {
	return filepath.Join(string(h), "log", "extensions", id+".log")
}

// Run holds what lives only as long as the host: sockets and host.json.
func (h Home) Run() string { return filepath.Join(string(h), "run") }

// RunningHost is the file that tells the command line where a running host listens.
func (h Home) RunningHost() string { return filepath.Join(h.Run(), "host.json") }

// Trust holds the roots that sign bundles, as *.pem; the folder timestamp in it those of
// timestamp authorities. It may be missing.
func (h Home) Trust() string { return filepath.Join(h.Conf(), "trust") }

// TrustCache holds answers about revocation; it may be missing.
func (h Home) TrustCache() string { return filepath.Join(string(h), "data", "trust") }

// Repositories holds what is known of the repositories that extensions are installed from,
// a folder for each.
func (h Home) Repositories() string { return filepath.Join(string(h), "data", "repositories") }

// Restoring is the folder that a restore fills; it is there only while one is under way,
// or after one that was cut short.
func (h Home) Restoring() string { return filepath.Join(string(h), "restore.incomplete") }

// Make creates every folder that is missing, with the mode that it is to have whatever
// the umask is, and then refuses a home that others could change: see check. What holds
// secrets, private data or sockets is the host's alone; bundles are readable by all,
// since an extension may run as a user of its own.
func (h Home) Make() error {
	if _, err := os.Lstat(h.Restoring()); err == nil {
		return fmt.Errorf("the home folder %s is no whole one: a restore is under way, or was cut short; empty the folder and restore again, or choose another home with --home", h)
	}
	for _, dir := range []struct {
		path string
		mode os.FileMode
	}{
		{string(h), 0o755},
		{h.Extensions(), 0o755},
		{h.Pages(), 0o755},
		{h.Conf(), 0o750},
		{h.Trust(), 0o750},
		{h.Bundles(), 0o755},
		{filepath.Dir(h.Data("x")), 0o750},
		{filepath.Dir(h.Snapshots("x")), 0o700},
		{filepath.Dir(h.KeyValue("x")), 0o700},
		{h.Backups(), 0o700},
		{h.Repositories(), 0o700},
		{h.Downloads(), 0o700},
		{filepath.Dir(h.ExtensionLog("x")), 0o750},
		{h.Run(), 0o700},
	} {
		if err := makeFolder(dir.path, dir.mode); err != nil {
			return fmt.Errorf("making the home folder %s: %w", dir.path, err)
		}
	}
	return h.check()
}

// makeFolder makes a folder that is missing, and those above it.
func makeFolder(path string, mode os.FileMode) error {
	err := os.Mkdir(path, mode)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeFolder(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		err = os.Mkdir(path, mode)
	}
	switch {
	case err == nil:
		return os.Chmod(path, mode)
	case !errors.Is(err, fs.ErrExist):
		return err
	}
	info, err := os.Stat(path) // which may be a link to a folder
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "mkdir", Path: path, Err: unix.ENOTDIR}
	}
	return err
}

// ErrNewer means that a newer version of Jackfield has used the home.
var ErrNewer = state.ErrNewer

// ErrInUse means that a host runs in the home, or that one is being restored.
var ErrInUse = errors.New("the home folder is in use")

// Lock takes the home for this process, as a running host has it, until unlock is called.
// The error is ErrInUse when somebody else has it.
func (h Home) Lock() (unlock func(), err error) {
	if err := makeFolder(h.Run(), 0o700); err != nil {
		return nil, fmt.Errorf("locking the home folder: %w", err)
	}
	f, err := h.lock()
	if err != nil {
		return nil, err
	}
	return func() { release(f) }, nil
}

// How long a lock may outlive who had it: a child that was forked when its host was killed has
// the file open until it executes or dies, and on a busy machine neither is at once.
const (
	lockPatience = 10 * time.Second
	lockPause    = 5 * time.Millisecond
)

// lock takes the home for this process until the returned file is closed. Two hosts
// in one home would each remove what the other runs.
func (h Home) lock() (*os.File, error) {
	path := filepath.Join(h.Run(), "host.lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("locking the home folder: %w", err)
	}
	for deadline := time.Now().Add(lockPatience); ; <-time.After(lockPause) {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			sign(f, os.Getpid())
			return f, nil
		case !errors.Is(err, unix.EWOULDBLOCK):
			f.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		case ownerLives(f) || time.Now().After(deadline):
			f.Close()
			return nil, inUseError(h)
		}
	}
}

// sign writes into the lock whose it is. Without room on the disk nobody can know: then who
// comes next waits for nothing.
func sign(f *os.File, pid int) {
	_ = f.Truncate(0)
	_, _ = f.WriteAt([]byte(strconv.Itoa(pid)+"\n"), 0)
}

// ownerLives reports whether the process that has signed a lock is there.
func ownerLives(f *os.File) bool {
	text := make([]byte, 16)
	n, _ := f.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	return err == nil && pid > 0 && !errors.Is(unix.Kill(pid, 0), unix.ESRCH)
}

// inUseError names the home that is in use.
type inUseError Home

func (e inUseError) Error() string {
	return fmt.Sprintf("the home folder %s is in use by another host; stop it, or choose another home with --home", string(e))
}

func (e inUseError) Is(target error) bool { return target == ErrInUse }

// release gives the home free. A child of this process that was forked a moment ago has
// the file open, too, until it executes: closing it would not be enough.
func release(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN) // of a file that is open: it succeeds
	f.Close()
}
