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

// signInView is what the form shows again after a refusal.
type signInView struct {
	// Complaint is a key of words, Detail what the host says besides.
	Complaint, Detail string
	Wait              int // seconds, 0 for no wait
	// Name is what was typed, Next where to go afterwards.
	Name, Next string
	// Token says that it was the token that was tried.
	Token bool

	TokenFile, PasswordFile string
	OpenID                  bool
}

// signInPage is the form.
func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, status int, v signInView) error {
	said := p.words(r)
	// A path of this machine is nobody's business elsewhere.
	v.TokenFile, v.PasswordFile = said.Say("sign-in.token-far"), said.Say("sign-in.password-far")
	if p.cfg.Loopback && p.cfg.TokenFile != "" {
		v.TokenFile = p.cfg.TokenFile
	}
	v.OpenID = p.cfg.Access.HasOpenID()
	return p.show(w, r, view{Template: "sign-in.html", Status: status, Title: said.Say("sign-in.title"), Narrow: true, Data: v})
}

func (p *Pages) signInForm(w http.ResponseWriter, r *http.Request) error {
	next := nextOf(r.URL.Query().Get("next"))
	if access.Of(r.Context()).Via == access.ViaSession {
		return seeOther(w, r, next)
	}
	if strings.HasPrefix(next, installPath+"?") && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		// A browser sends no cookie along where another site leads here, as the page of a store
		// does. From a page of ours it does, and what next names only shows something.
		return p.show(w, r, view{
			Template: "onward.html", Title: p.words(r).Say("stores.title.onward"), Narrow: true,
			Onward: "/admin/sign-in?" + url.Values{"next": {next}}.Encode(),
		})
	}
	return p.signInPage(w, r, http.StatusOK, signInView{Next: next})
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
	status, v, ok := refusal(w, err)
	if !ok {
		return err
	}
	v.Name, v.Next, v.Token = visible.Clip(name, 100), next, token
	return p.signInPage(w, r, status, v)
}

// refusal is what a person reads who was not let in; false says that it is a fault.
func refusal(w http.ResponseWriter, err error) (status int, v signInView, ok bool) {
	var refused *host.AccountError
	if !errors.As(err, &refused) {
		return 0, v, false
	}
	status, v.Complaint = http.StatusForbidden, "sign-in.refused"
	switch string(refused.Code) {
	case host.CodeExhausted:
		status, v.Complaint, v.Wait = http.StatusTooManyRequests, "sign-in.wait", seconds(refused.After)
	case host.CodeUnavailable:
		status, v.Complaint, v.Detail = http.StatusServiceUnavailable, "sign-in.unavailable", refused.Message
	case host.CodeInvalidArgument:
		status, v.Complaint, v.Detail = http.StatusUnprocessableEntity, "sign-in.invalid", refused.Message
	case host.CodeUnauthenticated:
	default:
		v.Complaint, v.Detail = "sign-in.not-allowed", refused.Message
	}
	if refused.After > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds(refused.After)))
	}
	return status, v, true
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
		return p.openIDRefused(w, r, err)
	}
	http.Redirect(w, r, target, http.StatusFound)
	return nil
}

// finishOpenID takes who comes back from there. The answer is a page that leads on, not
// a redirect: a browser keeps the cookie of the session back as long as it follows those
// of another site.
func (p *Pages) finishOpenID(w http.ResponseWriter, r *http.Request) error {
	if err := p.cfg.Access.FinishOpenID(w, r); err != nil {
		return p.openIDRefused(w, r, err)
	}
	return p.show(w, r, view{Template: "signed-in.html", Title: p.words(r).Say("sign-in.done"), Narrow: true, Onward: "/admin/"})
}

func (p *Pages) openIDRefused(w http.ResponseWriter, r *http.Request, err error) error {
	status, v, ok := refusal(w, err)
	if !ok {
		return err
	}
	if v.Complaint == "sign-in.refused" { // nothing was typed here
		v.Complaint, v.Detail = "sign-in.not-allowed", messageOf(err)
	}
	v.Next = "/admin/"
	return p.signInPage(w, r, status, v)
}

// messageOf is what accounts say of a refusal.
func messageOf(err error) string {
	var refused *host.AccountError
	if !errors.As(err, &refused) {
		return ""
	}
	return refused.Message
}

func (p *Pages) passwordForm(w http.ResponseWriter, r *http.Request) error {
	return p.passwordPage(w, r, http.StatusOK, signInView{})
}

func (p *Pages) passwordPage(w http.ResponseWriter, r *http.Request, status int, v signInView) error {
	return p.show(w, r, view{
		Template: "password.html", Status: status, Title: p.words(r).Say("password.title"), Narrow: true,
		Data: struct {
			signInView
			Has bool // a password
		}{v, access.Of(r.Context()).Account.Via == host.ViaPassword},
	})
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	form := r.PostForm
	if form.Get("password") != form.Get("again") {
		return p.passwordPage(w, r, http.StatusUnprocessableEntity, signInView{Complaint: "password.differ"})
	}
	err := p.cfg.Access.ChangePassword(w, r, form.Get("old"), form.Get("password"))
	if err == nil {
		return toAdmin(w, r)
	}
	status, v, ok := refusal(w, err)
	if !ok {
		return err
	}
	if v.Complaint == "sign-in.refused" {
		v.Complaint = "password.wrong"
	}
	return p.passwordPage(w, r, status, v)
}
