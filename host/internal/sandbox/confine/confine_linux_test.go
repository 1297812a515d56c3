package confine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// program is the test binary as its own shim, which only Enter can make.
var program shim.Program

func TestMain(m *testing.M) {
	program = shim.Enter()
	os.Exit(m.Run())
}

// home is a folder that every user can pass, with the folders of a host in it.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for up := dir; up != os.TempDir(); up = filepath.Dir(up) {
		if err := os.Chmod(up, 0o711); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func subject(home, id string) Subject {
	return Subject{
		Mode: Auto, Executable: filepath.Join(home, "bundle", "run"), BundleDir: filepath.Join(home, "bundle"),
		DataDir: filepath.Join(home, "data", id), RunDir: filepath.Join(home, "run"), Files: 100, Processes: 7, Data: 1 << 20,
	}
}

// able is a machine on which everything is possible, as far as a Guard is told: each
// policy fails at the very end, like a trial.
func able(launched *[]shim.Policy) Config {
	return Config{Shim: program, Users: Users{First: 1_900_100_000, Count: 64}, Launch: func(p shim.Policy) error {
		if p.Sweep {
			*launched = append(*launched, p)
			return nil
		}
		return &shim.Failure{Step: shim.StepExec}
	}}
}

func confined(t *testing.T, g *Guard, s Subject) *Confinement {
	t.Helper()
	if err := os.MkdirAll(s.BundleDir, 0o755); err != nil {
		t.Fatal(err)
	}
	c, err := g.Confine(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Every extension has a user that no other has, and keeps it as long as its data.
func TestUsers(t *testing.T) {
	var swept []shim.Policy
	dir := home(t)
	config := able(&swept)
	config.Users.Count = 8 // they collide
	given := map[uint32]string{}
	g := New(config)
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		user, own := confined(t, g, subject(dir, id)).User()
		if !own || given[uint32(user)] != "" || !config.Users.has(uint32(user)) {
			t.Fatalf("%s has the user %d, as has %q", id, user, given[uint32(user)])
		}
		given[uint32(user)] = id
		for _, path := range []string{"", "tmp"} {
			var is unix.Stat_t
			if err := unix.Lstat(filepath.Join(dir, "data", id, path), &is); err != nil || int(is.Uid) != user || int(is.Gid) != user || is.Mode&0o777 != 0o700 {
				t.Errorf("%s/%s belongs to %d:%d, mode %o, %v", id, path, is.Uid, is.Gid, is.Mode, err)
			}
		}
	}
	if _, err := g.Confine(subject(dir, "i")); err == nil || !strings.Contains(err.Error(), "sandbox.users") {
		t.Errorf("a ninth of eight: %v", err)
	}
	again := New(config) // another run of the host
	for user, id := range given {
		if got, _ := confined(t, again, subject(dir, id)).User(); uint32(got) != user {
			t.Errorf("%s has the user %d now, it was %d", id, got, user)
		}
	}
	// What is purged gives its user back.
	if err := os.RemoveAll(filepath.Join(dir, "data", "c")); err != nil {
		t.Fatal(err)
	}
	if user, _ := confined(t, again, subject(dir, "i")).User(); given[uint32(user)] != "c" {
		t.Errorf("the ninth has the user of %q", given[uint32(user)])
	}
}

// Data that another user wrote become the extension's, with off they are the host's
// again; a second name of a file outside stays what it is.
func TestDataChangeHands(t *testing.T) {
	var swept []shim.Policy
	dir := home(t)
	outside := filepath.Join(dir, "outside")
	data := filepath.Join(dir, "data", "x")
	for _, err := range []error{
		os.MkdirAll(filepath.Join(data, "deep", "er"), 0o755), os.WriteFile(filepath.Join(data, "deep", "file"), nil, 0o644),
		os.WriteFile(outside, nil, 0o600), os.Link(outside, filepath.Join(data, "second")), os.Symlink(outside, filepath.Join(data, "link")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	g := New(able(&swept))
	user, _ := confined(t, g, subject(dir, "x")).User()
	owner := func(path string) int {
		uid, ok := ownerOf(path)
		if !ok {
			t.Fatalf("%s is not there", path)
		}
		return int(uid)
	}
	for _, name := range []string{"", "deep", "deep/er", "deep/file", "link", "tmp"} {
		if got := owner(filepath.Join(data, name)); got != user {
			t.Errorf("%s belongs to %d", name, got)
		}
	}
	if owner(outside) != 0 {
		t.Error("a file outside was given away")
	}
	off := subject(dir, "x")
	off.Mode = Off
	if c := confined(t, g, off); owner(data) != 0 || len(c.Protections) != 6 || c.Protections[0].Holds || c.Protections[0].Why != "sandbox=off" {
		t.Errorf("with off the data belong to %d: %+v", owner(data), c.Protections)
	}
	if err := os.WriteFile(filepath.Join(data, "as root"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	again, _ := confined(t, g, subject(dir, "x")).User()
	if got := owner(filepath.Join(data, "as root")); got != again {
		t.Errorf("what was written with off belongs to %d, not to %d", got, again)
	}
}

// Temporary files go, whatever has their name.
func TestTemporaryFolderIsEmpty(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	outside := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	tmp := filepath.Join(data, temporary)
	for _, c := range []struct {
		name    string
		prepare func() error
	}{
		{"not there yet", func() error { return nil }},
		{"left by a crash", func() error { return os.WriteFile(filepath.Join(tmp, "left"), nil, 0o600) }},
		{"a link to elsewhere", func() error {
			return errors.Join(os.Remove(tmp), os.Symlink(filepath.Dir(outside), tmp))
		}},
	} {
		if err := c.prepare(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := makeData(data, 0); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if info, err := os.Lstat(tmp); err != nil || !info.IsDir() {
			t.Errorf("%s: %v, %v", c.name, info, err)
		}
		if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
			t.Errorf("%s: %v are left, %v", c.name, left, err)
		}
	}
	if _, err := os.Stat(outside); err != nil {
		t.Errorf("what a link led to: %v", err)
	}
}

// A folder on the way that others cannot pass is named, and costs the user alone.
func TestUnreachable(t *testing.T) {
	var swept []shim.Policy
	dir := filepath.Join(home(t), "closed")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	g := New(able(&swept))
	c := confined(t, g, subject(dir, "x"))
	if _, own := c.User(); own {
		t.Error("it has a user that cannot come to its data")
	}
	if missing := without(c.Protections); len(missing) != 1 || missing[0].Name != User || !strings.Contains(missing[0].Why, dir+": chmod o+x it") {
		t.Errorf("missing: %+v", missing)
	}
	strict := subject(dir, "x")
	strict.Mode = Strict
	var refused *RefusedError
	if _, err := g.Confine(strict); !errors.As(err, &refused) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "sandbox=auto") {
		t.Errorf("strict: %v", err)
	}
}

// The last process of a user takes with it what it has left, and nobody else's.
func TestWhatIsLeftEnds(t *testing.T) {
	var swept []shim.Policy
	g := New(able(&swept))
	s := subject(home(t), "x")
	first, second := confined(t, g, s), confined(t, g, s)
	user, _ := first.User()
	left := exec.Command("sleep", "60")
	left.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(user), Gid: uint32(user)}}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = left.Process.Kill()
		_ = left.Wait()
	}()
	for range 2 { // the second time is no other one
		if err := g.Release(first); err != nil || len(swept) != 0 {
			t.Fatalf("swept %+v while another version runs, %v", swept, err)
		}
	}
	if err := g.Release(second); err != nil || len(swept) != 1 || swept[0].User != uint32(user) {
		t.Errorf("swept %+v, %v", swept, err)
	}
	// A new run of the host finds it at the next launch.
	confined(t, New(able(&swept)), s)
	if len(swept) != 2 {
		t.Errorf("swept %+v", swept)
	}
	// Another extension does not get a user that has processes.
	if err := os.RemoveAll(s.DataDir); err != nil {
		t.Fatal(err)
	}
	if got, _ := confined(t, New(able(&swept)), s).User(); got == user {
		t.Error("it shares its user with a process that is not its")
	}
}

// What could not be found out is not taken for impossible: it is tried again.
func TestTrialThatFails(t *testing.T) {
	var swept []shim.Policy
	config := able(&swept)
	works := config.Launch
	config.Launch = func(shim.Policy) error { return errors.New("no memory just now") }
	g := New(config)
	s := subject(home(t), "x")
	if c, err := g.Confine(s); err == nil || !strings.Contains(err.Error(), "no memory just now") {
		t.Errorf("%+v, %v", c, err)
	}
	g.cfg.Launch = works
	if _, own := confined(t, g, s).User(); !own {
		t.Error("it is not confined later either")
	}
}

// Each thing that the machine refuses is left out, and nothing else.
func TestTrialOfEachStep(t *testing.T) {
	for _, c := range []struct {
		refused []shim.Step
		lack    string
	}{
		{nil, ""}, {[]shim.Step{shim.StepUser}, "user"}, {[]shim.Step{shim.StepFilter}, "network system_calls"},
		{[]shim.Step{shim.StepRuleset}, "files"}, {[]shim.Step{shim.StepUser, shim.StepFiles, shim.StepFilter}, "user files network system_calls processes"},
	} {
		var swept []shim.Policy
		config := able(&swept)
		config.Launch = func(p shim.Policy) error {
			for _, step := range c.refused {
				asked := map[shim.Step]bool{shim.StepUser: p.User != 0, shim.StepRuleset: p.Files != nil, shim.StepFiles: p.Files != nil, shim.StepFilter: p.Filter}
				if asked[step] {
					return &shim.Failure{Step: step, Errno: int(unix.EPERM)}
				}
			}
			return &shim.Failure{Step: shim.StepExec, Errno: int(unix.EACCES)}
		}
		got := confined(t, New(config), subject(home(t), "x"))
		var lack []string
		for _, p := range without(got.Protections) {
			lack = append(lack, p.Name)
		}
		if strings.Join(lack, " ") != c.lack {
			t.Errorf("%v refused: %v do not hold, want %s", c.refused, lack, c.lack)
		}
	}
}

func TestWhatHoldsIsWhatIsPossible(t *testing.T) {
	no := errors.New("no")
	for _, c := range []struct {
		name string
		able shim.Able
		user uint32
		lack string
	}{
		{"all", shim.Able{Landlock: 7}, 5, ""},
		{"no shim", shim.Able{Confine: no, Files: no, Filter: no, User: no}, 0, "user privileges files network system_calls processes"},
		{"no user", shim.Able{Landlock: 6, User: no}, 0, "user"},
		{"no user, old Landlock", shim.Able{Landlock: 5, User: no}, 0, "user processes"},
		{"older Landlock", shim.Able{Landlock: 2}, 5, "files"},
		{"no Landlock", shim.Able{Files: no}, 5, "files"},
		{"no Landlock, no user", shim.Able{Files: no, User: no}, 0, "user files processes"},
		{"no seccomp", shim.Able{Landlock: 7, Filter: no}, 5, "network system_calls"},
	} {
		var lack []string
		for _, p := range without(protections(c.able, c.user)) {
			lack = append(lack, p.Name)
			if !strings.Contains(p.Why, "no") && !strings.Contains(p.Why, "Landlock") {
				t.Errorf("%s: %s does not hold because %q", c.name, p.Name, p.Why)
			}
		}
		if got := strings.Join(lack, " "); got != c.lack {
			t.Errorf("%s: %q is missing, want %q", c.name, got, c.lack)
		}
	}
}

func TestPolicy(t *testing.T) {
	s := subject("/h", "x")
	s.Environ = []string{"SSL_CERT_FILE=/own/ca.pem", "SSL_CERT_DIR=/own/certs:relative", "HOME=/root"}
	p := policyOf(s, shim.Able{Landlock: 7}, 5)
	read := strings.Join(p.Files.Read, " ")
	if !strings.HasPrefix(read, "/h/bundle ") || !strings.Contains(read, " /own/ca.pem /own/certs") || strings.Contains(read, "relative") || strings.Contains(read, "/root") {
		t.Errorf("it reads %s", read)
	}
	if len(p.Files.Write) != 1 || p.Files.Write[0] != "/h/data/x" || len(p.Files.Execute) != 0 {
		t.Errorf("it writes %v, executes %v", p.Files.Write, p.Files.Execute)
	}
	limits := map[int]uint64{}
	for _, l := range p.Limits {
		limits[l.Resource] = l.Value
	}
	for resource, want := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NOFILE: 100, unix.RLIMIT_FSIZE: 1 << 20, unix.RLIMIT_NPROC: 7 + tasksBeyond} {
		if got, ok := limits[resource]; !ok || got != want {
			t.Errorf("resource %d: %d, want %d", resource, got, want)
		}
	}
	if p := policyOf(s, shim.Able{Files: fs.ErrNotExist}, 0); p.Files != nil || len(p.Limits) != 3 {
		t.Errorf("without Landlock and a user: %+v", p)
	}
}

func TestLoader(t *testing.T) {
	if got := loaderOf("/bin/true"); !filepath.IsAbs(got) || !strings.Contains(got, "ld") {
		t.Errorf("the loader of /bin/true is %q", got)
	}
	static := filepath.Join(t.TempDir(), "static")
	source := filepath.Join(filepath.Dir(static), "main.go")
	if err := os.WriteFile(source, []byte("package main\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", static, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := loaderOf(static); got != "" {
		t.Errorf("the loader of a static executable is %q", got)
	}
	for _, path := range []string{"/etc/passwd", "/nowhere", "/"} {
		if got := loaderOf(path); got != "" {
			t.Errorf("the loader of %s is %q", path, got)
		}
	}
}

// elf is a file whose one program header names a loader.
func elf(name string) []byte {
	file := make([]byte, elfHeader+segmentBytes)
	copy(file, "\x7fELF\x02\x01")
	order := binary.LittleEndian
	order.PutUint64(file[elfPlace:], elfHeader)
	order.PutUint16(file[elfSize:], segmentBytes)
	order.PutUint16(file[elfCount:], 1)
	order.PutUint32(file[elfHeader+segmentType:], segmentLoader)
	order.PutUint64(file[elfHeader+segmentPlace:], uint64(len(file)))
	order.PutUint64(file[elfHeader+segmentSize:], uint64(len(name)))
	return append(file, name...)
}

func FuzzLoader(f *testing.F) {
	for name, want := range map[string]string{
		"/lib64/ld.so\x00": "/lib64/ld.so", "/lib64/ld.so": "", "ld.so\x00": "", "/lib/../etc/x\x00": "", "/a\x00b\x00": "", "\x00\x00": "",
	} {
		if got := parseLoader(bytes.NewReader(elf(name))); got != want {
			f.Errorf("%q is read as %q", name, got)
		}
		f.Add(elf(name))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if got := parseLoader(bytes.NewReader(file)); got != "" && (!filepath.IsAbs(got) || filepath.Clean(got) != got || !bytes.Contains(file, append([]byte(got), 0))) {
			t.Errorf("the loader is %q", got)
		}
	})
}
