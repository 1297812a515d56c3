package schema

import (
	"slices"

	"github.com/jackfield-host/jackfield/sdk"
)

// The limits on a payload and on what is said about it.
const (
	// MaxPayloadDepth bounds the nesting of a payload.
	MaxPayloadDepth = 512
	// MaxViolations bounds how many violations Validate returns.
	MaxViolations = 32

	maxPointer = 1024

	// A validation may take baseSteps and stepsPerByte more for each byte of the
	// payload; a step is some 20 ns. An ordinary schema takes a fifth of a step for
	// each byte.
	baseSteps    = 1 << 20
	stepsPerByte = 4
	// The same for regular expressions, in instructions times bytes, 15 ns at worst
	// and mostly much less. A pattern for a UUID has 45 instructions.
	baseMatching    = 8 << 20
	matchingPerByte = 32
	// memoAfter is the step from which results of recursive schemas are kept: what
	// is done by then never needs them.
	memoAfter = 1 << 12
	// maxChain bounds the subschemas that are in progress at one time, and with
	// them the stack.
	maxChain = 20_000
)

// Validate checks one payload. No violations means that it keeps the schema.
// Violations are sorted by pointer; there are at most MaxViolations, each with a
// short message that does not repeat the payload's values. A pointer that would be
// very long ends at a place above.
//
// The error, an *Error, says that payload is not one JSON value by the rules of
// CheckJSON (nested at most MaxPayloadDepth, of any size): malformed, where
// violations mean well-formed but wrong. A key that stands twice in an object is
// malformed too, since an extension might read another of the two than was checked.
//
// format and the content keywords are annotations, as draft 2020-12 has it.
func (s *Schema) Validate(payload []byte) ([]sdk.Violation, error) {
	t, ok := s.tapes.Get().(*tape)
	if !ok {
		t = new(tape)
	}
	defer func() {
		t.data = nil
		if cap(t.cells) <= maxPooledCells {
			s.tapes.Put(t)
		}
	}()
	if err := t.parse(payload, MaxPayloadDepth); err != nil {
		return nil, err
	}
	budget := baseSteps + stepsPerByte*len(payload)
	e := evaluation{schema: s, tape: t, start: budget, steps: budget, matching: baseMatching + matchingPerByte*len(payload)}
	if e.holds(s.root, 0, nil) && e.steps > 0 {
		return nil, nil
	}
	if e.steps > 0 {
		e.steps, e.reporting = budget, true
		e.matching = baseMatching + matchingPerByte*len(payload)
		e.judge(s.root, 0, nil)
	}
	return e.result(), nil
}

// maxPooledCells is the largest tape worth keeping, of a payload of about 1 MiB.
const maxPooledCells = 1 << 16

// evaluation is one run of Validate. First the whole schema is judged by yes or no;
// only when that is no, it is judged again to collect what is wrong.
type evaluation struct {
	schema *Schema
	*tape      // the payload
	start  int // steps at the beginning
	steps  int // steps left; not above 0 means given up
	chain  int // subschemas in progress

	matching int // what is left for regular expressions

	// memo keeps results of recursive nodes, and reported the failures that were
	// described already. Without them a schema that refers to itself twice would be
	// judged twice as often on each level of the payload.
	memo     map[visit]bool
	reported map[visit]bool

	reporting  bool
	path       []token
	digits     [48]byte // room for most numbers
	violations []sdk.Violation
}

type visit struct {
	node *node
	cell uint32
}

// token is one step from the root to the value being judged.
type token struct {
	key   uint32 // text cell, when item is false
	index int
	item  bool
}

// seen marks the members or items that some keyword has evaluated, for the
// unevaluated keywords. A nil seen means that nobody asks.
type seen []bool

func (s seen) mark(i int) {
	if s != nil {
		s[i] = true
	}
}

func (s seen) markAll() {
	for i := range s {
		s[i] = true
	}
}

func (s seen) merge(other seen) {
	for i := range s {
		s[i] = s[i] || other[i]
	}
}

// fork returns an empty seen of the same size, nil for nil.
func (s seen) fork() seen {
	if s == nil {
		return nil
	}
	return make(seen, len(s))
}

// spend takes n steps and reports whether any are left.
func (e *evaluation) spend(n int) bool {
	e.steps -= n
	return e.steps > 0
}

// holds judges silently.
func (e *evaluation) holds(n *node, i uint32, marks seen) bool {
	was := e.reporting
	e.reporting = false
	ok := e.judge(n, i, marks)
	e.reporting = was
	return ok
}

// judge reports whether the value in cell i keeps n. When reporting it goes on
// after a failure, to describe the others; else it stops at the first.
func (e *evaluation) judge(n *node, i uint32, marks seen) bool {
	switch {
	case n.blank:
		return e.spend(1)
	case !e.spend(1):
		return false
	case n.never:
		return e.fail("no value is allowed here")
	case e.chain >= maxChain:
		e.steps = 0
		return false
	}
	e.chain++
	ok := false
	if n.recursive && marks == nil {
		ok = e.judgeOnce(n, i)
	} else {
		ok = e.assertions(n, i, marks)
	}
	e.chain--
	return ok
}

// judgeOnce is judge for a node that may meet the same value many times over.
func (e *evaluation) judgeOnce(n *node, i uint32) bool {
	v := visit{n, i}
	if known, ok := e.memo[v]; ok && (known || !e.reporting) {
		return known
	}
	if e.reporting {
		if e.reported[v] {
			return false
		}
		if e.holds(n, i, nil) {
			return true
		}
		if e.reported == nil {
			e.reported = map[visit]bool{}
		}
		e.reported[v] = true
	}
	ok := e.assertions(n, i, nil)
	if e.start-e.steps > memoAfter && e.steps > 0 {
		if e.memo == nil {
			e.memo = map[visit]bool{}
		}
		e.memo[v] = ok
	}
	return ok
}

// assertions runs the keywords of n, cheap ones first.
func (e *evaluation) assertions(n *node, i uint32, marks seen) bool {
	c := e.cells[i]
	ok := e.any(n, i, c)
	if !ok && !e.reporting {
		return false
	}
	own := marks
	if c.kind == object && n.unevaluatedProps != nil || c.kind == array && n.unevaluatedItems != nil {
		// What schemas beside this one have evaluated does not count here.
		own = make(seen, c.count)
		ok = e.spend(int(c.count)) && ok
	}
	switch c.kind {
	case number:
		ok = e.number(n, i) && ok
	case text:
		ok = e.string(n, i) && ok
	}
	if !ok && !e.reporting {
		return false
	}
	if n.ref != nil {
		ok = e.judge(n.ref, i, own) && ok
	}
	for _, m := range n.allOf {
		if !ok && !e.reporting {
			return false
		}
		ok = e.judge(m, i, own) && ok
	}
	if ok || e.reporting {
		ok = e.branches(n, i, own) && ok
	}
	if !ok && !e.reporting {
		return false
	}
	switch c.kind {
	case object:
		ok = e.object(n, i, own) && ok
	case array:
		ok = e.array(n, i, own) && ok
	}
	if n.unevaluatedProps != nil || n.unevaluatedItems != nil {
		marks.merge(own)
	}
	return ok
}

// any judges the keywords that speak of every kind of value.
func (e *evaluation) any(n *node, i uint32, c cell) bool {
	ok := true
	if n.types != 0 && !n.types.has(c.kind) {
		if n.types&integer == 0 || c.kind != number || !parseDecimal(e.raw(i)).isInteger() {
			return e.fail("got %s, want %s", typeNames()[c.kind], n.types)
		}
	}
	if n.constant != 0 && !e.equal(e.tape, i, &e.schema.doc, n.constant) {
		ok = e.fail("the value must be %s", e.show(n.constant))
	}
	if n.enum != nil {
		found := slices.ContainsFunc(n.enum, func(want uint32) bool { return e.equal(e.tape, i, &e.schema.doc, want) })
		if !found {
			ok = e.fail("the value must be one of %s", e.showAll(n.enum))
		}
	}
	return ok
}

// branches judges the keywords that combine schemas, but for $ref and allOf.
func (e *evaluation) branches(n *node, i uint32, marks seen) bool {
	ok := true
	if n.not != nil && e.holds(n.not, i, nil) && e.steps > 0 {
		ok = e.fail("the value must not be what \"not\" describes")
	}
	if n.anyOf != nil {
		ok = e.anyOf(n, i, marks) && ok
	}
	if n.oneOf != nil {
		ok = e.oneOf(n, i, marks) && ok
	}
	if n.ifs != nil {
		ok = e.conditional(n, i, marks) && ok
	}
	return ok
}

// choose judges one branch of a choice. Marks of a branch count only if it holds.
func (e *evaluation) choose(m *node, i uint32, marks seen) bool {
	if !e.spend(len(marks) / 8) {
		return false
	}
	mine := marks.fork()
	if !e.holds(m, i, mine) {
		return false
	}
	marks.merge(mine)
	return true
}

func (e *evaluation) anyOf(n *node, i uint32, marks seen) bool {
	found := false
	for _, m := range n.anyOf {
		if e.choose(m, i, marks) {
			if found = true; marks == nil {
				break
			}
		}
	}
	return found || e.noBranch("anyOf", n.anyOf, i)
}

func (e *evaluation) oneOf(n *node, i uint32, marks seen) bool {
	first := -1
	for k, m := range n.oneOf {
		if !e.choose(m, i, marks) {
			continue
		}
		if first >= 0 {
			return e.fail("the value matches the alternatives %d and %d of oneOf, where only one is allowed", first, k)
		}
		first = k
	}
	return first >= 0 || e.noBranch("oneOf", n.oneOf, i)
}

// noBranch describes a choice of which no branch holds. When the value's type fits
// one branch only, that one was meant, and what is wrong with it is said.
func (e *evaluation) noBranch(keyword string, list []*node, i uint32) bool {
	if !e.reporting {
		return false
	}
	var meant *node
	for _, m := range list {
		for m.ref != nil && m.types == 0 {
			m = m.ref
		}
		if m.never || m.types != 0 && !m.types.has(e.cells[i].kind) {
			continue
		}
		if meant != nil {
			return e.fail("the value matches none of the %d alternatives of %s", len(list), keyword)
		}
		meant = m
	}
	if meant == nil {
		return e.fail("the value matches none of the %d alternatives of %s", len(list), keyword)
	}
	before := len(e.violations)
	if e.judge(meant, i, nil); len(e.violations) == before {
		e.fail("the value matches none of the %d alternatives of %s", len(list), keyword)
	}
	return false
}

func (e *evaluation) conditional(n *node, i uint32, marks seen) bool {
	branch := n.elses
	if e.choose(n.ifs, i, marks) {
		branch = n.thens
	}
	return branch == nil || e.judge(branch, i, marks)
}
