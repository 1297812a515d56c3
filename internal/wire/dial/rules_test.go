package dial

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestGrants(t *testing.T) {
	grants, err := ParseGrants([]string{
		"kv", "net:example.org:443", "net:Db.Example.ORG.:5432", "net:10.1.2.3:80", "net:[2001:db8::1]:443", "net:localhost:9000", "sql:net", "",
	})
	if err != nil || grants.Len() != 5 {
		t.Fatalf("got %d grants, %v", grants.Len(), err)
	}
	const denied, invalid = sdk.PermissionDenied, sdk.InvalidArgument
	for _, c := range []struct {
		address string
		code    sdk.Code
		text    string
	}{
		{"example.org:443", "", ""},
		{"EXAMPLE.org:443", "", ""},
		{"example.org.:443", "", ""},
		{"db.example.org:5432", "", ""},
		{"10.1.2.3:80", "", ""},
		{"[2001:db8::1]:443", "", ""},
		{"[2001:DB8:0::0:1]:443", "", ""},
		{"localhost:9000", "", ""},
		{"example.org:80", denied, "extension_permissions would need net:example.org:80"},
		{"www.example.org:443", denied, "net:www.example.org:443"},
		{"org:443", denied, "net:org:443"},
		{"localhost:9001", denied, "net:localhost:9001"},
		{"127.0.0.1:9000", denied, "net:127.0.0.1:9000"},
		{"[::ffff:10.1.2.3]:80", denied, "net:[::ffff:10.1.2.3]:80"},
		{"[2001:db8::2]:443", denied, "net:[2001:db8::2]:443"},
		{"", invalid, "is not HOST:PORT"},
		{"example.org", invalid, "is not HOST:PORT"},
		{"2001:db8::1:443", invalid, "is not HOST:PORT"},
		{"example.org:", invalid, "the port"},
		{"example.org:0", invalid, "the port"},
		{"example.org:0443", invalid, "the port"},
		{"example.org:https", invalid, "the port"},
		{"example.org:65979", invalid, "the port"}, // 443 in 16 bits
		{"example.org:+443", invalid, "the port"},
		{":443", invalid, "no host name"},
		{".:443", invalid, "no host name"},
		{"example..org:443", invalid, "no host name"},
		{"example.org..:443", invalid, "no host name"},
		{"exam ple.org:443", invalid, "no host name"},
		{"example.org\x00.evil.org:443", invalid, "no host name"},
		{"user@example.org:443", invalid, "no host name"},
		{"exämple.org:443", invalid, "xn--"},
		{"example.or\u212a:443", invalid, "xn--"},
		{"[fe80::1%eth0]:443", invalid, "zone"},
		{strings.Repeat("a", 297) + ":443", invalid, "the limit is 300"},
		{strings.Repeat("a.", 130) + "org:443", invalid, "no host name"},
	} {
		target, err := parseTarget(c.address)
		if err == nil {
			if refused := grants.allow(target); refused != nil {
				err = refused
			}
		}
		if c.code == "" && err != nil {
			t.Errorf("%q: %v", c.address, err)
		} else if c.code != "" {
			wantError(t, err, c.code, c.text)
		}
	}
	if target, err := parseTarget("example.org:443"); err != nil || (Grants{}).allow(target) == nil {
		t.Errorf("no grants grant something: %v", err)
	}
}

// TestRefusalSaysWhoseTurnItIs: the author's, or the administrator's.
func TestRefusalSaysWhoseTurnItIs(t *testing.T) {
	grants, err := ParseGrants([]string{"net:a.test:1", "kv"})
	if err == nil {
		grants, err = grants.Asked([]string{"kv", "net:a.test:1", "net:b.test:1"})
	}
	if err != nil || grants.Len() != 1 {
		t.Fatalf("%d grants, %v", grants.Len(), err)
	}
	for address, text := range map[string]string{
		"a.test:1": "", "b.test:1": "an administrator has denied net:b.test:1", "c.test:1": "extension_permissions would need net:c.test:1",
	} {
		target, err := parseTarget(address)
		if err != nil {
			t.Fatal(err)
		}
		refused := grants.allow(target)
		switch {
		case text == "" && refused != nil:
			t.Errorf("%s: %v", address, refused)
		case text != "":
			wantError(t, refused, "permission_denied", text)
		}
	}
}

func TestGrantsThatAreNone(t *testing.T) {
	for _, p := range []string{"net:", "net:example.org", "net:*:443", "net:*.example.org:443", "net:example.org:0", "net:::1:443"} {
		if g, err := ParseGrants([]string{"net:example.org:443", p}); err == nil || g.Len() != 0 || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: got %d grants, %v", p, g.Len(), err)
		}
	}
}

// What a name may lead to.
func TestResolvedAddresses(t *testing.T) {
	for address, what := range map[string]string{
		"93.184.215.14":          "",
		"10.0.0.1":               "",
		"172.16.3.4":             "",
		"192.168.1.1":            "",
		"100.64.0.1":             "",
		"2606:2800:220:1::1":     "",
		"fd12:3456::1":           "",
		"::ffff:93.184.215.14":   "",
		"64:ff9b::5db8:d70e":     "",
		"2002:5db8:d70e::1":      "",
		"127.0.0.1":              "loopback",
		"127.255.255.254":        "loopback",
		"::1":                    "loopback",
		"::ffff:127.0.0.1":       "loopback",
		"::127.0.0.1":            "loopback",
		"64:ff9b::7f00:1":        "loopback",
		"64:ff9b:1::7f00:1":      "loopback",
		"2002:7f00:1::":          "loopback",
		"0.0.0.0":                "no machine",
		"0.1.2.3":                "no machine",
		"::":                     "no machine",
		"::ffff:0.0.0.0":         "no machine",
		"169.254.169.254":        "link-local",
		"::ffff:169.254.169.254": "link-local",
		"64:ff9b::a9fe:a9fe":     "link-local",
		"fe80::1":                "link-local",
		"fe80::1%eth0":           "link-local",
		"febf::1":                "link-local",
		"224.0.0.1":              "many machines",
		"239.255.255.250":        "many machines",
		"255.255.255.255":        "many machines",
		"ff02::1":                "many machines",
		"ff0e::1":                "many machines",
		"::ffff:224.0.0.1":       "many machines",
		"fd00:ec2::254":          "metadata",
		"fd20:ce::254":           "metadata",
		"100.100.100.200":        "metadata",
		"192.0.0.192":            "metadata",
		"::ffff:100.100.100.200": "metadata",
		"::ffff:0:7f00:1":        "loopback",
	} {
		err := checkResolved(netip.MustParseAddr(address))
		if (err == nil) != (what == "") || err != nil && !strings.Contains(err.Error(), what) {
			t.Errorf("%s: got %v, want %q", address, err, what)
		}
	}
	if checkResolved(netip.Addr{}) == nil {
		t.Error("no address is allowed")
	}
}

// samples are messages of every kind.
func samples() []message {
	return []message{
		{kind: kindAsk, id: 1, network: 0, timeout: 60_000, text: "example.org:443"},
		{kind: kindAsk, id: 1 << 63, network: 6, timeout: 1<<32 - 1, text: strings.Repeat("\xff", maxMessage-headerSize)},
		{kind: kindCancel, id: 7},
		{kind: kindDone, id: 1<<64 - 1},
		{kind: kindFailed, id: 9, code: 2, text: "connecting to example.org:443: connection refused"},
		{kind: kindFailed, id: 9, code: 5, text: bounded(strings.Repeat("€", 500), maxText)},
	}
}

func TestMessages(t *testing.T) {
	for _, m := range samples() {
		got, err := parseMessage(m.append(nil))
		if err != nil || got != m {
			t.Errorf("%+v became %+v, %v", m, got, err)
		}
	}
	good := func(change func(b []byte)) []byte {
		b := message{kind: kindFailed, id: 1, code: 1}.append(nil)
		change(b)
		return b
	}
	for name, c := range map[string]struct {
		b    []byte
		text string
	}{
		"empty":             {nil, "a message of 0 bytes"},
		"truncated":         {good(func([]byte) {})[:headerSize-1], "a message of 15 bytes"},
		"too long":          {make([]byte, maxMessage+1), "more than 4096 bytes"},
		"version 0":         {good(func(b []byte) { b[0] = 0 }), "version 0, spoken here is 1"},
		"version 2":         {good(func(b []byte) { b[0] = 2 }), "version 2"},
		"kind 0":            {good(func(b []byte) { b[1] = 0 }), "unknown kind 0"},
		"kind 5":            {good(func(b []byte) { b[1] = 5 }), "unknown kind 5"},
		"code 0":            {good(func(b []byte) { b[2] = 0 }), "unknown code 0"},
		"code 6":            {good(func(b []byte) { b[2] = 6 }), "unknown code 6"},
		"spare":             {good(func(b []byte) { b[3] = 1 }), "nothing belongs"},
		"number":            {good(func(b []byte) { b[4] = 1 }), "nothing belongs"},
		"id 0":              {good(func(b []byte) { b[8] = 0 }), "the id 0"},
		"text in a cancel":  {append(message{kind: kindCancel, id: 1}.append(nil), 'x'), "nothing belongs"},
		"text in a success": {append(message{kind: kindDone, id: 1}.append(nil), 'x'), "nothing belongs"},
		"words not UTF-8":   {append(good(func([]byte) {}), 0xff), "not UTF-8"},
		"too many words":    {append(good(func([]byte) {}), make([]byte, 2000)...), "at most 1024 bytes"},
	} {
		if m, err := parseMessage(c.b); err == nil || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %+v, %v; want %q", name, m, err, c.text)
		}
	}
}

// FuzzMessage holds the parser of both sides: what it takes is written the same
// again, so that a message has one meaning only.
func FuzzMessage(f *testing.F) {
	for _, m := range samples() {
		f.Add(m.append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMessage(b)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "the dial pair was broken: ") {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if again := m.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%x became %+v and %x", b, m, again)
		}
	})
}

// FuzzAddress holds the grants: an address that is allowed says, in the spelling of
// a manifest, what was granted.
func FuzzAddress(f *testing.F) {
	grants, err := ParseGrants([]string{"net:example.org:443", "net:[::1]:80", "net:10.0.0.1:80"})
	if err != nil {
		f.Fatal(err)
	}
	for _, address := range []string{"example.org:443", "EXAMPLE.ORG.:443", "[0::1]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80", "a:1"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		target, err := parseTarget(address)
		if err != nil {
			return
		}
		again, err := parseTarget(target.String())
		if err != nil || again != target {
			t.Fatalf("%q is %s, and that is %+v, %v", address, target, again, err)
		}
		spelled := strings.ToLower(strings.Replace(address, ".:", ":", 1))
		if grants.allow(target) == nil && !target.ip.IsValid() && spelled != "example.org:443" {
			t.Errorf("%q is allowed", address)
		}
	})
}
