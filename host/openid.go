package host

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/jackfield-host/jackfield/host/internal/accounts"
	"github.com/jackfield-host/jackfield/host/internal/auth"
	"github.com/jackfield-host/jackfield/sdk"
)

// OpenIDConfig says at which OpenID provider people sign in to the admin page. Without
// an Issuer there is none.
type OpenIDConfig struct {
	Issuer, ClientID, ClientSecret string
	// Scopes are asked for besides openid.
	Scopes []string
	// RolesClaim is the claim that says what somebody is; Administrators, Operators and
	// Viewers are its values that make them so here. Whoever has none is not let in.
	RolesClaim                         string
	Administrators, Operators, Viewers []string
}

func (c OpenIDConfig) signIn(log *slog.Logger) auth.SignInConfig {
	return auth.SignInConfig{
		Issuer: c.Issuer, ClientID: c.ClientID, ClientSecret: c.ClientSecret, Scopes: c.Scopes, RolesClaim: c.RolesClaim, Log: log,
		Roles: []auth.RoleValues{
			{Role: string(RoleAdministrator), Values: c.Administrators},
			{Role: string(RoleOperator), Values: c.Operators},
			{Role: string(RoleViewer), Values: c.Viewers},
		},
	}
}

func (c OpenIDConfig) check() error {
	if c.Issuer == "" {
		return nil
	}
	s := c.signIn(nil)
	if err := s.Check(); err != nil {
		return fmt.Errorf("admin.oidc: %w", err)
	}
	return nil
}

// OpenID is how people sign in at an OpenID provider. Its errors are of the type
// *AccountError.
type OpenID struct {
	users *Accounts
	at    *auth.SignIn
}

// OpenID returns how people sign in at the OpenID provider, nil when there is none.
func (h *Host) OpenID() *OpenID { return h.openID }

// NewOpenID returns an OpenID that lets people in as users; for tests, a Host has its own.
func NewOpenID(cfg OpenIDConfig, users *Accounts, log *slog.Logger) (*OpenID, error) {
	if cfg.Issuer == "" {
		return nil, nil
	}
	at, err := auth.NewSignIn(cfg.signIn(log))
	if err != nil {
		return nil, err
	}
	return &OpenID{users, at}, nil
}

// Run must be called once; it returns when ctx ends.
func (o *OpenID) Run(ctx context.Context) { o.at.Run(ctx) }

// Begin returns where a browser goes to sign in, and what it keeps, as a cookie of its
// own, until it is back at redirect.
func (o *OpenID) Begin(ctx context.Context, redirect string) (target, kept string, err error) {
	target, kept, err = o.at.Begin(ctx, redirect)
	return target, kept, accountError(err)
}

// Finish begins the session of who has signed in, from what the browser has kept and the
// query with which it came back.
func (o *OpenID) Finish(ctx context.Context, kept string, query url.Values, from Origin) (Session, error) {
	who, err := o.at.Finish(ctx, kept, query)
	if err != nil {
		return Session{}, accountError(err)
	}
	return o.users.Admit(ctx, OpenIDClaim{Issuer: who.Issuer, Subject: who.Subject, Name: who.Name, Role: Role(who.Role)}, from)
}

// accountError returns what package auth says in the words of the accounts.
func accountError(err error) error {
	var e *sdk.Error
	if !errors.As(err, &e) {
		return err
	}
	code := accounts.Unauthenticated
	if e.Code == sdk.Unavailable {
		code = accounts.Unavailable
	}
	return &AccountError{Code: code, Message: e.Message, After: time.Duration(e.RetryAfter)}
}
