package guidance

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/operations/troubleshooting.md anew")

const intro = `# Troubleshooting

Made from the table of ` + "`internal/guidance`" + `, as ` + "`jackfield doctor`" + `, ` + "`jackfield ext show`" + ` and the admin page say it; do not edit it by hand.

Where to begin:

| you see | look here |
|---|---|
| anything at all is wrong | ` + "`jackfield doctor`" + ` looks at everything and says what to do |
| the host does not start | its last lines: ` + "`journalctl -u jackfield`" + `, then ` + "`jackfield doctor`" + ` |
| an extension does not run | ` + "`jackfield ext show ID`" + ` says its state and code; both are below |
| requests are refused | the member ` + "`code`" + ` of the answer is among the [answers](#answers) |
| requests are slow | ` + "`jackfield ext top`" + `: who is busy, fails, or waits |
| somebody else shall help | ` + "`jackfield doctor --bundle support.tar.gz`" + ` |

`

// page is docs/operations/troubleshooting.md. The anchors are codes; those of states begin
// with state-, those of answers with answer-, since some words are both.
func page() string {
	var b strings.Builder
	b.WriteString(intro)
	section := func(title, prefix, lead string, table map[string]Reason, causes map[string][]string) {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", title, lead)
		for _, key := range slices.Sorted(maps.Keys(table)) {
			r := table[key]
			fmt.Fprintf(&b, "<a id=\"%s%s\"></a>\n### `%s`: %s\n\n%s\n\n", prefix, key, key, r.Title.English, r.Meaning.English)
			if list := causes[key]; len(list) > 0 {
				fmt.Fprintf(&b, "Causes: %s.\n\n", strings.Join(list, "; "))
			}
			fmt.Fprintf(&b, "What to do: %s\n\n", r.Next.English)
			var commands []string
			for _, h := range r.Helps {
				commands = append(commands, "`"+h.Command("ID")+"`")
			}
			if len(commands) > 0 {
				fmt.Fprintf(&b, "Commands: %s\n\n", strings.Join(commands, ", "))
			}
		}
	}
	section("States", "state-", "What an extension is doing. Its code, below, says more.", States(), nil)
	section("Codes", "", "Why an extension, a file or a version does not run.", Reasons(), Causes())
	section("Answers", "answer-", "The codes with which requests and questions to the admin API are refused.", Answers(), nil)
	return strings.TrimSpace(b.String()) + "\n"
}

func TestPageIsCurrent(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "operations", "troubleshooting.md")
	want := page()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("docs/operations/troubleshooting.md is not what the table says: run go test ./internal/guidance -update (%v)", err)
	}
}

// Every state, code and answer has one entry to which a link can lead.
func TestAnchors(t *testing.T) {
	text := page()
	for prefix, table := range map[string]map[string]Reason{"state-": States(), "": Reasons(), "answer-": Answers()} {
		for key := range table {
			if n := strings.Count(text, `<a id="`+prefix+key+`">`); n != 1 {
				t.Errorf("%s%s has %d anchors", prefix, key, n)
			}
		}
	}
}
