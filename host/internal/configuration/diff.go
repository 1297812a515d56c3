package configuration

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// Difference is one place at which two Documents differ.
type Difference struct {
	Pointer string
	// Before and After are nil where there is no value, and always of a secret.
	Before, After json.RawMessage
	Secret        bool
	// Was and Is say whether there was, and is, a value.
	Was, Is bool
}

// Diff compares two Documents, in the order of the pointers. Lists of different lengths
// differ as a whole.
func Diff(before, after Document) []Difference {
	var list []Difference
	differ := func(pointer string, was, is any, there, here bool) {
		d := Difference{Pointer: pointer, Was: there, Is: here}
		if there {
			d.Before = outline.Encode(was)
		}
		if here {
			d.After = outline.Encode(is)
		}
		list = append(list, d)
	}
	from, to := before.Values, after.Values
	if from == nil {
		from = &outline.Object{}
	}
	if to == nil {
		to = &outline.Object{}
	}
	compare(from, to, "", differ)

	pointers := maps.Clone(before.Secrets)
	if pointers == nil {
		pointers = map[string]any{}
	}
	maps.Copy(pointers, after.Secrets)
	for pointer := range pointers {
		was, there := before.Secrets[pointer]
		is, here := after.Secrets[pointer]
		if there != here || !equal(was, is) {
			list = append(list, Difference{Pointer: pointer, Secret: true, Was: there, Is: here})
		}
	}
	slices.SortStableFunc(list, func(a, b Difference) int {
		return slices.Compare(outline.Tokens(a.Pointer), outline.Tokens(b.Pointer))
	})
	return list
}

func compare(before, after any, pointer string, differ func(pointer string, was, is any, there, here bool)) {
	if from, ok := before.(*outline.Object); ok {
		if to, ok := after.(*outline.Object); ok {
			for _, key := range from.Keys {
				at := outline.Pointer(pointer, key)
				was, _ := from.Get(key)
				if is, here := to.Get(key); here {
					compare(was, is, at, differ)
				} else {
					differ(at, was, nil, true, false)
				}
			}
			for _, key := range to.Keys {
				if _, there := from.Get(key); !there {
					is, _ := to.Get(key)
					differ(outline.Pointer(pointer, key), nil, is, false, true)
				}
			}
			return
		}
	}
	if from, ok := before.([]any); ok {
		if to, ok := after.([]any); ok && len(from) == len(to) {
			for i := range from {
				compare(from[i], to[i], outline.Pointer(pointer, strconv.Itoa(i)), differ)
			}
			return
		}
	}
	if !equal(before, after) {
		differ(pointer, before, after, true, true)
	}
}

// equal compares without regard to the order of keys; numbers by how they are written.
func equal(a, b any) bool {
	if x, ok := a.(*outline.Object); ok {
		y, ok := b.(*outline.Object)
		if !ok || len(x.Keys) != len(y.Keys) {
			return false
		}
		for _, key := range x.Keys {
			v, _ := x.Get(key)
			w, there := y.Get(key)
			if !there || !equal(v, w) {
				return false
			}
		}
		return true
	}
	if x, ok := a.([]any); ok {
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, equal)
	}
	return bytes.Equal(outline.Encode(a), outline.Encode(b))
}
