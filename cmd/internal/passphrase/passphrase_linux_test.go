package passphrase

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/ttytest"
)

func TestFromFile(t *testing.T) {
	for _, c := range []struct{ name, text, want, refused string }{
		{"a line", "secret\n", "secret", ""},
		{"without an end", "secret", "secret", ""},
		{"of Windows", "secret\r\nmore", "secret", ""},
		{"spaces count", " se cret \n", " se cret ", ""},
		{"the longest", strings.Repeat("x", maxLength) + "\r\n", strings.Repeat("x", maxLength), ""},
		{"too long", strings.Repeat("x", maxLength+1), "", "longer than"},
		{"empty", "", "", "holds no passphrase"},
		{"an empty line", "\nsecret", "", "holds no passphrase"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "pass")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := FromFile(file)
			if string(got) != c.want || (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("the passphrase is in the error: %v", err)
			}
		})
	}
	if _, err := FromFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// echoes reports whether the terminal shows what is typed.
func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// answer answers each question once the terminal hides what is typed, and returns all
// that was to be seen.
func answer(t *testing.T, person, tty *os.File, replies ...string) func() string {
	seen := make(chan string, 1)
	go func() {
		var all strings.Builder
		buf := make([]byte, 1024)
		for {
			n, err := person.Read(buf)
			all.Write(buf[:n])
			if questions := strings.Count(all.String(), ": "); err == nil && questions > 0 && len(replies) > 0 && strings.HasSuffix(all.String(), ": ") {
				for deadline := time.Now().Add(10 * time.Second); echoes(t, tty) && time.Now().Before(deadline); {
					time.Sleep(time.Millisecond)
				}
				if _, err := io.WriteString(person, replies[0]+"\n"); err != nil {
					break
				}
				replies = replies[1:]
			}
			if err != nil || strings.Contains(all.String(), "THE END") {
				break
			}
		}
		seen <- all.String()
	}()
	return func() string {
		if _, err := io.WriteString(tty, "THE END"); err != nil {
			t.Fatal(err)
		}
		return <-seen
	}
}

func TestAsk(t *testing.T) {
	for _, c := range []struct {
		name    string
		replies []string
		ask     func(ctx context.Context, in io.Reader, out io.Writer, what, flag string) ([]byte, error)
		refused string
	}{
		{"once", []string{"secret words"}, Ask, ""},
		{"nothing", []string{""}, Ask, "no passphrase was given"},
		{"twice the same", []string{"secret words", "secret words"}, AskNew, ""},
		{"twice another", []string{"secret words", "secret wrods"}, AskNew, "differ"},
	} {
		t.Run(c.name, func(t *testing.T) {
			person, tty := ttytest.Open(t, 0, 0)
			seen := answer(t, person, tty, c.replies...)
			got, err := c.ask(t.Context(), tty, tty, "the key of acme.example", "--passphrase-file")
			if c.refused == "" && (err != nil || string(got) != c.replies[0]) || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("%q, %v", got, err)
			}
			text := seen()
			if !strings.Contains(text, "passphrase of the key of acme.example") || strings.Contains(text, "secret") {
				t.Errorf("to be seen: %q", text)
			}
			if !echoes(t, tty) {
				t.Error("the terminal hides what is typed, still")
			}
		})
	}
}

// An interrupt ends the question, and what is typed next is to be seen.
func TestAskInterrupted(t *testing.T) {
	person, tty := ttytest.Open(t, 0, 0)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := Ask(ctx, tty, io.Discard, "x", "--x")
		ended <- err
	}()
	for deadline := time.Now().Add(10 * time.Second); echoes(t, tty); {
		if time.Now().After(deadline) {
			t.Fatal("nothing is asked")
		}
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !echoes(t, tty) {
		t.Error("the terminal hides what is typed")
	}
	if _, err := io.WriteString(person, "\n"); err != nil { // ends the reading that nobody waits for
		t.Fatal(err)
	}
}

func TestNoTerminal(t *testing.T) {
	for _, in := range []io.Reader{strings.NewReader("secret\n"), os.NewFile(^uintptr(0), "closed")} {
		_, err := Ask(t.Context(), in, io.Discard, "the key of root", "--passphrase-file")
		var told *output.Error
		if output.ExitCode(err) != output.ExitUsage || !errors.As(err, &told) || !strings.Contains(told.Hint, "--passphrase-file") {
			t.Errorf("got %v", err)
		}
	}
}
