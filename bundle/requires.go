package bundle

import (
	"errors"
	"fmt"
	"strings"
)

// Requirement is one item of extension_requires: another extension that must run
// first, in a version that every constraint allows.
type Requirement struct {
	ID          string
	Constraints []Constraint
	// Optional says that the extension also runs without it. When the other one is
	// there, the constraints still hold.
	Optional bool
}

// Constraint is one comparison of a Requirement.
type Constraint struct {
	Op      Op
	Version Version
}

// Op is the comparison of a Constraint.
type Op string

// The operators of extension_requires.
const (
	OpEqual   Op = "="
	OpAtLeast Op = ">="
	OpGreater Op = ">"
	OpAtMost  Op = "<="
	OpLess    Op = "<"
)

const (
	operatorChars = "<>="
	blanks        = " \t" // what counts as a space in a manifest value
)

// maxRequirements bounds what a host has to resolve for one bundle.
const maxRequirements = 256

// Allows reports whether v satisfies every constraint.
func (r Requirement) Allows(v Version) bool {
	for _, c := range r.Constraints {
		if !c.Allows(v) {
			return false
		}
	}
	return true
}

// String returns the requirement in the manifest's form.
func (r Requirement) String() string {
	var b strings.Builder
	b.WriteString(r.ID)
	for _, c := range r.Constraints {
		b.WriteString(" " + string(c.Op) + c.Version.String())
	}
	if r.Optional {
		b.WriteString("; optional")
	}
	return b.String()
}

// Allows reports whether v compares to the constraint's version as it asks.
func (c Constraint) Allows(v Version) bool {
	order := v.Compare(c.Version)
	switch c.Op {
	case OpEqual:
		return order == 0
	case OpAtLeast:
		return order >= 0
	case OpGreater:
		return order > 0
	case OpAtMost:
		return order <= 0
	case OpLess:
		return order < 0
	}
	return false
}

// parseRequires reads the value of extension_requires:
//
//	id op version[ op version]…[; optional], …
//
// Spaces around ids, operators, versions, commas and semicolons are free.
func parseRequires(value string) ([]Requirement, error) {
	var list []Requirement
	seen := map[string]bool{}
	for item := range strings.SplitSeq(value, ",") {
		r, err := ParseRequirement(item)
		if err != nil {
			return nil, err
		}
		if seen[r.ID] {
			return nil, fmt.Errorf("%s is named twice; write all its versions behind one name", quote(r.ID))
		}
		seen[r.ID] = true
		if list = append(list, r); len(list) > maxRequirements {
			return nil, fmt.Errorf("more than %d extensions are named", maxRequirements)
		}
	}
	return list, nil
}

// ParseConstraints reads what may stand behind an id in extension_requires, such as
// ">=1.0 <1.4.2". The empty text has none, which every version satisfies.
func ParseConstraints(text string) ([]Constraint, error) {
	if trimBlanks(text) == "" {
		return nil, nil
	}
	r, err := ParseRequirement("x " + text) // whatever the id
	if err != nil || r.Optional {
		return nil, fmt.Errorf("%s is no list of versions such as %q", quote(text), ">=1.0 <1.4.2")
	}
	return r.Constraints, nil
}

func trimBlanks(s string) string { return strings.Trim(s, blanks) }

// ParseRequirement reads one item of extension_requires: "id >=1.0 <2; optional".
func ParseRequirement(item string) (Requirement, error) {
	if item = trimBlanks(item); item == "" {
		return Requirement{}, errors.New("an item between commas is empty")
	}
	ask, flag, hasFlag := strings.Cut(item, ";")
	if hasFlag && trimBlanks(flag) != "optional" {
		return Requirement{}, fmt.Errorf("behind a semicolon only %q may stand, found %s", "optional", quote(trimBlanks(flag)))
	}
	end := strings.IndexAny(ask, blanks+operatorChars)
	if end < 0 {
		end = len(ask)
	}
	r := Requirement{ID: ask[:end], Optional: hasFlag}
	if err := checkID(r.ID); err != nil {
		return Requirement{}, err
	}
	rest := trimBlanks(ask[end:])
	if rest == "" {
		return Requirement{}, fmt.Errorf("%s has no version; to take any write %q", quote(r.ID), r.ID+" >=0")
	}
	for rest != "" {
		var c Constraint
		var err error
		if c, rest, err = parseConstraint(r.ID, rest); err != nil {
			return Requirement{}, err
		}
		r.Constraints = append(r.Constraints, c)
	}
	return r, nil
}

// parseConstraint reads one operator and version from the start of s and returns
// what follows them.
func parseConstraint(id, s string) (Constraint, string, error) {
	opEnd := len(s) - len(strings.TrimLeft(s, operatorChars))
	op := Op(s[:opEnd])
	switch op {
	case OpEqual, OpAtLeast, OpGreater, OpAtMost, OpLess:
	case "":
		return Constraint{}, "", fmt.Errorf("behind %s an operator (= >= > <= <) must stand before %s", quote(id), quote(s))
	default:
		return Constraint{}, "", fmt.Errorf("%s is no operator; use one of = >= > <= <", quote(string(op)))
	}
	s = strings.TrimLeft(s[opEnd:], blanks)
	end := strings.IndexAny(s, blanks+operatorChars)
	if end < 0 {
		end = len(s)
	}
	version, err := ParseVersion(s[:end])
	if err != nil {
		return Constraint{}, "", fmt.Errorf("behind %s %s: %w", quote(id), op, err)
	}
	return Constraint{Op: op, Version: version}, trimBlanks(s[end:]), nil
}
