package cacmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// run executes `ca` with arguments and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := New()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetIn(strings.NewReader(""))
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := run(t, args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return out
}

// started is a folder with an authority and an organization, the working folder.
func started(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	must(t, "init", "--name", "Acme Root", "--no-passphrase", "--key-type", "ecdsa-p256")
	must(t, "organization", "acme.example", "--name", "Acme Inc.", "--no-passphrase", "--key-type", "ecdsa-p256")
}

func TestWrongUsage(t *testing.T) {
	started(t)
	if err := os.WriteFile("key.pem", []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	const ext = "acme.example/org.acme.X"
	for _, c := range []struct {
		line       string
		code       int
		want, hint string
	}{
		{"init", 2, "--name is missing", "Acme Inc."},
		{"init --name X", 2, "no terminal to ask at", "--no-passphrase"},
		{"init --dir new --name X --no-passphrase --key-type rsa-1024", 1, "no kind of key", ""},
		{"init --name X --no-passphrase --key-type ecdsa-p256", 1, "holds an authority already", "--dir"},
		{"init --name X --no-passphrase --days -1", 2, "--days -1", ""},
		{"init --dir new --name X --no-passphrase --url ftp://x", 1, "not the base of a URL", ""},
		{"organization Acme.example --name X --no-passphrase", 1, "no host name", ""},
		{"organization acme.example --name X --no-passphrase", 1, "already", "'jackfield ca list'"},
		{"issue acme.example", 2, "names no extension", "acme.example/org.acme.Hello"},
		{"issue other.example/x --no-passphrase", 1, "no organization other.example", "'jackfield ca list'"},
		{"issue " + ext + " --csr a --key b", 2, "both say", ""},
		{"issue " + ext + " --csr a --p12 b", 2, "--p12 holds the key", "--out"},
		{"issue " + ext + " --csr a --key-out b", 2, "--key-out is for", ""},
		{"issue " + ext + " --p12 b --no-passphrase", 2, "needs a passphrase", ""},
		{"issue " + ext, 2, "no terminal to ask at", "--key-passphrase-file"},
		{"issue " + ext + " --csr nowhere", 1, "nowhere", ""},
		{"issue " + ext + " --csr key.pem", 1, "reading the signing request", ""},
		{"issue " + ext + " --key key.pem", 1, "no private key", ""},
		{"issue " + ext + " --key-type x --no-passphrase", 2, "--key-type", ""},
		{"issue " + ext + " --no-passphrase --key-out key.pem", 1, "key.pem is there already", "--key-out"},
		{"issue " + ext + " --no-passphrase --key-out no/where.pem", 1, "writing the key", ""},
		{"issue acme.example/x..y --no-passphrase --key-out left.pem", 1, "empty part", ""},
		{"renew " + ext, 1, "no certificate for org.acme.X", "'jackfield ca list'"},
		{"renew " + ext + " --p12 x.p12", 2, "--p12 holds the key", "--new-key"},
		{"renew " + ext + " --key-out x", 2, "--key-out is for", "--new-key"},
		{"renew " + ext + " --new-key --key x", 2, "--new-key makes a key", ""},
		{"renew acme.example --new-key", 2, "another publisher", "'jackfield ca revoke acme.example'"},
		{"renew acme.example --out x", 2, "stay in the folder", ""},
		{"revoke " + ext, 1, "has no valid certificate", "serial number"},
		{"revoke " + ext + " --reason boredom", 2, "boredom", ""},
		{"revoke 1234", 1, "no certificate has the serial number 00000000000000000000000000001234", "'jackfield ca list'"},
		{"crl other.example", 1, "no organization", ""},
		{"ocsp staple acme.example", 2, "names no extension", ""},
		{"ocsp staple " + ext, 1, "no certificate for", ""},
		{"ocsp staple " + ext + " --serial zz", 2, "--serial", ""},
		{"ocsp delegate --days -3", 2, "--days", ""},
		{"ocsp serve --valid 1s", 2, "--valid", ""},
		{"ocsp serve --listen nonsense", 1, "listening on nonsense", "--listen"},
		{"list --dir nowhere", 1, "nowhere holds no authority", "'jackfield ca init'"},
	} {
		t.Run(c.line, func(t *testing.T) {
			_, err := run(t, strings.Fields(c.line)...)
			if err == nil || output.ExitCode(err) != c.code || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("exit code %d, %v; want %d and %q", output.ExitCode(err), err, c.code, c.want)
			}
			var told *output.Error
			if c.hint != "" && (!errors.As(err, &told) || !strings.Contains(told.Hint, c.hint)) {
				t.Errorf("the hint lacks %q: %+v", c.hint, told)
			}
		})
	}
	left, err := filepath.Glob("*")
	if err != nil || len(left) != 2 { // the authority and key.pem
		t.Errorf("left behind: %q, %v", left, err)
	}
}

// What programs read.
func TestListAsJSON(t *testing.T) {
	started(t)
	must(t, "issue", "acme.example/org.acme.X", "--no-passphrase", "--key-type", "ecdsa-p256", "--days", "7")
	var got struct {
		Serial, Name, Certificate, Key string
		NotAfter                       string `json:"not_after"`
	}
	if err := json.Unmarshal([]byte(must(t, "renew", "jmap-ext://acme.example/org.acme.X", "--new-key", "--no-passphrase", "--key-out", "new.pem", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Serial) != 32 || got.Certificate != "org.acme.X.crt.pem" || got.Key != "new.pem" || got.Name != "acme.example/org.acme.X" {
		t.Errorf("renew prints %+v", got)
	}
	// Serial numbers in the form of OpenSSL, too.
	must(t, "revoke", strings.ToUpper(got.Serial), "--reason", "Superseded")
	var rows []row
	if err := json.Unmarshal([]byte(must(t, "list", "-o", "json")), &rows); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, r := range rows {
		seen = append(seen, strings.TrimSpace(r.Kind+" "+r.Name+" "+r.Status+" "+r.Reason))
	}
	want := []string{"root root valid", "organization acme.example valid", "extension acme.example/org.acme.X valid", "extension acme.example/org.acme.X revoked superseded"}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") || rows[3].Serial != got.Serial || rows[3].NotAfter != got.NotAfter || rows[3].Revoked == "" {
		t.Errorf("list prints %+v", rows)
	}
	if out := must(t, "list", "acme.example"); strings.Contains(out, "root") || strings.Count(out, "org.acme.X") != 4 {
		t.Errorf("list of one organization:\n%s", out)
	}
}

// Every command shows how it is used.
func TestExamples(t *testing.T) {
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Runnable() && !strings.Contains(cmd.Example, "jackfield "+cmd.CommandPath()) {
			t.Errorf("%s has no example", cmd.CommandPath())
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(New())
}
