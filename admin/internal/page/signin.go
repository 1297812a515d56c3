package page

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// signInRoutes are the ways in and out, and the page of those who must change their
// password first.
func (p *Pages) signInRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/admin/sign-in", Right: access.Open, Page: true, Serve: p.signInForm},
		{Method: "POST", Path: "/admin/sign-in", Right: access.Open, Page: true, Serve: p.signIn},
		{Method: "POST", Path: "/admin/sign-out", Right: access.Open, Page: true, Serve: p.signOut},
		{Method: "GET", Path: "/admin/oidc/start", Right: access.Open, Page: true, Serve: p.startOpenID},
		{Method: "GET", Path: access.OpenIDCallback, Right: access.Open, Page: true, Serve: p.finishOpenID},
		{Method: "GET", Path: web.PasswordPage, Right: access.See, Page: true, Early: true, Serve: p.passwordForm},
		{Method: "POST", Path: web.PasswordPage, Right: access.See, Page: true, Early: true, Serve: p.changePassword},
	}
}

// signInPage is the form. name is what was typed, next where to go afterwards.
func (p *Pages) signInPage(w http.ResponseWriter, status int, complaint, name, next string, token bool) error {
	// A path of this machine is nobody's business elsewhere.
	tokenFile, passwordFile := "conf/admin.token in the home folder of the host", "conf/initial-admin-password in the home folder of the host"
	if p.cfg.Loopback && p.cfg.TokenFile != "" {
		tokenFile = p.cfg.TokenFile
	}
	return p.render(w, status, "sign-in.html", struct {
		frame
		Complaint, Name, Next, TokenFile, PasswordFile string
		Token, OpenID                                  bool
	}{frame{Title: "Sign in"}, complaint, name, next, tokenFile, passwordFile, token, p.cfg.Access.HasOpenID()})
}

func (p *Pages) signInForm(w http.ResponseWriter, r *http.Request) error {
	next := nextOf(r.URL.Query().Get("next"))
	if access.Of(r.Context()).Via == access.ViaSession {
		return seeOther(w, r, next)
	}
	return p.signInPage(w, http.StatusOK, "", "", next, false)
}

// signIn begins a session of a user, or with the field token of the bearer of the
// administrator's token.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	name, next := r.PostForm.Get("name"), nextOf(r.PostForm.Get("next"))
	var err error
	token := r.PostForm.Has("token")
	if token {
		err = p.cfg.Access.SignInWithToken(w, r, strings.TrimSpace(r.PostForm.Get("token")))
	} else {
		err = p.cfg.Access.SignIn(w, r, name, r.PostForm.Get("password"))
	}
	if err == nil {
		return seeOther(w, r, next)
	}
	status, complaint, ok := refusal(w, err)
	if !ok {
		return err
	}
	return p.signInPage(w, status, complaint, visible.Clip(name, 100), next, token)
}

// refusal is what a person reads who was not let in; false says that it is a fault.
func refusal(w http.ResponseWriter, err error) (status int, complaint string, ok bool) {
	var refused *host.AccountError
	if !errors.As(err, &refused) {
		return 0, "", false
	}
	status = http.StatusForbidden
	text := strings.ToUpper(refused.Message[:1]) + refused.Message[1:] + "."
	switch string(refused.Code) {
	case host.CodeExhausted:
		status = http.StatusTooManyRequests
		text = "There were too many wrong tries. Wait " + strconv.Itoa(seconds(refused.After)) + " seconds and try again."
	case host.CodeUnavailable:
		status = http.StatusServiceUnavailable
	case host.CodeInvalidArgument:
		status = http.StatusUnprocessableEntity
	}
	if refused.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(refused.After)))
	}
	if refused.Hint != "" && string(refused.Code) != host.CodeExhausted {
		text += " " + strings.ToUpper(refused.Hint[:1]) + refused.Hint[1:] + "."
	}
	return status, text, true
}

func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// nextOf is the page of ours that next names, "/admin/" if it names none.
func nextOf(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(u.Path, "/admin/") ||
		strings.Contains(next, `\`) || strings.Contains(u.Path, "..") || len(next) > 1000 || strings.HasPrefix(u.Path, "/admin/sign-") {
		return "/admin/"
	}
	return u.RequestURI()
}

func seeOther(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := p.cfg.Access.SignOut(w, r); err != nil {
		return err
	}
	return seeOther(w, r, "/admin/sign-in")
}

// startOpenID leads to the OpenID provider.
func (p *Pages) startOpenID(w http.ResponseWriter, r *http.Request) error {
	target, err := p.cfg.Access.BeginOpenID(w, r)
	if err != nil {
		return p.openIDRefused(w, err)
	}
	http.Redirect(w, r, target, http.StatusFound)
	return nil
}

// finishOpenID takes who comes back from there. The answer is a page that leads on, not
// a redirect: a browser keeps the cookie of the session back as long as it follows those
// of another site.
func (p *Pages) finishOpenID(w http.ResponseWriter, r *http.Request) error {
	if err := p.cfg.Access.FinishOpenID(w, r); err != nil {
		return p.openIDRefused(w, err)
	}
	return p.render(w, http.StatusOK, "signed-in.html", frame{Title: "Signed in"})
}

func (p *Pages) openIDRefused(w http.ResponseWriter, err error) error {
	status, complaint, ok := refusal(w, err)
	if !ok {
		return err
	}
	return p.signInPage(w, status, complaint, "", "/admin/", false)
}

func (p *Pages) passwordForm(w http.ResponseWriter, r *http.Request) error {
	return p.passwordPage(w, r, http.StatusOK, "")
}

func (p *Pages) passwordPage(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	who := access.Of(r.Context())
	return p.render(w, status, "password.html", struct {
		frame
		Complaint, Name, Proof string
		MustChange, Has        bool
	}{
		frame{Title: "Change password", Version: p.cfg.Version, SignedIn: true}, complaint, who.Name, who.Proof,
		who.MustChange, who.Account.Via == host.ViaPassword,
	})
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	form := r.PostForm
	if form.Get("password") != form.Get("again") {
		return p.passwordPage(w, r, http.StatusUnprocessableEntity, "The two new passwords differ.")
	}
	err := p.cfg.Access.ChangePassword(w, r, form.Get("old"), form.Get("password"))
	if err == nil {
		return toAdmin(w, r)
	}
	status, complaint, ok := refusal(w, err)
	if !ok {
		return err
	}
	return p.passwordPage(w, r, status, complaint)
}
