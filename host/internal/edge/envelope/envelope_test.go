package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct{ line, says string }{
		{`{"id":"a","type":"t","payload":{"n":[1,-0.5e+3,"\u00e9\n",true,null]},"timeout":1.5}`, ""},
		{` { "id" : "a" , "payload" : null } ` + "\r", ""},
		{`{"\u0069d":"a"}`, ""},
		{`{}`, ""},
		{`{"timeout":null,"content_type":null,"payload_base64":null}`, ""},
		{``, "the { of an object is missing"},
		{`[]`, "the { of an object is missing"},
		{`{"id":"a"`, "a comma or } is missing"},
		{`{"id":"a",}`, "a key is missing"},
		{`{"id":"a"}{}`, "the end of the line is missing"},
		{`{"id":"a","id":"b"}`, `the key "id" stands twice`},
		{`{"id":null,"\u0069d":"b"}`, `the key "id" stands twice`},
		{`{"ID":"a"}`, `a line has no key "ID"`},
		{`{"id":1}`, "id must be a string"},
		{`{"timeout":"1"}`, "timeout must be a positive number"},
		{`{"timeout":01}`, "a comma or } is missing"},
		{`{"payload":[1,]}`, "a value is missing"},
		{`{"payload":{"a" 1}}`, "a colon is missing"},
		{`{"payload":"` + "\x01" + `"}`, "an escape of a control character is missing"},
		{`{"payload":"\x"}`, "a known escape is missing"},
		{`{"payload":"\u12g4"}`, "a hexadecimal digit is missing"},
		{`{"payload":nul}`, "a value is missing"},
		{`{"payload":1.}`, "a digit is missing"},
		{`{"payload":"abc`, "the end of a string is missing"},
		{`{"payload":"` + "\xff" + `"}`, "not UTF-8"},
		{`{"payload":` + strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1) + `}`, "nested more than"},
		{`{"id":"` + strings.Repeat("x", MaxID+1) + `"}`, "more than 256 bytes"},
	} {
		var l Line
		err := Parse([]byte(tt.line), &l)
		if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%.80s: %v, want %q", tt.line, err, tt.says)
		}
	}
}

func TestIDIsKeptWhenTheRestIsBad(t *testing.T) {
	var l Line
	if err := Parse([]byte(`{"id":"r\u0031","type":"t","payload":{`), &l); err == nil || string(l.ID) != `"r\u0031"` || l.Key() != "r1" {
		t.Errorf("%v %s %s", err, l.ID, l.Key())
	}
}

func TestAppendAnswer(t *testing.T) {
	for _, tt := range []struct {
		answer Answer
		want   string // "" for an error
	}{
		{Answer{JSON: true, MediaType: "application/json", Payload: []byte("{\r\n \"a\": \"\\n\",\n\t\"b\":1}\n")},
			`{"id":"1","status":200,"type":"t","extension":"e","version":"v","payload":{ "a": "\n",	"b":1}}`},
		{Answer{JSON: true, MediaType: "application/geo+json", Payload: []byte("[]")},
			`{"id":"1","status":200,"type":"t","extension":"e","version":"v","content_type":"application/geo+json","payload":[]}`},
		{Answer{MediaType: `a/b; c="\"`, Payload: []byte{0xff, '\n'}},
			`{"id":"1","status":200,"type":"t","extension":"e","version":"v","content_type":"a/b; c=\"\\\"","payload_base64":"/wo="}`},
		{Answer{JSON: true, Payload: nil}, ""},
		{Answer{JSON: true, Payload: []byte("{}x")}, ""},
		{Answer{JSON: true, Payload: []byte("\"\xff\"")}, ""},
	} {
		tt.answer.Type, tt.answer.Extension, tt.answer.Version = "t", "e", "v"
		got, err := AppendAnswer([]byte("x"), []byte(`"1"`), &tt.answer)
		if (err != nil) != (tt.want == "") || string(got) != "x"+tt.want {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// oracle reads a line with encoding/json, and the rules that are ours.
func oracle(data []byte) (members map[string]json.RawMessage, ok bool) {
	if !utf8.Valid(data) || !json.Valid(data) {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, false
	}
	members = map[string]json.RawMessage{}
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if dec.Decode(&value) != nil || memberOf([]byte(key.(string))) == unknown || members[key.(string)] != nil {
			return nil, false
		}
		members[key.(string)] = value
		isText := value[0] == '"'
		switch {
		case key == "payload", string(value) == "null":
		case key == "timeout":
			if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
				return nil, false
			}
		case !isText, key == "id" && len(value)-2 > MaxID:
			return nil, false
		}
	}
	return members, true
}

// FuzzParse: a line is taken if and only if encoding/json takes it and our rules
// hold, and what is found in it is what encoding/json finds.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"id":"r1","type":"x.Y","payload":{"a":[1,2,{"b":"\ud83d\ude00"}]},"timeout":1.5}`,
		`{"id":"r1","type":"x.Y","payload_base64":"\/wA=","content_type":"a\/b"}`,
		`{"cancel":"r1"}`, `{"subscribe":"types"}`, `{"unsubscribe":"\ud800"}`,
		`{"payload":[[[[]]],{}]}`, `{"payload":-0.0E-0}`, `{"payload":"1234567\"12345678\\"}`, "{\"\x7f\":1}", `{"payload":[}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var l Line
		err := Parse(data, &l)
		members, ok := oracle(data)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, encoding/json says %v", data, err, ok)
		}
		if err != nil {
			return
		}
		raw := func(name string, got []byte) {
			want := members[name]
			if name != "payload" && string(want) == "null" {
				want = nil
			}
			if !bytes.Equal(got, want) || (got == nil) != (want == nil) {
				t.Errorf("%s of %q is %q, not %q", name, data, got, want)
			}
		}
		raw("id", l.ID)
		raw("payload", l.Payload)
		raw("timeout", l.Timeout)
		for name, got := range map[string][]byte{
			"type": l.Type, "payload_base64": l.Base64, "content_type": l.Media,
			"cancel": l.Cancel, "subscribe": l.Subscribe, "unsubscribe": l.Unsubscribe,
		} {
			var want *string
			if value := members[name]; value != nil {
				if err := json.Unmarshal(value, &want); err != nil {
					t.Fatal(err)
				}
			}
			if (want == nil) != (got == nil) || want != nil && *want != string(bytes.ToValidUTF8(got, []byte("\ufffd"))) {
				t.Errorf("%s of %q is %q", name, data, got)
			}
		}
	})
}

// FuzzAnswer: whatever an extension answers becomes one line of JSON that means the
// same, or an error.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("{\n\"a\":1}"), true, "application/json")
	f.Add([]byte("\xff\x00\n"), false, "text/\"\n\u2028")
	f.Fuzz(func(t *testing.T, payload []byte, isJSON bool, text string) {
		line, err := AppendAnswer(nil, []byte(`"i"`), &Answer{Type: text, Extension: text, Version: text, MediaType: text, JSON: isJSON, Payload: payload})
		if isJSON && (err == nil) != (json.Valid(payload) && utf8.Valid(payload)) {
			t.Fatalf("%q: %v", payload, err)
		}
		if err != nil {
			return
		}
		var got struct {
			Type    string
			Payload json.RawMessage
			Base64  *string `json:"payload_base64"`
		}
		if err := json.Unmarshal(line, &got); err != nil || bytes.ContainsAny(line, "\r\n") || !utf8.Valid(line) {
			t.Fatalf("%q: %v", line, err)
		}
		if got.Type != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Errorf("%q became %q", text, got.Type)
		}
		if !isJSON {
			if back, err := base64.StdEncoding.DecodeString(*got.Base64); err != nil || !bytes.Equal(back, payload) {
				t.Errorf("%q became %q", payload, back)
			}
			return
		}
		var a, b bytes.Buffer
		if json.Compact(&a, payload) != nil || json.Compact(&b, got.Payload) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%q became %q", payload, got.Payload)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := []byte(`{"id":"r123","type":"extensions.tracking.Report","payload":{"text":"` + strings.Repeat("x", 1000) + `"}}`)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	var l Line
	for b.Loop() {
		if err := Parse(line, &l); err != nil {
			b.Fatal(err)
		}
	}
}
