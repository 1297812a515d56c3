package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// settings are configuration keys of a host.
type settings map[string]string

// host is a home and the jackfield that serves it, which may be started again and
// again.
type host struct {
	binary string
	home   string
	temp   string // TMPDIR
	log    string // stderr of every process, one after another
	uid    int    // 0: ours
	set    settings

	// Of the running process.
	cmd             *exec.Cmd
	self            process
	began           time.Time
	ended           chan struct{}
	requests, admin string // HOST:PORT
	token           string
	client          *http.Client
}

func (h *host) drop() string { return filepath.Join(h.home, "extensions") }

func (h *host) data(name, file string) string {
	return filepath.Join(h.home, "data", "extensions", idOf(name), file)
}

// furnish makes the folders and the configuration of a home.
func (h *host) furnish() error {
	var text strings.Builder
	if h.set["trust.policy"] == "" {
		text.WriteString("trust.policy = warn\n") // most bundles are signed by nobody
	}
	for _, key := range slices.Sorted(maps.Keys(h.set)) {
		fmt.Fprintf(&text, "%s = %s\n", key, h.set[key])
	}
	for _, dir := range []string{h.home, h.drop(), filepath.Join(h.home, "conf"), h.temp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.WriteFile(filepath.Join(h.home, "conf", "jackfield.properties"), []byte(text.String()), 0o644); err != nil {
		return err
	}
	if h.uid == 0 {
		return nil
	}
	return errors.Join(chownAll(h.home, h.uid), chownAll(h.temp, h.uid))
}

// configure adds a line to the configuration of a host that does not run.
func (h *host) configure(line string) error {
	f, err := os.OpenFile(filepath.Join(h.home, "conf", "jackfield.properties"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, f.Close())
}

func chownAll(dir string, uid int) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, uid, uid)
	})
}

// put lays a file into the drop folder, whole at once.
func (h *host) put(name string, data []byte) error {
	hidden := filepath.Join(h.drop(), "."+name+".part")
	if err := os.WriteFile(hidden, data, 0o644); err != nil {
		return errors.Join(err, os.Remove(hidden))
	}
	return os.Rename(hidden, filepath.Join(h.drop(), name))
}

// start starts the host and waits until it listens.
func (h *host) start(ctx context.Context) error {
	log, err := os.OpenFile(h.log, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	at, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	cmd := exec.Command(h.binary, "serve", "--home", h.home, "--log-format", "json", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	cmd.Stderr = log
	cmd.Env = append(os.Environ(), "TMPDIR="+h.temp)
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if h.uid != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(h.uid), Gid: uint32(h.uid)}
	}
	h.began = time.Now()
	if err := cmd.Start(); err != nil {
		return err
	}
	h.cmd, h.ended = cmd, make(chan struct{})
	h.self, _ = look(cmd.Process.Pid)
	h.client = &http.Client{Transport: &http.Transport{DisableCompression: true}, Timeout: time.Minute}
	go func(ended chan<- struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(h.ended)
	err = await(ctx, patience, "the host listens", func() (bool, error) {
		if !h.running() {
			return false, fmt.Errorf("the host ended (%s) before it was up: %s", h.cmd.ProcessState, lastLine(h.log))
		}
		return h.readAddresses(at)
	})
	if err != nil {
		h.kill()
		return err
	}
	token, err := os.ReadFile(filepath.Join(h.home, "conf", "admin.token"))
	h.token = strings.TrimSpace(string(token))
	return err
}

// lastLine is what a host said before it ended.
func lastLine(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	text = bytes.TrimSpace(text)
	return string(text[bytes.LastIndexByte(text, '\n')+1:])
}

// readAddresses finds the line that says where the host listens, from at on.
func (h *host) readAddresses(at int64) (bool, error) {
	text, err := os.ReadFile(h.log)
	if err != nil || int64(len(text)) < at {
		return false, err
	}
	lines := bufio.NewScanner(bytes.NewReader(text[at:]))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line struct{ Msg, Requests, Admin string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			h.requests, h.admin = line.Requests, line.Admin
			return true, nil
		}
	}
	return false, lines.Err()
}

// ready waits for /readyz and returns how long after its start the host was ready.
func (h *host) ready(ctx context.Context) (time.Duration, error) {
	err := await(ctx, 2*patience, "/readyz answers 200", func() (bool, error) {
		status, _, err := h.call(ctx, http.MethodGet, "http://"+h.requests+"/readyz", "", nil)
		if err != nil && !h.running() {
			return false, fmt.Errorf("the host ended: %s", h.cmd.ProcessState)
		}
		return err == nil && status == http.StatusOK, nil
	})
	return time.Since(h.began), err
}

func (h *host) running() bool {
	if h.cmd == nil {
		return false
	}
	select {
	case <-h.ended:
		return false
	default:
		return true
	}
}

// kill ends the host as nothing can that it could see coming. It is safe to call at
// any time.
func (h *host) kill() {
	if h.running() {
		_ = h.cmd.Process.Kill()
		<-h.ended
	}
	if h.client != nil {
		h.client.CloseIdleConnections()
	}
}

// stop asks the host to end, and says what is wrong with how it did.
func (h *host) stop() error {
	if !h.running() {
		return errors.New("the host had ended by itself: " + h.cmd.ProcessState.String())
	}
	defer h.kill()
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-h.ended:
	case <-time.After(patience):
		return fmt.Errorf("SIGTERM did not end the host within %s", patience)
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("SIGTERM ended the host with %s", h.cmd.ProcessState)
	}
	return nil
}

// orphans waits up to a second until nothing runs out of the home, and kills what
// still does.
func (h *host) orphans() []process {
	deadline := time.Now().Add(time.Second)
	left := living(h.home, 0)
	for len(left) > 0 && time.Now().Before(deadline) {
		time.Sleep(10 * time.Millisecond)
		left = living(h.home, 0)
	}
	for i, p := range left {
		left[i] = p.named()
		_ = p.kill(syscall.SIGKILL)
	}
	return left
}

// sound says what is wrong with a host that should be well: it runs, it says so, and
// no process of its home has another parent.
func (h *host) sound(ctx context.Context) error {
	if !h.running() {
		return fmt.Errorf("the host ended: %s", h.cmd.ProcessState)
	}
	status, _, err := h.call(ctx, http.MethodGet, "http://"+h.requests+"/healthz", "", nil)
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("/healthz answers %d (%v)", status, err)
	}
	family := below(processes(), h.self.pid)
	for _, p := range living(h.home, h.self.pid) {
		if p.alive() && !slices.ContainsFunc(family, func(f process) bool { return f.pid == p.pid }) {
			// It may have been started since the family was read.
			if now, ok := look(p.pid); ok && now.parent != h.self.pid && !now.dead() {
				return fmt.Errorf("process %d runs out of %s, and is no child of the host", p.pid, h.home)
			}
		}
	}
	return nil
}
