package access

import (
	"net/http"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// OpenIDCallback is where the OpenID provider sends people back.
const OpenIDCallback = "/admin/oidc/callback"

// openIDTime is how long a browser keeps what belongs to a sign-in at the provider.
const openIDTime = 10 * time.Minute

// HasOpenID reports whether people may sign in at an OpenID provider.
func (c *Control) HasOpenID() bool { return c.cfg.OpenID != nil }

func noOpenID() error {
	return &host.AccountError{Code: host.AccountNotFound, Message: "nobody signs in here at an OpenID provider"}
}

// BeginOpenID returns where the browser goes to sign in.
func (c *Control) BeginOpenID(w http.ResponseWriter, r *http.Request) (target string, err error) {
	if c.cfg.OpenID == nil {
		return "", noOpenID()
	}
	target, kept, err := c.cfg.OpenID.Begin(r.Context(), c.base(r)+OpenIDCallback)
	if err != nil {
		return "", err
	}
	c.setOpenIDCookie(w, r, kept, int(openIDTime/time.Second))
	return target, nil
}

// FinishOpenID begins the session of who comes back. The sign-in can be finished once.
func (c *Control) FinishOpenID(w http.ResponseWriter, r *http.Request) error {
	if c.cfg.OpenID == nil {
		return noOpenID()
	}
	kept := ""
	if cookie, err := r.Cookie(c.openIDCookie()); err == nil {
		kept = cookie.Value
	}
	c.setOpenIDCookie(w, r, "", -1)
	s, err := c.cfg.OpenID.Finish(r.Context(), kept, r.URL.Query(), origin(r))
	return c.begin(w, r, s, err)
}

func (c *Control) openIDCookie() string { return c.cookie + "_oidc" }

// setOpenIDCookie lets the cookie come along when the provider sends the browser back,
// which that of the session does not.
func (c *Control) setOpenIDCookie(w http.ResponseWriter, r *http.Request, value string, age int) {
	http.SetCookie(w, &http.Cookie{
		Name: c.openIDCookie(), Value: value, Path: "/admin/oidc/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: c.secure(r),
	})
}

// base is the URL of the listener as people reach it, without a slash at its end.
func (c *Control) base(r *http.Request) string {
	if c.cfg.URL != nil {
		return c.cfg.URL.Scheme + "://" + c.cfg.URL.Host
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
