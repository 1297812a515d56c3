package page

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const usersPath = "/admin/users"

func (p *Pages) userRoutes() []web.Route {
	page := func(method, path string, serve web.Serve) web.Route {
		return web.Route{Method: method, Path: usersPath + path, Right: access.Administer, Page: true, Serve: serve}
	}
	return []web.Route{
		page("GET", "", p.users), page("POST", "", p.addUser),
		page("GET", "/{name}", p.user), page("POST", "/{name}", p.changeUser),
		page("POST", "/{name}/password", p.setPassword),
		page("POST", "/{name}/sessions", p.endSessions),
		page("GET", "/{name}/remove", p.askRemoveUser), page("POST", "/{name}/remove", p.removeUser),
	}
}

func userPath(name string, below ...string) string {
	path := usersPath + "/" + url.PathEscape(name)
	for _, b := range below {
		path += "/" + b
	}
	return path
}

// userForm is what somebody may do, as a form has it.
type userForm struct {
	Name  string
	Role  host.Role
	Roles []host.Role
	Boxes []box
	// Fixed says that the role comes from elsewhere.
	Fixed     bool
	Complaint *notTaken
}

// box is an extension that can be ticked.
type box struct {
	ID, Name string
	Checked  bool
}

// boxes are all extensions, and what is ticked whether or not it is there.
func (p *Pages) boxes(ticked []string) []box {
	var list []box
	for _, e := range p.cfg.Host.Snapshot() {
		if e.ID != e.File {
			list = append(list, box{e.ID, e.Name, slices.Contains(ticked, e.ID)})
		}
	}
	for _, id := range ticked {
		if !slices.ContainsFunc(list, func(b box) bool { return b.ID == id }) {
			list = append(list, box{id, "", true})
		}
	}
	return list
}

func roles() []host.Role {
	return []host.Role{host.RoleViewer, host.RoleOperator, host.RoleAdministrator}
}

func (p *Pages) users(w http.ResponseWriter, r *http.Request) error {
	return p.usersPage(w, r, userForm{Role: host.RoleViewer})
}

// usersPage is the list, and the form for one more as it was filled in.
func (p *Pages) usersPage(w http.ResponseWriter, r *http.Request, form userForm) error {
	ticked := []string{}
	for _, b := range form.Boxes {
		ticked = append(ticked, b.ID)
	}
	form.Roles, form.Boxes = roles(), p.boxes(ticked)
	return p.show(w, r, view{
		Template: "users.html", Status: form.Complaint.status(), Title: p.words(r).Say("users.title"), Section: sectionUsers,
		Scripts: []string{"secrets.js"},
		Data: struct {
			Users []host.User
			Form  userForm
		}{p.cfg.Accounts.Users(), form},
	})
}

func ticks(ids []string) []box {
	list := []box{}
	for _, id := range ids {
		list = append(list, box{ID: id})
	}
	return list
}

func (p *Pages) addUser(w http.ResponseWriter, r *http.Request) error {
	form := userForm{Name: r.PostForm.Get("name"), Role: host.Role(r.PostForm.Get("role")), Boxes: ticks(r.PostForm["owns"])}
	u, err := p.cfg.Accounts.AddUser(r.Context(), host.NewUser{
		Name: form.Name, Role: form.Role, Owns: r.PostForm["owns"], Password: r.PostForm.Get("password"),
	}, web.Actor(r))
	if err != nil {
		if form.Complaint = notTakenOf(p.words(r), err); form.Complaint == nil {
			return err
		}
		return p.usersPage(w, r, form)
	}
	leave(w, r, "ok", "users.added", u.Name)
	return seeOther(w, r, userPath(u.Name))
}

func (p *Pages) user(w http.ResponseWriter, r *http.Request) error {
	return p.userPage(w, r, nil)
}

// userPage is one user, with what was not taken just now.
func (p *Pages) userPage(w http.ResponseWriter, r *http.Request, c *notTaken) error {
	u, err := p.cfg.Accounts.User(r.PathValue("name"))
	if err != nil {
		return err
	}
	said := p.words(r)
	return p.show(w, r, view{
		Template: "user.html", Status: c.status(), Title: u.Name, Section: sectionUsers,
		Trail: []crumb{{said.Say("users.tab"), usersPath}}, Scripts: []string{"secrets.js"},
		Data: struct {
			host.User
			Form     userForm
			Sessions sessionList
			Tokens   tokenList
			Self     bool
		}{
			u, userForm{Name: u.Name, Role: u.Role, Roles: roles(), Boxes: p.boxes(u.Owns), Fixed: u.Source == "oidc", Complaint: c},
			sessionList{p.cfg.Accounts.Sessions(u.Name), userPath(u.Name, "sessions"), access.Of(r.Context()).Account.Session},
			p.tokenList(p.cfg.Accounts.Tokens(u.Name), "/admin/tokens"), u.Name == access.Of(r.Context()).Name,
		},
	})
}

// sessionList are sessions, with where the form goes that ends one. This is the id of the
// reader's own.
type sessionList struct {
	Sessions []host.OpenSession
	Post     string
	This     string
}

// refuseUser shows the page of a user again after err.
func (p *Pages) refuseUser(w http.ResponseWriter, r *http.Request, err error) error {
	problem := web.ProblemOf(err)
	if problem == nil || problem.Status == http.StatusNotFound {
		return err
	}
	c := notTakenOf(p.words(r), err)
	if problem.Status == http.StatusPreconditionFailed {
		c.Status, c.Text, c.Said = http.StatusConflict, p.words(r).Say("user.changed"), ""
	}
	return p.userPage(w, r, c)
}

func (p *Pages) changeUser(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	revision, err := strconv.ParseInt(r.PostForm.Get("revision"), 10, 64)
	if err != nil {
		return web.Invalid("the form says not which state of the user it is about")
	}
	owns := append([]string{}, r.PostForm["owns"]...)
	disabled := r.PostForm.Get("enabled") == ""
	change := host.UserChange{Name: name, Owns: &owns, Disabled: &disabled, Revision: revision}
	if role := host.Role(r.PostForm.Get("role")); role != "" {
		change.Role = &role
	}
	if name == access.Of(r.Context()).Name && disabled {
		return p.userPage(w, r, &notTaken{Status: http.StatusConflict, Text: p.words(r).Say("user.disabled.self")})
	}
	if _, err := p.cfg.Accounts.ChangeUser(r.Context(), change, web.Actor(r)); err != nil {
		return p.refuseUser(w, r, err)
	}
	leave(w, r, "ok", "user.saved", name)
	return seeOther(w, r, userPath(name))
}

func (p *Pages) setPassword(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if err := p.cfg.Accounts.SetPassword(r.Context(), name, r.PostForm.Get("password"), false, web.Actor(r)); err != nil {
		return p.refuseUser(w, r, err)
	}
	leave(w, r, "ok", "user.password.set", name)
	return seeOther(w, r, userPath(name))
}

func (p *Pages) endSessions(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	id := r.PostForm.Get("session")
	if err := p.cfg.Accounts.EndSessions(r.Context(), name, id, web.Actor(r)); err != nil {
		return p.refuseUser(w, r, err)
	}
	if id == "" {
		leave(w, r, "ok", "sessions.all-ended", name)
	} else {
		leave(w, r, "ok", "sessions.ended")
	}
	return seeOther(w, r, userPath(name))
}

func (p *Pages) askRemoveUser(w http.ResponseWriter, r *http.Request) error {
	u, err := p.cfg.Accounts.User(r.PathValue("name"))
	if err != nil {
		return err
	}
	said := p.words(r)
	return p.confirm(w, r, sectionUsers, []crumb{{said.Say("users.tab"), usersPath}, {u.Name, userPath(u.Name)}}, confirmation{
		Question: said.Say("user.remove.ask", u.Name), What: says(said, "user.remove.what"),
		Do:   action{Label: said.Say("user.remove"), Kind: "danger", Post: userPath(u.Name, "remove"), Fields: []field{{"revision", strconv.FormatInt(u.Revision, 10)}}},
		Back: userPath(u.Name),
	})
}

func (p *Pages) removeUser(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	revision, err := strconv.ParseInt(r.PostForm.Get("revision"), 10, 64)
	if err != nil {
		return web.Invalid("the form says not which state of the user it is about")
	}
	if name == access.Of(r.Context()).Name {
		return p.userPage(w, r, &notTaken{Status: http.StatusConflict, Text: p.words(r).Say("user.remove.self")})
	}
	if err := p.cfg.Accounts.RemoveUser(r.Context(), name, revision, web.Actor(r)); err != nil {
		return p.refuseUser(w, r, err)
	}
	leave(w, r, "ok", "user.remove.done", name)
	return seeOther(w, r, usersPath)
}
