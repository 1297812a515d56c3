package schema

import (
	"regexp"
	"regexp/syntax"
)

// pattern is a compiled regular expression and about how many instructions it has.
type pattern struct {
	*regexp.Regexp
	size int
}

func (c *compiler) pattern(expression, at string) (*pattern, error) {
	size, err := patternSize(expression)
	if err != nil {
		return nil, &Error{at, clip(err.Error())}
	}
	if c.patterns += size; c.patterns > maxPatterns {
		return nil, &Error{at, "the regular expressions of the schema are too large together; write shorter repetitions"}
	}
	re, err := regexp.Compile(expression)
	if err != nil {
		return nil, &Error{at, clip(err.Error())}
	}
	return &pattern{re, size}, nil
}

// maxPatterns bounds the instructions of all regular expressions of a schema; a
// few bytes of nested repetition are worth millions.
const maxPatterns = 100_000

// patternSize estimates how many instructions an expression compiles to, without
// expanding it.
func patternSize(expression string) (int, error) {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return 0, err
	}
	return treeSize(tree), nil
}

func treeSize(re *syntax.Regexp) int {
	size := 1
	if re.Op == syntax.OpLiteral {
		size = len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += treeSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return min(size, 1<<40)
}
