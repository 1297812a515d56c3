// Package running is how the command line and a running host of the same home find
// each other: run/host.json with the addresses, and conf/admin.token with the bearer
// token. `jackfield serve` calls Token, then Announce; `jackfield ext` calls Find.
package running

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host"
)

// DefaultHome is the home folder when neither --home nor JMAP_HOME names one.
const DefaultHome = "jmap-home"

// Home returns the home folder for the value of --home.
func Home(flag string) host.Home {
	if flag != "" {
		return host.Home(flag)
	}
	if env := os.Getenv("JMAP_HOME"); env != "" {
		return host.Home(env)
	}
	return DefaultHome
}

// Host is the content of run/host.json: the process, and the addresses (HOST:PORT)
// on which it really listens.
type Host struct {
	PID      int    `json:"pid"`
	Requests string `json:"requests"`
	Admin    string `json:"admin"`
	// RequestsAuth is token or oidc when requests must carry a token.
	RequestsAuth string `json:"requests_auth,omitempty"`
	// Certificate is by which programs on this machine know the listeners, in PEM; it is
	// empty where they speak plain HTTP.
	Certificate string `json:"certificate,omitempty"`
}

// ErrNone means that no host runs in the home.
var ErrNone = errors.New("no host is running")

// maxFile bounds what is read of either file.
const maxFile = 64 << 10

// Announce writes run/host.json, in one step. The returned function removes it,
// unless another host has announced itself since.
func Announce(home host.Home, h Host) (withdraw func() error, err error) {
	data, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	path := home.RunningHost()
	if err := renameio.WriteFile(path, append(data, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("announcing the host: %w", err)
	}
	return func() error {
		if now, err := read(path); err != nil || now != h {
			return nil
		}
		return os.Remove(path)
	}, nil
}

// Find returns the host that runs in home. The error is ErrNone, with the reason,
// when there is none, or when the one that is announced has died.
func Find(home host.Home) (Host, error) {
	path := home.RunningHost()
	h, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Host{}, fmt.Errorf("%w in %s", ErrNone, home)
	case err != nil:
		return Host{}, fmt.Errorf("reading %s: %w", path, err)
	case !alive(h.PID):
		return Host{}, fmt.Errorf("%w in %s: process %d, which wrote host.json, is gone", ErrNone, home, h.PID)
	}
	return h, nil
}

func read(path string) (Host, error) {
	data, _, err := readSmall(path)
	if err != nil {
		return Host{}, err
	}
	var h Host
	if err := json.Unmarshal(data, &h); err != nil {
		return Host{}, err
	}
	if h.PID <= 0 || h.Requests == "" || h.Admin == "" {
		return Host{}, errors.New("pid or addresses are missing")
	}
	return h, nil
}

// alive reports whether a process has this id. One of another user counts: signals
// to it are refused.
func alive(pid int) bool {
	err := unix.Kill(pid, 0)
	return err == nil || errors.Is(err, unix.EPERM)
}

// Token returns the token of the local administrator, and makes it when there is
// none. The file can be read by its owner only; one that others can read is refused,
// because the token in it must be taken for known.
func Token(home host.Home) (string, error) {
	token, err := ReadToken(home)
	if !errors.Is(err, fs.ErrNotExist) {
		return token, err
	}
	token = rand.Text() + rand.Text()
	switch err := writeNew(home.AdminToken(), token+"\n"); {
	case errors.Is(err, fs.ErrExist): // of two first starts one wins, and both use its token
		return ReadToken(home)
	case err != nil:
		return "", fmt.Errorf("making the administrator's token: %w", err)
	}
	return token, nil
}

// writeNew makes a file that only its owner can read, whole or not at all. The error is
// fs.ErrExist when there is one.
func writeNew(path, text string) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // what is left of it holds a token that nobody uses
	_, err = tmp.WriteString(text)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil { // unlike a rename it replaces nothing
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ReadToken returns the token of the local administrator. The error is
// fs.ErrNotExist when there is none yet.
func ReadToken(home host.Home) (string, error) {
	path := home.AdminToken()
	data, mode, err := readSmall(path)
	if err != nil {
		return "", fmt.Errorf("reading the administrator's token: %w", err)
	}
	if mode &= fs.ModePerm; mode&0o077 != 0 {
		return "", fmt.Errorf("%s can be read or written by others (mode %04o); delete it to get a new token, or chmod 600 it if nobody has seen it", path, mode)
	}
	token := strings.TrimSpace(string(data))
	if len(token) < 16 || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("%s holds no token: it must be one line of at least 16 letters and digits; delete it to get a new one", path)
	}
	return token, nil
}

// readSmall returns the beginning of a file, and the mode of what was read.
func readSmall(path string) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, io.LimitReader(f, maxFile)); err != nil {
		return nil, 0, err
	}
	return b.Bytes(), info.Mode(), nil
}
