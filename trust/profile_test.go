package trust_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

func TestNames(t *testing.T) {
	for _, text := range []string{
		"jmap-ext://acme.example/", "jmap-ext://acme.example/org.acme.hello", "jmap-ext://a/b", "jmap-ext://xn--4ca.example/_x$1-2.y",
		"jmap-ext://1.a1/" + strings.Repeat("x", 190), "jmap-ext://" + strings.Repeat("a", 63) + ".example/x",
	} {
		name, err := trust.ParseName(text)
		if err != nil || name.String() != text {
			t.Errorf("%s: %v, %v", text, name, err)
		}
	}
	for _, text := range []string{
		"", "jmap-ext:", "jmap-ext://", "jmap-ext:///x", "jmap-ext://acme.example", "JMAP-EXT://acme.example/x", "http://acme.example/x",
		"jmap-ext://Acme.example/x", "jmap-ext://acme.example./x", "jmap-ext://.acme.example/x", "jmap-ext://acme..example/x",
		"jmap-ext://-acme.example/x", "jmap-ext://acme-.example/x", "jmap-ext://ac_me.example/x", "jmap-ext://äcme.example/x",
		"jmap-ext://127.0.0.1/x", "jmap-ext://[::1]/x", "jmap-ext://acme.example:80/x", "jmap-ext://me@acme.example/x",
		"jmap-ext://acme.example/x?y", "jmap-ext://acme.example/x#y", "jmap-ext://acme.example/x%20y", "jmap-ext://acme.example/x/y",
		"jmap-ext://acme.example//", "jmap-ext://acme.example/ ", " jmap-ext://acme.example/x", "jmap-ext://acme.example/x\n",
		"jmap-ext://acme.example/1x", "jmap-ext://acme.example/x..y", "jmap-ext://acme.example/x.", "jmap-ext://acme.example/.x",
		"jmap-ext://acme.example/x.jar", "jmap-ext://acme.example/x.JAR", "jmap-ext://acme.example/" + strings.Repeat("x", 191),
		"jmap-ext://" + strings.Repeat("a", 64) + ".example/x", "jmap-ext://" + strings.Repeat("a.", 130) + "example/x",
	} {
		if name, err := trust.ParseName(text); err == nil {
			t.Errorf("%q is taken as %v", text, name)
		}
	}
}

// TestTemplates issues a chain from the templates of the profile, as an authority would.
func TestTemplates(t *testing.T) {
	a := tt.NewAuthority(t)
	complete := func(c *x509.Certificate, name string) *x509.Certificate {
		c.Subject, c.NotBefore, c.NotAfter = pkix.Name{CommonName: name}, a.Now, a.Now.AddDate(1, 0, 0)
		return c
	}
	root := a.Issue(t, nil, complete(trust.RootTemplate(), "Root"))
	template, err := trust.OrganizationTemplate(a.Host)
	if err != nil {
		t.Fatal(err)
	}
	organization := a.Issue(t, root, complete(template, "Acme"))
	if template, err = trust.ExtensionTemplate(a.Host, a.ID); err != nil {
		t.Fatal(err)
	}
	leaf := a.Issue(t, organization, complete(template, "hello"))
	responder := a.Issue(t, organization, complete(trust.ResponderTemplate(), "responder"))
	rootResponder := a.Issue(t, root, complete(trust.ResponderTemplate(), "responder of the root"))
	judge := judgeBy(a, func(c *trust.Config) {
		c.Roots, c.Revocation = &trust.Roots{Certificates: tt.Certs(root)}, trust.Hard
	})
	claim := claimOf(a, leaf, organization)
	claim.Staples = [][]byte{tt.OCSP(t, leaf.Cert, organization, responder, nil), tt.OCSP(t, organization.Cert, root, rootResponder, nil)}
	checkVerdict(t, judge.Judge(t.Context(), claim), trust.OK)

	for _, bad := range []string{"", "Acme.example", "acme.example:1", "10.0.0.1"} {
		if _, err := trust.OrganizationTemplate(bad); err == nil {
			t.Errorf("an organization for %q", bad)
		}
	}
	for _, bad := range []string{"", "1", "a b", "a/b"} {
		if _, err := trust.ExtensionTemplate(a.Host, bad); err == nil {
			t.Errorf("an extension %q", bad)
		}
	}
}

func TestPin(t *testing.T) {
	a := tt.NewAuthority(t)
	pin, err := trust.Pin(a.Organization.Cert)
	if err != nil {
		t.Fatal(err)
	}
	moved := tt.IssueFor(t, a.Root, tt.NewAuthority(t, tt.For("acme.test", "x")).Template(tt.Organization), a.Organization.Key)
	other, err := trust.Pin(moved.Cert)
	if err != nil || other == pin {
		t.Errorf("the same key for another host has the pin %s (%v)", other, err)
	}
	if len(pin) != len("sha256:")+64+len("@acme.example") || !strings.HasPrefix(pin, "sha256:") || !strings.HasSuffix(pin, "@acme.example") {
		t.Errorf("pin %s", pin)
	}
	if pin, err := trust.Pin(a.Root.Cert); err == nil {
		t.Errorf("the root has the pin %s", pin)
	}
}

func TestSerials(t *testing.T) {
	a, b := trust.NewSerial(), trust.NewSerial()
	if a.Sign() <= 0 || a.Cmp(b) == 0 || a.BitLen() > 128 || a.BitLen() < 64 {
		t.Errorf("%x, %x", a, b)
	}
}
