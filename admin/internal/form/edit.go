package form

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// find returns the field at a pointer with the one that holds it, nil for none.
func (f *Field) find(pointer string) (at, holder *Field) {
	if f.Pointer == pointer {
		return f, nil
	}
	for _, below := range f.Fields {
		if pointer == below.Pointer {
			return below, f
		}
		if strings.HasPrefix(pointer, below.Pointer+"/") {
			return below.find(pointer)
		}
	}
	return nil, nil
}

// remove removes an item, a member that the schema does not name, or a value.
func (f *Field) remove(pointer string) {
	at, holder := f.find(pointer)
	switch {
	case at == nil || holder == nil || !at.CanRemove:
	case holder.Kind == List:
		i := slices.Index(holder.Fields, at)
		holder.Fields = slices.Delete(holder.Fields, i, i+1)
		for n := i; n < len(holder.Fields); n++ {
			holder.Fields[n].move(holder, n)
		}
		holder.finish()
	case at.Undeclared:
		holder.Fields = slices.DeleteFunc(holder.Fields, func(m *Field) bool { return m == at })
		holder.finish()
	default:
		*at = *newField(at.spot, given{})
	}
}

// move gives an item another number.
func (f *Field) move(list *Field, n int) {
	at := outline.Pointer(list.Pointer, strconv.Itoa(n))
	if f.Label == f.spot.label {
		f.Label = strings.TrimSpace(list.Label + " " + strconv.Itoa(n+1))
	}
	f.spot.label = strings.TrimSpace(list.Label + " " + strconv.Itoa(n+1))
	f.key, f.spot.key = strconv.Itoa(n), strconv.Itoa(n)
	f.rename(f.Pointer, at)
}

func (f *Field) rename(old, now string) {
	f.Pointer = now + strings.TrimPrefix(f.Pointer, old)
	f.spot.pointer = f.Pointer
	for _, below := range f.Fields {
		below.rename(old, now)
	}
}

// add adds an item, a member under a new key, or a value with what the schema has as its
// default.
func (f *Field) add(pointer, key string) {
	at, _ := f.find(pointer)
	switch {
	case at == nil || !at.CanAdd:
	case !at.Set:
		*at = *newField(at.spot, fresh(at.spot))
	case at.Kind == List:
		s := at.below(shapeOf(at.spot).place, strconv.Itoa(len(at.Fields)), true)
		at.Fields = append(at.Fields, newField(s, fresh(s)))
		at.finish()
	case at.Keyed:
		taken := func(m *Field) bool { return m.key == key }
		if slices.ContainsFunc(at.Fields, taken) {
			at.Messages = append(at.Messages, "there is a member with this name already")
			return
		}
		s := at.below(shapeOf(at.spot).place, key, false)
		at.Fields = append(at.Fields, newField(s, fresh(s)))
		at.finish()
	}
}

func newField(s spot, from source) *Field {
	b := &builder{left: maxItems}
	return b.field(s, from)
}

// fresh is what a value begins with: its default, else what is empty of its kind.
func fresh(s spot) source {
	sh := shapeOf(s)
	if value, ok := sh.place.Lookup("default"); ok && !s.secret() {
		return given{value: value, there: true}
	}
	switch sh.kind {
	case Group:
		return given{value: &outline.Object{}, there: true}
	case List:
		return given{value: []any{}, there: true}
	}
	return given{}
}
