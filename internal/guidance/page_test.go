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

// symptoms are what operators see before they know a code; alerts lead to them.
const symptoms = `## Symptoms

<a id="host-down"></a>
### The host does not answer

It has ended, hangs, or its address is another one. ` + "`systemctl status jackfield` and `journalctl -u jackfield`" + ` say whether it runs and why not; ` + "`jackfield doctor`" + ` looks at ports, home and limits. No extension outlives it.

<a id="not-ready"></a>
### The host is not ready

An extension has not settled since the host started. ` + "`jackfield ext list`" + ` shows which is still ` + "`starting`" + `; its log says what it waits for. ` + "`timeouts.start`" + ` is how long it may take.

<a id="disk-full"></a>
### The disk is nearly full

What runs goes on; changes are refused and uploads end with ` + "`unavailable`" + `. ` + "`du -sh HOME/*`" + ` shows what is large: data folders of extensions (` + "`limits.data`" + `), logs, kept bundles. Purge what is not needed, or make the volume larger; nothing has to be restarted.

<a id="open-files"></a>
### Descriptors or connections run out

Each connection and each process takes some. Raise the limit of open files (` + "`LimitNOFILE`" + ` of the unit), or find the client that opens too many: ` + "`jackfield_connections_open`" + ` counts them by listener.

<a id="certificates-end"></a>
### Certificates are about to end

A bundle is refused when the first certificate has ended without which its signature does not hold (` + "`trust.policy=warn`" + ` marks it instead); one that was signed with a timestamp needs its root alone. ` + "`jackfield bundle verify FILE`" + ` says until when it holds, ` + "`jackfield doctor`" + ` which roots end. Ask the vendor for a bundle that is signed anew, with a timestamp; put the next edition of a root beside the old one in ` + "`conf/trust`" + ` while both are good. For an authority of your own: ` + "`jackfield ca renew`" + `, then ` + "`jackfield bundle sign`" + `. The certificate for https is in the files of ` + "`tls.cert`" + ` and ` + "`tls.key`" + `: put the new ones there, and look with ` + "`jackfield doctor --all`" + ` whether it is taken up.

<a id="error-ratio"></a>
### Many requests fail

` + "`jackfield ext top`" + ` shows whose, ` + "`jackfield_requests_total`" + ` with which codes; the [answers](#answers) say what each means. ` + "`extension_fault`" + ` is in the log of the extension, with its stack. If it began with a version, roll back.

<a id="latency"></a>
### Answers are slow

` + "`jackfield ext top`" + ` shows p50 and p99 and how many wait. One extension that is slow slows itself; many at once point to the machine: processors, memory, disk. ` + "`limits.in_flight`" + ` and ` + "`timeouts.request`" + ` bound what waits.

<a id="repository"></a>
### A repository is not read

` + "`jackfield ext repo list`" + ` shows its code, which is among those of [repositories](#repositories). What runs goes on; what was read last stays in use until it runs out. Other repositories work on.

<a id="update"></a>
### An update that came by itself has failed

Everything is as it was before. ` + "`jackfield ext plans`" + ` shows the plan and its code, which is among those of [plans](#plans); the version is not tried again by itself, the next one is. ` + "`jackfield ext update ID`" + ` tries it once more, and shows how it goes.

<a id="metrics"></a>
### Metrics of an extension are left out

A family is invalid, clashes with that of another extension or came too late. The label ` + "`reason`" + ` of ` + "`jackfield_extension_metrics_errors_total`" + ` says which; [metrics.md](../metrics.md) says what is taken. Everything else is still in the scrape.

`

// page is docs/operations/troubleshooting.md. The anchors are codes; those of states begin
// with state-, those of answers with answer-, those of repositories with repository-, since
// some words are several.
func page() string {
	var b strings.Builder
	b.WriteString(intro + symptoms)
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
	section("Repositories", "repository-", "Why a repository, or something of it, is not taken.", Repositories(), nil)
	section("Plans", "plan-", "Why an installation or an update from repositories did not come about, beside the codes above.", Plans(), nil)
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
	for prefix, table := range map[string]map[string]Reason{"state-": States(), "": Reasons(), "answer-": Answers(), "repository-": Repositories(), "plan-": Plans()} {
		for key := range table {
			if n := strings.Count(text, `<a id="`+prefix+key+`">`); n != 1 {
				t.Errorf("%s%s has %d anchors", prefix, key, n)
			}
		}
	}
}
