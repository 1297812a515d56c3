package database_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/backends"
	"github.com/jackfield-host/jackfield/store/server/internal/database"
)

// library publishes a few listings whose texts are in several languages.
func library(t *testing.T, db *database.Database) {
	t.Helper()
	text := func(name, description string) store.Text { return store.Text{Name: name, Description: description} }
	hello := listing("org.acme.Hello", "1.0")
	hello.Texts = map[string]store.Text{"": text("Hello", "Says hello to the whole world."), "fr": text("Bonjour", "Dit bonjour à l'élève."), "zh-hans": text("你好世界", "向全世界问好")}
	hello.Labels = []string{"certified", "it's \"odd\""}
	hello.Releases[0].Types = []store.Type{{Name: "org.acme.hello.SumRequest", Role: "request"}}
	helloWorld := listing("org.acme.HelloWorld", "1.0")
	helloWorld.Texts = map[string]store.Text{"": text("Hello World", "Another greeting."), "de": text("Hallo Welt", "Grüße an die Straße")}
	helloWorld.Releases[0].Files[0].Platforms = []string{"linux-amd64", "server"}
	jack := listing("org.acme.JackRabbit", "1.0")
	jack.Format = store.FormatJami
	jack.Texts = map[string]store.Text{"": text("JackRabbit", "Runs. A hello from the field."), "ja": text("ジャックラビット", "速い"), "ko": text("토끼", "빠른 토끼가 달린다")}
	jack.Releases[0].Types = []store.Type{{Name: "org.acme.Old", Role: "request"}}
	old := release(jack.ID, "0.9")
	old.State, old.Types = store.Withdrawn, []store.Type{{Name: "org.acme.Forgotten", Role: "request"}}
	old.Files[0].Platforms = []string{"windows-amd64"}
	jack.Releases = append(jack.Releases, old)
	for _, l := range []*store.Listing{jack, helloWorld, hello} {
		publish(t, db, l)
	}
}

func TestSearch(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		library(t, b.Database)
		const hello, world, jack = "Hello", "HelloWorld", "JackRabbit"
		for _, c := range []struct {
			name  string
			query database.Query
			want  string
		}{
			{"the name itself, names that begin so, texts", database.Query{Text: "hello"}, hello + " " + world + " " + jack},
			{"nothing finds all, short names first", database.Query{}, hello + " " + jack + " " + world},
			{"only signs find all", database.Query{Text: " * - ( "}, hello + " " + jack + " " + world},
			{"all words must be there", database.Query{Text: "hello field"}, jack},
			{"words in any order", database.Query{Text: "world hello"}, world + " " + hello},
			{"a phrase has an order", database.Query{Text: `"world hello"`}, ""},
			{"a phrase", database.Query{Text: `"hello world"`}, world},
			{"a phrase and a word", database.Query{Text: `"the whole" hello`}, hello},
			{"a phrase does not reach from name to description", database.Query{Text: `"world another"`}, ""},
			{"a quote that is not closed", database.Query{Text: `"the who`}, hello},
			{"the beginning of the last word", database.Query{Text: "anoth"}, world},
			{"not of the first word", database.Query{Text: "anoth greeting"}, ""},
			{"not in closed quotes", database.Query{Text: `"anoth"`}, ""},
			{"the beginning across words of a name", database.Query{Text: "hellowo"}, world},
			{"case and accents do not matter", database.Query{Text: "ELEVE"}, hello},
			{"accents in the question", database.Query{Text: "Élève"}, hello},
			{"folding", database.Query{Text: "STRASSE grusse"}, world},
			{"another language's name", database.Query{Text: "bonjour"}, hello},
			{"Chinese without spaces", database.Query{Text: "世界"}, hello},
			{"one Chinese letter", database.Query{Text: "问"}, hello},
			{"the last Chinese letter of a text", database.Query{Text: "好"}, hello},
			{"Chinese in the wrong order", database.Query{Text: "界世"}, ""},
			{"a Japanese word's middle", database.Query{Text: "ックラ"}, jack},
			{"Korean", database.Query{Text: "달린"}, jack},
			{"an id", database.Query{Text: "org.acme.HelloWorld"}, world},
			{"part of an id", database.Query{Text: "acme rabbit"}, jack},
			{"an inner capital", database.Query{Text: "rabbit"}, jack},
			{"a type", database.Query{Text: "org.acme.hello.SumRequest"}, hello},
			{"part of a type", database.Query{Text: "sum"}, hello},
			{"not of a withdrawn release", database.Query{Text: "forgotten"}, ""},
			{"the format", database.Query{Text: "hello", Format: "jpl"}, jack},
			{"the format alone", database.Query{Format: "jpl"}, jack},
			{"a platform", database.Query{Text: "hello", Platform: "linux-amd64"}, world},
			{"no platform of a withdrawn release", database.Query{Platform: "windows-amd64"}, ""},
			{"a label", database.Query{Label: "certified"}, hello},
			{"a label of odd letters", database.Query{Label: "it's \"odd\""}, hello},
			{"a publisher", database.Query{Text: "hello", Publisher: acme}, hello + " " + world + " " + jack},
			{"no publisher", database.Query{Text: "hello", Publisher: "other.example"}, ""},
			{"a filter is no word", database.Query{Text: "f=certified"}, ""},
			{"operators of FTS5", database.Query{Text: `hello NOT world`}, ""},
			{"operators of PostgreSQL", database.Query{Text: `hello & !world`}, world + " " + hello},
			{"a column filter", database.Query{Text: `words:hello`}, ""},
			{"what is not UTF-8", database.Query{Text: "hello \xff\xfe"}, hello + " " + world + " " + jack},
			{"NUL is a blank, and a name may be written apart", database.Query{Text: "hel\x00lo"}, hello + " " + world},
		} {
			t.Run(c.name, func(t *testing.T) {
				hits, err := b.Database.Search(t.Context(), c.query)
				if err != nil {
					t.Fatal(err)
				}
				if got := strings.ReplaceAll(strings.Join(hits.IDs, " "), "org.acme.", ""); got != c.want {
					t.Errorf("%+v finds %q, want %q", c.query, got, c.want)
				}
			})
		}
		if hits, err := b.Database.Search(t.Context(), database.Query{Text: "hello", Limit: 2}); err != nil || len(hits.IDs) != 2 || !hits.More {
			t.Errorf("two at most gave %+v (%v), want two and more", hits, err)
		}
	})
}

func TestSearchFollowsChanges(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		l := listing("org.acme.A", "1.0")
		l.Texts[""] = store.Text{Name: "Before"}
		publish(t, b.Database, l)
		l.Texts[""] = store.Text{Name: "After"}
		publish(t, b.Database, l)
		for text, want := range map[string]int{"before": 0, "after": 1} {
			if hits, err := b.Database.Search(t.Context(), database.Query{Text: text}); err != nil || len(hits.IDs) != want {
				t.Errorf("%s finds %v (%v), want %d", text, hits.IDs, err, want)
			}
		}
	})
}

// Texts of publishers go into the index whatever is in them.
func TestHostileTextsAreFoundOrNot(t *testing.T) {
	withAcme(t, func(t *testing.T, b backends.Backend) {
		for i, text := range []string{
			strings.Repeat("x", 100_000), strings.Repeat("word ", 50_000), strings.Repeat("長", 20_000), "' : * & | ! <-> \\ \"", "a\u0300\u0301\u202e\u2066z",
			"\u1100\u1161\ufffd\ue000", "ﬁ ǅ İ ẞ ½ Ⅷ ㎏ ﷺ", strings.Repeat("a\u0300", 5000), "1e5 -1 3.14 0x10 a@b.example http://x.example/y",
		} {
			l := listing("org.acme.H"+string(rune('a'+i)), "1.0")
			l.Texts[""] = store.Text{Name: text, Description: text}
			publish(t, b.Database, l)
			if _, err := b.Database.Search(t.Context(), database.Query{Text: text}); err != nil {
				t.Errorf("searching for it: %v", err)
			}
			if _, err := b.Database.Search(t.Context(), database.Query{Text: `"` + text + `"`}); err != nil {
				t.Errorf("searching for it in quotes: %v", err)
			}
		}
		if hits, err := b.Database.Search(t.Context(), database.Query{Text: "1e5"}); err != nil || len(hits.IDs) != 1 {
			t.Errorf("1e5 finds %v (%v), want its listing", hits.IDs, err)
		}
	})
}

// Whatever is typed is no error; and what is typed of a listing's own name finds it.
func FuzzSearch(f *testing.F) {
	b := backends.SQLite(f)
	o := database.Organization{Name: acme}
	if err := b.Database.SaveOrganization(f.Context(), o, database.Entry{}); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"hello", `"a b`, "*", "NEAR(a b)", "n=x", "==", "世界 x", "' \" : ^ -", "a\x00b", "\xff", "ß İ ﬁ", `"" "" a`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := b.Database.Search(t.Context(), database.Query{Text: text}); err != nil {
			t.Fatalf("searching for %q: %v", text, err)
		}
		if len(text) > 300 || !utf8.ValidString(text) {
			return
		}
		l := listing("org.acme.Fuzz", "1.0")
		l.Texts = map[string]store.Text{"": {Name: "x" + strings.ReplaceAll(text, `"`, " ")}}
		publish(t, b.Database, l)
		for _, q := range []string{l.Texts[""].Name, `"` + l.Texts[""].Name + `"`} {
			if hits, err := b.Database.Search(t.Context(), database.Query{Text: q}); err != nil || len(hits.IDs) != 1 {
				t.Fatalf("%q finds %v (%v), want the listing of that name", q, hits.IDs, err)
			}
		}
	})
}
