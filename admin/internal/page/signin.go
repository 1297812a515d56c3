package page

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
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

// signInData is what the form of the sign-in shows.
type signInData struct {
	Complaint *complaint
	// Name is what was typed, Next where to go afterwards.
	Name, Next string
	// Token says that it was the token that was refused.
	Token  bool
	OpenID bool
	// TokenFile and PasswordFile are where secrets are to be found.
	TokenFile, PasswordFile string
}

func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, data signInData) error {
	said := p.words(r)
	// A path of this machine is nobody's business elsewhere.
	data.TokenFile, data.PasswordFile = said.Say("sign-in.where-far"), said.Say("sign-in.first-far")
	if p.cfg.Loopback && p.cfg.TokenFile != "" {
		data.TokenFile = p.cfg.TokenFile
	}
	data.OpenID = p.cfg.Access.HasOpenID()
	return p.show(w, r, view{
		Template: "sign-in.html", Status: data.Complaint.status(), Title: said.Say("sign-in.title"), Narrow: true, Data: data,
	})
}

func (p *Pages) signInForm(w http.ResponseWriter, r *http.Request) error {
	next := nextOf(r.URL.Query().Get("next"))
	if access.Of(r.Context()).Via == access.ViaSession {
		return seeOther(w, r, next)
	}
	return p.signInPage(w, r, signInData{Next: next})
}

// signIn begins a session of a user, or with the field token of the bearer of the
// administrator's token.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	data := signInData{
		Name: visible.Clip(r.PostForm.Get("name"), 100), Next: nextOf(r.PostForm.Get("next")), Token: r.PostForm.Has("token"),
	}
	var err error
	if data.Token {
		err = p.cfg.Access.SignInWithToken(w, r, strings.TrimSpace(r.PostForm.Get("token")))
	} else {
		err = p.cfg.Access.SignIn(w, r, r.PostForm.Get("name"), r.PostForm.Get("password"))
	}
	if err == nil {
		return seeOther(w, r, data.Next)
	}
	key := "sign-in.wrong"
	if data.Token {
		key = "sign-in.wrong-token"
	}
	if data.Complaint = complaintOf(p.words(r), w, err, key); data.Complaint == nil {
		return err
	}
	return p.signInPage(w, r, data)
}

// complaint is why a form of an account was not taken.
type complaint struct {
	Status int
	Text   string
	// Said is what the host says besides, empty for nothing.
	Said string
}

func (c *complaint) status() int {
	if c == nil {
		return 0
	}
	return c.Status
}

// complaintOf puts a refusal of the accounts into words; wrong is the key of those for a
// wrong secret. It is nil for what is no refusal.
func complaintOf(said *words.Words, w http.ResponseWriter, err error, wrong string) *complaint {
	p := web.ProblemOf(err)
	if p == nil {
		return nil
	}
	c := &complaint{Status: p.Status, Text: said.Say("account.refused"), Said: sentence(p.Detail) + sentence(p.Hint)}
	wait := int((p.Wait + 999_999_999) / 1_000_000_000)
	switch p.Code {
	case host.CodeUnauthenticated:
		// Not 401: the form is no challenge that a browser could meet.
		c.Status, c.Text, c.Said = http.StatusForbidden, said.Say(wrong), ""
	case host.CodeExhausted:
		c.Text, c.Said = said.Say("sign-in.wait", wait), ""
	case host.CodeInvalidArgument:
		c.Status = http.StatusUnprocessableEntity
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(wait))
	}
	return c
}

// sentence makes one of what the host says, which begins with a small letter and has no
// full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + ". "
}

// nextOf is the page of ours that next names, "/admin/" if it names none.
func nextOf(next string) string {
	path := local(next)
	if u, err := url.Parse(path); err != nil || strings.HasPrefix(u.Path, "/admin/sign-") {
		return "/admin/"
	}
	return path
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
	w.Header().Set("Refresh", "0; url=/admin/")
	return p.show(w, r, view{Template: "signed-in.html", Title: p.words(r).Say("signed-in.title"), Narrow: true})
}

func (p *Pages) openIDRefused(w http.ResponseWriter, r *http.Request, err error) error {
	c := complaintOf(p.words(r), w, err, "sign-in.wrong-openid")
	if c == nil {
		return err
	}
	if refused := web.ProblemOf(err); c.Said == "" { // which is no hint at a password
		c.Said = sentence(refused.Detail)
	}
	return p.signInPage(w, r, signInData{Complaint: c, Next: "/admin/"})
}

func (p *Pages) passwordForm(w http.ResponseWriter, r *http.Request) error {
	return p.passwordPage(w, r, nil)
}

func (p *Pages) passwordPage(w http.ResponseWriter, r *http.Request, c *complaint) error {
	return p.show(w, r, view{
		Template: "password.html", Status: c.status(), Title: p.words(r).Say("password.title"), Narrow: true,
		Data: struct {
			Complaint *complaint
			// Has says that there is a password to change.
			Has bool
		}{c, access.Of(r.Context()).Account.Via == host.ViaPassword},
	})
}

func (p *Pages) changePassword(w http.ResponseWriter, r *http.Request) error {
	said, form := p.words(r), r.PostForm // which was read for its proof
	if form.Get("password") != form.Get("again") {
		return p.passwordPage(w, r, &complaint{Status: http.StatusUnprocessableEntity, Text: said.Say("password.differ")})
	}
	err := p.cfg.Access.ChangePassword(w, r, form.Get("old"), form.Get("password"))
	if err == nil {
		leave(w, r, "ok", "password.changed")
		return toAdmin(w, r)
	}
	c := complaintOf(said, w, err, "password.wrong")
	if c == nil {
		return err
	}
	return p.passwordPage(w, r, c)
}
