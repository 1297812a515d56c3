package dial

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/sdk"
)

func TestDialledHTTP(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "from "+r.Host) })
	for name, server := range map[string]*httptest.Server{"plain": httptest.NewServer(handler), "TLS": httptest.NewTLSServer(handler)} {
		t.Run(name, func(t *testing.T) {
			defer server.Close()
			address := server.Listener.Addr().String()
			d := newDials(t, Config{}, "net:"+address)
			client := server.Client()
			client.Transport.(*http.Transport).DialContext = d.DialContext
			defer client.CloseIdleConnections()
			resp, err := client.Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || string(body) != "from "+address {
				t.Errorf("got %q, %v", body, err)
			}
			_, err = client.Get("http://" + refusing(t))
			wantError(t, err, sdk.PermissionDenied, "extension_permissions would need net:127.0.0.1:")
		})
	}
}

// What comes out is a TCP connection in every respect.
func TestDialledConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := newDials(t, Config{}, "net:"+l.Addr().String(), "net:localhost:"+port)
	for network, address := range map[string]string{"tcp": l.Addr().String(), "tcp4": "LocalHost.:" + port} {
		c, err := d.DialContext(t.Context(), network, address)
		if err != nil {
			t.Fatal(err)
		}
		other, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.(*net.TCPConn); !ok || c.RemoteAddr().String() != l.Addr().String() || c.LocalAddr().String() != other.RemoteAddr().String() {
			t.Errorf("got a %T from %v to %v", c, c.LocalAddr(), c.RemoteAddr())
		}
		if err := c.SetReadDeadline(time.Now()); err != nil {
			t.Error(err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("reading after the deadline: %v", err)
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		_ = raw.Control(func(fd uintptr) {
			if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor's flags are %x, %v: it would be inherited", flags, err)
			}
			if protocol, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PROTOCOL); err != nil || protocol != unix.IPPROTO_TCP {
				t.Errorf("the protocol is %d, %v", protocol, err)
			}
		})
		// The host has kept nothing of it: our end is the only one.
		c.Close()
		if n, err := other.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the other end read %d bytes, %v", n, err)
		}
		other.Close()
	}
	// Connections outlive the pair.
	c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d.stop()
	other, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	_, err = d.DialContext(t.Context(), "tcp", l.Addr().String())
	wantError(t, err, sdk.Unavailable, "hands out no connections any more")
}

// Names are judged by what they resolve to, at the moment at which it counts.
func TestNamesThatLeadAstray(t *testing.T) {
	inside := listen(t)
	_, port, _ := net.SplitHostPort(inside)
	var mu sync.Mutex
	zone := map[string][]netip.Addr{}
	set := func(name string, addresses ...string) {
		mu.Lock()
		defer mu.Unlock()
		zone[name] = []netip.Addr{}
		for _, a := range addresses {
			zone[name] = append(zone[name], netip.MustParseAddr(a))
		}
	}
	d := newDials(t, Config{Resolver: names(func(name string) []netip.Addr {
		mu.Lock()
		defer mu.Unlock()
		return zone[name]
	})}, "net:rebound.test:"+port, "net:nobody.test:"+port, "net:empty.test:"+port)
	set("empty.test")
	for addresses, what := range map[string]string{
		"127.0.0.1":                 "it resolves to 127.0.0.1, a loopback address",
		"::1":                       "it resolves to ::1, a loopback address",
		"0.0.0.0":                   "no machine",
		"169.254.169.254":           "link-local",
		"fe80::1":                   "link-local",
		"::ffff:127.0.0.1":          "it resolves to 127.0.0.1, a loopback address",
		"224.0.0.1":                 "many machines",
		"127.0.0.1 127.0.0.2 ::1":   "a loopback address",
		"169.254.169.254 127.0.0.1": "a name does not reach: grant the address itself",
	} {
		set("rebound.test", strings.Fields(addresses)...)
		_, err := d.DialContext(t.Context(), "tcp", "rebound.test:"+port)
		wantError(t, err, sdk.PermissionDenied, what)
	}
	_, err := d.DialContext(t.Context(), "tcp", "nobody.test:"+port)
	wantError(t, err, sdk.Unavailable, "the name has no address")
	_, err = d.DialContext(t.Context(), "tcp", "empty.test:"+port)
	wantError(t, err, sdk.Unavailable, "the name has no address")
	if n := d.host.count(""); n != 0 {
		t.Errorf("%d dials were successful", n)
	}
}

func TestDialsThatFail(t *testing.T) {
	nobody := refusing(t)
	_, port, _ := net.SplitHostPort(nobody)
	d := newDials(t, Config{}, "net:"+nobody, "net:[::1]:"+port)
	for _, c := range []struct {
		network, address string
		code             sdk.Code
		text             string
	}{
		{"tcp", nobody, sdk.Unavailable, "connecting to " + nobody + ": connection refused"},
		{"tcp6", nobody, sdk.Unavailable, "no address for the network tcp6"},
		{"tcp4", "[::1]:" + port, sdk.Unavailable, "no address for the network tcp4"},
		{"udp", nobody, sdk.InvalidArgument, `the network "udp" is none of`},
		{"", nobody, sdk.InvalidArgument, "is none of"},
		{"tcp", "", sdk.InvalidArgument, "is not HOST:PORT"},
		{"tcp", strings.Repeat("x", 5000), sdk.InvalidArgument, "the address has 5000 bytes"},
		{"tcp", "example.org:443", sdk.PermissionDenied, "would need net:example.org:443"},
	} {
		_, err := d.DialContext(t.Context(), c.network, c.address)
		wantError(t, err, c.code, c.text)
		var netErr net.Error
		if !errors.As(err, &netErr) || netErr.Timeout() {
			t.Errorf("%s %s: %v is no net.Error, or a timeout", c.network, c.address, err)
		}
	}
	var none *Dialer
	_, err := none.DialContext(t.Context(), "tcp", nobody)
	wantError(t, err, sdk.PermissionDenied, "this host hands out no network connections")
	none.Close()
}

func TestDialDeadlineAndCancel(t *testing.T) {
	resolver, asked := stuck(t.Context())
	hole := blackhole(t)
	d := newDials(t, Config{Resolver: resolver}, "net:slow.test:1", "net:"+hole)
	for _, address := range []string{"slow.test:1", hole} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := d.DialContext(ctx, "tcp", address)
		cancel()
		wantError(t, err, sdk.DeadlineExceeded, "connecting to "+address)
		if netErr := net.Error(nil); !errors.As(err, &netErr) || !netErr.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
	}
	eventually(t, "the host gave up, too", func() bool { return d.host.count(sdk.DeadlineExceeded)+d.host.count(sdk.Canceled) == 2 })
	for len(asked) > 0 {
		<-asked
	}

	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := d.DialContext(ctx, "tcp", "slow.test:1")
	wantError(t, err, sdk.Canceled, "connecting to slow.test:1 was canceled")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v is no context.Canceled", err)
	}
	before := d.host.count(sdk.Canceled)
	ctx, cancel = context.WithCancel(t.Context())
	var dialling sync.WaitGroup
	dialling.Go(func() { _, err = d.DialContext(ctx, "tcp", hole) })
	eventually(t, "the dial is under way", func() bool { return d.isWaiting() })
	cancel()
	dialling.Wait()
	wantError(t, err, sdk.Canceled, "was canceled")
	eventually(t, "the host was told", func() bool { return d.host.count(sdk.Canceled) > before })

	// Nobody asks the host with a context that has ended.
	_, err = d.DialContext(ctx, "tcp", hole)
	wantError(t, err, sdk.Canceled, "was canceled")
}

func (d *Dialer) isWaiting() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) > 0
}

func TestTooManyDials(t *testing.T) {
	resolver, asked := stuck(t.Context())
	quick := listen(t)
	// Each its own name: the resolver asks but once for those who wait for the same.
	permissions := []string{"net:" + quick}
	for i := range maxDials {
		permissions = append(permissions, fmt.Sprintf("net:slow%d.test:1", i))
	}
	d := newDials(t, Config{Resolver: resolver}, permissions...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dialling sync.WaitGroup
	for i := range maxDials {
		dialling.Go(func() {
			_, err := d.DialContext(ctx, "tcp", fmt.Sprintf("slow%d.test:1", i))
			if sdk.CodeOf(err) != sdk.Canceled {
				t.Errorf("a dial under way: %v", err)
			}
		})
	}
	for range 2 * maxDials { // for IPv4 and for IPv6
		<-asked
	}
	_, err := d.DialContext(t.Context(), "tcp", quick)
	wantError(t, err, sdk.Exhausted, "64 connections are being made")
	cancel()
	dialling.Wait()
	c, err := d.DialContext(t.Context(), "tcp", quick)
	if err != nil {
		t.Fatalf("after the others have gone: %v", err)
	}
	c.Close()

	// One after the other, any number goes, also where 64 go on all the time.
	var busy sync.WaitGroup
	for range maxDials {
		busy.Go(func() {
			for range 10 {
				c, err := d.DialContext(t.Context(), "tcp", quick)
				if err != nil {
					t.Errorf("one of 64: %v", err)
					return
				}
				c.Close()
			}
		})
	}
	busy.Wait()
}

// A thousand dials that succeed, fail, are refused, cancelled or late leave nothing.
func TestDialsLeaveNothing(t *testing.T) {
	quick, nobody := listen(t), refusing(t)
	// Those who wait for the same name share one lookup, which may outlive them.
	lasting, release := context.WithCancel(t.Context())
	defer release()
	resolver, _ := stuck(lasting)
	d := newDials(t, Config{Resolver: resolver}, "net:"+quick, "net:"+nobody, "net:slow.test:1")
	goroutines, descriptors := runtime.NumGoroutine(), openDescriptors(t)
	var dialling sync.WaitGroup
	for worker := range 20 {
		dialling.Go(func() {
			for i := range 50 {
				ctx, cancel := context.WithCancel(t.Context())
				address := []string{quick, nobody, "slow.test:1", "other.test:1", quick}[i%5]
				if i%5 == 2 || i%5 == 4 { // cancelled in the middle of it, or when it is done
					time.AfterFunc(time.Duration(worker*20)*time.Microsecond, cancel)
				}
				c, err := d.DialContext(ctx, "tcp", address)
				if err == nil {
					c.Close()
				} else if i%5 == 0 {
					t.Errorf("dialling %s: %v", address, err)
				}
				cancel()
			}
		})
	}
	dialling.Wait()
	total := func() int {
		d.host.mu.Lock()
		defer d.host.mu.Unlock()
		return len(d.host.all)
	}
	eventually(t, "the host has seen the end of every dial", func() bool { return !d.isWaiting() && total() >= 600 })
	release()
	eventually(t, "the descriptors are closed", func() bool { return openDescriptors(t) <= descriptors })
	d.stop()
	eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() < goroutines })
	eventually(t, "the pair is closed", func() bool { return openDescriptors(t) <= descriptors-2 })
}
