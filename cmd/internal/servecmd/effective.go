package servecmd

import (
	"slices"

	"github.com/jackfield-host/jackfield/host"
)

// The sources of a setting, as host.Setting has them.
const (
	fromDefault     = "default"
	fromTheFile     = "file"
	fromEnvironment = "environment"
	fromFlag        = "flag"
)

// origin is a source, and what it sets.
type origin struct {
	source string
	set    []assignment
}

// effective are the keys as they hold: every key of the host in the order of keys, then
// those that were set for single extensions and repositories, by name. All that is set is valid, and what
// comes later wins.
func effective(origins []origin) []host.Setting {
	known := keys()
	type sourced struct {
		assignment
		source string
	}
	last := map[string]sourced{}
	for _, o := range origins {
		for _, a := range o.set {
			last[a.key] = sourced{a, o.source}
		}
	}
	var rows []host.Setting
	for _, k := range known {
		row := host.Setting{Key: k.name, Value: k.initial, Default: k.initial, Source: fromDefault, Doc: k.doc, Allowed: k.allowed}
		if a, ok := last[k.name]; ok {
			row.Value, row.Source, row.Place = a.value, a.source, a.place
			delete(last, k.name)
		}
		rows = append(rows, row)
	}
	for _, name := range sortedKeys(last) {
		if row, ok := ofRepositoryRow(last[name].assignment, last[name].source); ok {
			rows = append(rows, row)
			continue
		}
		id, short, _ := extensionKey(name) // it was accepted by set
		k := known[slices.IndexFunc(known, func(k key) bool { return k.name == short })]
		general := rows[slices.IndexFunc(rows, func(r host.Setting) bool { return r.Key == short })]
		rows = append(rows, host.Setting{
			Key: short, Extension: id, Value: last[name].value, Default: general.Value,
			Source: last[name].source, Place: last[name].place, Doc: k.doc, Allowed: k.allowed,
		})
	}
	return rows
}

// told is c.Effective with what an empty value comes to.
func (c *Config) told() []host.Setting {
	rows := slices.Clone(c.Effective)
	for i, row := range rows {
		switch {
		case row.Value != "" || row.Extension != "":
		case row.Key == "trust.policy":
			rows[i].Value = c.trustPolicy()
		case row.Key == "requests.auth":
			rows[i].Value = "none" // without it no other address than a loopback one is listened on
		}
	}
	return rows
}
