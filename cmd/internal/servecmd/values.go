package servecmd

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/host"
)

// kind is how values of one sort are written: read them, show them, and say in an
// error what is allowed.
type kind[T any] struct {
	allowed string
	parse   func(string) (T, bool)
	show    func(T) string
}

func number(least, most int) kind[int] {
	return kind[int]{
		allowed: fmt.Sprintf("a whole number from %d to %d", least, most),
		parse: func(s string) (int, bool) {
			n, err := strconv.Atoi(s)
			return n, err == nil && n >= least && n <= most && s[0] != '+'
		},
		show: strconv.Itoa,
	}
}

// sizeUnits from the largest; the last one is what a bare number means.
func sizeUnits() []struct {
	name  string
	bytes int64
} {
	return []struct {
		name  string
		bytes int64
	}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}}
}

func size(least, most int64) kind[int64] {
	return kind[int64]{
		allowed: fmt.Sprintf("a size from %s to %s, in bytes or with KiB, MiB, GiB", showSize(least), showSize(most)),
		parse: func(s string) (int64, bool) {
			n, ok := parseSize(s)
			return n, ok && n >= least && n <= most
		},
		show: showSize,
	}
}

func parseSize(s string) (int64, bool) {
	for _, unit := range sizeUnits() {
		digits, ok := strings.CutSuffix(s, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || int64(n) > (1<<62)/unit.bytes {
			return 0, false
		}
		return int64(n) * unit.bytes, true
	}
	return 0, false
}

func showSize(n int64) string {
	for _, unit := range sizeUnits() {
		if n >= unit.bytes && n%unit.bytes == 0 {
			return strconv.FormatInt(n/unit.bytes, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

func duration(least, most time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		allowed: fmt.Sprintf("a time from %s to %s, such as 500ms, 30s or 5m", showDuration(least), showDuration(most)),
		parse: func(s string) (time.Duration, bool) {
			d, err := time.ParseDuration(s)
			return d, err == nil && d >= least && d <= most
		},
		show: showDuration,
	}
}

// showDuration writes 1m0s as 1m, the way people do.
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func choice(values ...string) kind[string] {
	return kind[string]{
		allowed: strings.Join(values, " or "),
		parse:   func(s string) (string, bool) { return s, slices.Contains(values, s) },
		show:    func(s string) string { return s },
	}
}

func sandboxMode() kind[host.Sandbox] {
	values := []host.Sandbox{host.SandboxAuto, host.SandboxStrict, host.SandboxOff}
	return kind[host.Sandbox]{
		allowed: "auto or strict or off",
		parse:   func(s string) (host.Sandbox, bool) { return host.Sandbox(s), slices.Contains(values, host.Sandbox(s)) },
		show:    func(m host.Sandbox) string { return string(m) },
	}
}

// users is FIRST-LAST, a range of uids: at least as many as extensions, none of them of
// the system's accounts.
func users() kind[host.Users] {
	const leastUser, leastCount = 1000, 16
	return kind[host.Users]{
		allowed: fmt.Sprintf("a range of uids, such as 1900000000-1900065535: from %d on, %d at least, below 2^31", leastUser, leastCount),
		parse: func(s string) (host.Users, bool) {
			from, to, ok := strings.Cut(s, "-")
			first, err := strconv.ParseUint(from, 10, 31)
			last, errLast := strconv.ParseUint(to, 10, 31)
			if !ok || err != nil || errLast != nil || first < leastUser || last < first || last-first+1 < leastCount {
				return host.Users{}, false
			}
			return host.Users{First: uint32(first), Count: uint32(last - first + 1)}, true
		},
		show: func(u host.Users) string { return fmt.Sprintf("%d-%d", u.First, u.First+u.Count-1) },
	}
}

func boolean() kind[bool] {
	return kind[bool]{
		allowed: "true or false",
		parse:   func(s string) (bool, bool) { return s == "true", s == "true" || s == "false" },
		show:    strconv.FormatBool,
	}
}

func level() kind[slog.Level] {
	return kind[slog.Level]{
		allowed: "debug, info, warn or error",
		parse: func(s string) (slog.Level, bool) {
			var l slog.Level
			ok := slices.Contains([]string{"debug", "info", "warn", "error"}, s) && l.UnmarshalText([]byte(s)) == nil
			return l, ok
		},
		show: func(l slog.Level) string { return strings.ToLower(l.String()) },
	}
}

// address is HOST:PORT to listen on; without a host every interface is meant.
func address() kind[string] {
	return kind[string]{
		allowed: "HOST:PORT, such as 127.0.0.1:8080; port 0 takes any free one",
		parse: func(s string) (string, bool) {
			host, port, err := net.SplitHostPort(s)
			if err != nil {
				return "", false
			}
			_, err = strconv.ParseUint(port, 10, 16)
			return s, err == nil && (host == "" || validHost(host))
		},
		show: func(s string) string { return s },
	}
}

// issuer is the URL of an OpenID provider.
func issuer() kind[string] {
	return kind[string]{
		allowed: "a URL such as https://id.example.org/realm, https unless the provider runs on this machine",
		parse:   func(s string) (string, bool) { return s, host.CheckIssuer(s) == nil },
		show:    func(s string) string { return s },
	}
}

// optional is k, or nothing.
func optional(k kind[string]) kind[string] {
	return kind[string]{
		allowed: k.allowed + ", or nothing",
		parse: func(s string) (string, bool) {
			if s == "" {
				return "", true
			}
			return k.parse(s)
		},
		show: k.show,
	}
}

// publicURL is scheme and host of a listener as others reach it, or nothing.
func publicURL() kind[string] {
	return optional(kind[string]{
		allowed: "a URL without a path, such as https://jackfield.example.org",
		parse:   func(s string) (string, bool) { return strings.TrimSuffix(s, "/"), isOrigin(strings.TrimSuffix(s, "/")) },
		show:    func(s string) string { return s },
	})
}

// words is a comma separated list of words without spaces.
func words() kind[[]string] {
	return list("words, separated by commas", func(s string) bool {
		return s != "" && len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
	})
}

// values is a comma separated list of texts.
func values() kind[[]string] {
	return list("texts of 1 to 128 characters, separated by commas", func(s string) bool {
		_, ok := text(128).parse(s)
		return ok
	})
}

// collector is the URL of an OTLP/HTTP collector, or nothing.
func collector() kind[string] {
	return kind[string]{
		allowed: "a URL such as http://127.0.0.1:4318, or nothing",
		parse: func(s string) (string, bool) {
			u, err := url.Parse(s)
			return s, s == "" || err == nil && (u.Scheme == "http" || u.Scheme == "https") && validHost(u.Hostname()) && u.User == nil && u.RawQuery == "" && u.Fragment == ""
		},
		show: func(s string) string { return s },
	}
}

// updateWindow is a time of the day, on some days.
func updateWindow() kind[host.UpdateWindow] {
	return kind[host.UpdateWindow]{
		allowed: "a time such as 02:00-04:30, 22:00-02:00 mon-fri or 03:00-04:00 sat,sun, or nothing",
		parse: func(s string) (host.UpdateWindow, bool) {
			w, err := host.ParseUpdateWindow(s)
			return w, err == nil
		},
		show: func(w host.UpdateWindow) string { return w.String() },
	}
}

// share is a number from 0 to 1.
func share() kind[float64] {
	return kind[float64]{
		allowed: "a number from 0 to 1, such as 0.05",
		parse: func(s string) (float64, bool) {
			f, err := strconv.ParseFloat(s, 64)
			return f, err == nil && f >= 0 && f <= 1 && strings.Trim(s, "0123456789.") == ""
		},
		show: func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) },
	}
}

// text is any text without control characters.
func text(most int) kind[string] {
	return kind[string]{
		allowed: fmt.Sprintf("a text of 1 to %d characters", most),
		parse: func(s string) (string, bool) {
			return s, s != "" && len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
		},
		show: func(s string) string { return s },
	}
}

// hostNames is a comma separated list of host names, without ports.
func hostNames() kind[[]string] {
	return list("host names without port, separated by commas", validHost)
}

// origins is a comma separated list of web origins.
func origins() kind[[]string] {
	return list("origins such as https://example.org, separated by commas", isOrigin)
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") &&
		validHost(u.Hostname()) && u.Scheme+"://"+u.Host == s
}

func list(allowed string, valid func(string) bool) kind[[]string] {
	return kind[[]string]{
		allowed: allowed,
		parse: func(s string) ([]string, bool) {
			if s == "" {
				return nil, true
			}
			items := strings.Split(s, ",")
			for i, item := range items {
				items[i] = strings.TrimSpace(item)
				if !valid(items[i]) {
					return nil, false
				}
			}
			return items, true
		},
		show: func(items []string) string { return strings.Join(items, ",") },
	}
}

// validHost accepts IP addresses (with a zone, without brackets) and DNS names.
func validHost(s string) bool {
	if _, err := netip.ParseAddr(s); err == nil {
		return true
	}
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
		for _, c := range []byte(label) {
			if !(c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
				return false
			}
		}
	}
	return true
}
