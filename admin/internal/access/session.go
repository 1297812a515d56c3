package access

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// SignIn begins a session of the user with this name and password. The error is a
// *host.AccountError.
func (c *Control) SignIn(w http.ResponseWriter, r *http.Request, name, password string) error {
	s, err := c.cfg.Accounts.SignIn(r.Context(), name, password, origin(r))
	return c.begin(w, r, s, err)
}

// SignInWithToken begins a session of the bearer of the administrator's token.
func (c *Control) SignInWithToken(w http.ResponseWriter, r *http.Request, token string) error {
	s, err := c.cfg.Accounts.SignInWithAdminToken(r.Context(), token, origin(r))
	return c.begin(w, r, s, err)
}

// ChangePassword gives the user of this session another password. All their sessions
// end, and r goes on with a new one.
func (c *Control) ChangePassword(w http.ResponseWriter, r *http.Request, old, password string) error {
	s, err := c.cfg.Accounts.ChangePassword(r.Context(), Of(r.Context()).Name, old, password, origin(r))
	return c.begin(w, r, s, err)
}

// begin gives the cookie of a session that has just begun; one that r has brought ends.
func (c *Control) begin(w http.ResponseWriter, r *http.Request, s host.Session, err error) error {
	if err != nil {
		return err
	}
	if old := c.secret(r); old != "" {
		// The new session holds whether or not the old one could be written off.
		_ = c.cfg.Accounts.SignOut(r.Context(), old, Remote(r))
	}
	c.setCookie(w, r, s.Secret, int(host.SessionLife/time.Second))
	return nil
}

// SignOut ends the session of r. The cookie goes also when that cannot be written down,
// which the error says.
func (c *Control) SignOut(w http.ResponseWriter, r *http.Request) error {
	c.setCookie(w, r, "", -1)
	return c.cfg.Accounts.SignOut(r.Context(), c.secret(r), Remote(r))
}

// Sessions are those of the user who asks, the one that was used last first; the id of
// their own is Account.Session of their identity.
func (c *Control) Sessions(r *http.Request) []host.OpenSession {
	return c.cfg.Accounts.Sessions(Of(r.Context()).Name)
}

// EndSessions ends the session of the user who asks with this id, or with "" all of them,
// this one too.
func (c *Control) EndSessions(r *http.Request, id string) error {
	name := Of(r.Context()).Name
	return c.cfg.Accounts.EndSessions(r.Context(), name, id, host.Actor{Name: name, Remote: Remote(r)})
}

func origin(r *http.Request) host.Origin {
	return host.Origin{Remote: Remote(r), Agent: r.UserAgent()}
}

// secret is what the cookie of r holds, "" for none.
func (c *Control) secret(r *http.Request) string {
	cookie, err := r.Cookie(c.cookie)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// setCookie limits the cookie to the page: other servers on this machine see only
// requests for their own /admin/. It goes over TLS only where that is how people reach
// the page.
func (c *Control) setCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookie, Value: value, Path: "/admin/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: c.secure(r),
	})
}

func (c *Control) secure(r *http.Request) bool {
	return r.TLS != nil || c.cfg.URL != nil && c.cfg.URL.Scheme == "https"
}
