package formats

import (
	"regexp"
	"strings"

	"github.com/jackfield-host/jackfield/bundle"
)

// heading is a heading of Markdown that begins with a version, as in "## [1.2.0] - 2026-11-26"
// (https://keepachangelog.com), "# v1.2.0" and "### Version 1.2.0".
var heading = regexp.MustCompile(`^(#{1,4})[ \t]+(?:[Vv]ersion[ \t]+)?\[?v?([0-9][0-9A-Za-z.+-]*)`)

// anyHeading is what ends a section: a heading of its level or above.
var anyHeading = regexp.MustCompile(`^(#{1,6})(?:[ \t]|$)`)

// section returns what a changelog says of one version: what stands under the heading that
// names it, without the heading. Where no heading does, that is the whole text.
func section(changelog string, version bundle.Version) string {
	lines := strings.Split(changelog, "\n")
	from, level, fence := -1, 0, ""
	for i, l := range lines {
		if fence = fenced(fence, l); fence != "" {
			continue
		}
		if from >= 0 {
			if m := anyHeading.FindStringSubmatch(l); m != nil && len(m[1]) <= level {
				return trimmed(lines[from:i])
			}
			continue
		}
		if m := heading.FindStringSubmatch(l); m != nil {
			v, err := bundle.ParseVersion(strings.TrimRight(m[2], ".-+"))
			if err == nil && v.Compare(version) == 0 {
				from, level = i+1, len(m[1])
			}
		}
	}
	if from < 0 {
		return trimmed(lines)
	}
	return trimmed(lines[from:])
}

// fenced returns the fence of the block of code that a line is in or ends, given that of the
// line before; "" outside of one.
func fenced(fence, line string) string {
	l := strings.TrimLeft(line, " ")
	switch {
	case fence == "" && (strings.HasPrefix(l, "```") || strings.HasPrefix(l, "~~~")):
		return l[:3]
	case fence != "" && strings.HasPrefix(l, fence) && strings.Trim(l, fence[:1]+" ") == "":
		return ""
	}
	return fence
}

func trimmed(lines []string) string {
	return strings.Trim(strings.Join(lines, "\n"), "\n\t ")
}
