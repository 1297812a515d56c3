package bundle

import (
	"maps"
	"strings"
	"testing"
)

// What is accepted can be written and read again without a change, and nothing
// that was accepted breaks a rule that others rely on.
func FuzzManifest(f *testing.F) {
	f.Add([]byte(complete))
	f.Add([]byte(strings.ReplaceAll(complete, "\r\n", "\r") + "Created-By: \xc3\r \xa9\r\rName: a\r"))
	f.Add([]byte(complete + "extension_requires: a >=1 <2; optional\nextension_permissions: net:[::1]:80, kv, call:a.B\nextension_exec: ${os}/${arch}"))
	f.Add([]byte("\ufeff" + complete))
	f.Add([]byte("extension_class: a\n b\nEXTENSION_CLASS: c\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := ParseManifest(data)
		if err != nil {
			if CodeOf(err) != CodeManifestInvalid || len(err.Error()) > 2000 {
				t.Errorf("the error is %q", err)
			}
			return
		}
		if checkID(m.ID) != nil || checkDottedName(m.Request) != nil || m.Version.IsZero() || m.Name == "" || checkExec(m.Exec) != nil {
			t.Errorf("accepted: %+v", m)
		}
		attrs := make([]Attribute, 0, len(m.Attributes))
		for name, value := range m.Attributes {
			attrs = append(attrs, Attribute{name, value})
		}
		out, err := FormatManifest(attrs)
		if err != nil {
			t.Fatalf("writing what was read: %v", err)
		}
		again, _, err := ParseManifest(out)
		if err != nil {
			t.Fatalf("reading what was written: %v\n%q", err, out)
		}
		if _, ok := m.Attributes["manifest-version"]; !ok {
			delete(again.Attributes, "manifest-version")
		}
		if !maps.Equal(m.Attributes, again.Attributes) {
			t.Errorf("read %q, written and read again %q", m.Attributes, again.Attributes)
		}
	})
}

// Every accepted type leads to its base, and everything it names is declared.
func FuzzTypes(f *testing.F) {
	f.Add([]byte(`{"types":[{"name":"A","role":"request","extends":"TrackingRequest","response":"B","schema":{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}},{"name":"B","role":"response","extends":"TrackingResponse"}]}`))
	f.Add([]byte(`{"types":[{"name":"TrackingRequest","role":"request","schema":true}]}`))
	f.Add([]byte(`{"types":[{"name":"A","role":"request","extends":"B"},{"name":"B","role":"request","extends":"A"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := trackingManifest(t)
		types, err := ParseTypes(data, m)
		if err != nil {
			if CodeOf(err) != CodeTypesInvalid || len(err.Error()) > 2000 {
				t.Errorf("the error is %q", err)
			}
			return
		}
		parents, roles := map[string]string{}, map[string]string{m.Request: "request", m.Response: "response"}
		for _, typ := range types {
			parents[typ.Name], roles[typ.Name] = typ.Extends, string(typ.Role)
		}
		for _, typ := range types {
			base := map[string]string{"request": m.Request, "response": m.Response}[string(typ.Role)]
			at := typ.Name
			for steps := 0; at != base; steps++ {
				if at = parents[at]; steps > len(types) || roles[at] != string(typ.Role) {
					t.Fatalf("%s does not lead to %s: %s", typ.Name, base, data)
				}
			}
			if typ.Response != "" && roles[typ.Response] != "response" {
				t.Errorf("%s answers %q: %s", typ.Name, typ.Response, data)
			}
		}
	})
}
