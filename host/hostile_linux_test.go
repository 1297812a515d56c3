package host_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
)

// updateTable writes the tables of docs/sandbox.md and README.md anew.
var updateTable = flag.Bool("update", false, "write the tables of docs/sandbox.md and README.md anew from what is measured here")

// nobody is the ordinary user whose host is tried.
const nobody = 65534

// attack is a host that runs testdata/hostile, as a user and in a mode.
type attack struct {
	column string // of the table
	user   int
	mode   host.Sandbox
	stage  stageResult
}

func attacks() []*attack {
	return []*attack{
		{column: "`strict` or `auto`, root", mode: host.SandboxStrict},
		{column: "`auto`, ordinary user", mode: host.SandboxAuto, user: nobody},
		{column: "`off`, ordinary user", mode: host.SandboxOff, user: nobody},
		{column: "`off`, root", mode: host.SandboxOff},
	}
}

// granted is the group of the probes that must succeed everywhere.
const granted = "what it may do"

// knownGaps is what succeeds for an ordinary user's host: without a cgroup of its own, and
// without users for extensions, nothing says whose a process is that has left its parents.
func knownGaps() []string { return []string{"leave a process behind when it ends"} }

// Nothing beyond what was granted succeeds where everything holds, nor for a host of an
// ordinary user; what was granted does. Without a sandbox most of it succeeds, or these
// tests would show nothing.
func TestHostile(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Fatal("these tests need root: they start hosts of two users")
	}
	jars := map[string][]byte{}
	dir := openFolder(t)
	admin := everybodysListeners(t, dir)
	jars["hostile.jar"] = hostileJAR(t, admin)
	jars["neighbour.jar"] = neighbourJAR(t)
	binary := copyOfTest(t, dir)
	all := attacks()
	var running sync.WaitGroup
	for i, a := range all {
		running.Go(func() { a.run(t, filepath.Join(dir, fmt.Sprint("home", i)), binary, dir, admin, jars) })
	}
	running.Wait()
	if t.Failed() {
		return
	}
	for _, a := range all[:2] {
		for _, o := range a.stage.Outcomes {
			switch {
			case o.Group == granted && !o.Done:
				t.Errorf("%s: may not %s: %s", a.column, o.Probe, o.Detail)
			case o.Group != granted && o.Done && !(a.user != 0 && slices.Contains(knownGaps(), o.Probe)):
				t.Errorf("%s: could %s", a.column, o.Probe)
			}
		}
	}
	if gaps := done(all[0].stage.Outcomes, func(o outcome) bool { return o.Group == granted }); gaps != len(granteds(all[0].stage.Outcomes)) {
		t.Error("what was granted fails")
	}
	if n := done(all[3].stage.Outcomes, func(o outcome) bool { return o.Group != granted }); n < 40 {
		t.Errorf("without a sandbox only %d of the probes succeed: they try nothing", n)
	}
	for _, p := range all[0].stage.Protections {
		if !p.Holds {
			t.Errorf("strict as root: %s does not hold: %s", p.Name, p.Why)
		}
	}
	if missing := lacking(all[1].stage.Protections); !slices.Equal(missing, []string{"user"}) {
		t.Errorf("auto as an ordinary user lacks %v", missing)
	}
	table := tableOf(all)
	t.Logf("\n%s", table)
	if *updateTable {
		writeTable(t, "../docs/sandbox.md", table)
		writeTable(t, "../README.md", summaryOf(all))
	}
}

func granteds(all []outcome) (list []outcome) {
	for _, o := range all {
		if o.Group == granted {
			list = append(list, o)
		}
	}
	return list
}

func done(all []outcome, of func(outcome) bool) (n int) {
	for _, o := range all {
		if o.Done && of(o) {
			n++
		}
	}
	return n
}

func lacking(all []host.Protection) (names []string) {
	for _, p := range all {
		if !p.Holds {
			names = append(names, p.Name)
		}
	}
	return names
}

// tableOf is the table in Markdown: a cell says whether a probe was done.
func tableOf(all []*attack) string {
	var b strings.Builder
	b.WriteString("| probe |")
	for _, a := range all {
		b.WriteString(" " + a.column + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(all)) + "\n")
	group := ""
	for i, o := range all[0].stage.Outcomes {
		if o.Group != group {
			group = o.Group
			fmt.Fprintf(&b, "| **%s** |%s\n", group, strings.Repeat(" |", len(all)))
		}
		fmt.Fprintf(&b, "| %s |", o.Probe)
		for _, a := range all {
			b.WriteString(map[bool]string{true: " **yes** |", false: " – |"}[a.stage.Outcomes[i].Done])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// summaryOf is the table with a row for each group: how many of its probes were done.
func summaryOf(all []*attack) string {
	var b strings.Builder
	b.WriteString("| probes |")
	for _, a := range all {
		b.WriteString(" " + a.column + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(all)) + "\n")
	group := ""
	for _, o := range all[0].stage.Outcomes {
		if o.Group == group {
			continue
		}
		group = o.Group
		fmt.Fprintf(&b, "| %s |", group)
		for _, a := range all {
			tried := 0
			for _, o := range a.stage.Outcomes {
				if o.Group == group {
					tried++
				}
			}
			fmt.Fprintf(&b, " %d of %d |", done(a.stage.Outcomes, func(o outcome) bool { return o.Group == group }), tried)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func writeTable(t *testing.T, page, table string) {
	t.Helper()
	const begin, end = "<!-- table: go test ./host -run TestHostile -update -->\n", "<!-- end -->"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, both := strings.Cut(rest, end)
	if !ok || !both {
		t.Fatalf("%s has no place for the table", page)
	}
	if err := os.WriteFile(page, []byte(before+begin+table+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run lets one host be attacked.
func (a *attack) run(t *testing.T, home, binary, dir, admin string, jars map[string][]byte) {
	if err := host.Home(home).Make(); err != nil {
		t.Error(err)
		return
	}
	for path, content := range map[string]string{
		host.Home(home).AdminToken():                            "secret",
		filepath.Join(home, "log", "extensions", "another.log"): "secret",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Error(err)
			return
		}
	}
	for name, jar := range jars {
		if err := os.WriteFile(filepath.Join(home, name), jar, 0o644); err != nil {
			t.Error(err)
			return
		}
	}
	if a.user != 0 {
		if err := chownAll(home, a.user); err != nil {
			t.Error(err)
			return
		}
	}
	stage := stageSetting{
		Home: home, Mode: string(a.mode), Admin: admin, Path: filepath.Join(dir, "path"),
		Datagrams: filepath.Join(dir, "datagrams"), Abstract: abstractName(dir),
	}
	setting, err := json.Marshal(stage)
	if err != nil {
		t.Error(err)
		return
	}
	cmd := exec.Command(binary)
	cmd.Env = []string{stageVariable + "=" + string(setting), "TMPDIR=" + home, "PATH=/usr/bin:/bin"}
	cmd.Dir = home
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.user), Gid: uint32(a.user)}}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v\n%s", a.column, err, errs.Bytes())
		return
	}
	if err := json.Unmarshal(out.Bytes(), &a.stage); err != nil || len(a.stage.Outcomes) == 0 {
		t.Errorf("%s: %v: %s\n%s", a.column, err, out.Bytes(), errs.Bytes())
	}
	for _, o := range a.stage.Outcomes {
		t.Logf("%-28s %-12s %-60s %v %s", a.column, o.Group, o.Probe, o.Done, o.Detail)
	}
}

func chownAll(dir string, uid int) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, uid, uid))
	})
}

// openFolder is a folder to which every user can come.
func openFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	openWay(t, dir)
	return dir
}

func copyOfTest(t *testing.T, dir string) string {
	t.Helper()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(own)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "host.test")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func abstractName(dir string) string { return "@" + filepath.Base(filepath.Dir(dir)) }

// everybodysListeners are what a machine has, and does not keep from its users: an
// address on loopback, which is returned, and Unix sockets.
func everybodysListeners(t *testing.T, dir string) (address string) {
	t.Helper()
	accept := func(l net.Listener, err error) net.Listener {
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				t.Cleanup(func() { c.Close() })
			}
		}()
		return l
	}
	l := accept(net.Listen("tcp", "127.0.0.1:0"))
	accept(net.Listen("unix", filepath.Join(dir, "path")))
	accept(net.Listen("unix", abstractName(dir)))
	datagrams, err := net.ListenPacket("unixgram", filepath.Join(dir, "datagrams"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { datagrams.Close() })
	for _, name := range []string{"path", "datagrams"} {
		if err := os.Chmod(filepath.Join(dir, name), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return l.Addr().String()
}

func hostileJAR(t *testing.T, admin string) []byte {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "hostile")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", exe, "./testdata/hostile")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	return jarOf(t, hostileID, binary, bundle.Attribute{Name: "extension_permissions", Value: "net:" + admin})
}

func neighbourJAR(t *testing.T) []byte { return jarOf(t, neighbourID, echoBinary) }

func jarOf(t *testing.T, id string, binary []byte, more ...bundle.Attribute) []byte {
	t.Helper()
	manifest, err := bundle.FormatManifest(append([]bundle.Attribute{
		{Name: "extension_class", Value: id}, {Name: "extension_name", Value: id}, {Name: "extension_version", Value: "1"},
		{Name: "extension_request", Value: id + "Request"}, {Name: "extension_response", Value: id + "Response"},
	}, more...))
	if err != nil {
		t.Fatal(err)
	}
	return storedJAR(t, executable(binary), entry{"META-INF/MANIFEST.MF", manifest})
}
