// Package web is what all routes of a store's API share: the table of routes, the one
// place where access to them is checked, problems, bounded bodies and rates.
//
// Handler turns routes into a handler. What it promises: a route runs only for those who
// have the right that it names; what somebody changes is done by the bearer of a token,
// never by a cookie; bodies, the time that they take and the rate of requests are bounded;
// a panic costs the request in which it happened; every error is a problem with a code.
package web

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// Serve answers one request, or returns why it does not.
type Serve func(w http.ResponseWriter, r *http.Request) error

// Cost says which rate a route counts against.
type Cost int

// The costs.
const (
	Cheap      Cost = iota // reads what is in memory: not bounded here
	Search                 // asks the database, or reads a lot
	TextSearch             // Search where the query has the parameter q, else Cheap
	Write                  // changes something
)

// Route is one entry of the table of the API.
type Route struct {
	// Method is that of HTTP; GET stands for HEAD, too.
	Method string
	// Path may have parameters in braces, each a whole segment: Var has them.
	Path  string
	Right Right
	Cost  Cost
	// Body bounds what is sent, in bytes; 0 stands for 64 KiB.
	Body int64
	Doc  *openapi.Doc
	Serve
}

// Tokens knows the tokens.
type Tokens interface {
	// TokenOf returns the token with this hash; an error that is database.ErrNotFound says
	// that there is none.
	TokenOf(ctx context.Context, hash [32]byte) (database.Token, error)
}

// Site is what all routes share. Metrics and Log are required.
type Site struct {
	Tokens  Tokens
	Log     *slog.Logger
	Metrics *Metrics
	// Proxies are the addresses whose X-Forwarded-For counts.
	Proxies []netip.Prefix
	// Rates are how often one client may; the zero value is Rates{}.WithDefaults().
	Rates Rates
	// Stall is how long a file that is sent or fetched may stand still; 0 for 30 s.
	Stall time.Duration
	// Faces answers what is none of the routes, outside of /api/; nil for nobody.
	Faces http.Handler

	zips   negotiate.Gzip
	limits limits
}

// maxBody bounds what programs may send, files aside.
const maxBody = 64 << 10

// Handler serves routes, and nothing else.
func (s *Site) Handler(routes []Route) http.Handler {
	s.limits = newLimits(s.Rates.WithDefaults())
	byPath := map[string]map[string]Route{}
	for _, route := range routes {
		if byPath[route.Path] == nil {
			byPath[route.Path] = map[string]Route{}
		}
		byPath[route.Path][route.Method] = route
	}
	router := mux.NewRouter().SkipClean(true)
	for _, path := range slices.SortedFunc(maps.Keys(byPath), literalFirst) {
		router.Path(path).Handler(s.guard(path, byPath[path]))
	}
	router.NotFoundHandler = s.guard("faces", map[string]Route{})
	return router
}

// literalFirst orders patterns so that the router, which takes the first that matches,
// prefers words to parameters.
func literalFirst(a, b string) int {
	if n := strings.Count(a, "{") - strings.Count(b, "{"); n != 0 {
		return n
	}
	return strings.Compare(a, b)
}

// guard answers the requests to one path, whose methods it has; none for a path that there
// is not.
func (s *Site) guard(path string, methods map[string]Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		seen := &witness{ResponseWriter: w}
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cache-Control", "no-store")
		head.Set("Request-Id", negotiate.RequestID(r))
		method := r.Method
		if _, ok := methods[method]; !ok && method != http.MethodHead {
			method = "other" // labels are of a closed set
		}
		defer s.note(seen, r, path, method, begun)
		defer s.catch(seen, r)
		if err := s.serve(seen, r, methods); err != nil {
			s.Fail(seen, r, err)
		}
	})
}

// serve finds the route for the method of r, if its caller may know of it.
func (s *Site) serve(w http.ResponseWriter, r *http.Request, methods map[string]Route) error {
	if len(methods) == 0 {
		return s.beside(w, r)
	}
	method := r.Method
	if _, ok := methods[method]; !ok && method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := methods[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return NewProblem(MethodNotAllowed, "allowed here: "+allowed)
	}
	caller, err := s.admit(w, r, route)
	if err != nil {
		return err
	}
	cost := route.Cost
	if cost == TextSearch && !r.URL.Query().Has("q") {
		cost = Cheap
	}
	if wait := s.limits.refuse(cost, caller, time.Now()); wait > 0 {
		p := NewProblem(Exhausted, "more requests came from you than one client may send")
		p.Wait = wait
		return p
	}
	r = s.with(r, caller)
	most := route.Body
	if most == 0 {
		most = maxBody
	}
	r.Body = http.MaxBytesReader(raw(w), r.Body, most)
	if method == http.MethodGet {
		w = negotiate.Reply(w, r, &s.zips)
	}
	return route.Serve(w, r)
}

// beside has the faces answer.
func (s *Site) beside(w http.ResponseWriter, r *http.Request) error {
	if s.Faces == nil || strings.HasPrefix(r.URL.Path, "/api/") {
		return NewProblem(NotFound, "the store has no such path")
	}
	caller := Caller{Remote: s.Client(r)}
	cost := Cheap
	if r.URL.Query().Has("q") {
		cost = Search
	}
	if wait := s.limits.refuse(cost, caller, time.Now()); wait > 0 {
		p := NewProblem(Exhausted, "more requests came from you than one client may send")
		p.Wait = wait
		return p
	}
	r = s.with(r, caller)
	r.Body = http.MaxBytesReader(raw(w), r.Body, maxBody)
	s.Faces.ServeHTTP(Pace(w, r), r)
	return nil
}

// Var is a parameter in the path of r.
func Var(r *http.Request, name string) string { return mux.Vars(r)[name] }

// Fail answers err as a problem.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	p := s.problemOf(r, err, w.Header().Get("Request-Id"))
	if seen, ok := w.(*witness); ok && seen.status != 0 {
		panic(http.ErrAbortHandler) // half of an answer is out: let it end as one
	}
	s.write(w, p)
}

// catch makes a problem of a panic.
func (s *Site) catch(w *witness, r *http.Request) {
	v := recover()
	if v == nil {
		return
	}
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	s.Metrics.panics.Inc()
	s.Log.Error("a request ended in a panic", "method", r.Method, "path", r.URL.Path, "request_id", w.Header().Get("Request-Id"), "panic", v, "stack", stack())
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.write(w, s.internal(w.Header().Get("Request-Id")))
}

// note counts a request that was answered.
func (s *Site) note(w *witness, r *http.Request, path, method string, begun time.Time) {
	took := time.Since(begun)
	s.Metrics.observe(path, method, w.status, took)
	if s.Log.Enabled(r.Context(), slog.LevelDebug) {
		s.Log.Debug("request", "request_id", w.Header().Get("Request-Id"), "method", r.Method, "path", r.URL.Path,
			"status", w.status, "took", took)
	}
}

// witness remembers the status of an answer, 0 for none yet.
type witness struct {
	http.ResponseWriter
	status int
}

func (w *witness) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *witness) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// raw is the answer as the server has made it, which it closes the connection behind when
// a body is too large.
func raw(w http.ResponseWriter) http.ResponseWriter {
	if seen, ok := w.(*witness); ok {
		return seen.ResponseWriter
	}
	return w
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }
