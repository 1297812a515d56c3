package bundle

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const maxPermissions = 256

func applyPermissions(m *Manifest, value string) (warning string, err error) {
	if value == "" {
		return "the value is empty", nil
	}
	seen := map[string]bool{}
	for item := range strings.SplitSeq(value, ",") {
		p, err := parsePermission(trimBlanks(item))
		if err != nil {
			return "", err
		}
		if seen[p] {
			warning = fmt.Sprintf("%s stands twice", quote(p))
			continue
		}
		seen[p] = true
		if m.Permissions = append(m.Permissions, p); len(m.Permissions) > maxPermissions {
			return "", fmt.Errorf("more than %d permissions are asked for", maxPermissions)
		}
	}
	return warning, nil
}

// parsePermission returns the permission in its one spelling, so that equal grants
// are equal strings.
func parsePermission(item string) (string, error) {
	kind, detail, hasDetail := strings.Cut(item, ":")
	switch {
	case item == "":
		return "", errors.New("an item between commas is empty")
	case item == "kv" || item == "events":
		return item, nil
	case kind == "net" && hasDetail:
		return parseNetPermission(item, detail)
	case kind == "sql" && hasDetail:
		if len(detail) > 64 || !all(detail, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '-' }) {
			return "", fmt.Errorf("%s: a data source is named by up to 64 letters, digits, _ and -", quote(item))
		}
		return item, nil
	case kind == "call" && hasDetail:
		if err := checkDottedName(detail); err != nil {
			return "", fmt.Errorf("%s: %w", quote(item), err)
		}
		return item, nil
	}
	return "", fmt.Errorf("%s is no permission; there are net:HOST:PORT, kv, sql:NAME, call:TYPE and events", quote(item))
}

func parseNetPermission(item, target string) (string, error) {
	colon := strings.LastIndexByte(target, ':')
	if colon < 0 {
		return "", fmt.Errorf("%s has no port; write net:HOST:PORT", quote(item))
	}
	host, digits := strings.ToLower(target[:colon]), target[colon+1:]
	port, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != digits {
		return "", fmt.Errorf("%s: the port must be a number from 1 to 65535", quote(item))
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !ok || err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", fmt.Errorf("%s: %s is no IPv6 address", quote(item), quote(host))
		}
		return "net:[" + ip.String() + "]:" + digits, nil
	}
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is4() {
		return "net:" + ip.String() + ":" + digits, nil
	}
	if !isHostName(host) {
		return "", fmt.Errorf("%s: %s is no host name; an IPv6 address needs brackets, and there are no wildcards", quote(item), quote(host))
	}
	return "net:" + host + ":" + digits, nil
}

// isHostName takes lower-case names of DNS. A last label of digits alone would be a
// crippled IPv4 address, which resolvers read in several ways.
func isHostName(host string) bool {
	if len(host) > 253 {
		return false
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		if len(label) > 63 || strings.Trim(label, "-") != label ||
			!all(label, func(c byte) bool { return isLetter(c) || isDigit(c) || c == '_' || c == '-' }) {
			return false
		}
		last = label
	}
	return !all(last, isDigit) && !strings.HasPrefix(last, "0x")
}
