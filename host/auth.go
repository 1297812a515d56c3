package host

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/host/internal/accounts"
	"github.com/jackfield-host/jackfield/host/internal/auth"
	"github.com/jackfield-host/jackfield/host/internal/edge"
	"github.com/jackfield-host/jackfield/sdk"
)

// RequestsAuth says who may send requests. The zero value lets everybody.
type RequestsAuth struct {
	// Mode is none (or empty), token or oidc.
	Mode string
	// Issuer, Audience and RolesClaim are those of mode oidc.
	Issuer, Audience, RolesClaim string
}

// CheckIssuer reports whether s can be RequestsAuth.Issuer.
func CheckIssuer(s string) error { return auth.CheckIssuer(s) }

func (a *RequestsAuth) check(adminToken string) error {
	switch a.Mode {
	case "", "none":
	case "token":
		if adminToken == "" {
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
func newAuthenticator(cfg Config, home Home, users *accounts.Accounts) (authenticator, error) {
	a := cfg.RequestsAuth
	switch a.Mode {
	case "token":
		return auth.NewTokens(auth.TokensConfig{AdminToken: cfg.AdminToken, File: home.RequestsTokens(), Others: userCaller(users), Log: cfg.Log})
	case "oidc":
		return auth.NewOIDC(auth.OIDCConfig{Issuer: a.Issuer, Audience: a.Audience, RolesClaim: a.RolesClaim, Log: cfg.Log})
	}
	return nil, nil
}

// userCaller knows the tokens of users as callers of requests, but for those that are
// good for some extensions only: which one answers a request is not known so early.
func userCaller(users *accounts.Accounts) func(ctx context.Context, token string) (sdk.Caller, bool) {
	return func(ctx context.Context, token string) (sdk.Caller, bool) {
		if !strings.HasPrefix(token, accounts.TokenPrefix) {
			return sdk.Caller{}, false
		}
		who, err := users.Bearer(ctx, token)
		if err != nil || who.Extensions != nil {
			return sdk.Caller{}, false
		}
		return sdk.Caller{Subject: who.Name, Roles: []string{string(who.Role)}}, true
	}
}
