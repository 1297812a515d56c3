package outline

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/internal/schema"
)

func outlineOf(t testing.TB, raw string) *Outline {
	t.Helper()
	if err := schema.Check([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	o, err := Read([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func titles(p Place) string {
	var list []string
	for _, t := range p.All("title") {
		list = append(list, fmt.Sprint(t))
	}
	return strings.Join(list, " ")
}

const house = `{
  "title": "house", "$ref": "#/$defs/base", "allOf": [{"title": "all"}], "anyOf": [{"title": "any", "properties": {"a": {"title": "a-any"}}}, true],
  "if": {"title": "if"}, "then": {"title": "then"}, "dependentSchemas": {"x": {"title": "dependent"}},
  "properties": {"b": {"$ref": "#"}, "a": {"title": "a"}, "~/": {"$ref": "#/properties/a"}},
  "patternProperties": {"^p": {"title": "pattern"}},
  "additionalProperties": {"title": "more"},
  "prefixItems": [{"title": "first"}], "items": {"title": "rest"}, "contains": {"title": "some"},
  "$defs": {"base": {"title": "base", "required": ["b"], "properties": {"c": {"title": "c"}}}}
}`

func TestPlaces(t *testing.T) {
	o := outlineOf(t, house)
	for name, test := range map[string]struct {
		place Place
		want  string
	}{
		"what is sure":                    {o.Sure(), "house base all"},
		"what is possible":                {o.Possible(), "house base all any if then dependent"},
		"a property":                      {o.Sure().Property("a"), "a"},
		"of branches, too":                {o.Possible().Property("a"), "a a-any"},
		"by reference to itself":          {o.Sure().Property("b"), "house base all"},
		"of a schema that is referred to": {o.Sure().Property("c"), "more c"},
		"by an escaped pointer":           {o.Sure().Property("~/"), "a"},
		"by pattern":                      {o.Sure().Property("px"), "pattern"},
		"any other":                       {o.Sure().Property("x"), "more"},
		"the first item":                  {o.Sure().Item(0), "first"},
		"another item":                    {o.Sure().Item(7), "rest"},
		"an item that may be meant":       {o.Possible().Item(7), "rest some"},
		"with more said of it":            {o.Sure().Property("a").With(o.Sure().Property("px")), "a pattern"},
	} {
		if got := titles(test.place); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if names := strings.Join(o.Sure().Names(), " "); names != "b a ~/ c" {
		t.Errorf("the names are %s", names)
	}
	if n := len(o.Sure().Branches("anyOf")); n != 2 {
		t.Errorf("%d branches", n)
	}
	if nothing := outlineOf(t, `false`).Sure(); nothing.Said() || nothing.Size() != 0 {
		t.Error("something is said where there is no schema object")
	}
}

func TestOrderAndNumbersStay(t *testing.T) {
	const text = `{"z":1.50,"a":[1e400,"<&>",null,true,{}],"\u00e9/~":{"b":-0}}`
	v, err := Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Encode(v)); got != strings.Replace(text, `\u00e9`, "é", 1) {
		t.Errorf("%s comes back as %s", text, got)
	}
	o := v.(*Object)
	o.Delete("a")
	o.Set("z", nil)
	o.Set("new", "x")
	if got := string(Encode(o)); got != `{"z":null,"é/~":{"b":-0},"new":"x"}` {
		t.Errorf("changed it is %s", got)
	}
	for _, wrong := range []string{"", "{", "[1]x", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)} {
		if _, err := Decode([]byte(wrong)); err == nil {
			t.Errorf("%.20q is a value", wrong)
		}
	}
	if p := Pointer(Pointer("", "a/b"), "~"); p != "/a~1b/~0" || strings.Join(Tokens(p), " ") != "a/b ~" || len(Tokens("")) != 0 {
		t.Errorf("the pointer %s has the tokens %q", p, Tokens(p))
	}
}

// FuzzOutline: whatever package schema accepts can be read, and walked.
func FuzzOutline(f *testing.F) {
	f.Add(house, "a")
	f.Add(`{"$ref":"#/$defs/%61","$defs":{"a":{"patternProperties":{"":true},"prefixItems":[{"$ref":"#"}]}}}`, "")
	f.Fuzz(func(t *testing.T, raw, name string) {
		if schema.Check([]byte(raw)) != nil {
			return
		}
		o, err := Read([]byte(raw))
		if err != nil {
			t.Fatalf("a schema cannot be read: %v", err)
		}
		sure, possible := o.Sure(), o.Possible()
		for range 3 {
			if sure.Size() > possible.Size() {
				t.Fatalf("more is sure (%d) than possible (%d)", sure.Size(), possible.Size())
			}
			sure, possible = sure.Property(name).Item(0), possible.Property(name).Item(0)
		}
	})
}
