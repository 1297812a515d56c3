package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// chain are the extensions of the plans: each needs the next one in the same version.
var chain = [...]string{"front", "middle", "base"}

// installPlan is a plan as the admin API shows it.
type installPlan struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Code  string `json:"code"`
	Steps []struct {
		ID    string `json:"id"`
		From  string `json:"from"`
		To    string `json:"to"`
		State string `json:"state"`
	} `json:"steps"`
}

func (p installPlan) over() bool {
	return slices.Contains([]string{"succeeded", "failed", "undone"}, p.State)
}

// at is how far a plan is that is not over, in a word.
func (p installPlan) at() string {
	for _, state := range []string{"installing", "verifying", "downloading", "ready"} {
		for _, s := range p.Steps {
			if s.State == state {
				return state
			}
		}
	}
	if p.State == "running" {
		return "on probation"
	}
	return p.State
}

// order is what was asked for last, from one version of all three to another one; version
// number 0 is that they are not there.
type order struct {
	kind     string // install, update, cancel or undo
	bad      string // the name of the one that does not come up, "" for none
	from, to int
	plan     string // its id, "" while nobody has told
	said     bool   // it was accepted: it holds
	canceled bool   // to cancel it was accepted
	began    time.Time
	moment   string // at which the host was killed, "" if it was not
}

// planner is the scenario's state.
type planner struct {
	*stage
	*host
	shop *shop
	last int     // number of the version that was published last
	now  int     // number of what is installed, 0 for nothing
	done []order // that can be undone, the last one last
	open *order  // what was under way, nil for nothing

	known    map[string]bool // ids of plans
	shots    int
	moments  map[string]int
	outcomes map[string]int
	faults   map[string]int
	told     []string
	settling []time.Duration // from a start until all plans were over
}

// plans kills a host, and the store, while dependency plans are installed, updated, canceled
// and undone. After each start every plan ends, all of it has landed or nothing, nothing is
// left lying about, and the audit trail tells of each decision.
func plans(ctx context.Context, s *stage) error {
	sh, err := s.openShop(ctx)
	if err != nil {
		return err
	}
	defer sh.close()
	h, err := s.host("home", settings{"upgrade.probation": "1s", "timeouts.drain": "500ms"})
	if err == nil {
		err = sh.publisher.trusted(h)
	}
	for _, line := range []string{
		"repository.chaos.url = " + sh.url, "repository.chaos.root = " + filepath.Join(sh.dir, "root.pem"),
	} {
		err = errors.Join(err, h.configure(line))
	}
	if err != nil {
		return err
	}
	p := &planner{stage: s, host: h, shop: sh, known: map[string]bool{}, moments: map[string]int{}, outcomes: map[string]int{}, faults: map[string]int{}}
	for p.shots < s.plan.planKills && err == nil {
		err = p.round(ctx)
	}
	if err == nil {
		err = p.begin(ctx) // which looks at what the last kill left
	}
	p.tell()
	return err
}

// begin starts the host, unless it runs, and holds it to what must be when it has settled.
func (p *planner) begin(ctx context.Context) error {
	if !p.running() {
		if err := p.start(ctx); err != nil {
			return err
		}
	}
	if _, err := p.ready(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.settling = append(p.settling, time.Since(began))
	return p.sound(ctx)
}

// round starts the host, orders something, and kills the host or the store, or both.
func (p *planner) round(ctx context.Context) error {
	if err := p.begin(ctx); err != nil {
		return err
	}
	o := p.choose()
	if o.kind != "undo" {
		if err := p.offer(ctx, o); err != nil {
			return err
		}
	}
	p.open = o
	var crew sync.WaitGroup
	var outage error
	storeDies, hostDies := p.rng.IntN(3) == 0, p.rng.IntN(5) > 0
	if storeDies || !hostDies {
		after, length := p.within(time.Second), p.within(time.Second)
		crew.Go(func() { outage = p.shop.outage(ctx, after, length) })
	}
	err := p.play(ctx, o, hostDies)
	for hostDies && err == nil && p.rng.IntN(4) == 0 { // and again, while it starts
		if err = p.start(ctx); err == nil {
			err = errOr(pause(ctx, p.within(400*time.Millisecond)), func() error { return p.shoot("starting") })
		}
	}
	crew.Wait()
	return errors.Join(err, outage)
}

// within is a time by chance, less than most.
func (p *planner) within(most time.Duration) time.Duration {
	return time.Duration(p.rng.Int64N(int64(most)))
}

// choose says what is ordered next.
func (p *planner) choose() *order {
	kind := p.rng.IntN(10)
	switch {
	case len(p.done) > 2, len(p.done) > 0 && kind < 3:
		last := p.done[len(p.done)-1]
		return &order{kind: "undo", from: last.to, to: last.from, plan: last.plan}
	case p.now > 0 && kind < 5:
		return p.forward("cancel")
	case p.now == 0:
		return p.forward("install")
	}
	return p.forward("update")
}

// forward is an order of the next version.
func (p *planner) forward(kind string) *order {
	p.last++
	o := &order{kind: kind, from: p.now, to: p.last}
	if p.rng.IntN(6) == 0 {
		o.bad = chain[p.rng.IntN(len(chain))]
	}
	return o
}

// offer publishes what an order is to bring.
func (p *planner) offer(ctx context.Context, o *order) error {
	var parcels []parcel
	for i := len(chain) - 1; i >= 0; i-- {
		next := good(chain[i], o.to, (o.to+i)%2 == 0)
		next.behaviour.FailActivate = o.bad == chain[i]
		if i+1 < len(chain) {
			next.requires = fmt.Sprintf("%s >=%s <%s", idOf(chain[i+1]), version(o.to), version(o.to+1))
		}
		parcels = append(parcels, next)
	}
	if err := p.shop.publish(ctx, p.kit, parcels...); err != nil {
		return err
	}
	return p.shop.offered(ctx, p.host, parcels[len(parcels)-1])
}

// answer is what became of an order's request.
type answer struct {
	plan           installPlan
	said, canceled bool
	err            error // of the order: it was refused
}

// play gives an order, and kills the host at some moment of it, or waits for its end.
func (p *planner) play(ctx context.Context, o *order, hostDies bool) error {
	o.began = time.Now()
	until, after := p.moment(o)
	cancelAfter := p.within(300 * time.Millisecond)
	answers := make(chan answer, 1)
	go func() { answers <- p.give(ctx, *o, cancelAfter) }()
	place, deadline := "ordering", time.Time{}
	if until == "" {
		deadline = time.Now().Add(after)
	}
	limit := time.Now().Add(2 * patience)
	for hostDies && (deadline.IsZero() || time.Now().Before(deadline)) {
		if place = p.look(ctx, place); deadline.IsZero() && (place == until || place == "over") {
			deadline = time.Now().Add(after)
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			break
		}
		if time.Now().After(limit) {
			p.fault("plans that do not go on", "%s to %d: it stays %s, and was to be killed when %s", o.kind, o.to, place, until)
			break
		}
	}
	var err error
	if hostDies {
		if o.kind == "undo" && place == "on probation" {
			place = "taken back"
		}
		o.moment = place
		err = p.shoot(place)
	}
	a := <-answers
	if a.said {
		o.said, o.canceled = true, a.canceled
		o.plan = a.plan.ID
	}
	return errors.Join(err, a.err)
}

// moment chooses when the host is killed: some time after a plan is so far, or after it was
// ordered for "".
func (p *planner) moment(o *order) (until string, after time.Duration) {
	type choice struct {
		until string
		most  time.Duration
	}
	choices := []choice{
		{"", 50 * time.Millisecond}, {"", 2 * time.Second}, {"downloading", 800 * time.Millisecond}, {"ready", 100 * time.Millisecond},
		{"installing", 50 * time.Millisecond}, {"installing", 300 * time.Millisecond}, {"on probation", time.Second},
	}
	switch {
	case o.kind == "undo":
		choices = []choice{{"", 30 * time.Millisecond}, {"", 150 * time.Millisecond}, {"on probation", 150 * time.Millisecond}, {"on probation", 400 * time.Millisecond}}
	case o.kind == "cancel":
		choices = []choice{{"", 100 * time.Millisecond}, {"downloading", 400 * time.Millisecond}, {"", time.Second}}
	case o.bad != "":
		choices = []choice{{"installing", 200 * time.Millisecond}, {"installing", 500 * time.Millisecond}, {"installing", time.Second}}
	}
	c := choices[p.rng.IntN(len(choices))]
	return c.until, p.within(c.most)
}

// look says how far the plan under way is; place is what is said if there is no answer.
func (p *planner) look(ctx context.Context, place string) string {
	list, err := p.list(ctx)
	if err != nil {
		return place
	}
	for _, one := range list { // the newest first
		switch {
		case !one.over():
			return one.at()
		case !p.known[one.ID], one.State == "undone" && one.ID == p.open.plan:
			return "over"
		}
	}
	return place // it has not begun
}

func (p *planner) list(ctx context.Context) ([]installPlan, error) {
	var list struct{ Plans []installPlan }
	status, text, err := p.call(ctx, http.MethodGet, p.api("plans"), "", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the list of plans answers %d %.200s", status, text)
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	return list.Plans, err
}

// give sends the request of an order. That the host died is no error.
func (p *planner) give(ctx context.Context, o order, cancelAfter time.Duration) (a answer) {
	path, body := "plans", fmt.Sprintf(`{"install": [%q]}`, idOf(chain[0]))
	switch {
	case o.kind == "undo":
		path, body = "plans/"+o.plan+"/undo", ""
	case o.from > 0:
		body = `{"update": []}`
	}
	if a.said, a.plan, a.err = p.ask(ctx, path, body); !a.said || o.kind != "cancel" {
		return a
	}
	if a.err = pause(ctx, cancelAfter); a.err != nil {
		return a
	}
	var refused error
	a.canceled, _, refused = p.ask(ctx, "plans/"+a.plan.ID+"/cancel", "")
	if refused != nil && !strings.Contains(refused.Error(), "conflict") { // it may have landed
		a.err = refused
	}
	return a
}

// ask sends a request about a plan. said is that it was accepted; the error, that it was not.
func (p *planner) ask(ctx context.Context, path, body string) (said bool, plan installPlan, err error) {
	media := ""
	if body != "" {
		media = "application/json"
	}
	status, text, err := p.call(ctx, http.MethodPost, p.api(path), media, []byte(body))
	switch {
	case err != nil: // the host has died
		return false, plan, nil
	case status != http.StatusAccepted && status != http.StatusOK:
		return false, plan, fmt.Errorf("%s %s is refused: %d %.500s", path, body, status, text)
	}
	return true, plan, json.Unmarshal(text, &plan)
}

// shoot kills the host.
func (p *planner) shoot(moment string) error {
	p.kill()
	p.shots++
	p.moments[moment]++
	for _, left := range p.orphans() {
		p.fault(faultChildren, "killed when %s: %s", moment, left)
	}
	return nil
}

// fault notes that something is not as it must be.
func (p *planner) fault(kind, format string, args ...any) {
	p.faults[kind]++
	p.told = append(p.told, fmt.Sprintf("kill %d: %s: ", p.shots, kind)+fmt.Sprintf(format, args...))
}
