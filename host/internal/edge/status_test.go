package edge

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/sdk"
)

// TestStatusesAreTheClosedSet reads the set from docs/host.md, so that neither the
// page nor the table can change alone.
func TestStatusesAreTheClosedSet(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "host.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, set, found := strings.Cut(string(page), "Closed set, one table in `edge`:")
	set, _, ended := strings.Cut(set, "(Host).")
	if !found || !ended {
		t.Fatal("docs/host.md has no closed set of codes any more")
	}
	documented := map[sdk.Code]int{}
	for _, m := range regexp.MustCompile("`([a-z_]+)` ([0-9]{3})").FindAllStringSubmatch(set, -1) {
		documented[sdk.Code(m[1])], _ = strconv.Atoi(m[2])
	}
	table := map[sdk.Code]int{}
	for _, s := range statuses() {
		if table[s.code] != 0 {
			t.Errorf("%s stands twice in the table", s.code)
		}
		table[s.code] = s.status
		if s.title == "" {
			t.Errorf("%s has no title", s.code)
		}
		if documented[s.code] != s.status {
			t.Errorf("%s is %d, docs/host.md says %d", s.code, s.status, documented[s.code])
		}
	}
	for code := range documented {
		if table[code] == 0 {
			t.Errorf("docs/host.md has %s, the table has not", code)
		}
	}
	for _, code := range sdk.Codes() {
		if table[code] == 0 {
			t.Errorf("the sdk has %s, the table has not", code)
		}
	}
	if len(table) != len(sdk.Codes())+2 {
		t.Errorf("%d codes in the table, want those of the sdk and two", len(table))
	}
}
