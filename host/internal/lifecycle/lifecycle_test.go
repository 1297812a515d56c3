package lifecycle

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// matrix is the machine as a person would write it down: a line for each state, with
// the state that each event leads to, in the order of Events; a dot where the event
// cannot happen.
const matrix = `
pending     pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
waiting     pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
starting    . . . . . . . . starting running . backoff failed draining stopped
running     . . . . . . . . . . starting . . draining stopped
draining    . . . . . . . . . . . . . . stopped
stopped     pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
backoff     . . . . . . . . starting . . . . draining stopped
failed      pending failed refused unsupported conflict waiting stopped removed starting . . . . draining stopped
conflict    pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
unsupported pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
refused     pending failed refused unsupported conflict waiting stopped removed starting . . . . . .
removed     . . . . . . . . . . . . . . .
`

func TestEveryStateOnEveryEvent(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")
	if len(lines) != len(States()) {
		t.Fatalf("%d states are written down, there are %d", len(lines), len(States()))
	}
	for i, state := range States() {
		want := strings.Fields(lines[i])
		if want[0] != string(state) || len(want) != 1+len(Events()) {
			t.Fatalf("line %q is not about %s and every event", lines[i], state)
		}
		for j, event := range Events() {
			got, ok := state.On(event)
			switch to := want[1+j]; {
			case to == "." && (ok || got != state):
				t.Errorf("%s on %s leads to %s, it cannot happen", state, event, got)
			case to != "." && (!ok || string(got) != to):
				t.Errorf("%s on %s leads to %s (%t), want %s", state, event, got, ok, to)
			}
		}
	}
	if len(transitions()) != len(States()) {
		t.Error("the machine has states that States does not list")
	}
}

func TestTheMachineHasNoTraps(t *testing.T) {
	for _, from := range States() {
		reached := map[State]bool{from: true}
		for queue := []State{from}; len(queue) > 0; queue = queue[1:] {
			for _, event := range Events() {
				if next, ok := queue[0].On(event); ok && !reached[next] {
					reached[next] = true
					queue = append(queue, next)
				}
			}
		}
		if from == Removed {
			if len(reached) != 1 {
				t.Error("what is removed comes back")
			}
			continue
		}
		for _, to := range States() {
			if !reached[to] {
				t.Errorf("%s is never reached from %s", to, from)
			}
		}
	}
}

func TestAProcessIsNeverForgotten(t *testing.T) {
	alive := []State{Starting, Running, Draining, Backoff}
	for _, state := range States() {
		for _, event := range Events() {
			next, _ := state.On(event)
			switch {
			case slices.Contains(alive, state) && !slices.Contains(alive, next) &&
				event != Ended && event != GiveUp:
				t.Errorf("%s on %s leads to %s, and nobody has seen the process end", state, event, next)
			case !slices.Contains(alive, state) && slices.Contains(alive, next) && event != Launch && event != Stop:
				t.Errorf("%s on %s leads to %s without a launch", state, event, next)
			case next == Running && state != Running && event != Ready:
				t.Errorf("%s on %s runs without being ready", state, event)
			}
		}
	}
}

// diagram is docs/STATES.md.
func diagram() string {
	var b strings.Builder
	b.WriteString(`# The states of an extension

Made from the table in ` + "`host/internal/lifecycle/machine.go`" + ` by ` + "`make generate`" + `; a test compares the two. What the states mean is in [host.md](host.md).
A word about the file (the events of the first group) is decided anew at each look at the drop folder, and only where no process is left.

`)
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> pending\n")
	file := []Event{Copying, Reject, Refuse, Unsupport, Clash, Lack, Disable, Remove}
	idle := []string{}
	for _, s := range States() {
		if next, ok := s.On(Launch); ok && next == Starting && s != Starting && s != Backoff {
			idle = append(idle, string(s))
		}
	}
	b.WriteString("    state \"no process\" as idle {\n")
	for _, s := range idle {
		fmt.Fprintf(&b, "        %s\n", s)
	}
	b.WriteString("    }\n")
	for _, event := range file {
		next, _ := Pending.On(event)
		fmt.Fprintf(&b, "    idle --> %s: %s\n", next, event)
	}
	b.WriteString("    idle --> starting: launch\n")
	for _, s := range States() {
		for _, event := range Events() {
			next, ok := s.On(event)
			if !ok || slices.Contains(file, event) || event == Launch && slices.Contains(idle, string(s)) {
				continue
			}
			fmt.Fprintf(&b, "    %s --> %s: %s\n", s, next, event)
		}
	}
	b.WriteString("    removed --> [*]\n```\n\n| state |")
	for _, event := range Events() {
		fmt.Fprintf(&b, " %s |", event)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(Events())) + "\n")
	for _, s := range States() {
		fmt.Fprintf(&b, "| **%s** |", s)
		for _, event := range Events() {
			next, ok := s.On(event)
			if !ok {
				next = "·"
			}
			fmt.Fprintf(&b, " %s |", next)
		}
		b.WriteString("\n")
	}
	return b.String()
}

var update = flag.Bool("update", false, "write docs/STATES.md anew")

func TestTheDiagramIsTheMachine(t *testing.T) {
	const page = "../../../docs/STATES.md"
	if *update {
		if err := os.WriteFile(page, []byte(diagram()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != diagram() {
		t.Error("docs/STATES.md is not what the machine is: run make generate")
	}
}
