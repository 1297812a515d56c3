package jameica

import "errors"

var errNotBuilt = errors.New("not built yet")

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

// ParseRepository reads a repository.xml as the client does: the encoding is that of the
// byte order mark or the declaration and else ISO-8859-1; only elements without a prefix
// count; what stands behind the root does not. A document type, a limit that is passed or
// broken XML is an error, and so is an entry that is no absolute http(s) URL only for that
// entry: it is left out, see Problems.
func ParseRepository(data []byte, limits Limits) (*Repository, error) {
	return nil, errNotBuilt
}

// XML returns the document: declared as UTF-8 and in ASCII, without a document type,
// valid by Jameica's schema 1.0. Groups without an entry are left out: the schema has none.
// It is an error if a name is missing, an address is not absolute, or nothing is left.
func (r *Repository) XML() ([]byte, error) {
	return nil, errNotBuilt
}
