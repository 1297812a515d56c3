package form

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// source is where the values of fields come from: a value, or what was posted.
type source interface {
	// value of the place itself, when it comes as one.
	get() (value any, there bool)
	// member and item lead to what is within; keys are the keys of an object, count is
	// the number of items of a list.
	member(pointer, key string) source
	item(pointer string, index int) source
	keys(pointer string) []string
	count(pointer string) int
	// posted is what was posted, nil for a value.
	posted() url.Values
	// secretSet reports whether the host has the secret at a place.
	secretSet(pointer string) bool
}

// given is a value.
type given struct {
	value   any
	there   bool
	secrets []string
}

func (g given) get() (any, bool)   { return g.value, g.there }
func (g given) posted() url.Values { return nil }

func (g given) secretSet(pointer string) bool { return slices.Contains(g.secrets, pointer) }

func (g given) member(_, key string) source {
	below := given{secrets: g.secrets}
	if object, ok := g.value.(*outline.Object); ok {
		below.value, below.there = object.Get(key)
	}
	return below
}

func (g given) item(_ string, index int) source {
	below := given{secrets: g.secrets}
	if list, ok := g.value.([]any); ok && index < len(list) {
		below.value, below.there = list[index], true
	}
	return below
}

func (g given) keys(string) []string {
	if object, ok := g.value.(*outline.Object); ok {
		return object.Keys
	}
	return nil
}

func (g given) count(string) int {
	list, _ := g.value.([]any)
	return len(list)
}

// sent is what was posted; it is the same at every place.
type sent struct {
	form    url.Values
	secrets []string
}

func newPosted(form url.Values, secrets []string) source { return sent{form, secrets} }

func (s sent) get() (any, bool)              { return nil, false }
func (s sent) posted() url.Values            { return s.form }
func (s sent) secretSet(pointer string) bool { return slices.Contains(s.secrets, pointer) }
func (s sent) member(string, string) source  { return s }
func (s sent) item(string, int) source       { return s }

func (s sent) keys(pointer string) []string {
	var keys []string
	for _, key := range s.form["member:"+pointer] {
		if !slices.Contains(keys, key) && len(keys) < maxItems {
			keys = append(keys, key)
		}
	}
	return keys
}

func (s sent) count(pointer string) int {
	n, err := strconv.Atoi(s.form.Get("present:" + pointer))
	if err != nil {
		return 0
	}
	return max(0, min(n, maxItems))
}
