package resolver_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// need reads "id >=1 <2; optional".
func need(t testing.TB, text string) resolver.Need {
	t.Helper()
	text, optional := strings.CutSuffix(text, "; optional")
	fields := strings.Fields(text)
	r := bundle.Requirement{ID: fields[0], Optional: optional}
	for _, f := range fields[1:] {
		end := len(f) - len(strings.TrimLeft(f, "<>="))
		r.Constraints = append(r.Constraints, bundle.Constraint{Op: bundle.Op(f[:end]), Version: version(t, f[end:])})
	}
	return resolver.Needs([]bundle.Requirement{r})[0]
}

func version(t testing.TB, text string) bundle.Version {
	t.Helper()
	v, err := bundle.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// release reads "id 1.0: need, need".
func release(t testing.TB, text string) resolver.Release {
	t.Helper()
	head, needs, _ := strings.Cut(text, ":")
	id, v, _ := strings.Cut(head, " ")
	r := resolver.Release{ID: id, Version: v, Digest: "sha256:" + id + "-" + v, Publisher: "acme"}
	if needs != "" {
		for n := range strings.SplitSeq(needs, ",") {
			r.Needs = append(r.Needs, need(t, strings.TrimSpace(n)))
		}
	}
	return r
}

// repository has releases as release reads them, one a line.
func repository(t testing.TB, name string, priority int, text string, change ...func(*resolver.Release)) resolver.Repository {
	t.Helper()
	all := map[string][]resolver.Release{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		r := release(t, line)
		for _, c := range change {
			c(&r)
		}
		all[r.ID] = append(all[r.ID], r)
	}
	return resolver.Repository{Name: name, Priority: priority, Releases: func(id string) ([]resolver.Release, error) { return all[id], nil }}
}

func installed(t testing.TB, texts ...string) []resolver.Installed {
	t.Helper()
	var list []resolver.Installed
	for _, text := range texts {
		text, pinned := strings.CutPrefix(text, "pinned ")
		text, held := strings.CutPrefix(text, "held ")
		list = append(list, resolver.Installed{Release: release(t, text), Pinned: pinned, Held: held})
	}
	return list
}

// asks reads "id" or "id >=1".
func asks(t testing.TB, texts ...string) []resolver.Ask {
	t.Helper()
	var list []resolver.Ask
	for _, text := range texts {
		n := need(t, text)
		a := resolver.Ask{ID: n.ID}
		if strings.Contains(text, " ") {
			a.Version = n.Version
		}
		list = append(list, a)
	}
	return list
}

func conflict(t testing.TB, err error) *resolver.Conflict {
	t.Helper()
	var c *resolver.Conflict
	if !errors.As(err, &c) {
		t.Fatalf("%v is no conflict", err)
	}
	return c
}

// told is a plan, or why there is none, as a text.
func told(t testing.TB, p *resolver.Plan, err error) string {
	t.Helper()
	var b strings.Builder
	if err != nil {
		c := conflict(t, err)
		fmt.Fprintln(&b, c.Code)
		for _, r := range c.Reasons {
			fmt.Fprintln(&b, r)
		}
		for _, h := range c.Hints {
			fmt.Fprintln(&b, "hint:", h)
		}
		return strings.TrimSpace(b.String())
	}
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s", s.Action, s.ID)
		if s.From != "" {
			fmt.Fprintf(&b, " %s ->", s.From)
		}
		fmt.Fprintf(&b, " %s", s.Version)
		if s.Repository != "" {
			fmt.Fprintf(&b, " from %s", s.Repository)
		}
		fmt.Fprintf(&b, ": %s\n", strings.Join(s.Why, "; "))
	}
	for _, u := range p.Unmet {
		fmt.Fprintln(&b, "unmet:", u)
	}
	return strings.TrimSpace(b.String())
}

func TestStories(t *testing.T) {
	for _, c := range []struct {
		name     string
		releases string
		have     []string
		install  []string
		update   []string
		all      bool
		remove   []string
		want     string
	}{
		{name: "one extension", releases: "a 1.0\na 1.10\na 1.9", install: []string{"a"},
			want: "install a 1.10 from main: you ask for a"},
		{name: "a version of one", releases: "a 1.0\na 1.10\na 1.9", install: []string{"a =1.9"},
			want: "install a 1.9 from main: you ask for a =1.9"},
		{name: "what it needs comes before it", releases: "a 1.0: b >=1, c >=1\nb 1.0: d >=1\nc 1.0\nd 1.0", install: []string{"a"},
			want: `install d 1.0 from main: b 1.0 needs d >=1; a 1.0, asked for, needs b >=1; you ask for a
install b 1.0 from main: a 1.0, asked for, needs b >=1; you ask for a
install c 1.0 from main: a 1.0, asked for, needs c >=1; you ask for a
install a 1.0 from main: you ask for a`},
		{name: "a diamond", releases: "a 1.0: b >=1, c >=1\nb 1.0: d <3\nc 1.0: d >=2\nd 3.0\nd 2.0\nd 1.0", install: []string{"a"},
			want: `install d 2.0 from main: b 1.0 needs d <3; a 1.0, asked for, needs b >=1; you ask for a
install b 1.0 from main: a 1.0, asked for, needs b >=1; you ask for a
install c 1.0 from main: a 1.0, asked for, needs c >=1; you ask for a
install a 1.0 from main: you ask for a`},
		{name: "a diamond that takes a step back", releases: "a 1.0: b >=1, c >=1\nb 2.0: d >=3\nb 1.0: d >=1\nc 1.0: d <3\nd 3.0\nd 2.0", install: []string{"a"},
			want: `install d 2.0 from main: b 1.0 needs d >=1; a 1.0, asked for, needs b >=1; you ask for a
install b 1.0 from main: a 1.0, asked for, needs b >=1; you ask for a
install c 1.0 from main: a 1.0, asked for, needs c >=1; you ask for a
install a 1.0 from main: you ask for a`},
		{name: "a cycle", releases: "a 1.0: b >=1\nb 1.0: c >=1\nc 1.0: a >=1", install: []string{"a"},
			want: `install c 1.0 from main: b 1.0 needs c >=1; a 1.0, asked for, needs b >=1; you ask for a
install b 1.0 from main: a 1.0, asked for, needs b >=1; you ask for a
install a 1.0 from main: you ask for a`},
		{name: "what fits stays", releases: "a 1.0: b >=1\nb 2.0\nb 1.0\nc 9.0", have: []string{"b 1.0", "c 1.0"}, install: []string{"a"},
			want: `install a 1.0 from main: you ask for a
keep b 1.0: b is installed and fits
keep c 1.0: c is installed and fits`},
		{name: "what does not fit is upgraded", releases: "a 1.0: b >=2\nb 3.0\nb 2.0", have: []string{"b 1.0"}, install: []string{"a"},
			want: `upgrade b 1.0 -> 3.0 from main: a 1.0, asked for, needs b >=2; you ask for a
install a 1.0 from main: you ask for a`},
		{name: "whom an upgrade would break is upgraded with it", releases: "a 1.0: b >=2\nb 2.0\nc 2.0: b >=1", have: []string{"b 1.0", "c 1.0: b <2"}, install: []string{"a"},
			want: `upgrade b 1.0 -> 2.0 from main: a 1.0, asked for, needs b >=2; you ask for a
install a 1.0 from main: you ask for a
upgrade c 1.0 -> 2.0 from main: c 1.0, installed, needs b <2, so it can not stay`},
		{name: "optional is asked for by nobody", releases: "a 1.0: b >=2; optional\nb 2.0", install: []string{"a"},
			want: "install a 1.0 from main: you ask for a"},
		{name: "optional holds where the other is there", releases: "a 2.0: b >=2; optional\na 1.0\nb 2.0", have: []string{"pinned b 1.0"}, install: []string{"a"},
			want: `install a 1.0 from main: you ask for a
keep b 1.0: b is installed and pinned`},
		{name: "optional holds where the other comes with somebody else", releases: "a 1.0: b >=2; optional, c >=1\nb 3.0\nb 1.0\nc 1.0: b <3\nc 0.9", install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs c >=1
a 1.0, asked for, needs b >=2 if it is there
c 1.0 needs b <3
no version of b is both; there are 3.0, 1.0`},
		{name: "update of one", releases: "a 2.0\nb 2.0", have: []string{"a 1.0", "b 1.0"}, update: []string{"a"},
			want: `upgrade a 1.0 -> 2.0 from main: you ask to update a
keep b 1.0: b is installed and fits`},
		{name: "update of all, but what is pinned or held", releases: "a 2.0\nb 2.0\nc 2.0\nd 1.0", have: []string{"a 1.0", "pinned b 1.0", "held c 1.0", "d 1.0"}, all: true,
			want: `upgrade a 1.0 -> 2.0 from main: you ask to update everything
keep b 1.0: b is installed and pinned
keep c 1.0: c is installed and held
keep d 1.0: d is installed in the highest version that there is a plan for`},
		{name: "what is held is updated by name", releases: "c 2.0", have: []string{"held c 1.0"}, update: []string{"c"},
			want: "upgrade c 1.0 -> 2.0 from main: you ask to update c"},
		{name: "an update that brings something new", releases: "a 2.0: n >=1\nn 1.0", have: []string{"a 1.0"}, all: true,
			want: `install n 1.0 from main: a 2.0 needs n >=1; you ask to update everything
upgrade a 1.0 -> 2.0 from main: you ask to update everything`},
		{name: "an update as far as others allow", releases: "a 3.0\na 2.0", have: []string{"a 1.0", "b 1.0: a <3"}, all: true,
			want: `upgrade a 1.0 -> 2.0 from main: you ask to update everything
keep b 1.0: b is installed in the highest version that there is a plan for`},
		{name: "nothing is lowered that was not asked for", releases: "a 1.0: b <2\nb 1.0", have: []string{"b 2.0"}, install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs b <2
no version of b is <2; there are 2.0
b 1.0 is lower than 2.0, which is installed
hint: remove b first`},
		{name: "lowered on request", releases: "b 1.0\nb 2.0", have: []string{"b 2.0"}, install: []string{"b =1.0"},
			want: "downgrade b 2.0 -> 1.0 from main: you ask for b =1.0"},
		{name: "removed, those who need others first", have: []string{"a 1.0: b >=1", "b 1.0", "c 1.0"}, remove: []string{"b", "a"},
			want: `remove a 1.0: you ask to remove a
remove b 1.0: you ask to remove b
keep c 1.0: c is installed and fits`},
		{name: "not removed from under another", have: []string{"a 1.0: b >=1", "b 1.0"}, remove: []string{"b"},
			want: `conflict
a 1.0, installed, needs b >=1, which you ask to remove
hint: remove a first`},
		{name: "removed from under another that it is optional to", have: []string{"a 1.0: b >=1; optional", "b 1.0"}, remove: []string{"b"},
			want: `remove b 1.0: you ask to remove b
keep a 1.0: a is installed and fits`},
		{name: "what is broken already does not get in the way", releases: "x 1.0", have: []string{"a 1.0: z >=1", "b 1.0: a >=2"}, install: []string{"x"},
			want: `install x 1.0 from main: you ask for x
keep a 1.0: a is installed and fits
keep b 1.0: b is installed and fits
unmet: a 1.0, installed, needs z >=1, which is not installed
unmet: b 1.0, installed, needs a >=2, and it is 1.0`},
		{name: "what is broken already is mended where it can be", releases: "x 1.0\nz 1.0", have: []string{"a 1.0: z >=1"}, install: []string{"x"},
			want: `install z 1.0 from main: a 1.0, installed, needs z >=1; a is installed and fits
install x 1.0 from main: you ask for x
keep a 1.0: a is installed and fits`},
		{name: "the conflict of the handbook", releases: "org.a 2.0: org.b >=3 <4\norg.b 3.1\norg.b 2.0", have: []string{"org.b 2.0", "org.c 1.0: org.b <3"}, install: []string{"org.a"},
			want: `conflict
you ask for org.a
org.a 2.0, asked for, needs org.b >=3 <4
org.c 1.0, installed, needs org.b <3
no version of org.b is both; there are 3.1, 2.0
hint: remove org.c first`},
		{name: "a conflict far down", releases: "a 1.0: b >=1\nb 1.0: c >=1\nc 1.0: d >=2\nd 2.0\nd 1.0", have: []string{"d 1.0", "e 1.0: f >=1", "f 1.0: d <2"}, install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs b >=1
b 1.0 needs c >=1
c 1.0 needs d >=2
f 1.0, installed, needs d <2
no version of d is both; there are 2.0, 1.0
hint: remove e and f first`},
		{name: "a conflict of many versions", releases: "a 9.0: b >=3\na 8.0: b >=3\na 7.0: b >=3\na 6.0: b >=3\na 5.0: b >=3\na 4.0: b >=3\na 3.0: b >=3\na 2.0: z >=1\nb 3.1\nb 2.0", have: []string{"b 2.0", "c 1.0: b <3"}, install: []string{"a"},
			want: `conflict
you ask for a
a 9.0, asked for, needs b >=3
c 1.0, installed, needs b <3
no version of b is both; there are 3.1, 2.0
a 2.0, asked for, needs z >=1
no repository has z
the same holds for a 8.0, 7.0, 6.0, 5.0, 4.0 and 1 more
hint: add a repository that has z
hint: remove c first`},
		{name: "unknown", releases: "a 1.0", install: []string{"b"},
			want: `unknown_extension
you ask for b
no repository has b`},
		{name: "unknown below", releases: "a 1.0: b >=1", install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs b >=1
no repository has b
hint: add a repository that has b`},
		{name: "no such version", releases: "a 1.0\na 2.0", install: []string{"a >=3"},
			want: `no_version
you ask for a >=3
no version of a is >=3; there are 2.0, 1.0
hint: ask for a without a version: there is a plan with another one`},
		{name: "pinned", releases: "a 2.0", have: []string{"pinned a 1.0"}, install: []string{"a >=2"},
			want: `no_version
you ask for a >=2
no version of a is >=2; there are 1.0
a 2.0 would replace 1.0, which is pinned
hint: ask for a without a version: there is a plan with another one
hint: unpin a, which may then change`},
		{name: "pinned below", releases: "x 1.0: a >=2\na 2.0", have: []string{"pinned a 1.0"}, install: []string{"x"},
			want: `conflict
you ask for x
x 1.0, asked for, needs a >=2
no version of a is >=2; there are 1.0
a 2.0 would replace 1.0, which is pinned
hint: unpin a, which may then change
hint: remove a first`},
		{name: "held below", releases: "x 1.0: a >=2\na 2.0", have: []string{"held a 1.0"}, install: []string{"x"},
			want: `conflict
you ask for x
x 1.0, asked for, needs a >=2
no version of a is >=2; there are 1.0
a 2.0 would replace 1.0, which is held
hint: release a, which is held, or ask to update it by name
hint: remove a first`},
		{name: "two that can not be together", releases: "a 1.0: c <2\nb 1.0: c >=2\nc 1.0\nc 2.0", install: []string{"a", "b"},
			want: `conflict
you ask for a
you ask for b
a 1.0, asked for, needs c <2
b 1.0, asked for, needs c >=2
no version of c is both; there are 2.0, 1.0
hint: ask for one thing after the other, to see which of them is impossible`},
		{name: "a cycle that does not close", releases: "a 1.0: b >=1\nb 1.0: c >=1\nc 1.0: a >=2", install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs b >=1
b 1.0 needs c >=1
c 1.0 needs a >=2, which a 1.0 is not`},
		{name: "a cycle that closes in another version only", releases: "a 2.0: b >=2\na 1.0: b =1\nb 1.0: a >=2\nb 2.0: a <2", install: []string{"a"},
			want: `conflict
you ask for a
a 2.0, asked for, needs b >=2
b 2.0 needs a <2, which a 2.0 is not
a 1.0, asked for, needs b =1
b 1.0 needs a >=2, which a 1.0 is not`},
		{name: "update of what is pinned", releases: "a 2.0", have: []string{"pinned a 1.0"}, update: []string{"a"},
			want: "keep a 1.0: a is installed and pinned"},
		{name: "asked for and there", releases: "a 1.0", have: []string{"a 1.0"}, install: []string{"a"},
			want: "keep a 1.0: a is installed in the highest version that there is a plan for"},
		{name: "needs itself otherwise", releases: "a 1.0: a >=2", install: []string{"a"},
			want: `conflict
you ask for a
a 1.0, asked for, needs a >=2
no version of a is >=2; there are 1.0`},
		{name: "installed and removed", releases: "a 1.0", have: []string{"a 1.0"}, install: []string{"a"}, remove: []string{"a"},
			want: "request_invalid\na is asked to be installed and to be removed; ask for one"},
		{name: "removed and not there", remove: []string{"a"},
			want: "request_invalid\na is not installed, so it can not be removed"},
		{name: "updated and not there", update: []string{"a"},
			want: "request_invalid\na is not installed, so it can not be updated"},
		{name: "twice there", have: []string{"a 1.0", "a 2.0"},
			want: "request_invalid\na is installed twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := resolver.Resolve(resolver.Request{
				Repositories: []resolver.Repository{repository(t, "main", 0, c.releases)},
				Installed:    installed(t, c.have...), Install: asks(t, c.install...),
				Update: c.update, UpdateAll: c.all, Remove: c.remove,
			})
			if got := told(t, p, err); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}
