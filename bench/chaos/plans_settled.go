package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bench/chaos/behaviour"
)

// What may be wrong with a host that has settled.
const (
	faultPlans    = "plans that did not end, were lost, or ended otherwise than was ordered"
	faultHalf     = "half-installed plans"
	faultFiles    = "files left of what was under way, or half in the extensions folder"
	faultAudit    = "decisions that the audit trail lacks"
	faultChildren = "children alive a second after kill -9 of the host"
	faultAnswer   = "extensions that do not answer as the version that is installed"
)

// settle waits until all plans are over, and holds the host to what was ordered.
func (p *planner) settle(ctx context.Context) error {
	var list []installPlan
	err := await(ctx, 4*patience, "all plans are over", func() (bool, error) {
		if !p.running() {
			return false, fmt.Errorf("the host ended: %s", p.cmd.ProcessState)
		}
		var err error
		list, err = p.list(ctx)
		return err == nil && !slices.ContainsFunc(list, func(one installPlan) bool { return !one.over() }), nil
	})
	if err != nil {
		p.fault(faultPlans, "%v: %+v", err, list)
		return err
	}
	o := p.open
	p.open = nil
	if o != nil {
		p.conclude(o, list)
	}
	for _, one := range list {
		p.known[one.ID] = true
	}
	if err := p.whole(ctx); err != nil {
		return err
	}
	p.tidy(ctx)
	if o == nil || o.plan == "" {
		return nil
	}
	return p.audited(ctx, o)
}

// conclude says what became of an order, and what is installed now.
func (p *planner) conclude(o *order, list []installPlan) {
	var plan *installPlan
	for i, one := range list {
		if one.ID == o.plan || o.plan == "" && !p.known[one.ID] {
			plan = &list[i]
		}
	}
	outcome := "never begun"
	if plan != nil {
		outcome, o.plan = plan.State, plan.ID
	} else if o.said {
		p.fault(faultPlans, "%s to %d was accepted as %s, and is not there", o.kind, o.to, o.plan)
	}
	undo := o.kind == "undo"
	allowed := []string{"succeeded"} // an undo that was not accepted has left it so
	switch {
	case undo && o.said:
		allowed = []string{"undone"}
	case undo:
		allowed = append(allowed, "undone")
	case o.bad != "" || o.canceled:
		allowed = []string{"failed"}
	case o.kind == "cancel": // it is not known whether that came in time
		allowed = append(allowed, "failed")
	}
	if plan != nil && !slices.Contains(allowed, plan.State) {
		p.fault(faultPlans, "%s from %d to %d (bad %q, accepted %t, canceled %t, killed %q): the plan is %s %s", o.kind, o.from, o.to, o.bad, o.said, o.canceled, o.moment, plan.State, plan.Code)
	}
	switch {
	case undo && outcome == "undone":
		p.now, p.done = o.to, p.done[:len(p.done)-1]
	case !undo && outcome == "succeeded":
		p.now, p.done = o.to, append(p.done, *o)
	}
	p.outcomes[outcome]++
}

// whole says whether all three run in the version that is installed, or none is there.
func (p *planner) whole(ctx context.Context) error {
	for _, name := range chain {
		what, as := "is not there", func(r row) bool { return r.ID == "" }
		if p.now > 0 {
			what, as = "runs "+version(p.now), func(r row) bool { return r.runs(version(p.now)) && r.Candidate == nil }
		}
		if _, err := p.awaitRow(ctx, patience, name, what, as); err != nil {
			p.fault(faultHalf, "%v", err)
			return err // what comes after this says nothing
		}
		if p.now == 0 {
			continue
		}
		status, text, err := p.call(ctx, http.MethodPost, "http://"+p.requests+"/v1/requests/"+typeOf(name), "application/json", []byte(`{"n": 1}`))
		var answer behaviour.Answer
		if err == nil {
			err = json.Unmarshal(text, &answer)
		}
		if err != nil || status != http.StatusOK || answer.Version != version(p.now) {
			p.fault(faultAnswer, "%s answers %d %s, installed is %s", name, status, text, version(p.now))
		}
	}
	return nil
}

// tidy waits until nothing is left of what was under way, and looks at every file in the
// extensions folder.
func (p *planner) tidy(ctx context.Context) {
	var left []string
	err := await(ctx, patience, "nothing is left", func() (bool, error) {
		left = nil
		err := filepath.WalkDir(filepath.Join(p.home, "data"), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (temporary(d) || filepath.Base(filepath.Dir(path)) == "downloads") {
				left = append(left, path)
			}
			return nil // what has gone meanwhile is not left
		})
		return len(left) == 0, err
	})
	if err != nil {
		p.fault(faultFiles, "%v: %q", err, left)
	}
	highest := map[string]int{}
	files, err := os.ReadDir(p.drop())
	if err != nil {
		p.fault(faultFiles, "%v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".jar")
		at := strings.LastIndexByte(name, '.')
		n, err := strconv.Atoi(name[at+1:])
		data, unread := os.ReadFile(filepath.Join(p.drop(), f.Name()))
		if sum, ok := p.shop.sums[f.Name()]; err != nil || unread != nil || !ok || sum != sha256.Sum256(data) {
			p.fault(faultFiles, "%s in the extensions folder is not what was published (%v)", f.Name(), unread)
			continue
		}
		id, _, _ := strings.Cut(name, "-")
		highest[id] = max(highest[id], n)
	}
	for _, name := range chain {
		if n := highest[idOf(name)]; n != p.now {
			p.fault(faultHalf, "the highest file of %s is of version %d, installed is %d", name, n, p.now)
		}
	}
}

// auditEntry is a line of the audit trail.
type auditEntry struct {
	Time   time.Time `json:"time"`
	Actor  string    `json:"actor"`
	Action string    `json:"action"`
	Target string    `json:"target"`
	After  struct {
		Version string `json:"version"`
	} `json:"after"`
}

// audited says whether the audit trail tells of an order what was decided, and what came of
// it: for each extension the last word about the version of the plan.
func (p *planner) audited(ctx context.Context, o *order) error {
	from := url.QueryEscape(o.began.Add(-time.Second).UTC().Format(time.RFC3339))
	status, text, err := p.call(ctx, http.MethodGet, p.api("audit?limit=500&from="+from), "", nil)
	var page struct{ Events []auditEntry } // the newest first
	if err == nil && status == http.StatusOK {
		err = json.Unmarshal(text, &page)
	}
	if err != nil || status != http.StatusOK {
		return fmt.Errorf("the audit trail answers %d %.200s (%w)", status, text, err)
	}
	brought, installed := o.to, p.now == o.to && o.kind != "undo"
	if o.kind == "undo" {
		brought = o.from
	}
	for _, name := range chain {
		last := ""
		for _, e := range slices.Backward(page.Events) {
			if e.Target == idOf(name) && e.After.Version == version(brought) && (e.Action == "installed" || e.Action == "undone") {
				last = e.Action
			}
		}
		undone := o.kind == "undo" && p.now == o.to
		switch {
		case installed && last != "installed", undone && last != "undone", !installed && !undone && last == "installed":
			p.fault(faultAudit, "%s from %d to %d, killed %q: the last that is said of %s is %q, installed is %d", o.kind, o.from, o.to, o.moment, name, last, p.now)
		}
	}
	said := func(action string) bool {
		return slices.ContainsFunc(page.Events, func(e auditEntry) bool { return e.Action == action && e.Target == o.plan })
	}
	for _, act := range []struct {
		action string
		done   bool
	}{{"start-plan", o.kind != "undo"}, {"cancel-plan", o.canceled}, {"undo-plan", o.kind == "undo" && p.now == o.to}} {
		if act.done && !said(act.action) {
			p.fault(faultAudit, "%s from %d to %d (accepted %t, killed %q): nobody is said to have decided %s", o.kind, o.from, o.to, o.said, o.moment, act.action)
		}
	}
	return nil
}

func (p *planner) tell() {
	p.figure("kill -9 of the host and of the store", fmt.Sprintf("%d, %d", p.shots, p.shop.kills), "some", p.shots >= p.stage.plan.planKills)
	p.figure("plans, by how they ended", fmt.Sprint(p.outcomes), "some succeeded", p.outcomes["succeeded"] > 0)
	p.figure("how far they were when the host was killed", fmt.Sprint(p.moments), "reported", true)
	for _, kind := range []string{faultPlans, faultHalf, faultFiles, faultAudit, faultAnswer, faultChildren} {
		p.figure(kind, fmt.Sprint(p.faults[kind]), "0", p.faults[kind] == 0)
		delete(p.faults, kind)
	}
	for kind, n := range p.faults {
		p.figure(kind, fmt.Sprint(n), "0", false)
	}
	p.figure("ready to all plans over (median, worst)", ms(median(p.settling))+", "+ms(worst(p.settling)), "reported", true)
	for _, text := range p.told[:min(len(p.told), 10)] {
		p.note("%s: %s", p.stage.name, text)
	}
}
