package jpl_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// TestStore: what Jami would drop, not find or not read is not taken, though Verify takes it.
func TestStore(t *testing.T) {
	file := func(name string) jpltest.Edit { return jpltest.WithFile(name, []byte("x")) }
	de := func(text string) jpltest.Edit {
		return jpltest.WithFile("data/locale/"+jpltest.ID+"_de.json", []byte(`{"name":"a","description":`+text+`,"blur":"c"}`))
	}
	for _, c := range []struct {
		name, entry string
		code        jpl.Code
		edit        jpltest.Edit
	}{
		{"no library", "lib/", jpl.CodePlatformMissing, jpltest.Without(jpltest.Library)},
		{"library of a platform nobody has", "lib/", jpl.CodePlatformMissing, func(a *jpltest.Archive) {
			a.Files["lib/riscv64-linux-gnu/lib"+jpltest.ID+".so"] = a.Files[jpltest.Library]
			delete(a.Files, jpltest.Library)
		}},
		{"library of another name", "lib/x64-windows/Greenery.dll", jpl.CodeLibraryMissing, file("lib/x64-windows/libGreenery.dll")},
		{"library in a folder", "lib/x86_64-linux-gnu/cuda/libx.so", jpl.CodeLibraryMisplaced, file("lib/x86_64-linux-gnu/cuda/libx.so")},
		{"data like a library", "data/models/resource.json", jpl.CodeFileDropped, file("data/models/resource.json")},
		{"data like another", "data/model/absolute.tflite", jpl.CodeFileDropped, file("data/model/absolute.tflite")},
		{"data behind a library", "data/icons/x.so.txt", jpl.CodeFileDropped, file("data/icons/x.so.txt")},
		{"H12: a quote", "data/locale/", jpl.CodeTextUnsafe, de(`"a \"green\" thing"`)},
		{"H12: a backslash", "data/locale/", jpl.CodeTextUnsafe, de(`"a\\b"`)},
		{"H12: a pattern", "data/locale/", jpl.CodeTextUnsafe, de(`"$&"`)},
		{"H12: itself", "data/locale/", jpl.CodeTextUnsafe, de(`"{{description}}"`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := jpltest.Good(c.edit).Build()
			problems, _ := jpl.CheckForStore(mustVerify(t, data), jpl.Known{})
			if len(problems) != 1 || problems[0].Code != c.code || problems[0].Entry != c.entry {
				t.Fatalf("%v, want %s of %s", problems, c.code, c.entry)
			}
			if !slices.Contains(jpl.Codes(), problems[0].Code) || problems[0].Code.Jami() != jpl.JamiInvalid {
				t.Errorf("%s", problems[0].Code)
			}
			d := newDaemon()
			if code := d.install(data); code != 0 {
				t.Fatalf("a daemon answers %d", code)
			}
			if _, ok := d.installed[jpltest.ID][c.entry]; ok {
				t.Errorf("a daemon keeps %s", c.entry)
			}
		})
	}
}

// TestStoreWarnings: odd, and taken.
func TestStoreWarnings(t *testing.T) {
	for _, c := range []struct {
		want string
		edit jpltest.Edit
	}{
		{"lib/riscv64-linux-gnu is for no platform", jpltest.WithFile("lib/riscv64-linux-gnu/libGreenery.so", nil)},
		{"libc++_shared.so stays where it is", jpltest.WithFile("lib/x86_64-linux-gnu/libc++_shared.so", nil)},
		{"lib/arm64-v8a is for Android", jpltest.WithFile("lib/arm64-v8a/libGreenery.so", androidLibrary())},
		{"2 of 3 translations have the text of {{blur}}", jpltest.WithFile("data/locale/Greenery_de.json", []byte(`{"name":"a","description":"b"}`))},
		{`certificate is for "Orchard", not for Greenery`, jpltest.By(jpltest.Organization().Certify("Orchard", jpltest.LeafKey()))},
	} {
		problems, warnings := jpl.CheckForStore(mustVerify(t, jpltest.Good(c.edit).Build()), jpl.Known{})
		if len(problems) > 0 || len(warnings) != 1 || !strings.Contains(warnings[0], c.want) {
			t.Errorf("%v %q, want %q", problems, warnings, c.want)
		}
	}
}

// TestWarnings: odd, whoever reads it.
func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		want string
		edit jpltest.Edit
	}{
		{"no translation has the text of {{missing}}", jpltest.With("description", "{{missing}} {{description}}")},
		{`iconPath of manifest.json names "none.svg"`, jpltest.With("iconPath", "none.svg")},
		{"translations are in data/locale/Greenery_<locale>.json", jpltest.WithFile("data/locale/Orchard_en.json", []byte("{}"))},
		{`has the key "a" twice`, jpltest.WithFile("data/preferences.json", []byte(`[{"type":"Switch","key":"a"},{"type":"Path","key":"a"}]`))},
	} {
		if got := mustVerify(t, jpltest.Good(c.edit).Build()).Warnings(); len(got) != 1 || !strings.Contains(got[0], c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestH12Texts: a placeholder that nobody knows costs its own text alone, what is put in is
// not read again, and the language of a country falls back to its language, then to English.
func TestH12Texts(t *testing.T) {
	locale := func(name, text string) jpltest.Edit {
		return jpltest.WithFile("data/locale/Greenery_"+name+".json", []byte(text))
	}
	v := mustVerify(t, jpltest.Good(
		jpltest.With("description", "{{missing}}{{description}} – {{blur}}"),
		locale("fr", `{"blur":"Flou"}`), locale("fr_CA", `{"name":"Verdure","description":"\"$&\" {{blur}}"}`), locale("pt-BR", `{}`),
	).Build())
	want := map[string]jpl.Text{
		"":      {Name: "Greenery", Description: "Puts *plants* behind you. – Blur"},
		"en":    {Name: "Greenery", Description: "Puts *plants* behind you. – Blur"},
		"fr":    {Name: "Greenery", Description: "Puts *plants* behind you. – Flou"},
		"fr-ca": {Name: "Verdure", Description: "\"$&\" {{blur}} – Flou"},
		"pt-br": {Name: "Greenery", Description: "Puts *plants* behind you. – Blur"},
	}
	got := v.Texts()
	for name, text := range want {
		if got[name] != text {
			t.Errorf("%q: %q, want %q", name, got[name], text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%q", got)
	}

	v = mustVerify(t, jpltest.Good(jpltest.Without("data/locale/Greenery_en.json"), jpltest.Without("data/locale/Greenery_fr_CA.json")).Build())
	if got := v.Texts(); len(got) != 1 || got[""] != (jpl.Text{Name: "Greenery"}) {
		t.Errorf("without translations: %q", got)
	}
	for locale, want := range map[string][]string{
		"fr_CA": {"fr-ca", "fr", "en"}, "FR-ca": {"fr-ca", "fr", "en"}, "en_US": {"en-us", "en"}, "": {"en"}, "C": {"c", "en"},
	} {
		if got := jpl.LocaleChain(locale); !slices.Equal(got, want) {
			t.Errorf("%q: %q", locale, got)
		}
	}
}

// androidLibrary is the beginning of a library as Android's compilers make it: a header, one
// segment, one note.
func androidLibrary() []byte {
	head := make([]byte, 64+56)
	copy(head, "\x7fELF\x02\x01\x01")
	head[32], head[54], head[56] = 64, 56, 1 // where segments are, how large, how many
	head[64] = 4                             // notes
	head[64+8], head[64+32] = 64+56, 24      // where, how many bytes
	return append(head, "\x08\x00\x00\x00\x04\x00\x00\x00\x01\x00\x00\x00Android\x00\x15\x00\x00\x00"...)
}
