package output

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/spf13/cobra"
)

func TestRows(t *testing.T) {
	var b bytes.Buffer
	err := Rows(&b, []string{"ID", "STATE", "REASON"}, [][]string{
		{"größe", "running", ""},
		{"x\x1b[31m\u202e", "failed", "two\nlines"},
		{"short"},
	})
	want := "" +
		"ID               STATE    REASON\n" +
		"größe            running  -\n" +
		`x\x1b[31m\u202e  failed   two\nlines` + "\n" +
		"short            -        -\n"
	if err != nil || b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestFields(t *testing.T) {
	var b bytes.Buffer
	if err := Fields(&b, [][2]string{{"id", "a"}, {"claims", ""}, {"version", "1\t2"}}); err != nil {
		t.Fatal(err)
	}
	if want := "id       a\nversion  1\\t2\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestFormat(t *testing.T) {
	cmd := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { return nil }, SilenceErrors: true, SilenceUsage: true}
	f := AddFlag(cmd)
	cmd.SetArgs([]string{"-o", "json"})
	if err := cmd.Execute(); err != nil || *f != JSON {
		t.Fatalf("format %s, %v", *f, err)
	}
	var b bytes.Buffer
	err := f.Print(&b, map[string]string{"a": "<&>"}, func(io.Writer) error { return errors.New("table") })
	if want := "{\n  \"a\": \"<&>\"\n}\n"; err != nil || b.String() != want {
		t.Errorf("%q, %v", b.String(), err)
	}
	cmd.SetArgs([]string{"-o", "xml"})
	if err := cmd.Execute(); err == nil {
		t.Error("-o xml is accepted")
	}
}

// coded is a command's own error with an exit code.
type coded struct{ code int }

func (coded) Error() string   { return "coded" }
func (c coded) ExitCode() int { return c.code }

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{Errorf("", "x"), 1},
		{Usagef("", "x"), 2},
		{fmt.Errorf("around: %w", Usagef("", "x")), 2},
		{coded{2}, 2},
		{WithHint(coded{2}, "do"), 2},
	} {
		if got := ExitCode(c.err); got != c.want {
			t.Errorf("ExitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
	if WithHint(nil, "x") != nil {
		t.Error("a hint makes an error of nil")
	}
}

func TestReport(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"plain", errors.New("reading x: gone"), "jackfield: reading x: gone\n"},
		{"hint", Errorf("look\nthere", "no %s", "x"), "jackfield: no x\nhint: look\nhint: there\n"},
		{"hints in order", WithHint(fmt.Errorf("a: %w", Errorf("inner", "b")), "outer"), "jackfield: a: b\nhint: outer\nhint: inner\n"},
		{"lines", errors.New("2 faults\none\ntwo\n"), "jackfield: 2 faults\n  one\n  two\n"},
		{"no colours from outside", errors.New("x\x1b[31m\u202e"), `jackfield: x\x1b[31m\u202e` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var b bytes.Buffer
			Report(&b, c.err)
			if b.String() != c.want {
				t.Errorf("got %q, want %q", b.String(), c.want)
			}
		})
	}
}
