package storeserve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"github.com/mattn/go-isatty"
	"golang.org/x/net/netutil"

	"github.com/jackfield-host/jackfield/cmd/internal/https"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/store/server"
)

// serve runs a store until ctx ends.
func serve(ctx context.Context, cfg *config, stderr io.Writer) error {
	log := newLog(cfg, stderr)
	cfg.Log = log
	listener, err := listen(ctx, cfg)
	if err != nil {
		return err
	}
	defer listener.Close()
	addr := listener.Addr().(*net.TCPAddr)
	var certificate string
	if cfg.tlsCert != "" {
		pair, err := https.Open(cfg.tlsCert, cfg.tlsKey, log)
		if err != nil {
			return output.Errorf("", "tls.cert: %w", err)
		}
		cfg.TLS, certificate = pair.ServerConfig("h2", "http/1.1"), pair.Local()
	}
	local := localURL(cfg, addr)
	if cfg.BaseURL == nil {
		cfg.BaseURL = local
	}
	local.Path = cfg.BaseURL.Path
	cfg.MetricsOpen = cfg.metrics == "none" || cfg.metrics == "auto" && addr.IP.IsLoopback() && len(cfg.Proxies) == 0
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(server.GCPercent)
	}
	s, err := server.New(ctx, cfg.Config)
	if err != nil {
		return explain(err)
	}
	withdraw, err := storeclient.Announce(cfg.Data, storeclient.Running{PID: os.Getpid(), URL: local.String(), Certificate: certificate})
	if err != nil { // a full disk, say: no reason for nothing to run
		log.Error("the command line will not find this store by its folder, only by --store", "error", err)
		withdraw = func() error { return nil }
	}
	log.Info("listening", "address", addr.String(), "url", cfg.BaseURL.String(), "data", cfg.Data, "token_file", filepath.Join(cfg.Data, "admin-token"))
	greet(stderr, cfg, local)
	err = s.Run(ctx, listener)
	if err := withdraw(); err != nil {
		log.Warn("removing store.json", "error", err)
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// explain adds to an error of a store that could not be put together what to do.
func explain(err error) error {
	if errors.Is(err, server.ErrInUse) {
		return output.WithHint(err, "stop the other one, or choose another folder with --data")
	}
	return err
}

func newLog(cfg *config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.logLevel}
	if cfg.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// localURL is the store as this machine reaches it.
func localURL(cfg *config, addr *net.TCPAddr) *url.URL {
	u := &url.URL{Scheme: "http", Host: addr.String()}
	if addr.IP.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", fmt.Sprint(addr.Port))
	}
	if cfg.tlsCert != "" {
		u.Scheme = "https"
	}
	return u
}

// listen opens the listener, which holds as many connections as the limit of open files
// allows beside what the store itself needs.
func listen(ctx context.Context, cfg *config) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, output.Errorf("stop what listens there, or choose another address with --listen (port 0 takes any free one)",
			"listen: the address %s is in use by another process", cfg.listen)
	case err != nil:
		return nil, output.Errorf("choose another address with --listen", "listen: %w", err)
	}
	addr := listener.Addr().(*net.TCPAddr)
	if !addr.IP.IsLoopback() && cfg.tlsCert == "" && len(cfg.Proxies) == 0 {
		listener.Close()
		return nil, output.Usagef("set tls.cert and tls.key, or name in proxies the reverse proxy that does the encryption",
			"listen: %s is reached from other machines, and tokens would travel in plain text", cfg.listen)
	}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		listener.Close()
		return nil, fmt.Errorf("reading the limit of open files: %w", err)
	}
	const most = 100_000
	// A download holds a file beside its connection; the rest is for database and blobs.
	return &addressed{netutil.LimitListener(listener, int(min(limit.Cur, most)/3)), addr}, nil
}

// addressed keeps the address of a listener that was wrapped.
type addressed struct {
	net.Listener
	addr *net.TCPAddr
}

func (a *addressed) Addr() net.Addr { return a.addr }

// greet tells a person at a terminal where to go next; the log says the same to programs.
func greet(w io.Writer, cfg *config, local *url.URL) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return
	}
	// Nothing depends on whether it is read.
	_, _ = fmt.Fprintf(w, "\n  store        %s\n  its token    %s\n  trusted      %s\n\n", local, filepath.Join(cfg.Data, "admin-token"), filepath.Join(cfg.Data, "trust"))
}
