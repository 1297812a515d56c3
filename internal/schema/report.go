package schema

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackfield-host/jackfield/sdk"
)

// fail notes a violation when reporting. It returns false, for the caller to pass on.
func (e *evaluation) fail(format string, args ...any) bool {
	if e.reporting && len(e.violations) < MaxViolations {
		v := sdk.Violation{Pointer: e.pointer(), Message: clip(fmt.Sprintf(format, args...))}
		if !slices.Contains(e.violations, v) {
			e.violations = append(e.violations, v)
		}
		if len(e.violations) == MaxViolations {
			e.steps = 0 // enough is said
		}
	}
	return false
}

// pointer writes the place being judged as a JSON pointer (RFC 6901).
func (e *evaluation) pointer() string {
	var b strings.Builder
	for _, t := range e.path {
		part := fmt.Sprint(t.index)
		if !t.item {
			part = pointerToken(string(e.text(t.key)))
		}
		if b.Len()+len(part)+1 > maxPointer {
			break
		}
		b.WriteString("/" + part)
	}
	return b.String()
}

func (e *evaluation) result() []sdk.Violation {
	if len(e.violations) == 0 {
		return []sdk.Violation{{Message: "checking the payload against the schema was given up: the two together are too complex"}}
	}
	slices.SortFunc(e.violations, func(a, b sdk.Violation) int {
		if c := strings.Compare(a.Pointer, b.Pointer); c != 0 {
			return c
		}
		return strings.Compare(a.Message, b.Message)
	})
	return e.violations
}

// show writes a value of the schema into a message.
func (e *evaluation) show(i uint32) string {
	d := &e.schema.doc
	if c := d.cells[i]; c.kind == text {
		return clip(string(d.data[c.start-1 : c.end+1]))
	}
	var compact bytes.Buffer
	compact.Write(bytes.Join(bytes.Fields(d.raw(i)), []byte(" ")))
	return clip(compact.String())
}

func (e *evaluation) showAll(values []uint32) string {
	var b strings.Builder
	for k, i := range values {
		if k > 0 {
			b.WriteString(", ")
		}
		if b.WriteString(e.show(i)); b.Len() > maxText {
			break
		}
	}
	return b.String()
}

// missing is the message of a property that is required and not there.
const missing = "the property %q is missing"

// Missing returns the name of the property whose absence a message of a violation
// speaks of: it is a property of the place that the violation's pointer names.
func Missing(message string) (name string, ok bool) {
	before, after, _ := strings.Cut(missing, "%q")
	quoted, ok := strings.CutPrefix(message, before)
	if !ok {
		return "", false
	}
	if quoted, ok = strings.CutSuffix(quoted, after); !ok {
		return "", false
	}
	name, err := strconv.Unquote(quoted)
	return name, err == nil
}
