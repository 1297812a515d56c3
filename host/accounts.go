package host

import (
	"errors"
	"log/slog"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/accounts"
	"github.com/jackfield-host/jackfield/host/internal/state"
)

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
	Via          = accounts.Via
	UserSource   = accounts.Source
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

// LocalAdministrator is the name of the first user, and of the bearer of conf/admin.token.
const LocalAdministrator = accounts.LocalAdministrator

// AccountNotFound is the Code of an AccountError about what there is not.
const AccountNotFound = accounts.NotFound

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

// AccountsConfig is what OpenAccounts needs; all but AdminToken and Now is required.
type AccountsConfig struct {
	Home       Home
	AdminToken string
	Log        *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
}

// OpenAccounts opens the accounts of a home in which no host runs: for a lost password,
// and for tests. The home is locked until done is called.
func OpenAccounts(cfg AccountsConfig) (a *Accounts, done func() error, err error) {
	if err := cfg.Home.Make(); err != nil {
		return nil, nil, err
	}
	lock, err := cfg.Home.lock()
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			release(lock)
		}
	}()
	kept, err := state.Open(state.Config{Path: cfg.Home.Database(), Backups: cfg.Home.Backups(), Log: cfg.Log})
	if err != nil {
		return nil, nil, err
	}
	a, err = accounts.Open(accounts.Config{
		State: kept, AdminToken: cfg.AdminToken, PasswordFile: cfg.Home.InitialPassword(), Log: cfg.Log, Now: cfg.Now,
	})
	if err != nil {
		return nil, nil, errors.Join(err, kept.Close())
	}
	return a, func() error { defer release(lock); return kept.Close() }, nil
}
