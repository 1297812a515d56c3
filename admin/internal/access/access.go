// Package access knows who is asking on the admin listener, and what they may do.
//
// Control identifies a caller by the bearer token of a program or the cookie of the
// page, as the accounts of the host have them; Identity.May is the one rule of who may
// do what. A route says which Right it needs, and package web asks before the route
// runs. SignIn and its likes begin a session and give its cookie; their errors are those
// of the accounts, which never tell what of a name and a password was wrong.
package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/host"
)

// Right is what a route needs. The set is closed.
type Right string

// The rights, each with what it opens.
const (
	Open       Right = "open"       // for anybody
	See        Right = "see"        // looking at everything but secrets
	Operate    Right = "operate"    // what changes how an extension runs, and can be undone
	Configure  Right = "configure"  // the configuration of an extension
	Remove     Right = "remove"     // taking an extension out of the drop folder
	Install    Right = "install"    // bringing bundles, deciding about permissions, purging
	Administer Right = "administer" // users, tokens of others, settings, profiles
)

// Role is what somebody may do to all extensions.
type Role = host.Role

// The roles.
const (
	Viewer        = host.RoleViewer        // see
	Operator      = host.RoleOperator      // see, operate
	Administrator = host.RoleAdministrator // everything
)

// RightsOf are what a role may do to every extension.
func RightsOf(r Role) []Right {
	switch r {
	case Viewer:
		return []Right{Open, See}
	case Operator:
		return []Right{Open, See, Operate}
	case Administrator:
		return []Right{Open, See, Operate, Configure, Remove, Install, Administer}
	}
	return []Right{Open}
}

// owned are what an owner may do to the extension, whatever the role.
func owned() []Right { return []Right{See, Operate, Configure, Remove} }

// The ways in which a request is identified.
const (
	ViaSession = "session" // by the cookie of the page
	ViaToken   = "token"   // by a bearer token
)

// Identity is who sent a request. The zero value is a stranger.
type Identity struct {
	Name string
	Role Role
	// Owns are the ids of the extensions that it owns.
	Owns []string
	// Only are the extensions to which a token is limited, nil for no limit.
	Only []string
	// Via is how the request was identified: ViaSession or ViaToken.
	Via string
	// Proof is what the forms of this session carry; empty without a session.
	Proof string
	// MustChange says that they may do nothing before they have changed their password.
	MustChange bool
	// Account is what the host says of them: how they signed in, and their session.
	Account host.Identity
}

// Known reports whether i is somebody.
func (i Identity) Known() bool { return i.Name != "" }

// May reports whether i may use right on the extension id; an empty id stands for the
// host as a whole, on which nobody may do anything whose token is limited to some
// extensions.
func (i Identity) May(right Right, id string) bool {
	if right == Open {
		return true
	}
	if i.Only != nil && !slices.Contains(i.Only, id) {
		return false
	}
	return slices.Contains(RightsOf(i.Role), right) ||
		i.Known() && id != "" && slices.Contains(i.Owns, id) && slices.Contains(owned(), right)
}

// Sees reports whether i may look at the extension id.
func (i Identity) Sees(id string) bool { return i.May(See, id) }

type key struct{}

// With returns ctx with the identity of who asks.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// Of returns the identity that package web has put into ctx, the zero value for none.
func Of(ctx context.Context) Identity {
	i, _ := ctx.Value(key{}).(Identity)
	return i
}

// Config is what a Control is made from. Accounts and Address are required.
type Config struct {
	Accounts *host.Accounts
	// OpenID is the provider at which people may sign in, nil for none.
	OpenID *host.OpenID
	// Address is that of the listener, HOST:PORT.
	Address string
	// URL is where people reach the page; nil for what their browser asks for.
	URL *url.URL
}

// Control identifies callers.
type Control struct {
	cfg    Config
	cookie string
}

// New returns a Control.
func New(cfg Config) (*Control, error) {
	_, port, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, err
	}
	// Browsers share cookies between the ports of a machine: two hosts must not sign
	// each other's administrators out.
	return &Control{cfg: cfg, cookie: "jackfield_session_" + port}, nil
}

// Bearer returns who the bearer token of r stands for.
func (c *Control) Bearer(r *http.Request) Identity {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return Identity{}
	}
	who, err := c.cfg.Accounts.Bearer(r.Context(), strings.TrimSpace(token))
	if err != nil {
		return Identity{}
	}
	return identity(who, ViaToken, "")
}

// Session returns who the cookie of r stands for. What a page fetches by itself does not
// keep the session alive: nobody may be there any more.
func (c *Control) Session(r *http.Request) Identity {
	secret, find := c.secret(r), c.cfg.Accounts.Session
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Dest") == "empty" { // of a script, says the browser
		find = c.cfg.Accounts.Peek
	}
	who, err := find(r.Context(), secret)
	if err != nil {
		return Identity{}
	}
	sum := sha256.Sum256([]byte("a form of the session " + secret))
	return identity(who, ViaSession, hex.EncodeToString(sum[:]))
}

func identity(who host.Identity, via, proof string) Identity {
	return Identity{
		Name: who.Name, Role: who.Role, Owns: who.Owns, Only: who.Extensions, Via: via, Proof: proof,
		MustChange: who.MustChange, Account: who,
	}
}

// Remote is the client's address without its port.
func Remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
