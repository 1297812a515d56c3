package dial

import (
	"fmt"
	"net/netip"
)

// refusedAddress says that a granted name leads where no name may lead.
type refusedAddress struct {
	ip   netip.Addr
	what string
}

func (e *refusedAddress) Error() string {
	return fmt.Sprintf("it resolves to %s, %s, which a name does not reach: grant the address itself", e.ip, e.what)
}

// checkResolved judges an address that a granted name has resolved to, at the moment
// at which it is connected to. Whoever answers for the name chooses its address, and
// must not choose this machine, nor what only this machine's neighbourhood can reach.
// Private networks are fine: that is where a company's services are.
func checkResolved(ip netip.Addr) error {
	for _, at := range append(embedded(ip), ip.Unmap().WithZone("")) {
		if what := forbidden(at); what != "" {
			return &refusedAddress{ip: ip, what: what}
		}
	}
	return nil
}

// forbidden says what is wrong with an address, "" if nothing is.
func forbidden(ip netip.Addr) string {
	switch {
	case !ip.IsValid():
		return "no address"
	case ip.IsLoopback():
		return "a loopback address"
	case ip.IsUnspecified(), netip.MustParsePrefix("0.0.0.0/8").Contains(ip):
		return "an address of no machine"
	case ip.IsLinkLocalUnicast():
		return "a link-local address"
	case ip.IsMulticast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "an address of many machines"
	}
	for _, metadata := range metadataServices() {
		if ip == metadata {
			return "the metadata service of a cloud"
		}
	}
	return ""
}

// metadataServices are the addresses at which clouds hand out a machine's credentials,
// where they are not link-local anyway: of AWS and Google over IPv6, Alibaba and Oracle.
func metadataServices() []netip.Addr {
	return []netip.Addr{
		netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("fd20:ce::254"),
		netip.MustParseAddr("100.100.100.200"), netip.MustParseAddr("192.0.0.192"),
	}
}

// embedded returns the IPv4 addresses that an IPv6 address leads to by translation or
// in a tunnel: IPv4-compatible, SIIT, NAT64 and 6to4.
func embedded(ip netip.Addr) []netip.Addr {
	if !ip.Is6() || ip.Is4In6() || ip.IsLoopback() {
		return nil
	}
	b := ip.As16()
	last := netip.AddrFrom4([4]byte(b[12:]))
	plain := ip.WithZone("")
	for _, prefix := range []string{"::/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48"} {
		if netip.MustParsePrefix(prefix).Contains(plain) {
			return []netip.Addr{last}
		}
	}
	if netip.MustParsePrefix("2002::/16").Contains(plain) {
		return []netip.Addr{netip.AddrFrom4([4]byte(b[2:6]))}
	}
	return nil
}
