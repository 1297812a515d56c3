package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/sdk"
)

func mustCompile(t testing.TB, raw string) *Schema {
	t.Helper()
	s, err := Compile([]byte(raw))
	if err != nil {
		t.Fatalf("Compile(%s): %v", raw, err)
	}
	return s
}

func TestViolations(t *testing.T) {
	cases := []struct {
		name, schema, payload string
		want                  []sdk.Violation
	}{
		{"a type", `{"type":"object"}`, `5`, []sdk.Violation{{Pointer: "", Message: "got number, want object"}}},
		{"an integer", `{"type":["integer","null"]}`, `1.5`, []sdk.Violation{{Pointer: "", Message: "got number, want null or integer"}}},
		{"two places, sorted", `{"properties":{"b":{"type":"string"},"a":{"minimum":3}}}`, `{"b":1,"a":2}`, []sdk.Violation{
			{Pointer: "/a", Message: "the number must be at least 3"}, {Pointer: "/b", Message: "got number, want string"}}},
		{"a pointer with both escapes", `{"additionalProperties":{"items":false}}`, `{"a/b~":[1]}`, []sdk.Violation{
			{Pointer: "/a~1b~0/0", Message: "no value is allowed here"}}},
		{"an escaped key", `{"additionalProperties":false}`, `{"\u00e9\n":1}`, []sdk.Violation{{Pointer: "/é\n", Message: "the property is not allowed"}}},
		{"a missing property", `{"required":["a","b"]}`, `{"b":1}`, []sdk.Violation{{Pointer: "", Message: `the property "a" is missing`}}},
		{"an enum", `{"enum":["x",1,{"a":  [null]}]}`, `"y"`, []sdk.Violation{{Pointer: "", Message: `the value must be one of "x", 1, {"a": [null]}`}}},
		{"the branch that was meant", `{"anyOf":[{"type":"null"},{"$ref":"#/$defs/p"}],"$defs":{"p":{"type":"object","required":["id"]}}}`, `{}`,
			[]sdk.Violation{{Pointer: "", Message: `the property "id" is missing`}}},
		{"no branch that was meant", `{"anyOf":[{"type":"null"},{"type":"object"}]}`, `5`,
			[]sdk.Violation{{Pointer: "", Message: "the value matches none of the 2 alternatives of anyOf"}}},
		{"two of one", `{"oneOf":[{"minimum":1},{"minimum":2}]}`, `5`,
			[]sdk.Violation{{Pointer: "", Message: "the value matches the alternatives 0 and 1 of oneOf, where only one is allowed"}}},
		{"equal items", `{"uniqueItems":true}`, `[{"a":1,"b":[2]},0,{"b":[2.0],"a":10e-1}]`,
			[]sdk.Violation{{Pointer: "", Message: "the items 0 and 2 are equal, where each may stand once"}}},
		{"said once", `{"allOf":[{"type":"string"},{"type":"string"}]}`, `5`, []sdk.Violation{{Pointer: "", Message: "got number, want string"}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := mustCompile(t, c.schema).Validate([]byte(c.payload))
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("violations\n%v, want\n%v", got, c.want)
			}
		})
	}
}

func TestPayloadsThatAreNoJSON(t *testing.T) {
	s := mustCompile(t, `true`)
	for name, payload := range map[string]string{
		"nothing": "", "spaces": " \n", "two values": "1 2", "a trailing comma": "[1,]", "a comma only": "[,]", "cut off": `{"a":`,
		"cut off in a string": `"a`, "cut off behind a backslash": `"a\`, "a bare word": "nul", "NaN": "NaN", "a plus": "+1",
		"a leading zero": "01", "a bare point": "1.", "a bare exponent": "1e", "a minus": "-", "hexadecimal": "0x1",
		"a control character": "\"\x01\"", "an unknown escape": `"\x"`, "half an escape": `"\u12"`, "single quotes": "'a'",
		"a comment": "1 // one", "a BOM": "\ufeff1", "not UTF-8": "\"\xc3\x28\"", "a key without quotes": "{a:1}", "a key that is a number": "{1:1}",
		"no colon": `{"a" 1}`, "no value": `{"a":}`, "a key twice": `{"a":1,"b":2,"a":3}`, "the wrong bracket": "[1}",
		"a key twice in disguise": `{"é":1,"\u00e9":1}`, "too deep": strings.Repeat("[", 513) + strings.Repeat("]", 513),
		"a key twice in a large object": largeObject(1000, `"k7":1`),
	} {
		t.Run(name, func(t *testing.T) {
			var fault *Error
			if got, err := s.Validate([]byte(payload)); !errors.As(err, &fault) || got != nil {
				t.Errorf("Validate = %v, %v; want an *Error", got, err)
			}
		})
	}
	for name, payload := range map[string]string{
		"spaces around":     " \r\n\t[ 1 , { \"a\" : null } ] ",
		"as deep as may be": strings.Repeat("[", 512) + strings.Repeat("]", 512),
		"half a surrogate":  `"\ud800"`, "a large object": largeObject(1000, `"x":1`), "an empty key": `{"":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := s.Validate([]byte(payload)); err != nil || len(got) != 0 {
				t.Errorf("Validate = %v, %v", got, err)
			}
		})
	}
}

func largeObject(n int, last string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	return b.String() + last + "}"
}

// What a schema and a payload can do together to a validator: every one of these
// is answered soon, and with little to say.
func TestValidateIsBounded(t *testing.T) {
	deep := func(n int, open, core, end string) string {
		return strings.Repeat(open, n) + core + strings.Repeat(end, n)
	}
	const tree = `{"$defs":{"t":{"type":["object","integer"],"properties":{"a":{"%s":[{"$ref":"#/$defs/t"},{"$ref":"#/$defs/t"}]}}}},"$ref":"#/$defs/t"}`
	cases := []struct {
		name, schema, payload string
		valid                 bool
	}{
		{"allOf doubles on each level", fmt.Sprintf(tree, "allOf"), deep(500, `{"a":`, `1`, `}`), true},
		{"allOf doubles on each level, and fails", fmt.Sprintf(tree, "allOf"), deep(500, `{"a":`, `"x"`, `}`), false},
		{"anyOf doubles on each level, and fails", fmt.Sprintf(tree, "anyOf"), deep(500, `{"a":`, `"x"`, `}`), false},
		{"oneOf doubles on each level, and fails", fmt.Sprintf(tree, "oneOf"), deep(500, `{"a":`, `1`, `}`), false},
		{"not doubles on each level", `{"properties":{"a":{"allOf":[{"not":{"not":{"$ref":"#"}}},{"not":{"not":{"$ref":"#"}}}]}}}`, deep(500, `{"a":`, `1`, `}`), true},
		{"items within items", `{"allOf":[{"items":{"$ref":"#"}},{"items":{"$ref":"#"}}]}`, deep(500, `[`, `1`, `]`), true},
		{"unevaluated on each level", `{"anyOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}],"unevaluatedProperties":false}`, deep(300, `{"a":`, `1`, `}`), true},
		{"many violations", `{"items":{"type":"string"}}`, "[" + strings.Repeat("1,", 1<<20) + "1]", false},
		{"huge exponents", `{"items":{"minimum":1,"multipleOf":3,"type":"integer"},"uniqueItems":true}`, "[" + strings.Repeat("1e1000000000,", 3) + "3e999999999]", false},
		{"a million huge exponents", `{"items":{"type":"integer","maximum":1e500}}`, "[" + strings.Repeat("1e-999999999,", 1<<17) + "1]", false},
		{"a huge negative exponent", `{"exclusiveMinimum":0,"type":"number"}`, "1e-1000000000", true},
		{"an exponent beyond int64", `{"minimum":0,"type":"integer"}`, "1e99999999999999999999999", true},
		{"a long number to divide", `{"multipleOf":7}`, strings.Repeat("7", 1<<20), false},
		{"many equal hashes", `{"uniqueItems":true}`, "[" + strings.Repeat("{},", 1<<16) + "{}]", false},
		{"many distinct items", `{"uniqueItems":true}`, "[" + counting(1<<17) + "]", true},
		{"a pattern on a long string", `{"pattern":"^(a|a)*(a|a)*$"}`, `"` + strings.Repeat("a", 1<<16) + `"`, true},
		{"an expensive pattern on a long string", `{"pattern":"([ab]{500}c?){2}[^a-y]"}`, `"` + strings.Repeat("ab", 1<<19) + `"`, false},
		{"a wide schema on a wide payload", `{"items":{"allOf":[` + strings.Repeat(`{"minimum":0},`, 5000) + `true]}}`, "[" + counting(1<<16) + "]", false},
		{"a large enum of another kind", `{"items":{"enum":["` + strings.Repeat(`","`, 500_000) + `"]}}`, "[" + counting(1<<18) + "]", false},
		{"dependencies of empty objects", `{"items":{"dependentRequired":{` + manyKeys(200_000) + `}}}`, "[" + strings.Repeat("{},", 1<<20) + "{}]", false},
		{"false as an alternative", `{"items":{"anyOf":[` + strings.Repeat("false,", 9_000) + `false]}}`, "[" + counting(1<<18) + "]", false},
		{"marks for many alternatives", `{"anyOf":[` + strings.Repeat("false,", 9_000) + `true],"unevaluatedItems":true}`, "[" + counting(1<<18) + "]", false},
		{"required against a large object", `{"items":{"required":["x"]}}`, "[" + largeObject(1<<16, `"y":1`) + "]", false},
		{"a long key", `{"additionalProperties":{"items":{"type":"string"}}}`, `{"` + strings.Repeat("k", 1<<20) + `":[1]}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := mustCompile(t, c.schema)
			begin := time.Now()
			got, err := s.Validate([]byte(c.payload))
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if (len(got) == 0) != c.valid {
				t.Errorf("violations %v, want valid = %v", got, c.valid)
			}
			if len(got) > MaxViolations {
				t.Errorf("%d violations", len(got))
			}
			for _, v := range got {
				if len(v.Message) > maxText+8 || len(v.Pointer) > maxPointer {
					t.Errorf("a violation of %d + %d bytes", len(v.Pointer), len(v.Message))
				}
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k%d":[],`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func counting(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, i)
	}
	return b.String()
}

func TestNumbersKeepTheirPrecision(t *testing.T) {
	cases := []struct {
		schema, payload string
		valid           bool
	}{
		{`{"maximum":9007199254740992}`, "9007199254740993", false},
		{`{"const":9007199254740993}`, "9007199254740992", false},
		{`{"const":0.1}`, "0.10000000000000000000000001", false},
		{`{"const":100}`, "1.00e2", true},
		{`{"const":0}`, "-0.0e5", true},
		{`{"multipleOf":0.01}`, "19.99", true},
		{`{"multipleOf":0.01}`, "19.999", false},
		{`{"multipleOf":3}`, "1" + strings.Repeat("0", 400) + "2", true},
		{`{"multipleOf":7}`, "49e1000000", true},
		{`{"multipleOf":2.5}`, "-7.5", true},
		{`{"type":"integer"}`, "12345678901234567890123456789012345678901234567890.0", true},
		{`{"type":"integer"}`, "1e-1", false},
		{`{"type":"integer"}`, "120e-1", true},
		{`{"exclusiveMinimum":-1.5,"minimum":-1.5}`, "-1.50", false},
		{`{"exclusiveMaximum":2,"maximum":1.5}`, "1.5", true},
		{`{"minimum":0.001}`, "0.00099999999999999999999", false},
		{`{"minimum":-2}`, "-10", false},
	}
	for _, c := range cases {
		got, err := mustCompile(t, c.schema).Validate([]byte(c.payload))
		if err != nil || (len(got) == 0) != c.valid {
			t.Errorf("%s with %s: %v, %v; want valid = %v", c.schema, c.payload, got, err, c.valid)
		}
	}
}

func TestValidateIsSafeForManyGoroutines(t *testing.T) {
	s := mustCompile(t, `{"type":"object","properties":{"a":{"$ref":"#"},"n":{"maximum":5}},"additionalProperties":false}`)
	done := make(chan error)
	for g := range 8 {
		go func() {
			for i := range 200 {
				got, err := s.Validate(fmt.Appendf(nil, `{"a":{"n":%d}}`, i%10))
				if (len(got) == 0) != (i%10 <= 5) || err != nil {
					done <- fmt.Errorf("goroutine %d: %v %v", g, got, err)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

const positions = `{"type":"object","required":["vehicle","positions"],"additionalProperties":false,"properties":{
	"vehicle":{"type":"string","minLength":1,"maxLength":64},
	"positions":{"type":"array","items":{"$ref":"#/$defs/position"}}},
	"$defs":{"position":{"type":"object","required":["time","lat","lon"],"additionalProperties":false,"properties":{
		"time":{"type":"string","format":"date-time"},"lat":{"type":"number","minimum":-90,"maximum":90},
		"lon":{"type":"number","minimum":-180,"maximum":180},"speed":{"type":"integer"}}}}}`

func payload(n int) []byte {
	one := `{"time":"2026-11-21T02:00:00Z","lat":45.508888,"lon":-73.561668,"speed":12}`
	return []byte(`{"vehicle":"truck-17","positions":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`)
}

func BenchmarkValidate(b *testing.B) {
	for _, n := range []int{1, 12, 1000} {
		data := payload(n)
		b.Run(fmt.Sprintf("%d_bytes", len(data)), func(b *testing.B) {
			s := mustCompile(b, positions)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if got, err := s.Validate(data); err != nil || len(got) > 0 {
					b.Fatal(got, err)
				}
			}
		})
	}
}

// A baseline: what decoding alone costs with encoding/json.
func BenchmarkUnmarshal(b *testing.B) {
	data := payload(12)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}
