package resolver_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/resolver"
)

// thousand is a universe of a thousand extensions in ten versions each, of which each needs
// up to three of the ones before it, in the version of its own line or a range around it.
func thousand(t testing.TB) resolver.Repository {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 8))
	var b strings.Builder
	for i := range 1000 {
		for v := 1; v <= 10; v++ {
			fmt.Fprintf(&b, "x%04d %d.0:", i, v)
			var needs []string
			for range min(i, random.IntN(4)) {
				n := fmt.Sprintf("x%04d >=%d <%d", random.IntN(i), max(1, v-random.IntN(3)), v+1+random.IntN(3))
				if random.IntN(8) == 0 {
					n += "; optional"
				}
				needs = append(needs, n)
			}
			fmt.Fprintln(&b, strings.Join(needs, ","))
		}
	}
	return repository(t, "main", 0, b.String())
}

// has installs one version of everything.
func has(t testing.TB, r resolver.Repository, v string) []resolver.Installed {
	t.Helper()
	var list []resolver.Installed
	for i := range 1000 {
		releases, err := r.Releases(fmt.Sprintf("x%04d", i))
		if err != nil {
			t.Fatal(err)
		}
		for _, release := range releases {
			if release.Version == v {
				list = append(list, resolver.Installed{Release: release})
			}
		}
	}
	return list
}

// checkPlan holds a plan to what every requirement in it says.
func checkPlan(t testing.TB, r resolver.Request, p *resolver.Plan) {
	t.Helper()
	version := map[string]string{}
	for _, s := range p.Steps {
		if s.Action != resolver.Remove {
			version[s.ID] = s.Version
		}
	}
	for id, v := range version {
		releases, _ := r.Repositories[0].Releases(id)
		for _, release := range releases {
			if release.Version != v {
				continue
			}
			for _, n := range release.Needs {
				other, there := version[n.ID]
				if !there && !n.Optional || there && n.Version != nil && !n.Version.Allows(other) {
					t.Errorf("%s %s needs %s %s, which is %q", id, v, n.ID, n.Version, other)
				}
			}
		}
	}
}

func TestThousandExtensions(t *testing.T) {
	r := thousand(t)
	for _, c := range []struct {
		name    string
		request resolver.Request
	}{
		{"the last, with all that it needs", resolver.Request{Install: asks(t, "x0999")}},
		{"many", resolver.Request{Install: asks(t, "x0999", "x0998", "x0900", "x0800 <9", "x0700 <10")}},
		{"an update of everything", resolver.Request{Installed: has(t, r, "9.0"), UpdateAll: true}},
		{"one more to many", resolver.Request{Installed: has(t, r, "9.0"), Update: []string{"x0500"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.request.Repositories = []resolver.Repository{r}
			p, err := resolver.Resolve(c.request)
			if err != nil {
				t.Fatal(told(t, p, err))
			}
			checkPlan(t, c.request, p)
			if !p.Changes() {
				t.Error("nothing changes")
			}
		})
	}
}

func TestDeepChain(t *testing.T) {
	var b strings.Builder
	const deep = 5000
	for i := range deep {
		fmt.Fprintf(&b, "x%d 2.0: x%d >=2\nx%d 1.0: x%d >=1\n", i, i+1, i, i+1)
	}
	fmt.Fprintf(&b, "x%d 1.0\n", deep) // no 2.0: the whole chain has to be taken back
	p, err := resolver.Resolve(resolver.Request{Repositories: []resolver.Repository{repository(t, "main", 0, b.String())}, Install: asks(t, "x0")})
	if err != nil {
		t.Fatal(told(t, p, err))
	}
	if why := p.Steps[0].Why; len(why) != 10 || why[8] != "and so on, 4992 times" || why[9] != "you ask for x0" {
		t.Errorf("the reasons of the deepest are %q", why)
	}
	if len(p.Steps) != deep+1 || p.Steps[0].ID != fmt.Sprintf("x%d", deep) || p.Steps[deep].Version != "1.0" {
		t.Errorf("%d steps, first %+v, last %+v", len(p.Steps), p.Steps[0], p.Steps[deep])
	}
}

// A repository that makes up one more extension for each that it is asked for.
func TestEndlessChain(t *testing.T) {
	endless := resolver.Repository{Name: "endless", Releases: func(id string) ([]resolver.Release, error) {
		return []resolver.Release{{ID: id, Version: "1.0", Digest: id, Needs: []resolver.Need{{ID: id + "x"}}}}, nil
	}}
	long := resolver.Repository{Name: "long", Releases: func(id string) ([]resolver.Release, error) {
		var n int
		fmt.Sscan(id, &n)
		return []resolver.Release{{ID: id, Version: "1.0", Digest: id, Needs: []resolver.Need{{ID: fmt.Sprint(n + 1)}}}}, nil
	}}
	for _, r := range []resolver.Request{
		{Repositories: []resolver.Repository{endless}, Install: asks(t, "x"), Work: 10_000},
		{Repositories: []resolver.Repository{long}, Install: asks(t, "1")},
	} {
		p, err := resolver.Resolve(r)
		if c := conflict(t, err); c.Code != resolver.CodeTooComplex {
			t.Error(told(t, p, err))
		}
	}
}

// pigeons are more extensions than there are versions of what each needs one of for itself:
// no plan, and every way has to be ruled out.
func pigeons(t testing.TB, birds int) resolver.Request {
	var b strings.Builder
	r := resolver.Request{}
	for i := range birds {
		for hole := 1; hole < birds; hole++ {
			fmt.Fprintf(&b, "bird%d %d.0: ", i, hole)
			for other := range birds {
				if other != i {
					fmt.Fprintf(&b, "h%d-%d =%d,", hole, min(i, other)*birds+max(i, other), i)
				}
			}
			fmt.Fprintln(&b)
		}
		r.Install = append(r.Install, asks(t, fmt.Sprintf("bird%d", i))...)
	}
	text := strings.ReplaceAll(b.String(), ",\n", "\n")
	for hole := 1; hole < birds; hole++ {
		for i := range birds {
			for j := i + 1; j < birds; j++ {
				text += fmt.Sprintf("h%d-%d %d\nh%d-%d %d\n", hole, i*birds+j, i, hole, i*birds+j, j)
			}
		}
	}
	r.Repositories = []resolver.Repository{repository(t, "main", 0, text)}
	return r
}

// What takes too long ends, and says that it proves nothing.
func TestBoundedWork(t *testing.T) {
	r := pigeons(t, 12)
	r.Work = 100_000
	p, err := resolver.Resolve(r)
	if c := conflict(t, err); c.Code != resolver.CodeTooComplex || len(c.Hints) == 0 {
		t.Fatal(told(t, p, err))
	}
	p, err = resolver.Resolve(pigeons(t, 4))
	if c := conflict(t, err); c.Code != resolver.CodeConflict {
		t.Fatal(told(t, p, err))
	}
	if c := conflict(t, err); len(c.Reasons) > 20 {
		t.Errorf("%d reasons are no explanation", len(c.Reasons))
	}
}

func BenchmarkResolve(b *testing.B) {
	r := thousand(b)
	repositories := []resolver.Repository{r}
	installed := has(b, r, "9.0")
	broken := resolver.Request{Repositories: append(repositories, repository(b, "more", 0, "y 1.0: x0000 >=10, x0001 <9")), Installed: installed, Install: asks(b, "y")}
	hard := pigeons(b, 12)
	var fifty []resolver.Ask
	for i := 950; i < 1000; i++ {
		fifty = append(fifty, asks(b, fmt.Sprintf("x%04d", i))...)
	}
	for _, c := range []struct {
		name    string
		request resolver.Request
	}{
		{"install 50 of 1000", resolver.Request{Repositories: repositories, Install: fifty}},
		{"update 1000 of 1000", resolver.Request{Repositories: repositories, Installed: installed, UpdateAll: true}},
		{"explain a conflict among 1000", broken},
		{"give up", hard},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = resolver.Resolve(c.request)
			}
		})
	}
}
