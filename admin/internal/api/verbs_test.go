package api

import (
	"encoding/json"
	"testing"
)

func FuzzOrder(f *testing.F) {
	for _, seed := range []string{`{}`, `{"version":"1"}`, `{"force":true,"restore_data":false}`, `{"digest":"sha256:1","permissions":["kv",null]}`, `{"version":"1","version":2}`, `[`, `{"a":{"b":[1,2]}}`, "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		names := map[string]json.RawMessage{}
		err := eachMember(body, func(name string, value json.RawMessage) error {
			if !json.Valid(value) {
				t.Errorf("the member %q has the value %q", name, value)
			}
			names[name] = value
			return nil
		})
		var whole map[string]json.RawMessage
		if std := json.Unmarshal(body, &whole); err == nil && (std != nil || whole == nil || len(whole) != len(names)) {
			t.Errorf("%q is taken as %q, and is %q, %v", body, names, whole, std)
		}
	})
}
