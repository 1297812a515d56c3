package revocation

import (
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.1:80": "", "[2001:db8::1]:80": "", "1.1.1.1:443": "", "[2002:0101:0101::]:80": "", "[64:ff9b::101:101]:80": "",
		"127.0.0.1:80": "private", "127.9.9.9:80": "private", "[::1]:80": "private", "[::ffff:127.0.0.1]:80": "private",
		"10.1.2.3:80": "private", "172.16.0.1:80": "private", "192.168.0.1:80": "private", "100.64.0.1:80": "private",
		"198.18.0.1:80": "private", "[fd12::1]:80": "private", "[fec0::1]:80": "private", "[64:ff9b::7f00:1]:80": "private",
		"[64:ff9b::a00:1]:80": "private", "[2002:7f00:1::]:80": "private", "[::7f00:1]:80": "private", "[::ffff:0:7f00:1]:80": "private",
		"169.254.169.254:80": "never", "[fe80::1]:80": "never", "[fe80::1%lo]:80": "never", "[fd00:ec2::254]:80": "never", "[fd20:ce::254]:80": "never",
		"100.100.100.200:80": "never", "192.0.0.192:80": "never", "0.0.0.0:80": "never", "0.1.2.3:80": "never", "[::]:80": "never",
		"224.0.0.1:80": "never", "[ff02::1]:80": "never", "255.255.255.255:80": "never", "240.0.0.1:80": "never",
		"[::ffff:169.254.169.254]:80": "never", "[64:ff9b::a9fe:a9fe]:80": "never", "[2002:a9fe:a9fe::]:80": "never",
		"acme.example:80": "never", "": "never",
	} {
		strict, lenient := checkAddress(address, false), checkAddress(address, true)
		got := ""
		switch {
		case strict != nil && lenient != nil:
			got = "never"
		case strict != nil:
			got = "private"
			if !strings.Contains(strict.Error(), "private addresses are allowed") {
				t.Errorf("%s: no hint in %q", address, strict)
			}
		case lenient != nil:
			got = "only if private ones are not allowed"
		}
		if got != want {
			t.Errorf("%s: %q, want %q (%v)", address, got, want, strict)
		}
	}
}
