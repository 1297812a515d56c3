package schema

import "fmt"

// edge says what a child of a node judges.
type edge int

const (
	same    edge = iota // the same value as the node
	within              // a value within it
	nothing             // a definition: nothing, until something refers to it
)

// children calls visit for every node that n leads to.
func (n *node) children(visit func(child *node, e edge)) {
	one := func(m *node, e edge) {
		if m != nil {
			visit(m, e)
		}
	}
	many := func(list []*node, e edge) {
		for _, m := range list {
			visit(m, e)
		}
	}
	one(n.ref, same)
	many(n.allOf, same)
	many(n.anyOf, same)
	many(n.oneOf, same)
	one(n.not, same)
	one(n.ifs, same)
	one(n.thens, same)
	one(n.elses, same)
	for _, d := range n.dependentSchemas {
		visit(d.schema, same)
	}
	for _, p := range n.properties {
		one(p.schema, within)
	}
	for _, p := range n.patternProps {
		visit(p.schema, within)
	}
	one(n.additional, within)
	one(n.propertyNames, within)
	one(n.unevaluatedProps, within)
	many(n.prefixItems, within)
	one(n.items, within)
	one(n.contains, within)
	one(n.unevaluatedItems, within)
	many(n.extra, nothing)
}

// measure counts the subschemas below order[0] with every reference expanded, and
// refuses too many and references that lead only to themselves. It expands nothing:
// a bomb of references costs as much as its text.
//
// Schemas that refer to each other in a circle have no finite expansion; such a
// group counts each of its members once. A definition counts where something refers
// to it, and in any case the size is no less than the number of subschemas written.
func measure(order []*node) (int, error) {
	if err := checkLoops(order); err != nil {
		return 0, err
	}
	groups, of := components(order)
	sizes := make([]int, len(groups))
	for g, members := range groups { // a group comes behind all it leads to
		size := len(members)
		for _, n := range members {
			n.children(func(m *node, e edge) {
				if of[m] != g && e != nothing {
					size = min(size+sizes[of[m]], MaxSubschemas+1)
				}
			})
		}
		if sizes[g] = size; size > MaxSubschemas {
			return 0, &Error{Message: fmt.Sprintf("there are more than %d subschemas after expanding references", MaxSubschemas)}
		}
		for _, n := range members {
			n.recursive = len(members) > 1
			n.children(func(m *node, _ edge) { n.recursive = n.recursive || m == n })
		}
	}
	return max(sizes[of[order[0]]], len(order)), nil
}

// checkLoops refuses circles of schemas that all judge the same value: such a
// reference leads only to itself and says nothing.
func checkLoops(order []*node) error {
	const open, done = 1, 2
	state := make(map[*node]int, len(order))
	var visit func(n *node) error
	visit = func(n *node) (err error) { // at most MaxSubschemas deep
		state[n] = open
		n.children(func(m *node, e edge) {
			switch {
			case err != nil || e != same || state[m] == done:
			case state[m] == open:
				err = &Error{n.pointer, "this leads back to " + where(m.pointer) + " for the same value, so it leads only to itself"}
			default:
				err = visit(m)
			}
		})
		state[n] = done
		return err
	}
	for _, n := range order {
		if state[n] == 0 {
			if err := visit(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func where(pointer string) string {
	if pointer == "" {
		return "the whole schema"
	}
	return clip(pointer)
}

// components groups nodes that can reach each other (Tarjan), each group behind
// all groups it leads to.
func components(order []*node) (groups [][]*node, of map[*node]int) {
	of = make(map[*node]int, len(order))
	index := make(map[*node]int, len(order))
	low := make(map[*node]int, len(order))
	var stack []*node
	var visit func(n *node)
	visit = func(n *node) {
		index[n] = len(index) + 1
		low[n] = index[n]
		stack = append(stack, n)
		n.children(func(m *node, _ edge) {
			if index[m] == 0 {
				visit(m)
				low[n] = min(low[n], low[m])
			} else if _, closed := of[m]; !closed {
				low[n] = min(low[n], index[m])
			}
		})
		if low[n] != index[n] {
			return
		}
		at := len(stack) - 1
		for stack[at] != n {
			at--
		}
		members := append([]*node(nil), stack[at:]...)
		stack = stack[:at]
		for _, m := range members {
			of[m] = len(groups)
		}
		groups = append(groups, members)
	}
	for _, n := range order {
		if index[n] == 0 {
			visit(n)
		}
	}
	return groups, of
}
