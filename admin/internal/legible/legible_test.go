package legible

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPayload(t *testing.T) {
	for _, c := range []struct {
		name, media, body string
		want              Reading
	}{
		{"nothing", "application/json", "", Reading{Kind: Empty}},
		{"JSON is laid out", "application/json; charset=utf-8", `{"a":[1,2],"b":{}}`, Reading{JSON, "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {}\n}", false}},
		{"strings stay", "", `{"a, b":"{\"\\"}`, Reading{JSON, "{\n  \"a, b\": \"{\\\"\\\\\"\n}", false}},
		{"so is a kind of it", "application/geo+json", ` [] `, Reading{JSON, "[]", false}},
		{"big numbers stay as they are", "", `12345678901234567890.10`, Reading{JSON, "12345678901234567890.10", false}},
		{"what is no JSON is text", "application/json", "{oops", Reading{Text, "{oops", false}},
		{"text stays text", "text/plain", "a\tb\nc", Reading{Text, "a\tb\nc", false}},
		{"what can not be seen is written out", "text/plain", "exe\u202etxt\x1b[31m and a long enough remainder", Reading{Text, `exe\u202etxt\x1b[31m and a long enough remainder`, false}},
		{"bytes are dumped", "image/png", "\x89PNG\x00", Reading{Binary, "00000000  89 50 4e 47 00                                    |.PNG.|\n", false}},
		{"markup is text", "text/html", "<script>alert(1)</script>", Reading{Text, "<script>alert(1)</script>", false}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Payload(c.media, []byte(c.body)); got != c.want {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
		})
	}
	deep := strings.Repeat("[", 9000) + strings.Repeat("]", 9000)
	if r := Payload("", []byte(deep)); r.Kind != JSON || !r.Cut || len(r.Body) > MaxText {
		t.Errorf("deeply nested: %s, %d bytes", r.Kind, len(r.Body))
	}
	long := Payload("text/plain", []byte(strings.Repeat("é", MaxText)))
	if !long.Cut || len(long.Body) != MaxText || !utf8.ValidString(long.Body) {
		t.Errorf("a long text is cut to %d bytes, cut: %t", len(long.Body), long.Cut)
	}
	if dump := Payload("", make([]byte, 2000)); !dump.Cut || strings.Count(dump.Body, "\n") != maxDump/16 {
		t.Errorf("a long dump: %+v", dump)
	}
}

func TestSchema(t *testing.T) {
	table := Schema(json.RawMessage(`{
		"$defs": {"point": {"type": "object", "required": ["lat"], "properties": {"lat": {"type": "number", "minimum": -90, "maximum": 90}, "next": {"$ref": "#/$defs/point"}}}},
		"title": "Report", "type": "object", "required": ["device"],
		"properties": {
			"device": {"type": "string", "minLength": 1, "pattern": "^[a-z]+$", "description": "Who reports."},
			"positions": {"type": "array", "maxItems": 5, "items": {"$ref": "#/$defs/point"}},
			"mode": {"enum": ["fast", "slow", 3], "default": "fast", "deprecated": true},
			"password": {"type": ["string", "null"], "writeOnly": true}
		},
		"additionalProperties": {"type": "integer"}
	}`))
	byPath := map[string]Row{}
	var order []string
	for _, r := range table.Rows {
		byPath[r.Path] = r
		order = append(order, r.Path)
	}
	if want := "| device| positions| positions[]| positions[].lat| positions[].next"; !strings.HasPrefix("| "+strings.Join(order[1:], "| "), want) || order[0] != "" {
		t.Errorf("the rows are %q", order)
	}
	for path, want := range map[string]string{
		"":                `object Report [] []`,
		"device":          `string Who reports. [minLength 1 pattern ^[a-z]+$] [] required`,
		"positions[].lat": `number  [minimum -90 maximum 90] [] required`,
		"mode":            ` fast" [] ["fast" "slow" 3] deprecated`,
		"password":        `string or null  [] [] secret`,
		"*":               `integer  [] []`,
	} {
		r, ok := byPath[path]
		if !ok {
			t.Errorf("there is no row %q", path)
			continue
		}
		got := r.Type + " " + r.Title + r.Help + strings.TrimPrefix(r.Default, `"`) + " [" + strings.Join(r.Rules, " ") + "] [" + strings.Join(r.Choices, " ") + "]"
		for word, on := range map[string]bool{" required": r.Required, " secret": r.Secret, " deprecated": r.Deprecated} {
			if on {
				got += word
			}
		}
		if got != want {
			t.Errorf("%q: %s\nwant %s", path, got, want)
		}
	}
	if !table.Cut {
		t.Error("a schema without end was told to its end")
	}
	for _, nothing := range []string{"", "{", "[1]"} {
		if table := Schema(json.RawMessage(nothing)); nothing != "[1]" && len(table.Rows) != 0 {
			t.Errorf("%q has rows", nothing)
		}
	}
}

// FuzzPayload: whatever comes, what is shown is bounded, can be seen, and is what came
// when that was harmless.
func FuzzPayload(f *testing.F) {
	for _, seed := range []string{"", "{}", `{"a":"\u202e"}`, "\xff\xfe", "text\x00", "<b>", strings.Repeat("[", 200)} {
		f.Add("application/json", []byte(seed))
		f.Add("text/plain", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		r := Payload(media, body)
		if !utf8.ValidString(r.Body) || len(r.Body) > 12*(MaxText+maxDump) {
			t.Errorf("%d bytes, valid: %t", len(r.Body), utf8.ValidString(r.Body))
		}
		if strings.ContainsAny(r.Body, "\x00\x1b\u202e\u200b") {
			t.Errorf("%q hides something", r.Body)
		}
		var want bytes.Buffer
		if r.Kind == JSON && !r.Cut && plainJSON(body) {
			if err := json.Indent(&want, bytes.TrimSpace(body), "", "  "); err != nil || want.String() != r.Body {
				t.Errorf("%q is shown as %q, want %q, %v", body, r.Body, &want, err)
			}
		}
		if (r.Kind == Empty) != (len(body) == 0) {
			t.Errorf("%q is %s", body, r.Kind)
		}
	})
}

// plainJSON reports whether nothing in it has to be written out, or nests deeply.
func plainJSON(body []byte) bool {
	for _, c := range body {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c > '~' {
			return false
		}
	}
	return bytes.Count(body, []byte("["))+bytes.Count(body, []byte("{")) < maxIndent
}

// FuzzSchema: no schema makes more rows than there may be.
func FuzzSchema(f *testing.F) {
	for _, seed := range []string{`true`, `{"type":"object","properties":{"a":{"$ref":"#"}}}`, `{"items":{"$ref":"#"}}`, `{"additionalProperties":{"$ref":"#"},"enum":[{}]}`, `{"patternProperties":{"(":{}}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, r := range Schema(raw).Rows {
			if !utf8.ValidString(r.Path + r.Title + r.Help + r.Type + r.Default) {
				t.Errorf("%+v is not valid UTF-8", r)
			}
		}
		if n := len(Schema(raw).Rows); n > maxRows {
			t.Errorf("%d rows", n)
		}
	})
}
