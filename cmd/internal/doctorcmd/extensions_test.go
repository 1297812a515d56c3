package doctorcmd

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/trust"
)

// states are those of docs/host.md.
func states() []host.State {
	return []host.State{"pending", "waiting", "starting", "running", "draining", "stopped", "backoff", "failed", "conflict", "unsupported", "refused", "removed"}
}

// codes are those of the contract: of docs/host.md, of bundles and of trust.
func codes(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "host.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^- \*\*Codes of reasons\*\*.*$`).FindString(string(page))
	var all []string
	for _, m := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(found, -1) {
		all = append(all, m[1])
	}
	if len(all) < 20 {
		t.Fatalf("docs/host.md lists the codes %q; has the page changed its form?", all)
	}
	for _, c := range bundle.Codes() {
		all = append(all, string(c))
	}
	for _, c := range trust.Codes() {
		all = append(all, string(c))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestEveryCodeHasANextStep holds that doctor says of every state and every code of the
// contract what it means and what to do.
func TestEveryCodeHasANextStep(t *testing.T) {
	all := codes(t)
	if len(all) < 70 {
		t.Fatalf("only %d codes", len(all))
	}
	for _, state := range states() {
		if _, ok := guidance.States()[string(state)]; !ok {
			t.Errorf("the state %s has no entry", state)
		}
		found := judgeRow(host.Extension{ID: "org.example.A", State: state})
		if state == "running" {
			if len(found) != 0 {
				t.Errorf("what runs is reported: %+v", found)
			}
			continue
		}
		if len(found) != 1 || found[0].State != string(state) || found[0].Next == "" || found[0].Level == OK {
			t.Errorf("%s: %+v", state, found)
		}
	}
	for _, code := range all {
		found := judgeRow(host.Extension{ID: "org.example.A", State: "failed", Reason: &host.Reason{Code: code, Message: "the message"}})
		if len(found) != 1 || found[0].Code != code || found[0].Next == "" || !strings.Contains(found[0].Message, "the message") || !strings.Contains(found[0].Message, guidance.Reasons()[code].Title.English) {
			t.Errorf("%s: %+v", code, found)
		}
		if _, ok := guidance.Reasons()[code]; !ok {
			t.Errorf("the code %s has no entry", code)
		}
	}
}

func TestJudgeRow(t *testing.T) {
	reason := func(code string) *host.Reason { return &host.Reason{Code: code} }
	for _, c := range []struct {
		name string
		row  host.Extension
		want []Level
	}{
		{"runs", host.Extension{State: "running"}, nil},
		{"crashes", host.Extension{State: "backoff", Reason: reason("crashed")}, []Level{Fail}},
		{"is switched off", host.Extension{State: "stopped", Reason: reason("disabled")}, []Level{Note}},
		{"waits for consent", host.Extension{State: "waiting", Reason: reason("needs_consent")}, []Level{Warn}},
		{"runs, and its next version does not", host.Extension{State: "running", Candidate: &host.Candidate{Version: "2", State: "failed", Reason: reason("init_failed")}}, []Level{Warn}},
		{"runs, and its next version waits", host.Extension{State: "running", Consent: &host.Consent{Version: "2"},
			Candidate: &host.Candidate{Version: "2", State: "waiting", Reason: reason("needs_consent")}}, []Level{Warn}},
		{"runs unsigned", host.Extension{State: "running", Signature: host.Signature{State: "unsigned", Code: "unsigned"}}, []Level{Warn}},
		{"has a code that nobody knows", host.Extension{State: "odd", Reason: reason("odd")}, []Level{Note}},
	} {
		var got []Level
		for _, f := range judgeRow(c.row) {
			got = append(got, f.Level)
			if f.Next == "" || f.Check != "extensions" {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
