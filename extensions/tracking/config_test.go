package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed config.schema.json
var configSchema []byte

// TestConfig holds the code and config.schema.json, which the administrator's page
// follows, to the same opinion.
func TestConfig(t *testing.T) {
	schema := compile(t, configSchema)
	for _, test := range []struct {
		name, config string
		want         config // zero when refused
	}{
		{"nothing said", `{}`, config{30, 1_000_000}},
		{"both", `{"retention_days":7,"max_positions":5000}`, config{7, 5000}},
		{"least", `{"retention_days":1,"max_positions":1000}`, config{1, 1000}},
		{"most", `{"retention_days":3650,"max_positions":100000000}`, config{3650, 100_000_000}},
		{"no retention", `{"retention_days":0}`, config{}},
		{"too long", `{"retention_days":3651}`, config{}},
		{"half a day", `{"retention_days":0.5}`, config{}},
		{"too few", `{"max_positions":999}`, config{}},
		{"too many", `{"max_positions":100000001}`, config{}},
		{"text", `{"retention_days":"7"}`, config{}},
		{"a typing error", `{"retention_day":7}`, config{}},
		{"a list", `[]`, config{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseConfig([]byte(test.config))
			if got != test.want || (err != nil) != (test.want == config{}) {
				t.Errorf("configuration is %+v (%v), want %+v", got, err, test.want)
			}
			if err := schema.Validate(decode(t, []byte(test.config))); (err != nil) != (test.want == config{}) {
				t.Errorf("the schema says %v", err)
			}
		})
	}
	for name, text := range map[string]string{"absent": "", "null": "null"} {
		if got, err := parseConfig([]byte(text)); err != nil || got != (config{30, 1_000_000}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := parseConfig([]byte(`{} {}`)); err == nil {
		t.Error("two values were taken for a configuration")
	}
}

func compile(t *testing.T, schema []byte) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("urn:schema", decode(t, schema)); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("urn:schema")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return value
}

func compact(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return b.String()
}
