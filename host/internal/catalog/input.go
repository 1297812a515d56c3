package catalog

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
)

// input is all that a View is resolved from. It is not changed once it is made.
type input struct {
	files    []holding
	standing map[string]Standing
	running  map[string]string // id → digest
	// known are verified bundles that Standing refers to, by digest.
	known map[string]*accepted
	// distrust says why a bundle may not run here, nil if it may.
	distrust func(*accepted) *refusal
	// blind says that the folder was never read: what ran before runs again.
	blind bool
}

// holding is what a file of the folder holds.
type holding struct {
	name              string
	claims            string // the id, "" while unknown
	accepted, earlier *accepted
}

// gather collects the input of this moment.
func (c *Catalog) gather() input {
	in := input{standing: map[string]Standing{}, running: maps.Clone(c.running), known: map[string]*accepted{}, distrust: c.cfg.distrust, blind: !c.looked}
	for _, name := range slices.Sorted(maps.Keys(c.files)) {
		f := c.files[name]
		in.files = append(in.files, holding{name: name, claims: f.claimed(), accepted: f.accepted, earlier: f.earlier})
	}
	for id, st := range c.standing {
		st.loading = c.loading(st.Pinned)
		in.standing[id] = st
		for _, digest := range []string{st.Pinned, st.Current, c.running[id]} {
			if a := c.known[digest]; a != nil && a.manifest().ID == id {
				in.known[digest] = a
			}
		}
	}
	return in
}

// same reports whether two inputs are about the same bundles in the same standing. What
// Distrust says of them may differ.
func (in input) same(other input) bool {
	return in.blind == other.blind && slices.Equal(in.files, other.files) && maps.Equal(in.running, other.running) &&
		maps.Equal(in.known, other.known) && maps.EqualFunc(in.standing, other.standing, func(a, b Standing) bool { return reflect.DeepEqual(a, b) })
}

// claimed returns the id that a file holds, or is taken to hold while it is not known.
func (f *dropped) claimed() string {
	if f.accepted != nil {
		return f.accepted.manifest().ID
	}
	return f.claims
}

// places returns the files that hold or claim each id, the one with what ran last
// first.
func (in input) places() map[string][]string {
	places := map[string][]string{}
	for _, f := range in.files {
		if f.claims != "" {
			places[f.claims] = append(places[f.claims], f.name)
		}
	}
	for id, names := range places {
		last := in.standing[id].File
		slices.SortFunc(names, func(a, b string) int {
			return cmp.Or(boolOrder(a == last, b == last), cmp.Compare(a, b))
		})
	}
	return places
}

// knows returns the known bundle of an id with a digest, nil if there is none.
func (in input) knows(id, digest string) *accepted {
	if a := in.known[digest]; a != nil && a.manifest().ID == id {
		return a
	}
	return nil
}

// fault says why a bundle cannot or may not run here, whatever else is there.
func (in input) fault(a *accepted) *refusal {
	if a.fault != nil || in.distrust == nil {
		return a.fault
	}
	return in.distrust(a)
}

// candidates makes candidates of what the files hold and what is remembered, each with
// what it was made of, and says what of the remembered counts.
func (in input) candidates() (list []*candidate, origin map[*candidate]*accepted, standing map[string]Standing) {
	origin = map[*candidate]*accepted{}
	have := map[string]bool{}
	open := map[string]bool{} // files whose bytes cannot run, or are not known yet
	add := func(file string, a *accepted, earlier bool) {
		n := a.candidate(file, earlier)
		n.fault = in.fault(a)
		n.placed = earlier && open[file]
		list = append(list, n)
		origin[n] = a
		have[a.digest] = true
	}
	for _, f := range in.files {
		if f.accepted != nil {
			add(f.name, f.accepted, false)
		}
		open[f.name] = f.accepted == nil || in.fault(f.accepted) != nil
		if e := f.earlier; e != nil && in.running[e.manifest().ID] == e.digest {
			add(f.name, e, true)
		}
	}
	places := in.places()
	standing = map[string]Standing{}
	for _, id := range slices.Sorted(maps.Keys(in.standing)) {
		st := in.standing[id]
		names := places[id]
		if len(names) == 0 {
			if !in.blind {
				standing[id] = Standing{Disabled: st.Disabled, Note: st.Note}
				continue
			}
			names = []string{st.File}
		}
		wanted := []string{st.Pinned, st.Current}
		if st.loading && in.running[id] != "" {
			// Until the pin is here, what runs goes on.
			st.Pinned, st.loading = in.running[id], false
			wanted = append(wanted, st.Pinned)
		}
		standing[id] = st
		for _, digest := range wanted {
			if a := in.knows(id, digest); a != nil && !have[digest] {
				add(names[0], a, true)
			}
		}
	}
	return list, origin, standing
}
