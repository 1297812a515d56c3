package page

import (
	"io"
	"net/http"
	"slices"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/host"
)

// jobPage is how an installation goes.
type jobPage struct {
	host.Job
	Name  string
	Steps []jobStep
	Over  bool
	// Row is the extension, nil when there is none (yet).
	Row *host.Extension
	// Why explains why it does not run, nil where it does or is on its way.
	Why *words.Explanation
	// Actions are ways out of that.
	Actions []action
}

// jobStep is one part of an installation: done, now, next or failed.
type jobStep struct{ State, How string }

func stepsOf(j host.Job) []jobStep {
	all := []host.JobState{host.JobReceiving, host.JobVerifying, host.JobStarting}
	at := slices.Index(all, j.State)
	if j.State.Ended() {
		at = len(all)
	}
	steps := make([]jobStep, len(all))
	for i, s := range all {
		switch {
		case i < at:
			steps[i] = jobStep{string(s), "done"}
		case i == at:
			steps[i] = jobStep{string(s), "now"}
		default:
			steps[i] = jobStep{string(s), "next"}
		}
	}
	if j.State == host.JobFailed || j.State == host.JobCanceled {
		steps[len(steps)-1].How = "failed"
	}
	return steps
}

// jobRefresh is after how many seconds a browser without scripts looks again.
const jobRefresh = 2

// followJob tells by server-sent events each time that an installation is otherwise than
// before: "event: job", with its state as data. The page looks at it anew then. The
// answer ends with the job.
func (p *Pages) followJob(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("job")
	if _, known := p.cfg.Host.Job(name); !known {
		return noJob()
	}
	notices, err := p.cfg.Events(0)
	if err != nil {
		return err
	}
	defer notices.Close()
	stream, err := p.cfg.Streams.Open(w, r, access.Install)
	if stream == nil {
		return err
	}
	defer stream.Close()
	told := host.JobState("")
	tell := func(host.Notice) error {
		j, known := p.cfg.Host.Job(name)
		if j.State != told {
			told = j.State
			if err := stream.Send("job", "", []byte(told)); err != nil {
				return err
			}
		}
		if told.Ended() || !known {
			return io.EOF
		}
		return nil
	}
	if tell(host.Notice{}) == nil {
		web.Pump(stream, notices.Next, tell)
	}
	return nil
}

func noJob() error {
	return web.NewProblem(http.StatusNotFound, host.CodeNotFound, "the host knows no such installation; those that are over are kept for a while only")
}

func (p *Pages) job(w http.ResponseWriter, r *http.Request) error {
	said := p.words(r)
	j, known := p.cfg.Host.Job(r.PathValue("job"))
	if !known {
		if id := r.URL.Query().Get("id"); id != "" {
			if _, there := p.cfg.Host.Extension(id); there {
				leave(w, r, "ok", "job.gone")
				http.Redirect(w, r, pathOf(id), http.StatusSeeOther)
				return nil
			}
		}
		return noJob()
	}
	data := jobPage{Job: j, Name: j.ID, Steps: stepsOf(j), Over: j.State.Ended()}
	if e, ok := p.cfg.Host.Extension(j.ID); ok {
		data.Row = &e
		if e.Name != "" {
			data.Name = e.Name
		}
	}
	v := view{
		Template: "job.html", Section: sectionInstall, Trail: []crumb{{said.Say("install.title"), installPath}},
		Scripts: []string{"install.js"},
	}
	title := "job.title"
	switch {
	case !data.Over:
		v.Refresh = jobRefresh
	case j.State == host.JobDone:
		title += ".done"
	case j.State == host.JobFailed:
		title += ".failed"
	default:
		title += ".other"
	}
	if data.Over && (j.Code != "" || j.State == host.JobFailed) {
		reason := said.Explain(j.Code)
		data.Why = &reason
		data.Actions = waysOut(reason, j.ID, said)
	}
	v.Title, v.Data = said.Say(title, seen(data.Name), seen(j.Version)), data
	return p.show(w, r, v)
}

// waysOut are links to the pages on which somebody can help an extension.
func waysOut(reason words.Explanation, id string, said *words.Words) []action {
	var ways []action
	link := func(key, href string) {
		if !slices.ContainsFunc(ways, func(a action) bool { return a.Href == href }) {
			ways = append(ways, action{Label: said.Say(key), Href: href})
		}
	}
	for _, help := range reason.Helps {
		switch help {
		case words.HelpLogs:
			link("go.logs", pathOf(id, "logs"))
		case words.HelpTrust, words.HelpConsent, words.HelpRecheck:
			link("go.trust", pathOf(id, "trust"))
		case words.HelpRollback, words.HelpUnpin:
			link("go.versions", pathOf(id, "versions"))
		case words.HelpConfigure:
			link("go.configure", pathOf(id, "config"))
		case words.HelpInstall:
			link("go.install", installPath)
		}
	}
	link("go.details", pathOf(id))
	return ways
}
