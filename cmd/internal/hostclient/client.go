// Package hostclient is how commands talk to a running host: AddFlags gives a command
// --home, --host and --token, Connect finds the host by them, and Ask sends one question
// to its admin API. What it refuses is an error that says what, which and what next.
//
// The token goes into one header of requests to that host: never into a log, an error or
// another process.
package hostclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/https"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

// expectTime is how long an upload waits for the word that it may come: a host that
// refuses it says so before a byte is sent.
const expectTime = 5 * time.Second

// Target is where the flags say that the host is.
type Target struct{ Home, Host, Token, Requests string }

// AddFlags gives cmd, and what is below it, the flags that say where the host is.
func (t *Target) AddFlags(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVar(&t.Home, "home", "", "home folder of the running host (JMAP_HOME, else ./jmap-home)")
	flags.StringVar(&t.Host, "host", "", "URL of its admin listener, such as http://127.0.0.1:8081 (JACKFIELD_HOST)")
	flags.StringVar(&t.Token, "token", "", "administrator's token; others on this machine can see it, JACKFIELD_TOKEN is safer")
}

// Elsewhere reports whether the host is named by its address, so that its home may not be
// on this machine.
func (t *Target) Elsewhere() bool {
	return t.Host != "" || t.Home == "" && os.Getenv("JACKFIELD_HOST") != ""
}

// Client talks to one host.
type Client struct {
	// Admin and Requests are its listeners; Requests is nil until somebody has told.
	Admin, Requests *url.URL
	HTTP            *http.Client
	// Bearer is for requests; empty when they carry none.
	Bearer string

	// token is for the admin API only; tokenErr says why there is none.
	token    string
	tokenErr error
}

// Connect finds the host. It sends nothing yet.
func (t *Target) Connect() (*Client, error) {
	c := &Client{HTTP: &http.Client{
		// A host never redirects its API; the token must not follow anybody.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		// Proxies of the environment are for the world, not for this host: the
		// token stays between the two.
		Transport: &http.Transport{Proxy: nil, ExpectContinueTimeout: expectTime},
	}}
	address, requests := t.Host, t.Requests
	c.token = t.Token
	if t.Home == "" { // a flag goes before the environment, and names host and token at once
		address = first(address, os.Getenv("JACKFIELD_HOST"))
		requests = first(requests, os.Getenv("JACKFIELD_REQUESTS"))
		c.token = first(c.token, os.Getenv("JACKFIELD_TOKEN"))
	}
	c.Bearer = c.token // who names a token means it for the whole host
	if address != "" {
		return c, c.atURL(address, requests)
	}
	return c, c.atHome(running.Home(t.Home), requests)
}

// Secret is the token of c, for whoever has to keep it out of something; "" of nil.
func (c *Client) Secret() string {
	if c == nil {
		return ""
	}
	return c.token
}

func (c *Client) atURL(address, requests string) (err error) {
	if c.Admin, err = baseURL("--host", address); err != nil {
		return err
	}
	if requests != "" {
		if c.Requests, err = baseURL("--requests", requests); err != nil {
			return err
		}
	}
	if c.token == "" {
		c.tokenErr = output.Usagef("the token is the content of conf/admin.token in the host's home",
			"--host needs the administrator's token: set JACKFIELD_TOKEN, or pass --token")
	}
	return nil
}

func (c *Client) atHome(home host.Home, requests string) error {
	h, err := running.Find(home)
	if err != nil {
		hint := ""
		if errors.Is(err, running.ErrNone) {
			hint = fmt.Sprintf("start one with 'jackfield serve --home %s', name its home with --home, or its address with --host", home)
		}
		return output.WithHint(err, hint)
	}
	scheme := "http"
	if h.Certificate != "" {
		scheme = "https"
	}
	c.Admin = &url.URL{Scheme: scheme, Host: reachable(h.Admin)}
	c.Requests = &url.URL{Scheme: scheme, Host: reachable(h.Requests)}
	if h.Certificate != "" {
		if err := c.trustLocal(h.Certificate, c.Admin.Host, c.Requests.Host); err != nil {
			return fmt.Errorf("reading host.json of %s: %w", home, err)
		}
	}
	if requests != "" {
		if c.Requests, err = baseURL("--requests", requests); err != nil {
			return err
		}
	}
	if c.token != "" {
		return nil
	}
	c.token, c.tokenErr = running.ReadToken(home)
	// The token of the file goes along where it is asked for and stays on this
	// machine: to the address that the host itself has announced.
	if c.tokenErr == nil && h.RequestsAuth == "token" && requests == "" && loopback(c.Requests.Hostname()) {
		c.Bearer = c.token
	}
	if env := os.Getenv("JACKFIELD_TOKEN"); c.tokenErr != nil && env != "" {
		c.token, c.tokenErr = env, nil // for those who may not read the file
	}
	if errors.Is(c.tokenErr, fs.ErrPermission) {
		c.tokenErr = output.WithHint(c.tokenErr, "run this as the user of the host, or pass the token in JACKFIELD_TOKEN")
	}
	return nil
}

// trustLocal has the listeners at these addresses known by the certificate that the host has
// left for programs on this machine, and all others by those of the system.
func (c *Client) trustLocal(certificate string, addresses ...string) error {
	local, err := https.LocalConfig(certificate)
	if err != nil {
		return err
	}
	c.HTTP.Transport.(*http.Transport).DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		d := &tls.Dialer{}
		if slices.Contains(addresses, address) {
			d.Config = local
		}
		return d.DialContext(ctx, network, address)
	}
	return nil
}

func loopback(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && ip.IsLoopback()
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

func baseURL(flag, s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return nil, output.Usagef("write http://HOST:PORT", "%s: %q is not the URL of a listener", flag, s)
	}
	u.Path = ""
	return u, nil
}

// reachable turns the address of a listener on all interfaces into one to dial.
func reachable(address string) string {
	name, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(name); err == nil && ip != nil && ip.IsUnspecified() {
		if ip.To4() == nil {
			return net.JoinHostPort("::1", port)
		}
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// requestListener is where the request listener is reached by whoever reaches the admin
// listener at admin; address is what the host says of it. An address that means the
// host itself is that of the host as it was named here.
func requestListener(admin *url.URL, address string) *url.URL {
	name, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(name)
	if err != nil || ip == nil {
		return nil
	}
	if ip.IsUnspecified() || ip.IsLoopback() {
		name = admin.Hostname()
	}
	return &url.URL{Scheme: admin.Scheme, Host: net.JoinHostPort(name, port)}
}
