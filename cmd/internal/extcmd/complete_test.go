package extcmd

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
)

func types(w http.ResponseWriter, _ *http.Request) {
	_, _ = w.Write([]byte(`{"types":[{"type":"examples.hello.HelloRequest","extension":"` + hello + `"},{"type":"odd\u001b[2J","extension":"x"}]}`))
}

// complete is what a shell is told.
func complete(t *testing.T, home host.Home, line ...string) string {
	t.Helper()
	out, err := ext("", append([]string{"__complete", "--home", string(home)}, line...)...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCompletionOfWhatThereIs(t *testing.T) {
	h := newHouse()
	h.rows = rows()
	h.rows[0].Versions = []host.Version{{Version: "1.0.0"}, {Version: "0.9.0"}}
	home := homeOf(t, h, http.HandlerFunc(types))
	for _, c := range []struct{ name, line, want string }{
		{"ids", "show|", hello + "\t1.0.0 running\n"},
		{"versions", "rollback|" + hello + "|", "0.9.0\n"},
		{"versions to pin", "pin|" + hello + "|", "1.0.0\n"},
		{"types", "call|", "examples.hello.HelloRequest\t" + hello + "\n"},
		{"levels", "level|" + hello + "|", "debug\n"},
		{"columns", "top|--sort|", "memory\n"},
	} {
		got := complete(t, home, strings.Split(c.line, "|")...)
		if !strings.Contains(got, c.want) || strings.Contains(got, "\x1b") {
			t.Errorf("%s: %q lacks %q", c.name, got, c.want)
		}
	}
}

// TestCompletionNeverHangs asks a host that never answers: there is nothing to choose from
// then, and an end.
func TestCompletionNeverHangs(t *testing.T) {
	release := make(chan struct{})
	never := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	home := newHome(t, never)
	t.Cleanup(func() { close(release) })
	if got := complete(t, home, "call", ""); strings.Contains(got, "Request") {
		t.Errorf("%q", got)
	}
	if got := complete(t, host.Home(t.TempDir()), "show", ""); !strings.HasPrefix(got, ":") {
		t.Errorf("without a host: %q", got)
	}
}

// TestShowSaysTheNextStep holds that ext show has for each state and each code what it
// means and what to do.
func TestShowSaysTheNextStep(t *testing.T) {
	for state, entry := range guidance.States() {
		text := showOf(t, host.Extension{ID: hello, State: host.State(state)})
		if state != "running" && !strings.Contains(text, entry.Next.English) {
			t.Errorf("%s: %s", state, text)
		}
	}
	for code, entry := range guidance.Reasons() {
		text := showOf(t, host.Extension{ID: hello, State: "failed", Reason: &host.Reason{Code: code}})
		if !strings.Contains(text, entry.Next.English) || !strings.Contains(text, entry.Title.English) {
			t.Errorf("%s: %s", code, text)
		}
		for _, h := range entry.Helps {
			if !strings.Contains(text, h.Command(hello)) {
				t.Errorf("%s lacks the command %s", code, h.Command(hello))
			}
		}
	}
}

func showOf(t *testing.T, e host.Extension) string {
	t.Helper()
	var b strings.Builder
	if err := printOne(&b, e); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
