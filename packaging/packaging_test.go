// Package packaging is tests only: what `make deb` makes, on a Debian, and what the
// recipe of the container image says. The files themselves are in debian/.
package packaging_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const unit = "debian/jackfield.service"

// run executes a program to its end, and returns what it prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pack makes a package of the program as it would be in a version.
func pack(t *testing.T, version string) (binary, deb string) {
	t.Helper()
	dir := t.TempDir()
	binary = filepath.Join(dir, "jackfield")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", binary, "../cmd/jackfield")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary, strings.TrimSpace(run(t, "./build-deb", binary, dir))
}

// TestPackage makes two packages, judges them, and lives through the life of a package:
// see testdata/install.sh.
func TestPackage(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1790000000") // else the time of the last commit
	binary, old := pack(t, "0.1.0-7-gabcdef0")
	if got := filepath.Base(old); !regexp.MustCompile(`^jackfield_0\.1\.0\+7\.gabcdef0_[a-z0-9]+\.deb$`).MatchString(got) {
		t.Errorf("the package is %s", got)
	}
	if again := strings.TrimSpace(run(t, "./build-deb", binary, t.TempDir())); !bytes.Equal(read(t, again), read(t, old)) {
		t.Error("two packages of one program and commit differ")
	}
	_, next := pack(t, "0.2.0-rc.1")
	for _, c := range [][3]string{{"0.1.0", "lt", "0.1.0+7.gabcdef0"}, {"0.1.0+7.gabcdef0", "lt", "0.2.0~rc.1"}, {"0.2.0~rc.1", "lt", "0.2.0"}} {
		run(t, "dpkg", "--compare-versions", c[0], c[1], c[2])
	}
	if out := run(t, "lintian", "--allow-root", "--fail-on", "error,warning", old); strings.TrimSpace(out) != "" {
		t.Error(out)
	}
	list := run(t, "dpkg-deb", "--contents", old)
	for _, path := range []string{"usr/bin/jackfield", "lib/systemd/system/jackfield.service", "etc/default/jackfield", "usr/share/man/man1/jackfield.1.gz",
		"usr/share/doc/jackfield/copyright", "usr/share/doc/jackfield/changelog.gz", "usr/share/zsh/vendor-completions/_jackfield", "usr/lib/sysusers.d/jackfield.conf"} {
		if !strings.Contains(list, " ./"+path+"\n") {
			t.Errorf("%s is not in the package", path)
		}
	}
	if os.Geteuid() != 0 {
		t.Log("not root: the package is not installed")
		return
	}
	bundle := filepath.Join(t.TempDir(), "echo.jar")
	run(t, binary, "bundle", "pack", "../examples/echo", "--out", bundle)
	out := run(t, "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "bash", "testdata/install.sh", t.TempDir(), bundle, old, next)
	if !strings.HasSuffix(out, "--- done\n") {
		t.Error(out)
	}
}

// TestScripts has shellcheck judge what is run as root somewhere, and the check of what no
// test shows say so where it cannot show it.
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts := []string{"build-deb", "check", "debian/postinst", "debian/postrm", "debian/prerm", "testdata/install.sh", "testdata/systemctl"}
	run(t, "shellcheck", append([]string{"--severity=warning"}, scripts...)...)
	for line, code := range map[string]int{"": 2, "nonsense": 2, "unit": 1, "dashboard": 1} {
		err := exec.CommandContext(t.Context(), "./check", strings.Fields(line)...).Run()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != code {
			t.Errorf("check %s: %v, want the exit code %d", line, err, code)
		}
	}
}

// setting returns what the unit says under a key.
func setting(t *testing.T, key string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllSubmatch(read(t, unit), -1)
	if len(found) != 1 {
		t.Fatalf("%s stands %d times in the unit", key, len(found))
	}
	return string(found[0][1])
}

// TestExposure holds the unit to the score that systemd gives it.
func TestExposure(t *testing.T) {
	out := run(t, "systemd-analyze", "security", "--offline=true", "--no-pager", unit)
	found := regexp.MustCompile(`Overall exposure level for .*: ([0-9.]+) `).FindStringSubmatch(out)
	if found == nil {
		t.Fatal(out)
	}
	if score, err := strconv.ParseFloat(found[1], 64); err != nil || score > 3 {
		t.Errorf("the exposure is %s, 3 at most\n%s", found[1], out)
	}
}

// TestSandboxFits has what the host needs to confine extensions: the unit must not take
// it away.
func TestSandboxFits(t *testing.T) {
	line := regexp.MustCompile(`(?m)^\| .user. \| .*$`).Find(read(t, "../docs/sandbox.md"))
	capabilities := regexp.MustCompile(`CAP_[A-Z_]+`).FindAllString(string(line), -1)
	if len(capabilities) != 6 {
		t.Fatalf("docs/sandbox.md names %v", capabilities)
	}
	ambient, bounds := strings.Fields(setting(t, "AmbientCapabilities")), strings.Fields(setting(t, "CapabilityBoundingSet"))
	slices.Sort(ambient)
	slices.Sort(capabilities)
	if !slices.Equal(ambient, capabilities) {
		t.Errorf("the unit gives %v, and docs/sandbox.md asks for %v", ambient, capabilities)
	}
	for _, c := range append(capabilities, "CAP_SETPCAP") {
		if !slices.Contains(bounds, c) {
			t.Errorf("the bounding set has no %s", c)
		}
	}
	calls := allowed(t, strings.Fields(setting(t, "SystemCallFilter")))
	for _, call := range []string{
		"seccomp", "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "prctl", "capset", "keyctl", "setsid",
		"setresuid", "setresgid", "setgroups", "prlimit64", "execveat", "clone", "clone3", "vfork", "pidfd_open", "pidfd_send_signal",
		"socketpair", "sendmsg", "flock", "fchownat", "lchown", "openat2", "inotify_add_watch", "epoll_pwait", "memfd_create",
	} {
		if !calls[call] {
			t.Errorf("the unit does not allow %s", call)
		}
	}
	for key, want := range map[string]string{"Delegate": "yes", "OOMPolicy": "continue", "KillMode": "mixed"} {
		if got := setting(t, key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}

// allowed resolves groups of system calls as systemd does.
func allowed(t *testing.T, list []string) map[string]bool {
	t.Helper()
	calls := map[string]bool{}
	for _, name := range list {
		if !strings.HasPrefix(name, "@") {
			calls[name] = true
			continue
		}
		var inside []string
		for line := range strings.Lines(run(t, "systemd-analyze", "syscall-filter", "--no-pager", name)) {
			if line = strings.TrimSpace(line); line != "" && line != name && !strings.HasPrefix(line, "#") {
				inside = append(inside, line)
			}
		}
		if len(inside) == 0 {
			t.Fatal(fmt.Errorf("systemd knows no group %s", name))
		}
		for call := range allowed(t, inside) {
			calls[call] = true
		}
	}
	return calls
}
