package outline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
)

// Object is a JSON object that remembers the order of its keys.
type Object struct {
	Keys   []string
	values map[string]any
}

// Get returns the value of a key.
func (o *Object) Get(key string) (any, bool) {
	v, ok := o.values[key]
	return v, ok
}

// Set gives a key a value; a new key is the last one.
func (o *Object) Set(key string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, ok := o.values[key]; !ok {
		o.Keys = append(o.Keys, key)
	}
	o.values[key] = value
}

// Delete removes a key.
func (o *Object) Delete(key string) {
	delete(o.values, key)
	o.Keys = slices.DeleteFunc(o.Keys, func(k string) bool { return k == key })
}

// MarshalJSON keeps the order of the keys.
func (o *Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, key := range o.Keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(Encode(key))
		b.WriteByte(':')
		b.Write(Encode(o.values[key]))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Encode returns the JSON text of a value that Decode has given.
func Encode(value any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil { // there is nothing in it that has no JSON
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Decode reads one JSON value: nil, bool, json.Number (its text as it stands), string,
// []any and *Object. It nests at most maxDepth.
func Decode(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := read(d, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the JSON value")
	}
	return value, nil
}

// maxDepth bounds the nesting of values. Those that package schema has seen are flatter.
const maxDepth = 1000

func read(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	if depth == 0 {
		return nil, errors.New("the JSON value is nested too deeply")
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := read(d, depth-1)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err := d.Token()
		return list, err
	case json.Delim('{'):
		o := &Object{values: map[string]any{}}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := read(d, depth-1)
			if err != nil {
				return nil, err
			}
			o.Set(key.(string), value)
		}
		_, err := d.Token()
		return o, err
	}
	return token, nil
}

// Pointer returns the JSON pointer (RFC 6901) of a member or item below another one.
func Pointer(above, token string) string {
	if strings.ContainsAny(token, "~/") {
		token = strings.NewReplacer("~", "~0", "/", "~1").Replace(token)
	}
	return above + "/" + token
}

func unescape(token string) string {
	return strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
}

// Tokens returns the parts of a JSON pointer, none of the root's.
func Tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, t := range tokens {
		tokens[i] = unescape(t)
	}
	return tokens
}
