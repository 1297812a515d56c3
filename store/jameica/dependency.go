package jameica

import "strings"

// Dependency is an import of a plugin.xml.
type Dependency struct {
	Name    string
	Version Requirement
	// Required is true unless the document says otherwise. The client never looks at the
	// version of what is not required.
	Required bool
}

// OnHost reports whether the dependency is on Jameica itself.
func (d Dependency) OnHost() bool { return strings.EqualFold(d.Name, "jameica") }

// Obsolete reports whether it names what has become part of Jameica: always there.
func (d Dependency) Obsolete() bool {
	return d.Name == "jameica.scripting" || d.Name == "jameica.update"
}

// Satisfied reports whether the client takes the dependency for satisfied, in the client's
// order of checks: Jameica itself, obsolete names, what is not required, what is loaded.
// host is the version of Jameica; loaded gives the version of what runs in this session, ok
// being false for what does not (installed but not restarted counts as not).
func (d Dependency) Satisfied(host string, loaded func(name string) (version string, ok bool)) bool {
	switch {
	case d.OnHost():
		return d.Version.Allows(host)
	case d.Obsolete(), !d.Required:
		return true
	}
	version, ok := loaded(d.Name)
	return ok && d.Version.Allows(version)
}
