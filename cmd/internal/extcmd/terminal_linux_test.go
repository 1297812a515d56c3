package extcmd

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/ttytest"
)

// onTerminal runs one command at a terminal whose person types reply, and returns
// what was to be seen there.
func onTerminal(t *testing.T, reply string, args ...string) (seen string, err error) {
	t.Helper()
	person, tty := ttytest.Open(t, 0, 0)
	if _, err := io.WriteString(person, reply); err != nil {
		t.Fatal(err)
	}
	cmd := New()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetIn(tty)
	cmd.SetOut(io.Discard)
	cmd.SetErr(tty)
	err = cmd.Execute()
	if _, err := io.WriteString(tty, "THE END"); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	buf := make([]byte, 4096)
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(all.String(), "THE END"); {
		if time.Now().After(deadline) {
			t.Fatalf("the terminal shows %q", all.String())
		}
		n, err := person.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(buf[:n])
	}
	return all.String(), err
}

func TestAtATerminal(t *testing.T) {
	h := newHouse()
	home := string(homeOf(t, h, http.NotFoundHandler()))
	seen, err := onTerminal(t, "", "install", bundleOf(t, strings.Repeat("PK", 1<<20)), "--home", home)
	if err != nil || !strings.Contains(seen, "\rhello 2.jar  [") || !strings.Contains(seen, " of 2.0 MiB\x1b[K") || !strings.HasSuffix(seen, "\r\x1b[KTHE END") {
		t.Errorf("the bar: %v, %q", err, seen)
	}
	_, err = onTerminal(t, "", "install", "-", "--home", home)
	wantError(t, err, 2, "the standard input is a terminal", "hint: name the file")

	seen, err = onTerminal(t, "n\n", "remove", hello, "--purge", "--home", home)
	wantError(t, err, 1, "nothing was removed")
	if !strings.Contains(seen, "delete "+hello+" with its data") || len(h.actions) != 0 {
		t.Errorf("asked %q, done %+v", seen, h.actions)
	}
	if _, err = onTerminal(t, "y\n", "remove", hello, "--purge", "--home", home); err != nil || len(h.actions) != 1 || !h.actions[0].Purge {
		t.Errorf("after a yes: %v, %+v", err, h.actions)
	}
	seen, err = onTerminal(t, "", "remove", hello, "--home", home)
	if err != nil || strings.Contains(seen, "delete") {
		t.Errorf("without --purge it asks: %v, %q", err, seen)
	}

	h.rows = []host.Extension{waiting()}
	seen, err = onTerminal(t, "n\n", "consent", hello, "--home", home)
	wantError(t, err, 1, "nothing was granted")
	if !strings.Contains(seen, "connect to example.org:443") || !strings.Contains(seen, "grant it? [y/N]") || len(h.actions) != 2 {
		t.Errorf("asked %q, done %+v", seen, h.actions)
	}
	if _, err = onTerminal(t, "yes\n", "consent", hello, "--home", home); err != nil || len(h.actions) != 3 || h.actions[2].Verb != host.VerbConsent {
		t.Errorf("after a yes: %v, %+v", err, h.actions)
	}
}

func TestPlansAtATerminal(t *testing.T) {
	s := newShop()
	home := shopAt(t, s)
	seen, err := onTerminal(t, "n\n", "install", maps, "--home", home)
	wantError(t, err, 1, "nothing was done")
	if !strings.Contains(seen, "asks to connect to tiles.example.org:443") || !strings.Contains(seen, "do it? [y/N]") || len(s.started) != 0 {
		t.Errorf("asked %q, started %+v", seen, s.started)
	}
	seen, err = onTerminal(t, "y\n", "install", maps, "--home", home)
	if err != nil || len(s.started) != 1 || len(s.started[0].Consent) != 1 {
		t.Fatalf("after a yes: %v, %+v", err, s.started)
	}
	for _, want := range []string{"1.0 MiB of 10.0 MiB", "installing\x1b[K", "\r\x1b[KTHE END"} {
		if !strings.Contains(seen, want) {
			t.Errorf("the terminal does not show %q: %q", want, seen)
		}
	}
}
