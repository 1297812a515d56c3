package jameica_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store/jameica"
)

const newAddress = "https://new.example/jameica/demo.notes/2.1.0/demo.notes-2.1.0.zip"

// full is a plugin.xml with all that the client reads.
const full = `<?xml version="1.0" encoding="ISO-8859-1"?>
<!-- made by hand -->
<plugin xmlns="http://www.willuhn.de/schema/jameica-plugin" name="demo.notes" version="2.1.0" class="org.example.Notes" shared="false">
  <description>B` + "\xfc" + `cher &amp; &#8364;
    and more </description>
  <url>https://old.example/demo.notes.zip</url>
  <homepage validate="true">https://old.example/</homepage>
  <license><![CDATA[<MIT>]]></license><icon>icon.png</icon>
  <requires jameica="2.10+"><import plugin="demo.base" version="3.0+"/><import plugin="hibiscus" required="false"/></requires>
  <classfinder><include>demo\.notes\.jar</include></classfinder>
  <menu><item name="Notes"><item name="-"/><item id="b" name="Open" action="org.example.Open" shortcut="ALT+N"/></item></menu>
  <messaging><message queue="a.b">#if($x) "$x" &lt; &amp; &gt; #end</message></messaging>
</plugin>`

// treeOf is a document as the client sees it: without the namespace.
func treeOf(t testing.TB, document []byte) string {
	t.Helper()
	tree, err := jameica.Tree(document)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(tree, " xmlns=http://www.willuhn.de/schema/jameica-plugin|", "", 1)
}

// TestRelocate: whatever encoding and spelling, the client's parser sees what it saw before,
// but for the address.
func TestRelocate(t *testing.T) {
	for name, document := range map[string]string{
		"with everything": full,
		"with the least":  `<plugin name="demo.notes" version="2.1.0"><url>https://old.example/demo.notes.zip</url></plugin>`,
		"beyond U+FFFF":   declared + `<plugin name="demo.notes" version="2.1.0"><description>😀</description><url>https://old.example/demo.notes.zip</url></plugin>`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := jameica.Relocate([]byte(document), newAddress, jameica.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			want := strings.Replace(treeOf(t, []byte(document)), "https://old.example/demo.notes.zip", newAddress, 1)
			if tree := treeOf(t, got); tree != want {
				t.Errorf("%s\nwant %s", tree, want)
			}
			seen, err := hex.DecodeString(askJava(t, []string{fmt.Sprintf("document %x", got)})[0])
			if err != nil || string(seen) != want {
				t.Errorf("the client's parser reads\n%s\nwant\n%s (%v)", seen, want, err)
			}
			again, err := jameica.Relocate(got, newAddress, jameica.Limits{})
			if err != nil || string(again) != string(got) {
				t.Errorf("relocated again it changes: %v\n%s", err, again)
			}
			if !strings.HasPrefix(string(got), declared+"\n<plugin") || strings.Contains(string(got), "<!") {
				t.Errorf("written as\n%s", got)
			}
		})
	}

	none := strings.Replace(full, "<url>https://old.example/demo.notes.zip</url>", "", 1)
	got, err := jameica.Relocate([]byte(none), newAddress, jameica.Limits{})
	if m, again := jameica.ParseManifest(got, jameica.Limits{}); err != nil || again != nil || m.URL != newAddress || m.License != "<MIT>" {
		t.Errorf("without an address: %v %v\n%s", err, again, got)
	}
	file := filepath.Join(t.TempDir(), "plugin.xml")
	described, _, _ := strings.Cut(full, "  <menu>") // the schema in testdata has no more
	if got, err = jameica.Relocate([]byte(described+"</plugin>"), newAddress, jameica.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, got, 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, ".", "xmllint", "--noout", "--nonet", "--schema", "testdata/plugin.xsd", file)
}

func TestNotRelocated(t *testing.T) {
	for name, c := range map[string]struct{ document, address string }{
		"a document type":    {`<!DOCTYPE plugin [<!ENTITY x SYSTEM "file:///etc/passwd">]><plugin name="a" version="1">&x;</plugin>`, newAddress},
		"two addresses":      {`<plugin name="a" version="1"><url>https://a.example/a.zip</url><url>https://b.example/a.zip</url></plugin>`, newAddress},
		"no name":            {`<plugin version="1"/>`, newAddress},
		"a relative address": {full, "/jameica/demo.notes.zip"},
		"a query":            {full, newAddress + "?a=b"},
		"a carriage return":  {`<plugin name="a" version="1"><description>a&#13;b</description></plugin>`, newAddress},
	} {
		if got, err := jameica.Relocate([]byte(c.document), c.address, jameica.Limits{}); err == nil || jameica.CodeOf(err) == "" {
			t.Errorf("%s: %v\n%s", name, err, got)
		}
	}
}

// FuzzRelocate: what is written is read as what was read, but for the address.
func FuzzRelocate(f *testing.F) {
	for _, seed := range documentSeeds() {
		f.Add(seed)
	}
	f.Add([]byte(full))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := jameica.Relocate(data, newAddress, jameica.Limits{})
		if err != nil {
			mustBeOurs(t, err)
			return
		}
		before, err := jameica.ParseManifest(data, jameica.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		after, err := jameica.ParseManifest(got, jameica.Limits{DocumentBytes: 64 << 20})
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, got)
		}
		before.URL, before.Problems, after.Problems = newAddress, nil, nil
		if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", after) {
			t.Fatalf("%+v\nbecame\n%+v", before, after)
		}
	})
}
