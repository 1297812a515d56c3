package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// What CheckJSON accepts encoding/json accepts, and the other way round but for the
// reasons that CheckJSON has on purpose.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+7,true,null,"\u00e9\ud83d\ude00"]}`, `{"a":1,"a":2}`, "[[[[", `"\`, "1 2", " 0 ", `{"":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := CheckJSON(data)
		var fault *Error
		switch valid := json.Valid(data) && utf8.Valid(data); {
		case err == nil && !valid:
			t.Errorf("%q is accepted, and is no JSON", data)
		case err == nil || !valid:
		case !errors.As(err, &fault) || !strings.Contains(fault.Message, "stands twice") && !strings.Contains(fault.Message, "nested deeper"):
			t.Errorf("%q is JSON, and is refused: %v", data, err)
		}
		if err != nil {
			return
		}
		// Texts decode to what encoding/json makes of them.
		var tp tape
		if err := tp.parseDocument(data); err != nil {
			t.Fatal(err)
		}
		for i, c := range tp.cells {
			var want string
			if c.kind != text {
				continue
			}
			if err := json.Unmarshal(data[c.start-1:c.end+1], &want); err != nil || want != string(tp.text(uint32(i))) {
				t.Errorf("%q decodes to %q, want %q (%v)", data[c.start-1:c.end+1], tp.text(uint32(i)), want, err)
			}
		}
	})
}

// A schema that is accepted can be used: Validate answers, says little, and agrees
// with the library where that can be asked.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(positions), payload(1))
	f.Add([]byte(`{"$defs":{"a":{"anyOf":[{"type":"null"},{"items":{"$ref":"#/$defs/a"}}]}},"$ref":"#/$defs/a"}`), []byte(`[[null,[]],1]`))
	f.Add([]byte(`{"unevaluatedProperties":false,"oneOf":[{"properties":{"a":{"const":1.0}}},{"required":["b"]}]}`), []byte(`{"a":1,"b":2}`))
	f.Add([]byte(`{"prefixItems":[{"pattern":"^a+$"}],"contains":{"multipleOf":0.1},"uniqueItems":true,"unevaluatedItems":{"enum":[1e0]}}`), []byte(`["aa",0.30,1]`))
	f.Add([]byte(bomb(5, "oneOf")), []byte(`"x"`))
	f.Fuzz(func(t *testing.T, raw, data []byte) {
		ours, err := Compile(raw)
		if err != nil {
			var fault *Error
			if !errors.As(err, &fault) || len(err.Error()) > 1000 {
				t.Errorf("the error is %T of %d bytes", err, len(err.Error()))
			}
			return
		}
		if ours.Size() < 1 || ours.Size() > MaxSubschemas {
			t.Errorf("Size = %d", ours.Size())
		}
		got, err := ours.Validate(data)
		if err != nil {
			return
		}
		if len(got) > MaxViolations {
			t.Errorf("%d violations", len(got))
		}
		for _, v := range got {
			if len(v.Message) > maxText+8 || len(v.Pointer) > maxPointer || !utf8.ValidString(v.Message) {
				t.Errorf("the violation %q", v)
			}
		}
		if agreeable(ours, data) {
			agree(t, raw, data, len(got) == 0)
		}
	})
}

// agreeable tells where the library's answer is worth waiting for.
func agreeable(s *Schema, data []byte) bool {
	var p tape
	if s.Size() > 200 || len(data) > 500 || p.parse(data, MaxPayloadDepth) != nil || checkNumbers(&p) != nil {
		return false
	}
	var visit func(n *node, depth int) bool
	visit = func(n *node, depth int) bool {
		plain := !n.recursive && depth < 50
		n.children(func(m *node, _ edge) { plain = plain && visit(m, depth+1) })
		return plain
	}
	return visit(s.root, 0)
}

func agree(t *testing.T, raw, data []byte, valid bool) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource("http://schema.invalid/", doc); err != nil {
		t.Fatal(err)
	}
	theirs, err := c.Compile("http://schema.invalid/")
	if err != nil {
		t.Fatalf("the library refuses %s: %v", raw, err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if fault := theirs.Validate(v); (fault == nil) != valid {
		t.Errorf("schema %s\npayload %s\nvalid for us: %v, for the library: %v", raw, data, valid, fault)
	}
}
