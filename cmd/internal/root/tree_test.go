package root

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/operations/command-line.md anew")

// leaves are the commands that do something, by path.
func leaves() []*cobra.Command {
	var found []*cobra.Command
	for _, c := range everyCommand(newRoot(Program{Version: "1.2.3"})) {
		if !c.HasSubCommands() {
			found = append(found, c)
		}
	}
	return found
}

// withoutJSON are the commands that have no -o, and why.
func withoutJSON() map[string]string {
	const log = "what it prints is its log, which --log-format json makes JSON"
	return map[string]string{"jackfield serve": log, "jackfield store serve": log}
}

func TestEveryCommandHasJSONAndAnExample(t *testing.T) {
	all := leaves()
	if len(all) < 45 {
		t.Fatalf("only %d commands", len(all))
	}
	for _, c := range all {
		path := c.CommandPath()
		if f := c.Flags().Lookup("output"); (f == nil || f.Shorthand != "o") != (withoutJSON()[path] != "") {
			t.Errorf("%s: -o is there: %v", path, f != nil)
		}
		if !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s: its examples do not show it: %q", path, c.Example)
		}
		takesArguments := strings.Contains(c.Use, " ")
		if takesArguments && c.ValidArgsFunction == nil && len(c.ValidArgs) == 0 &&
			path != "jackfield user add" && path != "jackfield token new" {
			t.Errorf("%s: its arguments are not completed", path)
		}
	}
}

// arguments are such as a command takes, all of them of things that are not there.
func arguments(c *cobra.Command) []string {
	_, words, _ := strings.Cut(c.Use, " ")
	var args []string
	for _, word := range strings.Fields(words) {
		if strings.HasPrefix(word, "[") {
			continue
		}
		switch word = strings.TrimSuffix(word, "…"); word {
		case "LEVEL":
			word = "debug"
		case "ROLE":
			word = "viewer"
		case "FILE|-", "FILE", "DIR":
			word = "nothing-there.jar"
		case "HOST", "HOST/ID":
			word = "nowhere.example/" + "a"
		}
		args = append(args, word)
	}
	return args
}

// needed are the flags without which a command of a store is wrong usage.
func needed(c *cobra.Command) []string {
	var flags []string
	for name, value := range map[string]string{"reason": "x", "severity": "low", "title": "x", "pin": "x", "add": "x"} {
		if c.Flags().Lookup(name) != nil {
			flags = append(flags, "--"+name+"="+value)
		}
	}
	return flags
}

// TestExitCodes tries every command of the tree: help is 0, a wrong command line is 2, and
// what is right and can not be done is 1.
func TestExitCodes(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"JACKFIELD_HOST", "JACKFIELD_TOKEN", "JMAP_HOME", "JACKFIELD_STORE", "JACKFIELD_STORE_DATA", "JACKFIELD_STORE_TOKEN"} {
		t.Setenv(name, "")
	}
	for _, c := range leaves() {
		words := strings.Fields(c.CommandPath())[1:]
		try := func(want int, more ...string) {
			t.Helper()
			line := append(append([]string{}, words...), more...)
			code, out, stderr := run(t.Context(), line...)
			if code != want {
				t.Errorf("jackfield %s: exit code %d, want %d\n%s%s", strings.Join(line, " "), code, want, out, stderr)
			}
			if code != 0 && !strings.HasPrefix(stderr, "jackfield: ") {
				t.Errorf("jackfield %s says %q", strings.Join(line, " "), stderr)
			}
		}
		try(0, "--help")
		try(2, "--no-such-flag")
		if c.Flags().Lookup("output") != nil {
			try(2, append([]string{"-o", "xml"}, arguments(c)...)...)
		}
		try(2, "a", "b", "c", "d", "e", "--no-such-flag")
		if words[0] == "store" && c.Name() != "serve" {
			try(1, append(append([]string{"--data", "nothing"}, arguments(c)...), needed(c)...)...)
		}
		if group := words[0]; group == "ext" || group == "user" || group == "token" {
			more := map[string][]string{"password": {"--generate"}, "add": {"--generate"}, "remove": {"--yes"}, "consent": {"--yes"}}[c.Name()]
			if group == "user" && c.Name() == "remove" {
				more = nil
			}
			if c.Name() == "config" || c.Name() == "install" || c.Name() == "password" {
				continue // they look at files and the home before they look for the host
			}
			if c.Flags().Lookup("yes") == nil && len(more) == 1 && more[0] == "--yes" {
				more = nil
			}
			try(1, append(append([]string{"--home", "nothing"}, arguments(c)...), more...)...)
		}
	}
	for line, want := range map[string]int{
		"doctor --home nothing": 1, "bundle inspect nothing.jar": 1, "bundle verify nothing.jar": 1, "man man": 0, "version": 0,
		"completion fish": 0, "completion tcsh": 2, "ext": 2, "ext nonsense": 2, "nonsense": 2, "ca list --dir nothing": 1,
		"ext top --sort nonsense": 2, "ext top --every 1ns": 2, "ext top -n -1": 2,
	} {
		if code, out, stderr := run(t.Context(), strings.Fields(line)...); code != want {
			t.Errorf("jackfield %s: exit code %d, want %d\n%s%s", line, code, want, out, stderr)
		}
	}
}

func TestManPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "0")
	dir := t.TempDir()
	for _, into := range []string{"a", "b"} {
		if code, _, stderr := run(t.Context(), "man", filepath.Join(dir, into)); code != 0 {
			t.Fatal(stderr)
		}
	}
	for _, c := range everyCommand(newRoot(Program{Version: "1.2.3"})) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		a, err := os.ReadFile(filepath.Join(dir, "a", name))
		b, _ := os.ReadFile(filepath.Join(dir, "b", name))
		if err != nil || string(a) != string(b) || !strings.Contains(string(a), ".TH") || !strings.Contains(string(a), "Jan 1970") {
			t.Errorf("%s: %v\n%.200s", name, err, a)
		}
	}
}

// page is docs/operations/command-line.md.
func page() string {
	var b strings.Builder
	b.WriteString(`# Command line

Made from the commands themselves, as ` + "`--help`" + ` and the man pages (` + "`jackfield man DIR`" + `) show them; do not edit it by hand.

- Results go to stdout, as a table, or as JSON with ` + "`-o json`" + `, whose shapes are kept. On a terminal tables are cut to its width (or ` + "`COLUMNS`" + `), with colors unless ` + "`NO_COLOR`" + ` is set.
- Errors go to stderr and say what to do after ` + "`hint:`" + `. Exit codes: 0 done, 1 refused or failed, 2 wrong command line or configuration.
- ` + "`ext`, `user`, `token` and `doctor`" + ` find a host through its home (` + "`--home`, `JMAP_HOME`, else `./jmap-home`" + `), or by ` + "`--host URL`" + ` with a token in ` + "`JACKFIELD_TOKEN`" + `.
- ` + "`store`" + ` finds a store by ` + "`--store URL`" + ` or ` + "`JACKFIELD_STORE`" + `, or through the folder of one on this machine (` + "`--data`, `JACKFIELD_STORE_DATA`, else `./store-data`" + `).
- Completion with live ids: ` + "`source <(jackfield completion bash)`" + `, likewise ` + "`zsh` and `fish`" + `.

`)
	for _, c := range leaves() {
		fmt.Fprintf(&b, "## %s\n\n%s.\n\n", c.CommandPath(), strings.ToUpper(c.Short[:1])+c.Short[1:])
		if c.Long != "" {
			b.WriteString("```text\n" + c.Long + "\n```\n\n")
		}
		fmt.Fprintf(&b, "Use: `%s`\n\n```sh\n%s\n```\n\n", c.UseLine(), unindent(c.Example))
		var rows []string
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if f.Name == "help" || f.Name == "output" || f.Hidden {
				return
			}
			kind, usage := pflag.UnquoteUsage(f)
			rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", strings.TrimSpace("--"+f.Name+" "+kind), strings.ReplaceAll(usage, "|", `\|`)))
		})
		if len(rows) > 0 {
			b.WriteString("| flag | |\n|---|---|\n" + strings.Join(rows, "") + "\n")
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

func unindent(s string) string { return regexp.MustCompile(`(?m)^  `).ReplaceAllString(s, "") }

func TestPageIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "..", "docs", "operations", "command-line.md")
	want := page()
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/operations/command-line.md is not what the commands say: run go test ./cmd/internal/root -update (%v)", err)
	}
}
