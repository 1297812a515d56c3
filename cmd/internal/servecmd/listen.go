package servecmd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// listen opens one listener. key and flag name it in errors.
func listen(ctx context.Context, address, key, flag string) (net.Listener, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, output.Errorf("stop what listens there, or choose another address with "+flag+" (port 0 takes any free one)",
			"%s: the address %s is in use by another process", key, address)
	case errors.Is(err, syscall.EACCES):
		return nil, output.Errorf("choose a port over 1023 with "+flag, "%s: this user may not listen on %s", key, address)
	}
	return nil, output.Errorf("choose another address with "+flag, "%s: listening on %s: %w", key, address, err)
}

// resolve turns HOST:PORT into the address to listen on, so that what is judged and
// what is listened on can not differ.
func resolve(ctx context.Context, key, address string) (*net.TCPAddr, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	if host == "" {
		return &net.TCPAddr{Port: number}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, output.Errorf("write an IP address of this machine", "%s: looking up %s: %w", key, host, err)
	}
	best := found[0]
	for _, addr := range found {
		if addr.IP.To4() != nil && best.IP.To4() == nil {
			best = addr
		}
	}
	return &net.TCPAddr{IP: best.IP, Zone: best.Zone, Port: number}, nil
}

// judgeAddress refuses to open the request listener to other machines unless the
// administrator has said who may use it.
func judgeAddress(cfg Config, addr *net.TCPAddr) error {
	if addr.IP.IsLoopback() || cfg.RequestsAuth != "" {
		return nil
	}
	return output.WithHint(&ConfigError{[]*Problem{{
		Key: "listen", Value: cfg.Listen,
		Message: "is not a loopback address, and requests.auth is not set: say who may send requests",
	}}}, "listen on 127.0.0.1, or set requests.auth=none to let everyone send requests who reaches the address")
}

// server returns an http.Server whose connections are bounded in time. longest is
// how long a handler may take: a slow answer is never cut, a client that sends or
// reads nothing is, in the end.
func server(handler http.Handler, log *slog.Logger, longest time.Duration) *http.Server {
	const transfer = 2 * time.Minute
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		// Both run from the end of the header. The read deadline also holds while
		// the handler works, when passing it would look like a client that left.
		ReadTimeout:    longest + transfer,
		WriteTimeout:   longest + 2*transfer,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
		ErrorLog:       slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// longestRequest is the largest timeouts.request of any extension.
func (c *Config) longestRequest() time.Duration {
	longest := c.Settings.RequestTimeout
	for id := range c.Extensions {
		longest = max(longest, c.For(id).RequestTimeout)
	}
	return longest
}

// shutdown stops accepting, waits up to grace for requests in flight, then cuts
// what is left.
func shutdown(s *http.Server, grace time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("requests were still at work after %s and were cut: %w", grace, s.Close())
	}
	return err
}
