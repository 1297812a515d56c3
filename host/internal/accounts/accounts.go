// Package accounts says who may use this host: people with a password or an OpenID
// provider behind them, programs with a token, and the bearer of conf/admin.token.
//
// Call Open once, start Run, and ask Session and Bearer who somebody is. They answer
// from memory, and what was changed holds for the very next question: a user who is
// disabled, removed or given another role has no session any more, and a token is never
// worth more than its user. What a method has changed is durable, and in the audit
// trail, when it returns nil. Of secrets only digests are kept: argon2id of passwords,
// SHA-256 of tokens and sessions, which are random. No secret is ever part of an error,
// of a log line or of the audit trail.
//
// Refusals are an *Error with a Code of a closed set. Whether somebody may ask for what
// a method does is the caller's to know; accounts knows only what nobody may: leave the
// host without an administrator, or make a token that is worth more than its maker.
package accounts

import (
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/state"
)

// Role is what a user may do to every extension. Each role may do what the ones before
// it may.
type Role string

// The roles.
const (
	Viewer        Role = "viewer"        // sees
	Operator      Role = "operator"      // enables, disables, restarts, rolls back, pins
	Administrator Role = "administrator" // everything
)

// Roles are all roles, the least first.
func Roles() []Role { return []Role{Viewer, Operator, Administrator} }

// Valid reports whether r is a role.
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// Covers reports whether r may do all that other may. What is no role covers nothing.
func (r Role) Covers(other Role) bool {
	i := slices.Index(Roles(), r)
	return i >= 0 && i >= slices.Index(Roles(), other)
}

// Source is where a user comes from.
type Source string

// The sources.
const (
	Local  Source = "local" // has a password here
	OpenID Source = "oidc"  // signs in at the OpenID provider, which says the role too
)

// User is one person, or one machine that acts as one.
type User struct {
	// Name is 1 to 64 of a-z, 0-9 and . _ @ + -.
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Owns are the ids of the extensions of which this user is an owner, sorted.
	Owns     []string `json:"owns"`
	Source   Source   `json:"source"`
	Disabled bool     `json:"disabled"`
	// MustChange says that the password was set by somebody else: it opens nothing but
	// the form that changes it.
	MustChange bool       `json:"must_change"`
	Created    time.Time  `json:"created"`
	LastSeen   *time.Time `json:"last_seen"`
	// Revision counts the changes.
	Revision int64 `json:"revision"`
}

// Token is what is known of the token of a program. Its secret is not.
type Token struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	User  string `json:"user"`
	// Role is the most that it may do; of it and the user's role the lesser holds.
	Role Role `json:"role"`
	// Owner says that what the user owns is the token's, too.
	Owner bool `json:"owner"`
	// Extensions are the only ones that it is good for; nil means all.
	Extensions []string   `json:"extensions"`
	Created    time.Time  `json:"created"`
	Expires    *time.Time `json:"expires"`
	LastUsed   *time.Time `json:"last_used"`
}

// Via is how somebody has shown who they are.
type Via string

// The ways.
const (
	ViaPassword   Via = "password"
	ViaOpenID     Via = "oidc"
	ViaToken      Via = "token"
	ViaAdminToken Via = "admin.token" // the content of conf/admin.token
)

// LocalAdministrator is the name of the bearer of conf/admin.token, and of the first user.
const LocalAdministrator = "admin"

// Identity is somebody who has shown who they are, as things stand now.
type Identity struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Owns are the ids of extensions that belong to them, sorted.
	Owns []string `json:"owns"`
	// Extensions are the only ones that their token is good for; nil means all.
	Extensions []string `json:"extensions"`
	Via        Via      `json:"via"`
	// MustChange says that they may do nothing but change their password.
	MustChange bool `json:"must_change"`
	// Session is the public id of their session, Expires the end of their token; each
	// is empty without one.
	Session string     `json:"session,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
}

// Actor is who did something, as the audit trail keeps it.
type Actor struct {
	// Name is that of a user, admin for the bearer of the administrator's token, folder
	// for what was done to the drop folder, host for what the host did by itself.
	Name string
	// Remote is the client's address without its port, empty for folder and host.
	Remote string
}

// Origin is where somebody signs in from.
type Origin struct {
	// Remote is the client's address without its port.
	Remote string
	// Agent is what the client calls itself; it is for people and may be cut.
	Agent string
}

// Session is a session that has just begun.
type Session struct {
	// Secret is the value of the cookie. It is shown nowhere else.
	Secret   string
	Identity Identity
	// Expires is when it ends whatever happens.
	Expires time.Time
}

// OpenSession is one session of a user, as the user sees it.
type OpenSession struct {
	ID      string    `json:"id"`
	Via     Via       `json:"via"`
	Created time.Time `json:"created"`
	Used    time.Time `json:"used"`
	Remote  string    `json:"remote"`
	Agent   string    `json:"agent"`
}

// NewUser is what AddUser needs.
type NewUser struct {
	Name     string
	Role     Role
	Owns     []string
	Password string
	// Keep says that the user need not change the password at the first sign-in.
	Keep bool
}

// UserChange is what ChangeUser changes; nil leaves something as it is.
type UserChange struct {
	Name     string
	Role     *Role
	Owns     *[]string
	Disabled *bool
	// Revision is that of the user as the caller has seen it, 0 for any.
	Revision int64
}

// NewToken is what AddToken needs.
type NewToken struct {
	Label      string
	User       string
	Role       Role
	Owner      bool
	Extensions []string
	Expires    *time.Time
}

// Claim is what an OpenID provider says of somebody.
type Claim struct {
	// Issuer and Subject are who it is, for ever.
	Issuer, Subject string
	// Name is what a first sign-in calls the user here.
	Name string
	Role Role
}

// Code is why something was refused. The set is closed.
type Code string

// The codes.
const (
	NotFound         Code = "not_found"
	Conflict         Code = "conflict"
	Invalid          Code = "invalid_argument"
	Unauthenticated  Code = "unauthenticated"   // wrong, and it is not said what of it
	PermissionDenied Code = "permission_denied" // right, but not for this
	Exhausted        Code = "exhausted"         // too many wrong ones; After says how long
	Unavailable      Code = "unavailable"       // not now: the disk is full, or it is busy
	Changed          Code = "changed"           // somebody else was faster: Revision is another one
)

// Error is a refusal. Nothing has changed then.
type Error struct {
	Code Code
	// Message says what and which, Hint what next; Hint may be empty.
	Message, Hint string
	// After is how long to wait before the next try, 0 for as you like.
	After time.Duration
}

func (e *Error) Error() string { return string(e.Code) + ": " + e.Message }

// Config is what Accounts are made from. All but AdminToken and Now are required.
type Config struct {
	// State keeps everything.
	State *state.Store
	// AdminToken is the content of conf/admin.token; without one nobody is its bearer.
	AdminToken string
	// PasswordFile is conf/initial-admin-password.
	PasswordFile string
	Log          *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time

	cost cost // of tests; zero means the real one
}

func (c *Config) check() error {
	switch {
	case c.State == nil || c.Log == nil:
		return errors.New("opening the accounts: no State or no Log is given")
	case c.PasswordFile == "":
		return errors.New("opening the accounts: no PasswordFile is given")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.cost == (cost{}) {
		c.cost = fullCost()
	}
	return nil
}
