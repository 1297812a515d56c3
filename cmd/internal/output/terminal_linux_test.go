package output

import (
	"testing"

	"github.com/jackfield-host/jackfield/internal/ttytest"
)

func TestLookAtATerminal(t *testing.T) {
	for _, name := range []string{"COLUMNS", "LINES", "NO_COLOR"} {
		t.Setenv(name, "")
	}
	t.Setenv("TERM", "xterm")
	_, tty := ttytest.Open(t, 100, 30)
	if at := Look(tty); at != (Terminal{100, 30, true}) {
		t.Errorf("%+v", at)
	}
	_, unsaid := ttytest.Open(t, 0, 0)
	if at := Look(unsaid); at != (Terminal{80, 24, true}) {
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
