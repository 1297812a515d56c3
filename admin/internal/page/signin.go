package page

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
)

// signInPage shows the form, with the message complaint unless that is empty.
func (p *Pages) signInPage(w http.ResponseWriter, r *http.Request, status int, complaint string) error {
	said := p.words(r)
	// A path of this machine is nobody's business elsewhere.
	file := said.Say("sign-in.where-far")
	if p.cfg.Loopback && p.cfg.TokenFile != "" {
		file = p.cfg.TokenFile
	}
	return p.show(w, r, view{
		Template: "sign-in.html", Status: status, Title: said.Say("sign-in.title"), Narrow: true,
		Data: struct{ Complaint, TokenFile string }{complaint, file},
	})
}

func (p *Pages) signInForm(w http.ResponseWriter, r *http.Request) error {
	if access.Of(r.Context()).Known() {
		return toAdmin(w, r)
	}
	return p.signInPage(w, r, http.StatusOK, "")
}

// signIn turns a right token into a session.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return web.Invalid("the form can not be read")
	}
	var refused *access.Refusal
	err := p.cfg.Access.SignIn(w, r, strings.TrimSpace(r.PostForm.Get("token")))
	switch {
	case errors.As(err, &refused) && refused.Wait > 0:
		w.Header().Set("Retry-After", strconv.Itoa(int(refused.Wait/time.Second)+1))
		return p.signInPage(w, r, http.StatusTooManyRequests, "sign-in.wait")
	case err != nil:
		p.cfg.Log.Warn("sign-in refused: wrong token", "remote", access.Remote(r))
		return p.signInPage(w, r, http.StatusForbidden, "sign-in.wrong")
	}
	p.cfg.Log.Info("administrator signed in", "remote", access.Remote(r))
	return toAdmin(w, r)
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) error {
	p.cfg.Access.SignOut(w, r)
	http.Redirect(w, r, "/admin/sign-in", http.StatusSeeOther)
	return nil
}
