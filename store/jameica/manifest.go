package jameica

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
	// Shared says that it is loaded by the class loader of all; the default is true.
	Shared      bool
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

// ParseManifest reads a plugin.xml by the rules of ParseRepository and then of this format:
// the root is plugin, only the literal true is true, an import without a name is nothing.
// An unsafe name, a version of more than 64 bytes, an address that is no plain absolute
// http(s) URL is an error.
func ParseManifest(data []byte, limits Limits) (*Manifest, error) { return nil, errNotBuilt }

// XML returns the document, written as Repository.XML writes, valid by Jameica's schema 1.5.
func (m *Manifest) XML() ([]byte, error) { return nil, errNotBuilt }
