package jameica_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/jackfield-host/jackfield/store/jameica"
)

const declared = `<?xml version="1.0" encoding="UTF-8"?>`

// utf16Bytes is a text in UTF-16, little or big endian.
func utf16Bytes(text string, big bool) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if big {
			out = append(out, byte(unit>>8), byte(unit))
		} else {
			out = append(out, byte(unit), byte(unit>>8))
		}
	}
	return out
}

func TestCharsets(t *testing.T) {
	for _, c := range []struct {
		name string
		data []byte
		want string // the repository's name, or a code
	}{
		{"declared UTF-8", []byte(declared + `<r name="Bücher €"/>`), "Bücher €"},
		{"declared in single quotes and lower case", []byte(`<?xml version='1.0' encoding='utf-8'?><r name='Bücher'/>`), "Bücher"},
		{"declared ISO-8859-1", []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><r name=\"B\xfccher\"/>"), "Bücher"},
		{"declared ISO-8859-1 is not windows-1252", []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><r name=\"\x80\"/>"), "\u0080"},
		{"declared ISO-8859-15", []byte("<?xml version=\"1.0\" encoding=\"ISO-8859-15\"?><r name=\"\xa4\"/>"), "€"},
		{"declared windows-1252", []byte("<?xml version=\"1.0\" encoding=\"windows-1252\"?><r name=\"\x80\"/>"), "€"},
		{"no declaration is ISO-8859-1", []byte("<r name=\"B\xfccher\"/>"), "Bücher"},
		{"no declaration is ISO-8859-1 in the first tag, whatever it was meant to be", []byte(`<r name="ü"/>`), "Ã¼"},
		{"no declaration is UTF-8 behind the first tag", []byte(`<!-- ü --><r name="ü"/>`), "ü"},
		{"no declaration is UTF-8 behind blanks", []byte(` <r name="ü"/>`), "ü"},
		{"no declaration and not UTF-8 is ISO-8859-1", []byte("<!-- --><r name=\"B\xfccher\"/>"), "Bücher"},
		{"a declaration without an encoding is a first tag", []byte(`<?xml version="1.0"?><r name="Bücher"/>`), "Bücher"},
		{"no declaration and ASCII", []byte("\n<r name=\"B&#252;cher\"/>"), "Bücher"},
		{"UTF-8 with a mark", []byte("\xef\xbb\xbf<r name=\"Bücher\"/>"), "Bücher"},
		{"the mark goes before the declaration", []byte("\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><r name=\"Bücher\"/>"), "Bücher"},
		{"UTF-16, little endian", append([]byte{0xff, 0xfe}, utf16Bytes(`<?xml version="1.0" encoding="UTF-16"?><r name="Bücher 😀"/>`, false)...), "Bücher 😀"},
		{"UTF-16, big endian", append([]byte{0xfe, 0xff}, utf16Bytes(`<?xml version="1.0" encoding="UTF-16"?><r name="Bücher"/>`, true)...), "Bücher"},
		{"UTF-16, big endian without a mark", utf16Bytes(`<?xml version="1.0" encoding="UTF-16"?><r name="Bücher"/>`, true), "Bücher"},
		{"UTF-16 with a mark that says UTF-8", append([]byte{0xff, 0xfe}, utf16Bytes(declared+`<r name="Bücher"/>`, false)...), "Bücher"},

		{"bytes that are not UTF-8", []byte(declared + "<r name=\"B\xfccher\"/>"), "charset_unsupported"},
		{"bytes that are not ASCII", []byte("<?xml version=\"1.0\" encoding=\"US-ASCII\"?><r name=\"B\xfccher\"/>"), "charset_unsupported"},
		{"an unknown encoding", []byte(`<?xml version="1.0" encoding="klingon"?><r name="x"/>`), "charset_unsupported"},
		{"an encoding that is none", []byte(`<?xml version="1.0" encoding="UTF 8"?><r name="x"/>`), "charset_unsupported"},
		{"half a surrogate pair", append([]byte{0xff, 0xfe}, []byte("<\x00r\x00 \x00n\x00=\x00\"\x00\x00\xd8\"\x00/\x00>\x00")...), "charset_unsupported"},
		{"UTF-16 by its declaration alone", []byte(`<?xml version="1.0" encoding="UTF-16"?><r name="x"/>`), "charset_unsupported"},
		{"UTF-16 of an odd number of bytes", append([]byte{0xff, 0xfe}, append(utf16Bytes(`<r name="x"/>`, false), 'x')...), "charset_unsupported"},
		{"half a character of UTF-16", append([]byte{0xff, 0xfe}, utf16Bytes("<r name=\"x\"/>", false)[:24]...), "xml_invalid"},
		{"a declaration behind the start", []byte("\n" + declared + `<r name="x"/>`), "xml_invalid"},
		{"nothing", nil, "xml_invalid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := jameica.ParseRepository(c.data, jameica.Limits{})
			got := string(jameica.CodeOf(err))
			if err == nil {
				got = r.Name
			}
			if got != c.want {
				t.Errorf("read as %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

// hostileDocuments are refused as a whole, each with its code.
var hostileDocuments = []struct{ name, document, code string }{
	{"a document type", `<!DOCTYPE r><r name="x"/>`, "doctype_refused"},
	{"an external entity", `<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><r name="&x;"/>`, "doctype_refused"},
	{"entities that multiply", `<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><r name="&b;"/>`, "doctype_refused"},
	{"an entity that nobody defines", `<r name="x">&auml;</r>`, "xml_invalid"},
	{"an attribute twice", `<r name="x" name="y"/>`, "xml_invalid"},
	{"an attribute with an undeclared prefix, which the client sees without", `<r name="x" p:name="y"/>`, "xml_invalid"},
	{"an element with an undeclared prefix", `<r name="x"><p:plugins/></r>`, "xml_invalid"},
	{"an element that is not closed", `<r name="x"><plugins>`, "xml_invalid"},
	{"an element that another closes", `<r name="x"><plugins></r>`, "xml_invalid"},
	{"text in front", `junk<r name="x"/>`, "xml_invalid"},
	{"an attribute without quotes", `<r name=x/>`, "xml_invalid"},
	{"a control character", "<r name=\"\x01\"/>", "xml_invalid"},
	{"a control character by number", `<r name="&#1;"/>`, "xml_invalid"},
	{"a web page", "<!DOCTYPE html><html><body>404</body></html>", "doctype_refused"},
	{"a page without a type", "<html><body><p>not found<br></body></html>", "xml_invalid"},
	{"too deep", strings.Repeat("<a>", 40) + strings.Repeat("</a>", 40), "too_big"},
	{"too many elements", "<r>" + strings.Repeat("<a/>", 20_001) + "</r>", "too_big"},
	{"too many attributes", "<r>" + strings.Repeat(`<a b="" c="" d=""/>`, 7_000) + "</r>", "too_big"},
	{"too long", "<r>" + strings.Repeat(" ", 1<<20) + "</r>", "too_big"},
}

func TestHostileDocuments(t *testing.T) {
	for _, c := range hostileDocuments {
		t.Run(c.name, func(t *testing.T) {
			_, err := jameica.ParseRepository([]byte(c.document), jameica.Limits{})
			if got := string(jameica.CodeOf(err)); got != c.code {
				t.Errorf("repository: %q (%v), want %q", got, err, c.code)
			}
			_, err = jameica.ParseManifest([]byte(c.document), jameica.Limits{})
			if got := string(jameica.CodeOf(err)); got != c.code {
				t.Errorf("manifest: %q (%v), want %q", got, err, c.code)
			}
		})
	}
}

func TestParseRepository(t *testing.T) {
	r, err := jameica.ParseRepository([]byte(declared+`
<!-- a comment --><?a processing instruction?>
<anything xmlns="https://wrong.example/schema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:r="urn:r"
          xsi:noNamespaceSchemaLocation="x.xsd" name="Demo store">
  <plugins name="Stable" certificate="https://store.example/chain.pem">
    <plugin url="https://store.example/demo.notes/2.1.0"/>
    <plugin url="http://store.example:8080/demo.base/3.0.0/"></plugin>
    <plugin/>
    <plugin url="demo.notes/1"/>
    <plugin url="file:///etc/"/>
    <plugin url="//store.example/x"/>
    <plugin url="https://store.example/x?version=1"/>
    <plugin url="https://store.example/x#1"/>
    <plugin url=" https://store.example/x"/>
    <plugin url="https://somebody@store.example/x"/>
    <plugin url="https://store.example/a\b"/>
    <plugin url="https:///x"/>
    <Plugin url="https://store.example/case"/>
    <r:plugin url="https://store.example/prefixed"/>
  </plugins>
  <r:plugins name="Unseen"><plugin url="https://store.example/unseen"/></r:plugins>
  <plugins><plugin url="https://store.example/unnamed"/></plugins>
  <plugins name="Badly signed" certificate="chain.pem"><plugin url="https://store.example/taken-for-unsigned"/></plugins>
  <plugins name="Empty"/>
</anything> trailing <garbage`), jameica.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	fmt.Fprintln(&got, r.Name)
	for _, g := range r.Groups {
		fmt.Fprintf(&got, "%q %q %q\n", g.Name, g.Certificate, g.Entries)
	}
	want := `Demo store
"Stable" "https://store.example/chain.pem" ["https://store.example/demo.notes/2.1.0/" "http://store.example:8080/demo.base/3.0.0/"]
"" "" ["https://store.example/unnamed/"]
"Empty" "" []
`
	if got.String() != want {
		t.Errorf("read as\n%swant\n%s", &got, want)
	}
	for _, part := range []string{
		"r:plugin", "has no url", `"demo.notes/1" is not absolute`, `"file:///etc/" is not absolute`, `"//store.example/x" is not absolute`,
		"x?version=1", "x#1", `" https://store.example/x"`, "user or password", `a\\b`, `"https:///x" is not absolute`,
		"a group without a name", "Badly signed: certificate",
	} {
		if !mentions(r.Problems, part) {
			t.Errorf("no problem mentions %q:\n%v", part, r.Problems)
		}
	}
	if mentions(r.Problems, "somebody") {
		t.Error("a problem repeats the user of an address")
	}
}

func mentions(problems []*jameica.Error, part string) bool {
	for _, p := range problems {
		if strings.Contains(p.Error(), part) {
			return true
		}
	}
	return false
}

func TestRepositoryLimitsAndEmptiness(t *testing.T) {
	one := `<plugin url="https://store.example/x"/>`
	r, err := jameica.ParseRepository([]byte(`<r name="x"><plugins name="a">`+strings.Repeat(one, 3)+`</plugins><plugins name="b">`+one+`</plugins></r>`), jameica.Limits{Entries: 2})
	if err != nil || len(r.Groups) != 0 && len(r.Groups[0].Entries) > 2 || !mentions(r.Problems, "more than 2 entries") {
		t.Errorf("with more entries than are read: %+v, %v", r, err)
	}
	r, err = jameica.ParseRepository([]byte(`<r/>`), jameica.Limits{})
	if err != nil || r.Name != "" || len(r.Groups) != 0 || !mentions(r.Problems, "no plugins element") {
		t.Errorf("an empty repository: %+v, %v", r, err)
	}
	// Like the client, one group without a name is nothing to complain of.
	r, err = jameica.ParseRepository([]byte(`<r name="x"><plugins>`+one+`</plugins></r>`), jameica.Limits{})
	if err != nil || len(r.Groups) != 1 || len(r.Problems) != 0 {
		t.Errorf("a single group without a name: %+v, %v", r, err)
	}
}

func TestParseManifest(t *testing.T) {
	m, err := jameica.ParseManifest([]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>"+`
<plugin xmlns="http://www.willuhn.de/schema/jameica-plugin" name="demo.notes" version="2.1.0" class="org.example.notes.NotesPlugin" shared="FALSE">
  <description> Notizen f`+"\xfc"+`r <![CDATA[<alle>]]> <!-- und --> </description>
  <url>https://store.example/demo.notes-2.1.0.zip</url>
  <homepage validate="TRUE">https://store.example/p/demo.notes</homepage>
  <license>MIT</license>
  <icon>notes.png</icon>
  <requires jameica="2.10+">
    <import plugin="demo.base" version="3.0+"/>
    <import plugin="hibiscus" version="2.10+" required="false"/>
    <import plugin="odd" required="1"/>
    <import version="1"/>
  </requires>
  <classfinder><include>demo\.notes\.jar</include><include>.*\.class</include></classfinder>
  <menu><item name="-"/></menu>
</plugin>`), jameica.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	problems := m.Problems
	m.Problems = nil
	want := &jameica.Manifest{
		Name: "demo.notes", Version: "2.1.0", Class: "org.example.notes.NotesPlugin", Isolated: true,
		Description: "Notizen für <alle>", URL: "https://store.example/demo.notes-2.1.0.zip",
		Homepage: "https://store.example/p/demo.notes", HomepageValidate: true, License: "MIT", Icon: "notes.png", Host: "2.10+",
		Requires: []jameica.Dependency{
			{Name: "demo.base", Version: "3.0+", Required: true}, {Name: "hibiscus", Version: "2.10+"}, {Name: "odd"},
		},
		Include: []string{`demo\.notes\.jar`, `.*\.class`},
	}
	if fmt.Sprintf("%+v", m) != fmt.Sprintf("%+v", want) {
		t.Errorf("read as\n%+v\nwant\n%+v", m, want)
	}
	for _, part := range []string{`required="1" is read as false`, "an import names no plugin"} {
		if !mentions(problems, part) {
			t.Errorf("no problem mentions %q: %v", part, problems)
		}
	}
}

func TestManifestDefaults(t *testing.T) {
	m, err := jameica.ParseManifest([]byte(`<plugin name="x"><requires jameica="&gt;=2.10"/><description>a<b/></description></plugin>`), jameica.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Version != "1.0" || m.Isolated || m.HomepageValidate || m.Class != "" || m.Description != "" {
		t.Errorf("defaults are %+v", m)
	}
	if !mentions(m.Problems, "no version, so it is 1.0") || !mentions(m.Problems, "exactly 0.10") {
		t.Errorf("problems are %v", m.Problems)
	}
}

func TestHostileManifests(t *testing.T) {
	for _, c := range []struct{ name, document string }{
		{"Jameica itself", `<system name="jameica"/>`},
		{"another root", `<repository name="x"/>`},
		{"a prefixed root", `<p:plugin xmlns:p="urn:p" name="x"/>`},
		{"no name", `<plugin version="1"/>`},
		{"a name that leads elsewhere", `<plugin name="../../.bashrc"/>`},
		{"a name with a slash", `<plugin name="a/b"/>`},
		{"a name with a backslash", `<plugin name="a\b"/>`},
		{"a name that begins with a dot", `<plugin name=".deletemarker"/>`},
		{"a name that ends with a dot", `<plugin name="a."/>`},
		{"a name with a blank", `<plugin name="a b"/>`},
		{"a name of a drive", `<plugin name="C:"/>`},
		{"a name of a device", `<plugin name="Con.x"/>`},
		{"a name that reads alike", `<plugin name="hibіscus"/>`},
		{"a name that is too long", `<plugin name="` + strings.Repeat("a", 101) + `"/>`},
		{"a version that leads elsewhere", `<plugin name="x" version="1/../../2"/>`},
		{"a version with a line break", `<plugin name="x" version="1&#10;2"/>`},
		{"a version that is too long", `<plugin name="x" version="` + strings.Repeat("1", 65) + `"/>`},
		{"a requirement that is too long", `<plugin name="x"><requires jameica="` + strings.Repeat("1", 65) + `"/></plugin>`},
		{"an import that leads elsewhere", `<plugin name="x"><requires><import plugin="../y"/></requires></plugin>`},
		{"a relative url", `<plugin name="x"><url>x.zip</url></plugin>`},
		{"a url of a file", `<plugin name="x"><url>file:///etc/passwd</url></plugin>`},
		{"a url with a query, behind which .sha1 is lost", `<plugin name="x"><url>https://store.example/x.zip?a=b</url></plugin>`},
		{"a url with blanks around it, behind which .sha1 is lost", `<plugin name="x"><url> https://store.example/x.zip </url></plugin>`},
		{"a url beyond ASCII", `<plugin name="x"><url>https://store.example/ü.zip</url></plugin>`},
		{"two urls", `<plugin name="x"><url>https://store.example/x.zip</url><url>https://store.example/y.zip</url></plugin>`},
		{"two requires", `<plugin name="x"><requires/><requires jameica="99+"/></plugin>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := jameica.ParseManifest([]byte(declared+c.document), jameica.Limits{})
			if jameica.CodeOf(err) != jameica.CodeManifest {
				t.Errorf("%v, want %s", err, jameica.CodeManifest)
			}
		})
	}
	many := `<plugin name="x"><requires>` + strings.Repeat(`<import plugin="y"/>`, 257) + `</requires></plugin>`
	if _, err := jameica.ParseManifest([]byte(many), jameica.Limits{}); jameica.CodeOf(err) != jameica.CodeTooBig {
		t.Errorf("257 imports: %v", err)
	}
}

// documentSeeds are the starts of both fuzz targets, and of the comparison with NanoXML.
func documentSeeds() [][]byte {
	seeds := [][]byte{
		[]byte(declared + `<repository name="Demo"><plugins name="All" certificate="https://s.example/c.pem"><plugin url="https://s.example/a/1"/></plugins></repository>`),
		[]byte(declared + `<plugin name="demo.notes" version="2.1.0"><description>a&amp;<![CDATA[<b>]]></description><url>https://s.example/a.zip</url><requires jameica="2.10+"><import plugin="b" version="1(+)" required="false"/></requires><classfinder><include>x</include></classfinder></plugin>`),
		[]byte("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n<plugin xmlns:p='urn:p' name='\xfc' p:name='y'><p:url>x</p:url><homepage validate=\"1\">\r\n h&#252;\t</homepage>a<b/>c</plugin>x"),
		append([]byte{0xfe, 0xff}, utf16Bytes(`<plugin name="x"><license>😀ü</license></plugin>`, true)...),
	}
	for _, c := range hostileDocuments {
		if len(c.document) < 4096 {
			seeds = append(seeds, []byte(c.document))
		}
	}
	return seeds
}

func FuzzRepository(f *testing.F) {
	for _, seed := range documentSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := jameica.ParseRepository(data, jameica.Limits{})
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		for i := range r.Groups {
			if strings.TrimSpace(r.Groups[i].Name) == "" {
				r.Groups[i].Name = "unnamed"
			}
		}
		r.Name = "n" + r.Name
		document, err := r.XML()
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		again, err := jameica.ParseRepository(document, jameica.Limits{DocumentBytes: 64 << 20})
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, document)
		}
		if got, want := flat(again), flat(r); got != want {
			t.Fatalf("written and read again\n%s\nwant\n%s", got, want)
		}
	})
}

// flat is what survives being written: groups with entries.
func flat(r *jameica.Repository) string {
	text := fmt.Sprintf("%q", r.Name)
	for _, g := range r.Groups {
		if len(g.Entries) > 0 {
			text += fmt.Sprintf("\n%q %q %q", g.Name, g.Certificate, g.Entries)
		}
	}
	return text
}

func FuzzManifest(f *testing.F) {
	for _, seed := range documentSeeds() {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := jameica.ParseManifest(data, jameica.Limits{})
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		if err := jameica.CheckName(m.Name); err != nil || strings.ContainsAny(m.Name+m.Version, "/\\") {
			t.Fatalf("%q %q is accepted: %v", m.Name, m.Version, err)
		}
		if m.URL == "" {
			return
		}
		document, err := m.XML()
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		again, err := jameica.ParseManifest(document, jameica.Limits{DocumentBytes: 64 << 20})
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, document)
		}
		m.Problems, again.Problems = nil, nil
		if m.Homepage == "" { // there is no element to validate then
			m.HomepageValidate = false
		}
		if got, want := fmt.Sprintf("%+v", again), fmt.Sprintf("%+v", m); got != want {
			t.Fatalf("written and read again\n%s\nwant\n%s", got, want)
		}
	})
}

// mustBeOurs fails for an error without a code.
func mustBeOurs(t *testing.T, err error) {
	t.Helper()
	var e *jameica.Error
	if !errors.As(err, &e) || e.Message == "" {
		t.Fatalf("an error without code or message: %v", err)
	}
}
