package host

import "github.com/jackfield-host/jackfield/host/internal/accounts"

// Who may use the host: see Host.Accounts.
type (
	Accounts     = accounts.Accounts
	User         = accounts.User
	NewUser      = accounts.NewUser
	UserChange   = accounts.UserChange
	Token        = accounts.Token
	NewToken     = accounts.NewToken
	Identity     = accounts.Identity
	Session      = accounts.Session
	OpenSession  = accounts.OpenSession
	Origin       = accounts.Origin
	OpenIDClaim  = accounts.Claim
	AccountError = accounts.Error
	Role         = accounts.Role
	// Actor is who did something, as the audit trail keeps it.
	Actor = accounts.Actor
)

// The roles, the least first.
const (
	RoleViewer        = accounts.Viewer
	RoleOperator      = accounts.Operator
	RoleAdministrator = accounts.Administrator
)

// How somebody has shown who they are.
const (
	ViaPassword   = accounts.ViaPassword
	ViaOpenID     = accounts.ViaOpenID
	ViaToken      = accounts.ViaToken
	ViaAdminToken = accounts.ViaAdminToken
)

// The codes of an AccountError that are none of an Error.
const (
	CodeUnauthenticated  = string(accounts.Unauthenticated)
	CodePermissionDenied = string(accounts.PermissionDenied)
	CodeExhausted        = string(accounts.Exhausted)
	CodeChanged          = string(accounts.Changed)
)

// How long a session of the page lasts, without being used and at most.
const (
	SessionIdle = accounts.SessionIdle
	SessionLife = accounts.SessionLife
)

// Accounts are who may use this host. They answer as long as the host runs.
func (h *Host) Accounts() *Accounts { return h.accounts }
