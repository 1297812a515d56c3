package storeserve

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

	"github.com/jackfield-host/jackfield/store/server"
)

// config is everything that an administrator can tell `jackfield store serve`.
type config struct {
	server.Config
	listen           string
	tlsCert, tlsKey  string
	metrics          string // auto, none or token
	logFormat        string
	logLevel         slog.Level
	databaseFromFlag bool
}

// defaults is the configuration of a store that was told nothing.
func defaults() *config {
	return &config{listen: "127.0.0.1:3000", metrics: "auto", logFormat: "text", Config: server.Config{Admission: server.Direct, Revocation: "soft"}}
}

// key is one configuration key: its name in store.properties, from which the names of its
// flag and of its environment variable follow.
type key struct {
	name, doc, initial string
	set                func(c *config, value string) error
}

// flag is the name of the key's flag: base.url is --base-url.
func (k key) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.name) }

// env is the name of the key's environment variable: JACKFIELD_STORE_BASE_URL.
func (k key) env() string { return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_")) }

const envPrefix = "JACKFIELD_STORE_"

// keys is every key, in the order of --help.
func keys() []key {
	return []key{
		{"listen", "address of the store", "127.0.0.1:3000", text(func(c *config) *string { return &c.listen })},
		{"base.url", "URL under which clients reach it, with the path prefix if it has one; that of the listener unless it is given", "", func(c *config, v string) error {
			u, err := url.Parse(v)
			if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
				return fmt.Errorf("write https://HOST, with the path prefix if it has one")
			}
			c.BaseURL = u
			return nil
		}},
		{"name", "name of the store in its signed index; the host of base.url unless it is given", "", text(func(c *config) *string { return &c.Name })},
		{"database", "postgres://… for PostgreSQL; a file of SQLite in the folder unless it is given. With a password in it: in the environment or in store.properties", "", text(func(c *config) *string { return &c.Database })},
		{"blobs", "s3://BUCKET?endpoint=… for the files; a folder in the folder unless it is given. Keys: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "", text(func(c *config) *string { return &c.Blobs })},
		{"trust", "folder with the roots that bundles must lead to; trust in the folder unless it is given", "", text(func(c *config) *string { return &c.Trust })},
		{"trust.revocation", "what becomes of a signature when nobody says whether it is revoked: soft accepts it, hard refuses; off does not ask", "soft", choice(func(c *config) *string { return &c.Revocation }, "soft", "hard", "off")},
		{"trust.private_responders", "let addresses of revocation in certificates lead into loopback and private networks", "false", flag(func(c *config) *bool { return &c.PrivateResponders })},
		{"unsigned.unsafe", "for developers: let bundles in that nobody has signed", "false", flag(func(c *config) *bool { return &c.UnsignedUnsafe })},
		{"drop", "folder in the layout of the Jami store that is watched; none unless it is given", "", text(func(c *config) *string { return &c.Drop })},
		{"admission", "what becomes of what passes the checks: direct publishes it, review waits for somebody to approve it", "direct", choice(func(c *config) *server.Admission { return &c.Admission }, server.Direct, server.Review)},
		{"signing.cert", "PEM file with the store's certificate and its chain; an authority of its own in the folder unless it is given", "", text(func(c *config) *string { return &c.SigningCert })},
		{"signing.key", "PEM file with the key of that certificate", "", text(func(c *config) *string { return &c.SigningKey })},
		{"jameica.cert", "PEM file with the certificate by which ZIPs are signed for Jameica, and its chain; one of the store's own in the folder unless it is given", "", text(func(c *config) *string { return &c.JameicaCert })},
		{"jameica.key", "PEM file with the key of that certificate, RSA of 3072 bits or more", "", text(func(c *config) *string { return &c.JameicaKey })},
		{"tls.cert", "PEM file with the certificate for https; it is read again when it changes", "", text(func(c *config) *string { return &c.tlsCert })},
		{"tls.key", "PEM file with its key", "", text(func(c *config) *string { return &c.tlsKey })},
		{"proxies", "addresses or networks of reverse proxies, whose X-Forwarded-For counts, separated by commas", "", func(c *config, v string) (err error) {
			c.Proxies, err = prefixes(v)
			return err
		}},
		{"metrics.auth", "who may read /metrics: auto is none on a loopback address without proxies, else token", "auto", choice(func(c *config) *string { return &c.metrics }, "auto", "none", "token")},
		{"limits.file", "size of the largest file, such as 100M", "", func(c *config, v string) (err error) {
			c.MaxBytes, err = size(v)
			return err
		}},
		{"limits.search", "requests a second of one client that search", "20", number(func(c *config) *int { return &c.SearchRate })},
		{"limits.write", "requests a second of one client that change something", "20", number(func(c *config) *int { return &c.WriteRate })},
		{"timeouts.drain", "time for requests to end when the store stops", "10s", func(c *config, v string) (err error) {
			c.Drain, err = time.ParseDuration(v)
			if err != nil || c.Drain <= 0 || c.Drain > time.Hour {
				return fmt.Errorf("write a time such as 10s, up to 1h")
			}
			return nil
		}},
		{"log.format", "format of the log on stderr", "text", choice(func(c *config) *string { return &c.logFormat }, "text", "json")},
		{"log.level", "least level that is logged: debug, info, warn or error", "info", func(c *config, v string) error {
			if err := c.logLevel.UnmarshalText([]byte(v)); err != nil {
				return fmt.Errorf("write debug, info, warn or error")
			}
			return nil
		}},
	}
}

func text(field func(*config) *string) func(*config, string) error {
	return func(c *config, v string) error {
		if strings.ContainsAny(v, "\x00\r\n") || len(v) > 4096 {
			return fmt.Errorf("write one line of text")
		}
		*field(c) = v
		return nil
	}
}

func choice[S ~string](field func(*config) *S, allowed ...S) func(*config, string) error {
	return func(c *config, v string) error {
		if !slices.Contains(allowed, S(v)) {
			return fmt.Errorf("write one of %v", allowed)
		}
		*field(c) = S(v)
		return nil
	}
}

func flag(field func(*config) *bool) func(*config, string) error {
	return func(c *config, v string) error {
		if v != "true" && v != "false" {
			return fmt.Errorf("write true or false")
		}
		*field(c) = v == "true"
		return nil
	}
}

func number(field func(*config) *int) func(*config, string) error {
	return func(c *config, v string) error {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > 1_000_000 {
			return fmt.Errorf("write a number from 1 to 1000000")
		}
		*field(c) = n
		return nil
	}
}

// size reads a number of bytes, with K, M or G behind it for powers of 1024.
func size(v string) (int64, error) {
	digits, unit := v, int64(1)
	for suffix, factor := range map[string]int64{"K": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if rest, ok := strings.CutSuffix(strings.ToUpper(v), suffix); ok {
			digits, unit = rest, factor
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n < 1 || n > (4<<30)/unit {
		return 0, fmt.Errorf("write a size such as 100M, up to 4G")
	}
	return n * unit, nil
}

func prefixes(v string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for item := range strings.SplitSeq(v, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		p, err := netip.ParsePrefix(item)
		if err != nil {
			addr, err := netip.ParseAddr(item)
			if err != nil {
				return nil, fmt.Errorf("write addresses such as 10.0.0.7 or networks such as 10.0.0.0/8, separated by commas")
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		list = append(list, p.Masked())
	}
	return list, nil
}

// check finds what is wrong between values that are each allowed.
func (c *config) check() []string {
	var problems []string
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		problems = append(problems, "listen: write HOST:PORT")
	}
	for _, pair := range [][4]string{{"tls.cert", c.tlsCert, "tls.key", c.tlsKey}, {"signing.cert", c.SigningCert, "signing.key", c.SigningKey}, {"jameica.cert", c.JameicaCert, "jameica.key", c.JameicaKey}} {
		if (pair[1] == "") != (pair[3] == "") {
			problems = append(problems, pair[0]+" and "+pair[2]+" come together")
		}
	}
	if c.databaseFromFlag {
		if u, err := url.Parse(c.Database); err == nil && u.User != nil {
			if _, secret := u.User.Password(); secret {
				problems = append(problems, "database: a password on the command line is seen by everybody on this machine; set JACKFIELD_STORE_DATABASE, or write it into store.properties")
			}
		}
	}
	return problems
}
