package language

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Faults says what is wrong with catalogs, for tests: every message is there in both
// languages with the same places and forms, French is set as French is, and no key stands
// in two of them.
func Faults(catalogs ...Catalog) []string {
	var faults []string
	seen := map[string]bool{}
	for _, c := range catalogs {
		for key, m := range c {
			if seen[key] {
				faults = append(faults, key+" stands in two catalogs")
			}
			seen[key] = true
			for _, fault := range m.faults() {
				faults = append(faults, key+": "+fault)
			}
		}
	}
	return faults
}

func (m Message) faults() []string {
	if m[0] == "" || m[1] == "" {
		return []string{fmt.Sprintf("it lacks a language: %q", m)}
	}
	var faults []string
	if e, f := places(m[0]), places(m[1]); !slices.Equal(e, f) {
		faults = append(faults, fmt.Sprintf("it has the places %v in English and %v in French", e, f))
	}
	if strings.Contains(m[0], "|") != strings.Contains(m[1], "|") {
		faults = append(faults, "it has two forms in one language only")
	}
	if strings.Contains(m[0]+m[1], "'") {
		faults = append(faults, "it has a straight apostrophe")
	}
	if at := regexp.MustCompile(`[^\x{a0}\x{202f}][:;?!»]|«[^\x{a0}]`).FindString(m[1]); at != "" && !strings.Contains(m[1], "://") {
		faults = append(faults, fmt.Sprintf("French has a no-break space at %q", at))
	}
	for _, text := range []string{m[0], m[1]} {
		if text != strings.TrimSpace(text) {
			faults = append(faults, "it begins or ends with a space")
			break
		}
	}
	return faults
}

// places are those of a message, each once.
func places(text string) []string {
	found := regexp.MustCompile(`\{\d}`).FindAllString(text, -1)
	slices.Sort(found)
	return slices.Compact(found)
}
