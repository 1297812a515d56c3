package host_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

const (
	deepA, deepB, deepC = "org.a.A", "org.b.B", "org.c.C"
)

// deep offers three extensions, each of which needs the next one.
func (s *shop) deep(t *testing.T, version string) {
	t.Helper()
	s.offer(t, moody{class: deepC, version: version})
	s.offer(t, moody{class: deepB, version: version, requires: deepC + " >=" + version})
	s.offer(t, moody{class: deepA, version: version, requires: deepB + " >=" + version})
}

func request(ids ...string) host.PlanRequest {
	return host.PlanRequest{Install: ids, Actor: "ann", Remote: "192.0.2.9"}
}

// begins starts a plan that must be taken.
func (w *world) begins(r host.PlanRequest) host.Plan {
	w.t.Helper()
	var p host.Plan
	if !eventually(func() bool {
		var err error
		p, err = w.StartPlan(w.t.Context(), r)
		var refusal *host.Error
		if err != nil && !(errors.As(err, &refusal) && refusal.Code == host.CodeUnavailable) {
			w.t.Fatalf("the plan is not taken: %v\n%+v\n%s", err, p, w.log)
		}
		return err == nil
	}) {
		w.t.Fatalf("the plan is never taken\n%s", w.log)
	}
	return p
}

// planPatience is for plans, in which several processes start one after the other.
const planPatience = 2 * time.Minute

// within polls as eventually does, with the patience for plans.
func within(ok func() bool) bool {
	for deadline := time.Now().Add(planPatience); time.Now().Before(deadline); {
		if eventually(ok) {
			return true
		}
	}
	return false
}

// awaitPlan polls until ok is true of a plan.
func (w *world) awaitPlan(id, what string, ok func(host.Plan) bool) host.Plan {
	w.t.Helper()
	var p host.Plan
	if !within(func() bool {
		var found bool
		p, found = w.Plan(id)
		return found && ok(p)
	}) {
		w.t.Fatalf("the plan is not %s: %+v\n%+v\n%s", what, p, w.Snapshot(), w.log)
	}
	return p
}

func (w *world) awaitOver(id string) host.Plan {
	w.t.Helper()
	return w.awaitPlan(id, "over", func(p host.Plan) bool { return p.State.Over() })
}

// folder lists the extensions folder.
func (w *world) folder() []string {
	w.t.Helper()
	list, err := os.ReadDir(w.home.Extensions())
	if err != nil {
		w.t.Fatal(err)
	}
	names := []string{}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func stepsOf(p host.Plan) []string {
	var list []string
	for _, s := range p.Steps {
		list = append(list, string(s.Action)+" "+s.ID+" "+s.To+" "+string(s.State))
	}
	return list
}

func TestPlanInstallsWhatIsNeededAndIsUndone(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.deep(t, "1")
	w := installer(t, t.TempDir(), s)
	dry, err := w.Propose(t.Context(), request(deepA))
	want := []string{"install " + deepC + " 1 planned", "install " + deepB + " 1 planned", "install " + deepA + " 1 planned"}
	if err != nil || dry.ID != "" || !slices.Equal(stepsOf(dry), want) || dry.State != "planned" || len(dry.Needs)+len(dry.Problems) != 0 {
		t.Fatalf("proposed: %+v, %v", dry, err)
	}
	p := w.awaitOver(w.begins(request(deepA)).ID)
	want = []string{"install " + deepC + " 1 running", "install " + deepB + " 1 running", "install " + deepA + " 1 running"}
	if p.State != "succeeded" || !slices.Equal(stepsOf(p), want) || p.Actor != "ann" || p.Steps[0].Bytes != p.Steps[0].Size || p.Steps[0].Size == 0 {
		t.Fatalf("the plan: %+v\n%s", p, w.log)
	}
	for _, id := range []string{deepA, deepB, deepC} {
		w.awaitRunning(id, "1")
	}
	if again := w.begins(request(deepA)); again.State != "succeeded" || len(again.Steps) != 1 || again.Steps[0].Action != "keep" {
		t.Errorf("asked for what is there: %+v", again)
	}
	var refusal *host.Error
	if _, err := w.CancelPlan(t.Context(), p.ID, ann()); !errors.As(err, &refusal) || refusal.Code != host.CodeConflict {
		t.Errorf("canceling a plan that is over: %v", err)
	}
	if _, err := w.UndoPlan(t.Context(), p.ID, ann()); err != nil {
		t.Fatal(err)
	}
	p = w.awaitOver(p.ID)
	if p.State != "undone" || p.Steps[0].State != "undone" || len(w.folder()) != 0 {
		t.Errorf("undone: %+v, in the folder %q", p, w.folder())
	}
	for _, id := range []string{deepA, deepB, deepC} {
		w.await(id, "gone", func(_ host.Extension, found bool) bool { return !found })
	}
	w.awaitEvents(deepA, "installed 1", "started 1", "undone 1")
	if got := w.decidedAbout(p.ID); got != "start-plan by ann, undo-plan by ann" {
		t.Errorf("decided was %q", got)
	}
}

// decidedAbout is what the audit trail says of a plan, the oldest first.
func (w *world) decidedAbout(id string) string {
	w.t.Helper()
	page, err := w.FindAudit(w.t.Context(), host.AuditQuery{Target: id})
	if err != nil {
		w.t.Fatal(err)
	}
	var said []string
	for _, e := range slices.Backward(page.Events) {
		said = append(said, e.Action+" by "+e.Actor)
	}
	return strings.Join(said, ", ")
}

func TestPlanUpgradesAllAtOnceAndIsUndone(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.offer(t, moody{class: deepB, version: "1"})
	s.offer(t, moody{class: deepA, version: "1", requires: deepB + " >=1 <2"})
	w := installer(t, t.TempDir(), s)
	w.awaitOver(w.begins(request(deepA)).ID)
	// Neither of the new ones fits the old other one.
	s.offer(t, moody{class: deepB, version: "2", overlap: true})
	s.offer(t, moody{class: deepA, version: "2", requires: deepB + " >=2", overlap: true})
	p := w.awaitOver(w.begins(host.PlanRequest{UpdateAll: true, Actor: "ann"}).ID)
	if p.State != "succeeded" || p.Kind != "update" || p.Steps[0].From != "1" {
		t.Fatalf("the update: %+v\n%s", p, w.log)
	}
	for _, id := range []string{deepA, deepB} {
		w.awaitRunning(id, "2")
		for _, e := range w.history(id) {
			if e.Kind == "stopped" {
				t.Errorf("%s was stopped on the way: %+v", id, e)
			}
		}
	}
	if _, err := w.UndoPlan(t.Context(), p.ID, ann()); err != nil {
		t.Fatal(err)
	}
	if p = w.awaitOver(p.ID); p.State != "undone" {
		t.Errorf("undone: %+v", p)
	}
	w.awaitRunning(deepA, "1")
	w.awaitRunning(deepB, "1")
	if got := w.folder(); !slices.Equal(got, []string{deepA + "-1.jar", deepB + "-1.jar"}) {
		t.Errorf("in the folder: %q", got)
	}
}
