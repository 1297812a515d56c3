package edge

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestHosts(t *testing.T) {
	tcp := func(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 8080} }
	for _, tc := range []struct {
		name  string
		local net.Addr
		hosts []string
		host  string
		allow bool
	}{
		{"localhost on loopback", tcp("127.0.0.1"), nil, "localhost:8080", true},
		{"localhost in capitals with a dot", tcp("127.0.0.1"), nil, "LocalHost.:8080", true},
		{"localhost without port", tcp("127.0.0.1"), nil, "localhost", true},
		{"the address", tcp("127.0.0.1"), nil, "127.0.0.1:8080", true},
		{"another loopback address", tcp("127.0.0.1"), nil, "127.9.9.9", true},
		{"IPv6 loopback", tcp("::1"), nil, "[::1]:8080", true},
		{"IPv6 without port", tcp("::1"), nil, "[::1]", true},
		{"IPv4 in IPv6", tcp("::1"), nil, "[::ffff:127.0.0.1]:80", true},
		{"a rebound name", tcp("127.0.0.1"), nil, "evil.example:8080", false},
		{"a name that begins so", tcp("127.0.0.1"), nil, "localhost.evil.example", false},
		{"an address as a name", tcp("127.0.0.1"), nil, "127.0.0.1.evil.example", false},
		{"another address on loopback", tcp("127.0.0.1"), nil, "10.0.0.1", false},
		{"nothing", tcp("127.0.0.1"), nil, "", false},
		{"a port only", tcp("127.0.0.1"), nil, ":8080", false},
		{"own address", tcp("10.0.0.1"), nil, "10.0.0.1:8080", true},
		{"localhost elsewhere", tcp("10.0.0.1"), nil, "localhost:8080", false},
		{"loopback elsewhere", tcp("10.0.0.1"), nil, "127.0.0.1:8080", false},
		{"a name elsewhere", tcp("10.0.0.1"), nil, "maps.example.com", false},
		{"configured", tcp("10.0.0.1"), []string{"maps.example.com"}, "Maps.Example.Com:8080", true},
		{"configured in capitals", tcp("10.0.0.1"), []string{"MAPS.example.com."}, "maps.example.com", true},
		{"configured with port", tcp("10.0.0.1"), []string{"maps.example.com:8443"}, "maps.example.com:8443", true},
		{"configured with another port", tcp("10.0.0.1"), []string{"maps.example.com:8443"}, "maps.example.com:8080", false},
		{"beside a configured one", tcp("10.0.0.1"), []string{"maps.example.com"}, "a.maps.example.com", false},
		{"configured address", tcp("10.0.0.1"), []string{"192.0.2.1"}, "192.0.2.1:80", true},
		{"socket file", &net.UnixAddr{Name: "s", Net: "unix"}, nil, "localhost", true},
		{"unknown address", nil, nil, "localhost", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			names, err := newHostNames(tc.hosts)
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequestWithContext(context.WithValue(t.Context(), http.LocalAddrContextKey, tc.local), "POST", "/", nil)
			r.Host = tc.host
			if names.allow(r) != tc.allow {
				t.Errorf("allowed: %v", !tc.allow)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	good := Config{Hosts: []string{"a.example", "a.example:80", "[::1]:80", "192.0.2.1"}, Origins: []string{"https://a.example", "http://localhost:3000"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	bad := Config{Hosts: []string{"", "https://a.example", "*.example"}, Origins: []string{"a.example", "https://a.example/x", "*"}}
	err := bad.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, entry := range slices.Concat(bad.Hosts, bad.Origins) {
		if !strings.Contains(err.Error(), `"`+entry+`"`) {
			t.Errorf("%q is not reported in %v", entry, err)
		}
	}
	l := listen(t, bad, opaque(echo))
	l.send("POST", "/v1/requests/x.Raw", "", "Origin", "https://a.example").want(t, 403, sdk.PermissionDenied, "")
	if !strings.Contains(l.log.String(), "level=WARN") {
		t.Errorf("logged %s", l.log)
	}
}

func TestForeignPages(t *testing.T) {
	const trusted = "https://maps.example.com"
	for _, tc := range []struct {
		name    string
		method  string
		path    string
		headers []string
		status  int
		allowed string // Access-Control-Allow-Origin
	}{
		{"no browser", "POST", "/v1/requests/x.Raw", nil, 200, ""},
		{"foreign page", "POST", "/v1/requests/x.Raw", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"foreign page of an old browser", "POST", "/v1/requests/x.Raw", []string{"Origin", "https://evil.example"}, 403, ""},
		{"page of a sister", "POST", "/v1/requests/x.Raw", []string{"Origin", "https://a.example", "Sec-Fetch-Site", "same-site"}, 403, ""},
		{"sandboxed page", "POST", "/v1/requests/x.Raw", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"page of the same origin", "POST", "/v1/requests/x.Raw", []string{"Sec-Fetch-Site", "same-origin"}, 200, ""},
		{"trusted page", "POST", "/v1/requests/x.Raw", []string{"Origin", trusted, "Sec-Fetch-Site", "cross-site"}, 200, trusted},
		{"trusted page meets an error", "POST", "/v1/requests/x.Nobody", []string{"Origin", trusted, "Sec-Fetch-Site", "cross-site"}, 404, trusted},
		{"foreign page reads", "GET", "/v1/types", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 200, ""},
		{"trusted page reads", "GET", "/v1/types", []string{"Origin", trusted, "Sec-Fetch-Site", "cross-site"}, 200, trusted},
		{"trusted page with another scheme", "POST", "/v1/requests/x.Raw", []string{"Origin", "http://maps.example.com", "Sec-Fetch-Site", "cross-site"}, 403, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l := listen(t, Config{Origins: []string{trusted}}, opaque(echo))
			r := l.send(tc.method, tc.path, "", tc.headers...)
			if r.StatusCode != tc.status || r.Header.Get("Access-Control-Allow-Origin") != tc.allowed {
				t.Errorf("%d, allowed for %q", r.StatusCode, r.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

func TestPreflight(t *testing.T) {
	l := listen(t, Config{Origins: []string{"https://maps.example.com"}}, opaque(echo))
	ask := func(origin string) reply {
		return l.send("OPTIONS", "/v1/requests/x.Raw", "", "Origin", origin, "Sec-Fetch-Site", "cross-site",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
	}
	r := ask("https://maps.example.com")
	if r.StatusCode != 204 || r.Header.Get("Access-Control-Allow-Origin") != "https://maps.example.com" ||
		r.Header.Get("Access-Control-Allow-Methods") != "POST, OPTIONS" || !strings.Contains(r.Header.Get("Access-Control-Allow-Headers"), "Content-Type") ||
		r.Header.Get("Vary") != "Origin" {
		t.Errorf("%d %v", r.StatusCode, r.Header)
	}
	r = ask("https://evil.example")
	for name := range r.Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("a foreign page gets %s", name)
		}
	}
}
