package jpl

import "encoding/json"

// maxPreference bounds how many preferences there may be.
const maxPreference = 1000

// checkPreferences judges a file of preferences: an array of objects, each with a type and
// a key; the rest of an object is strings, or lists of strings.
func (c *contents) checkPreferences(name string, data []byte) error {
	if err := checkJSON(data); err != nil {
		return refuse(CodePreferencesInvalid, name, "%v", err)
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil || list == nil {
		return refuse(CodePreferencesInvalid, name, "it is not a list of objects")
	}
	if len(list) > maxPreference {
		return refuse(CodePreferencesInvalid, name, "it has %d preferences, more than the %d allowed", len(list), maxPreference)
	}
	keys := map[string]bool{}
	for i, p := range list {
		for _, required := range []string{"type", "key"} {
			if text, fault := plainString(p[required], maxName, false); fault != "" || text == "" {
				return refuse(CodePreferencesInvalid, name, "preference %d has no %s", i+1, required)
			}
		}
		for _, known := range []string{"title", "summary", "defaultValue", "category", "scope", "mimeType"} {
			raw, ok := p[known]
			if !ok {
				continue
			}
			if _, fault := plainString(raw, maxText, true); fault != "" {
				return refuse(CodePreferencesInvalid, name, "%s of preference %d %s", known, i+1, fault)
			}
		}
		for _, known := range []string{"entries", "entryValues"} {
			var values []string
			if raw, ok := p[known]; ok && json.Unmarshal(raw, &values) != nil {
				return refuse(CodePreferencesInvalid, name, "%s of preference %d is not a list of strings", known, i+1)
			}
		}
		key, _ := plainString(p["key"], maxName, false)
		if keys[key] {
			c.warn("%s has the key %q twice: the first one counts", name, key)
		}
		keys[key] = true
	}
	return nil
}
