package api

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// listTokens answers the tokens of the user who asks; an administrator gets those of all,
// or of the one that the parameter user names.
func (a *API) listTokens(w http.ResponseWriter, r *http.Request) error {
	values, err := web.Parameters(r, "user")
	if err != nil {
		return err
	}
	who, user := access.Of(r.Context()), values.Get("user")
	if !who.May(access.Administer, "") {
		if user != "" && user != who.Name {
			return web.NewProblem(http.StatusForbidden, "permission_denied", "the tokens of others need the right to administer")
		}
		user = who.Name
	}
	return web.WriteJSON(w, http.StatusOK, Tokens{a.cfg.Accounts.Tokens(user)})
}

// TokenToAdd is the body of POST /api/v1/tokens.
type TokenToAdd struct {
	Label      string     `json:"label"`
	User       string     `json:"user,omitempty"` // who asks, if it is left out
	Role       host.Role  `json:"role"`
	Owner      bool       `json:"owner,omitempty"`
	Extensions []string   `json:"extensions,omitempty"`
	Expires    *time.Time `json:"expires,omitempty"`
}

// NewToken is a token that was made, with what nobody can see again.
type NewToken struct {
	host.Token
	Secret string `json:"secret"`
}

func (a *API) addToken(w http.ResponseWriter, r *http.Request) error {
	var n TokenToAdd
	if err := readBody(w, r, &n); err != nil {
		return err
	}
	t, secret, err := a.cfg.Accounts.AddToken(r.Context(), host.NewToken{
		Label: n.Label, User: n.User, Role: n.Role, Owner: n.Owner, Extensions: n.Extensions, Expires: n.Expires,
	}, access.Of(r.Context()).Account, access.Remote(r))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, NewToken{t, secret})
}

// Revoked is the answer when a token was revoked.
type Revoked struct {
	ID      string `json:"id"`
	Revoked bool   `json:"revoked"`
}

// revokeToken ends a token of the user who asks, or of anybody for an administrator.
// Others do not learn that there is one.
func (a *API) revokeToken(w http.ResponseWriter, r *http.Request) error {
	who, id := access.Of(r.Context()), r.PathValue("token")
	t, err := a.cfg.Accounts.Token(id)
	if err == nil && t.User != who.Name && !who.May(access.Administer, "") {
		_, err = a.cfg.Accounts.Token("") // as if there were none
	}
	if err == nil {
		err = a.cfg.Accounts.RevokeToken(r.Context(), id, web.Actor(r))
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Revoked{id, true})
}
