package edge

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// hostNames are the names under which the listener may be addressed, in lower case,
// with or without a port. Checking them keeps a foreign page from reaching a local
// listener by pointing its own name at it (DNS rebinding).
type hostNames map[string]bool

func newHostNames(configured []string) (hostNames, error) {
	names := hostNames{}
	var errs []error
	for _, entry := range configured {
		name, port := splitHost(entry)
		if name == "" || strings.ContainsAny(name, "/@*? \t") || strings.Trim(port, "0123456789") != "" {
			errs = append(errs, fmt.Errorf("the host %q is no name or address", entry))
			continue
		}
		names[joinHost(name, port)] = true
	}
	return names, errors.Join(errs...)
}

// allow reports whether r is addressed to this listener: by a configured name, by
// the address on which its connection arrived, or, where that is a loopback
// address or a socket file, by localhost or any loopback address.
func (names hostNames) allow(r *http.Request) bool {
	name, port := splitHost(r.Host)
	if name == "" {
		return false
	}
	if len(names) > 0 && (names[name] || names[joinHost(name, port)]) {
		return true
	}
	var local netip.Addr
	loopback := false
	switch addr := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.TCPAddr:
		local = addr.AddrPort().Addr().Unmap()
		loopback = local.IsLoopback()
	case *net.UnixAddr:
		loopback = true
	}
	if name == "localhost" {
		return loopback
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		addr = addr.Unmap()
		return local.IsValid() && addr == local.WithZone("") || loopback && addr.IsLoopback()
	}
	return false
}

// splitHost takes the port and the brackets of an IPv6 address off, and writes the
// name in one way.
func splitHost(host string) (name, port string) {
	name = host
	if strings.HasPrefix(host, "[") || strings.Count(host, ":") == 1 {
		if n, p, err := net.SplitHostPort(host); err == nil {
			name, port = n, p
		} else {
			name = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		}
	}
	return strings.ToLower(strings.TrimSuffix(name, ".")), port
}

func joinHost(name, port string) string {
	if port == "" {
		return name
	}
	return net.JoinHostPort(name, port)
}

// originGuard keeps foreign pages from sending requests, and lets those of the
// configured origins send them and read the answers (CORS).
type originGuard struct {
	protection *http.CrossOriginProtection
	trusted    map[string]bool
}

func newOriginGuard(configured []string) (*originGuard, error) {
	g := &originGuard{protection: http.NewCrossOriginProtection(), trusted: map[string]bool{}}
	var errs []error
	for _, origin := range configured {
		if err := g.protection.AddTrustedOrigin(origin); err != nil {
			errs = append(errs, err)
			continue
		}
		g.trusted[origin] = true
	}
	return g, errors.Join(errs...)
}

// check refuses what a page of another origin sends, and marks the answer as
// readable for a trusted one.
func (g *originGuard) check(x *exchange) error {
	if err := g.protection.Check(x.r); err != nil {
		return sdk.Errorf(sdk.PermissionDenied, "a page of another origin may not send requests; requests.origins names those that may")
	}
	if len(g.trusted) == 0 {
		return nil
	}
	h := x.w.Header()
	h.Add("Vary", "Origin")
	if origin := x.r.Header.Get("Origin"); g.trusted[origin] {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "Response-Type, Extension-Id, Extension-Version, Request-Id, Retry-After")
	}
	return nil
}

// checkUpgrade refuses to open a WebSocket for a page of another origin. A browser
// sends Origin with every upgrade, and asks nobody before; GET is nothing that check
// looks at.
func (g *originGuard) checkUpgrade(r *http.Request) error {
	origins := r.Header["Origin"]
	if len(origins) == 0 || len(origins) == 1 && g.trusted[origins[0]] {
		return nil
	}
	if len(origins) == 1 {
		if u, err := url.Parse(origins[0]); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
			return nil
		}
	}
	return sdk.Errorf(sdk.PermissionDenied, "a page of another origin may not open a connection; requests.origins names those that may")
}

// preflight answers a browser that asks what a page of a trusted origin may send.
func (g *originGuard) preflight(x *exchange, methods string) {
	h := x.w.Header()
	if x.r.Header.Get("Access-Control-Request-Method") == "" || !g.trusted[x.r.Header.Get("Origin")] {
		return
	}
	h.Set("Access-Control-Allow-Methods", methods)
	h.Set("Access-Control-Allow-Headers", "Content-Type, Request-Timeout, Request-Id")
	h.Set("Access-Control-Max-Age", "600")
}
