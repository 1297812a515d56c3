package resolver

import (
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// constraints is several of bundle's as one Constraint.
type constraints []bundle.Constraint

// Allows reports whether all of them allow the version; what is no version of ours fits none.
func (c constraints) Allows(version string) bool {
	v, err := bundle.ParseVersion(version)
	return err == nil && bundle.Requirement{Constraints: c}.Allows(v)
}

func (c constraints) String() string {
	parts := make([]string, len(c))
	for i, one := range c {
		parts[i] = string(one.Op) + one.Version.String()
	}
	return strings.Join(parts, " ")
}

// Exactly allows one version, in any spelling.
func Exactly(v bundle.Version) Constraint {
	return constraints{{Op: bundle.OpEqual, Version: v}}
}

// AtLeast allows that version and higher ones.
func AtLeast(v bundle.Version) Constraint {
	return constraints{{Op: bundle.OpAtLeast, Version: v}}
}
