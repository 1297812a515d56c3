package jameica

import (
	"strings"
)

// Repository is a repository.xml: groups of addresses, nothing more. What stands at each
// address is in the plugin.xml there.
type Repository struct {
	Name   string
	Groups []Group
	// Problems are entries that were left out, and what the document has that the client
	// does not see or sees otherwise than its author meant. ParseRepository fills them in.
	Problems []*Error
}

// Group is one plugins element.
type Group struct {
	// Name is never empty in what is written: with two groups and a name missing, the
	// client shows nothing at all.
	Name string
	// Certificate is the absolute URL of the chain that signs the group's ZIPs, "" for a
	// group that is not signed.
	Certificate string
	// Entries are absolute URLs of folders, each ending with a slash: plugin.xml lies in it.
	Entries []string
}

// The names of the schema, which the client compares with nothing.
const (
	repositorySpace = "http://www.willuhn.de/schema/jameica-repository"
	pluginSpace     = "http://www.willuhn.de/schema/jameica-plugin"
)

// ParseRepository reads a repository.xml as the client does: the encoding is that of the
// byte order mark or the declaration, and without either ISO-8859-1 up to the end of the
// first tag and behind it UTF-8, if it is that; only elements without a prefix
// count; what stands behind the root does not, and how the root is called does not matter.
// A document type, a limit that is passed or broken XML is an error. An entry that is no
// plain absolute http(s) URL is left out, and so is a group with such a certificate: it
// would be taken for one that is not signed. See Problems for both.
func ParseRepository(data []byte, limits Limits) (*Repository, error) {
	limits = limits.withDefaults()
	root, notes, err := parse(data, limits)
	if err != nil {
		return nil, err
	}
	r := &Repository{Name: root.attrs["name"]}
	for _, text := range notes {
		r.problem("", "%s", text)
	}
	groups := root.all("plugins")
	if len(groups) == 0 {
		r.problem("", "has no plugins element, so it offers nothing")
	}
	left := limits.Entries
	for _, e := range groups {
		g := Group{Name: e.attrs["name"]}
		if _, named := e.attrs["name"]; !named && len(groups) > 1 {
			r.problem("", "has a group without a name, for which the client shows none of the groups; write plugins name=…")
		}
		if certificate, ok := e.attrs["certificate"]; ok {
			if err := plainAddress(certificate); err != nil {
				r.problem("group "+g.Name, "certificate: %v; the whole group is left out", err)
				continue
			}
			g.Certificate = certificate
		}
		for _, entry := range e.all("plugin") {
			address, ok := entry.attrs["url"]
			if !ok {
				r.problem("group "+g.Name, "a plugin has no url; it is left out")
				continue
			}
			if err := plainAddress(address); err != nil {
				r.problem("group "+g.Name, "%v; it is left out", err)
				continue
			}
			if left--; left < 0 {
				r.Problems = append(r.Problems, fault(CodeTooBig, "", "has more than %d entries; the rest is left out", limits.Entries))
				return r, nil
			}
			g.Entries = append(g.Entries, asFolder(address))
		}
		r.Groups = append(r.Groups, g)
	}
	return r, nil
}

func (r *Repository) problem(subject, format string, args ...any) {
	r.Problems = note(r.Problems, fault(CodeRepository, subject, format, args...))
}

// asFolder appends the slash as the client does.
func asFolder(address string) string {
	if strings.HasSuffix(address, "/") {
		return address
	}
	return address + "/"
}

// XML returns the document: declared as UTF-8, in ASCII but for characters beyond U+FFFF,
// without a document type, valid by Jameica's schema 1.0. Groups without an entry are left
// out: the schema has none. It is an error if a name is missing, or an address is not
// absolute. With nothing left it is a repository with no group, which the client reads as
// empty, though the schema has no such thing.
func (r *Repository) XML() ([]byte, error) {
	if strings.TrimSpace(r.Name) == "" {
		return nil, fault(CodeRepository, "", "the repository has no name")
	}
	w := &writer{}
	w.open("repository", "xmlns", repositorySpace, "name", r.Name)
	for _, g := range r.Groups {
		if strings.TrimSpace(g.Name) == "" {
			return nil, fault(CodeRepository, "", "a group has no name, for which the client shows none of them")
		}
		if len(g.Entries) == 0 {
			continue
		}
		attrs := []string{"name", g.Name}
		if g.Certificate != "" {
			if err := plainAddress(g.Certificate); err != nil {
				return nil, &Error{Code: CodeRepository, Subject: "group " + g.Name, Message: err.Error()}
			}
			attrs = append(attrs, "certificate", g.Certificate)
		}
		w.open("plugins", attrs...)
		for _, entry := range g.Entries {
			if err := plainAddress(entry); err != nil {
				return nil, &Error{Code: CodeRepository, Subject: "group " + g.Name, Message: err.Error()}
			}
			w.empty("plugin", "url", entry)
		}
		w.close("plugins")
	}
	w.close("repository")
	return w.bytes()
}
