package resolver

import "strings"

// Code says what kind of Conflict it is. The set is closed.
type Code string

// The codes.
const (
	CodeInvalid    Code = "request_invalid" // what is asked for contradicts itself
	CodeUnknown    Code = "unknown_extension"
	CodeNoVersion  Code = "no_version"  // it is known, but no release of it will do
	CodeConflict   Code = "conflict"    // requirements contradict each other
	CodeTooComplex Code = "too_complex" // nobody knows: the search took more than Work
)

// Conflict is why there is no plan.
type Conflict struct {
	Code Code
	// Reasons is the chain, each a sentence without a full stop:
	// "org.a 2.0, asked for, needs org.b >=3".
	Reasons []string
	// Hints say what to do next, the best first.
	Hints []string
}

// Error returns the reasons in one line.
func (c *Conflict) Error() string {
	return string(c.Code) + ": " + strings.Join(c.Reasons, "; ")
}
