package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// minToken is the length of the shortest token that is accepted, in characters.
const minToken = 16

// maxBody bounds what anybody may post, bundles aside: the sign-in form is the largest.
const maxBody = 8 << 10

// modest is a body of which only maxBody can be read. The one handler that takes more
// asks for the whole by name.
type modest struct {
	io.ReadCloser
	whole io.ReadCloser
}

// whole is the body of r without the limit that holds for all routes.
func whole(r *http.Request) io.Reader {
	if m, ok := r.Body.(*modest); ok {
		return m.whole
	}
	return r.Body
}

// route is a handler that returns its error instead of writing it.
type route func(http.ResponseWriter, *http.Request) error

// guard is what every request passes first.
func (h *handler) guard(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection()
	protected.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.fail(w, r, problem(http.StatusForbidden, "permission_denied", "a page of another origin sent this request"))
	}))
	inner := protected.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; "+
			"connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("X-Frame-Options", "DENY")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		if h.loopback && !localName(r.Host) {
			h.fail(w, r, problem(http.StatusMisdirectedRequest, "misdirected",
				"this listener answers only under localhost and loopback addresses"))
			return
		}
		// A copy: the server judges by the body of its own request whether the client
		// still waits to be told to send it.
		bounded := r.WithContext(r.Context())
		bounded.Body = &modest{http.MaxBytesReader(w, r.Body, maxBody), r.Body}
		inner.ServeHTTP(w, bounded)
	})
}

// localName reports whether a Host header names this machine. A name under which a
// foreign web site was loaded never does, whatever its DNS says.
func localName(hostport string) bool {
	name := hostport
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		name = host
	}
	name = strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Unmap().IsLoopback()
}

// access says whether a route needs a token.
type access bool

func openIf(open bool) access { return access(open) }

// methods is what a path answers, by method; "" stands for all others.
type methods map[string]route

func get(next route) methods { return methods{http.MethodGet: next} }

// api wraps the routes of a path for programs: bearer token, errors as problem+json.
func (h *handler) api(by methods, open ...access) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h.serveAPI(w, r, by, slices.Contains(open, true)); err != nil {
			h.writeProblem(w, r, err)
		}
	})
}

func (h *handler) serveAPI(w http.ResponseWriter, r *http.Request, by methods, open bool) error {
	if !open && !h.bearer(r) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="jackfield"`)
		return problem(http.StatusUnauthorized, "unauthenticated",
			"this needs the header Authorization: Bearer with the administrator's token")
	}
	next, ok := by[r.Method]
	if !ok && r.Method == http.MethodHead {
		next, ok = by[http.MethodGet]
	}
	if !ok {
		next, ok = by[""]
	}
	if !ok {
		return allowMethods(w, r, slices.Sorted(maps.Keys(by))...)
	}
	if h.cfg.RequestAddress != "" && !open {
		w.Header().Set("Request-Listener", h.cfg.RequestAddress)
	}
	return next(w, r)
}

// page wraps a route for signed-in people; others are sent to the sign-in form. A
// program with the token may look at a page too.
func (h *handler) page(next route) http.Handler {
	return h.open(func(w http.ResponseWriter, r *http.Request) error {
		if !h.signedIn(r) && !h.bearer(r) {
			http.Redirect(w, r, "/admin/sign-in", http.StatusSeeOther)
			return nil
		}
		return next(w, r)
	}, http.MethodGet)
}

// open wraps a route that anybody may use.
func (h *handler) open(next route, methods ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := allowMethods(w, r, methods...)
		if err == nil {
			err = next(w, r)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}

func allowMethods(w http.ResponseWriter, r *http.Request, methods ...string) error {
	if slices.Contains(methods, r.Method) || r.Method == http.MethodHead && slices.Contains(methods, http.MethodGet) {
		return nil
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	return problem(http.StatusMethodNotAllowed, "method_not_allowed", "allowed here: "+strings.Join(methods, ", "))
}

// bearer reports whether r carries the administrator's token.
func (h *handler) bearer(r *http.Request) bool {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return ok && strings.EqualFold(scheme, "Bearer") && h.isToken(strings.TrimSpace(token))
}

// isToken compares digests, so that neither content nor length shows in the time.
func (h *handler) isToken(s string) bool {
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], h.token[:]) == 1
}

// fail answers err in the form that the client reads: a page under /admin/, else
// problem+json.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	if strings.HasPrefix(r.URL.Path, "/admin/") && strings.Contains(r.Header.Get("Accept"), "text/html") {
		h.errorPage(w, r, err)
		return
	}
	h.writeProblem(w, r, err)
}
