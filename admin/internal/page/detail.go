package page

import (
	"cmp"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/admin/internal/access"
	"github.com/jackfield-host/jackfield/admin/internal/chart"
	"github.com/jackfield-host/jackfield/admin/internal/detail"
	"github.com/jackfield-host/jackfield/admin/internal/form"
	"github.com/jackfield-host/jackfield/admin/internal/stores"
	"github.com/jackfield-host/jackfield/admin/internal/words"
	"github.com/jackfield-host/jackfield/internal/language"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// detailPage shows what package detail has worked out, with the buttons that the reader
// may press, in the language of the reader.
func (p *Pages) detailPage(w http.ResponseWriter, r *http.Request, status int, file string, h detail.Header, data any) error {
	d := &drawer{words: p.words(r), h: h, who: access.Of(r.Context()), here: here(r)}
	name := visible.Clip(h.Title, maxName)
	title := name
	for _, t := range h.Tabs {
		if t.Current && t.Name != "" {
			title = d.words.Say("detail.title", name, d.words.Say("detail.tab."+t.Name))
		}
	}
	switch v := data.(type) {
	case detail.Overview:
		shown := d.overview(v)
		if !v.File {
			standing := p.stores.Standing(r, v.E)
			shown.Standing = &standing
		}
		data = shown
	case detail.Trust:
		data = trustPage{v, d}
	case detail.Metrics:
		data = d.metrics(v)
	case detail.Versions:
		data = d.versions(v)
	}
	return p.show(w, r, view{
		Template: file, Status: status, Title: title, Section: sectionExtensions,
		Trail:   []crumb{{d.words.Say("overview.title"), "/admin/"}},
		Scripts: []string{"detail.js"}, Data: data,
	})
}

// drawer makes the buttons and drawings of a page about one extension.
type drawer struct {
	words *words.Words
	h     detail.Header
	who   access.Identity
	here  string
}

// post is a button that does something at once, link one that leads somewhere: also to
// the page that asks before something is done.
func (d *drawer) post(kind, label, verb string, fields ...field) action {
	return action{Kind: kind, Label: d.words.Say(label), Post: pathOf(d.h.E.ID, verb),
		Fields: append([]field{{"proof", d.h.Proof}, {"back", d.here}}, fields...)}
}

func (d *drawer) link(kind, label string, href string) action {
	return action{Kind: kind, Label: d.words.Say(label), Href: href}
}

// ask leads to the page that asks before a verb is done.
func (d *drawer) ask(kind, label, verb string, query ...string) action {
	values := url.Values{"back": {d.here}}
	for i := 0; i+1 < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	return d.link(kind, label, pathOf(d.h.E.ID, verb)+"?"+values.Encode())
}

// overviewPage is the first tab with its words and buttons.
type overviewPage struct {
	detail.Overview
	Trouble *trouble // nil for what is well
	Actions []action
	// Standing is what repositories say of it, nil for a file.
	Standing *stores.Standing
}

func (d *drawer) overview(v detail.Overview) overviewPage {
	page := overviewPage{Overview: v, Actions: d.usual(v)}
	if t, ok := troubleOf(v.E, d.words, d.who, d.here); ok {
		t.Stderr = nil // it stands below, with the rest of the evidence
		page.Trouble = &t
	}
	return page
}

// usual are the buttons of what can be done to any extension as it is now.
func (d *drawer) usual(v detail.Overview) []action {
	var list []action
	if d.h.Can.Operate && !v.File {
		if v.E.Enabled {
			list = append(list, d.ask("", "do.restart", "restart"), d.ask("", "do.disable", "disable"))
		} else {
			list = append(list, d.post("primary", "do.enable", "enable"))
		}
	}
	if d.h.Can.Remove {
		list = append(list, d.ask("danger", "do.remove", "remove"))
	}
	return list
}

// trustPage is the tab of signature and permissions with its buttons.
type trustPage struct {
	detail.Trust
	d *drawer
}

// Recheck judges the signature again, nil for who may not.
func (t trustPage) Recheck() *action {
	if !t.Can.Operate {
		return nil
	}
	a := t.d.post("", "do.recheck", "recheck")
	return &a
}

// RevokeOf takes a permission back, nil for who may not.
func (t trustPage) RevokeOf(permission string) *action {
	if !t.Can.Install {
		return nil
	}
	a := t.d.ask("danger", "do.revoke", "revoke", "permission", permission)
	a.Of = permission
	return &a
}

// ConsentOf gives a permission that the current version asks for.
func (t trustPage) ConsentOf(permission string) *action {
	if !t.Can.Install {
		return nil
	}
	a := t.d.post("", "do.consent", "consent", field{"some", "true"}, field{"digest", t.E.Digest}, field{"permission", permission})
	a.Of = permission
	return &a
}

// versionsPage is the tab of versions with its buttons.
type versionsPage struct {
	detail.Versions
	Rows    []versionRow
	Removal []action
}

type versionRow struct {
	detail.KeptVersion
	Buttons []action
}

func (d *drawer) versions(v detail.Versions) versionsPage {
	page := versionsPage{Versions: v}
	for _, k := range v.Kept {
		row := versionRow{KeptVersion: k}
		name := k.Version.Version
		add := func(a action) {
			a.Of = name
			row.Buttons = append(row.Buttons, a)
		}
		if !k.Current {
			if d.h.Can.Operate {
				add(d.ask("", "do.rollback", "rollback", "version", name))
			}
			add(d.link("quiet", "detail.versions.compare", k.Compare+"#compared"))
		}
		switch {
		case !d.h.Can.Operate:
		case k.Pinned:
			add(d.post("", "do.unpin", "unpin"))
		case k.Current:
			add(d.post("", "do.pin", "pin", field{"version", name}))
		}
		page.Rows = append(page.Rows, row)
	}
	if d.h.Can.Remove {
		page.Removal = append(page.Removal, d.ask("danger", "do.remove", "remove"))
	}
	if d.h.Can.Install {
		page.Removal = append(page.Removal, d.ask("danger", "do.purge", "remove", "purge", "true"))
	}
	return page
}

// metricsPage is the tab of metrics with its drawings.
type metricsPage struct {
	detail.Metrics
	Drawings []drawing
}

// drawing is a chart with what it says in words.
type drawing struct {
	Name   string
	Legend []legend
	SVG    template.HTML
}

type legend struct{ Text string }

func (d *drawer) metrics(v detail.Metrics) metricsPage {
	page := metricsPage{Metrics: v}
	for _, c := range v.Charts {
		drawn := drawing{Name: c.Name}
		svg := chart.Chart{
			Label: d.words.Say("detail.chart." + c.Name), From: v.From, Step: v.Step,
			Value: func(x float64) string { return tickOf(d.words, c.Unit, x) },
			Time:  func(t time.Time) string { return d.words.Distance(t, v.Now) },
			None:  d.words.Say("chart.none"),
		}
		for _, l := range c.Lines {
			name := d.words.Say("detail.line." + l.Name)
			svg.Lines = append(svg.Lines, chart.Line{Name: name, Values: l.Values})
			text := name
			if last, highest, ok := lastAndHighest(l.Values); ok {
				text = d.words.Say("chart.highest", name, valueOf(d.words, c.Unit, highest), valueOf(d.words, c.Unit, last))
			}
			svg.Label += ". " + text
			drawn.Legend = append(drawn.Legend, legend{text})
		}
		drawn.SVG = template.HTML(svg.SVG()) // package chart escapes
		page.Drawings = append(page.Drawings, drawn)
	}
	return page
}

func lastAndHighest(values []*float64) (last, highest float64, ok bool) {
	for _, v := range values {
		if v != nil {
			last, highest, ok = *v, max(highest, *v), true
		}
	}
	return last, highest, ok
}

// tickOf is valueOf for a tick of an axis, where half a millisecond counts.
func tickOf(w *words.Words, unit string, x float64) string {
	if unit == "seconds" && x >= 1e-3 && x < 1 {
		return w.Number(x*1000, 1) + "\u202fms"
	}
	return valueOf(w, unit, x)
}

// valueOf writes a value in its unit.
func valueOf(w *words.Words, unit string, x float64) string {
	switch unit {
	case "rate":
		return w.Rate(x)
	case "seconds":
		return w.Seconds(x)
	case "bytes":
		return w.Bytes(int64(x))
	}
	return w.Number(x, 2)
}

// detailFunctions are what the templates of one extension's pages call besides.
//
//	ours TEXT            a text of ours among the arguments of say
//	short DIGEST         the beginning of a digest
//	explain CODE         what a code means
//	stage, protection, permission, decider, deed, event   names of things, in words
//	value VALUE          a measured value in its unit
//	pair TITLE LIST      both, for a template
//	described FIELD      the attributes that tie a control to what is said of it
func detailFunctions(w *words.Words) template.FuncMap {
	named := func(prefix, name string) string {
		if w.Has(prefix + name) {
			return w.Say(prefix + name)
		}
		return visible.Clip(name, maxName)
	}
	return template.FuncMap{
		"short":      shortDigest,
		"ours":       func(s string) template.HTML { return template.HTML(template.HTMLEscapeString(s)) },
		"explain":    w.Explain,
		"stage":      func(s string) string { return named("stage.", s) },
		"protection": func(s string) string { return named("detail.protection.", s) },
		"permission": func(s string) string { return permissionMeaning(w, s) },
		"decider":    func(s string) string { return named("detail.by-whom.", cmp.Or(s, "host")) },
		"deed":       func(s string) string { return named("detail.deed.", s) },
		"event": func(kind, code string) string {
			if w.Has("detail.event." + kind) {
				return w.Say("detail.event." + kind)
			}
			if w.Explains(cmp.Or(code, kind)) {
				return w.Explain(cmp.Or(code, kind)).Title
			}
			return visible.Clip(kind, maxName)
		},
		"value": func(v detail.Value) string {
			if !v.Known() {
				return language.None
			}
			return valueOf(w, v.Unit, v.Number())
		},
		"pair": func(title template.HTML, list any) any {
			return struct {
				Title template.HTML
				List  any
			}{title, list}
		},
		"described": described,
	}
}

// described are the attributes that tie the control of a field to its help and to what is
// wrong with it. Ids of fields have letters, digits and a few signs only.
func described(f *form.Field) template.HTMLAttr {
	var b strings.Builder
	ids, control := f.HelpID(), f.Kind != form.Group && f.Kind != form.List
	if len(f.Messages) > 0 {
		ids = f.ErrorID() + " " + ids
		if control {
			b.WriteString(` aria-invalid="true"`)
		}
	}
	b.WriteString(` aria-describedby="` + template.HTMLEscapeString(ids) + `"`)
	if f.Required && control {
		b.WriteString(` aria-required="true"`)
	}
	return template.HTMLAttr(b.String())
}

// shortDigest is as much of a digest as people compare.
func shortDigest(s string) string {
	const most = len("sha256:") + 12
	return visible.Clip(s[:min(len(s), most)], most)
}

// permissionMeaning says what a permission lets an extension do.
func permissionMeaning(w *words.Words, permission string) string {
	name, _, _ := strings.Cut(permission, ":")
	if key := "detail.permission." + name; w.Has(key) {
		return w.Say(key)
	}
	return ""
}
