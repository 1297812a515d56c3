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
	revokedKey = "installation.revoked"
)

// outlook is what the last look has found. It is not changed once it is made.
type outlook struct {
	findings []Finding
	revoked  map[string]string // reason by digest
}

// Look has what is installed looked at again soon: what is known of it, or what is installed,
// is otherwise than before. It never blocks.
func (i *Installation) Look() {
	select {
	case i.looks <- struct{}{}:
	default:
	}
}

// keepCurrent looks at what is installed until ctx ends, and installs the updates that the
// policy wants.
func (i *Installation) keepCurrent(ctx context.Context) {
	i.Look()
	if i.cfg.House.Await(ctx, i.cfg.House.Looked) != nil {
		return // the host stops
	}
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
		if i.cfg.Policy.automatic() && i.cfg.Policy.Window.Open(i.cfg.Now()) {
			i.updateAll(ctx)
		}
	}
}

// look asks what has become of what is installed.
func (i *Installation) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	installed := map[string]Installed{}
	var origins []Origin
	for _, x := range i.cfg.House.Installed() {
		installed[x.Digest] = x
		origins = append(origins, Origin{ID: x.ID, Version: x.Version, Digest: x.Digest, Repository: x.Repository})
	}
	prospects, err := i.cfg.Repositories.Outlook(ctx, origins)
	if err != nil {
		if ctx.Err() == nil {
			i.cfg.Log.Warn("what has become of what is installed is not known", "error", err)
		}
		return
	}
	next := &outlook{findings: []Finding{}, revoked: map[string]string{}}
	for _, p := range prospects {
		x, ok := installed[p.Digest]
		if !ok {
			continue
		}
		f := finding(x, p)
		if f.Revoked != "" {
			next.revoked[x.Digest] = f.Revoked
		}
		if f.Revoked+f.Deprecated+f.Withdrawn != "" || len(f.Advisories) > 0 {
			next.findings = append(next.findings, f)
		}
	}
	slices.SortFunc(next.findings, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
	before := i.outlook.Swap(next)
	if !maps.Equal(before.revoked, next.revoked) {
		i.applyRevoked(ctx, next.revoked)
	}
}

func finding(x Installed, p Prospect) Finding {
	f := Finding{
		ID: x.ID, Version: x.Version, Digest: x.Digest, Repository: p.Repository, Advisories: []Advisory{},
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
func (i *Installation) applyRevoked(ctx context.Context, revoked map[string]string) {
	body, err := json.Marshal(revoked)
	if err == nil {
		err = i.cfg.Rows.SetValue(ctx, revokedKey, string(body))
	}
	if err != nil {
		i.cfg.Log.Error("what is revoked cannot be written down: the next start learns of it a moment later", "error", err)
	}
	for digest, why := range revoked {
		i.cfg.Log.Warn("what is installed is revoked", "digest", digest, "reason", why)
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
		i.cfg.Log.Warn("what was revoked cannot be read", "error", err)
		return
	}
	i.outlook.Store(o)
}

// Revoked says why a bundle must not run that is installed, "" if it may. It is quick.
func (i *Installation) Revoked(digest string) string {
	if !i.cfg.StopRevoked {
		return ""
	}
	return i.outlook.Load().revoked[digest]
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
		if installed[id].Pinned || ctx.Err() != nil {
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
