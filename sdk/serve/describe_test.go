package serve

import (
	"context"
	"encoding/json"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/internal/schema"
	"github.com/jackfield-host/jackfield/sdk"
	"github.com/jackfield-host/jackfield/sdk/serve/testdata/other"
)

type point struct {
	Lat float64 `json:"lat" jsonschema:"minimum=-90,maximum=90,description=degrees north"`
	Lon float64 `json:"lon"`
}

type embedded struct {
	Device string `json:"device" jsonschema:"minLength=1"`
}

type everything struct {
	embedded
	Time     time.Time               `json:"time"`
	At       *point                  `json:"at,omitempty"`
	Path     []point                 `json:"path"`
	Tags     map[string]string       `json:"tags,omitempty"`
	Any      any                     `json:"any,omitempty"`
	Raw      json.RawMessage         `json:"raw,omitempty"`
	Bytes    []byte                  `json:"bytes,omitempty"`
	Box      [4]float64              `json:"box"`
	Address  netip.Addr              `json:"address,omitzero"`
	Number   json.Number             `json:"number,omitempty"`
	Big      *big.Int                `json:"big,omitempty"`
	Maybe    *string                 `json:"maybe" jsonschema:"nullable"`
	Length   time.Duration           `json:"length"`
	Mode     string                  `json:"mode,omitempty" jsonschema:"enum=fast,enum=slow"`
	Color    color                   `json:"color"`
	Kind     kind                    `json:"kind,omitempty"`
	Theirs   other.Point             `json:"theirs"`
	Generic  page[point]             `json:"generic"`
	Generic2 page[other.Point]       `json:"generic2"`
	ByNumber map[int]bool            `json:"by_number,omitempty"`
	Deep     map[string][]tree       `json:"deep,omitempty"`
	Skipped  func()                  `json:"-"`
	Iface    interface{ M() string } `json:"iface,omitempty"`
}

type tree struct {
	Name     string `json:"name"`
	Children []tree `json:"children,omitempty"`
}

type page[T any] struct {
	Items []T `json:"items"`
}

// color has a schema of its own.
type color int

func (c color) MarshalJSON() ([]byte, error) { return json.Marshal("red") }
func (color) SchemaJSON() []byte {
	return []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","enum":["red","green"],"title":"a color"}`)
}

// kind is a SchemaProvider through its pointer.
type kind struct{}

func (*kind) SchemaJSON() []byte { return []byte("true") }

type feature struct{ Type string }

func (feature) SchemaJSON() []byte {
	return []byte(`{"type":"object","required":["type"],"properties":{"type":{"const":"Feature"},"n":{"maximum":12345678901234567890}}}`)
}

// points is a list with a name, whose tags the reflector alone would lose.
type points []point

type grid [2]float64

type shape struct {
	Corners points   `json:"corners" jsonschema:"minItems=3,description=in order"`
	Holes   *points  `json:"holes,omitempty" jsonschema:"maxItems=1"`
	Grid    grid     `json:"grid,omitzero" jsonschema:"minimum=0"`
	Any     anything `json:"any,omitempty" jsonschema:"minItems=1"`
}

// anything is a list that says it is not one.
type anything []string

func (anything) SchemaJSON() []byte { return []byte("true") }

func handlerOf[T any](request, response string) sdk.Handler {
	return sdk.Handle(request, response, func(_ context.Context, in T) (T, error) { return in, nil })
}

func TestSchemaOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		goes  reflect.Type
		want  string // "" to look at the rules only
		valid string
		wrong string
	}{
		{
			name: "struct", goes: reflect.TypeFor[point](),
			want:  `{"$defs":{"point":{"additionalProperties":false,"properties":{"lat":{"description":"degrees north","maximum":90,"minimum":-90,"type":"number"},"lon":{"type":"number"}},"required":["lat","lon"],"type":"object"}},"$ref":"#/$defs/point","$schema":"https://json-schema.org/draft/2020-12/schema"}`,
			valid: `{"lat":1,"lon":2}`, wrong: `{"lat":91,"lon":2}`,
		},
		{name: "pointer to struct", goes: reflect.TypeFor[**point](), valid: `{"lat":1,"lon":2}`, wrong: `{"lat":1}`},
		{name: "unknown member", goes: reflect.TypeFor[point](), valid: `{"lat":1,"lon":2}`, wrong: `{"lat":1,"lon":2,"alt":3}`},
		{name: "recursion", goes: reflect.TypeFor[tree](), valid: `{"name":"a","children":[{"name":"b"}]}`, wrong: `{"name":"a","children":[{"name":1}]}`},
		{name: "any", goes: reflect.TypeFor[any](), want: `true`, valid: `[null]`},
		{name: "raw", goes: reflect.TypeFor[json.RawMessage](), want: `true`, valid: `7`},
		{name: "slice", goes: reflect.TypeFor[[]tree](), valid: `[{"name":"a"}]`, wrong: `{}`},
		{name: "time", goes: reflect.TypeFor[time.Time](), want: `{"$schema":"https://json-schema.org/draft/2020-12/schema","format":"date-time","type":"string"}`, valid: `"2026-01-02T03:04:05Z"`, wrong: `1`},
		{name: "map", goes: reflect.TypeFor[map[string]int](), valid: `{"a":1}`, wrong: `{"a":"b"}`},
		{name: "empty struct", goes: reflect.TypeFor[struct{}](), valid: `{}`, wrong: `{"a":1}`},
		{
			name: "its own schema", goes: reflect.TypeFor[feature](),
			want:  `{"properties":{"n":{"maximum":12345678901234567890},"type":{"const":"Feature"}},"required":["type"],"type":"object"}`,
			valid: `{"type":"Feature"}`, wrong: `{"type":"Point"}`,
		},
		{
			name: "named list", goes: reflect.TypeFor[shape](),
			valid: `{"corners":[{"lat":1,"lon":2},{"lat":1,"lon":2},{"lat":1,"lon":2}],"grid":[0,1],"any":7}`,
			wrong: `{"corners":[{"lat":1,"lon":2}]}`,
		},
		{
			name: "pointer to named list", goes: reflect.TypeFor[struct{ shape }](),
			wrong: `{"corners":[{"lat":1,"lon":2},{"lat":1,"lon":2},{"lat":1,"lon":2}],"holes":[[],[]]}`,
		},
		{
			name: "named array", goes: reflect.TypeFor[shape](),
			wrong: `{"corners":[{"lat":1,"lon":2},{"lat":1,"lon":2},{"lat":1,"lon":2}],"grid":[-1,0]}`,
		},
		{name: "everything", goes: reflect.TypeFor[everything](), wrong: `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := schemaOf(c.goes)
			if err != nil {
				t.Fatal(err)
			}
			if c.want != "" && string(got) != c.want && (c.want != "true" || !isTrue(got)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if err := schema.Check(got); err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			s, err := schema.Compile(got)
			if err != nil {
				t.Fatalf("%v\n%s", err, got)
			}
			if c.valid != "" {
				if violations, err := s.Validate([]byte(c.valid)); err != nil || len(violations) > 0 {
					t.Errorf("%s: %v, %v", c.valid, violations, err)
				}
			}
			if c.wrong != "" {
				if violations, err := s.Validate([]byte(c.wrong)); err != nil || len(violations) == 0 {
					t.Errorf("%s is accepted, %v", c.wrong, err)
				}
			}
			again, err := schemaOf(c.goes)
			if err != nil || string(again) != string(got) {
				t.Errorf("the second time: %s, %v", again, err)
			}
		})
	}
}

// isTrue reports whether a schema accepts everything.
func isTrue(s json.RawMessage) bool {
	return string(s) == "true" || string(s) == `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`
}

// What Go encodes, its own schema accepts.
func TestSchemaFitsWhatGoEncodes(t *testing.T) {
	text := "x"
	for _, v := range []everything{
		{embedded: embedded{Device: "d"}, Path: []point{}, Generic: page[point]{Items: []point{{1, 2}}}, Generic2: page[other.Point]{Items: []other.Point{{X: 1}}}},
		{
			embedded: embedded{Device: "d"}, Time: time.Unix(0, 0), At: &point{1, 2}, Path: []point{{1, 2}},
			Tags: map[string]string{"a": "b"}, Any: []int{1}, Raw: json.RawMessage(`{}`), Bytes: []byte("x"),
			Address: netip.MustParseAddr("::1"), Number: "1.5", Big: big.NewInt(1), Maybe: &text, Mode: "fast",
			Generic: page[point]{Items: []point{}}, Generic2: page[other.Point]{Items: []other.Point{}},
			ByNumber: map[int]bool{1: true}, Deep: map[string][]tree{"a": {{Name: "b", Children: []tree{{Name: "c"}}}}},
		},
	} {
		data, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := schemaOf(reflect.TypeFor[everything]())
		if err != nil {
			t.Fatal(err)
		}
		s, err := schema.Compile(raw)
		if err != nil {
			t.Fatal(err)
		}
		if violations, err := s.Validate(data); err != nil || len(violations) > 0 {
			t.Errorf("%s\n%v, %v\n%s", data, violations, err, raw)
		}
	}
}

type badProvider struct{}

func (badProvider) SchemaJSON() []byte { return []byte(`{"type":`) }

type numberProvider struct{}

func (numberProvider) SchemaJSON() []byte { return []byte(`7`) }

type refProvider struct{}

func (refProvider) SchemaJSON() []byte {
	return []byte(`{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`)
}

func TestDescribe(t *testing.T) {
	manifest := map[string]string{"extension_request": "x.Request", "extension_response": "x.Response"}
	ext := sdk.Handlers{
		handlerOf[point]("x.ARequest", "x.AResponse"),
		handlerOf[tree]("x.BRequest", "x.Response"),
		handlerOf[point]("x.CRequest", "x.AResponse"),
		handlerOf[point]("x.Request", "x.AResponse"),
		sdk.HandleRaw(func(context.Context, *sdk.Request) (*sdk.Response, error) { return nil, nil }),
	}
	types, err := Describe(ext, manifest)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, declared := range types {
		got = append(got, strings.Join([]string{declared.Name, string(declared.Role), declared.Extends, declared.Response}, " "))
	}
	want := []string{
		"x.ARequest request x.Request x.AResponse", "x.AResponse response x.Response ",
		"x.BRequest request x.Request x.Response", "x.Response response  ",
		"x.CRequest request x.Request x.AResponse", "x.Request request  x.AResponse",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	again, err := Describe(ext, manifest)
	if diff := schema.DiffTypes(types, again); err != nil || diff != "" {
		t.Errorf("the second time: %s, %v", diff, err)
	}
	if none, err := Describe(ext[4:], nil); err != nil || none != nil {
		t.Errorf("a raw handler alone: %v, %v", none, err)
	}
	beside, err := Describe(sdk.Handlers{ext[4], ext[0]}, manifest)
	if err != nil {
		t.Fatal(err)
	}
	last := sdk.Type{Name: "x.Request", Role: sdk.RoleRequest, Response: "x.Response"}
	if len(beside) != 3 || !reflect.DeepEqual(beside[2], last) {
		t.Errorf("a raw handler beside a typed one: %+v, want %+v at its end", beside, last)
	}
}

func TestDescribeRefuses(t *testing.T) {
	manifest := map[string]string{"extension_request": "x.Request", "extension_response": "x.Response"}
	raw := sdk.HandleRaw(func(context.Context, *sdk.Request) (*sdk.Response, error) { return nil, nil })
	for _, c := range []struct {
		name     string
		ext      sdk.Extension
		manifest map[string]string
		text     string
	}{
		{"nil", nil, manifest, "serve.Main got nil"},
		{"no base", sdk.Handlers{handlerOf[point]("x.A", "x.B")}, nil, "the manifest has no extension_request, from which x.A derives"},
		{"a name twice", sdk.Handlers{handlerOf[point]("x.A", "x.B"), handlerOf[point]("x.A", "x.C")}, manifest, "two handlers for x.A"},
		{"no name", sdk.Handlers{handlerOf[point]("", "x.B")}, manifest, `"" is not a type name`},
		{"no names", sdk.Handlers{handlerOf[point]("", "")}, manifest, `"" is not a type name`},
		{"a bad name", sdk.Handlers{handlerOf[point]("x.A", "x-B")}, manifest, `"x-B" is not a type name`},
		{"two raw handlers", sdk.Handlers{raw, raw}, manifest, "more than one raw handler"},
		{"two Go types", sdk.Handlers{handlerOf[point]("x.A", "x.B"), handlerOf[tree]("x.C", "x.B")}, manifest, "x.B stands for two Go types, serve.point and serve.tree"},
		{"both roles", sdk.Handlers{handlerOf[point]("x.A", "x.A")}, manifest, "x.A is used as a request type and as a response type"},
		{"the other base", sdk.Handlers{handlerOf[point]("x.A", "x.Request")}, manifest, "x.Request is used as a request type and as a response type"},
		{"a channel", sdk.Handlers{handlerOf[struct{ C chan int }]("x.A", "x.B")}, manifest, "the schema of x.A, from the Go type struct { C chan int }: unsupported type chan int"},
		{"a broken provider", sdk.Handlers{handlerOf[badProvider]("x.A", "x.B")}, manifest, "not JSON"},
		{"a provider of a number", sdk.Handlers{handlerOf[numberProvider]("x.A", "x.B")}, manifest, "object, true or false"},
		{"a broken provider inside", sdk.Handlers{handlerOf[[]badProvider]("x.A", "x.B")}, manifest, "SchemaJSON of serve.badProvider"},
		{"a provider with references inside", sdk.Handlers{handlerOf[[]refProvider]("x.A", "x.B")}, manifest, "can not have $ref"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Describe(c.ext, c.manifest)
			if err == nil || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %q", err, c.text)
			}
		})
	}
}
