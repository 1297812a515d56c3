package form

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/schema"
)

// send is what a browser posts of a form that nobody has touched.
func send(f *Field) url.Values {
	posted := url.Values{}
	var visit func(f *Field)
	visit = func(f *Field) {
		if f.Null && f.Nullable {
			posted.Add(f.NullName(), "1")
		}
		if f.Undeclared {
			posted.Add(f.MemberName(), f.Key())
		}
		switch f.Kind {
		case Group, List:
			if f.Set {
				posted.Add(f.PresentName(), f.PresentValue())
			}
		case Boolean, Choice:
			for _, o := range f.Choices {
				if o.Selected {
					posted.Add(f.Name(), o.Value)
				}
			}
		default:
			text := f.Text
			if f.Multiline || f.Kind == JSON {
				text = strings.ReplaceAll(text, "\n", "\r\n")
			}
			posted.Add(f.Name(), text)
			if f.Emptiable && f.EmptyText {
				posted.Add(f.EmptyName(), "1")
			}
		}
		for _, below := range f.Fields {
			visit(below)
		}
	}
	visit(f)
	return posted
}

// sketch draws a tree in one line.
func sketch(f *Field) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", f.Kind)
	if f.Label != "" {
		fmt.Fprintf(&b, " %q", f.Label)
	}
	for name, on := range map[string]bool{"*": f.Required} {
		if on {
			b.WriteString(name)
		}
	}
	switch {
	case f.Null:
		b.WriteString("=null")
	case f.Set && f.Kind != Group && f.Kind != List:
		fmt.Fprintf(&b, "=%s", strings.Join(strings.Fields(f.Text), " "))
	case !f.Set && (f.Kind == Group || f.Kind == List):
		b.WriteString(" absent")
	}
	if len(f.Messages) > 0 {
		fmt.Fprintf(&b, " !%s", strings.Join(f.Messages, "!"))
	}
	if len(f.Fields) > 0 {
		var parts []string
		for _, below := range f.Fields {
			parts = append(parts, sketch(below))
		}
		fmt.Fprintf(&b, "{%s}", strings.Join(parts, ", "))
	}
	return b.String()
}

func parsed(t testing.TB, raw string) *Form {
	t.Helper()
	if err := schema.Check([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	f, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func filled(t testing.TB, f *Form, value string, set ...string) *Field {
	t.Helper()
	var raw json.RawMessage
	if value != "" {
		raw = json.RawMessage(value)
	}
	field, err := f.Fill(raw, set...)
	if err != nil {
		t.Fatal(err)
	}
	return field
}

const mail = `{
  "title": "Mail",
  "$defs": {"name": {"type": "string", "minLength": 1}},
  "properties": {
    "host": {"$ref": "#/$defs/name", "title": "Mail server", "description": "Who takes our mail", "examples": ["mail.example.org"]},
    "port": {"type": "integer", "default": 25, "minimum": 1, "maximum": 65535},
    "password": {"type": "string", "writeOnly": true},
    "mode": {"oneOf": [{"const": "plain", "title": "In clear"}, {"const": "tls", "title": "Encrypted"}]},
    "retry_after": {"type": ["number", "null"]},
    "verify": {"type": "boolean", "default": true},
    "relays": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {"host": {"$ref": "#/$defs/name"}}, "required": ["host"]}},
    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    "extra": {}
  },
  "required": ["host", "verify"]
}`

func TestForm(t *testing.T) {
	for name, test := range map[string]struct{ schema, value, want string }{
		"nothing of an example": {mail, ``,
			`group "Mail"{text "Mail server"*, integer "Port", secret "Password", choice "Mode", number "Retry after", boolean "Verify"*, list "Relays" absent, group "Headers" absent, json "Extra"}`},
		"an example": {mail, `{"host":"a","port":1e2,"mode":"tls","retry_after":null,"verify":false,"relays":[{"host":"b"}],"headers":{"X-A":"1"},"extra":[1],"unknown":true}`,
			`group "Mail"{text "Mail server"*=a, integer "Port"=1e2, secret "Password", choice "Mode"="tls", number "Retry after"=null, boolean "Verify"*=false, list "Relays"{group "Relays 1"{text "Host"*=b}}, group "Headers"{text "X-A"=1}, json "Extra"=[ 1 ], json "unknown"=true}`},
		"no schema at all":             {`true`, `{"a":1}`, `json={ "a": 1 }`},
		"what can have two types":      {`{"properties":{"a":{"type":["string","integer"]}}}`, `{"a":"x"}`, `group{json "A"="x"}`},
		"a value that its field hides": {`{"properties":{"a":{"type":"string"}}}`, `{"a":"x\ry"}`, `group{json "A"="x\ry"}`},
		"a value of another type":      {`{"properties":{"a":{"type":"string"}}}`, `{"a":1}`, `group{json "A"=1}`},
		"an enum with an object":       {`{"properties":{"a":{"enum":[{"b":1},null]}}}`, `{"a":{"b":1}}`, `group{choice "A"={"b":1}}`},
		"a nullable object":            {`{"properties":{"a":{"anyOf":[{"type":"null"},{"type":"object","properties":{"b":{"type":"string"}}}]}}}`, `{"a":{"b":"c"}}`, `group{group "A"{text "B"=c}}`},
		"the same, null":               {`{"properties":{"a":{"anyOf":[{"type":"null"},{"type":"object","properties":{"b":{"type":"string"}}}]}}}`, `{"a":null}`, `group{group "A"=null}`},
		"a choice between two objects": {`{"properties":{"a":{"oneOf":[{"type":"object"},{"type":"string"}]}}}`, `{"a":{}}`, `group{json "A"={}}`},
		"a schema that refers to itself": {`{"properties":{"next":{"$ref":"#"}},"title":"N"}`, `{"next":{"next":{}}}`,
			`group "N"{group "N"{group "N"{group "N" absent}}}`},
		"one that always does": {`{"properties":{"n":{"$ref":"#"}},"required":["n"]}`, ``,
			`group{` + strings.Repeat(`group "N"*{`, maxNesting-1) + `json "N"*` + strings.Repeat("}", maxNesting)},
		"what is required and not declared": {`{"type":"object","required":["a_b"],"additionalProperties":{"type":"integer"}}`, `{"a_b":1,"c":2}`, `group{integer "A b"*=1, integer "c"=2}`},
		"a list of secrets":                 {`{"properties":{"codes":{"type":"array","items":{"type":"string","writeOnly":true}}}}`, ``, `group{secret "Codes"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := sketch(filled(t, parsed(t, test.schema), test.value)); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	root := filled(t, parsed(t, mail), `{"host":"a"}`, "/password")
	host, port, password, mode := root.Fields[0], root.Fields[1], root.Fields[2], root.Fields[3]
	if host.Help != "Who takes our mail" || host.Placeholder != "mail.example.org" || host.MinLength != "1" || host.Type != "text" || host.Emptiable {
		t.Errorf("the host: %+v", host)
	}
	if port.Default != "25" || port.Min != "1" || port.Max != "65535" || port.Placeholder != "25" {
		t.Errorf("the port: %+v", port)
	}
	if !password.Clearable() || password.Text != "" {
		t.Errorf("the password: %+v", password)
	}
	if fmt.Sprint(mode.Choices) != `[{  true} {"plain" In clear false} {"tls" Encrypted false}]` {
		t.Errorf("the modes: %v", mode.Choices)
	}
	if id := (&Field{Pointer: `/a b/é"<`}).ID(); id != "field-a.20b-.c3.a9.22.3c" {
		t.Errorf("the id is %s", id)
	}
}

// edit changes what a browser posts.
func edit(values url.Values, changes ...string) url.Values {
	for i := 0; i < len(changes); i += 2 {
		values.Set(changes[i], changes[i+1])
	}
	return values
}

func TestDecode(t *testing.T) {
	const value = `{"host":"a","verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`
	for name, test := range map[string]struct {
		changes []string
		want    string
	}{
		"nothing was touched":          {nil, value},
		"a text":                       {[]string{"value:/host", "b c"}, `{"host":"b c","verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`},
		"a number with spaces":         {[]string{"value:/port", " 26 "}, `{"host":"a","port":26,"verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`},
		"no number":                    {[]string{"value:/port", "many"}, `/port: this is not a number`},
		"a number in two parts":        {[]string{"value:/port", "1 2"}, `/port: this is not a number`},
		"no choice of ours":            {[]string{"value:/mode", `"x"`}, `/mode: this is none of the choices`},
		"no JSON":                      {[]string{"json:/extra", "[1,]"}, `/extra: this is not JSON: no JSON value at byte 3`},
		"a secret":                     {[]string{"value:/password", "hush"}, `{"host":"a","password":"hush","verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`},
		"a secret that is cleared":     {[]string{"null:/password", "1"}, `{"host":"a","password":null,"verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`},
		"null":                         {[]string{"null:/retry_after", "1"}, `{"host":"a","retry_after":null,"verify":true,"relays":[{"host":"b"}],"headers":{"X":"1"}}`},
		"more items than there can be": {[]string{"present:/relays", "1000000000"}, `{"host":"a","verify":true,"relays":` + "[" + `{"host":"b"}],"headers":{"X":"1"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			f := parsed(t, mail)
			got, errors := f.Decode(edit(send(filled(t, f, value)), test.changes...))
			text := string(got)
			for _, e := range errors {
				text += e.Pointer + ": " + e.Message
			}
			if text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

func TestAddAndRemove(t *testing.T) {
	f := parsed(t, mail)
	press := func(value string, changes ...string) string {
		t.Helper()
		posted := edit(send(filled(t, f, value)), changes...)
		if !Restructures(posted) {
			t.Errorf("%v is no button", changes)
		}
		again, errors := f.Decode(send(f.Refill(posted)))
		if len(errors) > 0 {
			return fmt.Sprint(errors)
		}
		return string(again)
	}
	for name, test := range map[string]struct {
		value   string
		changes []string
		want    string
	}{
		"a list":                         {`{"host":"a","verify":true}`, []string{"add:/relays", ""}, `{"host":"a","verify":true,"relays":[]}`},
		"an item":                        {`{"host":"a","verify":true,"relays":[]}`, []string{"add:/relays", ""}, `{"host":"a","verify":true,"relays":[{}]}`},
		"no item where there is no room": {`{"host":"a","verify":true,"relays":[{"host":"b"},{"host":"c"}]}`, []string{"add:/relays", ""}, `{"host":"a","verify":true,"relays":[{"host":"b"},{"host":"c"}]}`},
		"the first item goes":            {`{"host":"a","verify":true,"relays":[{"host":"b"},{"host":"c"}]}`, []string{"remove:/relays/0", ""}, `{"host":"a","verify":true,"relays":[{"host":"c"}]}`},
		"what was typed stays":           {`{"host":"a","verify":true,"relays":[{"host":"b"},{"host":"c"}]}`, []string{"remove:/relays/0", "", "value:/relays/1/host", "d"}, `{"host":"a","verify":true,"relays":[{"host":"d"}]}`},
		"the list goes":                  {`{"host":"a","verify":true,"relays":[{"host":"b"}]}`, []string{"remove:/relays", ""}, `{"host":"a","verify":true}`},
		"a member under a new key":       {`{"host":"a","verify":true,"headers":{}}`, []string{"add:/headers", "", "key:/headers", "X/Y"}, `{"host":"a","verify":true,"headers":{"X/Y":""}}`},
		"the same key twice":             {`{"host":"a","verify":true,"headers":{"X":"1"}}`, []string{"add:/headers", "", "key:/headers", "X"}, `{"host":"a","verify":true,"headers":{"X":"1"}}`},
		"a member goes":                  {`{"host":"a","verify":true,"headers":{"X":"1","Y":"2"}}`, []string{"remove:/headers/X", ""}, `{"host":"a","verify":true,"headers":{"Y":"2"}}`},
		"what must stay":                 {`{"host":"a","verify":true}`, []string{"remove:/host", "", "remove:", "", "add:/nowhere", ""}, `{"host":"a","verify":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := press(test.value, test.changes...); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestRefillShowsWhatWasTyped(t *testing.T) {
	f := parsed(t, mail)
	posted := edit(send(filled(t, f, `{"host":"a","verify":true}`)), "value:/port", "many", "json:/extra", "{", "value:/password", "hush")
	root := f.Refill(posted, "/password")
	_, errors := f.Decode(posted)
	placed := root.Place(append(errors, Error{"", `the property "mode" is missing`}, Error{"/relays/3/host", "far"}, Error{"", "all wrong"}))
	var got []string
	for _, p := range placed {
		got = append(got, p.ID+" "+p.Label+": "+p.Message)
	}
	want := []string{
		"field Mail: all wrong", "field-port Port: this is not a number", "field-mode Mode: this is missing",
		"field-relays Relays: far", "field-extra Extra: this is not JSON: no key where one must stand, at byte 1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the summary is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if port := root.Fields[1]; port.Text != "many" || port.Describes() != port.ErrorID() {
		t.Errorf("the port is shown as %+v", port)
	}
	if password := root.Fields[2]; password.Text != "hush" || !password.Clearable() {
		t.Errorf("the password that was typed: %+v", password)
	}
}

func TestManyFields(t *testing.T) {
	var properties []string
	for i := range MaxFields + 1 {
		properties = append(properties, fmt.Sprintf(`"p%d":{"type":"string"}`, i))
	}
	root := filled(t, parsed(t, `{"properties":{"a":{"$ref":"#/$defs/big"},"b":{"type":"string"}},"required":["a"],"$defs":{"big":{"type":"object","properties":{`+strings.Join(properties, ",")+`}}}}`), `{"a":{}}`)
	if got := sketch(root); got != `group{json "A"*={}, text "B"}` {
		t.Errorf("got %s", got)
	}
}

// same reports whether two texts are the same JSON, numbers by how they are written.
func same(t *testing.T, a, b []byte) bool {
	read := func(raw []byte) any {
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	x, err := json.Marshal(read(a))
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(read(b))
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// FuzzForm: every schema gives a form, and a value that keeps it comes back as it was.
func FuzzForm(f *testing.F) {
	f.Add(mail, `{"host":"a","port":1e2,"mode":"tls","retry_after":null,"verify":false,"relays":[{"host":"b"}],"headers":{"X-A":"1"},"extra":[1],"unknown":true}`)
	f.Add(`true`, `[1,"x",null]`)
	f.Add(`{"type":["array","null"],"prefixItems":[{"enum":[1,"1",null]},{"type":"string"}],"items":{"type":["boolean","null"]}}`, `[null,"",true,null]`)
	f.Add(`{"properties":{"":{"$ref":"#"},"a/b":{"type":"string"}},"required":["a/b"]}`, `{"a/b":"","":{"a/b":"x\ny"}}`)
	f.Add(`{"anyOf":[{"const":null},{"type":"object","additionalProperties":{"type":"array"}}]}`, `{"x":[],"y":[[]]}`)
	f.Add(`{"properties":{"a":{"type":"string","format":"date","default":"x"}},"dependentRequired":{"a":["b"]}}`, `{"a":"tomorrow","b":"\u0000"}`)
	f.Fuzz(func(t *testing.T, rawSchema, value string) {
		s, err := schema.Compile([]byte(rawSchema))
		if err != nil {
			return
		}
		form, err := Parse([]byte(rawSchema))
		if err != nil {
			t.Fatalf("there is no form: %v", err)
		}
		empty := filled(t, form, "")
		form.Decode(send(empty))
		if violations, err := s.Validate([]byte(value)); err != nil || len(violations) > 0 || schema.CheckJSON([]byte(value)) != nil {
			return
		}
		root := filled(t, form, value)
		secret := false
		var visit func(f *Field)
		visit = func(f *Field) {
			secret = secret || f.Kind == Secret
			for _, below := range f.Fields {
				visit(below)
			}
		}
		visit(root)
		if secret {
			return // it comes back without them
		}
		posted := send(root)
		got, errors := form.Decode(posted)
		if len(errors) > 0 || !same(t, got, []byte(value)) {
			t.Fatalf("%s came back as %s, %v\nfrom %v", value, got, errors, posted)
		}
		again, errors := form.Decode(send(form.Refill(posted)))
		if len(errors) > 0 || !same(t, again, []byte(value)) {
			t.Fatalf("%s was shown again as %s, %v", value, again, errors)
		}
	})
}

// FuzzPosted: whatever is posted does no harm.
func FuzzPosted(f *testing.F) {
	f.Add(mail, "value:/host=a&present:/relays=1&add:/relays=&null:/retry_after=1&member:/headers=X&remove:/headers/X=")
	f.Add(`{"type":"array","items":{"$ref":"#"}}`, "present:=200&present:/0=200&present:/0/0=200&present:/0/0/0=999")
	f.Fuzz(func(t *testing.T, rawSchema, query string) {
		posted, err := url.ParseQuery(query)
		if err != nil || schema.Check([]byte(rawSchema)) != nil {
			return
		}
		form, err := Parse([]byte(rawSchema))
		if err != nil {
			t.Fatal(err)
		}
		value, errors := form.Decode(posted)
		if value != nil && (len(errors) > 0 || !json.Valid(value)) {
			t.Errorf("it is %s with %v", value, errors)
		}
		count := 0
		var visit func(f *Field)
		visit = func(f *Field) {
			count++
			for _, below := range f.Fields {
				visit(below)
			}
		}
		root := form.Refill(posted)
		root.Place(errors)
		if visit(root); count > MaxFields+maxItems*len(posted) {
			t.Errorf("there are %d fields", count)
		}
	})
}
