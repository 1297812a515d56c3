package e2e

import (
	"bytes"
	"crypto/rand"
	"os"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// idOf and typeOf are the id and the request type of the extension with a short name.
func idOf(name string) string   { return "org.example." + name + ".Extension" }
func typeOf(name string) string { return "org.example." + name + ".Request" }

// pack makes a bundle of moody, unsigned.
func pack(t *testing.T, name, version string, edits ...bundletest.Edit) []byte {
	t.Helper()
	program, err := os.ReadFile(programs.moody)
	if err != nil {
		t.Fatal(err)
	}
	return bundletest.Good(append([]bundletest.Edit{
		bundletest.With("extension_class", idOf(name)), bundletest.With("extension_request", typeOf(name)),
		bundletest.With("extension_response", "org.example."+name+".Response"),
		bundletest.With("extension_name", "Sensor "+name), bundletest.With("extension_version", version),
		bundletest.Without("bin/linux-amd64/extension"), bundletest.WithExecutable(program),
	}, edits...)...)
}

// mood has a bundle begin in a mood.
func mood(of string) bundletest.Edit { return bundletest.WithFile("mood", []byte(of)) }

// publisher signs bundles.
type publisher struct {
	root         []byte // PEM
	organization *authority.Organization
}

func newPublisher(t *testing.T, name, host string) *publisher {
	t.Helper()
	o := authority.Options{Name: name + " Root", Kind: keyfile.ECDSAP256, Passphrase: []byte(rand.Text())}
	a, err := authority.Init(t.TempDir()+"/ca", o)
	if err != nil {
		t.Fatal(err)
	}
	o.Name = name
	organization, err := a.AddOrganization(host, o)
	if err != nil {
		t.Fatal(err)
	}
	return &publisher{a.RootPEM(), organization}
}

// sign signs a bundle of pack with a key of its own.
func (p *publisher) sign(t *testing.T, name string, jar []byte) []byte {
	t.Helper()
	issued, err := p.organization.Issue(idOf(name), authority.IssueOptions{Kind: keyfile.ECDSAP256})
	if err != nil {
		t.Fatal(err)
	}
	f, err := bundle.NewFile(bytes.NewReader(jar), int64(len(jar)), bundle.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := bundle.Sign(t.Context(), f, &out, bundle.SignOptions{Signer: issued.Key, Chain: issued.Chain}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// configured gives a bundle a configuration with a secret, a type with a schema and pages
// of its own: what pages have to show.
func configured() bundletest.Edit {
	return func(c *bundletest.Content) {
		for name, text := range map[string]string{
			"META-INF/extension/config.schema.json": `{"type": "object", "properties": {
				"station": {"type": "string", "title": "Station", "description": "Whose measurements are shown", "default": "Montréal"},
				"interval": {"type": "integer", "title": "Seconds between two looks", "minimum": 1, "default": 30},
				"unit": {"type": "string", "title": "Unit", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
				"key": {"type": "string", "title": "Key of the provider", "writeOnly": true}}}`,
			"ui/index.html": "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Weather</title><h1>Weather</h1><p>Measured every 30 seconds.</p></html>",
		} {
			c.Files[name] = []byte(text)
		}
	}
}
