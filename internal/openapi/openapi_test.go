package openapi

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

type color string

type part struct {
	Name string `json:"name"`
}

type thing struct {
	part
	ID      string          `json:"id"`
	Maybe   *int            `json:"maybe"`
	Left    *part           `json:"left,omitempty"`
	Part    *part           `json:"part"`
	At      time.Time       `json:"at"`
	Raw     json.RawMessage `json:"raw"`
	Rates   []*float64      `json:"rates"`
	ByName  map[string]part `json:"by_name"`
	Kind    string          `json:"kind"`
	Color   color           `json:"color"`
	Secret  string          `json:"-"`
	private int
}

func enums() Enums {
	return Enums{
		Types:  map[reflect.Type][]string{reflect.TypeFor[color](): {"red"}},
		Fields: map[string][]string{"thing.kind": {"a", "b"}},
	}
}

func api() API {
	return API{
		Title: "Test", Version: "1", Problem: Problem{}, Enums: enums(), InPath: func(name string) string { return name },
		Codes: []Code{{"not_found", 404}, {"unauthenticated", 401}, {"permission_denied", 403}},
	}
}

type Problem struct {
	Code string `json:"code"`
}

func route(doc *Doc) Route {
	return Route{Method: "POST", Path: "/api/v1/things/{id}", Right: "see", Doc: doc}
}

// TestSchemas: a Go type is described as package encoding/json writes it.
func TestSchemas(t *testing.T) {
	_ = thing{private: 0}
	text, err := Document(api(), []Route{route(&Doc{ID: "a", Summary: "A", Body: JSON(part{}), Answers: OK("", thing{})})})
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]json.RawMessage
				Required   []string
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	got := doc.Components.Schemas["thing"]
	for name, want := range map[string]string{
		"name": `{"type":"string"}`, "maybe": `{"type":["integer","null"]}`, "left": `{"$ref":"#/components/schemas/part"}`,
		"part": `{"anyOf":[{"$ref":"#/components/schemas/part"},{"type":"null"}]}`, "at": `{"format":"date-time","type":"string"}`, "raw": `{}`,
		"rates":   `{"items":{"type":["number","null"]},"type":"array"}`,
		"by_name": `{"additionalProperties":{"$ref":"#/components/schemas/part"},"type":"object"}`,
		"kind":    `{"enum":["a","b"],"type":"string"}`, "color": `{"enum":["red"],"type":"string"}`, "id": `{"type":"string"}`,
	} {
		if string(got.Properties[name]) != want {
			t.Errorf("%s is %s, want %s", name, got.Properties[name], want)
		}
		delete(got.Properties, name)
	}
	if len(got.Properties) > 0 {
		t.Errorf("there is more: %v", got.Properties)
	}
	if want := "name id maybe part at raw rates by_name kind color"; strings.Join(got.Required, " ") != want {
		t.Errorf("required: %q, want %q", got.Required, want)
	}
}

// TestWhatCanNotBeDescribed is an error, not a gap.
func TestWhatCanNotBeDescribed(t *testing.T) {
	type unknown string
	type other struct {
		Unknown unknown `json:"unknown"`
	}
	type nameless struct{ Field string }
	good := func(of any) *Doc { return &Doc{ID: "a", Summary: "A", Answers: OK("", of)} }
	twice := route(good(part{}))
	twice.Path += "/more"
	anyMethod := route(good(part{}))
	anyMethod.Method = ""
	bad := good(part{})
	bad.Codes = []string{"misspelt"}
	for name, c := range map[string]struct {
		routes []Route
		says   string
	}{
		"a route without a Doc":     {[]Route{route(nil)}, "no Doc"},
		"a route of any method":     {[]Route{anyMethod}, "any method"},
		"an id that is taken":       {[]Route{route(good(part{})), twice}, "no id of its own"},
		"no answer":                 {[]Route{route(&Doc{ID: "a", Summary: "A"})}, "no answer"},
		"a code that there is not":  {[]Route{route(bad)}, `no code "misspelt"`},
		"a set that is not known":   {[]Route{route(good(other{}))}, "closed set"},
		"a field without a name":    {[]Route{route(good(nameless{}))}, "no name in JSON"},
		"a struct without a name":   {[]Route{route(good(struct{}{}))}, "no name to be described by"},
		"what is no JSON":           {[]Route{route(good(make(chan int)))}, "can not be described"},
		"two types of the one name": {[]Route{route(good(OneOf{part{}, otherPart()}))}, "can not both be described"},
	} {
		if _, err := Document(api(), c.routes); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func otherPart() any {
	type part struct {
		Number int `json:"number"`
	}
	return part{}
}
