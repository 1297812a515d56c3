package jameica

import (
	"regexp"
	"strings"
)

// Manifest is a plugin.xml, with what is of interest before its ZIP is installed. Menus,
// navigation, services, extensions and messages are the client's own matter and are left
// out, here and in what is written.
type Manifest struct {
	// Name is the identity: letters, digits, dots, hyphens and underscores, at most 100, as
	// it becomes the name of a folder.
	Name string
	// Version is "1.0" where the document has none.
	Version string
	Class   string // the main class, "" for one without code
	// Isolated says that it has a class loader of its own: shared="false".
	Isolated    bool
	Description string
	// URL is the absolute address of the ZIP, and with ".sha1" behind it that of the
	// signature; it has neither query nor fragment. It may be "" in the plugin.xml of a ZIP.
	URL      string
	Homepage string
	// HomepageValidate pins downloads of updates to the host of Homepage.
	HomepageValidate bool
	License          string
	Icon             string // a file in the ZIP
	// Host is which versions of Jameica it works with.
	Host     Requirement
	Requires []Dependency
	// Include are the regular expressions of classfinder.
	Include []string
	// Problems are what the client does not see or sees otherwise than its author meant.
	Problems []*Error
}

// Bounds on what becomes part of paths, tables and plans.
const (
	maxNameBytes    = 100
	maxVersionBytes = 64
	maxDependencies = 256
	implicitVersion = "1.0"
)

// safeName is the form of names that are folders on every system.
var safeName = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$`)

// reserved are names that mean devices on some systems, whatever follows a dot.
var reserved = regexp.MustCompile(`(?i)^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// CheckName judges the name of a plugin: it becomes the name of a folder, and of a file.
func CheckName(name string) error {
	switch {
	case name == "":
		return fault(CodeManifest, "", "it has no name")
	case len(name) > maxNameBytes:
		return fault(CodeManifest, "", "the name is longer than %d bytes", maxNameBytes)
	case !safeName.MatchString(name):
		return fault(CodeManifest, "", "the name %q has other characters than letters, digits, dots, hyphens and underscores, or begins or ends with a dot", name)
	case reserved.MatchString(name):
		return fault(CodeManifest, "", "the name %q is that of a device on some systems", name)
	}
	return nil
}

// ParseManifest reads a plugin.xml by the rules of ParseRepository and then of this format:
// the root is plugin, only the literal true is true, an import without a name is nothing.
// An unsafe name, a version that is longer than 64 bytes or has control characters, and an
// address that is no plain absolute http(s) URL are errors.
func ParseManifest(data []byte, limits Limits) (*Manifest, error) {
	root, notes, err := parse(data, limits.withDefaults())
	if err != nil {
		return nil, err
	}
	switch root.name {
	case "plugin":
	case "system":
		return nil, fault(CodeManifest, "", "it describes Jameica itself, which no repository offers")
	default:
		return nil, fault(CodeManifest, "", "its root is <%s>, not <plugin>", clip(root.name))
	}
	m := &Manifest{Name: root.attrs["name"], Version: root.attrs["version"], Class: root.attrs["class"]}
	for _, text := range notes {
		m.problem("%s", text)
	}
	if m.Version == "" {
		m.Version = implicitVersion
		m.problem("has no version, so it is %s", implicitVersion)
	}
	m.Isolated = !m.flag(root, "shared", true)
	if err := m.readTexts(root); err != nil {
		return nil, err
	}
	if err := m.readRequires(root); err != nil {
		return nil, err
	}
	if finder, err := root.only("classfinder"); err != nil {
		return nil, err
	} else if finder != nil {
		for _, e := range finder.all("include") {
			m.Include = append(m.Include, e.text)
		}
	}
	if text := LintVersion(m.Version); text != "" {
		m.problem("%s", text)
	}
	return m, m.check()
}

func (m *Manifest) readTexts(root *element) error {
	for _, field := range []struct {
		name string
		to   *string
	}{
		{"description", &m.Description}, {"url", &m.URL}, {"homepage", &m.Homepage},
		{"license", &m.License}, {"icon", &m.Icon},
	} {
		e, err := root.only(field.name)
		if err != nil {
			return err
		}
		if e == nil {
			continue
		}
		*field.to = e.text
		if field.name != "url" { // the client appends .sha1 to it as it stands
			*field.to = strings.TrimSpace(e.text)
		}
		if field.name == "homepage" {
			m.HomepageValidate = m.flag(e, "validate", false)
		}
	}
	return nil
}

func (m *Manifest) readRequires(root *element) error {
	requires, err := root.only("requires")
	if err != nil || requires == nil {
		return err
	}
	m.Host = Requirement(requires.attrs["jameica"])
	m.lint("jameica", m.Host)
	for _, e := range requires.all("import") {
		d := Dependency{Name: e.attrs["plugin"], Version: Requirement(e.attrs["version"]), Required: m.flag(e, "required", true)}
		if d.Name == "" {
			m.problem("an import names no plugin, so it is nothing")
			continue
		}
		if len(m.Requires) == maxDependencies {
			return fault(CodeTooBig, "", "it imports more than %d plugins", maxDependencies)
		}
		m.Requires = append(m.Requires, d)
		m.lint(d.Name, d.Version)
	}
	return nil
}

// flag is a boolean as the client reads it: only the literal true is true, though the
// schema has 1, too.
func (m *Manifest) flag(e *element, name string, absent bool) bool {
	value, ok := e.attrs[name]
	if !ok {
		return absent
	}
	is := strings.EqualFold(value, "true")
	if !is && !strings.EqualFold(value, "false") {
		m.problem("%s=%q is read as false; write true or false", name, clip(value))
	}
	return is
}

func (m *Manifest) lint(name string, r Requirement) {
	if text := r.Lint(); text != "" {
		m.problem("what it needs of %s %s", clip(name), text)
	}
}

func (m *Manifest) problem(format string, args ...any) {
	m.Problems = note(m.Problems, fault(CodeManifest, "", format, args...))
}

// check judges what must hold in what is read and in what is written.
func (m *Manifest) check() error {
	if err := CheckName(m.Name); err != nil {
		return err
	}
	if err := checkVersion("its version", m.Version); err != nil {
		return err
	}
	if err := checkVersion("requires jameica", string(m.Host)); err != nil {
		return err
	}
	for _, d := range m.Requires {
		if err := CheckName(d.Name); err != nil {
			return fault(CodeManifest, "", "an import: %s", err.(*Error).Message)
		}
		if err := checkVersion("what it needs of "+d.Name, string(d.Version)); err != nil {
			return err
		}
	}
	if m.URL != "" {
		if err := plainAddress(m.URL); err != nil {
			return fault(CodeManifest, "", "url: %v", err)
		}
	}
	return nil
}

// checkVersion judges texts that end up in paths and plans. What they mean does not matter.
func checkVersion(what, text string) error {
	if len(text) > maxVersionBytes || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7F || r == '/' || r == '\\' }) {
		return fault(CodeManifest, "", "%s is longer than %d bytes, or has control characters or slashes", what, maxVersionBytes)
	}
	return nil
}

// clip shortens a text of a stranger for an error.
func clip(s string) string {
	if len(s) > maxNameBytes {
		return strings.ToValidUTF8(s[:maxNameBytes], "") + "…"
	}
	return s
}

// XML returns the document, written as Repository.XML writes, valid by Jameica's schema 1.5.
// Besides what ParseManifest asks, it wants a URL, of the same origin as a homepage that is
// validated, and no version or requirement that the client reads otherwise than people do.
func (m *Manifest) XML() ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if m.URL == "" {
		return nil, fault(CodeManifest, "", "%s has no url", m.Name)
	}
	if m.HomepageValidate && !alikeOrigins(m.URL, m.Homepage) {
		return nil, fault(CodeManifest, "", "%s is not at its homepage, which it has validated: the client would never offer it as an update", m.Name)
	}
	if text := m.mistaken(); text != "" {
		return nil, fault(CodeManifest, "", "%s", text)
	}
	w := &writer{}
	attrs := []string{"xmlns", pluginSpace, "name", m.Name, "version", m.Version}
	if m.Class != "" {
		attrs = append(attrs, "class", m.Class)
	}
	if m.Isolated {
		attrs = append(attrs, "shared", "false")
	}
	w.open("plugin", attrs...)
	w.text("description", m.Description)
	w.text("url", m.URL)
	if m.HomepageValidate {
		w.text("homepage", m.Homepage, "validate", "true")
	} else {
		w.text("homepage", m.Homepage)
	}
	w.text("license", m.License)
	w.text("icon", m.Icon)
	m.writeRequires(w)
	if len(m.Include) > 0 {
		w.open("classfinder")
		for _, include := range m.Include {
			w.text("include", include)
		}
		w.close("classfinder")
	}
	w.close("plugin")
	return w.bytes()
}

// mistaken is the first version or requirement that is likely not what was meant.
func (m *Manifest) mistaken() string {
	if text := LintVersion(m.Version); text != "" {
		return text
	}
	if text := m.Host.Lint(); text != "" {
		return "the required version of jameica " + text
	}
	for _, d := range m.Requires {
		if text := d.Version.Lint(); text != "" {
			return "the required version of " + d.Name + " " + text
		}
	}
	return ""
}

func (m *Manifest) writeRequires(w *writer) {
	if m.Host == "" && len(m.Requires) == 0 {
		return
	}
	var attrs []string
	if m.Host != "" {
		attrs = []string{"jameica", string(m.Host)}
	}
	if len(m.Requires) == 0 {
		w.empty("requires", attrs...)
		return
	}
	w.open("requires", attrs...)
	for _, d := range m.Requires {
		attrs := []string{"plugin", d.Name}
		if d.Version != "" {
			attrs = append(attrs, "version", string(d.Version))
		}
		if !d.Required {
			attrs = append(attrs, "required", "false")
		}
		w.empty("import", attrs...)
	}
	w.close("requires")
}
