package resolver_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/resolver"
)

// world is a small random request that every possible plan of can be tried.
type world struct {
	releases  map[string][]resolver.Release
	installed []resolver.Installed
	install   []resolver.Ask
	update    []string
	all       bool
	remove    []string
}

var worldIDs = []string{"a", "b", "c", "d", "e"}

func newWorld(t testing.TB, random *rand.Rand) *world {
	w := &world{releases: map[string][]resolver.Release{}}
	one := func(list ...string) string { return list[random.IntN(len(list))] }
	make := func(id, v string) resolver.Release {
		var needs []string
		for range random.IntN(3) {
			n := one(worldIDs...) + one("", " >=1", " >=2", " >=2", " <2", " <3", " =2", " >=1 <3", " >=3")
			if random.IntN(4) == 0 {
				n += "; optional"
			}
			needs = append(needs, n)
		}
		r := release(t, id+" "+v+":"+strings.Join(needs, ","))
		r.State = []resolver.State{"", "", "", "", "", "", "", resolver.Deprecated, resolver.Withdrawn}[random.IntN(9)]
		return r
	}
	for _, id := range worldIDs {
		for _, v := range []string{"1.0", "2.0", "3.0"}[:random.IntN(4)] {
			w.releases[id] = append(w.releases[id], make(id, v))
		}
	}
	for _, id := range worldIDs {
		asked, there := random.IntN(4), random.IntN(5)
		if there < 2 {
			i := resolver.Installed{Release: make(id, one("1.0", "1.0", "2.0", "1.5"))}
			if same := slices.IndexFunc(w.releases[id], func(r resolver.Release) bool { return r.Version == i.Version }); same >= 0 {
				i.Release = w.releases[id][same]
			}
			i.State = ""
			i.Pinned, i.Held = random.IntN(8) == 0, random.IntN(8) == 0
			w.installed = append(w.installed, i)
			switch {
			case asked == 0 && random.IntN(3) == 0:
				w.remove = append(w.remove, id)
				continue
			case asked == 0:
				w.update = append(w.update, id)
				continue
			}
		}
		if asked == 1 {
			w.install = append(w.install, asks(t, id+one("", "", " >=2", " <2", " =2", " <3"))...)
		}
	}
	w.all = random.IntN(4) == 0
	return w
}

func (w *world) request() resolver.Request {
	return resolver.Request{
		Repositories: []resolver.Repository{{Name: "main", Releases: func(id string) ([]resolver.Release, error) { return w.releases[id], nil }}},
		Installed:    w.installed, Install: w.install, Update: w.update, UpdateAll: w.all, Remove: w.remove,
	}
}

// shuffled is the same request in another order.
func (w *world) shuffled(random *rand.Rand) *world {
	v := *w
	v.releases = map[string][]resolver.Release{}
	needs := func(r *resolver.Release) {
		r.Needs = slices.Clone(r.Needs)
		random.Shuffle(len(r.Needs), func(i, j int) { r.Needs[i], r.Needs[j] = r.Needs[j], r.Needs[i] })
	}
	for id, list := range w.releases {
		list = slices.Clone(list)
		for i := range list {
			needs(&list[i])
		}
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		v.releases[id] = list
	}
	v.installed = slices.Clone(w.installed)
	for i := range v.installed {
		needs(&v.installed[i].Release)
	}
	random.Shuffle(len(v.installed), func(i, j int) { v.installed[i], v.installed[j] = v.installed[j], v.installed[i] })
	v.install = slices.Clone(w.install)
	random.Shuffle(len(v.install), func(i, j int) { v.install[i], v.install[j] = v.install[j], v.install[i] })
	return &v
}

// option is one choice for an id, the better the lower its rank.
type option struct {
	*resolver.Release
	current bool
}

func (w *world) current(id string) *resolver.Installed {
	for i := range w.installed {
		if w.installed[i].ID == id {
			return &w.installed[i]
		}
	}
	return nil
}

func (w *world) ask(id string) *resolver.Ask {
	for i := range w.install {
		if w.install[i].ID == id {
			return &w.install[i]
		}
	}
	return nil
}

// class is 0 for what is named, 1 for what is updated with all, 2 for the rest of what is
// installed, 3 for nobody.
func (w *world) class(id string) int {
	i := w.current(id)
	switch {
	case w.ask(id) != nil, slices.Contains(w.update, id):
		return 0
	case i == nil:
		return 3
	case w.all && !i.Pinned && !i.Held:
		return 1
	}
	return 2
}

// options are the choices for an id, best first; nil where it must not be there.
func (w *world) options(id string) []option {
	if slices.Contains(w.remove, id) {
		return nil
	}
	i, class := w.current(id), w.class(id)
	var list []option
	for k := range w.releases[id] {
		r := &w.releases[id][k]
		if r.State == resolver.Withdrawn || r.State == resolver.Deprecated && class != 0 {
			continue
		}
		if i != nil {
			frozen := i.Pinned || i.Held && class != 0
			lower := r.Version < i.Version && (w.ask(id) == nil || w.ask(id).Version == nil)
			if frozen || lower || r.Version == i.Version {
				continue
			}
		}
		list = append(list, option{r, false})
	}
	if i != nil {
		list = append(list, option{&i.Release, true})
	}
	rank := func(o option) string { // a text that sorts
		switch {
		case o.current && class == 2:
			return "0"
		case !o.current && o.State == resolver.Deprecated:
			return "2"
		}
		return "1"
	}
	slices.SortFunc(list, func(a, b option) int {
		return cmp.Or(strings.Compare(rank(a), rank(b)), -strings.Compare(a.Version, b.Version))
	})
	return list
}

func allows(n resolver.Need, r *resolver.Release) bool {
	return n.Version == nil || n.Version.Allows(r.Version)
}

func (w *world) roots() []string {
	var list []string
	for class := range 3 {
		for _, id := range worldIDs {
			if w.class(id) == class && !slices.Contains(w.remove, id) {
				list = append(list, id)
			}
		}
	}
	return list
}

// best tries everything. With lenient, needs of what stays that do not hold now are left
// out.
func (w *world) best(lenient bool) map[string]option {
	var found map[string]option
	var foundWalk []int
	choice := map[string]option{}
	var all func(k int)
	all = func(k int) {
		if k == len(worldIDs) {
			if walk, ok := w.judge(choice, lenient); ok && (found == nil || slices.Compare(walk, foundWalk) < 0) {
				found, foundWalk = map[string]option{}, walk
				for id, o := range choice {
					found[id] = o
				}
			}
			return
		}
		id := worldIDs[k]
		if class := w.class(id); class == 3 || slices.Contains(w.remove, id) {
			all(k + 1) // not there
		}
		for _, o := range w.options(id) {
			choice[id] = o
			all(k + 1)
			delete(choice, id)
		}
	}
	all(0)
	return found
}

// judge reports whether a choice is a plan, and how good it is: the ranks of what is
// chosen, from what is asked outwards.
func (w *world) judge(choice map[string]option, lenient bool) ([]int, bool) {
	exempt := func(o option, n resolver.Need) bool {
		other := w.current(n.ID)
		return lenient && o.current && (other == nil && !n.Optional || other != nil && !allows(n, &other.Release))
	}
	for id, o := range choice {
		if a := w.ask(id); a != nil && a.Version != nil && !a.Version.Allows(o.Version) {
			return nil, false
		}
		for _, n := range o.Needs {
			other, there := choice[n.ID]
			if !exempt(o, n) && (!there && !n.Optional || there && !allows(n, other.Release)) {
				return nil, false
			}
		}
	}
	queue := w.roots()
	var walk []int
	for k := 0; k < len(queue); k++ {
		o, there := choice[queue[k]]
		if !there {
			return nil, false
		}
		walk = append(walk, slices.Index(w.options(queue[k]), o))
		var more []string
		for _, n := range o.Needs {
			if !n.Optional && !exempt(o, n) && !slices.Contains(queue, n.ID) && !slices.Contains(more, n.ID) {
				more = append(more, n.ID)
			}
		}
		slices.Sort(more)
		queue = append(queue, more...)
	}
	return walk, len(queue) == len(choice) // nothing that nobody needs
}

// broken reports whether something between what is installed does not hold.
func (w *world) broken() bool {
	for _, i := range w.installed {
		for _, n := range i.Needs {
			other := w.current(n.ID)
			if other == nil && !n.Optional || other != nil && !allows(n, &other.Release) {
				return true
			}
		}
	}
	return false
}

func (w *world) String() string {
	var b strings.Builder
	line := func(r resolver.Release) string {
		text := r.ID + " " + r.Version + " " + string(r.State)
		for _, n := range r.Needs {
			text += fmt.Sprintf(" [%s %v optional=%v]", n.ID, n.Version, n.Optional)
		}
		return text
	}
	for _, id := range worldIDs {
		for _, r := range w.releases[id] {
			fmt.Fprintln(&b, "offered  ", line(r))
		}
	}
	for _, i := range w.installed {
		fmt.Fprintf(&b, "installed %s pinned=%v held=%v\n", line(i.Release), i.Pinned, i.Held)
	}
	for _, a := range w.install {
		fmt.Fprintln(&b, "install", a.ID, a.Version)
	}
	fmt.Fprintln(&b, "update", w.update, w.all, "remove", w.remove)
	return b.String()
}

func TestBruteForce(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	solved, lenient := 0, 0
	const worlds = 5000
	for range worlds {
		s, l := checkWorld(t, newWorld(t, random), random)
		if s {
			solved++
		}
		if l {
			lenient++
		}
	}
	if solved < worlds/5 || solved > worlds*9/10 || lenient < worlds/50 {
		t.Errorf("%d of %d have a plan, %d of them with leniency: the worlds are too much alike", solved, worlds, lenient)
	}
	t.Logf("%d worlds, %d with a plan, %d of them with leniency", worlds, solved, lenient)
}

func FuzzResolve(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed, seed*7)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		random := rand.New(rand.NewPCG(a, b))
		checkWorld(t, newWorld(t, random), random)
	})
}
