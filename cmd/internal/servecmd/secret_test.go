package servecmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestClientSecret(t *testing.T) {
	home := t.TempDir()
	write := func(name, text string, mode os.FileMode) {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask is
			t.Fatal(err)
		}
	}
	write("good", "s3cret\n", 0o600)
	write("group", "s3cret", 0o640)
	write("open", "s3cret", 0o644)
	write("empty", "\n", 0o600)
	write("lines", "s3\ncret", 0o600)
	for name, want := range map[string]string{
		"": "", "good": "s3cret", "group": "s3cret", filepath.Join(home, "good"): "s3cret",
		"open": "mode 0644", "empty": "one line", "lines": "one line", "none": "no such file", ".": "not a regular file",
	} {
		c := Config{Home: home, AdminOIDCSecretFile: name}
		got, err := c.clientSecret()
		switch {
		case err == nil && got != want:
			t.Errorf("%q: %q, want %q", name, got, want)
		case err != nil && (!strings.Contains(err.Error(), want) || want == "" || !strings.Contains(err.Error(), "admin.oidc.client_secret_file") || strings.Contains(err.Error(), "s3")):
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

func TestAdminKeys(t *testing.T) {
	for text, want := range map[string]string{
		"admin.url=https://jackfield.example.org/":                             "",
		"admin.url=https://jackfield.example.org/admin":                        "admin.url",
		"admin.url=ftp://jackfield.example.org":                                "admin.url",
		"admin.hosts=a.example, b.example":                                     "",
		"admin.hosts=a.example:8081":                                           "admin.hosts",
		"admin.oidc.issuer=http://id.example":                                  "https",
		"admin.oidc.issuer=https://id.example":                                 "admin.oidc.client_id",
		"admin.oidc.issuer=https://id.example\nadmin.oidc.client_id=jackfield": "lets nobody in",
		"admin.oidc.issuer=https://id.example\nadmin.oidc.client_id=jackfield\nadmin.oidc.operators=ops,/groups/on call": "",
	} {
		c, err := load(t, text, nil)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if strings.HasPrefix(text, "admin.url=https") && err == nil && c.adminURL().String() != "https://jackfield.example.org" {
			t.Errorf("%q: %s", text, c.adminURL())
		}
	}
}
