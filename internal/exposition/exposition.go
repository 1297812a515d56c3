// Package exposition reads the metrics that extensions say of themselves: text in the
// format of Prometheus, version 0.0.4, from strangers. Read is all there is to call.
//
// What is promised: each family is judged alone, so that a broken one takes nothing with
// it but itself; what Read returns is fit for any exposition format once a label and a
// prefix are added; and whatever the text, it takes time and memory in proportion to its
// length, and no more than the limits allow.
package exposition

import (
	"bytes"
	"fmt"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// The limits of one extension.
const (
	MaxBytes    = 512 << 10 // of the text
	MaxFamilies = 200
	MaxSeries   = 2000 // lines of all families together
	MaxName     = 200  // bytes of the name of a family
	MaxHelp     = 1024 // bytes
	MaxLabels   = 16   // of a series
	MaxLabel    = 100  // bytes of the name of a label
	MaxValue    = 512  // bytes of the value of a label
)

// Reason is why metrics of an extension are not shown: a value of a closed set.
type Reason string

const (
	// Timeout and Failed are of a whole answer, which did not come in time, or at all.
	Timeout Reason = "timeout"
	Failed  Reason = "failed"
	// TooLarge is text, families or series beyond the limits.
	TooLarge Reason = "too_large"
	// The rest is of one family.
	Syntax    Reason = "syntax"     // not of the format
	Name      Reason = "name"       // of a family: not [a-zA-Z_][a-zA-Z0-9_]*, or too long
	Help      Reason = "help"       // too long, or characters that nobody can see
	Label     Reason = "label"      // reserved, not a name, too many, too long, or characters that nobody can see
	Value     Reason = "value"      // that the type can not have: a counter below zero
	Histogram Reason = "histogram"  // or summary: incomplete or inconsistent
	Duplicate Reason = "duplicate"  // a family or a series that was there before
	TypeClash Reason = "type_clash" // another extension has the name with another type
)

// Reasons returns the closed set.
func Reasons() []Reason {
	return []Reason{Timeout, Failed, TooLarge, Syntax, Name, Help, Label, Value, Histogram, Duplicate, TypeClash}
}

// Refusal is a family that does not count, and why.
type Refusal struct {
	Family string // as far as it is known; hostile, at most MaxName bytes
	Reason Reason
	Detail string // for the author, quotes what is hostile
}

func (r Refusal) String() string { return fmt.Sprintf("%q: %s: %s", r.Family, r.Reason, r.Detail) }

// Read returns the families of a text that are as they should be, in the order of the
// text, and what became of the others. Timestamps are dropped. The families are the
// caller's to change.
func Read(text []byte) (families []*dto.MetricFamily, refused []Refusal) {
	if len(text) > MaxBytes {
		return nil, []Refusal{{Reason: TooLarge, Detail: fmt.Sprintf("%d bytes, the limit is %d", len(text), MaxBytes)}}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	taken, series := Names{}, 0
	for b := range blocks(text) {
		if len(families)+len(refused) == MaxFamilies {
			refused = append(refused, Refusal{clip(b.name), TooLarge, fmt.Sprintf("the rest is left out: there are more than %d families", MaxFamilies)})
			break
		}
		family, fault := read(&parser, b)
		switch {
		case fault != nil:
		case family == nil:
			continue // nothing but HELP and TYPE
		case series+b.samples > MaxSeries:
			fault = faultf(TooLarge, "with it there would be more than %d series", MaxSeries)
		default:
			if other, free := taken.Claim(family); !free {
				fault = faultf(Duplicate, "its name, or one of its series, is that of %s", other)
			}
		}
		if fault != nil {
			refused = append(refused, Refusal{clip(b.name), fault.reason, fault.detail})
			continue
		}
		series += b.samples
		families = append(families, family)
	}
	return families, refused
}

// read returns the family of a block, nil when it has no series.
func read(parser *expfmt.TextParser, b block) (*dto.MetricFamily, *fault) {
	if !familyName(b.name) {
		return nil, faultf(Name, "a name is letters, digits and _, not beginning with a digit, of at most %d bytes", MaxName)
	}
	families, err := parser.TextToMetricFamilies(bytes.NewReader(b.text))
	if err != nil {
		return nil, faultf(Syntax, "%.200q", err.Error())
	}
	family := families[b.name]
	if len(families) > 1 || len(families) == 1 && family == nil {
		return nil, faultf(Syntax, "its series have names that do not fit its type")
	}
	if family == nil {
		return nil, nil
	}
	return family, check(family, b.samples)
}

// fault is why a family does not count.
type fault struct {
	reason Reason
	detail string
}

func faultf(reason Reason, format string, args ...any) *fault {
	return &fault{reason, fmt.Sprintf(format, args...)}
}

func clip(name string) string { return name[:min(len(name), MaxName)] }
