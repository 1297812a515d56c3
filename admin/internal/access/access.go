// Package access knows who is asking on the admin listener, and what they may do.
//
// Control identifies a caller by the bearer token of a program or the cookie of the
// page; Identity.May is the one rule of who may do what. A route says which Right it
// needs, and package web asks before the route runs.
package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
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
type Role string

// The roles.
const (
	Viewer        Role = "viewer"        // see
	Operator      Role = "operator"      // see, operate
	Administrator Role = "administrator" // everything
)

// rights are what a role may do to every extension.
func (r Role) rights() []Right {
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

// Identity is who sent a request. The zero value is a stranger.
type Identity struct {
	Name string
	Role Role
	// Owns are the ids of the extensions that it owns.
	Owns []string
	// Only are the extensions to which a token is limited, nil for no limit.
	Only []string
	// Via is how it was identified: session or token.
	Via string
	// Proof is what the forms of this session carry; empty without a session.
	Proof string
}

// Known reports whether i is somebody.
func (i Identity) Known() bool { return i.Name != "" }

// May reports whether i may use right on the extension id; an empty id stands for the
// host as a whole.
func (i Identity) May(right Right, id string) bool {
	if right == Open {
		return true
	}
	if i.Only != nil && (id == "" && right != See || id != "" && !slices.Contains(i.Only, id)) {
		return false
	}
	return slices.Contains(i.Role.rights(), right) ||
		i.Known() && id != "" && slices.Contains(i.Owns, id) && slices.Contains(owned(), right)
}

type key struct{}

// With returns ctx with the identity of who asks.
func With(ctx context.Context, i Identity) context.Context { return context.WithValue(ctx, key{}, i) }

// Of returns the identity that package web has put into ctx, the zero value for none.
func Of(ctx context.Context) Identity {
	i, _ := ctx.Value(key{}).(Identity)
	return i
}

// minToken is the length of the shortest token that is accepted, in characters.
const minToken = 16

// Control identifies callers.
type Control struct {
	token    [sha256.Size]byte
	cookie   string
	sessions *sessions
	attempts *attempts
	now      func() time.Time
}

// New returns a Control that accepts token, the administrator's. Address is that of the
// listener, HOST:PORT.
func New(token, address string) (*Control, error) {
	if len(token) < minToken {
		return nil, errors.New("admin: the token is too short")
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return &Control{
		token: sha256.Sum256([]byte(token)),
		// Browsers share cookies between the ports of a machine: two hosts must not
		// sign each other's administrators out.
		cookie: "jackfield_session_" + port, sessions: newSessions(), attempts: newAttempts(), now: time.Now,
	}, nil
}

// Bearer returns who the bearer token of r stands for.
func (c *Control) Bearer(r *http.Request) Identity {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || !c.isToken(strings.TrimSpace(token)) {
		return Identity{}
	}
	return Identity{Name: "admin", Role: Administrator, Via: "token"}
}

// isToken compares digests, so that neither content nor length shows in the time.
func (c *Control) isToken(s string) bool {
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], c.token[:]) == 1
}

// SetClock has sessions and attempts end by another clock, for tests.
func (c *Control) SetClock(now func() time.Time) { c.now = now }
