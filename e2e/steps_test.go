package e2e

import (
	"os"
	"path/filepath"

	"github.com/chromedp/chromedp"
)

// upload installs a bundle from the page where the person is, which takes files.
func (p *person) upload(name string, jar []byte) {
	p.t.Helper()
	path := filepath.Join(p.t.TempDir(), name)
	if err := os.WriteFile(path, jar, 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.Until("the page that takes bundles", `document.querySelector("#send input[type=file]") !== null`)
	p.Do("choosing "+name, chromedp.SetUploadFiles(chromedp.CSS("#send input[type=file]"), []string{path}))
	p.click("sending "+name, `document.querySelector("#send button.primary")`)
	p.click("installing "+name, `document.querySelector("button.primary[form=install]")`)
}

// disable switches an extension off that has no entry: ticked in the table, reviewed,
// done.
func (p *person) disable(id string) {
	p.t.Helper()
	label := words()["running"].offer
	p.Until("ticking the row of "+id, scripted(`(b => b && (b.checked || b.click(), true))(page.rowOf(%s)?.querySelector("input[type=checkbox]"))`, id))
	p.click(label, scripted(`page.button(document.querySelector("#pick"), %s)`, label))
	p.Until("what would happen", scripted(`page.says(document.querySelector("main")).includes("finishes its requests and stops")`))
	p.click("saying yes", scripted(`[...document.querySelectorAll("main form button")].find(b => page.label(b).includes(%s))`, label))
}
