package doctorcmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/trust/trusttest"
)

// Every code that a repository can have is explained, and leads to something to do.
func TestRepositoryFindings(t *testing.T) {
	now := time.Now()
	for _, code := range host.RepositoryCodes() {
		for state, want := range map[string]Level{"stale": Warn, "error": Fail} {
			f, ok := judgeRepository(host.Repository{Name: "acme", Enabled: true, State: state, Code: code, Message: "the message"}, now)
			advice, known := guidance.Repositories()[code]
			if !ok || !known || f.Level != want || f.Next == "" || f.Code != code || !strings.Contains(f.Message, advice.Title.English) || !strings.Contains(f.Message, "the message") {
				t.Errorf("%s, %s: %+v", state, code, f)
			}
		}
	}
	if n := len(guidance.Repositories()); n != len(host.RepositoryCodes()) {
		t.Errorf("%d entries for %d codes", n, len(host.RepositoryCodes()))
	}
	if f, ok := judgeRepository(host.Repository{Enabled: true, State: "ok", Listings: 3, Expires: &now}, now); !ok || f.Level != OK || !strings.Contains(f.Message, "3 extensions, good until") {
		t.Errorf("%+v", f)
	}
	if f, ok := judgeRepository(host.Repository{Enabled: true, State: "never"}, now); !ok || f.Level != Note {
		t.Errorf("%+v", f)
	}
	if _, ok := judgeRepository(host.Repository{State: "never"}, now); ok {
		t.Error("something is said of one that is disabled")
	}
}

func TestRepositorySources(t *testing.T) {
	a := trusttest.NewAuthority(t)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, trusttest.PEM(a.Root.Cert), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		source host.RepositorySource
		at     time.Time
		want   string
	}{
		{"well", host.RepositorySource{Kind: host.KindJackfield, URL: "https://x", Root: root}, a.Now, ""},
		{"no root of its own", host.RepositorySource{Kind: host.KindJackfield, URL: "https://x"}, a.Now, ""},
		{"no such file", host.RepositorySource{Kind: host.KindJackfield, URL: "https://x", Root: root + "x"}, a.Now, "fail can not be used"},
		{"soon over", host.RepositorySource{Kind: host.KindJackfield, URL: "https://x", Root: root}, a.Root.Cert.NotAfter.Add(-time.Hour), "warn does so until"},
		{"over", host.RepositorySource{Kind: host.KindJackfield, URL: "https://x", Root: root}, a.Root.Cert.NotAfter.Add(time.Hour), "fail can not be used"},
		{"nobody for Jameica", host.RepositorySource{Kind: host.KindJameica, URL: "https://x"}, a.Now, "warn nobody vouches"},
		{"unsigned, and open", host.RepositorySource{Kind: host.KindJameica, URL: "http://x", Unsigned: true}, a.Now, "warn ZIPs of it are taken; warn it is read without TLS"},
	} {
		var said []string
		for _, f := range judgeSource(c.source, c.at) {
			if f.Next == "" {
				t.Errorf("%s: %q leads to nothing", c.name, f.Message)
			}
			said = append(said, string(f.Level)+" "+f.Message)
		}
		got := strings.Join(said, "; ")
		if c.want == "" && got != "" {
			t.Errorf("%s: %s", c.name, got)
		}
		for _, part := range strings.Split(c.want, "; ") {
			level, text, _ := strings.Cut(part, " ")
			if !strings.Contains(got, level) || !strings.Contains(got, text) {
				t.Errorf("%s: %q, want %q", c.name, got, part)
			}
		}
	}
}
