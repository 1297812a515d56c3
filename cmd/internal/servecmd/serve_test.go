package servecmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

// runFunc is a host that only runs.
type runFunc func(context.Context) error

func (f runFunc) Run(ctx context.Context) error { return f(ctx) }

func (f runFunc) DrainRequests(context.Context) error { return nil }

// newDoors returns doors on free ports in a new home.
func newDoors(t *testing.T, requests http.Handler, run runFunc) (*doors, host.Home) {
	t.Helper()
	home := host.Home(t.TempDir())
	if err := os.Mkdir(home.Run(), 0o700); err != nil {
		t.Fatal(err)
	}
	free := func() net.Listener {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	return &doors{
		host: run, log: log, requests: free(), admins: free(),
		requestServer: server(requests, log, time.Second),
		adminServer:   server(http.NotFoundHandler(), log, time.Second),
	}, home
}

// TestStopInOrder: the request in flight is answered, then the host stops, the admin
// listener answers until the end, and host.json goes.
func TestStopInOrder(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	answered := make(chan string, 1)
	var d *doors
	d, home := newDoors(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		fmt.Fprint(w, "done")
	}), func(ctx context.Context) error {
		<-ctx.Done()
		select {
		case got := <-answered:
			if got != "done" {
				t.Errorf("the request in flight got %q", got)
			}
		case <-time.After(5 * time.Second):
			t.Error("the host stops before the request in flight is answered")
		}
		resp, err := http.Get("http://" + d.admins.Addr().String())
		if err != nil {
			t.Errorf("the admin listener is gone before the host: %v", err)
			return nil
		}
		return resp.Body.Close()
	})

	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- d.run(ctx, home, func() { close(ready) }) }()
	<-ready
	if h, err := running.Find(home); err != nil || h.Requests != d.requests.Addr().String() || h.PID != os.Getpid() {
		t.Errorf("host.json: %+v, error %v", h, err)
	}
	go func() {
		resp, err := http.Get("http://" + d.requests.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answered <- string(body)
	}()
	<-begun
	stop()
	refused(t, d.requests.Addr().String())
	close(finish)
	if err := <-ended; err != nil {
		t.Errorf("an orderly stop: %v", err)
	}
	if _, err := os.Stat(home.RunningHost()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("host.json is still there: %v", err)
	}
}

// refused waits until an address accepts no connections any more.
func refused(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
	t.Errorf("%s still accepts connections", address)
}

func TestFailuresEndTheHost(t *testing.T) {
	broken := errors.New("the home is locked")
	d, home := newDoors(t, http.NotFoundHandler(), func(context.Context) error { return broken })
	if err := d.run(t.Context(), home, func() {}); !errors.Is(err, broken) {
		t.Errorf("a host that can not run: %v", err)
	}

	stopped := false
	d, home = newDoors(t, http.NotFoundHandler(), func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
	d.requests.Close()
	if err := d.run(t.Context(), home, func() {}); err == nil || !strings.Contains(err.Error(), "listen: serving on 127.0.0.1:") {
		t.Errorf("a listener that fails: %v", err)
	}
	if !stopped {
		t.Error("the host was not stopped when a listener failed")
	}
}

func TestAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, err = listen(t.Context(), taken.Addr().String(), "listen", "--listen")
	if err == nil || !strings.Contains(err.Error(), "listen: the address "+taken.Addr().String()+" is in use") {
		t.Errorf("an address in use: %v", err)
	}
	for _, c := range []struct {
		address, auth string
		refused       bool
	}{
		{"127.0.0.1:8080", "", false},
		{"[::1]:8080", "", false},
		{"127.8.9.1:0", "", false},
		{"0.0.0.0:8080", "", true},
		{":8080", "", true},
		{"[::]:8080", "", true},
		{"192.0.2.1:8080", "", true},
		{"[::ffff:192.0.2.1]:8080", "", true},
		{"0.0.0.0:8080", "none", false},
	} {
		addr, err := resolve(t.Context(), "listen", c.address)
		if err != nil {
			t.Fatalf("%s: %v", c.address, err)
		}
		err = judgeAddress(Config{Listen: c.address, RequestsAuth: c.auth}, addr)
		if (err != nil) != c.refused {
			t.Errorf("listening on %s with requests.auth %q: %v", c.address, c.auth, err)
		}
	}
}

func TestMetricsAccess(t *testing.T) {
	local, far := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{}
	for _, c := range []struct {
		auth         string
		onLocal, far bool
	}{{"auto", true, false}, {"none", true, true}, {"token", false, false}} {
		cfg := Config{MetricsAuth: c.auth}
		if cfg.metricsOpen(local) != c.onLocal || cfg.metricsOpen(far) != c.far {
			t.Errorf("metrics.auth=%s: open on loopback %v, elsewhere %v", c.auth, cfg.metricsOpen(local), cfg.metricsOpen(far))
		}
	}
}
