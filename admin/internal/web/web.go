// Package web is what the admin API and the admin page share: the table of routes and
// the one place where access to them is checked, problems, bounded bodies, uploads.
//
// Handler turns routes into a handler. What it promises: a request under a foreign
// name or from a page of another origin goes no further; a route runs only for those
// who have the right that it names; a POST of a page carries the proof of its session;
// bodies are bounded; an error of a route is answered in the form that the client
// reads.
package web

import (
	"crypto/subtle"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/negotiate"
)

// Serve answers one request, or returns why it does not.
type Serve func(w http.ResponseWriter, r *http.Request) error

// Route is one entry of the table of the admin listener.
type Route struct {
	// Method is that of HTTP; GET stands for HEAD, too, and "" for all others.
	Method string
	// Path is a pattern of http.ServeMux without a method. {id} in it is the extension
	// that the right is asked for.
	Path  string
	Right access.Right
	// Page says that the route is for people: it is opened by the session, and those
	// who have none are sent to the sign-in form.
	Page bool
	// OwnProof, of a page, says that the route itself checks the proof of the form,
	// which is not at the beginning of its body.
	OwnProof bool
	// Scoped says that the route itself keeps to the extensions of a token that is
	// limited to some. Others whose path has no {id} are closed to such a token.
	Scoped bool
	// Early says that the route is for people, too, who have to change their password
	// first.
	Early bool
	// Doc describes a route of the API; nil for pages.
	Doc   *Doc
	Serve Serve
}

// Site is what all routes share.
type Site struct {
	Access *access.Control
	Log    *slog.Logger
	// Loopback says that the listener is for this machine only: it answers only under
	// names of this machine.
	Loopback bool
	// Hosts are the names under which the listener answers besides addresses; without
	// any, one that is not Loopback answers under all.
	Hosts []string
	// RequestAddress is told to programs in the header Request-Listener, if it is set.
	RequestAddress string
	// ErrorPage answers a person what a program gets as a problem.
	ErrorPage func(w http.ResponseWriter, r *http.Request, p *Problem) error

	zips      negotiate.Gzip
	strangers strangers
}

// Handler serves routes, and nothing else.
func (s *Site) Handler(routes []Route) http.Handler {
	byPath := map[string]map[string]Route{}
	for _, route := range routes {
		if byPath[route.Path] == nil {
			byPath[route.Path] = map[string]Route{}
		}
		byPath[route.Path][route.Method] = route
	}
	mux := http.NewServeMux()
	for path, methods := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if err := s.serve(w, r, methods); err != nil {
				s.Fail(w, r, err)
			}
		})
	}
	return s.guard(mux)
}

// serve finds the route for the method of r, if its caller may know of it.
func (s *Site) serve(w http.ResponseWriter, r *http.Request, methods map[string]Route) error {
	method := r.Method
	if _, ok := methods[method]; !ok && method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := methods[method]
	if !ok {
		route, ok = methods[""]
	}
	if !ok { // strangers do not learn of methods either
		for _, any := range methods {
			route = Route{Path: any.Path, Right: any.Right, Page: any.Page, OwnProof: true, Scoped: any.Scoped, Early: any.Early}
			if route.Right != access.Open {
				route.Right = access.See
			}
		}
	}
	r, err := s.admit(w, r, route)
	if err != nil || r == nil {
		return err
	}
	if !ok {
		allowed := slices.Sorted(maps.Keys(methods))
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return NewProblem(http.StatusMethodNotAllowed, "method_not_allowed", "allowed here: "+strings.Join(allowed, ", "))
	}
	if method == http.MethodGet {
		w = negotiate.Reply(w, r, &s.zips)
	}
	return route.Serve(w, r)
}

// admit returns r with the identity of its caller, who has the right to the route; nil
// when the request is answered already.
func (s *Site) admit(w http.ResponseWriter, r *http.Request, route Route) (*http.Request, error) {
	who := s.Access.Bearer(r)
	if post := r.Method == http.MethodPost; route.Page && (post || !who.Known()) {
		who = s.Access.Session(r) // programs look at pages, and change things through the API
	}
	*r = *r.WithContext(access.With(r.Context(), who)) // in place: an error page is theirs, too
	if route.Right == access.Open {
		return r, nil
	}
	switch {
	case !who.Known() && route.Page:
		http.Redirect(w, r, signInFor(r), http.StatusSeeOther)
		return nil, nil
	case !who.Known():
		w.Header().Set("WWW-Authenticate", `Bearer realm="jackfield"`)
		if r.Header.Get("Authorization") != "" {
			if wait := s.strangers.refuse(access.Remote(r), time.Now()); wait > 0 {
				p := NewProblem(http.StatusTooManyRequests, "exhausted", "too many wrong tokens came from this address")
				p.Wait = wait
				return nil, p
			}
		}
		return nil, NewProblem(http.StatusUnauthorized, "unauthenticated", "this needs the header Authorization: Bearer with a token")
	case who.MustChange && !route.Early:
		if route.Page {
			http.Redirect(w, r, PasswordPage, http.StatusSeeOther)
			return nil, nil
		}
		return nil, NewProblem(http.StatusForbidden, "permission_denied", "the password of "+who.Name+" has to be changed first")
	case !s.may(who, route, r):
		return nil, NewProblem(http.StatusForbidden, "permission_denied", "this needs the right to "+string(route.Right)+", which "+who.Name+" does not have here")
	}
	if s.RequestAddress != "" && !route.Page {
		w.Header().Set("Request-Listener", s.RequestAddress)
	}
	if route.Page && r.Method == http.MethodPost && !route.OwnProof {
		if err := CheckProof(r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// signInFor is the sign-in form, which leads back to what r asks for.
func signInFor(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == "/admin/" || !strings.HasPrefix(r.URL.Path, "/admin/") {
		return "/admin/sign-in"
	}
	return "/admin/sign-in?next=" + url.QueryEscape(r.URL.RequestURI())
}

// may reports whether who has the right to the route.
func (s *Site) may(who access.Identity, route Route, r *http.Request) bool {
	if route.Scoped {
		who.Only = nil
	}
	return who.May(route.Right, r.PathValue("id"))
}

// PasswordPage is where people change their password; those who have to are led there.
const PasswordPage = "/admin/password"

// CheckProof refuses a form that no page of this session has sent.
func CheckProof(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return Invalid("the form can not be read")
	}
	return checkProof(r, r.PostForm.Get("proof"))
}

func checkProof(r *http.Request, proof string) error {
	want := access.Of(r.Context()).Proof
	if want == "" || subtle.ConstantTimeCompare([]byte(want), []byte(proof)) != 1 {
		return NewProblem(http.StatusForbidden, "permission_denied", "this form is not of your session; load the page again")
	}
	return nil
}

// Actor is who sent r, as the audit trail keeps it.
func Actor(r *http.Request) host.Actor {
	return host.Actor{Name: access.Of(r.Context()).Name, Remote: access.Remote(r)}
}

// Fail answers err in the form that the client reads: a page under /admin/, else
// problem+json.
func (s *Site) Fail(w http.ResponseWriter, r *http.Request, err error) {
	id := w.Header().Get("Request-Id")
	p := s.asProblem(r, err, id)
	p.RequestID = id
	if strings.HasPrefix(r.URL.Path, "/admin/") && strings.Contains(r.Header.Get("Accept"), "text/html") && s.ErrorPage != nil {
		if err = s.ErrorPage(w, r, p); err == nil {
			return
		}
		p = s.asProblem(r, err, id)
		p.RequestID = id
	}
	s.writeProblem(w, p)
}
