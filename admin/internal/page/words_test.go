package page

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/trust"
)

// written are words that stand in a template itself: they are the same in all languages.
func written() []string { return []string{"Jackfield"} }

// TestTemplatesSayEverythingThroughWords looks for text of its own in a template, and in
// the attributes that people read or hear.
func TestTemplatesSayEverythingThroughWords(t *testing.T) {
	action := regexp.MustCompile(`(?s)\{\{.*?}}`)
	read := []string{"title", "alt", "placeholder", "aria-label", "summary"}
	for name, source := range templateSources(t) {
		plain := strings.NewReplacer("<noscript>", "", "</noscript>", "").Replace(action.ReplaceAllString(source, ""))
		for z := html.NewTokenizer(strings.NewReader(plain)); z.Next() != html.ErrorToken; {
			tok := z.Token()
			texts := []string{}
			if tok.Type == html.TextToken {
				texts = append(texts, tok.Data)
			}
			for _, a := range tok.Attr {
				if slices.Contains(read, a.Key) {
					texts = append(texts, a.Val)
				}
			}
			for _, text := range texts {
				for _, w := range written() {
					text = strings.ReplaceAll(text, w, "")
				}
				if slices.Contains([]string{"code", "cp tracking.jar"}, tok.Data) || strings.Contains(text, "cp tracking.jar") {
					continue // what a shell reads
				}
				if strings.ContainsFunc(text, unicode.IsLetter) {
					t.Errorf("%s says %q without package words", name, strings.TrimSpace(text))
				}
			}
		}
	}
}

// lent are words of parts that docs/DESIGN.md offers to every page.
func lent() []string {
	return []string{"chart.highest", "chart.none", "form.errors", "form.required", "go.details", "go.versions", "loading", "pages.older"}
}

// TestEveryWordIsSaid holds that what templates and code ask for is there, and what is
// there is asked for.
func TestEveryWordIsSaid(t *testing.T) {
	asked := map[string]bool{}
	said := words.In(words.English)
	literal := regexp.MustCompile(`say "([^"]+)"`)
	printed := regexp.MustCompile(`say \(print "([^"]+)"`)
	var beginnings []string
	for name, source := range templateSources(t) {
		for _, m := range literal.FindAllStringSubmatch(source, -1) {
			asked[m[1]] = true
			if !said.Has(m[1]) {
				t.Errorf("%s asks for %s, which there is not", name, m[1])
			}
		}
		for _, m := range printed.FindAllStringSubmatch(source, -1) {
			beginnings = append(beginnings, m[1])
		}
	}
	for _, s := range literals(t) { // those in code: whole keys, and beginnings of keys
		if said.Has(s) {
			asked[s] = true
		} else if strings.HasSuffix(s, ".") && strings.Count(s, ".") <= 2 {
			beginnings = append(beginnings, s)
		}
	}
	for _, key := range said.Keys() {
		if !asked[key] && !slices.Contains(lent(), key) && !slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(key, b) }) {
			t.Errorf("nobody says %s", key)
		}
	}
}

// literals are the string literals of this package and of language, where the formats say
// a few themselves.
func literals(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, dir := range []string{".", "../../../internal/language"} {
		for _, f := range sourcesIn(t, dir, func(name string) bool { return dir == "." || name == "format.go" }) {
			ast.Inspect(f, func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					if s, err := strconv.Unquote(lit.Value); err == nil {
						found = append(found, s)
					}
				}
				return true
			})
		}
	}
	return found
}

func templateSources(t *testing.T) map[string]string {
	t.Helper()
	sources := map[string]string{}
	err := fs.WalkDir(templateFiles, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(templateFiles, path)
		sources[path] = string(body)
		return err
	})
	if err != nil || len(sources) < 5 {
		t.Fatal(len(sources), err)
	}
	return sources
}

// TestEveryCodeIsExplained takes the codes from the source of those who give them: a new
// one needs its row in the table of reasons.
func TestEveryCodeIsExplained(t *testing.T) {
	said := words.In(words.French)
	for _, list := range []struct {
		dir  string
		most int // fewer would mean that the form of the source has changed
	}{{"../../../host/internal/lifecycle", 25}, {"../../../bundle", 30}, {"../../../trust", 8}} {
		codes := codesIn(t, list.dir)
		if len(codes) < list.most {
			t.Errorf("%s: only the codes %v are found", list.dir, codes)
		}
		for _, code := range codes {
			if !said.Explains(code) {
				t.Errorf("%s: the code %s is not explained", list.dir, code)
			}
		}
	}
	for _, code := range []string{string(bundle.CodeManifestInvalid), string(trust.PublisherChanged), "config_invalid"} {
		if !said.Explains(code) {
			t.Errorf("the code %s is not explained", code)
		}
	}
	// With the others a plan is refused: it does not end with them.
	refusals := []string{host.CodeInvalidArgument, host.CodeNotFound, host.CodeConflict, host.CodeUnavailable}
	for _, code := range append(host.PlanCodes(), host.RepositoryCodes()...) {
		if !said.Explains(code) && !slices.Contains(refusals, code) {
			t.Errorf("the code %s of plans is not explained", code)
		}
	}
	if said.Explains("no_such_code") || said.Explain("no_such_code").Title == "" {
		t.Error("a code that nobody knows needs words, too")
	}
}

// codesIn are the values of the constants of a package that are codes, by their names or
// their type.
func codesIn(t *testing.T, dir string) []string {
	t.Helper()
	var codes []string
	for _, f := range sourcesIn(t, dir, func(string) bool { return true }) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Names) != 1 || len(spec.Values) != 1 {
				return true
			}
			typ, _ := spec.Type.(*ast.Ident)
			lit, isLit := spec.Values[0].(*ast.BasicLit)
			if isLit && lit.Kind == token.STRING && (typ != nil && typ.Name == "Code" || typ == nil && strings.HasPrefix(spec.Names[0].Name, "Code")) {
				if s, err := strconv.Unquote(lit.Value); err == nil && s != "" {
					codes = append(codes, s)
				}
			}
			return true
		})
	}
	return codes
}

// sourcesIn are the files of a package, its tests aside, of which wanted likes the name.
func sourcesIn(t *testing.T, dir string, wanted func(name string) bool) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatal(dir, err)
	}
	var files []*ast.File
	for _, path := range paths {
		if name := filepath.Base(path); !strings.HasSuffix(name, "_test.go") && wanted(name) {
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
		}
	}
	return files
}
