package web

import (
	"net/http"
	"strings"
)

// maxTags bounds the header If-Match, in bytes.
const maxTags = 4 << 10

// Precondition returns the entity tags of the header If-Match without their quotes
// (RFC 9110, 13.1.1): one of them must be that of what is to be changed. There is no
// condition when set is false. Weak tags match nothing, and are left out.
func Precondition(r *http.Request) (tags []string, set bool, err error) {
	malformed := Invalid(`If-Match must be the ETag of an answer, in its quotes, or *`)
	value := strings.Join(r.Header["If-Match"], ",")
	switch {
	case len(r.Header["If-Match"]) == 0 || strings.TrimSpace(value) == "*":
		return nil, false, nil
	case len(value) > maxTags:
		return nil, false, malformed
	}
	for rest := value; ; {
		rest = strings.TrimLeft(rest, " \t")
		opaque, weak := strings.CutPrefix(rest, "W/")
		opaque, ok := strings.CutPrefix(opaque, `"`)
		tag, behind, closed := strings.Cut(opaque, `"`)
		if !ok || !closed || strings.ContainsFunc(tag, func(c rune) bool { return c < '!' || c == 0x7f }) {
			return nil, false, malformed
		}
		if !weak {
			tags = append(tags, tag)
		}
		behind = strings.TrimLeft(behind, " \t")
		if behind == "" {
			return tags, true, nil
		}
		if rest, ok = strings.CutPrefix(behind, ","); !ok {
			return nil, false, malformed
		}
	}
}

// Stale is the problem of a condition that does not hold any more.
func Stale() *Problem {
	p := NewProblem(http.StatusPreconditionFailed, "conflict", "it is not as it was any more when you looked at it")
	p.Hint = "look at it again, and decide then"
	return p
}
