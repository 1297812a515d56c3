package configuration

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
)

// mail has a secret in an object, one behind a reference, and some in a list.
const mail = `{
  "$defs": {"secret": {"type": "string", "minLength": 4, "writeOnly": true}},
  "type": "object",
  "properties": {
    "host": {"type": "string"},
    "port": {"type": "integer", "default": 25},
    "password": {"$ref": "#/$defs/secret"},
    "tls": {"type": "object", "default": {}, "properties": {"verify": {"type": "boolean", "default": true}, "key": {"writeOnly": true}}},
    "relays": {"type": "array", "items": {"type": "object", "required": ["host"], "properties": {
      "host": {"type": "string"}, "weight": {"default": 1}, "token": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/secret"}]}}}},
    "codes": {"type": "array", "items": {"$ref": "#/$defs/secret"}}
  },
  "required": ["host", "password"],
  "additionalProperties": false
}`

func compiled(t testing.TB, raw string) *Schema {
	t.Helper()
	var schema json.RawMessage
	if raw != "" {
		schema = json.RawMessage(raw)
	}
	s, err := Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func taken(t testing.TB, s *Schema, sent string) Document {
	t.Helper()
	d, err := s.Take(json.RawMessage(sent))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// shows are the values and secrets of d in one line.
func shows(d Document) string {
	secrets, err := json.Marshal(d.Secrets)
	if err != nil {
		return err.Error()
	}
	return string(d.Encode()) + " " + string(secrets)
}

func TestSecretsAreTakenOut(t *testing.T) {
	for name, test := range map[string]struct{ schema, sent, want string }{
		"of objects and behind references": {mail, `{"host":"a","password":"hush","tls":{"key":{"pem":"x"},"verify":false}}`,
			`{"host":"a","tls":{"verify":false}} {"/password":"hush","/tls/key":{"pem":"x"}}`},
		"of items of a list, also in a branch": {mail, `{"relays":[{"host":"b","token":"hush"},{"host":"c"}]}`,
			`{"relays":[{"host":"b"},{"host":"c"}]} {"/relays/0/token":"hush"}`},
		"a list of secrets as a whole": {mail, `{"codes":["aaaa","bbbb"]}`,
			`{} {"/codes":["aaaa","bbbb"]}`},
		"of a property that only a branch names": {`{"if":{"required":["a"]},"then":{"properties":{"b":{"writeOnly":true}}}}`, `{"b":1}`,
			`{} {"/b":1}`},
		"of every other property": {`{"properties":{"a":{}},"additionalProperties":{"writeOnly":true}}`, `{"a":1,"b/c":2}`,
			`{"a":1} {"/b~1c":2}`},
		"of names that have a pattern": {`{"patternProperties":{"^secret_":{"writeOnly":true}}}`, `{"secret_a":1,"a_secret":2}`,
			`{"a_secret":2} {"/secret_a":1}`},
		"of a schema that is a secret itself": {`{"writeOnly":true}`, `{"a":{"b":1}}`, `{} {"/a":{"b":1}}`},
		"none without a schema":               {"", `{"password":"x"}`, `{"password":"x"} {}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, test.schema)
			d := taken(t, s, test.sent)
			if got := shows(d); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			again, err := s.Stored(d.Encode(), d.Secrets)
			if err != nil || shows(again) != test.want {
				t.Errorf("stored and read again it is %s, %v", shows(again), err)
			}
		})
	}
}

func TestSecretsAreKept(t *testing.T) {
	for name, test := range map[string]struct{ before, sent, want string }{
		"one that is left out":               {`{"host":"a","password":"hush"}`, `{"host":"b"}`, `{"host":"b"} {"/password":"hush"}`},
		"not one that is null":               {`{"host":"a","password":"hush"}`, `{"host":"b","password":null}`, `{"host":"b"} {}`},
		"not one that is set":                {`{"password":"hush"}`, `{"password":"other"}`, `{} {"/password":"other"}`},
		"within an object that is there":     {`{"tls":{"key":1}}`, `{"tls":{}}`, `{"tls":{}} {"/tls/key":1}`},
		"not without the object":             {`{"tls":{"key":1}}`, `{"host":"a"}`, `{"host":"a"} {}`},
		"with an item that moves":            {`{"relays":[{"host":"b"},{"host":"c","token":"hush"}]}`, `{"relays":[{"host":"c"}]}`, `{"relays":[{"host":"c"}]} {"/relays/0/token":"hush"}`},
		"not with an item that is another":   {`{"relays":[{"host":"c","token":"hush"}]}`, `{"relays":[{"host":"evil"}]}`, `{"relays":[{"host":"evil"}]} {}`},
		"each with one of two equal items":   {`{"relays":[{"host":"c","token":"one!"},{"host":"c","token":"two!"}]}`, `{"relays":[{"host":"c"},{"host":"c"}]}`, `{"relays":[{"host":"c"},{"host":"c"}]} {"/relays/0/token":"one!","/relays/1/token":"two!"}`},
		"a whole list":                       {`{"codes":["aaaa"]}`, `{}`, `{} {"/codes":["aaaa"]}`},
		"nothing of nothing, null is no one": {`{}`, `{"password":null}`, `{} {}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, mail)
			before := Document{}.Keep(taken(t, s, test.before))
			if got := shows(before.Keep(taken(t, s, test.sent))); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestSecretOutlivesItsMark: a version that does not call it a secret any more does not
// show what was kept as one, until it is set anew.
func TestSecretOutlivesItsMark(t *testing.T) {
	before := taken(t, compiled(t, mail), `{"host":"a","password":"hush"}`)
	later := compiled(t, `{"properties":{"password":{"type":"string"}}}`)
	d, err := later.Stored(before.Encode(), before.Secrets)
	if err != nil || shows(d) != `{"host":"a"} {"/password":"hush"}` {
		t.Fatalf("got %s, %v", shows(d), err)
	}
	if got := shows(d.Keep(taken(t, later, `{"host":"b"}`))); got != `{"host":"b"} {"/password":"hush"}` {
		t.Errorf("left out it is %s", got)
	}
	if got := shows(d.Keep(taken(t, later, `{"password":"open"}`))); got != `{"password":"open"} {}` {
		t.Errorf("set anew it is %s", got)
	}
	// And the other way: what was none is one by now.
	shown, err := compiled(t, mail).Stored(json.RawMessage(`{"password":"hush"}`), nil)
	if err != nil || shows(shown) != `{} {"/password":"hush"}` {
		t.Errorf("a value that became a secret: %s, %v", shows(shown), err)
	}
}

func TestEffective(t *testing.T) {
	for name, test := range map[string]struct{ schema, sent, want string }{
		"defaults are filled in, also within": {mail, `{"host":"a","password":"hush","relays":[{"host":"b"}]}`,
			`{"host":"a","relays":[{"host":"b","weight":1}],"password":"hush","port":25,"tls":{"verify":true}}`},
		"what is missing is named":         {mail, `{"host":"a"}`, `: the property "password" is missing`},
		"a secret that breaks its schema":  {mail, `{"host":"a","password":"hus"}`, `/password: the string has 3 characters, at least 4 are needed`},
		"nothing of nothing":               {"", `{}`, ``},
		"anything without a schema":        {"", `{"a":[1,{"b":null}]}`, `{"a":[1,{"b":null}]}`},
		"numbers stay as they are written": {"", `{"a":1.0e2,"b":12345678901234567890}`, `{"a":1.0e2,"b":12345678901234567890}`},
		"a default that never ends":        {`{"properties":{"a":{"$ref":"#","default":{}},"b":{"$ref":"#","default":{}}}}`, `{}`, `: the schema and the values together are too intricate`},
		"defaults of branches are none":    {`{"anyOf":[{"properties":{"a":{"default":1}}}]}`, `{}`, `{}`},
		"and those of allOf are":           {`{"allOf":[{"properties":{"a":{"default":1}}}]}`, `{}`, `{"a":1}`},
	} {
		t.Run(name, func(t *testing.T) {
			s := compiled(t, test.schema)
			raw, violations := s.Effective(Document{}.Keep(taken(t, s, test.sent)))
			got := string(raw)
			if len(violations) > 0 {
				got = violations[0].Pointer + ": " + violations[0].Message
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTakeRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		sent string
		want error
	}{
		"a list":                    {`[]`, ErrNoObject},
		"null":                      {`null`, ErrNoObject},
		"too much":                  {`{"a":"` + strings.Repeat("x", MaxBytes) + `"}`, ErrTooLarge},
		"no JSON":                   {`{`, nil},
		"a key that stands twice":   {`{"a":1,"a":2}`, nil},
		"what is nested too deeply": {strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compiled(t, mail).Take(json.RawMessage(test.sent))
			var broken *schema.Error
			if test.want != nil && !errors.Is(err, test.want) || test.want == nil && !errors.As(err, &broken) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestSecretsAreListed(t *testing.T) {
	s := compiled(t, mail)
	d := taken(t, s, `{"password":"hush","relays":[{"host":"b","token":"hush"}]}`)
	if got := fmt.Sprint(s.Secrets(d)); got != "[{/codes false} {/password true} {/relays/0/token true} {/tls/key false}]" {
		t.Errorf("the secrets are %s", got)
	}
	endless := compiled(t, `{"properties":{"key":{"writeOnly":true},"next":{"$ref":"#"}}}`)
	if got := len(endless.Secrets(Document{})); got != declaredDepth+1 {
		t.Errorf("an endless schema lists %d secrets, want %d", got, declaredDepth+1)
	}
}

func TestDiff(t *testing.T) {
	s := compiled(t, mail)
	before := taken(t, s, `{"host":"a","port":25,"password":"hush","relays":[{"host":"b"}],"tls":{"key":1}}`)
	after := taken(t, s, `{"host":"b","password":"hush!","relays":[{"host":"b"},{"host":"c"}],"tls":{"key":1,"verify":true}}`)
	var got []string
	for _, d := range Diff(before, after) {
		got = append(got, fmt.Sprintf("%s %s>%s secret=%v %v>%v", d.Pointer, d.Before, d.After, d.Secret, d.Was, d.Is))
	}
	want := []string{
		`/host "a">"b" secret=false true>true`,
		`/password > secret=true true>true`,
		`/port 25> secret=false true>false`,
		`/relays [{"host":"b"}]>[{"host":"b"},{"host":"c"}] secret=false true>true`,
		`/tls/verify >true secret=false false>true`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := Diff(taken(t, s, `{"host":"a","port":1}`), taken(t, s, `{"port":1,"host":"a"}`)); len(d) != 0 {
		t.Errorf("another order of keys is a difference: %v", d)
	}
}

// FuzzDocument holds what is promised of secrets against any schema and any values.
func FuzzDocument(f *testing.F) {
	f.Add(mail, `{"host":"a","password":"hush","relays":[{"host":"b","token":"hush"}],"codes":["aaaa"]}`, `{"relays":[{"host":"b"}]}`)
	f.Add(`{"additionalProperties":{"writeOnly":true}}`, `{"a":1,"b":{}}`, `{"a":null}`)
	f.Add(`{"writeOnly":true}`, `{"a":1}`, `{}`)
	f.Add(`{"properties":{"a":{"$ref":"#","default":{}}}}`, `{"a":{"a":{}}}`, `{"a":{}}`)
	f.Add(`{"items":{"writeOnly":true},"properties":{"":{"$ref":"#"}}}`, `{"":[1,[2],{"":[3]}]}`, `{"":[]}`)
	f.Fuzz(func(t *testing.T, rawSchema, sent, next string) {
		s, err := Compile(json.RawMessage(rawSchema))
		if err != nil {
			return
		}
		d, err := s.Take(json.RawMessage(sent))
		if err != nil {
			return
		}
		d = Document{}.Keep(d)
		whole, err := d.join()
		if err != nil {
			t.Fatalf("what was taken apart does not go together: %v", err)
		}
		again, err := s.Take(outline.Encode(whole))
		if err == nil && shows(again) != shows(d) {
			t.Fatalf("put together and taken apart again it is %s, not %s", shows(again), shows(d))
		}
		stored, err := s.Stored(d.Encode(), d.Secrets)
		if err != nil || shows(stored) != shows(d) {
			t.Fatalf("stored it is %s, not %s (%v)", shows(stored), shows(d), err)
		}
		if len(Diff(d, stored)) != 0 {
			t.Fatal("it differs from itself")
		}
		raw, violations := s.Effective(d)
		if raw != nil && len(violations) == 0 && schema.CheckJSON(raw) != nil {
			t.Fatalf("the extension would get %s", raw)
		}
		s.Secrets(d)
		after, err := s.Take(json.RawMessage(next))
		if err != nil {
			return
		}
		kept := d.Keep(after)
		if string(kept.Encode()) != string(after.Encode()) {
			t.Fatalf("keeping secrets has changed the values: %s, not %s", kept.Encode(), after.Encode())
		}
		if _, err := kept.join(); err != nil {
			t.Fatalf("a kept secret has no place: %v", err)
		}
		for pointer, value := range kept.Secrets {
			if value == nil {
				t.Fatalf("the secret at %q is null and not cleared", pointer)
			}
		}
	})
}
