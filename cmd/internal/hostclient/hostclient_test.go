package hostclient

import (
	"net/url"
	"testing"
)

func TestRequestListener(t *testing.T) {
	for _, c := range []struct{ name, admin, address, want string }{
		{"on this machine", "http://127.0.0.1:8081", "127.0.0.1:8080", "http://127.0.0.1:8080"},
		{"on all interfaces", "http://maps.example.org:8081", "[::]:8080", "http://maps.example.org:8080"},
		{"behind a tunnel", "https://tunnel.example.org", "127.0.0.1:8080", "https://tunnel.example.org:8080"},
		{"on another interface", "http://10.0.0.5:8081", "192.0.2.7:8080", "http://192.0.2.7:8080"},
		{"IPv6", "http://[::1]:8081", "[::1]:8080", "http://[::1]:8080"},
		{"not said", "http://127.0.0.1:8081", "", ""},
		{"nonsense", "http://127.0.0.1:8081", "evil.example/x:80", ""},
	} {
		admin, err := url.Parse(c.admin)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if u := requestListener(admin, c.address); u != nil {
			got = u.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{"192.0.2.1": false, "example.org": false, "127.0.0.2": true, "::1": true} {
		if got := loopback(address); got != want {
			t.Errorf("%s: %v", address, got)
		}
	}
}

func TestReachable(t *testing.T) {
	for in, want := range map[string]string{"127.0.0.1:1": "127.0.0.1:1", "0.0.0.0:1": "127.0.0.1:1", "[::]:1": "[::1]:1", "192.0.2.1:1": "192.0.2.1:1"} {
		if got := reachable(in); got != want {
			t.Errorf("reachable(%s) = %s, want %s", in, got, want)
		}
	}
}
