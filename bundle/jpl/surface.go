package jpl

import (
	"crypto/x509"
)

// Text is what people read of an archive, in one language.
type Text struct {
	Name        string
	Description string // Markdown
}

// Known is what a store knows of an id already. The zero value is an id that is new.
type Known struct {
	Publisher *Publisher
	// Versions are those that were ever published.
	Versions []string
}

// CheckForStore judges what a store, beyond Verify, does not take: what Jami would drop,
// not find, or put in another order than people do. The id belongs to the publisher of
// known.
func CheckForStore(v *Verified, known Known) (problems []*Error, warnings []string) { return nil, nil }

// Publisher is who stands behind an id: what to remember of a Verified, to know the next
// version by. Keys are "sha256:<hex>" of a SubjectPublicKeyInfo.
type Publisher struct {
	ID      string
	LeafKey string
	// OrganizationKey is empty where a root certified the leaf itself: it does so for
	// many, so that its key says nothing of who this is.
	OrganizationKey string
}

// CheckUpdate says whether v may take the place of an installed version: it is higher for
// every reader, and it has the leaf key, or the organization key, of installed. nil is yes.
func CheckUpdate(v *Verified, installed Publisher, version string) error { return nil }

// ParseRoots reads the certificates of a PEM file that may be trusted as roots.
func ParseRoots(data []byte) ([]*x509.Certificate, error) { return nil, nil }

// ParseCRL reads a list of what is revoked, PEM or DER.
func ParseCRL(data []byte) (*x509.RevocationList, error) { return nil, nil }

// IsJamiRoot reports whether cert is the root that is compiled into Jami.
func IsJamiRoot(cert *x509.Certificate) bool { return false }

// ABIs lists the names that Jami has for its platforms.
func ABIs() []string { return nil }

// Platforms returns our names for one of Jami's, the more likely first; nil when it is none.
func Platforms(abi string) []string { return nil }

// ABIsOf returns Jami's names for one of our platforms; nil when Jami has none.
func ABIsOf(platform string) []string { return nil }

// Placed is a file of an archive and the path that Jami extracts it to.
type Placed struct{ Entry, Path string }

// ID is the id: letters, digits and underscores.
func (c *contents) ID() string { return "" }

// Version is the version as its author wrote it.
func (c *contents) Version() string { return "" }

// ABIs are the folders of lib that Jami knows, sorted.
func (c *contents) ABIs() []string { return nil }

// Platforms are the platforms of ABIs in our names, sorted.
func (c *contents) Platforms() []string { return nil }

// Texts are the texts by locale in lower case with a hyphen ("fr-ca"); "" is that of
// whoever has no better one, and always there.
func (c *contents) Texts() map[string]Text { return nil }

// Digest is the SHA-256 of the whole file as "sha256:<hex>".
func (c *contents) Digest() string { return "" }

// Size is the size of the whole file in bytes.
func (c *contents) Size() int64 { return 0 }

// Warnings are sentences about what is legal and probably not meant, never nil.
func (c *contents) Warnings() []string { return nil }

// Icon reads the icon, as its author made it. The error wraps fs.ErrNotExist when there is
// none.
func (c *contents) Icon() ([]byte, error) { return nil, nil }

// Background reads the background picture, like Icon.
func (c *contents) Background() ([]byte, error) { return nil, nil }

// Tree is what Jami extracts on a platform, by its name for it, and what it leaves out.
func (c *contents) Tree(abi string) (tree []Placed, dropped []string) { return nil, nil }

// Valid is true for what Verify returned and false for the zero value and nil.
func (v *Verified) Valid() bool { return v != nil && v.contents != nil }

// Author is the common name of the leaf's issuer, which Jami shows as the author.
func (v *Verified) Author() string { return "" }

// Chain is the leaf, each certificate followed by its issuer, the root last.
func (v *Verified) Chain() []*x509.Certificate { return nil }

// Publisher is what to remember of who signed.
func (v *Verified) Publisher() Publisher { return Publisher{} }
