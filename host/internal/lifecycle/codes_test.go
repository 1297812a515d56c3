package lifecycle

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestEveryCodeIsListed reads the constants of this package: a code that is not listed
// would be one that the admin API does not know of.
func TestEveryCodeIsListed(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "lifecycle.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(c.Names[0].Name, "Code") {
			code, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			codes = append(codes, code)
		}
		return true
	})
	listed := Codes()
	slices.Sort(codes)
	slices.Sort(listed)
	if len(codes) < 20 || !slices.Equal(codes, listed) {
		t.Errorf("Codes lists %q\nthere are %q", listed, codes)
	}
}
