package resolver_test

import (
	"errors"
	"testing"

	"github.com/jackfield-host/jackfield/store/jameica"
	"github.com/jackfield-host/jackfield/store/resolver"
)

// Which releases are candidates at all.
func TestCandidates(t *testing.T) {
	const all = "a 3.0\na 2.0\na 1.0"
	on := func(v string, change func(*resolver.Release)) func(*resolver.Release) {
		return func(r *resolver.Release) {
			if r.Version == v {
				change(r)
			}
		}
	}
	state := func(v string, s resolver.State) func(*resolver.Release) {
		return on(v, func(r *resolver.Release) { r.State = s })
	}
	by := func(v, publisher string) func(*resolver.Release) {
		return on(v, func(r *resolver.Release) { r.Publisher = publisher })
	}
	for _, c := range []struct {
		name    string
		changes []func(*resolver.Release)
		request func(*resolver.Request)
		want    string
	}{
		{name: "withdrawn and revoked", changes: []func(*resolver.Release){state("3.0", resolver.Withdrawn), state("2.0", resolver.Revoked)}, want: "1.0"},
		{name: "in a state of the future", changes: []func(*resolver.Release){state("3.0", "frozen")}, want: "2.0"},
		{name: "deprecated comes last", changes: []func(*resolver.Release){state("3.0", resolver.Deprecated), state("2.0", resolver.Deprecated)}, want: "1.0"},
		{name: "deprecated where nothing else is", changes: []func(*resolver.Release){state("3.0", resolver.Deprecated), state("2.0", resolver.Deprecated), state("1.0", resolver.Withdrawn)}, want: "3.0"},
		{name: "deprecated is not for those who come along", changes: []func(*resolver.Release){state("3.0", resolver.Deprecated)},
			request: func(r *resolver.Request) {
				r.Repositories = append(r.Repositories, repository(t, "b", 0, "b 1.0: a >=1"))
				r.Install = asks(t, "b")
			}, want: "2.0"},
		{name: "deprecated is no update", changes: []func(*resolver.Release){state("3.0", resolver.Deprecated)},
			request: func(r *resolver.Request) {
				r.Install, r.Installed, r.UpdateAll = nil, installed(t, "a 1.0"), true
			}, want: "2.0"},
		{name: "another platform", changes: []func(*resolver.Release){
			on("3.0", func(r *resolver.Release) { r.Platforms = []string{"darwin-arm64", "windows-amd64"} }),
			on("2.0", func(r *resolver.Release) { r.Platforms = []string{"darwin-arm64", "linux-amd64"} })}, want: "2.0"},
		{name: "a host that is too old", changes: []func(*resolver.Release){
			on("3.0", func(r *resolver.Release) { r.Host = resolver.AtLeast(version(t, "2.0")) }),
			on("2.0", func(r *resolver.Release) { r.Host = resolver.AtLeast(version(t, "1.2")) })}, want: "2.0"},
		{name: "another publisher than is pinned", changes: []func(*resolver.Release){by("3.0", "evil")},
			request: func(r *resolver.Request) { r.Publishers = map[string]string{"a": "acme"} }, want: "2.0"},
		{name: "another publisher than what is installed", changes: []func(*resolver.Release){by("3.0", "evil")},
			request: func(r *resolver.Request) {
				r.Publishers, r.Installed = map[string]string{"a": "evil"}, installed(t, "a 1.0")
			}, want: "2.0"},
		{name: "nobody that is known, where a publisher is pinned", changes: []func(*resolver.Release){by("3.0", "")},
			request: func(r *resolver.Request) { r.Publishers = map[string]string{"a": "acme"} }, want: "2.0"},
		{name: "another publisher, with consent", changes: []func(*resolver.Release){by("3.0", "heir")},
			request: func(r *resolver.Request) {
				r.Publishers, r.Consent = map[string]string{"a": "acme"}, map[string]string{"a": "heir"}
			}, want: "3.0"},
		{name: "another publisher, with consent to a third", changes: []func(*resolver.Release){by("3.0", "evil")},
			request: func(r *resolver.Request) {
				r.Publishers, r.Consent = map[string]string{"a": "acme"}, map[string]string{"a": "heir"}
			}, want: "2.0"},
		{name: "nobody pinned takes what the repository has", changes: []func(*resolver.Release){by("3.0", "other")}, want: "3.0"},
		{name: "the repository of higher priority, whatever it has",
			request: func(r *resolver.Request) {
				r.Repositories = append(r.Repositories, repository(t, "high", 1, "a 0.1"))
			}, want: "0.1"},
		{name: "of two that are the same the first by name",
			request: func(r *resolver.Request) {
				r.Repositories = append(r.Repositories, repository(t, "alpha", 0, "a 0.2"))
			}, want: "0.2"},
		{name: "a repository of higher priority without it",
			request: func(r *resolver.Request) {
				r.Repositories = append(r.Repositories, repository(t, "high", 1, "b 0.1"))
			}, want: "3.0"},
		{name: "what a repository lists under another id", changes: []func(*resolver.Release){on("3.0", func(r *resolver.Release) { r.ID = "b" })}, want: "2.0"},
		{name: "a version that is none", changes: []func(*resolver.Release){on("3.0", func(r *resolver.Release) { r.Version = "latest" })}, want: "2.0"},
		{name: "the same version with other bytes", changes: []func(*resolver.Release){state("3.0", resolver.Withdrawn), on("2.0", func(r *resolver.Release) { r.Digest = "sha256:other" })},
			request: func(r *resolver.Request) { r.Installed = installed(t, "a 2.0") }, want: "2.0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := repository(t, "main", 0, all)
			releases, _ := base.Releases("a")
			for i := range releases {
				for _, change := range c.changes {
					change(&releases[i])
				}
			}
			r := resolver.Request{Repositories: []resolver.Repository{base}, HostVersion: "1.5", Platform: "linux-amd64", Install: asks(t, "a")}
			if c.request != nil {
				c.request(&r)
			}
			p, err := resolver.Resolve(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range p.Steps {
				if s.ID == "a" && (s.Version != c.want || s.Digest != "sha256:a-"+c.want) {
					t.Errorf("%s %s %s (%s), want %s", s.Action, s.ID, s.Version, s.Digest, c.want)
				}
			}
		})
	}
}

// What is installed stays, and what has become of it is said.
func TestStateOfWhatStays(t *testing.T) {
	for _, state := range []resolver.State{resolver.Offered, resolver.Deprecated, resolver.Withdrawn, resolver.Revoked} {
		r := resolver.Request{
			Repositories: []resolver.Repository{repository(t, "main", 0, "a 1.0\nb 1.0: a >=1", func(r *resolver.Release) {
				if r.ID == "a" {
					r.State = state
				}
			})},
			Installed: installed(t, "a 1.0"), Install: asks(t, "b"),
		}
		p, err := resolver.Resolve(r)
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Steps[1]; s.ID != "a" || s.Action != resolver.Keep || s.State != state {
			t.Errorf("a release that is %q: %+v", state, s)
		}
		r.Installed = nil
		if _, err := resolver.Resolve(r); (err == nil) != (state == resolver.Offered) {
			t.Errorf("installed anew, a release that is %q: %v", state, err)
		}
	}
}

// A repository that does not answer costs what it might have, and nothing else.
func TestSilentRepository(t *testing.T) {
	asked := map[string]int{}
	silent := resolver.Repository{Name: "silent", Priority: 9, Releases: func(id string) ([]resolver.Release, error) {
		asked[id]++
		if id == "b" {
			return nil, nil
		}
		return nil, errors.New("it took longer than 30s")
	}}
	r := resolver.Request{
		Repositories: []resolver.Repository{silent, repository(t, "main", 0, "a 2.0\nb 2.0")},
		Installed:    installed(t, "a 1.0", "b 1.0"), UpdateAll: true,
	}
	p, err := resolver.Resolve(r)
	want := `upgrade b 1.0 -> 2.0 from main: you ask to update everything
keep a 1.0: a is installed in the highest version that there is a plan for`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r.Installed, r.UpdateAll, r.Install = nil, false, asks(t, "a")
	clear(asked)
	p, err = resolver.Resolve(r)
	if asked["a"] != 1 {
		t.Errorf("it was asked %d times for a", asked["a"])
	}
	want = `no_version
you ask for a
no version of a can be installed here
the repository silent does not say what it has of a: it took longer than 30s`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestConflictOfPublishers(t *testing.T) {
	r := resolver.Request{
		Repositories: []resolver.Repository{repository(t, "main", 0, "a 2.0", func(r *resolver.Release) { r.Publisher = "heir" })},
		Installed:    installed(t, "a 1.0"), Install: asks(t, "a >=2"),
	}
	p, err := resolver.Resolve(r)
	want := `no_version
you ask for a >=2
no version of a is >=2; there are 1.0
a 2.0 is by another publisher than the one that it is pinned to
hint: ask for a without a version: there is a plan with another one
hint: consent to the new publisher of a, heir, after you have made sure that it is one to trust`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// The grammar of Jameica fits: requirements as they are, versions by their order.
func TestJameica(t *testing.T) {
	jam := func(id, v string, needs ...resolver.Need) resolver.Release {
		return resolver.Release{ID: id, Version: v, Order: jameica.ParseVersion(v).Ordered(), Digest: id + v, Host: jameica.Requirement("2.10+"), Needs: needs}
	}
	needs := func(id, requirement string) resolver.Need {
		return resolver.Need{ID: id, Version: jameica.Requirement(requirement)}
	}
	all := map[string][]resolver.Release{
		"notes":    {jam("notes", "2.1", needs("hibiscus", "2.10(+)")), jam("notes", "v3")},
		"hibiscus": {jam("hibiscus", "3.0"), jam("hibiscus", "2.10.9-nightly"), jam("hibiscus", "2.12"), jam("hibiscus", "2.12-nightly")},
	}
	p, err := resolver.Resolve(resolver.Request{
		Repositories: []resolver.Repository{{Name: "jameica", Releases: func(id string) ([]resolver.Release, error) { return all[id], nil }}},
		HostVersion:  "2.13.0-nightly", Install: []resolver.Ask{{ID: "notes"}},
	})
	want := `install hibiscus 2.12 from jameica: notes 2.1, asked for, needs hibiscus 2.10(+); you ask for notes
install notes 2.1 from jameica: you ask for notes`
	if got := told(t, p, err); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
