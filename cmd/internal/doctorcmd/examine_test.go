package doctorcmd

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// newHome is a home as a host makes it, in which none runs.
func newHome(t *testing.T) host.Home {
	t.Helper()
	home := host.Home(filepath.Join(t.TempDir(), "home"))
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	return home
}

func look(t *testing.T, home host.Home) *Report {
	t.Helper()
	return examine(t.Context(), &hostclient.Target{Home: string(home)}, "1.2.3").report
}

// find returns the findings of a check at a level, as one text.
func find(r *Report, check string, level Level) string {
	var b strings.Builder
	for _, f := range r.Findings {
		if f.Check == check && f.Level == level {
			b.WriteString(f.Subject + ": " + f.Message + " -> " + f.Next + "\n")
		}
	}
	return b.String()
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestWhatIsWrongIsFound breaks a home in one way after the other; each is found, with
// what to do.
func TestWhatIsWrongIsFound(t *testing.T) {
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		name, check string
		level       Level
		want        string // in what was found, or in what to do
		harm        func(home host.Home)
	}{
		{"no home", "home", Fail, "there is no such folder", func(h host.Home) { _ = os.RemoveAll(string(h)) }},
		{"a folder that others may change", "home", Fail, "-> chmod 0755", func(h host.Home) { _ = os.Chmod(h.Conf(), 0o777) }},
		{"a token that others may read", "home", Fail, "-> chmod 0600", func(h host.Home) {
			put(t, h.AdminToken(), "x")
			_ = os.Chmod(h.AdminToken(), 0o644)
		}},
		{"a misspelt key", "configuration", Fail, "did you mean limits.queue", func(h host.Home) { put(t, h.Properties(), "limits.queu=5\n") }},
		{"a wrong value", "configuration", Fail, "log.level", func(h host.Home) { put(t, h.Properties(), "log.level=loud\n") }},
		{"a port that is taken", "ports", Fail, "another process listens there", func(h host.Home) { put(t, h.Properties(), "listen="+busy.Addr().String()+"\n") }},
		{"no database yet", "database", Note, "there is none yet", func(host.Home) {}},
		{"a database that is none", "database", Fail, "damaged", func(h host.Home) { put(t, h.Database(), strings.Repeat("no database ", 1000)) }},
		{"no root", "trust", Warn, "nobody is trusted", func(host.Home) {}},
		{"a root that can not be read", "trust", Warn, "bad.pem", func(h host.Home) { put(t, filepath.Join(h.Trust(), "bad.pem"), "nothing") }},
		{"a lax policy", "trust", Warn, "trust.policy=off", func(h host.Home) { put(t, h.Properties(), "trust.policy=off\n") }},
		{"nobody asks", "trust", Warn, "trust.revocation=off", func(h host.Home) { put(t, h.Properties(), "trust.revocation=off\n") }},
		{"a clock that went back", "clock", Warn, "written", func(h host.Home) {
			put(t, filepath.Join(h.Run(), "later"), "")
			_ = os.Chtimes(filepath.Join(h.Run(), "later"), time.Time{}, time.Now().Add(time.Hour))
		}},
		{"a host that died", "host", Note, "is gone", func(h host.Home) {
			put(t, h.RunningHost(), `{"pid":4194999,"requests":"127.0.0.1:1","admin":"127.0.0.1:2"}`)
		}},
		{"an announcement that is none", "host", Fail, "host.json", func(h host.Home) { put(t, h.RunningHost(), `{`) }},
		{"a host that does not answer", "host", Fail, "does not answer", func(h host.Home) {
			put(t, h.AdminToken(), strings.Repeat("x", 40))
			put(t, h.RunningHost(), `{"pid":`+pid()+`,"requests":"127.0.0.1:1","admin":"127.0.0.1:1"}`)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := newHome(t)
			c.harm(home)
			r := look(t, home)
			if got := find(r, c.check, c.level); !strings.Contains(got, c.want) {
				t.Errorf("%s at %s: %q lacks %q; all: %+v", c.check, c.level, got, c.want, r.Findings)
			}
			if (r.Worst() == Fail) != (c.level == Fail) {
				t.Errorf("the worst is %s: %+v", r.Worst(), r.Findings)
			}
			for _, f := range r.Findings {
				if f.Level == Warn && f.Next == "" || f.Level == Fail && f.Next == "" {
					t.Errorf("nothing to do about %+v", f)
				}
			}
		})
	}
}

func pid() string { b, _ := json.Marshal(os.Getpid()); return string(b) }

func TestRootsAndTheirEnd(t *testing.T) {
	home := newHome(t)
	trusttest.NewAuthority(t, trusttest.At(time.Now().AddDate(0, -11, -20))).WriteRoots(t, home.Trust())
	r := look(t, home)
	if got := find(r, "trust", Warn); strings.Count(got, "root for bundles, valid until") != 1 || strings.Count(got, "root for timestamps, valid until") != 1 {
		t.Errorf("roots that end soon: %q", got)
	}
	home = newHome(t)
	trusttest.NewAuthority(t).WriteRoots(t, home.Trust())
	if got := find(look(t, home), "trust", OK); !strings.Contains(got, "root for bundles") {
		t.Errorf("roots that are good: %q", got)
	}
}

func TestPrint(t *testing.T) {
	r := &Report{Findings: []Finding{
		{Check: "home", Level: OK, Message: "well"},
		{Check: "disk", Level: Warn, Subject: "/x\x1b[2J", Message: "little room", Next: "make room"},
	}}
	for all, want := range map[bool]string{
		false: "warn  disk /x\\x1b[2J: little room\n      → make room\n1 ok, 0 to know, 1 warnings, 0 failures\n",
		true:  "ok    home: well\nwarn  disk /x\\x1b[2J: little room\n      → make room\n1 ok, 0 to know, 1 warnings, 0 failures\n",
	} {
		var b bytes.Buffer
		if err := r.print(&b, all); err != nil || b.String() != want {
			t.Errorf("all=%v: %q, want %q", all, b.String(), want)
		}
	}
	if r.Worst() != Warn {
		t.Errorf("the worst is %s", r.Worst())
	}
}

func TestExitCode(t *testing.T) {
	home := newHome(t)
	for _, c := range []struct {
		harm func()
		want int
	}{{func() {}, 0}, {func() { put(t, home.Properties(), "nonsense=1\n") }, 1}} {
		c.harm()
		cmd := New("1.2.3")
		var out bytes.Buffer
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs([]string{"--home", string(home), "-o", "json"})
		cmd.SetOut(&out)
		if err := cmd.ExecuteContext(t.Context()); output.ExitCode(err) != c.want {
			t.Errorf("%v, want exit code %d: %s", err, c.want, out.String())
		}
		var r Report
		if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.Version != "1.2.3" || len(r.Findings) == 0 {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}
