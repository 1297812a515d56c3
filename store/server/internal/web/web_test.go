package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/store"
)

func behindProxies() *Site {
	return &Site{
		Log: slog.New(slog.DiscardHandler), Metrics: NewMetrics(),
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
	}
}

func TestClient(t *testing.T) {
	for _, c := range []struct{ name, remote, forwarded, want string }{
		{"nobody between", "192.0.2.1:99", "", "192.0.2.1"},
		{"a stranger who forges", "192.0.2.1:99", "203.0.113.9", "192.0.2.1"},
		{"our proxy", "10.1.2.3:99", "203.0.113.9", "203.0.113.9"},
		{"our proxy on IPv6", "[::1]:99", "203.0.113.9", "203.0.113.9"},
		{"two of ours", "10.1.2.3:99", "203.0.113.9, 10.4.4.4", "203.0.113.9"},
		{"who forges before our proxy", "10.1.2.3:99", "198.51.100.1, 203.0.113.9", "203.0.113.9"},
		{"what is no address", "10.1.2.3:99", "unknown", "10.1.2.3"},
		{"nothing said", "10.1.2.3:99", "", "10.1.2.3"},
		{"mapped", "10.1.2.3:99", "::ffff:203.0.113.9", "203.0.113.9"},
	} {
		r := &http.Request{RemoteAddr: c.remote, Header: http.Header{}}
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := behindProxies().Client(r); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// FuzzClient: whatever a client sends, it is an address; and one that did not come through
// our proxies is the one that it came from.
func FuzzClient(f *testing.F) {
	for _, seed := range []string{"", "203.0.113.9", "203.0.113.9, 10.4.4.4", "unknown", "::ffff:1.2.3.4", "fe80::1%eth0", ",,,", "10.0.0.1,10.0.0.2"} {
		f.Add(seed)
	}
	site := behindProxies()
	f.Fuzz(func(t *testing.T, forwarded string) {
		header := http.Header{"X-Forwarded-For": {forwarded}}
		got := site.Client(&http.Request{RemoteAddr: "10.0.0.1:1", Header: header})
		if addr, err := netip.ParseAddr(got); err != nil || addr.Zone() != "" || strings.ContainsAny(got, " \r\n") {
			t.Fatalf("%q became %q", forwarded, got)
		}
		if got := site.Client(&http.Request{RemoteAddr: "192.0.2.7:1", Header: header}); got != "192.0.2.7" {
			t.Fatalf("%q became %q without a proxy", forwarded, got)
		}
	})
}

func TestBuckets(t *testing.T) {
	b, now := newBuckets(Rate{Second: 1, Burst: 2}), time.Unix(1000, 0)
	for i, want := range []bool{true, true, false} {
		if wait := b.take("a", now); (wait == 0) != want {
			t.Errorf("request %d waits %s", i, wait)
		}
	}
	if wait := b.take("b", now); wait != 0 {
		t.Errorf("another client waits %s", wait)
	}
	if wait := b.take("a", now.Add(time.Second)); wait != 0 {
		t.Errorf("a second later it waits %s", wait)
	}
	for i := range 3 * maxClients {
		b.take(netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}).String(), now)
	}
	if n := len(b.now) + len(b.old); n > 2*maxClients {
		t.Errorf("%d clients are remembered", n)
	}
	if one, other := keyOf("2001:db8::1"), keyOf("2001:db8::2"); one != other {
		t.Errorf("%s and %s are two clients", one, other)
	}
}

// TestPanic: it costs the request in which it happens.
func TestPanic(t *testing.T) {
	site := behindProxies()
	handler := site.Handler([]Route{
		{Method: "GET", Path: "/early", Right: Open, Serve: func(http.ResponseWriter, *http.Request) error { panic("not for clients") }},
		{Method: "GET", Path: "/late", Right: Open, Serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = w.Write([]byte("half"))
			panic("not for clients")
		}},
		{Method: "GET", Path: "/forgotten", Serve: func(w http.ResponseWriter, _ *http.Request) error {
			return negotiate.WriteJSON(w, 200, "secret")
		}},
	})
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	if w := get("/early"); w.Code != 500 || !strings.Contains(w.Body.String(), `"code":"internal"`) || strings.Contains(w.Body.String(), "not for clients") {
		t.Errorf("early: %d %s", w.Code, w.Body)
	}
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("late: %v, want the connection broken off", v)
			}
		}()
		get("/late")
	}()
	if w := get("/forgotten"); w.Code != 401 {
		t.Errorf("a route without a right is answered with %d", w.Code)
	}
}

func TestRights(t *testing.T) {
	for _, c := range []struct {
		caller Caller
		right  Right
		want   bool
	}{
		{Caller{}, Open, true}, {Caller{}, See, false},
		{Caller{Role: store.RolePublisher}, Publish, true}, {Caller{Role: store.RolePublisher}, Review, false},
		{Caller{Role: store.RoleReviewer}, Review, true}, {Caller{Role: store.RoleReviewer}, Publish, false},
		{Caller{Role: store.RoleAdministrator}, Administer, true}, {Caller{Role: "root"}, See, false}, {Caller{Role: store.RoleAdministrator}, "", false},
	} {
		if got := c.caller.May(c.right); got != c.want {
			t.Errorf("%q may %q: %t", c.caller.Role, c.right, got)
		}
	}
}

// FuzzRead: what is read as JSON is one object of UTF-8 without members that are not known.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"reason":"x"}`, `{}`, `{"reason":"x","more":1}`, `{} {}`, `null`, `[]`, "{\"reason\":\"\xff\"}", ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		var v store.Reason
		if err := Read(r, &v); err == nil && (!strings.Contains(body, v.Reason) && !strings.Contains(body, `\`) || strings.Contains(body, "\xff")) {
			t.Errorf("%q is read as %q", body, v.Reason)
		}
	})
}
