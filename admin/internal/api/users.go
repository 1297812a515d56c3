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
		{Method: "GET", Path: "/api/v1/me", Right: access.See, Scoped: true, Serve: a.me, Doc: &web.Doc{
			ID: "me", Summary: "Who asks, and what they may do", Answers: web.OK("Who asks", Me{}),
		}},
		{Method: "GET", Path: "/api/v1/users", Right: access.Administer, Serve: a.listUsers, Doc: &web.Doc{
			ID: "listUsers", Summary: "All users", Answers: web.OK("The users, by name", Users{}),
		}},
		{Method: "POST", Path: "/api/v1/users", Right: access.Administer, Serve: a.addUser, Doc: &web.Doc{
			ID: "addUser", Summary: "Add a user", Body: web.JSON(UserToAdd{}),
			Answers: []web.Answer{{Status: http.StatusCreated, Summary: "The user", Content: web.JSON(host.User{}), Headers: []web.Parameter{
				{Name: "ETag", Summary: "The revision"}, {Name: "Location", Summary: "The path of the user"},
			}}},
			Codes: changeCodes(),
		}},
		{Method: "GET", Path: one, Right: access.Administer, Serve: a.showUser, Doc: &web.Doc{
			ID: "showUser", Summary: "One user", Answers: userAnswers("The user"), Codes: []string{"not_found"},
		}},
		{Method: "PATCH", Path: one, Right: access.Administer, Serve: a.changeUser, Doc: &web.Doc{
			ID: "changeUser", Summary: "Change the role or the extensions of a user, or whether they may sign in",
			Description: "What is left out stays. A change of the role ends the sessions of the user. One administrator always remains.",
			Takes:       []web.Parameter{ifMatchUser()}, Body: web.JSON(UserToChange{}), Answers: userAnswers("The user as it is then"), Codes: changeCodes(),
		}},
		{Method: "DELETE", Path: one, Right: access.Administer, Serve: a.removeUser, Doc: &web.Doc{
			ID: "removeUser", Summary: "Remove a user, with their sessions and tokens",
			Takes: []web.Parameter{ifMatchUser()}, Answers: web.OK("What was removed", UserRemoved{}), Codes: changeCodes(),
		}},
		{Method: "PUT", Path: one + "/password", Right: access.Administer, Serve: a.setPassword, Doc: &web.Doc{
			ID: "setPassword", Summary: "Set the password of a user, and end their sessions",
			Body: web.JSON(PasswordToSet{}), Answers: userAnswers("The user"), Codes: changeCodes(),
		}},
		{Method: "GET", Path: one + "/sessions", Right: access.Administer, Serve: a.listSessions, Doc: &web.Doc{
			ID: "listSessions", Summary: "Where a user is signed in", Answers: web.OK("The sessions", Sessions{}), Codes: []string{"not_found"},
		}},
		{Method: "DELETE", Path: one + "/sessions", Right: access.Administer, Serve: a.endSessions, Doc: &web.Doc{
			ID: "endSessions", Summary: "Sign a user out everywhere", Answers: web.OK("The sessions that are left", Sessions{}), Codes: []string{"not_found"},
		}},
		{Method: "GET", Path: "/api/v1/tokens", Right: access.See, Serve: a.listTokens, Doc: &web.Doc{
			ID: "listTokens", Summary: "One's own tokens; those of all for an administrator",
			Takes: []web.Parameter{{Name: "user", Summary: "Whose tokens; those of others need the right to administer"}}, Answers: web.OK("The tokens, without their secrets", Tokens{}),
		}},
		{Method: "POST", Path: "/api/v1/tokens", Right: access.See, Serve: a.addToken, Doc: &web.Doc{
			ID: "addToken", Summary: "Make a token", Description: "It is worth no more than who makes it. Its secret is in this answer only.",
			Body: web.JSON(TokenToAdd{}), Codes: changeCodes(),
			Answers: []web.Answer{{Status: http.StatusCreated, Summary: "The token", Content: web.JSON(NewToken{})}},
		}},
		{Method: "DELETE", Path: "/api/v1/tokens/{token}", Right: access.See, Serve: a.revokeToken, Doc: &web.Doc{
			ID: "revokeToken", Summary: "Revoke a token: one's own, or anybody's for an administrator", Answers: web.OK("What was revoked", Revoked{}), Codes: []string{"not_found"},
		}},
	}
}

// changeCodes are the problems of changes of users and tokens.
func changeCodes() []string {
	return []string{"conflict", "too_large", "unsupported_media", "not_found"}
}

func ifMatchUser() web.Parameter {
	return web.Parameter{Name: "If-Match", In: "header", Summary: "The ETag of the user that was changed: 412 if it is another one by now"}
}

func userAnswers(summary string) []web.Answer {
	return []web.Answer{{Status: http.StatusOK, Summary: summary, Content: web.JSON(host.User{}), Headers: []web.Parameter{{Name: "ETag", Summary: "The revision"}}}}
}

// Users, Sessions and Tokens are answers about all of a kind.
type (
	Users struct {
		Users []host.User `json:"users"`
	}
	Sessions struct {
		Sessions []host.OpenSession `json:"sessions"`
	}
	Tokens struct {
		Tokens []host.Token `json:"tokens"`
	}
)

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
	return web.WriteJSON(w, http.StatusOK, Users{a.cfg.Accounts.Users()})
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

// UserRemoved is the answer when a user was removed.
type UserRemoved struct {
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
	return web.WriteJSON(w, http.StatusOK, UserRemoved{name, true})
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
	return web.WriteJSON(w, http.StatusOK, Sessions{a.cfg.Accounts.Sessions(u.Name)})
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
