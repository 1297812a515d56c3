package resolver

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Code says what kind of Conflict it is. The set is closed.
type Code string

// The codes.
const (
	CodeInvalid    Code = "request_invalid" // what is asked for contradicts itself
	CodeUnknown    Code = "unknown_extension"
	CodeNoVersion  Code = "no_version"  // it is known, but no release of it will do
	CodeConflict   Code = "conflict"    // requirements contradict each other
	CodeTooComplex Code = "too_complex" // nobody knows: the search took more than Work
)

// Conflict is why there is no plan. Its texts have ids and versions of strangers in them:
// escape them wherever they are shown.
type Conflict struct {
	Code Code
	// Reasons is the chain, each a sentence without a full stop:
	// "org.a 2.0, asked for, needs org.b >=3".
	Reasons []string
	// Hints say what to do next; each of them was tried and leads to a plan, but those that
	// ask for patience or for less.
	Hints []string
}

// Error returns the reasons in one line.
func (c *Conflict) Error() string {
	return string(c.Code) + ": " + strings.Join(c.Reasons, "; ")
}

// Bounds on how much is said, and tried to say it well.
const (
	maxReasons  = 16
	maxExcluded = 4  // releases that are said to be left out
	maxTrials   = 64 // searches for what a conflict is about
)

// explain finds the few roots that contradict each other, and says how.
func explain(u *universe, end *deadEnd, lenient bool) *Conflict {
	x := &explanation{u: u, lenient: lenient, said: map[string]bool{}, seen: map[*deadEnd]bool{},
		shapes: map[*deadEnd]string{}, names: map[string]string{}}
	x.without = x.core(end)
	again := x.search(x.without)
	again.rank = x.ranks()
	if _, clear, err := again.run(); err == nil && clear != nil {
		end = clear
	}
	x.end(end)
	c := &Conflict{Code: x.code(end), Reasons: x.sentences}
	c.Hints = x.hints(end)
	return c
}

// explanation collects sentences about one conflict.
type explanation struct {
	u         *universe
	lenient   bool
	without   map[string]bool // roots that have nothing to do with it
	trials    int
	said      map[string]bool
	seen      map[*deadEnd]bool
	sentences []string
	// shapes and names are those of dead ends, by their texts.
	shapes map[*deadEnd]string
	names  map[string]string
}

// search is one more search, with some roots left out.
func (x *explanation) search(without map[string]bool) *search {
	s := newSearch(x.u, x.u.request.Work/8)
	s.lenient, s.without = x.lenient, without
	x.trials++
	return s
}

// fails reports whether there is no plan without some roots.
func (x *explanation) fails(without map[string]bool) bool {
	_, end, err := x.search(without).run()
	return err == nil && end != nil
}

// core returns the roots that can be left out without making a plan possible: what remains
// is a smallest set of roots that contradict each other.
func (x *explanation) core(end *deadEnd) map[string]bool {
	involved := map[string]bool{}
	x.involve(end, involved, map[*deadEnd]bool{})
	without := map[string]bool{}
	for _, id := range newSearch(x.u, 0).roots() {
		if !involved[id] {
			without[id] = true
		}
	}
	if len(without) > 0 && !x.fails(without) {
		without = map[string]bool{} // the proof has only those, but there was no time to find it again
	}
	roots := slices.Sorted(maps.Keys(involved))
	// What was asked for is left out last: a conflict is best told from it.
	slices.SortStableFunc(roots, func(a, b string) int { return int(x.u.roleOf(b) - x.u.roleOf(a)) })
	for _, id := range roots {
		if x.trials >= maxTrials || x.u.roleOf(id) == needed {
			continue
		}
		without[id] = true
		if !x.fails(without) {
			delete(without, id)
		}
	}
	return without
}

// involve collects the ids in a proof.
func (x *explanation) involve(end *deadEnd, ids map[string]bool, seen map[*deadEnd]bool) {
	if seen[end] {
		return
	}
	seen[end] = true
	note := func(list ...*edge) {
		for _, e := range list {
			if e != nil {
				ids[e.ID] = true
				if e.by != nil {
					ids[e.by.ID] = true
				}
			}
		}
	}
	ids[end.id] = true
	note(end.needed)
	for _, f := range end.failures {
		note(f.refused, f.unmet, f.removed)
		if f.starved != nil {
			note(f.starved.need)
			note(f.starved.with...)
		}
		if f.because != nil {
			x.involve(f.because, ids, seen)
		}
	}
}

// ranks orders decisions so that who needs something is decided before it: then what is
// said of it names all who need it.
func (x *explanation) ranks() map[string]int {
	var list []string
	seen := map[string]bool{}
	var visit func(id string)
	visit = func(id string) {
		if seen[id] {
			return
		}
		seen[id] = true
		for _, c := range x.u.pool(id).candidates {
			for _, e := range c.edges {
				visit(e.ID)
			}
		}
		list = append(list, id)
	}
	for _, id := range slices.Backward(newSearch(x.u, 0).roots()) {
		if !x.without[id] {
			visit(id)
		}
	}
	ranks := map[string]int{}
	for i, id := range list {
		ranks[id] = len(list) - i
	}
	return ranks
}

// say adds a sentence once.
func (x *explanation) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if x.said[text] || len(x.sentences) > maxReasons {
		return
	}
	x.said[text] = true
	if len(x.sentences) == maxReasons {
		text = "and more of the same"
	}
	x.sentences = append(x.sentences, text)
}

// end says why an extension that has to be there can not.
func (x *explanation) end(end *deadEnd) {
	if x.seen[end] {
		return
	}
	x.seen[end] = true
	p := x.u.pool(end.id)
	if end.needed != nil {
		x.say("%s", sentence(x.u, end.needed))
	} else if ask := x.u.asks[end.id]; ask != nil {
		x.say("you ask for %s", askText(ask))
	}
	if len(end.failures) == 0 {
		x.none(p, nil)
		return
	}
	var refused []*edge
	for _, f := range end.failures {
		if f.refused != nil && !slices.Contains(refused, f.refused) {
			refused = append(refused, f.refused)
		}
	}
	x.needs(refused)
	if all := !slices.ContainsFunc(end.failures, func(f failure) bool { return f.refused == nil }); all {
		x.none(p, refused)
		return
	}
	x.failures(end)
}

// failures says why each candidate will not do, but those that a need of others refuses.
func (x *explanation) failures(end *deadEnd) {
	alike := map[string][]string{} // versions with the same reason as one that was told
	var order []string
	for _, f := range end.failures {
		if f.refused != nil {
			continue
		}
		key := x.key(f)
		if alike[key] == nil {
			x.failure(f)
			order = append(order, key)
		}
		alike[key] = append(alike[key], f.candidate.Version)
	}
	for _, key := range order {
		if same := alike[key][1:]; len(same) > 0 {
			x.say("the same holds for %s %s", end.id, listed(same))
		}
	}
}

// key is the same for failures that differ in versions alone.
func (x *explanation) key(f failure) string {
	of := func(e *edge) string {
		if e.by == nil {
			return needText(e.Need)
		}
		return e.by.ID + " " + needText(e.Need)
	}
	switch {
	case f.refused != nil:
		return "refused " + of(f.refused)
	case f.removed != nil:
		return "removed " + of(f.removed)
	case f.unmet != nil:
		return "unmet " + of(f.unmet)
	case f.starved != nil:
		text := "starved " + of(f.starved.need)
		for _, e := range f.starved.with {
			text += ", " + of(e)
		}
		return text
	}
	return x.shape(f.because)
}

// shape names a dead end so that those that differ in versions alone have the same name.
func (x *explanation) shape(end *deadEnd) string {
	if name, known := x.shapes[end]; known {
		return name
	}
	text := end.id
	if end.needed != nil {
		text += " " + needText(end.needed.Need)
	}
	for _, f := range end.failures {
		text += "; " + x.key(f)
	}
	name, known := x.names[text]
	if !known {
		name = fmt.Sprintf("end %d", len(x.names)) // short, since it is part of others
		x.names[text] = name
	}
	x.shapes[end] = name
	return name
}

func (x *explanation) failure(f failure) {
	switch {
	case f.removed != nil:
		x.say("%s, which you ask to remove", sentence(x.u, f.removed))
	case f.unmet != nil:
		x.say("%s, which %s %s is not", sentence(x.u, f.unmet), f.other.ID, f.other.Version)
	case f.starved != nil:
		needs := append([]*edge{f.starved.need}, f.starved.with...)
		x.needs(needs)
		x.none(x.u.pool(f.starved.need.ID), needs)
	case f.because != nil:
		x.end(f.because)
	}
}

// needs says who needs what, what was asked for first and what is installed last.
func (x *explanation) needs(list []*edge) {
	place := func(e *edge) int {
		if e.by == nil {
			return 0
		}
		return []int{named: 1, needed: 2, updated: 3, kept: 4}[x.u.roleOf(e.by.ID)]
	}
	id := func(e *edge) string {
		if e.by == nil {
			return ""
		}
		return e.by.ID
	}
	slices.SortStableFunc(list, func(a, b *edge) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), strings.Compare(id(a), id(b)))
	})
	for _, e := range list {
		x.say("%s", sentence(x.u, e))
	}
}

// none says that no version of an id is what all those needs ask.
func (x *explanation) none(p *pool, needs []*edge) {
	switch {
	case !p.known:
		x.say("no repository has %s", p.id)
		return
	case len(p.candidates) == 0:
		x.say("no version of %s can be installed here", p.id)
	case len(needs) == 1:
		x.say("no version of %s is %s; there are %s", p.id, orAny(needs[0].Version), versions(p.candidates))
	case len(needs) == 2:
		x.say("no version of %s is both; there are %s", p.id, versions(p.candidates))
	default:
		x.say("no version of %s is all of that; there are %s", p.id, versions(p.candidates))
	}
	var texts []string // of those that would do
	for _, e := range p.excluded {
		if e.release == nil || !slices.ContainsFunc(needs, func(n *edge) bool { return !n.allows(e.release) }) {
			texts = append(texts, e.text)
		}
	}
	for _, text := range texts[:min(len(texts), maxExcluded)] {
		x.say("%s", text)
	}
	if more := len(texts) - maxExcluded; more > 0 {
		x.say("%d more versions of %s are left out", more, p.id)
	}
}

func orAny(c Constraint) string {
	if c == nil {
		return "there"
	}
	return c.String()
}

// versions lists the highest few.
func versions(list []*candidate) string {
	var texts []string
	for _, c := range slices.SortedFunc(slices.Values(list), compareVersions) {
		texts = append(texts, c.Version)
	}
	return listed(texts)
}

// listed writes the first few of a list.
func listed(texts []string) string {
	const few = 5
	if more := len(texts) - few; more > 0 {
		return strings.Join(texts[:few], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(texts, ", ")
}

// code is that of the whole: what is asked for by name and is not there at all is another
// matter than needs that contradict each other.
func (x *explanation) code(end *deadEnd) Code {
	p := x.u.pool(end.id)
	refused := !slices.ContainsFunc(end.failures, func(f failure) bool { return f.refused == nil || f.refused.by != nil })
	switch {
	case end.needed != nil || x.u.asks[end.id] == nil || !refused:
		return CodeConflict
	case !p.known:
		return CodeUnknown
	}
	return CodeNoVersion
}
