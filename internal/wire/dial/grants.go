package dial

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// Grants is the set of addresses that an extension may have dialled. The zero value
// grants nothing.
type Grants struct {
	targets map[string]struct{} // in the spelling of target.String
	asked   map[string]struct{} // those that are not granted are told apart in errors
}

// ParseGrants takes the permissions that were granted and keeps those of the form
// net:HOST:PORT. The others are none of its business.
func ParseGrants(permissions []string) (Grants, error) {
	targets, err := parseTargets(permissions)
	return Grants{targets: targets}, err
}

// Asked returns g with the permissions that the manifest asks for, so that a refusal can
// say whose turn it is. It grants nothing.
func (g Grants) Asked(permissions []string) (Grants, error) {
	asked, err := parseTargets(permissions)
	return Grants{targets: g.targets, asked: asked}, err
}

func parseTargets(permissions []string) (map[string]struct{}, error) {
	targets := make(map[string]struct{})
	for _, p := range permissions {
		address, ok := strings.CutPrefix(strings.TrimSpace(p), "net:")
		if !ok {
			continue
		}
		t, err := parseTarget(address)
		if err != nil {
			return nil, fmt.Errorf("the permission %s: %w", quoted(p), err)
		}
		targets[t.String()] = struct{}{}
	}
	return targets, nil
}

// Len is how many addresses are granted.
func (g Grants) Len() int { return len(g.targets) }

// allow reports whether t is granted; if not, the error says which line of the
// manifest is missing.
func (g Grants) allow(t target) *sdk.Error {
	if _, ok := g.targets[t.String()]; ok {
		return nil
	}
	if _, ok := g.asked[t.String()]; ok {
		return sdk.Errorf(sdk.PermissionDenied, "connecting to %s is not granted: an administrator has denied net:%s, or taken it back", t, t)
	}
	return sdk.Errorf(sdk.PermissionDenied,
		"connecting to %s is not granted: the manifest's extension_permissions would need net:%s", t, t)
}

// target is a host and port in the one spelling in which grants are compared.
type target struct {
	host string     // lower case, without a dot at its end; "" for a literal
	ip   netip.Addr // of a literal, else the zero value
	port uint16
}

// String is HOST:PORT as a manifest spells it.
func (t target) String() string {
	host := t.host
	if t.ip.IsValid() {
		host = t.ip.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(int(t.port)))
}

// mayBeAnywhere says that the grant itself names the machine, so that its addresses
// need no judging: the administrator has consented to exactly this one.
func (t target) mayBeAnywhere() bool { return t.ip.IsValid() || t.host == "localhost" }

// parseTarget reads HOST:PORT. Its errors are *sdk.Errors with InvalidArgument.
func parseTarget(address string) (target, error) {
	if len(address) > maxAddress {
		return target{}, sdk.Errorf(sdk.InvalidArgument, "the address has %d bytes, the limit is %d", len(address), maxAddress)
	}
	host, digits, err := net.SplitHostPort(address)
	if err != nil {
		return target{}, sdk.Errorf(sdk.InvalidArgument, "%s is not HOST:PORT, as in example.org:443 or [::1]:443", quoted(address))
	}
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != digits {
		return target{}, sdk.Errorf(sdk.InvalidArgument, "%s: the port must be a number from 1 to 65535", quoted(address))
	}
	t := target{port: uint16(port)}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.Zone() != "" {
			return target{}, sdk.Errorf(sdk.InvalidArgument, "%s: an address with a zone can not be granted", quoted(address))
		}
		t.ip = ip
		return t, nil
	}
	t.host = lowerASCII(strings.TrimSuffix(host, "."))
	if !hostName(t.host) {
		return target{}, sdk.Errorf(sdk.InvalidArgument,
			"%s: %s is no host name; names with other letters than ASCII are written in their xn-- form", quoted(address), quoted(host))
	}
	return t, nil
}

// lowerASCII is strings.ToLower that leaves foreign letters alone: the Kelvin sign is
// no k here.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// hostName takes lower-case names of DNS.
func hostName(s string) bool {
	if len(s) == 0 || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) == 0 || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			default:
				return false
			}
		}
	}
	return true
}
