package cacmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func complete(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, append([]string{cobra.ShellCompRequestCmd}, args...)...)
}

// Names and serial numbers are completed from the folder, silently where there is none.
func TestCompletion(t *testing.T) {
	started(t)
	must(t, "organization", "other.example", "--name", "Other", "--no-passphrase", "--key-type", "ecdsa-p256")
	must(t, "store", "store.acme.example", "--no-passphrase", "--key-type", "ecdsa-p256")
	for _, id := range []string{"org.acme.X", "org.acme.Gone"} {
		must(t, "issue", "acme.example/"+id, "--no-passphrase", "--key-type", "ecdsa-p256", "--days", "7")
	}
	must(t, "revoke", "acme.example/org.acme.Gone")
	must(t, "renew", "acme.example/org.acme.X", "--key", "org.acme.X.key.pem", "--days", "9")
	var rows []row
	if err := json.Unmarshal([]byte(must(t, "list", "acme.example", "-o", "json")), &rows); err != nil || len(rows) != 3 {
		t.Fatalf("%+v, %v", rows, err)
	}
	soon, later := time.Now().AddDate(0, 0, 7).UTC().Format(time.DateOnly), time.Now().AddDate(0, 0, 9).UTC().Format(time.DateOnly)
	var older, newer, revoked string
	for _, r := range rows {
		switch {
		case r.Status == "revoked":
			revoked = r.Serial
		case strings.HasPrefix(r.NotAfter, soon):
			older = r.Serial
		default:
			newer = r.Serial
		}
	}
	x := "acme.example/org.acme.X\tuntil " + later + "\n"
	const hosts, noFiles, noSpace = "acme.example\tAcme Inc.\nother.example\tOther\n", ":4\n", ":6\n"
	for _, c := range []struct{ name, line, want string }{
		{"a host, before an id that is new", "issue|", "acme.example/\tAcme Inc.\nother.example/\tOther\n" + noSpace},
		{"an id that is known, to be issued again", "issue|acme.example/", x + noFiles},
		{"nothing behind a name", "issue|acme.example/org.acme.X|", noFiles},
		{"what can be renewed, once", "renew|", "acme.example\tAcme Inc.\n" + x + "other.example\tOther\n" + noFiles},
		{"of one organization", "renew|acme.example/", x + noFiles},
		{"of none", "renew|nowhere.example/", noFiles},
		{"hosts to list", "list|", hosts + noFiles},
		{"lists", "crl|", "root\tAcme Root\n" + hosts + noFiles},
		{"lists, each once", "crl|acme.example|root|", "other.example\tOther\n" + noFiles},
		{"one list", "ocsp|delegate|o", "other.example\tOther\n" + noFiles},
		{"what can be stapled", "ocsp|staple|", x + noFiles},
		{"whose certificate", "ocsp|staple|acme.example/org.acme.X|--serial|", older + "\tuntil " + soon + "\n" + newer + "\tuntil " + later + "\n" + noFiles},
		{"whose certificate, of nobody", "ocsp|staple|--serial|", noFiles},
		{"a store, to be revoked", "revoke|jmap-store://s", "jmap-store://store.acme.example\tuntil "},
		{"a serial number", "revoke|" + newer[:8], newer + "\tacme.example/org.acme.X until " + later + "\n" + noFiles},
		{"not one that is revoked", "revoke|" + revoked[:16], noFiles},
		{"no folder", "list|--dir|nowhere|", noFiles},
		{"a name that is new", "organization|", noFiles},
		{"folders", "list|--dir|", ":16\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if out := complete(t, strings.Split(c.line, "|")...); !strings.HasPrefix(out, c.want) {
				t.Errorf("completes\n%swant\n%s", out, c.want)
			}
		})
	}
	for line, want := range map[string]string{"revoke|--reason|": "unspecified\nkeyCompromise\n", "init|--key-type|": "rsa-2048\nrsa-3072\n"} {
		if out := complete(t, strings.Split(line, "|")...); !strings.HasPrefix(out, want) {
			t.Errorf("%s completes\n%s", line, out)
		}
	}
}

// TestCompletionNeverHangs has a folder that nobody ever gets an answer from.
func TestCompletionNeverHangs(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "authority.json")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"list|--dir|" + dir + "|", "ocsp|staple|--dir|" + dir + "|a.example/x|--serial|"} {
		if out := complete(t, strings.Split(line, "|")...); !strings.HasPrefix(out, ":4\n") {
			t.Errorf("%s completes\n%s", line, out)
		}
		// Who still waits is let go.
		if f, err := os.OpenFile(pipe, os.O_WRONLY, 0); err != nil || f.Close() != nil {
			t.Error(err)
		}
	}
}
