// Package edge is the request listener's handler: it decodes a request, has the
// router answer it, and encodes the answer. Call New and give the result to an
// http.Server.
//
// What is promised to clients: every answer that is not a success is
// application/problem+json with a code of the closed set (status.go), no text in it
// comes from an internal cause, and every answer carries a Request-Id. A client may
// send its own Request-Id of 1 to 64 letters, digits and ._- ; any other is
// replaced. No byte from a client or an extension makes the handler answer 500, and
// no answer of an extension runs as a page in a browser.
//
// The caller of New sets on its http.Server:
//
//	ReadHeaderTimeout: 10 * time.Second // slow headers; bodies are bounded here
//	IdleTimeout:       2 * time.Minute
//	MaxHeaderBytes:    64 << 10
//	WriteTimeout:      the longest timeouts.request + 30 s, for slow readers
//
// and leaves ReadTimeout at 0, or well above the longest timeouts.request: a body
// must arrive before its request's own deadline, which is set here, and net/http
// takes a read timeout that passes for a client that went away.
package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"

	"github.com/jackfield-host/jackfield/host/internal/edge/duplex"
	"github.com/jackfield-host/jackfield/host/internal/router"
	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/sdk"
)

// Config is what New needs. Router and Log are required.
type Config struct {
	Router *router.Router
	// Ready reports whether the host is ready; nil means always.
	Ready func() bool
	// Validate checks JSON payloads against the schemas of their types.
	Validate bool
	// Dev puts causes into the messages of internal errors.
	Dev bool
	// Hosts are the names, each with or without a port, under which clients may
	// address the listener besides its own address. On a loopback address localhost
	// and all loopback addresses are its own.
	Hosts []string
	// Origins are the web origins, https://maps.example.com for one, whose pages may
	// send requests.
	Origins []string
	// MaxTimeout bounds a request together with its route's timeout; 0 means the
	// route's alone.
	MaxTimeout time.Duration
	// WriteTimeout, ReadTimeout and PingEvery are those of duplex.Config, for the
	// connections that carry many requests. Zero means the defaults.
	WriteTimeout, ReadTimeout, PingEvery time.Duration
	// Tracer makes spans of requests; nil makes none, and costs nothing.
	Tracer Tracer
	// Auth tells who asks; nil lets everybody, without a name.
	Auth Authenticator
	Log  *slog.Logger
	// Version is the host's, shown in the OpenAPI document.
	Version string
}

// Check reports every entry of Hosts and Origins that can not be meant. New leaves
// these out: what is malformed is not trusted.
func (c *Config) Check() error {
	_, hosts := newHostNames(c.Hosts)
	_, origins := newOriginGuard(c.Origins)
	return errors.Join(hosts, origins)
}

type edge struct {
	cfg      Config
	router   *router.Router
	log      *slog.Logger
	paths    *mux.Router
	hosts    hostNames
	origins  *originGuard
	statuses map[sdk.Code]status
	bodies   bodyPool
	pool     exchangePool
	gzips    negotiate.Gzip
	types    document
	openapi  document
	shared   sharedHeaders
	lines    *duplex.Lines
	limit    atomic.Pointer[lineLimit]
}

// sharedHeaders are the values that many answers have: header maps may share them,
// since nobody appends to a value here.
type sharedHeaders struct{ nosniff, sandbox, sameOrigin, problem, json []string }

// Handler is the handler of the request listener, with what outlives a request: Run
// looks after the connections that carry many, and Shutdown ends these in good order,
// beside the Shutdown of the http.Server, which does not see WebSockets.
type Handler struct{ *edge }

// New returns the handler of the request listener. Run must follow, for WebSockets and
// batches to have an end.
func New(cfg Config) Handler {
	e := &edge{
		cfg: cfg, router: cfg.Router, log: cfg.Log, statuses: map[sdk.Code]status{},
		shared: sharedHeaders{
			nosniff:    []string{"nosniff"},
			sandbox:    []string{"sandbox; default-src 'none'; frame-ancestors 'none'"},
			sameOrigin: []string{"same-origin"},
			problem:    []string{"application/problem+json"},
			json:       []string{"application/json"},
		},
	}
	for _, s := range statuses() {
		e.statuses[s.code] = s
	}
	var badHosts, badOrigins error
	e.hosts, badHosts = newHostNames(cfg.Hosts)
	e.origins, badOrigins = newOriginGuard(cfg.Origins)
	if err := errors.Join(badHosts, badOrigins); err != nil {
		e.log.Warn("leaving malformed names out of those that may use the request listener", "err", err)
	}
	e.types.build, e.openapi.build = e.buildTypes, e.buildOpenAPI
	e.paths = mux.NewRouter().UseEncodedPath()
	e.handle("/v1/requests/{type}", resource{post: e.request})
	e.handle("/v1/types", resource{get: e.listTypes})
	e.handle("/v1/types/{type}", resource{get: e.showType})
	e.handle("/v1/openapi.json", resource{get: e.showOpenAPI})
	e.lines = e.newLines()
	e.handle("/v1/batch", resource{post: e.batch})
	e.handle("/v1/connect", resource{get: e.connect})
	e.handle("/v1/projects/{project}/parameters", resource{get: e.parameters})
	e.handle("/healthz", resource{get: e.healthz, open: true})
	e.handle("/readyz", resource{get: e.readyz, open: true})
	return Handler{e}
}

// resource is what lies at one path: a handler for GET (and HEAD), or one for POST.
// It is an http.Handler only because mux wants one.
type resource struct {
	get, post handler
	open      bool // to everybody, whoever may send requests
}

type handler func(x *exchange) error

func (*resource) ServeHTTP(http.ResponseWriter, *http.Request) {}

func (res *resource) allow() string {
	if res.get != nil {
		return "GET, HEAD, OPTIONS"
	}
	return "POST, OPTIONS"
}

func (e *edge) handle(path string, res resource) { e.paths.Handle(path, &res) }

// exchange is one HTTP request and its answer.
type exchange struct {
	w       http.ResponseWriter
	r       *http.Request
	start   time.Time
	id      string
	caller  sdk.Caller    // who asks, verified; the zero value for an anonymous caller
	typ     string        // the {type} of the path, as it was sent
	project string        // the {project} of the path, as it was sent
	route   *router.Route // who answers, nil as long as that is unknown
	status  int           // 0 until the answer has begun
	code    sdk.Code      // of the problem that was answered, "" for none
	counted bool          // the router has counted the request
	unread  bool          // the body has not been read to its end
	broken  bool          // and never will be

	span     Span        // nil unless requests are traced
	request  sdk.Request // what a backend gets; see exchangePool
	reusable bool        // nobody else can be reading the exchange any more
}

// ServeHTTP answers one request.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := e.pool.get()
	x.w, x.r, x.start, x.id = w, r, time.Now(), negotiate.RequestID(r)
	x.unread = r.Body != nil && r.Body != http.NoBody
	e.respond(x)
	e.pool.put(x)
}

func (e *edge) respond(x *exchange) {
	defer e.finish(x)
	h := x.w.Header()
	h["X-Content-Type-Options"] = e.shared.nosniff
	h["Content-Security-Policy"] = e.shared.sandbox
	h["Cross-Origin-Resource-Policy"] = e.shared.sameOrigin
	h["Request-Id"] = []string{x.id}
	if err := e.dispatch(x); err != nil {
		e.problem(x, err)
	}
}

func (e *edge) dispatch(x *exchange) error {
	if !e.hosts.allow(x.r) {
		return sdk.Errorf(misdirected, "this listener is not %s; requests.hosts names what else it is called", quote(x.r.Host))
	}
	if err := e.origins.check(x); err != nil {
		return err
	}
	if encoded, ok := hotType(x.r); ok {
		if err := e.authenticate(x); err != nil {
			e.router.Count(nil, sdk.CodeOf(err))
			return err
		}
		x.typ = encoded
		return e.request(x)
	}
	var match mux.RouteMatch
	found := e.paths.Match(x.r, &match)
	// A preflight carries no token, and is answered with what is no secret.
	if !found || !match.Handler.(*resource).open && x.r.Method != http.MethodOptions {
		if err := e.authenticate(x); err != nil {
			return err
		}
	}
	if !found {
		return sdk.Errorf(sdk.NotFound, "there is nothing at %s", quote(x.r.URL.Path))
	}
	x.typ, x.project = match.Vars["type"], match.Vars["project"]
	res := match.Handler.(*resource)
	switch m := x.r.Method; {
	case m == http.MethodPost && res.post != nil:
		return res.post(x)
	case (m == http.MethodGet || m == http.MethodHead) && res.get != nil:
		return res.get(x)
	case m == http.MethodOptions:
		e.origins.preflight(x, res.allow())
		x.w.Header().Set("Allow", res.allow())
		x.begin(http.StatusNoContent)
		return nil
	default:
		x.w.Header().Set("Allow", res.allow())
		return sdk.Errorf(methodNotAllowed, "%s is not among the methods of %s: %s", quote(m), quote(x.r.URL.Path), res.allow())
	}
}

// begin sends the status and the headers.
func (x *exchange) begin(status int) {
	x.status = status
	x.leaveBody()
	x.w.WriteHeader(status)
}

// finish turns a panic into a problem and writes the log line of the request.
func (e *edge) finish(x *exchange) {
	if v := recover(); v != nil {
		if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(v)
		}
		e.log.Error("request listener panicked", "request_id", x.id, x.traced(), "path", x.r.URL.Path, "panic", v, "stack", string(debug.Stack()))
		if x.status != 0 { // too late for a problem: cut the connection
			panic(http.ErrAbortHandler)
		}
		message := "the host failed while it answered"
		if e.cfg.Dev {
			message = fmt.Sprintf("%s: %v", message, v)
		}
		e.problem(x, sdk.Errorf(sdk.Internal, "%s", message))
	}
	if x.span != nil {
		x.span.End(x.status, x.code)
	}
	if e.log.Enabled(context.Background(), slog.LevelDebug) {
		e.logRequest(x)
	}
}

func (e *edge) logRequest(x *exchange) {
	attrs := []slog.Attr{
		slog.String("request_id", x.id), x.traced(), slog.String("method", x.r.Method), slog.String("path", x.r.URL.Path),
		slog.Int("status", x.status), slog.String("code", string(x.code)), slog.Duration("took", time.Since(x.start)),
	}
	if x.route != nil {
		attrs = append(attrs, slog.String("ext", x.route.Extension), slog.String("version", x.route.Version))
	}
	e.log.LogAttrs(context.Background(), slog.LevelDebug, "request", attrs...)
}
