package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSecurityPage holds SECURITY.md to its word: each test that it names exists.
func TestSecurityPage(t *testing.T) {
	page := readSource(t, "SECURITY.md")
	named := 0
	for _, line := range strings.Split(page, "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 4 || !strings.Contains(cells[2], "Test") {
			continue
		}
		dir := ""
		for _, m := range regexp.MustCompile("`(?:([a-z/]+): )?(Test[A-Za-z]+)(?:/([a-z-]+))?`").FindAllStringSubmatch(cells[2], -1) {
			if m[1] != "" {
				dir = m[1]
			}
			named++
			if !hasTest(t, dir, m[2]) {
				t.Errorf("SECURITY.md names %s in %s, which is not there", m[2], dir)
			}
			if m[3] == "" {
				continue
			}
			if _, err := os.Stat(filepath.Join("testdata", "script", m[3]+".txtar")); err != nil {
				t.Errorf("SECURITY.md names the story %s: %v", m[3], err)
			}
		}
	}
	if named < 40 {
		t.Errorf("%d tests were found in SECURITY.md; are its tables as they were?", named)
	}
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), "func "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}
