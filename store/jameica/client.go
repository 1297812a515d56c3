package jameica

import (
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"time"
)

// Client reads repositories of others. Redirects are followed only to the same scheme,
// host and port. Its zero value asks through http.DefaultTransport.
type Client struct {
	// Transport makes each single request: proxies, TLS roots and which addresses may be
	// reached are its matter.
	Transport http.RoundTripper
	Limits    Limits
	// Timeout bounds one document, all of Read having ten times as much; 0 is 30 seconds. A
	// download is bounded by its context and by Stall, how long it may stand still.
	Timeout, Stall time.Duration
}

// Catalogue is a repository as it was read: what it offers, and what is wrong with it.
type Catalogue struct {
	Name     string
	Releases []Release // in the order of the document
	// Problems are groups and entries that were left out with their reason, and warnings.
	Problems []*Error
}

// Release is one version in a Catalogue.
type Release struct {
	Group string
	// Folder is the address of the folder that has the plugin.xml.
	Folder   string
	Manifest *Manifest
	// Chain is the certificate of the group, nil where it has none. A group whose
	// certificate can not be read is left out as a whole.
	Chain Chain
}

// Read reads the repository at base: repository.xml, the certificates of its groups and
// every plugin.xml, several at a time. What is broken never harms another group or entry;
// only a repository.xml that can not be read is an error.
func (c *Client) Read(ctx context.Context, base string) (*Catalogue, error) {
	return nil, errNotBuilt
}

// Trust says whose signatures count.
type Trust struct {
	Roots *x509.CertPool
	// Time is when chains are judged; zero is now.
	Time time.Time
	// Signer, if not nil, is the leaf that signed what is installed: another is refused.
	Signer *x509.Certificate
	// AllowUnsigned takes ZIPs of groups without a certificate that have no signature.
	AllowUnsigned bool
}

// Download is a ZIP that was fetched and judged.
type Download struct {
	Size   int64
	Digest string // sha256:<hex>
	// Signer is the leaf whose signature holds, nil for what is not signed and may be.
	Signer *x509.Certificate
}

// Download fetches the ZIP of a release into w and judges its signature. Where a group has
// a certificate a valid signature is mandatory; where it has none, one that exists is
// refused as uncertified, as the client does, and without one the Trust must allow it. A
// signature exists if the address of the ZIP with ".sha1" behind it answers with 200, and
// does not if it answers with 404 or 410; all else is an error. On an error w has bytes
// that nobody may use.
func (c *Client) Download(ctx context.Context, r Release, trust Trust, w io.Writer) (*Download, error) {
	return nil, errNotBuilt
}
