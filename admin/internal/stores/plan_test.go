package stores

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/host"
)

// TestProgress: how a plan goes, and what the reader can do about it by now.
func TestProgress(t *testing.T) {
	step := func(s host.StepState) host.PlanStep {
		return host.PlanStep{ID: "org.a.A", Action: host.StepInstall, State: s}
	}
	kept := host.PlanStep{ID: "org.b.B", Action: host.StepKeep, State: host.StepRunning}
	for _, c := range []struct {
		name               string
		who                access.Identity
		state              host.PlanState
		steps              []host.PlanStep
		cancel, undo, over bool
	}{
		{"under way", admin(), host.PlanRunning, []host.PlanStep{step(host.StepDownloading)}, true, false, false},
		{"what is kept runs all the time", admin(), host.PlanRunning, []host.PlanStep{kept, step(host.StepDownloading)}, true, false, false},
		{"something is in the folder", admin(), host.PlanRunning, []host.PlanStep{step(host.StepInstalling), step(host.StepReady)}, false, false, false},
		{"something runs", admin(), host.PlanRunning, []host.PlanStep{step(host.StepRunning), step(host.StepReady)}, false, false, false},
		{"done", admin(), host.PlanSucceeded, []host.PlanStep{step(host.StepRunning)}, false, true, true},
		{"done, and there was nothing to do", admin(), host.PlanSucceeded, []host.PlanStep{kept}, false, false, true},
		{"failed", admin(), host.PlanFailed, []host.PlanStep{step(host.StepFailed)}, false, false, true},
		{"taken back", admin(), host.PlanUndone, []host.PlanStep{step(host.StepUndone)}, false, false, true},
		{"without steps", admin(), host.PlanRunning, nil, true, false, false},
		{"for who only looks", viewer(), host.PlanRunning, []host.PlanStep{step(host.StepDownloading)}, false, false, false},
		{"for a program, which has no forms", program(), host.PlanSucceeded, []host.PlanStep{step(host.StepRunning)}, false, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{t: t, plans: []host.Plan{{ID: "7", State: c.state, Steps: c.steps}}}
			a := h.ask(c.who, "GET", PlansPath+"/7", nil)
			if v := shown[Progress](t, a); v.Cancel != c.cancel || v.Undo != c.undo || v.Over != c.over {
				t.Errorf("cancel %v, undo %v, over %v", v.Cancel, v.Undo, v.Over)
			}
			if (a.page.Refresh > 0) == c.over {
				t.Errorf("a browser without scripts looks again after %d s", a.page.Refresh)
			}
		})
	}
}

// TestPercent: how much has come is between nothing and all, whatever is said of it.
func TestPercent(t *testing.T) {
	for _, c := range []struct {
		name                  string
		bytes, total, percent int64
	}{
		{"nothing", 0, 100, 0}, {"half", 50, 100, 50}, {"all", 100, 100, 100}, {"more than there is", 500, 100, 100}, {"less than nothing", -5, 100, 0},
		{"of what is not known", 50, 0, 0}, {"of less than nothing", 50, -100, 0}, {"of more than there can be", 1 << 40, math.MaxInt64, 0}, {"of the largest file", 1 << 50, 1 << 50, 100},
	} {
		h := &house{t: t, plans: []host.Plan{{ID: "7", Steps: []host.PlanStep{{ID: "org.a.A", Bytes: c.bytes, Total: c.total}}}}}
		if v := shown[Progress](t, h.ask(viewer(), "GET", PlansPath+"/7", nil)); v.Rows[0].Percent != c.percent {
			t.Errorf("%s: %d %%", c.name, v.Rows[0].Percent)
		}
	}
}

// A plan that there is not has no page, and nothing of it is followed.
func TestNoSuchPlan(t *testing.T) {
	h := &house{t: t, plans: []host.Plan{{ID: "7"}}}
	for _, path := range []string{"/8", "/8/undo", "/8/events", "/7%00", "/%ff"} {
		if a := h.ask(admin(), "GET", PlansPath+path, nil); a.code() != host.CodeNotFound || a.page != nil || a.body != "" {
			t.Errorf("%s: %v, %v, %q", path, a.err, a.page, a.body)
		}
	}
}

// TestCancelAndUndo: they lead to the plan that it became, and a refusal is passed on.
func TestCancelAndUndo(t *testing.T) {
	for _, c := range []struct {
		verb string
		err  error
		to   string
		left string
		code string
	}{
		{verb: "cancel", to: "/admin/plans/9"},
		{verb: "undo", to: "/admin/plans/9", left: "ok undo"},
		{verb: "cancel", err: &host.Error{Code: host.CodeConflict, Message: "it is over"}, code: host.CodeConflict},
		{verb: "undo", err: &host.Error{Code: host.CodeNotFound, Message: "no such plan"}, code: host.CodeNotFound},
	} {
		h := &house{t: t, change: func(verb, id string, by host.Actor) (host.Plan, error) {
			if verb != c.verb || id != "7" || by.Name != "ada" {
				t.Errorf("%s asks to %s %s", by.Name, verb, id)
			}
			return host.Plan{ID: "9"}, c.err
		}}
		if a := h.ask(admin(), "POST", PlansPath+"/7/"+c.verb, nil); a.to != c.to || a.left != c.left || a.code() != c.code {
			t.Errorf("%s: to %q, %q, %v", c.verb, a.to, a.left, a.err)
		}
	}
	h := &house{t: t, plans: []host.Plan{{ID: "7", Kind: host.PlanUpdate, Steps: []host.PlanStep{{ID: "org.a.A"}, {ID: "org.b.B", Action: host.StepKeep}}}}}
	if a := h.ask(admin(), "GET", PlansPath+"/7/undo", nil); len(shown[Undo](t, a).Rows) != 1 || !a.page.Updates {
		t.Errorf("the question is %+v", a.page)
	}
}

// TestFollow: whoever follows a plan is told at once how it is, then when it is otherwise, not
// more often than the page can be looked at anew; and no longer than it lasts.
func TestFollow(t *testing.T) {
	plan := func(state host.PlanState, bytes int64) host.Plan {
		return host.Plan{ID: "7", State: state, Steps: []host.PlanStep{{ID: "org.a.A", Bytes: bytes}}}
	}
	const running, over = "event: job\ndata: running\n\n", "event: job\ndata: succeeded\n\n"
	for _, c := range []struct {
		name  string
		begin host.Plan
		then  func(*house)
		want  string
		takes time.Duration
	}{
		{"over already", plan(host.PlanSucceeded, 0), func(*house) {}, over, 0},
		{"many bytes come", plan(host.PlanRunning, 0), func(h *house) {
			for i := range 100 {
				h.now(plan(host.PlanRunning, int64(i)))
				time.Sleep(time.Millisecond)
			}
			h.now(plan(host.PlanSucceeded, 100))
		}, running + over, planPause},
		{"something else changes", plan(host.PlanRunning, 5), func(h *house) {
			h.now(plan(host.PlanRunning, 5), host.Plan{ID: "8"})
			time.Sleep(time.Second)
			h.now(plan(host.PlanSucceeded, 5))
		}, running + over, time.Second + planPause},
		{"it is forgotten", plan(host.PlanRunning, 0), func(h *house) { h.now() }, running, planPause},
		{"the host stops", plan(host.PlanRunning, 0), func(h *house) { close(h.told) }, running, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := &house{t: t, plans: []host.Plan{c.begin}, told: make(chan struct{})}
				told := make(chan struct{})
				began := time.Now()
				go func() {
					defer close(told)
					synctest.Wait()
					c.then(h)
				}()
				a := h.ask(viewer(), "GET", PlansPath+"/7/events", nil)
				if took := time.Since(began); a.err != nil || a.body != c.want || took != c.takes {
					t.Errorf("after %s, %v:\n%s", took, a.err, a.body)
				}
				<-told
				if h.closed != 1 {
					t.Errorf("%d have ended to listen", h.closed)
				}
			})
		})
	}
}

// A reader who leaves ends the answer.
func TestFollowerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &house{t: t, plans: []host.Plan{{ID: "7", State: host.PlanRunning}}, told: make(chan struct{})}
		ctx, leave := context.WithCancel(t.Context())
		go func() { synctest.Wait(); leave() }()
		a := h.askUntil(ctx, viewer(), "GET", PlansPath+"/7/events", nil)
		if a.err != nil || a.body != "event: job\ndata: running\n\n" || h.closed != 1 {
			t.Errorf("%v, %q, %d have ended to listen", a.err, a.body, h.closed)
		}
	})
}
