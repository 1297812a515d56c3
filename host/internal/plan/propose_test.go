package plan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host/internal/plan"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// world is a host in which some things are installed, and one repository.
type world struct {
	starting  bool
	installed []plan.Installed
	pins      map[string]string
	decided   map[string][]string
	offers    map[string][]offer // by id
	broken    error
	asked     plan.Reach
}

// offer is a release of a repository.
type offer struct {
	version, publisher, needs string
	permissions               []string
	beta                      bool
}

func (w *world) Looked() bool                   { return !w.starting }
func (w *world) Installed() []plan.Installed    { return w.installed }
func (w *world) Publishers() map[string]string  { return w.pins }
func (w *world) Decided(id string) []string     { return w.decided[id] }
func digestOf(id string, version string) string { return "sha256:" + id + version }

func (w *world) Universe(_ context.Context, reach plan.Reach) ([]resolver.Repository, error) {
	w.asked = reach
	releases := func(id string) ([]resolver.Release, error) {
		var list []resolver.Release
		for _, o := range w.offers[id] {
			if o.beta && !reach.Beta[id] {
				continue
			}
			v, err := bundle.ParseVersion(o.version)
			if err != nil {
				return nil, err
			}
			r := resolver.Release{ID: id, Version: o.version, Order: v, Digest: digestOf(id, o.version), Publisher: o.publisher}
			if o.needs != "" {
				need, err := bundle.ParseRequirement(o.needs)
				if err != nil {
					return nil, err
				}
				r.Needs = resolver.Needs([]bundle.Requirement{need})
			}
			list = append(list, r)
		}
		return list, w.broken
	}
	return []resolver.Repository{{Name: "shop", Releases: releases}}, nil
}

func (w *world) Release(_ context.Context, repository, id, version string) (plan.Release, error) {
	for _, o := range w.offers[id] {
		if o.version == version {
			return plan.Release{Publisher: "Acme", Size: 7, Permissions: o.permissions}, nil
		}
	}
	return plan.Release{}, &plan.Unfetched{Code: "release_gone", Err: errors.New("it is gone")}
}

func (w *world) propose(t *testing.T, r plan.Request) (plan.Plan, []plan.Terms, error) {
	t.Helper()
	p := &plan.Planner{Repositories: w, House: w, HostVersion: "1.0.0", Platform: "linux-amd64", Now: func() time.Time { return time.Unix(1e9, 0) }}
	return p.Propose(t.Context(), r, nil)
}

// show is a plan in short: what is done, and what is missing.
func show(p plan.Plan) string {
	var said []string
	for _, s := range p.Steps {
		said = append(said, strings.TrimSpace(fmt.Sprintf("%s %s %s>%s", s.Action, s.ID, s.From, s.To)))
	}
	for _, n := range p.Needs {
		said = append(said, fmt.Sprintf("needs %s %s %s", n.ID, n.Kind, n.What))
	}
	for _, problem := range p.Problems {
		said = append(said, "problem "+problem.Code)
	}
	return strings.Join(said, "; ")
}

func TestPropose(t *testing.T) {
	const a, b, pin, other = "org.acme.A", "org.acme.B", "sha256:one@acme.example", "sha256:two@acme.example"
	has := func(id, version string) plan.Installed {
		return plan.Installed{ID: id, Version: version, Digest: digestOf(id, version), File: id + ".jar"}
	}
	for _, c := range []struct {
		name  string
		world world
		ask   plan.Request
		want  string
	}{
		{"the highest", world{offers: map[string][]offer{a: {{version: "1.0"}, {version: "1.10"}, {version: "1.9"}}}}, plan.Request{Install: []string{a}}, "install " + a + " >1.10"},
		{"by its version", world{offers: map[string][]offer{a: {{version: "1.0"}, {version: "2.0"}}}}, plan.Request{Install: []string{a + "@1.0"}}, "install " + a + " >1.0"},
		{"by constraints", world{offers: map[string][]offer{a: {{version: "1.0"}, {version: "1.5"}, {version: "2.0"}}}}, plan.Request{Install: []string{a + "@>=1 <2"}}, "install " + a + " >1.5"},
		{"what it needs first", world{offers: map[string][]offer{a: {{version: "1.0", needs: b + " >=2"}}, b: {{version: "1.0"}, {version: "2.0"}}}}, plan.Request{Install: []string{a}},
			"install " + b + " >2.0; install " + a + " >1.0"},
		{"what it needs is there", world{installed: []plan.Installed{has(b, "2.0")}, offers: map[string][]offer{a: {{version: "1.0", needs: b + " >=2"}}, b: {{version: "2.0"}}}}, plan.Request{Install: []string{a}},
			"install " + a + " >1.0; keep " + b + " 2.0>2.0"},
		{"nobody has it", world{}, plan.Request{Install: []string{a}}, "problem unknown_extension"},
		{"the repository does not say", world{broken: errors.New("it burns")}, plan.Request{Install: []string{a}}, "problem no_version"},
		{"it is the newest", world{installed: []plan.Installed{has(a, "1.0")}, offers: map[string][]offer{a: {{version: "1.0"}}}}, plan.Request{Update: []string{a}}, "keep " + a + " 1.0>1.0"},
		{"all updates", world{installed: []plan.Installed{has(a, "1.0"), has(b, "1.0")}, offers: map[string][]offer{a: {{version: "1.1"}}, b: {{version: "1.1"}}}}, plan.Request{UpdateAll: true},
			"upgrade " + a + " 1.0>1.1; upgrade " + b + " 1.0>1.1"},
		{"a lower one that is asked for", world{installed: []plan.Installed{has(a, "2.0")}, offers: map[string][]offer{a: {{version: "1.0"}, {version: "2.0"}}}}, plan.Request{Install: []string{a + "@1.0"}}, "downgrade " + a + " 2.0>1.0"},
		{"no beta unasked", world{offers: map[string][]offer{a: {{version: "1.0"}, {version: "2.0", beta: true}}}}, plan.Request{Install: []string{a}}, "install " + a + " >1.0"},
		{"beta", world{offers: map[string][]offer{a: {{version: "1.0"}, {version: "2.0", beta: true}}}}, plan.Request{Install: []string{a}, Beta: true}, "install " + a + " >2.0"},
		{"beta by its version", world{offers: map[string][]offer{a: {{version: "2.0", beta: true}}}}, plan.Request{Install: []string{a + "@2.0"}}, "install " + a + " >2.0"},
		{"permissions", world{decided: map[string][]string{a: {"kv"}}, offers: map[string][]offer{a: {{version: "1.0", permissions: []string{"kv", "net:x:1"}}}}}, plan.Request{Install: []string{a}},
			"install " + a + " >1.0; needs " + a + " permission net:x:1"},
		{"permissions that are consented to", world{offers: map[string][]offer{a: {{version: "1.0", permissions: []string{"kv"}}}}},
			plan.Request{Install: []string{a}, Consent: []plan.Need{{ID: a, Digest: digestOf(a, "1.0"), Kind: plan.NeedPermission, What: "kv"}}}, "install " + a + " >1.0"},
		{"a consent to other bytes", world{offers: map[string][]offer{a: {{version: "1.0", permissions: []string{"kv"}}}}},
			plan.Request{Install: []string{a}, Consent: []plan.Need{{ID: a, Digest: digestOf(a, "0.9"), Kind: plan.NeedPermission, What: "kv"}}}, "install " + a + " >1.0; needs " + a + " permission kv"},
		{"another publisher", world{pins: map[string]string{a: pin}, offers: map[string][]offer{a: {{version: "1.0", publisher: other}}}}, plan.Request{Install: []string{a}},
			"install " + a + " >1.0; needs " + a + " publisher " + other},
		{"another publisher that is consented to", world{pins: map[string]string{a: pin}, offers: map[string][]offer{a: {{version: "1.0", publisher: other}}}},
			plan.Request{Install: []string{a}, Consent: []plan.Need{{ID: a, Digest: digestOf(a, "1.0"), Kind: plan.NeedPublisher, What: other}}}, "install " + a + " >1.0"},
		{"the pinned publisher rather than a higher version", world{pins: map[string]string{a: pin}, offers: map[string][]offer{a: {{version: "1.0", publisher: pin}}}}, plan.Request{Install: []string{a}}, "install " + a + " >1.0"},
		{"all is consented to", world{pins: map[string]string{a: pin}, offers: map[string][]offer{a: {{version: "1.0", publisher: other, permissions: []string{"kv"}}}}}, plan.Request{Install: []string{a}, ConsentAll: true}, "install " + a + " >1.0"},
		{"what is pinned stays", world{installed: []plan.Installed{{ID: a, Version: "1.0", Digest: digestOf(a, "1.0"), Pinned: true}}, offers: map[string][]offer{a: {{version: "2.0"}}}}, plan.Request{UpdateAll: true}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, terms, err := c.world.propose(t, c.ask)
			if got := show(p); err != nil || got != c.want {
				t.Errorf("it comes to %s, %v, want %s (%+v)", got, err, c.want, p.Problems)
			}
			if len(terms) != len(p.Steps) {
				t.Errorf("%d terms of %d steps", len(terms), len(p.Steps))
			}
		})
	}
}

// What is remembered of a step is what it goes back to, and what was consented to.
func TestTerms(t *testing.T) {
	const a = "org.acme.A"
	w := world{
		installed: []plan.Installed{{ID: a, Version: "1.0", Digest: digestOf(a, "1.0"), File: "a.jar", Repository: "elsewhere"}},
		pins:      map[string]string{a: "sha256:one@acme.example"},
		offers:    map[string][]offer{a: {{version: "2.0", publisher: "sha256:two@acme.example", permissions: []string{"kv"}}}},
	}
	_, terms, err := w.propose(t, plan.Request{Install: []string{a}, ConsentAll: true})
	if err != nil || len(terms) != 1 {
		t.Fatalf("%+v, %v", terms, err)
	}
	got := terms[0]
	before := plan.Before{Digest: digestOf(a, "1.0"), File: "a.jar", Publisher: "sha256:one@acme.example", Repository: "elsewhere"}
	if got.Before != before || !slices.Equal(got.Grant, []string{"kv"}) || got.Publisher == nil || *got.Publisher != "sha256:two@acme.example" {
		t.Errorf("%+v", got)
	}
	if w.asked.Publishers[a] == "" || !slices.Contains(w.asked.IDs, a) {
		t.Errorf("the repositories were asked %+v", w.asked)
	}
}

func TestRequestsThatAreNone(t *testing.T) {
	many := make([]string, 101)
	for n := range many {
		many[n] = fmt.Sprintf("org.acme.x%d", n)
	}
	for name, c := range map[string]struct {
		world world
		ask   plan.Request
		code  string
	}{
		"nothing":                     {world{}, plan.Request{}, plan.CodeInvalid},
		"too much":                    {world{}, plan.Request{Install: many}, plan.CodeInvalid},
		"no id":                       {world{}, plan.Request{Install: []string{"no id"}}, plan.CodeInvalid},
		"no version":                  {world{}, plan.Request{Install: []string{"org.acme.A@newest"}}, plan.CodeInvalid},
		"an empty version":            {world{}, plan.Request{Install: []string{"org.acme.A@"}}, plan.CodeInvalid},
		"optional":                    {world{}, plan.Request{Install: []string{"org.acme.A@>=1; optional"}}, plan.CodeInvalid},
		"to update what is not there": {world{}, plan.Request{Update: []string{"org.acme.A"}}, plan.CodeInvalid},
		"before the host has looked":  {world{starting: true}, plan.Request{UpdateAll: true}, plan.CodeUnavailable},
	} {
		_, _, err := c.world.propose(t, c.ask)
		if f, ok := errors.AsType[*plan.Fault](err); !ok || f.Code != c.code || f.Message == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
