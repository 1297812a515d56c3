package servecmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/jackfield-host/jackfield/admin"
	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/https"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

// drainTime is how long requests may go on after the first signal.
const drainTime = 10 * time.Second

// serve runs a host until ctx ends. It returns nil after an orderly stop.
func serve(ctx context.Context, cfg Config, version string, program host.Program, stderr io.Writer) error {
	log := newLog(cfg, stderr)
	for _, name := range cfg.Ignored {
		log.Warn("no key has this environment variable; it is ignored", "variable", name)
	}
	address, err := resolve(ctx, "listen", cfg.Listen)
	if err != nil {
		return err
	}
	if err := judgeAddress(cfg, address); err != nil {
		return err
	}
	adminAddress, err := resolve(ctx, "admin.listen", cfg.AdminListen)
	if err != nil {
		return err
	}
	if !adminAddress.IP.IsLoopback() {
		if cfg.TLSCert == "" {
			log.Warn("the admin listener is open to other machines, and passwords and tokens travel unencrypted: set tls.cert and tls.key, or put a proxy with TLS before it", "admin.listen", cfg.AdminListen)
		}
		if len(cfg.AdminHosts) == 0 && cfg.AdminURL == "" {
			log.Warn("the admin listener answers under every name: say with admin.hosts under which it should", "admin.listen", cfg.AdminListen)
		}
	}
	home, err := filepath.Abs(cfg.Home)
	if err != nil {
		return err
	}
	cfg.Home = home
	if err := host.Home(home).Make(); err != nil {
		return err
	}
	token, err := running.Token(host.Home(home))
	if err != nil {
		return err
	}
	if cfg.AdminOIDC.ClientSecret, err = cfg.clientSecret(); err != nil {
		return err
	}
	pair, err := cfg.openTLS(log)
	if err != nil {
		return err
	}
	h, err := newHost(cfg, token, version, program, log)
	if errors.Is(err, host.ErrNewer) {
		return output.WithHint(err, "this is jackfield "+version+": install the newer version again, or restore a backup that was made before the upgrade ('jackfield restore --help'); nothing was changed")
	}
	if err != nil {
		return err
	}
	requests, err := listen(ctx, address.String(), "listen", "--listen")
	if err != nil {
		return err
	}
	defer requests.Close()
	admins, err := listen(ctx, adminAddress.String(), "admin.listen", "--admin-listen")
	if err != nil {
		return err
	}
	defer admins.Close()
	limit, err := openFiles()
	if err != nil {
		return err
	}
	own := prometheus.NewRegistry()
	share, connections := shareOut(limit), newConnectionMetrics(own)
	window, err := admin.New(admin.Config{
		Host: h, Metrics: prometheus.Gatherers{h.Gatherer(), own}, MetricsOpen: cfg.metricsOpen(adminAddress),
		Accounts: h.Accounts(), OpenID: h.OpenID(), Hosts: cfg.AdminHosts, URL: cfg.adminURL(),
		Address: admins.Addr().String(), RequestAddress: requests.Addr().String(), Version: version, Log: log,
		MaxUpload:  cfg.BundleMaxBytes,
		DropFolder: host.Home(home).Extensions(), TokenFile: host.Home(home).AdminToken(),
	})
	if err != nil {
		return err
	}
	if pair != nil {
		registerEnd(own, pair)
	}
	d := &doors{
		host: h, log: log, tls: pair,
		requests:      newBounded(requests, "requests", share.requests, connections, log),
		admins:        newBounded(admins, "admin", share.admins, connections, log),
		asksFor:       cfg.asksFor(),
		requestServer: server(h.Requests(), log, cfg.longestRequest()),
		adminServer:   server(window, log, time.Minute),
	}
	return d.run(ctx, host.Home(home), func() { greet(stderr, host.Home(home), d, h.Accounts().FirstPassword()) })
}

func newHost(cfg Config, token, version string, program host.Program, log *slog.Logger) (*host.Host, error) {
	limits := bundle.DefaultLimits()
	limits.FileBytes = cfg.BundleMaxBytes
	return host.New(host.Config{
		Home: cfg.Home, Version: version, Log: log, Dev: cfg.Dev, Validate: cfg.RequestsValidate,
		Hosts: cfg.RequestsHosts, Origins: cfg.RequestsOrigins,
		AdminToken: token, OpenID: cfg.AdminOIDC,
		RequestsAuth: host.RequestsAuth{
			Mode:   cfg.RequestsAuth,
			Issuer: cfg.OIDCIssuer, Audience: cfg.OIDCAudience, RolesClaim: cfg.OIDCRolesClaim,
		},
		Trust: host.Trust{
			Policy: cfg.trustPolicy(), Revocation: cfg.TrustRevocation, OnRevoked: cfg.TrustOnRevoked,
			Recheck: cfg.TrustRecheck, PrivateResponders: cfg.TrustPrivateResponders,
		},
		RepositorySources: cfg.RepositorySources(cfg.Home), RepositoryCheck: cfg.UpdateCheck,
		Updates:         host.UpdatePolicy{Auto: host.UpdateAuto(cfg.UpdateAuto), Window: cfg.UpdateWindow},
		TracingEndpoint: cfg.TracingEndpoint, TracingSample: cfg.TracingSample,
		HoldQueue: cfg.HoldQueue, SnapshotMax: cfg.SnapshotMax, RecoverRun: cfg.RecoverRun,
		ScanInterval: cfg.ScanInterval, Limits: limits, Settings: cfg.For, Environ: os.Environ(),
		Shim: program, Users: cfg.SandboxUsers, Effective: cfg.told(),
	})
}

// newLog makes the host's log. Single requests are logged at debug level.
func newLog(cfg Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.Settings.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// asksFor is what a request must carry, empty for nothing.
func (c *Config) asksFor() string {
	if c.RequestsAuth == "none" {
		return ""
	}
	return c.RequestsAuth
}

// trustPolicy is what was set, else require, or warn for those who develop.
func (c *Config) trustPolicy() string {
	switch {
	case c.TrustPolicy != "":
		return c.TrustPolicy
	case c.Dev:
		return "warn"
	}
	return "require"
}

func (c *Config) metricsOpen(admin *net.TCPAddr) bool {
	return c.MetricsAuth == "none" || c.MetricsAuth == "auto" && admin.IP.IsLoopback()
}

// runner is what doors need of a host.
type runner interface {
	Run(ctx context.Context) error
	DrainRequests(ctx context.Context) error
}

// doors is a host with its two listeners.
type doors struct {
	host                       runner
	asksFor                    string // requests.auth, empty for none
	log                        *slog.Logger
	tls                        *https.Pair // nil for plain HTTP
	requests, admins           net.Listener
	requestServer, adminServer *http.Server
}

// run serves until ctx ends or a listener fails, then stops in this order: no new
// requests, up to drainTime for those at work, the extensions in reverse order, and
// last the admin listener, where all this can be watched.
func (d *doors) run(ctx context.Context, home host.Home, ready func()) error {
	announced := running.Host{
		PID: os.Getpid(), Requests: d.requests.Addr().String(), Admin: d.admins.Addr().String(), RequestsAuth: d.asksFor,
	}
	if d.tls != nil {
		announced.Certificate = d.tls.Local()
	}
	withdraw, err := running.Announce(home, announced)
	if err != nil { // a full disk, say: no reason for nothing to run
		d.log.Error("the command line will not find this host by its home, only by --host", "error", err)
		withdraw = func() error { return nil }
	}
	d.log.Info("listening", "requests", d.requests.Addr().String(), "admin", d.admins.Addr().String(),
		"scheme", d.scheme(), "home", string(home), "token_file", home.AdminToken())
	ready()

	group, ended := errgroup.WithContext(ctx)
	hostCtx, stopHost := context.WithCancel(context.WithoutCancel(ctx))
	defer stopHost()
	group.Go(func() error { return d.serveOn(d.requestServer, d.requests, "listen") })
	group.Go(func() error { return d.serveOn(d.adminServer, d.admins, "admin.listen") })
	group.Go(func() error {
		err := d.host.Run(hostCtx)
		if err := shutdown(d.adminServer, time.Second); err != nil {
			d.log.Debug("stopping the admin listener", "error", err)
		}
		if err == nil && hostCtx.Err() == nil {
			err = errors.New("the host ended by itself")
		}
		return err
	})
	group.Go(func() error {
		<-ended.Done()
		d.log.Info("stopping")
		d.drainRequests()
		stopHost()
		return nil
	})
	err = group.Wait()
	if err := withdraw(); err != nil {
		d.log.Warn("removing host.json", "error", err)
	}
	if err == nil {
		d.log.Info("stopped")
	}
	return err
}

// drainRequests takes no more requests and waits up to drainTime for those at work.
func (d *doors) drainRequests() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	var streams sync.WaitGroup
	streams.Go(func() {
		if err := d.host.DrainRequests(ctx); err != nil {
			d.log.Warn("stopping the request listener", "error", err)
		}
	})
	if err := shutdown(d.requestServer, drainTime); err != nil {
		d.log.Warn("stopping the request listener", "error", err)
	}
	streams.Wait()
}

// serveOn serves until the server is shut down. key names the listener in errors.
func (d *doors) serveOn(s *http.Server, ln net.Listener, key string) error {
	if d.tls != nil {
		// HTTP/1.1 alone: what bounds connections then bounds requests, and WebSockets open
		// as they do without TLS.
		ln = tls.NewListener(ln, d.tls.ServerConfig("http/1.1"))
	}
	if err := s.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("%s: serving on %s: %w", key, ln.Addr(), err)
	}
	return nil
}

// scheme is how both listeners are asked.
func (d *doors) scheme() string {
	if d.tls != nil {
		return "https"
	}
	return "http"
}

// openTLS opens what both listeners encrypt with, nil for plain HTTP.
func (c *Config) openTLS(log *slog.Logger) (*https.Pair, error) {
	cert, key := c.TLSFiles(host.Home(c.Home))
	if cert == "" {
		return nil, nil
	}
	pair, err := https.Open(cert, key, log)
	if err != nil {
		return nil, output.Errorf("tls.cert is the certificate with those that lead to its root behind it, tls.key its key, both in PEM; the user of the host has to be able to read them", "tls.cert: %w", err)
	}
	return pair, nil
}

// registerEnd has the end of the certificate for https among the metrics.
func registerEnd(reg prometheus.Registerer, pair *https.Pair) {
	reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "jackfield_tls_certificate_expiry_timestamp_seconds", Help: "When the certificate for https ends that the listeners serve.",
	}, func() float64 { return float64(pair.Ends().Unix()) }))
}

// greet tells a person at a terminal where to go next; the log line says the same to
// programs, but for the first password, which is shown nowhere but here and in its file.
func greet(w io.Writer, home host.Home, d *doors, password string) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return
	}
	// Nothing depends on whether it is read.
	_, _ = fmt.Fprintf(w, `
  requests     %s://%s/v1/types
  admin page   %[1]s://%[3]s/admin/
`, d.scheme(), reachable(d.requests.Addr()), reachable(d.admins.Addr()))
	if password != "" {
		_, _ = fmt.Fprintf(w, `  sign in as   %s
  with         %s   (until you change it; this is not shown again)
`, host.LocalAdministrator, password)
	}
	_, _ = fmt.Fprintf(w, `  its token    %s
  drop folder  %s

`, home.AdminToken(), home.Extensions())
}

// reachable is an address that a browser on this machine can open.
func reachable(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return addr.String()
	}
	return (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: tcp.Port}).String()
}
