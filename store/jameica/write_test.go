package jameica_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/jameica"
)

// nasty is a text with everything that can go wrong between a writer and two parsers.
const nasty = `<&>"' ü € ]]> &#33; 😀` + "\t\u0085\u2028|"

func writtenRepository() *jameica.Repository {
	return &jameica.Repository{Name: "Demo " + strings.ReplaceAll(nasty, "\t", " "), Groups: []jameica.Group{
		{Name: "Stable", Certificate: "https://store.example/chain.pem", Entries: []string{
			"https://store.example/jameica/demo.notes/2.1.0", "https://store.example/jameica/demo.base/3.0.0/"}},
		{Name: "Nothing yet"},
		{Name: "Nightly & co", Entries: []string{"https://store.example/jameica/b%C3%BC/2.2.0-nightly"}},
	}}
}

func writtenManifest() *jameica.Manifest {
	return &jameica.Manifest{
		Name: "demo.notes", Version: "2.1.0", Class: "org.example.Notes", Isolated: true,
		Description: nasty, URL: "https://store.example/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip",
		Homepage: "https://store.example/p/demo.notes", HomepageValidate: true, License: "MIT", Icon: "icon.png",
		Host: "2.10+", Requires: []jameica.Dependency{
			{Name: "demo.base", Version: "3.0+", Required: true}, {Name: "hibiscus", Version: "2.10(+)"}, {Name: "other", Required: true}},
		Include: []string{`demo\.notes\.jar`},
	}
}

// What we write is valid by the schema, read by the client's parser as it was meant, and
// has nothing that either generation of the client trips over.
func TestWritten(t *testing.T) {
	repository, err := writtenRepository().XML()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := writtenManifest().XML()
	if err != nil {
		t.Fatal(err)
	}
	least, err := (&jameica.Manifest{Name: "x", Version: "1.0", URL: "https://store.example/x.zip"}).XML()
	if err != nil {
		t.Fatal(err)
	}
	needy, err := (&jameica.Manifest{Name: "x", Version: "1.0", URL: "https://store.example/x.zip", Host: "2.10+"}).XML()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, d := range []struct {
		name, schema string
		document     []byte
	}{{"repository.xml", "repository.xsd", repository}, {"plugin.xml", "plugin.xsd", manifest}, {"least.xml", "plugin.xsd", least}, {"needy.xml", "plugin.xsd", needy}} {
		file := filepath.Join(dir, d.name)
		if err := os.WriteFile(file, d.document, 0o600); err != nil {
			t.Fatal(err)
		}
		run(t, ".", "xmllint", "--noout", "--nonet", "--schema", "testdata/"+d.schema, file)
		text := string(d.document)
		if !strings.HasPrefix(text, declared+"\n<") {
			t.Errorf("%s does not begin with its declaration: %.60q", d.name, text)
		}
		if strings.Contains(text, "<!") {
			t.Errorf("%s has a document type, comment or CDATA", d.name)
		}
		for _, r := range text {
			if r > 0x7e && r <= 0xffff {
				t.Errorf("%s has %q as it is, not as a reference", d.name, r)
			}
		}
	}

	answers := askJava(t, []string{fmt.Sprintf("document %x", repository), fmt.Sprintf("document %x", manifest)})
	for i, want := range []string{
		"<repository name=" + writtenRepository().Name + "|",
		"<description>" + nasty + "</><homepage validate=true|>",
	} {
		seen, err := hex.DecodeString(answers[i])
		if err != nil {
			t.Fatalf("the client's parser refuses it: %s", answers[i])
		}
		got := string(seen)
		if i == 1 { // the description, up to the next that matters
			got = strings.Replace(got, "<url>"+writtenManifest().URL+"</>", "", 1)
		}
		if !strings.Contains(got, want) {
			t.Errorf("the client's parser reads\n%s\nwithout\n%s", got, want)
		}
	}
	r, err := jameica.ParseRepository(repository, jameica.Limits{})
	if err != nil || len(r.Groups) != 2 || len(r.Problems) != 0 || r.Name != writtenRepository().Name {
		t.Errorf("read again: %+v, %v", r, err)
	}
	m, err := jameica.ParseManifest(manifest, jameica.Limits{})
	if err != nil || fmt.Sprintf("%+v", m) != fmt.Sprintf("%+v", writtenManifest()) {
		t.Errorf("read again: %+v, %v", m, err)
	}
}

func TestNotWritten(t *testing.T) {
	for name, change := range map[string]func(*jameica.Repository){
		"no name":                 func(r *jameica.Repository) { r.Name = " " },
		"a group without a name":  func(r *jameica.Repository) { r.Groups[0].Name = "" },
		"a relative entry":        func(r *jameica.Repository) { r.Groups[0].Entries[0] = "demo.notes" },
		"a relative certificate":  func(r *jameica.Repository) { r.Groups[0].Certificate = "/chain.pem" },
		"a character without XML": func(r *jameica.Repository) { r.Name = "a\x00b" },
		"bytes that are no text":  func(r *jameica.Repository) { r.Name = "a\xff" },
	} {
		r := writtenRepository()
		change(r)
		if document, err := r.XML(); jameica.CodeOf(err) != jameica.CodeRepository && jameica.CodeOf(err) != jameica.CodeXML {
			t.Errorf("%s: %v\n%s", name, err, document)
		}
	}
	for name, change := range map[string]func(*jameica.Manifest){
		"no name":                        func(m *jameica.Manifest) { m.Name = "" },
		"an unsafe name":                 func(m *jameica.Manifest) { m.Name = "../x" },
		"no version":                     func(m *jameica.Manifest) { m.Version = "" },
		"a strange version":              func(m *jameica.Manifest) { m.Version = "v1" },
		"a typing mistake":               func(m *jameica.Manifest) { m.Host = ">=2.10" },
		"a mistaken import":              func(m *jameica.Manifest) { m.Requires[0].Version = "3.0+ " },
		"no url":                         func(m *jameica.Manifest) { m.URL = "" },
		"a url with query":               func(m *jameica.Manifest) { m.URL += "?a" },
		"a validated homepage elsewhere": func(m *jameica.Manifest) { m.Homepage = "https://store.example:8443/" },
		"a control in text":              func(m *jameica.Manifest) { m.License = "\x1b[2J" },
	} {
		m := writtenManifest()
		change(m)
		if document, err := m.XML(); err == nil {
			t.Errorf("%s is written:\n%s", name, document)
		}
	}
}

// Whatever we accept, the client's own parser reads the same: thousands of documents made
// of pieces, and what mutations make of good ones.
func TestDocumentsAsNanoXML(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	pieces := []string{
		"<a>", "</a>", "<b x='1'>", "</b>", "<b/>", "<p:a xmlns:p='u'>", "</p:a>", `<c x="1" y="&lt;ü">`, "</c>", "text", " ", "\r\n", "\t",
		"<![CDATA[<&]]>", "<!-- c -->", "<?pi x?>", "&amp;", "&#252;", "&#13;", "&#x41;", "ü", "€", "😀", `<d z=" q&#10;w ">`, "</d>", "]]", ">", "&quot;",
	}
	var documents [][]byte
	for range 3000 {
		text := []string{declared, "<?xml version='1.0' encoding='ISO-8859-1'?>", "", "\xef\xbb\xbf"}[random.IntN(4)] + "<r>"
		var open []string
		for range random.IntN(9) {
			piece := pieces[random.IntN(len(pieces))]
			if strings.HasPrefix(piece, "</") { // close what is open, so that many are well-formed
				if len(open) == 0 {
					continue
				}
				piece, open = open[len(open)-1], open[:len(open)-1]
			} else if name := strings.TrimLeft(piece, "<"); name != piece && name[0] != '!' && name[0] != '?' && !strings.HasSuffix(piece, "/>") {
				end := strings.IndexAny(name, " >")
				open = append(open, "</"+name[:end]+">")
			}
			text += piece
		}
		for i := len(open) - 1; i >= 0; i-- {
			text += open[i]
		}
		documents = append(documents, []byte(text+"</r>"))
	}
	for _, seed := range documentSeeds() {
		for range 60 {
			mutant := append([]byte{}, seed...)
			for range random.IntN(3) {
				at := random.IntN(len(mutant))
				mutant[at] = []byte("<>&;'\"= /:x1-!?\n")[random.IntN(16)]
			}
			documents = append(documents, mutant)
		}
	}
	lines := make([]string, len(documents))
	for i, d := range documents {
		lines[i] = fmt.Sprintf("document %x", d)
	}
	accepted := 0
	for i, answer := range askJava(t, lines) {
		ours, err := jameica.Tree(documents[i])
		if err != nil {
			continue
		}
		accepted++
		theirs, err := hex.DecodeString(answer)
		if err != nil {
			t.Errorf("%q is accepted, but the client's parser refuses it", documents[i])
			continue
		}
		if strings.ContainsRune(string(theirs), '\uFFFD') {
			continue // bytes that it could not read; we guessed better
		}
		// Blanks in attributes become spaces there; nothing of ours depends on that.
		space := strings.NewReplacer("\n", " ", "\t", " ", "\r", " ")
		if got, want := space.Replace(ours), space.Replace(string(theirs)); got != want {
			t.Errorf("%q is read as\n%q\nthe client's parser reads\n%q", documents[i], got, want)
		}
	}
	if accepted < len(documents)/4 {
		t.Errorf("only %d of %d documents were accepted: too few to say much", accepted, len(documents))
	}
	t.Logf("%d of %d documents accepted and read alike", accepted, len(documents))
}
