package guidance

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestPartsDoNotOverlap(t *testing.T) {
	n := 0
	for _, part := range parts() {
		n += len(part)
	}
	if n != len(Reasons()) {
		t.Errorf("%d codes in the parts, %d in all", n, len(Reasons()))
	}
}

func TestEveryReasonHasCauses(t *testing.T) {
	reasons, causes := Reasons(), Causes()
	for code := range reasons {
		if len(causes[code]) == 0 {
			t.Errorf("%s has no causes", code)
		}
	}
	for code, list := range causes {
		if _, ok := reasons[code]; !ok {
			t.Errorf("%s has causes and is no code", code)
		}
		for _, cause := range list {
			if cause == "" || strings.HasSuffix(cause, ".") {
				t.Errorf("%s: %q", code, cause)
			}
		}
	}
}

func TestEverythingIsSaidInBothLanguages(t *testing.T) {
	for name, table := range map[string]map[string]Reason{"reasons": Reasons(), "states": States(), "answers": Answers(), "repositories": Repositories(), "plans": Plans()} {
		for _, key := range slices.Sorted(maps.Keys(table)) {
			r := table[key]
			for what, m := range map[string]Message{"title": r.Title, "meaning": r.Meaning, "next": r.Next} {
				for _, text := range []string{m.English, m.French} {
					if text == "" || text != strings.TrimSpace(text) || strings.HasSuffix(text, ".") != (what != "title") {
						t.Errorf("%s %s: the %s is %q", name, key, what, text)
					}
				}
				if strings.Contains(m.English, "«") {
					t.Errorf("%s %s: French quotes in English: %q", name, key, m.English)
				}
			}
		}
	}
}

func TestHelpsAreCommands(t *testing.T) {
	for _, h := range Helps() {
		if c := h.Command("org.example.A"); !strings.HasPrefix(c, "jackfield ") {
			t.Errorf("%s: %q", h, c)
		}
	}
	if HelpNothing.Command("x") != "" {
		t.Error("nothing has a command")
	}
}
