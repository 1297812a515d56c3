package doctorcmd

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// Level is how bad a finding is.
type Level string

// The levels, from the best to the worst. Fail is what keeps the host, or an extension,
// from its work; warn will, or may.
const (
	OK   Level = "ok"
	Note Level = "note" // worth knowing
	Warn Level = "warn"
	Fail Level = "fail"
)

// Finding is one thing that was looked at.
type Finding struct {
	// Check is one of Checks.
	Check string `json:"check"`
	Level Level  `json:"level"`
	// Subject is what was looked at: a path, an id, an address; empty for the whole.
	Subject string `json:"subject"`
	// Message says what was found; Next, one sentence or command, what to do about it,
	// empty for nothing.
	Message string `json:"message"`
	Next    string `json:"next"`
	// Code is the code of a reason, and State the state of an extension, where the finding
	// is about one: docs/operations/troubleshooting.md has an entry for each.
	Code  string `json:"code,omitempty"`
	State string `json:"state,omitempty"`
}

// Checks lists what is looked at, in this order.
func Checks() []string {
	return []string{"home", "disk", "database", "configuration", "host", "ports", "kernel", "limits", "trust", "clock", "repositories", "extensions"}
}

// Report is what `jackfield doctor -o json` prints.
type Report struct {
	Time    time.Time `json:"time"`
	Version string    `json:"version"` // of the program that looked
	// Home is empty when the host is elsewhere (--host); Running says that a host answers.
	Home     string    `json:"home"`
	Running  bool      `json:"running"`
	Findings []Finding `json:"findings"` // in the order of Checks
}

// Worst is the worst level of all findings.
func (r *Report) Worst() Level {
	worst := OK
	for _, f := range r.Findings {
		if rank(f.Level) > rank(worst) {
			worst = f.Level
		}
	}
	return worst
}

func rank(l Level) int { return map[Level]int{OK: 0, Note: 1, Warn: 2, Fail: 3}[l] }

// print writes the report for people: a line for each finding, what to do below it, and
// last how many there are of each level. Without all, what is well is left out.
func (r *Report) print(w io.Writer, all bool) error {
	at, b := output.Look(w), strings.Builder{}
	counts := map[Level]int{}
	for _, f := range r.Findings {
		counts[f.Level]++
		if f.Level == OK && !all {
			continue
		}
		level := fmt.Sprintf("%-5s", f.Level)
		if at.Color {
			level = tintOf(f.Level).Paint(level)
		}
		head := f.Check
		if f.Subject != "" {
			head += " " + visible.Text(f.Subject)
		}
		write(&b, level+" ", head+": "+visible.Text(f.Message), at.Width)
		if f.Next != "" {
			write(&b, "      ", "→ "+visible.Text(f.Next), at.Width)
		}
	}
	fmt.Fprintf(&b, "%d ok, %d to know, %d warnings, %d failures\n", counts[OK], counts[Note], counts[Warn], counts[Fail])
	_, err := io.WriteString(w, b.String())
	return err
}

// write writes a text behind a mark of six cells, its further lines below its first.
func write(b *strings.Builder, mark, text string, width int) {
	for _, line := range output.Wrap(text, width-6) {
		b.WriteString(mark + line + "\n")
		mark = "      "
	}
}

func tintOf(l Level) output.Tint {
	return map[Level]output.Tint{OK: output.Good, Note: output.Faint, Warn: output.Busy, Fail: output.Bad}[l]
}
