package stores

import (
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/web"
	"github.com/jackfield-host/jackfield/host"
)

const (
	// planRefresh is after how many seconds a browser without scripts looks again.
	planRefresh = 2
	// planPause is the least time between two events of a plan: bytes come all the time.
	planPause = 400 * time.Millisecond
)

// Progress is how a plan goes.
type Progress struct {
	host.Plan
	Rows []Step
	Kept []Step
	Over bool
	// Cancel and Undo say that the reader can do that now.
	Cancel, Undo bool
}

func (d *Desk) find(r *http.Request) (host.Plan, error) {
	p, ok := d.cfg.Host.Plan(r.PathValue("plan"))
	if !ok {
		return p, web.NewProblem(http.StatusNotFound, host.CodeNotFound, "there is no such plan; the last 100 that have ended are kept")
	}
	return p, nil
}

func (d *Desk) plan(w http.ResponseWriter, r *http.Request) error {
	p, err := d.find(r)
	if err != nil {
		return err
	}
	view := Progress{Plan: p, Over: p.State.Over()}
	view.Rows, view.Kept = d.steps(p)
	if who := access.Of(r.Context()); who.Proof != "" && who.May(access.Install, "") {
		view.Cancel, view.Undo = !view.Over && !landed(p), p.State == host.PlanSucceeded && len(view.Rows) > 0
	}
	page := Page{Name: "plan", Updates: p.Kind == host.PlanUpdate, Inner: true, Data: view, Args: []any{string(p.State)}}
	if !view.Over {
		page.Refresh = planRefresh
	}
	return d.cfg.Render(w, r, page)
}

// landed reports whether something of the plan is in the extensions folder.
func landed(p host.Plan) bool {
	for _, s := range p.Steps {
		if s.State == host.StepInstalling || s.State == host.StepRunning && s.Action != host.StepKeep {
			return true
		}
	}
	return false
}

// follow tells by server-sent events each time that a plan is otherwise than before: "event:
// job", with its state as data. The page looks at it anew then. The answer ends with the plan.
func (d *Desk) follow(w http.ResponseWriter, r *http.Request) error {
	shown, err := d.find(r)
	if err != nil {
		return err
	}
	notices, err := d.cfg.Events(0)
	if err != nil {
		return err
	}
	defer notices.Close()
	stream, err := d.cfg.Streams.Open(w, r, access.See)
	if stream == nil {
		return err
	}
	defer stream.Close()
	shown.State = "" // the first event says how it is
	tell := func(struct{}) error {
		p, known := d.cfg.Host.Plan(shown.ID)
		if !known {
			return io.EOF
		}
		if !reflect.DeepEqual(p, shown) {
			shown = p
			if err := stream.Send("job", "", []byte(p.State)); err != nil {
				return err
			}
		}
		if p.State.Over() {
			return io.EOF
		}
		return nil
	}
	if tell(struct{}{}) == nil {
		web.Pump(stream, func(ctx context.Context) (struct{}, error) { return struct{}{}, gather(ctx, notices) }, tell)
	}
	return nil
}

// gather waits for a notice, and takes those of the next moment with it.
func gather(ctx context.Context, notices web.Notices) error {
	if _, err := notices.Next(ctx); err != nil {
		return err
	}
	pause, cancel := context.WithTimeout(ctx, planPause)
	defer cancel()
	for {
		if _, err := notices.Next(pause); err != nil {
			if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				return nil
			}
			return err
		}
	}
}

func (d *Desk) cancel(w http.ResponseWriter, r *http.Request) error {
	p, err := d.cfg.Host.CancelPlan(r.Context(), r.PathValue("plan"), web.Actor(r))
	if err != nil {
		return err
	}
	http.Redirect(w, r, PlanPath(p.ID), http.StatusSeeOther)
	return nil
}

// Undo is what is asked before a plan is taken back.
type Undo struct {
	ID   string
	Rows []Step
}

func (d *Desk) askUndo(w http.ResponseWriter, r *http.Request) error {
	p, err := d.find(r)
	if err != nil {
		return err
	}
	view := Undo{ID: p.ID}
	view.Rows, _ = d.steps(p)
	return d.cfg.Render(w, r, Page{Name: "plan-undo", Updates: p.Kind == host.PlanUpdate, Inner: true, Data: view})
}

func (d *Desk) undo(w http.ResponseWriter, r *http.Request) error {
	p, err := d.cfg.Host.UndoPlan(r.Context(), r.PathValue("plan"), web.Actor(r))
	if err != nil {
		return err
	}
	d.cfg.Leave(w, r, "ok", "undo")
	http.Redirect(w, r, PlanPath(p.ID), http.StatusSeeOther)
	return nil
}

// Names are what the extensions are called that were asked for.
func (v Progress) Names() []string { return asked(v.Plan, append(slices.Clone(v.Rows), v.Kept...)) }
