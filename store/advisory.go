package store

import "github.com/jackfield-host/jackfield/bundle"

// Affects reports whether the advisory is about a version. Where that can not be told, it
// is: better one warning too many.
func (a Advisory) Affects(version string) bool {
	constraints, err := bundle.ParseConstraints(a.Affected)
	if err != nil {
		return true
	}
	v, err := bundle.ParseVersion(version)
	if err != nil {
		return true
	}
	return bundle.Requirement{Constraints: constraints}.Allows(v)
}
