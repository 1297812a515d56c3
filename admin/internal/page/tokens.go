package page

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

const (
	tokensPath  = "/admin/tokens"
	accountPath = "/admin/account"
)

// tokenRoutes are those of all tokens, for administrators, and those of one's own.
func (p *Pages) tokenRoutes() []web.Route {
	var routes []web.Route
	for _, place := range []struct {
		path  string
		right access.Right
		own   bool
	}{{tokensPath, access.Administer, false}, {accountPath + "/tokens", access.See, true}} {
		one := place.path + "/{token}/revoke"
		routes = append(routes,
			web.Route{Method: "POST", Path: place.path, Right: place.right, Page: true, Serve: p.addToken(place.own)},
			web.Route{Method: "GET", Path: one, Right: place.right, Page: true, Serve: p.askRevokeToken(place.own)},
			web.Route{Method: "POST", Path: one, Right: place.right, Page: true, Serve: p.revokeToken(place.own)},
		)
	}
	return append(routes,
		web.Route{Method: "GET", Path: tokensPath, Right: access.Administer, Page: true, Serve: p.tokens},
		web.Route{Method: "GET", Path: accountPath, Right: access.See, Page: true, Serve: p.account},
		web.Route{Method: "POST", Path: accountPath + "/sessions", Right: access.See, Page: true, Serve: p.endOwnSessions},
	)
}

// tokenList are tokens as a table shows them; Below is the path of what is done to one.
type tokenList struct {
	Tokens []host.Token
	Below  string
	// Now tells those that have ended.
	Now time.Time
}

func (p *Pages) tokenList(tokens []host.Token, below string) tokenList {
	return tokenList{tokens, below, p.cfg.Now()}
}

// Ended reports whether a token is good no more.
func (l tokenList) Ended(t host.Token) bool { return t.Expires != nil && !l.Now.Before(*t.Expires) }

// tokenForm is the form of a new token, as it was filled in.
type tokenForm struct {
	Post  string
	Label string
	// User is whose it is to be; Users are those who can be chosen, nil for one's own.
	User  string
	Users []host.User
	Role  host.Role
	Roles []host.Role
	Owner bool
	Boxes []box
	Days  int
	// DayChoices are after how many days it may end, 0 for never.
	DayChoices []int
	Complaint  *notTaken
}

func dayChoices() []int { return []int{1, 7, 30, 90, 365, 0} }

// tokenForm completes f for who asks.
func (p *Pages) tokenForm(f tokenForm, who access.Identity, own bool) tokenForm {
	f.Post, f.DayChoices = tokensPath, dayChoices()
	for _, role := range roles() {
		if who.Role.Covers(role) {
			f.Roles = append(f.Roles, role)
		}
	}
	if own {
		f.Post, f.User = accountPath+"/tokens", who.Name
	} else {
		f.Users = p.cfg.Accounts.Users()
		if f.User == "" {
			f.User = who.Name
		}
	}
	ticked := []string{}
	for _, b := range f.Boxes {
		ticked = append(ticked, b.ID)
	}
	f.Boxes = p.boxes(ticked)
	return f
}

// newTokenForm is the form as it is at first.
func newTokenForm() tokenForm { return tokenForm{Role: host.RoleViewer, Days: 90} }

func (p *Pages) tokens(w http.ResponseWriter, r *http.Request) error {
	return p.tokensPage(w, r, newTokenForm())
}

func (p *Pages) tokensPage(w http.ResponseWriter, r *http.Request, form tokenForm) error {
	return p.show(w, r, view{
		Template: "tokens.html", Status: form.Complaint.status(), Title: p.words(r).Say("users.title"), Section: sectionUsers,
		Data: struct {
			Tokens tokenList
			Form   tokenForm
		}{p.tokenList(p.cfg.Accounts.Tokens(""), tokensPath), p.tokenForm(form, access.Of(r.Context()), false)},
	})
}

// addToken makes a token and shows its secret, this once: there is no page to which one
// could come back for it.
func (p *Pages) addToken(own bool) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, form := access.Of(r.Context()), r.PostForm
		f := tokenForm{
			Label: form.Get("label"), User: form.Get("user"), Role: host.Role(form.Get("role")), Owner: form.Get("owner") != "",
			Boxes: ticks(form["extension"]),
		}
		days, err := strconv.Atoi(form.Get("days"))
		if err != nil || !slices.Contains(dayChoices(), days) {
			return web.Invalid("the form says not when the token ends")
		}
		f.Days = days
		n := host.NewToken{Label: f.Label, User: f.User, Role: f.Role, Owner: f.Owner}
		if own {
			n.User = who.Name
		}
		if len(form["extension"]) > 0 {
			n.Extensions = form["extension"]
		}
		if days > 0 {
			end := p.cfg.Now().Add(time.Duration(days) * 24 * time.Hour)
			n.Expires = &end
		}
		t, secret, err := p.cfg.Accounts.AddToken(r.Context(), n, who.Account, access.Remote(r))
		if err != nil {
			if f.Complaint = notTakenOf(p.words(r), err); f.Complaint == nil {
				return err
			}
			if own {
				return p.accountPage(w, r, f)
			}
			return p.tokensPage(w, r, f)
		}
		back := tokensPath
		if own {
			back = accountPath
		}
		return p.show(w, r, view{
			Template: "token.html", Title: p.words(r).Say("tokens.made"), Section: sectionOf(own), Narrow: true,
			Trail: trailOf(p.words(r), own), Scripts: []string{"secrets.js"},
			Data: struct {
				host.Token
				Secret, Back string
			}{t, secret, back},
		})
	}
}

func sectionOf(own bool) section {
	if own {
		return sectionNone
	}
	return sectionUsers
}

func trailOf(said *words.Words, own bool) []crumb {
	if own {
		return []crumb{{said.Say("account.title"), accountPath}}
	}
	return []crumb{{said.Say("tokens.title"), tokensPath}}
}

// token finds the one that the path names, among one's own or all.
func (p *Pages) token(r *http.Request, own bool) (host.Token, error) {
	t, err := p.cfg.Accounts.Token(r.PathValue("token"))
	if err == nil && own && t.User != access.Of(r.Context()).Name {
		return host.Token{}, web.NewProblem(http.StatusNotFound, host.CodeNotFound, "you have no such token")
	}
	return t, err
}

func (p *Pages) askRevokeToken(own bool) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, err := p.token(r, own)
		if err != nil {
			return err
		}
		said, back := p.words(r), trailOf(p.words(r), own)[0].Path
		below := tokensPath
		if own {
			below = accountPath + "/tokens"
		}
		return p.confirm(w, r, sectionOf(own), trailOf(said, own), confirmation{
			Question: said.Say("tokens.revoke.ask", t.Label), What: says(said, "tokens.revoke.what"),
			Do:   action{Label: said.Say("tokens.revoke"), Kind: "danger", Post: below + "/" + url.PathEscape(t.ID) + "/revoke"},
			Back: back,
		})
	}
}

func (p *Pages) revokeToken(own bool) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		t, err := p.token(r, own)
		if err == nil {
			err = p.cfg.Accounts.RevokeToken(r.Context(), t.ID, web.Actor(r))
		}
		if err != nil {
			return err
		}
		leave(w, r, "ok", "tokens.revoked")
		return seeOther(w, r, trailOf(p.words(r), own)[0].Path)
	}
}

// confirm shows a page that asks before something is done.
func (p *Pages) confirm(w http.ResponseWriter, r *http.Request, s section, trail []crumb, c confirmation) error {
	if proof := access.Of(r.Context()).Proof; proof != "" {
		c.Do.Fields = append(c.Do.Fields, field{"proof", proof})
	}
	return p.show(w, r, view{Template: "confirm.html", Title: c.Question, Section: s, Trail: trail, Narrow: true, Data: c})
}

// says are messages as the paragraphs of a confirmation.
func says(said *words.Words, keys ...string) []template.HTML {
	list := make([]template.HTML, len(keys))
	for i, key := range keys {
		list[i] = say(said, key)
	}
	return list
}

func (p *Pages) account(w http.ResponseWriter, r *http.Request) error {
	return p.accountPage(w, r, newTokenForm())
}

// accountPage is that of who asks, with the form of a token as it was filled in.
func (p *Pages) accountPage(w http.ResponseWriter, r *http.Request, form tokenForm) error {
	who := access.Of(r.Context())
	_, err := p.cfg.Accounts.User(who.Name)
	return p.show(w, r, view{
		Template: "account.html", Status: form.Complaint.status(), Title: p.words(r).Say("account.title"),
		Data: struct {
			Via string
			// Bearer says that it is the bearer of the administrator's token, Password that
			// there is one to change, IsUser that there is a user of this name.
			Bearer, Password, IsUser bool
			Owns                     []box
			Sessions                 sessionList
			Tokens                   tokenList
			Form                     tokenForm
		}{
			string(who.Account.Via), who.Account.Via == host.ViaAdminToken, who.Account.Via == host.ViaPassword, err == nil,
			p.owned(who.Owns),
			sessionList{p.cfg.Accounts.Sessions(who.Name), accountPath + "/sessions", who.Account.Session},
			p.tokenList(p.cfg.Accounts.Tokens(who.Name), accountPath+"/tokens"), p.tokenForm(form, who, true),
		},
	})
}

// owned names extensions.
func (p *Pages) owned(ids []string) []box {
	list := ticks(ids)
	for i := range list {
		if e, ok := p.cfg.Host.Extension(list[i].ID); ok {
			list[i].Name = e.Name
		}
	}
	return list
}

func (p *Pages) endOwnSessions(w http.ResponseWriter, r *http.Request) error {
	id, who := r.PostForm.Get("session"), access.Of(r.Context())
	if err := p.cfg.Access.EndSessions(r, id); err != nil {
		return err
	}
	if id == "" || id == who.Account.Session {
		return seeOther(w, r, "/admin/sign-in")
	}
	leave(w, r, "ok", "sessions.ended")
	return seeOther(w, r, accountPath)
}
