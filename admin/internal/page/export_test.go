package page

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

func hostileEntries() []host.AuditEntry {
	return []host.AuditEntry{
		{Time: time.Date(2026, 11, 26, 6, 0, 0, 1000, time.UTC), Actor: `=HYPERLINK("http://evil.example","click")`, Action: "+1+1", Target: "-2", Remote: "@SUM(A1)",
			Before: []byte(`{"a":"<b>\n"}`), After: []byte(`{"a":"\"quoted\", and a comma"}`)},
		{Actor: "\t=1", Action: " =1", Target: "＝1", Remote: "'=1", After: []byte("null")},
		{Actor: "ann", Action: "disable", Target: "a\r\nb"},
	}
}

func TestTableHasNoFormulas(t *testing.T) {
	var b strings.Builder
	w, err := newTable(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(hostileEntries()); err != nil {
		t.Fatal(err)
	}
	if err := w.done(); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(records) != 4 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, record := range records[1:] {
		for _, cell := range record {
			if trimmed := strings.TrimLeft(cell, " "); trimmed != "" && strings.ContainsAny(trimmed[:1], "=+-@\t\r") || strings.HasPrefix(trimmed, "＝") {
				t.Errorf("a spreadsheet would reckon with %q", cell)
			}
		}
	}
	if got := records[1][5] + records[1][6]; got != `{"a":"<b>\n"}{"a":"\"quoted\", and a comma"}` {
		t.Errorf("JSON comes back as %s", got)
	}
	if records[1][0] != "2026-11-26T06:00:00.000001Z" || records[3][1] != "ann" {
		t.Errorf("records %q", records)
	}
}

func TestNDJSON(t *testing.T) {
	var b strings.Builder
	w := newNDJSON(&b)
	if err := w.write(hostileEntries()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines {
		var e host.AuditEntry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Actor != hostileEntries()[i].Actor {
			t.Errorf("line %s: %v", line, err)
		}
	}
}

// FuzzHarmless: no cell begins as a formula, and the text is still in it.
func FuzzHarmless(f *testing.F) {
	for _, seed := range []string{"=1", " =1", "'", "a", "", "\t", "＠"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		got := harmless(cell)
		if trimmed := strings.TrimLeft(got, " "); strings.IndexFunc(trimmed, isFormula) == 0 {
			t.Errorf("%q becomes %q", cell, got)
		}
		if !strings.HasSuffix(got, cell) {
			t.Errorf("%q is lost in %q", cell, got)
		}
	})
}
