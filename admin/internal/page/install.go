package page

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/stores"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// installHost is what takes bundles in: each is looked at before it is installed.
type installHost interface {
	Staged(token string, a host.Actor) (host.Staged, error)
	InstallStaged(ctx context.Context, i host.StagedInstall) (host.Uploaded, error)
	Unstage(token string, a host.Actor)
	Job(name string) (host.Job, bool)
}

func (p *Pages) installRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/admin/install", Right: access.Install, Page: true, Serve: p.installForm},
		{Method: "POST", Path: "/admin/install", Right: access.Install, Page: true, OwnProof: true, Serve: p.send},
		{Method: "GET", Path: "/admin/install/staged/{token}", Right: access.Install, Page: true, Serve: p.reviewStaged},
		{Method: "POST", Path: "/admin/install/staged/{token}", Right: access.Install, Page: true, Serve: p.install},
		{Method: "POST", Path: "/admin/install/staged/{token}/cancel", Right: access.Install, Page: true, Serve: p.cancelInstall},
		{Method: "GET", Path: "/admin/install/jobs/{job}", Right: access.Install, Page: true, Serve: p.job},
		{Method: "GET", Path: "/admin/install/jobs/{job}/events", Right: access.Install, Page: true, Serve: p.followJob},
	}
}

const installPath = "/admin/install"

// installForm is the form for a bundle. A link of a store, with an id, leads on to what is
// offered under that.
func (p *Pages) installForm(w http.ResponseWriter, r *http.Request) error {
	if to := stores.InstallLink(r.URL.Query()); to != "" {
		return seeOther(w, r, to)
	}
	return p.installPage(w, r, nil)
}

// installPage is the form, with what was wrong with the bundle that was sent last.
func (p *Pages) installPage(w http.ResponseWriter, r *http.Request, problem *web.Problem) error {
	said := p.words(r)
	data := struct {
		Max     int64
		Problem *web.Problem
		Reason  *words.Explanation // of the problem's code, if it is known
	}{p.cfg.Uploads.MaxBytes, problem, nil}
	status := 0
	if problem != nil {
		status = problem.Status
		if said.Explains(problem.Code) {
			reason := said.Explain(problem.Code)
			data.Reason = &reason
		}
	}
	return p.show(w, r, view{
		Template: "install.html", Status: status, Title: said.Say("install.title"), Section: sectionInstall,
		Scripts: []string{"install.js"}, Data: data,
	})
}

// send takes the form with a bundle. What is wrong with the bundle is said beside it.
func (p *Pages) send(w http.ResponseWriter, r *http.Request) error {
	staged, err := p.cfg.Uploads.ReceiveForm(w, r)
	if err == nil {
		http.Redirect(w, r, installPath+"/staged/"+staged.Token, http.StatusSeeOther)
		return nil
	}
	problem := web.ProblemOf(err)
	if problem == nil || problem.Status == http.StatusForbidden {
		return err
	}
	return p.installPage(w, r, problem)
}

// seen is what comes from a bundle as a title may have it.
func seen(text string) string { return visible.Clip(text, maxName) }

// reviewPage is what the page shows of a bundle before it is installed.
type reviewPage struct {
	host.Staged
	// Way is how it would be installed: the action, or no where it would not run.
	Way string
	// Asks are its permissions, those about which there is something to decide first.
	Asks []askedFor
	// Why explains the state that it comes to, nil for starting.
	Why *words.Explanation
	// Verdict explains what is wrong with the signature, nil for nothing.
	Verdict *words.Explanation
	// Accept says that the publisher has to be accepted.
	Accept bool
	// RemovesTypes says that requests which are answered now will not be any more.
	RemovesTypes bool
	Problem      *web.Problem
}

// askedFor is one permission that a bundle asks for.
type askedFor struct {
	permissionText
	// Standing is new, deny (before) or had; only what is had has no box.
	Standing string
}

// permissionText is one permission in words: a key of words and what stands in it.
type permissionText struct{ Name, Key, Of string }

func permissionTextOf(name string) permissionText {
	kind, of, _ := strings.Cut(name, ":")
	switch kind {
	case "kv", "events", "net", "sql", "call":
		return permissionText{name, "permission." + kind, of}
	}
	return permissionText{name, "permission.other", name}
}

func (p *Pages) reviewStaged(w http.ResponseWriter, r *http.Request) error {
	return p.reviewPage(w, r, nil)
}

// reviewPage shows what is staged, with why it was not installed just now.
func (p *Pages) reviewPage(w http.ResponseWriter, r *http.Request, problem *web.Problem) error {
	staged, err := p.cfg.Host.Staged(r.PathValue("token"), web.Actor(r))
	if err != nil {
		return p.notStaged(w, r, err)
	}
	said := p.words(r)
	v := view{
		Template: "review.html", Section: sectionInstall,
		Trail: []crumb{{said.Say("install.title"), installPath}}, Scripts: []string{"install.js"},
	}
	if problem != nil {
		v.Status = problem.Status
	}
	data := reviewOf(staged, said)
	data.Problem = problem
	v.Title, v.Data = said.Say("review."+data.Way, seen(staged.Name), seen(staged.Version)), data
	return p.show(w, r, v)
}

// notStaged leads back to the form, with a word, where nothing is staged any more.
func (p *Pages) notStaged(w http.ResponseWriter, r *http.Request, err error) error {
	problem := web.ProblemOf(err)
	if problem == nil || problem.Status != http.StatusNotFound {
		return err
	}
	return p.installPage(w, r, problem)
}

func reviewOf(s host.Staged, said *words.Words) reviewPage {
	data := reviewPage{Staged: s, Way: s.Action, Accept: s.Publisher == host.PublisherChanged && s.State == "refused"}
	if s.Signature.Code != "" && s.Signature.State != "valid" {
		reason := said.Explain(s.Signature.Code)
		data.Verdict = &reason
	}
	if s.Reason != nil && !data.Accept {
		reason := said.Explain(s.Reason.Code)
		data.Why = &reason
		if s.State == "refused" || s.State == "unsupported" {
			data.Way = "no"
		}
	}
	needs := map[string]bool{}
	for _, n := range s.Needs {
		needs[n.What] = true
	}
	for _, name := range s.Permissions {
		standing := "had"
		if needs[name] {
			standing = "new"
		} else if slices.Contains(s.Denied, name) {
			standing = "deny"
		}
		data.Asks = append(data.Asks, askedFor{permissionTextOf(name), standing})
	}
	order := []string{"new", "deny", "had"}
	slices.SortStableFunc(data.Asks, func(a, b askedFor) int {
		return slices.Index(order, a.Standing) - slices.Index(order, b.Standing)
	})
	if s.Changes != nil {
		data.RemovesTypes = slices.ContainsFunc(s.Changes.Types, func(t host.TypeChange) bool {
			return t.Kind == host.ChangeRemoved && t.Role == "request"
		})
	}
	return data
}

// Unchanged reports that nothing which a reader could care for is otherwise.
func (d reviewPage) Unchanged() bool {
	c := d.Changes
	return len(c.Types)+len(c.Asks)+len(c.Leaves) == 0 && c.ConfigSchema == host.ChangeNone && c.UpgradeFrom == c.UpgradeTo
}

// Here reports whether there is an executable for this host.
func (d reviewPage) Here() bool { return slices.Contains(d.Platforms, d.Platform) }

// Decides reports whether there is something to tick.
func (d reviewPage) Decides() bool { return len(d.Asks) > 0 && d.Asks[0].Standing != "had" }

// install takes the form that says yes.
func (p *Pages) install(w http.ResponseWriter, r *http.Request) error {
	token := r.PathValue("token")
	up, err := p.cfg.Host.InstallStaged(r.Context(), host.StagedInstall{
		Token: token, Installed: r.PostForm.Get("installed"), Grant: append([]string{}, r.PostForm["grant"]...),
		AcceptPublisher: r.PostForm.Get("publisher") == "accept", Actor: web.Actor(r),
	})
	if err != nil {
		problem := web.ProblemOf(err)
		if problem == nil {
			return err
		}
		return p.reviewPage(w, r, problem) // which says so if it is not there any more
	}
	query := url.Values{"id": {up.ID}}
	http.Redirect(w, r, installPath+"/jobs/"+url.PathEscape(up.Job)+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

func (p *Pages) cancelInstall(w http.ResponseWriter, r *http.Request) error {
	p.cfg.Host.Unstage(r.PathValue("token"), web.Actor(r))
	leave(w, r, "ok", "review.gone")
	http.Redirect(w, r, installPath, http.StatusSeeOther)
	return nil
}
