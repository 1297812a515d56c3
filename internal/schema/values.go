package schema

import "unicode/utf8"

// number judges the keywords of numbers.
func (e *evaluation) number(n *node, i uint32) bool {
	if n.minimum == nil && n.maximum == nil && n.multipleOf == nil {
		return true
	}
	ok := true
	d := parseDecimalInto(e.digits[:0], e.raw(i))
	if b := n.minimum; b != nil {
		if order := d.compare(b.decimal); order < 0 || order == 0 && b.exclusive {
			ok = e.fail("the number must be %s %s", map[bool]string{false: "at least", true: "greater than"}[b.exclusive], b.text)
		}
	}
	if b := n.maximum; b != nil {
		if order := d.compare(b.decimal); order > 0 || order == 0 && b.exclusive {
			ok = e.fail("the number must be %s %s", map[bool]string{false: "at most", true: "less than"}[b.exclusive], b.text)
		}
	}
	if n.multipleOf != nil {
		e.spend(len(d.digits))
		if multiple, decided := d.isMultipleOf(*n.multipleOf); !decided {
			ok = e.fail("the number has more than %d digits, too many for multipleOf", maxDivided)
		} else if !multiple {
			ok = e.fail("the number is not a multiple of multipleOf")
		}
	}
	return ok
}

// string judges the keywords of strings. Lengths count characters.
func (e *evaluation) string(n *node, i uint32) bool {
	if n.minLength == 0 && n.maxLength == unlimited && n.pattern == nil {
		return true
	}
	ok := true
	s := e.text(i)
	if n.minLength > 0 || n.maxLength < unlimited {
		e.spend(len(s) / 16)
		length := utf8.RuneCount(s)
		if length < n.minLength {
			ok = e.fail("the string has %d characters, at least %d are needed", length, n.minLength)
		}
		if length > n.maxLength {
			ok = e.fail("the string has %d characters, at most %d are allowed", length, n.maxLength)
		}
	}
	if n.pattern != nil && !e.matches(n.pattern, s) {
		ok = e.fail("the string does not match the pattern %s", n.pattern)
	}
	return ok
}

// matches runs a regular expression, in linear time, and pays for it.
func (e *evaluation) matches(p *pattern, s []byte) bool {
	e.matching -= p.size * (16 + len(s))
	if e.matching < 0 {
		e.steps = 0
	}
	return e.spend(1+len(s)/64) && p.Match(s)
}

// object judges the keywords of objects, members in the order of the payload.
func (e *evaluation) object(n *node, i uint32, marks seen) bool {
	c := e.cells[i]
	ok := true
	if int(c.count) < n.minProps {
		ok = e.fail("the object has %d properties, at least %d are needed", c.count, n.minProps)
	}
	if int(c.count) > n.maxProps {
		ok = e.fail("the object has %d properties, at most %d are allowed", c.count, n.maxProps)
	}
	if n.properties != nil || n.patternProps != nil || n.additional != nil || n.propertyNames != nil {
		ok = e.members(n, i, marks) && ok
	}
	for _, d := range n.dependentRequired {
		if !ok && !e.reporting {
			return false
		}
		if e.spend(1 + int(c.count)); e.has(i, d.key) {
			ok = e.allThere(i, d.required) && ok
		}
	}
	for _, d := range n.dependentSchemas {
		if !ok && !e.reporting {
			return false
		}
		if e.spend(1 + int(c.count)); e.has(i, d.key) {
			ok = e.judge(d.schema, i, marks) && ok
		}
	}
	if n.unevaluatedProps != nil && (ok || e.reporting) {
		ok = e.unevaluatedMembers(n, i, marks) && ok
	}
	return ok
}

func (e *evaluation) has(i uint32, key string) bool {
	_, ok := e.member(i, key)
	return ok
}

// allThere judges that the object has every key.
func (e *evaluation) allThere(i uint32, keys []string) bool {
	ok := true
	for _, key := range keys {
		if !e.spend(1 + int(e.cells[i].count)) {
			return false
		}
		if !e.has(i, key) {
			ok = e.fail(missing, key)
			if !e.reporting {
				return false
			}
		}
	}
	return ok
}

// members judges every member by the keywords that look at members one by one.
// Keys are unique, so required ones are counted on the way.
func (e *evaluation) members(n *node, i uint32, marks seen) bool {
	ok := true
	present := 0
	end := e.cells[i].next
	for k, pos := i+1, 0; k < end; k, pos = e.cells[k+1].next, pos+1 {
		if !e.spend(1) {
			return false
		}
		key := e.text(k)
		p := n.properties[string(key)]
		if p != nil && p.required {
			present++
		}
		e.path = append(e.path, token{key: k})
		ok = e.oneMember(n, k, pos, key, p, marks) && ok
		e.path = e.path[:len(e.path)-1]
		if !ok && !e.reporting {
			return false
		}
	}
	if present < len(n.required) {
		return e.allThere(i, n.required)
	}
	return ok
}

func (e *evaluation) oneMember(n *node, k uint32, pos int, key []byte, p *property, marks seen) bool {
	ok, known := true, false
	if p != nil && p.schema != nil {
		known = true
		ok = e.judge(p.schema, k+1, nil)
	}
	for _, pp := range n.patternProps {
		if !e.matches(pp.pattern, key) {
			continue
		}
		known = true
		ok = e.judge(pp.schema, k+1, nil) && ok
	}
	if !known && n.additional != nil {
		known = true
		if n.additional.never {
			ok = e.fail("the property is not allowed")
		} else {
			ok = e.judge(n.additional, k+1, nil) && ok
		}
	}
	if n.propertyNames != nil {
		ok = e.judge(n.propertyNames, k, nil) && ok
	}
	if known {
		marks.mark(pos)
	}
	return ok
}

func (e *evaluation) unevaluatedMembers(n *node, i uint32, marks seen) bool {
	ok := true
	end := e.cells[i].next
	for k, pos := i+1, 0; k < end; k, pos = e.cells[k+1].next, pos+1 {
		if marks[pos] {
			continue
		}
		e.path = append(e.path, token{key: k})
		if n.unevaluatedProps.never {
			ok = e.fail("the property is not allowed")
		} else {
			ok = e.judge(n.unevaluatedProps, k+1, nil) && ok
		}
		e.path = e.path[:len(e.path)-1]
		if !ok && !e.reporting || e.steps <= 0 {
			return false
		}
	}
	marks.markAll()
	return ok
}

// array judges the keywords of arrays.
func (e *evaluation) array(n *node, i uint32, marks seen) bool {
	c := e.cells[i]
	ok := true
	if int(c.count) < n.minItems {
		ok = e.fail("the array has %d items, at least %d are needed", c.count, n.minItems)
	}
	if int(c.count) > n.maxItems {
		ok = e.fail("the array has %d items, at most %d are allowed", c.count, n.maxItems)
	}
	if !ok && !e.reporting {
		return false
	}
	if n.prefixItems != nil || n.items != nil {
		ok = e.eachItem(i, func(pos int, at uint32) bool {
			switch {
			case pos < len(n.prefixItems):
				marks.mark(pos)
				return e.judge(n.prefixItems[pos], at, nil)
			case n.items != nil:
				marks.mark(pos)
				return e.judge(n.items, at, nil)
			}
			return true
		}) && ok
	}
	if n.contains != nil && (ok || e.reporting) {
		ok = e.contains(n, i, marks) && ok
	}
	if n.unique && (ok || e.reporting) {
		ok = e.distinct(i) && ok
	}
	if n.unevaluatedItems != nil && (ok || e.reporting) {
		ok = e.eachItem(i, func(pos int, at uint32) bool {
			return marks[pos] || e.judge(n.unevaluatedItems, at, nil)
		}) && ok
		marks.markAll()
	}
	return ok
}

// eachItem judges items in order, until the first failure unless reporting.
func (e *evaluation) eachItem(i uint32, judge func(pos int, at uint32) bool) bool {
	ok := true
	end := e.cells[i].next
	for at, pos := i+1, 0; at < end; at, pos = e.cells[at].next, pos+1 {
		if !e.spend(1) {
			return false
		}
		e.path = append(e.path, token{index: pos, item: true})
		ok = judge(pos, at) && ok
		e.path = e.path[:len(e.path)-1]
		if !ok && !e.reporting {
			return false
		}
	}
	return ok
}

func (e *evaluation) contains(n *node, i uint32, marks seen) bool {
	found := 0
	end := e.cells[i].next
	for at, pos := i+1, 0; at < end; at, pos = e.cells[at].next, pos+1 {
		if e.holds(n.contains, at, nil) {
			found++
			marks.mark(pos)
		}
		if e.steps <= 0 {
			return false
		}
	}
	if found < n.minContains {
		return e.fail("%d items match what the array must contain, at least %d are needed", found, n.minContains)
	}
	if found > n.maxContains {
		return e.fail("%d items match what the array must contain, at most %d are allowed", found, n.maxContains)
	}
	return true
}
