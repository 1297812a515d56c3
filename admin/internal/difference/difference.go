// Package difference says what is otherwise between two JSON values, for people who read
// the audit trail or a change before they make it.
//
// Of returns one Line for each place that differs. What is promised: it never fails,
// whatever the values are; it returns no line for equal values and at least one for
// others; and it is bounded by MaxLines.
package difference

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

const (
	// MaxLines bounds the lines; the last of so many stands for the rest.
	MaxLines = 100
	// maxDepth is how deep objects are taken apart; what is deeper differs as a whole.
	maxDepth = 8
)

// Kind says what became of a place. The set is closed.
type Kind string

// The kinds.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
	// Rest stands for all that the bound leaves out; it has no place.
	Rest Kind = "rest"
)

// Line is one place that differs.
type Line struct {
	Kind Kind
	// Path are the names of members on the way to the place, empty for the whole value.
	Path []string
	// Before and After are compact JSON, but for strings, which stand as they are. One of
	// them is empty where Kind says so. They may be long, and hostile.
	Before, After string
}

// Of compares two values; nil, and what is no JSON, stands for nothing. A list differs by
// its items if all of them are strings, numbers or the like, else as a whole.
func Of(before, after json.RawMessage) []Line {
	a, thereA := parse(before)
	b, thereB := parse(after)
	var c comparison
	switch {
	case thereA && thereB:
		c.compare(nil, a, b)
	case thereA:
		c.all(Removed, a)
	case thereB:
		c.all(Added, b)
	}
	return c.lines
}

func parse(raw json.RawMessage) (any, bool) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return nil, false
	}
	return v, v != nil
}

type comparison struct{ lines []Line }

// add takes one line more, as long as there is room.
func (c *comparison) add(l Line) {
	switch {
	case len(c.lines) < MaxLines-1:
		l.Path = slices.Clone(l.Path)
		c.lines = append(c.lines, l)
	case len(c.lines) == MaxLines-1:
		c.lines = append(c.lines, Line{Kind: Rest})
	}
}

// all is for a value without a counterpart: one line for each member of an object.
func (c *comparison) all(kind Kind, v any) {
	object, ok := v.(map[string]any)
	if !ok || len(object) == 0 {
		c.one(kind, nil, v)
		return
	}
	for _, name := range names(object, nil) {
		c.one(kind, []string{name}, object[name])
	}
}

func (c *comparison) one(kind Kind, path []string, v any) {
	l := Line{Kind: kind, Path: path, Before: text(v)}
	if kind == Added {
		l.Before, l.After = "", l.Before
	}
	c.add(l)
}

func (c *comparison) compare(path []string, a, b any) {
	objectA, isA := a.(map[string]any)
	objectB, isB := b.(map[string]any)
	if isA && isB && len(path) < maxDepth {
		for _, name := range names(objectA, objectB) {
			was, wasThere := objectA[name]
			is, isThere := objectB[name]
			here := append(path, name)
			switch {
			case !wasThere:
				c.one(Added, here, is)
			case !isThere:
				c.one(Removed, here, was)
			default:
				c.compare(here, was, is)
			}
		}
		return
	}
	if c.lists(path, a, b) || text(a) == text(b) && sameKind(a, b) {
		return
	}
	c.add(Line{Kind: Changed, Path: path, Before: text(a), After: text(b)})
}

// lists compares two lists of plain values item by item, whatever their order. It does
// nothing, and says so, for other values, and for lists that differ in their order alone.
func (c *comparison) lists(path []string, a, b any) bool {
	listA, okA := plain(a)
	listB, okB := plain(b)
	if !okA || !okB {
		return false
	}
	var removed, added []any
	left := slices.Clone(listB)
	for _, item := range listA {
		if i := slices.Index(left, item); i >= 0 {
			left = slices.Delete(left, i, i+1)
		} else {
			removed = append(removed, item)
		}
	}
	added = left
	if len(removed)+len(added) == 0 {
		return false
	}
	for _, item := range removed {
		c.one(Removed, path, item)
	}
	for _, item := range added {
		c.one(Added, path, item)
	}
	return true
}

// plain returns the items of a list in which no item has items.
func plain(v any) ([]any, bool) {
	list, ok := v.([]any)
	return list, ok && !slices.ContainsFunc(list, func(item any) bool {
		switch item.(type) {
		case []any, map[string]any:
			return true
		}
		return false
	})
}

// names are those of both objects, sorted.
func names(a, b map[string]any) []string {
	list := make([]string, 0, len(a)+len(b))
	for name := range a {
		list = append(list, name)
	}
	for name := range b {
		if _, twice := a[name]; !twice {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// sameKind tells the string "1" from the number 1.
func sameKind(a, b any) bool {
	_, isA := a.(string)
	_, isB := b.(string)
	return isA == isB
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		if v == "" {
			return strconv.Quote(v)
		}
		return v
	case json.Number:
		return v.String()
	}
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // templates escape
	if e.Encode(v) != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}
