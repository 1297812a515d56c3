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
	p.until("the page that takes bundles", `document.querySelector("#send input[type=file]") !== null`)
	p.do("choosing "+name, chromedp.SetUploadFiles(chromedp.CSS("#send input[type=file]"), []string{path}), chromedp.Click(chromedp.CSS("#send button.primary")))
	p.until("what "+name+" comes to", `document.querySelector("button.primary[form=install]") !== null`)
	p.do("installing "+name, chromedp.Click(chromedp.CSS("button.primary[form=install]")))
	p.until("the installation of "+name, `document.querySelector("button.primary[form=install]") === null`)
}

// disable switches an extension off that has no entry, by ticking its row.
func (p *person) disable(id string) {
	p.t.Helper()
	label := words()["running"].offer
	p.until("ticking the row of "+id, scripted(`(b => b && (b.checked || b.click(), true))(page.rowOf(%s)?.querySelector("input[type=checkbox]"))`, id))
	p.until("pressing "+label, scripted(`(b => b && (b.click(), true))(page.button(document.querySelector("main"), %s))`, label))
	p.until("the page that asks", `document.querySelector("main form .danger, main .ask form button") !== null && document.querySelector("tbody input[type=checkbox]") === null`)
	p.until("saying yes", scripted(`(b => b && (b.click(), true))([...document.querySelectorAll("main form button")].find(b => page.label(b).startsWith(%s)))`, label))
}
