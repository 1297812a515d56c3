package web

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/internal/negotiate"
)

const (
	// maxBody bounds what programs may post, bundles and the like aside.
	maxBody = 8 << 10
	// maxForm bounds the forms of pages, of which one with the ids of many extensions is
	// the largest.
	maxForm = 64 << 10
)

// modest is a body of which only so much can be read. The one handler that takes more
// asks for the whole by name.
type modest struct {
	io.ReadCloser
	whole io.ReadCloser
}

// Whole is the body of r without the limit that holds for all routes.
func Whole(r *http.Request) io.Reader {
	if m, ok := r.Body.(*modest); ok {
		return m.whole
	}
	return r.Body
}

// guard is what every request passes first.
func (s *Site) guard(next http.Handler) http.Handler {
	protected := http.NewCrossOriginProtection()
	protected.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.Fail(w, r, NewProblem(http.StatusForbidden, "permission_denied", "a page of another origin sent this request"))
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
		head.Set("Request-Id", negotiate.RequestID(r))
		if why := s.foreign(r.Host); why != "" {
			s.Fail(w, r, NewProblem(http.StatusMisdirectedRequest, "misdirected", why))
			return
		}
		// A copy: the server judges by the body of its own request whether the client
		// still waits to be told to send it.
		bounded := r.WithContext(r.Context())
		most := int64(maxBody)
		if strings.HasPrefix(r.URL.Path, "/admin/") {
			most = maxForm
		}
		bounded.Body = &modest{http.MaxBytesReader(w, r.Body, most), r.Body}
		if !s.Log.Enabled(r.Context(), slog.LevelDebug) {
			inner.ServeHTTP(w, bounded)
			return
		}
		begun, seen := time.Now(), &witness{ResponseWriter: w, status: http.StatusOK}
		inner.ServeHTTP(seen, bounded)
		s.Log.Debug("admin request", "request_id", head.Get("Request-Id"), "method", r.Method, "path", r.URL.Path,
			"status", seen.status, "actor", access.Of(bounded.Context()).Name, "took", time.Since(begun))
	})
}

// witness remembers the status of an answer.
type witness struct {
	http.ResponseWriter
	status int
}

func (w *witness) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (w *witness) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// foreign says why a request under the Host header hostport is not answered, "" for
// nothing: a name under which a foreign web site was loaded is none of ours, whatever
// its DNS says.
func (s *Site) foreign(hostport string) string {
	name := hostName(hostport)
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || slices.Contains(s.Hosts, name) {
		return ""
	}
	addr, err := netip.ParseAddr(name)
	switch {
	case s.Loopback && (err != nil || !addr.Unmap().IsLoopback()):
		return "this listener answers only under localhost, loopback addresses and the names in admin.hosts"
	case !s.Loopback && len(s.Hosts) > 0 && err != nil: // an address is nobody's name
		return "this listener answers only under its addresses and the names in admin.hosts"
	}
	return ""
}

func hostName(hostport string) string {
	name := hostport
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		name = host
	}
	return strings.TrimSuffix(strings.ToLower(strings.Trim(name, "[]")), ".")
}
