package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

// userRoutes are those of users and tokens. What of them is about oneself is open to
// everybody who is known; the handlers see to the rest.
func (a *API) userRoutes() []web.Route {
	const one = "/api/v1/users/{name}"
	return []web.Route{
		{Method: "GET", Path: "/api/v1/me", Right: access.See, Scoped: true, Serve: a.me},
		{Method: "GET", Path: "/api/v1/users", Right: access.Administer, Serve: a.listUsers},
		{Method: "POST", Path: "/api/v1/users", Right: access.Administer, Serve: a.addUser},
		{Method: "GET", Path: one, Right: access.Administer, Serve: a.showUser},
		{Method: "PATCH", Path: one, Right: access.Administer, Serve: a.changeUser},
		{Method: "DELETE", Path: one, Right: access.Administer, Serve: a.removeUser},
		{Method: "PUT", Path: one + "/password", Right: access.Administer, Serve: a.setPassword},
		{Method: "GET", Path: one + "/sessions", Right: access.Administer, Serve: a.listSessions},
		{Method: "DELETE", Path: one + "/sessions", Right: access.Administer, Serve: a.endSessions},
		{Method: "GET", Path: "/api/v1/tokens", Right: access.See, Serve: a.listTokens},
		{Method: "POST", Path: "/api/v1/tokens", Right: access.See, Serve: a.addToken},
		{Method: "DELETE", Path: "/api/v1/tokens/{token}", Right: access.See, Serve: a.revokeToken},
	}
}

// Me is who asks, and what they may do to every extension.
type Me struct {
	Name       string         `json:"name"`
	Role       host.Role      `json:"role"`
	Owns       []string       `json:"owns"`
	Extensions []string       `json:"extensions"` // those that the token is limited to; null for no limit
	Via        host.Via       `json:"via"`
	Expires    *time.Time     `json:"expires"`
	Rights     []access.Right `json:"rights"`
}

func (a *API) me(w http.ResponseWriter, r *http.Request) error {
	who := access.Of(r.Context())
	me := Me{
		Name: who.Name, Role: who.Role, Owns: append([]string{}, who.Owns...), Extensions: who.Only,
		Via: who.Account.Via, Expires: who.Account.Expires, Rights: access.RightsOf(who.Role),
	}
	return web.WriteJSON(w, http.StatusOK, me)
}

func (a *API) listUsers(w http.ResponseWriter, _ *http.Request) error {
	return web.WriteJSON(w, http.StatusOK, struct {
		Users []host.User `json:"users"`
	}{a.cfg.Accounts.Users()})
}

// UserToAdd is the body of POST /api/v1/users.
type UserToAdd struct {
	Name     string    `json:"name"`
	Role     host.Role `json:"role"`
	Owns     []string  `json:"owns,omitempty"`
	Password string    `json:"password"`
	// MustChange says whether the password is to be changed at the first sign-in; it is
	// unless it is false.
	MustChange *bool `json:"must_change,omitempty"`
}

func (a *API) addUser(w http.ResponseWriter, r *http.Request) error {
	var n UserToAdd
	if err := readBody(w, r, &n); err != nil {
		return err
	}
	u, err := a.cfg.Accounts.AddUser(r.Context(), host.NewUser{
		Name: n.Name, Role: n.Role, Owns: n.Owns, Password: n.Password, Keep: n.MustChange != nil && !*n.MustChange,
	}, web.Actor(r))
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/users/"+url.PathEscape(u.Name))
	return writeUser(w, http.StatusCreated, u)
}

func (a *API) showUser(w http.ResponseWriter, r *http.Request) error {
	u, err := a.cfg.Accounts.User(r.PathValue("name"))
	if err != nil {
		return err
	}
	return writeUser(w, http.StatusOK, u)
}

func writeUser(w http.ResponseWriter, status int, u host.User) error {
	w.Header().Set("ETag", strconv.Quote(strconv.FormatInt(u.Revision, 10)))
	return web.WriteJSON(w, status, u)
}

// revisionOf is the revision that If-Match of r asks for, 0 for any.
func revisionOf(r *http.Request) (int64, error) {
	tag := r.Header.Get("If-Match")
	if tag == "" || tag == "*" {
		return 0, nil
	}
	text, err := strconv.Unquote(tag)
	if err == nil && strings.HasPrefix(tag, `"`) {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, web.Invalid("If-Match is not the ETag of a user, which is a number in quotation marks")
}

// UserToChange is the body of PATCH /api/v1/users/{name}; what is left out stays.
type UserToChange struct {
	Role     *host.Role `json:"role,omitempty"`
	Owns     *[]string  `json:"owns,omitempty"`
	Disabled *bool      `json:"disabled,omitempty"`
}

func (a *API) changeUser(w http.ResponseWriter, r *http.Request) error {
	var c UserToChange
	revision, err := revisionOf(r)
	if err == nil {
		err = readBody(w, r, &c)
	}
	if err != nil {
		return err
	}
	u, err := a.cfg.Accounts.ChangeUser(r.Context(), host.UserChange{
		Name: r.PathValue("name"), Role: c.Role, Owns: c.Owns, Disabled: c.Disabled, Revision: revision,
	}, web.Actor(r))
	if err != nil {
		return err
	}
	return writeUser(w, http.StatusOK, u)
}

// Removed is the answer when a user was removed.
type Removed struct {
	Name    string `json:"name"`
	Removed bool   `json:"removed"`
}

func (a *API) removeUser(w http.ResponseWriter, r *http.Request) error {
	revision, err := revisionOf(r)
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	if err := a.cfg.Accounts.RemoveUser(r.Context(), name, revision, web.Actor(r)); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, Removed{name, true})
}

// PasswordToSet is the body of PUT /api/v1/users/{name}/password.
type PasswordToSet struct {
	Password   string `json:"password"`
	MustChange *bool  `json:"must_change,omitempty"` // as in UserToAdd
}

func (a *API) setPassword(w http.ResponseWriter, r *http.Request) error {
	var p PasswordToSet
	if err := readBody(w, r, &p); err != nil {
		return err
	}
	name, keep := r.PathValue("name"), p.MustChange != nil && !*p.MustChange
	if err := a.cfg.Accounts.SetPassword(r.Context(), name, p.Password, keep, web.Actor(r)); err != nil {
		return err
	}
	return a.showUser(w, r)
}

func (a *API) listSessions(w http.ResponseWriter, r *http.Request) error {
	u, err := a.cfg.Accounts.User(r.PathValue("name"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct {
		Sessions []host.OpenSession `json:"sessions"`
	}{a.cfg.Accounts.Sessions(u.Name)})
}

func (a *API) endSessions(w http.ResponseWriter, r *http.Request) error {
	u, err := a.cfg.Accounts.User(r.PathValue("name"))
	if err != nil {
		return err
	}
	if err := a.cfg.Accounts.EndSessions(r.Context(), u.Name, "", web.Actor(r)); err != nil {
		return err
	}
	return a.listSessions(w, r)
}

// readBody reads the JSON object that is the body of r into into, a pointer to a struct.
// A member that is unknown or stands twice is refused.
func readBody(w http.ResponseWriter, r *http.Request, into any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" && media != "application/merge-patch+json" {
		return web.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media", "the body is application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(web.Whole(r)), maxOrder))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return web.NewProblem(http.StatusRequestEntityTooLarge, host.CodeTooLarge, fmt.Sprintf("the body has at most %d bytes", over.Limit))
	case err != nil:
		return web.Invalid("the body did not arrive")
	}
	if err := eachMember(body, func(string, json.RawMessage) error { return nil }); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	var kind *json.UnmarshalTypeError
	switch err := dec.Decode(into); {
	case err == nil:
		return nil
	case errors.As(err, &kind):
		return web.Invalid("the member " + kind.Field + " can not be " + kind.Value)
	default: // an unknown member, or a time that is none
		return web.Invalid("the body is not as it should be: " + strings.TrimPrefix(err.Error(), "json: "))
	}
}
