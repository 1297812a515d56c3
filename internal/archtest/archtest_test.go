package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/jackfield-host/jackfield"

// listed is what `go list -json` says of a package.
type listed struct {
	ImportPath, Dir, Name              string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// room is a row of the table of rooms.
type room struct {
	mayImport, testsAlso []string
}

func TestRooms(t *testing.T) {
	rooms := parseRooms(t, readPage(t))
	if len(rooms) < 10 {
		t.Fatalf("found %d rooms in docs/ARCHITECTURE.md; has its table changed its form?", len(rooms))
	}
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if isBench(name) {
			continue
		}
		seen[name] = true
		r, ok := rooms[name]
		if !ok {
			t.Errorf("package %s has no row in docs/ARCHITECTURE.md", name)
			continue
		}
		checkOurs(t, name, p.Imports, r.mayImport, "")
		checkOurs(t, name, slices.Concat(p.TestImports, p.XTestImports),
			slices.Concat(r.mayImport, r.testsAlso, []string{name}), " in its tests")
	}
	for name := range rooms {
		if !seen[name] {
			t.Errorf("docs/ARCHITECTURE.md has a row for %s, which is no package", name)
		}
	}
}

func TestThirdParties(t *testing.T) {
	deps := parseTable(t, readPage(t), "## Dependencies")
	rows := map[string][]string{}
	for _, cells := range deps {
		if len(cells) != 3 || cells[2] == "" {
			t.Errorf("the row %q needs three cells, the last one a reason", cells)
			continue
		}
		rows[cells[0]] = splitList(cells[1])
	}
	direct := directModules(t)
	for _, mod := range direct {
		if _, ok := rows[mod]; !ok {
			t.Errorf("go.mod requires %s directly; docs/ARCHITECTURE.md gives no reason for it", mod)
		}
	}
	for mod := range rows {
		if !slices.Contains(direct, mod) {
			t.Errorf("docs/ARCHITECTURE.md has a row for %s, which go.mod does not require directly", mod)
		}
	}
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imp := range p.Imports {
			mod := moduleOf(imp, slices.Collect(maps.Keys(rows)))
			if mod != "" && !allowed(name, rows[mod]) {
				t.Errorf("%s imports %s; docs/ARCHITECTURE.md allows that only in %v", name, imp, rows[mod])
			}
		}
	}
}

// TestNamedFilesExist holds the map from sentences to files to the tree.
func TestNamedFilesExist(t *testing.T) {
	named := regexp.MustCompile("`([a-z0-9_]+(?:/[a-z0-9_]+)*/[a-z0-9_]+\\.go)`").FindAllStringSubmatch(readPage(t), -1)
	if len(named) < 20 {
		t.Fatalf("docs/ARCHITECTURE.md names %d files; has its form changed?", len(named))
	}
	for _, name := range named {
		if _, err := os.Stat(filepath.Join("..", "..", name[1])); err != nil {
			t.Errorf("docs/ARCHITECTURE.md: %v", err)
		}
	}
}

func TestStandardLibraryOnly(t *testing.T) {
	for _, p := range listPackages(t) {
		if p.ImportPath != module+"/sdk" {
			continue
		}
		for _, imp := range p.Imports {
			if strings.Contains(imp, ".") {
				t.Errorf("sdk imports %s; it is the dictionary and imports the standard library only", imp)
			}
		}
	}
}

// htmlTemplates are the rooms that make pages.
var htmlTemplates = []string{"admin/internal/page", "store/server/internal/markdown", "store/server/internal/pages"}

func TestPagesAreMadeInOnePlace(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if slices.Contains(p.Imports, "html/template") && !slices.Contains(htmlTemplates, name) {
			t.Errorf("%s imports html/template; pages are made in %v", name, htmlTemplates)
		}
		if slices.Contains(p.Imports, "text/template") {
			t.Errorf("%s imports text/template, which does not escape", name)
		}
	}
}

func TestBudgets(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		if strings.HasPrefix(name, "internal/gen/") {
			continue
		}
		for _, word := range []string{"manager", "util", "utils", "helper", "helpers", "common", "base"} {
			if path.Base(name) == word {
				t.Errorf("package %s: %q says nothing about what it gives", name, word)
			}
		}
		for _, file := range p.GoFiles {
			data, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if n := bytes.Count(data, []byte("\n")); n > 600 {
				t.Errorf("%s/%s has %d lines; is there a second room in it? (600 at most)", name, file, n)
			} else if name == "cmd/jackfield" && n > 50 {
				t.Errorf("%s/%s has %d lines; a main has 50 at most", name, file, n)
			}
		}
	}
}

func checkOurs(t *testing.T, name string, imports, may []string, where string) {
	t.Helper()
	for _, imp := range imports {
		ours, ok := strings.CutPrefix(imp, module+"/")
		if ok && !allowed(ours, may) {
			t.Errorf("%s imports %s%s; docs/ARCHITECTURE.md allows it only %v", name, ours, where, may)
		}
	}
}

// allowed reports whether name is in list, where "x/*" stands for every package
// below x.
func allowed(name string, list []string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		if dir, ok := strings.CutSuffix(entry, "/*"); ok {
			return strings.HasPrefix(name, dir+"/")
		}
		return name == entry || entry == "bench" && isBench(name)
	})
}

func isBench(name string) bool { return name == "bench" || strings.HasPrefix(name, "bench/") }

// moduleOf returns the longest of modules that holds the package imp, or "".
func moduleOf(imp string, modules []string) string {
	best := ""
	for _, mod := range modules {
		if (imp == mod || strings.HasPrefix(imp, mod+"/")) && len(mod) > len(best) {
			best = mod
		}
	}
	return best
}

func parseRooms(t *testing.T, page string) map[string]room {
	t.Helper()
	rooms := map[string]room{}
	for _, cells := range parseTable(t, page, "## Rooms") {
		if len(cells) != 4 || cells[1] == "" {
			t.Fatalf("the row %q needs four cells and a line that says what the room is", cells)
		}
		rooms[cells[0]] = room{mayImport: splitList(cells[2]), testsAlso: splitList(cells[3])}
	}
	return rooms
}

// parseTable returns the rows of the first table below heading, without its head.
// Backquotes around a cell are taken off.
func parseTable(t *testing.T, page, heading string) [][]string {
	t.Helper()
	_, below, found := strings.Cut(page, "\n"+heading+"\n")
	if !found {
		t.Fatalf("docs/ARCHITECTURE.md has no heading %q", heading)
	}
	var rows [][]string
	for line := range strings.Lines(below) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		cells[0] = strings.Trim(cells[0], "`")
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		t.Fatalf("docs/ARCHITECTURE.md has no table below %q", heading)
	}
	return rows[2:]
}

func splitList(cell string) []string {
	var list []string
	for entry := range strings.SplitSeq(cell, ",") {
		if entry = strings.TrimSpace(entry); entry != "" && entry != "nothing" {
			list = append(list, entry)
		}
	}
	return list
}

func readPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func directModules(t *testing.T) []string {
	t.Helper()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(goCommand(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		isTool := slices.ContainsFunc(mod.Tool, func(tool struct{ Path string }) bool {
			return tool.Path == r.Path || strings.HasPrefix(tool.Path, r.Path+"/")
		})
		if !r.Indirect || isTool {
			direct = append(direct, r.Path)
		}
	}
	return direct
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(goCommand(t, "list", "-json", module+"/...")))
	var all []listed
	for {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func goCommand(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}
