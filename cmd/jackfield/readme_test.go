package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadme holds the README to the code: the extension it shows is the example as
// it stands, and its curl lines answer what it says they answer.
func TestReadme(t *testing.T) {
	t.Parallel()
	page := readSource(t, "README.md")
	for _, file := range []string{"examples/hello/main.go", "examples/hello/manifest.mf"} {
		if text := strings.TrimSpace(readSource(t, file)); !strings.Contains(page, text) {
			t.Errorf("README.md does not show %s as it stands", file)
		}
	}
	if n := strings.Count(readSource(t, "examples/hello/main.go"), "\n"); n > 25 {
		t.Errorf("examples/hello/main.go has %d lines; the README promises 25", n)
	}

	home := t.TempDir()
	mustDrop(t, home, "tracking.jar", readBundle(t, "tracking.jar"))
	h, err := startHost(home)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	if err := h.waitState("jmap.extensions.tracking.server.TrackingExtension", "running"); err != nil {
		t.Fatal(err)
	}
	instant := regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	lines := curlLines(page)
	if len(lines) < 2 {
		t.Fatalf("found %d curl lines in README.md", len(lines))
	}
	for _, line := range lines {
		command := strings.ReplaceAll(line.command, "http://127.0.0.1:8080", h.requests)
		out, err := exec.Command("sh", "-c", strings.Replace(command, "curl ", "curl -sS ", 1)).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line.command, err, out)
		}
		// The times are of the moment.
		if got := strings.TrimSpace(string(out)); instant.ReplaceAllString(got, "T") != instant.ReplaceAllString(line.answer, "T") {
			t.Errorf("%s\nanswers  %s\nREADME:  %s", line.command, got, line.answer)
		}
	}
}

type curlLine struct{ command, answer string }

// curlLines finds `$ curl …` in the page, with its continuation lines, and the line
// below it.
func curlLines(page string) []curlLine {
	var found []curlLine
	_, rest, ok := strings.Cut(page, "\n$ curl ")
	for ok {
		command := "curl "
		for {
			line, below, _ := strings.Cut(rest, "\n")
			rest = below
			joined, more := strings.CutSuffix(line, "\\")
			command += joined
			if !more {
				break
			}
		}
		answer, _, _ := strings.Cut(rest, "\n")
		found = append(found, curlLine{command, answer})
		_, rest, ok = strings.Cut("\n"+rest, "\n$ curl ")
	}
	return found
}

func readSource(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
