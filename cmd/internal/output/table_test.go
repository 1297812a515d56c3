package output

import (
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestGridFits(t *testing.T) {
	g := Grid{
		Header: []string{"ID", "NAME", "STATE", "REASON"},
		Rows: [][]string{
			{"org.example.maps.MapsExtension", "地図サービス", "running", ""},
			{"org.example.Short", "A name that is rather long", "failed", "init_failed: the database at db.example.org:5432 can not be reached, as it says"},
			{"odd\x1b[2J", "e\u0301te\u0301", "backoff", "🙂 smile"},
		},
	}
	for _, width := range []int{40, 60, 80, 120} {
		for line := range strings.Lines(g.Render(Terminal{Width: width})) {
			line = strings.TrimSuffix(line, "\n")
			if Columns(line) > width || !utf8.ValidString(line) || strings.Contains(line, "\x1b") {
				t.Errorf("%d: %d cells: %q", width, Columns(line), line)
			}
		}
	}
	want := "ID                              NAME        STATE    REASON\n" +
		"org.example.maps.MapsExtension  地図サー…   running  -\n" +
		"org.example.Short               A name th…  failed   init_fail…\n" +
		"odd\\x1b[2J                      e\u0301te\u0301         backoff  🙂 smile\n"
	if got := g.Render(Terminal{Width: 63}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if wide := g.Render(Terminal{}); !strings.Contains(wide, "can not be reached, as it says\n") {
		t.Errorf("without a terminal it is cut: %s", wide)
	}
	if narrow := g.Render(Terminal{Width: 5}); strings.Count(narrow, "\n") != 4 {
		t.Errorf("too narrow: %q", narrow)
	}
}

func TestTints(t *testing.T) {
	g := Grid{Header: []string{"A", "B"}, Rows: [][]string{{"x", "failed"}}, Tint: func(_, column int) Tint {
		return []Tint{Plain, StateTint("failed")}[column]
	}}
	if got := g.Render(Terminal{Width: 80, Color: true}); got != "A  B\nx  \x1b[31mfailed\x1b[0m\n" {
		t.Errorf("%q", got)
	}
	if got := g.Render(Terminal{Width: 80}); strings.Contains(got, "\x1b") {
		t.Errorf("colors where there are none: %q", got)
	}
}

func TestColumnsAndFit(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "é": 1, "e\u0301": 1, "地図": 4, "ｱ": 1, "Ａ": 2, "🙂": 2, "한국": 4} {
		if got := Columns(text); got != want {
			t.Errorf("%q takes %d cells, want %d", text, got, want)
		}
	}
	for _, c := range []struct {
		text string
		n    int
		want string
	}{
		{"abcdef", 6, "abcdef"}, {"abcdef", 5, "abcd…"}, {"abcdef", 1, "…"}, {"abcdef", 0, ""}, {"地図帳", 5, "地図…"}, {"地図帳", 4, "地…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		if got := Fit(c.text, c.n); got != c.want {
			t.Errorf("%q in %d cells: %q, want %q", c.text, c.n, got, c.want)
		}
	}
}

// FuzzFit holds that what is cut fits, is valid where the text was, and that lines that
// were wrapped lose no word.
func FuzzFit(f *testing.F) {
	for _, s := range []string{"abc def", "地図 帳", "e\u0301\u0301", "🙂🙂", " ", ""} {
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		if !utf8.ValidString(text) || n < 0 || n > 1000 || len(text) > 2000 {
			return
		}
		if got := Fit(text, n); Columns(got) > n || !utf8.ValidString(got) {
			t.Errorf("%q in %d: %q", text, n, got)
		}
		lines := Wrap(text, n)
		for _, line := range lines {
			if n >= 10 && Columns(line) > n {
				t.Errorf("%q in %d: %q", text, n, lines)
			}
		}
		strip := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if strip(strings.Join(lines, "")) != strip(text) {
			t.Errorf("%q in %d: %q", text, n, lines)
		}
	})
}

func TestLook(t *testing.T) {
	if at := Look(&strings.Builder{}); at != (Terminal{}) {
		t.Errorf("a buffer is a terminal: %+v", at)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	t.Setenv("COLUMNS", "40")
	if at := Look(w); at != (Terminal{}) {
		t.Errorf("a pipe is a terminal: %+v", at)
	}
}
