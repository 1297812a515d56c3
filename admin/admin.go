// Package admin is the window on a running host: the admin API for programs, the
// admin page for people, the metrics and the profiles. New returns one http.Handler for the admin
// listener.
//
// What is promised: nothing but the style sheet, the sign-in form and, if so
// configured, /metrics answers a stranger; who is who, and may do what, is checked in one
// place before a route runs; secrets are compared by digest and never shown or logged;
// the cookie of the page opens pages only, never the API, and every form carries a proof
// of the session; bodies are bounded, and those of
// bundles streamed; every string that comes
// from a bundle or a process is treated as hostile; a page is rendered completely
// before its first byte is sent; no page loads or runs anything that is not ours. On
// a loopback listener, and where names are configured, requests under a foreign host name
// are refused, so that a web site can not reach the page through DNS.
package admin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/api"
	"github.com/jackfield-host/jackfield/admin/internal/ownpages"
	"github.com/jackfield-host/jackfield/admin/internal/page"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// Host is what the page and the API stand for; *host.Host is one.
type Host interface {
	api.Host
	page.Host
	ownpages.Host
	Upload(ctx context.Context, u host.Upload) (host.Uploaded, error)
	Stage(ctx context.Context, u host.Upload) (host.Staged, error)
}

// Notices tell that something has changed; *host.Subscription is one.
type Notices = web.Notices

// Lines are those of a log that is followed; *host.LogFollower is one.
type Lines = web.Lines

// Config is what the handler is made from. Host, Accounts, Address, MaxUpload and Log
// are required.
type Config struct {
	Host Host
	// Events subscribes to what changes; nil for the Events of a *host.Host.
	Events func(after uint64) (Notices, error)
	// Follow begins to follow a log; nil for the FollowLogs of a *host.Host.
	Follow func(ctx context.Context, id string, q host.LogQuery, after string) (Lines, error)
	// Accounts are who may come in, those of the host.
	Accounts *host.Accounts
	// OpenID is how people may sign in besides, nil for not.
	OpenID *host.OpenID
	// Metrics is served under /metrics; nil means that there is no such page.
	Metrics prometheus.Gatherer
	// MetricsOpen serves /metrics without the token.
	MetricsOpen bool
	// Address is where the listener really listens, HOST:PORT.
	Address string
	// URL is where people reach the page, when that is not what their browser asks for:
	// behind a proxy. Its host is one of Hosts.
	URL *url.URL
	// Hosts are the names under which the listener answers besides its
	// addresses.
	Hosts []string
	// RequestAddress is where the request listener listens, HOST:PORT. The API tells it
	// to programs in the header Request-Listener; empty means not to.
	RequestAddress string
	// MaxUpload is the size of the largest bundle, bundle.max_bytes.
	MaxUpload int64
	// DropFolder and TokenFile are shown to people: where bundles go, and where the
	// token for signing in is to be found.
	DropFolder, TokenFile string
	// Version is the host's own.
	Version string
	Log     *slog.Logger
}

// New returns the handler of the admin listener. An error means that the Config is
// incomplete.
func New(cfg Config) (http.Handler, error) {
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	return h.site.Handler(h.routes()), nil
}

// handler is the admin listener before its routes are served; tests reach into it.
type handler struct {
	cfg     Config
	site    *web.Site
	uploads *web.Uploads
	streams *web.Streams
	api     *api.API
	pages   *page.Pages
	own     *ownpages.Site
}

func newHandler(cfg Config) (*handler, error) {
	addr, err := netip.ParseAddrPort(cfg.Address)
	switch {
	case err != nil:
		return nil, err
	case cfg.Host == nil || cfg.Log == nil:
		return nil, errors.New("admin: no host or no log")
	case cfg.Accounts == nil:
		return nil, errors.New("admin: no accounts")
	case cfg.MaxUpload <= 0:
		return nil, errors.New("admin: no limit for uploads")
	}
	control, err := access.New(access.Config{Accounts: cfg.Accounts, OpenID: cfg.OpenID, Address: cfg.Address, URL: cfg.URL})
	if err != nil {
		return nil, err
	}
	loopback := addr.Addr().Unmap().IsLoopback()
	cfg.fill()
	own := ownpages.New(cfg.Host, time.Now)
	streams := web.NewStreams(control)
	uploads := &web.Uploads{MaxBytes: cfg.MaxUpload, Stall: web.MaxStall, Host: cfg.Host.Upload, Stage: cfg.Host.Stage}
	pages, err := page.New(page.Config{
		Host: cfg.Host, Events: cfg.Events, Follow: cfg.Follow, Streams: streams, Access: control, Accounts: cfg.Accounts, Uploads: uploads, OwnPages: own, Loopback: loopback,
		DropFolder: cfg.DropFolder, TokenFile: cfg.TokenFile, RequestAddress: cfg.RequestAddress, AdminAddress: cfg.Address,
		Version: cfg.Version, Log: cfg.Log, Now: time.Now,
	})
	if err != nil {
		return nil, err
	}
	return &handler{
		cfg: cfg, uploads: uploads, streams: streams, pages: pages, own: own,
		api: api.New(api.Config{
			Host: cfg.Host, Accounts: cfg.Accounts, Uploads: uploads, Addresses: host.Addresses{Requests: cfg.RequestAddress, Admin: cfg.Address},
			Streams: streams, Events: cfg.Events, Follow: cfg.Follow,
		}),
		site: &web.Site{Access: control, Log: cfg.Log, Loopback: loopback, Hosts: hostsOf(cfg), RequestAddress: cfg.RequestAddress, ErrorPage: pages.Error},
	}, nil
}

// fill takes what is followed from a host that can be followed.
func (c *Config) fill() {
	h, ok := c.Host.(*host.Host)
	silent := &host.Error{Code: host.CodeUnavailable, Message: "this host can not be followed"}
	if c.Events == nil {
		c.Events = func(after uint64) (Notices, error) {
			if !ok {
				return nil, silent
			}
			return h.Events(after)
		}
	}
	if c.Follow == nil {
		c.Follow = func(ctx context.Context, id string, q host.LogQuery, after string) (Lines, error) {
			if !ok {
				return nil, silent
			}
			return h.FollowLogs(ctx, id, q, after)
		}
	}
}

// hostsOf are the names under which the listener answers, in lower case.
func hostsOf(cfg Config) []string {
	var names []string
	for _, name := range cfg.Hosts {
		names = append(names, strings.ToLower(strings.TrimSuffix(name, ".")))
	}
	if cfg.URL != nil {
		names = append(names, strings.ToLower(cfg.URL.Hostname()))
	}
	return names
}

// routes is the table of the admin listener.
func (h *handler) routes() []web.Route {
	routes := slices.Concat(h.api.Routes(), h.pages.Routes(), h.own.Routes())
	if h.cfg.Metrics != nil {
		right := access.See
		if h.cfg.MetricsOpen {
			right = access.Open
		}
		routes = append(routes, web.Route{Method: "GET", Path: "/metrics", Right: right, Serve: api.Plain(h.metrics().ServeHTTP)})
	}
	return append(routes, api.Description(routes, h.cfg.Version))
}

// metrics serves the scrape. One family that can not be gathered does not spoil the
// others.
func (h *handler) metrics() http.Handler {
	return promhttp.HandlerFor(h.cfg.Metrics, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            slog.NewLogLogger(h.cfg.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		Timeout:             20 * time.Second,
	})
}
