// Package admin is the window on a running host: the admin API for programs, the
// admin page for people, the metrics and the profiles. New returns one http.Handler for the admin
// listener.
//
// What is promised: nothing but the style sheet, the sign-in form and, if so
// configured, /metrics answers a stranger; the token is compared in
// constant time and never shown, logged or put into a cookie; what changes something
// takes the token only, never the cookie of the page, but for its form of consent, which
// also carries a proof of the session; bodies are bounded, and those of
// bundles streamed; every string that comes
// from a bundle or a process is treated as hostile; a page is rendered completely
// before its first byte is sent; no page loads or runs anything that is not ours. On
// a loopback listener requests under a foreign host name are refused, so that a web
// site can not reach the page through DNS.
package admin

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jackfield-host/jackfield/host"
)

// Host is what the page and the API stand for; *host.Host is one. An error of it is a
// *host.Error where a client is to learn more than that something went wrong.
type Host interface {
	Rows
	Changes
	Records
}

// Rows is how things stand. The rows are not changed here.
type Rows interface {
	Snapshot() []host.Extension
	Extension(id string) (host.Extension, bool)
}

// Changes is how things are changed. What Act and Upload return is durable.
type Changes interface {
	Act(ctx context.Context, a host.Action) (host.Extension, error)
	Upload(ctx context.Context, u host.Upload) (host.Uploaded, error)
	// Settle waits until the extension has found its place after the last change.
	Settle(ctx context.Context, id string) (host.Extension, error)
}

// Records is what was done and what happened, newest first.
type Records interface {
	History(ctx context.Context, id, cursor string, limit int) (host.HistoryPage, error)
	Audit(ctx context.Context, cursor string, limit int) (host.AuditPage, error)
}

// Config is what the handler is made from. Host, Token, Address, MaxUpload and Log are
// required.
type Config struct {
	Host Host
	// Metrics is served under /metrics; nil means that there is no such page.
	Metrics prometheus.Gatherer
	// MetricsOpen serves /metrics without the token.
	MetricsOpen bool
	// Token is the bearer token of the local administrator.
	Token string
	// Address is where the listener really listens, HOST:PORT.
	Address string
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

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

// handler holds what the routes share. It has no mutable state but sessions.
type handler struct {
	cfg       Config
	token     [sha256.Size]byte
	loopback  bool
	cookie    string
	templates *template.Template
	sessions  *sessions
	attempts  *attempts
	now       func() time.Time
	stall     time.Duration // how long an upload may stand still
}

// New returns the handler of the admin listener. An error means that the Config is
// incomplete.
func New(cfg Config) (http.Handler, error) {
	h, err := newHandler(cfg)
	if err != nil {
		return nil, err
	}
	return h.routes(), nil
}

func newHandler(cfg Config) (*handler, error) {
	addr, err := netip.ParseAddrPort(cfg.Address)
	switch {
	case err != nil:
		return nil, err
	case cfg.Host == nil || cfg.Log == nil:
		return nil, errors.New("admin: no host or no log")
	case len(cfg.Token) < minToken:
		return nil, errors.New("admin: the token is too short")
	case cfg.MaxUpload <= 0:
		return nil, errors.New("admin: no limit for uploads")
	}
	templates, err := template.New("").Funcs(templateFuncs()).ParseFS(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, err
	}
	return &handler{
		cfg: cfg, token: sha256.Sum256([]byte(cfg.Token)), loopback: addr.Addr().Unmap().IsLoopback(),
		// Browsers share cookies between the ports of a machine: two hosts must not
		// sign each other's administrators out.
		cookie:    "jackfield_session_" + port,
		templates: templates, sessions: newSessions(), attempts: newAttempts(), now: time.Now, stall: maxStall,
	}, nil
}

func (h *handler) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/extensions", h.api(methods{http.MethodGet: h.listExtensions, http.MethodPost: h.upload}))
	mux.Handle("/api/v1/extensions/{id}", h.api(methods{http.MethodGet: h.showExtension, http.MethodDelete: h.remove}))
	mux.Handle("/api/v1/extensions/{id}/history", h.api(get(h.history)))
	for verb, members := range verbs() {
		mux.Handle("/api/v1/extensions/{id}/"+string(verb), h.api(methods{http.MethodPost: h.act(verb, members)}))
	}
	mux.Handle("/api/v1/audit", h.api(get(h.audit)))
	mux.Handle("/api/", h.api(methods{"": noRoute}))

	mux.Handle("/admin/{$}", h.page(h.extensionsPage))
	mux.Handle("/admin/sign-in", h.open(h.signIn, http.MethodGet, http.MethodPost))
	mux.Handle("/admin/consent", h.open(h.consent, http.MethodPost))
	mux.Handle("/admin/sign-out", h.open(h.signOut, http.MethodPost))
	mux.Handle("/admin/static/", h.open(h.static, http.MethodGet))
	mux.Handle("/admin/", h.page(h.missingPage))
	mux.Handle("/{$}", h.open(toAdmin, http.MethodGet))
	mux.Handle("/admin", h.open(toAdmin, http.MethodGet))
	// Browsers ask for it whatever the page says.
	mux.Handle("/favicon.ico", h.open(noContent, http.MethodGet))
	mux.Handle("/", h.page(h.missingPage))
	if h.cfg.Metrics != nil {
		mux.Handle("/metrics", h.metrics())
	}
	// The index serves every profile below it but those that need code of their own.
	for path, serve := range map[string]http.HandlerFunc{
		"/debug/pprof/": pprof.Index, "/debug/pprof/profile": pprof.Profile, "/debug/pprof/trace": pprof.Trace,
	} {
		mux.Handle(path, h.api(get(plain(serve))))
	}
	return h.guard(mux)
}

// plain is a route of a handler that writes its errors itself.
func plain(serve http.HandlerFunc) route {
	return func(w http.ResponseWriter, r *http.Request) error {
		serve(w, r)
		return nil
	}
}

// metrics serves the scrape. One family that can not be gathered does not spoil the
// others.
func (h *handler) metrics() http.Handler {
	scrape := promhttp.HandlerFor(h.cfg.Metrics, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError,
		ErrorLog:            slog.NewLogLogger(h.cfg.Log.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
		Timeout:             20 * time.Second,
	})
	return h.api(get(plain(scrape.ServeHTTP)), openIf(h.cfg.MetricsOpen))
}

func toAdmin(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, "/admin/", http.StatusSeeOther)
	return nil
}

func noContent(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}
