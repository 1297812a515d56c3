package servecmd

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

func TestEffective(t *testing.T) {
	c, err := load(t, "limits.queue=1\nlisten=127.0.0.1:1\nextension.org.a.B.limits.queue=2\n", []string{
		"JACKFIELD_LIMITS_QUEUE=10", "JACKFIELD_PROPERTIES=extension.org.a.A.limits.queue=3\nextension.org.a.A.log.level=debug",
	}, assignment{"listen", "127.0.0.1:3", "--listen"})
	if err != nil {
		t.Fatal(err)
	}
	rows := c.told()
	if len(rows) != len(keys())+3 {
		t.Errorf("%d rows for %d keys and three of extensions", len(rows), len(keys()))
	}
	row := func(extension, key string) host.Setting {
		i := slices.IndexFunc(rows, func(r host.Setting) bool { return r.Key == key && r.Extension == extension })
		if i < 0 {
			t.Fatalf("there is no row for %s %s", extension, key)
		}
		return rows[i]
	}
	for _, want := range []host.Setting{
		{Key: "listen", Value: "127.0.0.1:3", Default: "127.0.0.1:8080", Source: "flag", Place: "--listen"},
		{Key: "limits.queue", Value: "10", Default: "1024", Source: "environment", Place: "JACKFIELD_LIMITS_QUEUE"},
		{Key: "limits.in_flight", Value: "512", Default: "512", Source: "default"},
		{Key: "trust.policy", Value: "require", Source: "default"},
		{Key: "requests.auth", Value: "none", Source: "default"},
		{Key: "limits.queue", Extension: "org.a.A", Value: "3", Default: "10", Source: "environment", Place: "JACKFIELD_PROPERTIES:1"},
		{Key: "log.level", Extension: "org.a.A", Value: "debug", Default: "info", Source: "environment", Place: "JACKFIELD_PROPERTIES:2"},
	} {
		got := row(want.Extension, want.Key)
		if got.Doc == "" || got.Allowed == "" {
			t.Errorf("%s does not say what it is for", got.Key)
		}
		got.Doc, got.Allowed = "", ""
		if got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if got := row("org.a.B", "limits.queue"); got.Source != "file" || !strings.HasSuffix(got.Place, "jackfield.properties:3") {
		t.Errorf("%+v", got)
	}
	c.Dev = true
	rows = c.told()
	if got := row("", "trust.policy"); got.Value != "warn" {
		t.Errorf("with --dev the policy is %q", got.Value)
	}
}

// What the host tells of its settings is not hidden from administrators, so no key may
// hold a secret: those are in files of their own, which keys may name.
func TestNoKeyIsASecret(t *testing.T) {
	for _, k := range keys() {
		if regexp.MustCompile(`secret|password|token$|passphrase|private_key`).MatchString(k.name) && !strings.HasSuffix(k.name, "_file") {
			t.Errorf("%s looks like a secret", k.name)
		}
	}
}
