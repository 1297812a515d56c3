package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackfield-host/jackfield/host/internal/auth"
	"github.com/jackfield-host/jackfield/host/internal/edge"
)

// RequestsAuth says who may send requests. The zero value lets everybody.
type RequestsAuth struct {
	// Mode is none (or empty), token or oidc.
	Mode string
	// AdminToken is accepted in mode token, besides those of conf/requests.tokens.
	AdminToken string
	// Issuer, Audience and RolesClaim are those of mode oidc.
	Issuer, Audience, RolesClaim string
}

// CheckIssuer reports whether s can be RequestsAuth.Issuer.
func CheckIssuer(s string) error { return auth.CheckIssuer(s) }

func (a *RequestsAuth) check() error {
	switch a.Mode {
	case "", "none":
	case "token":
		if a.AdminToken == "" {
			return errors.New("requests.auth=token: no administrator's token")
		}
	case "oidc":
		if err := (&auth.OIDCConfig{Issuer: a.Issuer, Audience: a.Audience}).Check(); err != nil {
			return fmt.Errorf("requests.auth=oidc: %w", err)
		}
	default:
		return fmt.Errorf("requests.auth is %q; it must be none, token or oidc", a.Mode)
	}
	return nil
}

// authenticator knows callers, and keeps what it knows fresh as long as Run runs.
type authenticator interface {
	edge.Authenticator
	Run(ctx context.Context)
}

// newAuthenticator returns nil when everybody may send requests.
func newAuthenticator(cfg Config, home Home) (authenticator, error) {
	a := cfg.RequestsAuth
	switch a.Mode {
	case "token":
		return auth.NewTokens(a.AdminToken, home.RequestsTokens(), cfg.Log)
	case "oidc":
		return auth.NewOIDC(auth.OIDCConfig{Issuer: a.Issuer, Audience: a.Audience, RolesClaim: a.RolesClaim, Log: cfg.Log})
	}
	return nil, nil
}
