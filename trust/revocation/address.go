package revocation

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// newTransport returns the transport that follows addresses out of certificates. It
// checks where a connection leads after the name was resolved, uses no proxy, which would
// resolve it elsewhere, and keeps no connection open.
func newTransport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{
		Timeout: 10 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error { return checkAddress(address, allowPrivate) },
	}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
		TLSHandshakeTimeout:    10 * time.Second,
	}
}

// checkAddress judges an address that is about to be connected to, "ip:port". Certificates
// are written by strangers: theirs must not lead to this machine or its neighbourhood.
func checkAddress(address string, allowPrivate bool) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s is no address", address)
	}
	ip := at.Addr().Unmap().WithZone("")
	for _, ip := range append(embedded(ip), ip) {
		what, private := forbidden(ip)
		if what != "" && !(private && allowPrivate) {
			hint := ""
			if private {
				hint = "; it is asked only if private addresses are allowed"
			}
			return fmt.Errorf("it leads to %s, %s%s", ip, what, hint)
		}
	}
	return nil
}

// forbidden says what is wrong with an address, "" if nothing is; private if an
// administrator can allow it.
func forbidden(ip netip.Addr) (what string, private bool) {
	switch {
	case ip.IsLoopback():
		return "a loopback address", true
	case ip.IsUnspecified(), within(ip, "0.0.0.0/8"):
		return "an address of no machine", false
	case ip.IsLinkLocalUnicast():
		return "a link-local address", false
	case ip.IsMulticast(), within(ip, "240.0.0.0/4"):
		return "an address of many machines or none", false
	// AWS and Google over IPv6, Alibaba, Oracle; the others are link-local.
	case within(ip, "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32"):
		return "the metadata service of a cloud", false
	// Private, carriers' and benchmark networks: RFC 1918, 4193, 6598, 2544, 3879; 192.0.0.0/24.
	case ip.IsPrivate(), within(ip, "100.64.0.0/10", "198.18.0.0/15", "192.0.0.0/24", "fec0::/10"):
		return "an address of a private network", true
	}
	return "", false
}

// embedded returns the IPv4 address that an IPv6 address leads to by translation or in a
// tunnel: IPv4-compatible, SIIT, NAT64 and 6to4.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() || ip.IsLoopback() || ip.IsUnspecified() {
		return nil
	}
	b := ip.As16()
	if within(ip, "::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48") {
		return []netip.Addr{netip.AddrFrom4([4]byte(b[12:]))}
	}
	if within(ip, "2002::/16") {
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	}
	return nil
}

func within(ip netip.Addr, prefixes ...string) bool {
	for _, prefix := range prefixes {
		if netip.MustParsePrefix(prefix).Contains(ip) {
			return true
		}
	}
	return false
}
