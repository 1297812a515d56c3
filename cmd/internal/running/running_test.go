package running

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func newHome(t *testing.T) host.Home {
	t.Helper()
	home := host.Home(t.TempDir())
	for _, dir := range []string{home.Run(), home.Conf()} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return home
}

func TestAnnounceAndFind(t *testing.T) {
	home := newHome(t)
	if _, err := Find(home); !errors.Is(err, ErrNone) {
		t.Errorf("an empty home: %v", err)
	}
	want := Host{PID: os.Getpid(), Requests: "127.0.0.1:1", Admin: "127.0.0.1:2"}
	withdraw, err := Announce(home, want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Find(home); err != nil || got != want {
		t.Errorf("Find: %+v, %v", got, err)
	}
	if err := withdraw(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(home.RunningHost()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("host.json after withdrawal: %v", err)
	}
}

func TestWithdrawLeavesAnotherHost(t *testing.T) {
	home := newHome(t)
	withdraw, err := Announce(home, Host{PID: os.Getpid(), Requests: "127.0.0.1:1", Admin: "127.0.0.1:2"})
	if err != nil {
		t.Fatal(err)
	}
	other := Host{PID: os.Getpid(), Requests: "127.0.0.1:3", Admin: "127.0.0.1:4"}
	if _, err := Announce(home, other); err != nil {
		t.Fatal(err)
	}
	if err := withdraw(); err != nil {
		t.Fatal(err)
	}
	if got, err := Find(home); err != nil || got != other {
		t.Errorf("the later host: %+v, %v", got, err)
	}
}

func TestFindBadAnnouncements(t *testing.T) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	home := newHome(t)
	if _, err := Announce(home, Host{PID: child.Process.Pid, Requests: "127.0.0.1:1", Admin: "127.0.0.1:2"}); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(home); !errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("a host that died: %v", err)
	}
	for name, text := range map[string]string{"garbage": "{", "empty": "", "no addresses": `{"pid":1}`, "a group": `{"pid":-1,"requests":"a:1","admin":"b:1"}`} {
		if err := os.WriteFile(home.RunningHost(), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Find(home); err == nil || errors.Is(err, ErrNone) || !strings.Contains(err.Error(), "host.json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTokenIsMadeOnce(t *testing.T) {
	home := newHome(t)
	first, err := Token(home)
	if err != nil || len(first) < 32 {
		t.Fatalf("token %q, %v", first, err)
	}
	info, err := os.Stat(home.AdminToken())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	if second, err := Token(home); err != nil || second != first {
		t.Errorf("the second start: %q, %v", second, err)
	}
}

func TestTokenFilesThatAreRefused(t *testing.T) {
	for _, c := range []struct {
		name, text string
		mode       fs.FileMode
		want       string
	}{
		{"readable by others", strings.Repeat("x", 32), 0o644, "can be read or written by others"},
		{"writable by the group", strings.Repeat("x", 32), 0o620, "can be read or written by others"},
		{"empty", "", 0o600, "holds no token"},
		{"short", "abc", 0o600, "holds no token"},
		{"two lines", strings.Repeat("x", 20) + "\n" + strings.Repeat("y", 20), 0o600, "holds no token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := newHome(t)
			if err := os.WriteFile(home.AdminToken(), []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(home.AdminToken(), c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := Token(home)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), filepath.Base(home.AdminToken())) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if err != nil && len(c.text) > 10 && strings.Contains(err.Error(), c.text[:10]) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}
