package configuration

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// split takes an object apart. An item of a list that is a secret by itself makes the
// whole list one: the others would change places without it. was are pointers of what is
// secret whatever the schema says.
func (s *Schema) split(object *outline.Object, was map[string]any) (Document, error) {
	d := Document{Secrets: map[string]any{}}
	w := splitter{walk{steps: maxSteps}, was, d.Secrets}
	values, _ := w.split(object, s.possible, "", s.possible.Is("writeOnly")).(*outline.Object)
	if w.steps <= 0 {
		return Document{}, errIntricate // what was not looked at may be secret
	}
	d.Values = values
	return d, nil
}

// splitter takes a value apart.
type splitter struct {
	walk
	was, secrets map[string]any
}

// split returns v without its secrets. all says that every member is one.
func (w *splitter) split(v any, p outline.Place, pointer string, all bool) any {
	if !w.spend(p) {
		return nil
	}
	switch v := v.(type) {
	case *outline.Object:
		shown := &outline.Object{}
		for _, key := range v.Keys {
			member, _ := v.Get(key)
			place, at := p.Property(key), outline.Pointer(pointer, key)
			if _, was := w.was[at]; all || was || w.secret(member, place) {
				w.secrets[at] = member
				continue
			}
			shown.Set(key, w.split(member, place, at, false))
		}
		return shown
	case []any:
		shown := make([]any, len(v))
		for i, item := range v {
			shown[i] = w.split(item, p.Item(i), outline.Pointer(pointer, strconv.Itoa(i)), false)
		}
		return shown
	}
	return v
}

// secret reports whether a value is one as a whole.
func (w *splitter) secret(v any, p outline.Place) bool {
	if p.Is("writeOnly") {
		return true
	}
	list, ok := v.([]any)
	if !ok || !p.Said() {
		return false
	}
	for i := range list {
		item := p.Item(i)
		if !w.spend(item) || w.secret(list[i], item) {
			return true
		}
	}
	return false
}

// join puts a Document together again.
func (d Document) join() (any, error) {
	var joined any = &outline.Object{}
	if d.Values != nil {
		joined = d.Values
	}
	for _, pointer := range slices.Sorted(maps.Keys(d.Secrets)) {
		var err error
		if joined, err = put(joined, outline.Tokens(pointer), d.Secrets[pointer]); err != nil {
			return nil, fmt.Errorf("the secret %s has no place any more: %w", pointer, err)
		}
	}
	return joined, nil
}

// put returns a copy of v with a member set. What lies on the way must be there.
func put(v any, tokens []string, value any) (any, error) {
	if len(tokens) == 0 {
		return value, nil
	}
	switch v := v.(type) {
	case *outline.Object:
		changed := &outline.Object{}
		for _, key := range v.Keys {
			member, _ := v.Get(key)
			changed.Set(key, member)
		}
		member, ok := v.Get(tokens[0])
		if !ok && len(tokens) > 1 {
			return nil, fmt.Errorf("nothing is at %q", tokens[0])
		}
		below, err := put(member, tokens[1:], value)
		if err != nil {
			return nil, err
		}
		changed.Set(tokens[0], below)
		return changed, nil
	case []any:
		i, err := strconv.Atoi(tokens[0])
		if err != nil || i < 0 || i >= len(v) {
			return nil, fmt.Errorf("nothing is at %q", tokens[0])
		}
		changed := slices.Clone(v)
		if changed[i], err = put(v[i], tokens[1:], value); err != nil {
			return nil, err
		}
		return changed, nil
	}
	return nil, fmt.Errorf("nothing can be at %q", tokens[0])
}

// Keep returns next with those secrets of d that it leaves out, and without those that
// it says are null. A secret is kept as long as the object is there that holds it. Below
// an item of a list it is kept if what is shown of the item stands in the list as it was:
// of a changed item nobody can say which one it was, and a secret must not come to
// another.
func (d Document) Keep(next Document) Document {
	kept := Document{Values: next.Values, Secrets: maps.Clone(next.Secrets)}
	if kept.Secrets == nil {
		kept.Secrets = map[string]any{}
	}
	c := carrier{secrets: d.Secrets, holders: map[string][]string{}, into: kept.Secrets}
	for pointer := range d.Secrets {
		tokens := outline.Tokens(pointer)
		above := ""
		for _, t := range tokens {
			c.holders[above] = append(c.holders[above], t)
			above = outline.Pointer(above, t)
		}
	}
	var from, to any = d.Values, kept.Values
	if d.Values == nil {
		from = &outline.Object{}
	}
	if kept.Values == nil {
		to = &outline.Object{}
	}
	c.carry(from, to, "", "")
	maps.DeleteFunc(kept.Secrets, func(_ string, value any) bool { return value == nil })
	return kept
}

// carrier carries secrets from one Document to the next.
type carrier struct {
	secrets map[string]any
	holders map[string][]string // pointer → tokens below it that lead to secrets
	into    map[string]any
}

func (c *carrier) carry(from, to any, old, now string) {
	tokens := slices.Compact(slices.Sorted(slices.Values(c.holders[old])))
	switch from := from.(type) {
	case *outline.Object:
		to, ok := to.(*outline.Object)
		if !ok {
			return
		}
		for _, key := range tokens {
			a, b := outline.Pointer(old, key), outline.Pointer(now, key)
			member, replaced := to.Get(key)
			if secret, ok := c.secrets[a]; ok {
				if _, sent := c.into[b]; !sent && !replaced {
					c.into[b] = secret
				}
				continue
			}
			if was, ok := from.Get(key); ok {
				c.carry(was, member, a, b)
			}
		}
	case []any:
		to, ok := to.([]any)
		if !ok {
			return
		}
		moves := matches(from, to)
		for _, token := range tokens {
			i, err := strconv.Atoi(token)
			if err != nil || i >= len(from) || moves[i] < 0 {
				continue
			}
			c.carry(from[i], to[moves[i]], outline.Pointer(old, token), outline.Pointer(now, strconv.Itoa(moves[i])))
		}
	}
}

// matches says for each item of a list where it is in another, -1 for nowhere: at its
// own place if it is there, else at the first that no other has.
func matches(from, to []any) []int {
	moves := make([]int, len(from))
	taken := make([]bool, len(to))
	texts := make([]string, len(to))
	for j, item := range to {
		texts[j] = string(outline.Encode(item))
	}
	for i, item := range from {
		moves[i] = -1
		if i < len(to) && string(outline.Encode(item)) == texts[i] {
			moves[i], taken[i] = i, true
		}
	}
	for i, item := range from {
		for j := 0; moves[i] < 0 && j < len(to); j++ {
			if !taken[j] && string(outline.Encode(item)) == texts[j] {
				moves[i], taken[j] = j, true
			}
		}
	}
	return moves
}

// Secrets are the pointers of what is, or may be, secret in d: those that are set and
// those that s names, sorted, each with whether it is set. Secrets that the schema names
// within items of lists are there only when they are set.
func (s *Schema) Secrets(d Document) []Secret {
	found := map[string]bool{}
	w := walk{steps: maxSteps}
	w.list(d.Values, s.possible, "", found, maxNesting)
	for pointer := range d.Secrets {
		found[pointer] = true
	}
	list := make([]Secret, 0, len(found))
	for _, pointer := range slices.Sorted(maps.Keys(found)) {
		list = append(list, Secret{Pointer: pointer, Set: found[pointer]})
	}
	return list
}

// Secret is a place that is never shown.
type Secret struct {
	Pointer string
	Set     bool
}

// list finds the secrets that are declared below objects that are there.
func (w *walk) list(object *outline.Object, p outline.Place, pointer string, found map[string]bool, depth int) {
	if !w.spend(p) || depth == 0 {
		return
	}
	all := pointer == "" && p.Is("writeOnly")
	for _, name := range p.Names() {
		if len(found) >= maxListed {
			return
		}
		place, at := p.Property(name), outline.Pointer(pointer, name)
		if all || place.Is("writeOnly") || place.Item(0).Is("writeOnly") {
			found[at] = false
			continue
		}
		var below any
		if object != nil {
			below, _ = object.Get(name)
		}
		if below, ok := below.(*outline.Object); ok {
			w.list(below, place, at, found, depth-1)
		} else if below == nil && len(place.Names()) > 0 && depth > maxNesting-declaredDepth {
			w.list(nil, place, at, found, depth-1)
		}
	}
}

// declaredDepth is how deep secrets are listed of objects that are not there: a schema
// that refers to itself has no end of them.
const declaredDepth = 4

// redacted is how short a secret may be to be found in a text: shorter ones are words.
const redacted = 4

// Redact returns a text without the secrets of d that it repeats.
func (d Document) Redact(text string) string {
	for _, value := range d.Secrets {
		if secret, ok := value.(string); ok && len(secret) >= redacted {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}
