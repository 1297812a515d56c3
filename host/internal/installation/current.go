package installation

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/resolver"
)

const (
	// lookPatience bounds how long one look at what has become of what is installed takes.
	lookPatience = 5 * time.Minute
	// lookEvery is the time between two looks that nothing has caused.
	lookEvery = time.Hour
	// actorHost is who installs updates that nobody has asked for.
	actorHost = "host"
	// revokedKey is under which what is revoked is remembered over restarts.
	revokedKey = "installation.revocations"
	// maxRevoked bounds how much is remembered that is not installed any more.
	maxRevoked = 1000
)

// outlook is what the last look has found. It is not changed once it is made.
type outlook struct {
	findings []Finding
	// revoked is by digest, with what is not installed any more: it may come back.
	revoked map[string]Finding
}

// Look has what is installed looked at again soon: what is known of it, or what is installed,
// is otherwise than before. It never blocks.
func (i *Installation) Look() {
	select {
	case i.looks <- struct{}{}:
	default:
	}
}

// keepCurrent looks at what is installed until ctx ends, and has the updates installed that
// the policy wants.
func (i *Installation) keepCurrent(ctx context.Context) {
	i.Look()
	if i.cfg.House.Await(ctx, i.cfg.House.Looked) != nil {
		return // the host stops
	}
	due := make(chan struct{}, 1)
	i.work.Go(func() { i.keepUpdated(ctx, due) })
	for {
		next := lookEvery
		if now := i.cfg.Now(); i.cfg.Policy.automatic() && !i.cfg.Policy.Window.Open(now) {
			next = min(next, i.cfg.Policy.Window.Opens(now).Sub(now))
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-i.looks:
			timer.Stop()
		}
		i.look(ctx)
		if i.updates() {
			select {
			case due <- struct{}{}:
			default:
			}
		}
	}
}

// keepUpdated installs updates whenever they are due, until ctx ends. It is not part of
// looking: an update may take hours, and what is revoked meanwhile stops all the same.
func (i *Installation) keepUpdated(ctx context.Context, due <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-due:
			i.updateAll(ctx)
		}
	}
}

// updates reports whether an update may begin by itself now.
func (i *Installation) updates() bool {
	return i.cfg.Policy.automatic() && i.cfg.Policy.Window.Open(i.cfg.Now())
}

// look asks what has become of what is installed, and of what was revoked.
func (i *Installation) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	before := i.outlook.Load()
	installed := map[string]Installed{}
	var origins []Origin
	for _, x := range i.cfg.House.Installed() {
		installed[x.Digest] = x
		origins = append(origins, Origin{ID: x.ID, Version: x.Version, Digest: x.Digest, Repository: x.Repository})
	}
	for digest, f := range before.revoked {
		if _, ok := installed[digest]; !ok {
			origins = append(origins, Origin{ID: f.ID, Version: f.Version, Digest: digest, Repository: f.Repository})
		}
	}
	prospects, err := i.cfg.Repositories.Outlook(ctx, origins)
	if err != nil {
		if ctx.Err() == nil {
			i.cfg.Log.Warn("what has become of what is installed is not known", "error", err)
		}
		return
	}
	answers := map[string]Prospect{}
	broken := map[string]error{}
	for _, p := range prospects {
		answers[p.Digest] = p
		if p.Err != nil {
			broken[p.Repository] = p.Err
		}
	}
	for name, err := range broken {
		i.cfg.Log.Warn("what a repository says of what is installed is not known", "repository", name, "error", err)
	}
	was := map[string]Finding{}
	for _, f := range before.findings {
		was[f.Digest] = f
	}
	maps.Copy(was, before.revoked)
	next := &outlook{findings: []Finding{}, revoked: map[string]Finding{}}
	for _, o := range origins {
		f := judge(o, was[o.Digest], answers[o.Digest])
		_, here := installed[o.Digest]
		if f.Revoked != "" && (here || len(next.revoked) < maxRevoked) {
			next.revoked[o.Digest] = f
		}
		if here && f.says() {
			next.findings = append(next.findings, f)
		}
	}
	slices.SortFunc(next.findings, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	i.outlook.Store(next)
	i.applyRevoked(ctx, before.revoked, next.revoked)
}

// judge makes of what was found before and of what is answered now what holds from now on.
// Only who has revoked something takes that back, and only by an answer that is whole: a
// repository that is broken, or was taken out of the configuration, does not.
func judge(o Origin, was Finding, p Prospect) Finding {
	now := finding(o, p)
	switch {
	case now.Revoked != "":
		return now
	case p.Err != nil && was.says():
		return was
	case was.Revoked != "" && p.Repository != was.Repository:
		return was
	}
	return now
}

// says reports whether something is found.
func (f Finding) says() bool {
	return f.Revoked+f.Deprecated+f.Withdrawn != "" || len(f.Advisories) > 0
}

func finding(o Origin, p Prospect) Finding {
	f := Finding{
		ID: o.ID, Version: o.Version, Digest: o.Digest, Repository: p.Repository, Advisories: []Advisory{},
		Deprecated: p.Deprecated, Withdrawn: p.Withdrawn,
	}
	if r := p.Revocation; r != nil {
		f.Revoked = orText(r.Reason, "no reason is given")
	}
	for _, a := range p.Advisories {
		f.Advisories = append(f.Advisories, Advisory{ID: a.ID, Severity: string(a.Severity), Title: a.Title, Fixed: a.Fixed, URL: a.URL})
	}
	return f
}

// applyRevoked has what is revoked stopped, or run again, and remembers it for the next start.
func (i *Installation) applyRevoked(ctx context.Context, before, now map[string]Finding) {
	same := func(a, b Finding) bool { return a.Revoked == b.Revoked && a.Repository == b.Repository }
	if maps.EqualFunc(before, now, same) {
		return
	}
	body, err := json.Marshal(now)
	if err == nil {
		err = i.cfg.Rows.SetValue(ctx, revokedKey, string(body))
	}
	if err != nil {
		i.cfg.Log.Error("what is revoked cannot be written down: the next start learns of it a moment later", "error", err)
	}
	for digest, f := range now {
		if !same(before[digest], f) {
			i.cfg.Log.Warn("what is installed is revoked", "ext", f.ID, "version", f.Version, "digest", digest, "repository", f.Repository, "reason", f.Revoked)
		}
	}
	if err := i.cfg.House.Apply(ctx); err != nil && ctx.Err() == nil {
		i.cfg.Log.Warn("waiting for what is revoked to stop", "error", err)
	}
}

// rememberRevoked reads what was revoked when the host ran last.
func (i *Installation) rememberRevoked() {
	text := i.cfg.Rows.Value(revokedKey)
	if text == "" {
		return
	}
	o := &outlook{}
	if err := json.Unmarshal([]byte(text), &o.revoked); err != nil {
		i.cfg.Log.Error("what was revoked cannot be read", "error", err)
		return
	}
	i.outlook.Store(o)
}

// Revoked says why a bundle must not run that is installed, "" if it may. It is quick.
func (i *Installation) Revoked(digest string) string {
	if !i.cfg.StopRevoked {
		return ""
	}
	return i.outlook.Load().revoked[digest].Revoked
}

// Findings returns what repositories say of what is installed, by id, without those of which
// nothing is said.
func (i *Installation) Findings() []Finding { return slices.Clone(i.outlook.Load().findings) }

// Outdated returns the installed extensions for which there is a higher version that can be
// installed, by id. The error is a *Fault.
func (i *Installation) Outdated(ctx context.Context) ([]Outdated, error) {
	list := []Outdated{}
	plan, _, err := i.propose(ctx, Request{UpdateAll: true}, nil)
	if err != nil {
		return nil, err
	}
	for _, s := range plan.Steps {
		if s.Action != Upgrade {
			continue
		}
		o := Outdated{ID: s.ID, Version: s.From, Latest: s.To, Repository: s.Repository, Needs: []Need{}}
		for _, n := range plan.Needs {
			if n.ID == s.ID {
				o.Needs = append(o.Needs, n)
			}
		}
		o.Automatic, o.Why = i.cfg.Policy.judge(s.From, s.To, len(o.Needs))
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Outdated) int { return cmp.Compare(a.ID, b.ID) })
	return list, nil
}

// updateAll starts what the policy wants to be updated: a plan for each extension, so that
// one that fails keeps no other one back. Each version is tried once.
func (i *Installation) updateAll(ctx context.Context) {
	installed := map[string]Installed{}
	for _, x := range i.cfg.House.Installed() {
		installed[x.ID] = x
	}
	keep := func(r resolver.Release) bool {
		x, there := installed[r.ID]
		if !there {
			return i.cfg.Policy.Auto == AutoAll
		}
		ok, _ := i.cfg.Policy.judge(x.Version, r.Version, 0)
		return r.Version == x.Version || ok && !i.tried(r.ID, r.Version)
	}
	beta := i.cfg.Policy.Auto == AutoAll
	for _, id := range slices.Sorted(maps.Keys(installed)) {
		if ctx.Err() != nil || !i.updates() {
			return
		}
		if installed[id].Pinned {
			continue
		}
		r := Request{Update: []string{id}, Beta: beta, Actor: actorHost}
		plan, _, err := i.propose(ctx, r, keep)
		if err != nil || !plan.Changes() {
			continue
		}
		if len(plan.Needs) > 0 {
			i.cfg.Log.Info("an update waits for consent", "ext", id)
			continue
		}
		if p, err := i.start(ctx, r, keep); err != nil {
			i.cfg.Log.Warn("an update is not installed", "ext", id, "error", err)
		} else {
			i.cfg.Log.Info("an update is being installed", "ext", id, "plan", p.ID)
			i.await(ctx, p.ID)
		}
	}
}

// await waits for the end of a plan.
func (i *Installation) await(ctx context.Context, id string) {
	for ctx.Err() == nil {
		if p, ok := i.Plan(id); !ok || p.State.Over() {
			return
		}
		sleep(ctx, i.cfg.Patience.Retry)
	}
}

// tried reports whether a plan that nobody has asked for has failed to install a version, or
// somebody has undone one.
func (i *Installation) tried(id, version string) bool {
	for _, p := range i.Plans() {
		if p.State != Undone && (p.State != Failed || p.Actor != actorHost) {
			continue
		}
		for _, s := range p.Steps {
			if s.ID == id && s.Action != Keep && sameVersion(s.To, version) {
				return true
			}
		}
	}
	return false
}

// automatic reports whether any update comes by itself.
func (p Policy) automatic() bool { return p.Auto != AutoOff && p.Auto != "" }

// judge says whether an update comes by itself, and why not.
func (p Policy) judge(from, to string, needs int) (bool, string) {
	a, err1 := bundle.ParseVersion(from)
	b, err2 := bundle.ParseVersion(to)
	same := 0 // how many of the first numbers have to stay
	switch p.Auto {
	case AutoPatch:
		same = 2
	case AutoMinor, AutoAll:
		same = 1
		if number(from, 0) == "0" {
			same = 2
		}
	default:
		return false, "updates are installed when somebody asks for them (update.auto=off)"
	}
	for n := range same {
		if err1 != nil || err2 != nil || number(from, n) != number(to, n) {
			return false, "it goes further than update.auto=" + string(p.Auto) + " allows"
		}
	}
	switch {
	case b.Compare(a) <= 0:
		return false, "it is no higher version"
	case needs > 0:
		return false, "it needs consent"
	}
	return true, ""
}

// number is one of the dotted numbers of a version, without leading zeros; missing ones are 0.
func number(version string, n int) string {
	core, _, _ := strings.Cut(version, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if n >= len(parts) {
		return "0"
	}
	return cmp.Or(strings.TrimLeft(parts[n], "0"), "0")
}
