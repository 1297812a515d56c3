package output

import (
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a real one of this size, as a command sees it.
func terminal(t *testing.T, columns, lines uint16) *os.File {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}); err != nil {
		t.Fatal(err)
	}
	return tty
}

func TestLookAtATerminal(t *testing.T) {
	for _, name := range []string{"COLUMNS", "LINES", "NO_COLOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm")
	tty := terminal(t, 100, 30)
	if at := Look(tty); at != (Terminal{100, 30, true}) {
		t.Errorf("%+v", at)
	}
	if at := Look(terminal(t, 0, 0)); at != (Terminal{80, 24, true}) {
		t.Errorf("one that does not say: %+v", at)
	}
	t.Setenv("COLUMNS", "40")
	t.Setenv("NO_COLOR", "1")
	if at := Look(tty); at != (Terminal{40, 30, false}) {
		t.Errorf("with COLUMNS and NO_COLOR: %+v", at)
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	t.Setenv("COLUMNS", "many")
	if at := Look(tty); at != (Terminal{100, 30, false}) {
		t.Errorf("a dumb one: %+v", at)
	}
}
