package main_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// nobody is an ordinary user, and somebody else another one.
const (
	nobody       = 65534
	somebodyElse = 65533
)

// ordinary is the home of an ordinary user with what that user needs to run a host.
type ordinary struct {
	home   host.Home
	binary string
	uid    uint32
}

func newOrdinary(t *testing.T) ordinary {
	t.Helper()
	dir, err := os.MkdirTemp("", "jackfield-ordinary-") // the folders of t.TempDir are closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	o := ordinary{host.Home(filepath.Join(dir, "home")), filepath.Join(dir, "jackfield"), uint32(os.Getuid())}
	program, err := os.ReadFile(filepath.Join(os.Getenv(envBin), "jackfield"))
	if err = errors.Join(err, os.WriteFile(o.binary, program, 0o755), os.Mkdir(string(o.home), 0o755), os.Chmod(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	if os.Getuid() == 0 {
		o.uid = nobody
		if err := os.Chown(string(o.home), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func (o ordinary) command(args ...string) *exec.Cmd {
	cmd := exec.Command(o.binary, serveArgs(string(o.home), args...)...)
	cmd.Dir = "/"
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: o.uid, Gid: o.uid}}
	}
	return cmd
}

// TestSecretsOfARunningHost: as root and as an ordinary user, whatever the umask is, no
// file that the host makes can be read by others but bundles, nothing is in a core dump,
// and the profiles are there.
func TestSecretsOfARunningHost(t *testing.T) {
	t.Run("as who runs the tests", func(t *testing.T) {
		home := host.Home(t.TempDir())
		h, err := startHost(string(home))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.kill)
		keepsSecrets(t, h, home)
	})
	t.Run("as an ordinary user with umask 0", func(t *testing.T) {
		o := newOrdinary(t)
		cmd := o.command()
		cmd.Args = append([]string{"/bin/sh", "-c", `umask 0; ulimit -c unlimited 2>/dev/null; exec "$0" "$@"`, o.binary}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
		h, err := start(string(o.home), cmd)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(h.kill)
		keepsSecrets(t, h, o.home)
	})
}

func keepsSecrets(t *testing.T, h *runningHost, home host.Home) {
	t.Helper()
	mustDrop(t, string(home), "echo.jar", readBundle(t, "echo.jar"))
	if err := h.waitState("examples.echo.EchoExtension", "running"); err != nil {
		t.Fatal(err)
	}
	child, _, err := h.row("examples.echo.EchoExtension")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]fs.FileMode{
		home.AdminToken(): 0o600, home.InitialPassword(): 0o600, home.RunningHost(): 0o600, home.Run(): 0o700, home.Database(): 0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		// Where extensions have uids of their own, each comes through to its own socket.
		if mode := info.Mode().Perm(); mode != want && (path != home.Run() || mode != want|0o001) {
			t.Errorf("%s: mode %04o, want %04o", path, mode, want)
		}
	}
	if open := openFiles(t, home); len(open) > 0 {
		t.Errorf("others can read %s", open)
	}
	for name, pid := range map[string]int{"the host": h.cmd.Process.Pid, "the extension": child.PID} {
		if line := limitLine(t, pid, "Max core file size"); !strings.HasPrefix(strings.Join(strings.Fields(line), " "), "Max core file size 0 0") {
			t.Errorf("%s may leave a core dump: %q", name, line)
		}
		if line := statusLine(t, pid, "Umask:"); line != "0077" {
			t.Errorf("%s has the umask %s", name, line)
		}
	}
	// The files of /proc of a process that must not be looked into belong to root.
	if info, err := os.Stat(fmt.Sprintf("/proc/%d/mem", h.cmd.Process.Pid)); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("other processes of its user may look into the host: %v, %v", info, err)
	}
	if debugger := exec.Command("/bin/sh", "-c", fmt.Sprintf("cat /proc/%d/environ", h.cmd.Process.Pid)); os.Getuid() == 0 {
		debugger.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if out, err := debugger.CombinedOutput(); err == nil {
			t.Errorf("another process of its user reads its environment: %q", out)
		}
	}
	token := tokenOf(t, home)
	for path, part := range map[string]string{
		"/debug/pprof/goroutine?debug=1": "goroutine profile:", "/debug/pprof/heap?debug=1": "heap profile:", "/debug/pprof/profile?seconds=1": "\x1f\x8b",
		"/metrics": "process_open_fds ",
	} {
		body, err := get(h.admin+path, token)
		if err != nil || !strings.Contains(body, part) {
			t.Errorf("%s lacks %q: %v, %d bytes", path, part, err, len(body))
		}
		if strings.Contains(body, token) {
			t.Errorf("%s shows the token", path)
		}
	}
	password, err := os.ReadFile(home.InitialPassword())
	if err != nil {
		t.Fatal(err)
	}
	for what, secret := range map[string]string{"the token": token, "the first password": strings.TrimSpace(string(password))} {
		if strings.Contains(h.log(), secret) {
			t.Errorf("the log shows %s", what)
		}
	}
	for _, file := range []string{"cmdline", "environ"} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", child.PID, file))
		if err != nil || bytes.Contains(text, []byte(token)) {
			t.Errorf("%s of the extension: %v, shows the token: %v", file, err, err == nil)
		}
	}
}

// openFiles lists the files of a home that any user can read, without bundles.
func openFiles(t *testing.T, home host.Home) (list []string) {
	t.Helper()
	err := filepath.WalkDir(string(home), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		switch {
		case path == home.Bundles() || path == home.Extensions():
			return fs.SkipDir
		case d.IsDir() && info.Mode()&0o001 == 0:
			return fs.SkipDir // nobody comes through
		case !d.IsDir() && info.Mode()&0o007 != 0:
			list = append(list, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func limitLine(t *testing.T, pid int, name string) string { return procLine(t, pid, "limits", name) }

func statusLine(t *testing.T, pid int, name string) string {
	return strings.TrimSpace(strings.TrimPrefix(procLine(t, pid, "status", name), name))
}

func procLine(t *testing.T, pid int, file, name string) string {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, name) {
			return line
		}
	}
	t.Fatalf("%s of process %d has no %s", file, pid, name)
	return ""
}

func tokenOf(t *testing.T, home host.Home) string {
	t.Helper()
	text, err := os.ReadFile(home.AdminToken())
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func get(url, token string) (string, error) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client().Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestUnsafeHomes: a host does not start from what others can change; it names each such
// part, and does start once the commands that it gives were run.
func TestUnsafeHomes(t *testing.T) {
	o := newOrdinary(t)
	elsewhere := filepath.Join(filepath.Dir(string(o.home)), "else where")
	run := func(command string) {
		t.Helper()
		if out, err := exec.Command("/bin/sh", "-c", command).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
	h, err := start(string(o.home), o.command())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	run(fmt.Sprintf("cd %s/conf && mkdir -p trust/timestamp && touch jackfield.properties requests.tokens trust/root.pem trust/timestamp/tsa.pem && chmod 600 requests.tokens && chown -R %d .", o.home, o.uid))
	run(fmt.Sprintf("mkdir '%s'", elsewhere))
	home, mode := string(o.home), func(bits, part string) string { return "chmod " + bits + " " + string(o.home) + part }
	cases := []struct{ name, spoil, mend string }{
		{"the home", mode("777", ""), "can be written to by others (mode 0777): chmod 0755 " + home},
		{"the home, by its group", mode("775", ""), "can be written to by its group (mode 0775): chmod 0755 " + home},
		{"conf", mode("770", "/conf"), "by its group (mode 0770): chmod 0750 " + home + "/conf"},
		{"the properties", mode("666", "/conf/jackfield.properties"), "chmod 0644 " + home + "/conf/jackfield.properties"},
		{"the token, readable", mode("644", "/conf/admin.token"), "can be read by others (mode 0644): chmod 0600 " + home + "/conf/admin.token"},
		{"tokens of requests, readable", mode("644", "/conf/requests.tokens"), "can be read by others (mode 0644): chmod 0640 " + home + "/conf/requests.tokens"},
		{"trust", mode("757", "/conf/trust"), "chmod 0755 " + home + "/conf/trust"},
		{"a root", mode("664", "/conf/trust/root.pem"), "chmod 0644 " + home + "/conf/trust/root.pem"},
		{"a root of timestamps", mode("646", "/conf/trust/timestamp/tsa.pem"), "chmod 0644 " + home + "/conf/trust/timestamp/tsa.pem"},
		{"data", mode("1777", "/data"), "chmod 0755 " + home + "/data"},
		{"the private copies", mode("775", "/data/bundles"), "chmod 0755 " + home + "/data/bundles"},
		{"the data of extensions", mode("770", "/data/extensions"), "chmod 0750 " + home + "/data/extensions"},
		{"the database", mode("606", "/data/jackfield.db"), "chmod 0600 " + home + "/data/jackfield.db"},
		{"logs", mode("777", "/log"), "chmod 0755 " + home + "/log"},
		{"sockets", mode("770", "/run"), "chmod 0750 " + home + "/run"},
		{"the drop folder, by everybody", mode("777", "/extensions"), "chmod 0775 " + home + "/extensions"},
		{"a link to what others can write to", fmt.Sprintf("mv %[1]s/conf '%[2]s/conf' && ln -s '%[2]s/conf' %[1]s/conf && chown -h %[3]d %[1]s/conf && chown %[3]d '%[2]s' && chmod 770 '%[2]s/conf'", home, elsewhere, o.uid),
			fmt.Sprintf("chmod 0750 '%s/conf'", elsewhere)},
		{"a link into a folder of others", fmt.Sprintf("chmod 777 '%s'", elsewhere), fmt.Sprintf("%s can be written to by others (mode 0777), and the link %s/conf leads there: chmod 0755 '%s'", elsewhere, home, elsewhere)},
	}
	if os.Getuid() == 0 {
		own := func(part string) (string, string) {
			path := home + part
			return fmt.Sprintf("chown %d %s", somebodyElse, path),
				fmt.Sprintf("%s belongs to user %d, and the host runs as user %d: chown %d %s", path, somebodyElse, o.uid, o.uid, path)
		}
		for _, part := range []string{"", "/data", "/run", "/data/jackfield.db"} {
			spoil, mend := own(part)
			cases = append(cases, struct{ name, spoil, mend string }{"another's " + filepath.Base(home+part), spoil, mend})
		}
		cases = append(cases, struct{ name, spoil, mend string }{"another's link", fmt.Sprintf("chown -h %d %s/conf", somebodyElse, home),
			fmt.Sprintf("chown -h %d %s/conf", o.uid, home)})
	}
	commands := regexp.MustCompile(`(?m)^ */.*: (ch(?:mod|own) .*)$`)
	for _, c := range cases {
		run(c.spoil)
		out, err := o.command().CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(out), c.mend) || !strings.Contains(string(out), "not safe to start from") {
			t.Errorf("%s: %v\n%s\nwant %q", c.name, err, out, c.mend)
		}
		found := commands.FindAllStringSubmatch(string(out), -1)
		if len(found) != 1 {
			t.Errorf("%s: %d parts are named, want 1\n%s", c.name, len(found), out)
		}
		for _, command := range found {
			run(command[1])
		}
	}
	// The drop folder is the administrator's to share.
	run(mode("2775", "/extensions"))
	if os.Getuid() == 0 {
		run(fmt.Sprintf("chown %d:%d %s/extensions", somebodyElse, nobody, home))
	}
	if h, err = start(home, o.command()); err != nil {
		t.Fatal(err)
	}
	if err := h.stop(); err != nil {
		t.Error(err)
	}
}
