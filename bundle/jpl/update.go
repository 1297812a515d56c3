package jpl

import (
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"regexp"
	"strings"
)

// Publisher is who stands behind an id: what to remember of a Verified, to know the next
// version by. Keys are "sha256:<hex>" of a SubjectPublicKeyInfo.
type Publisher struct {
	ID      string
	LeafKey string
	// OrganizationKey is empty where a root certified the leaf itself: it does so for
	// many, so that its key says nothing of who this is.
	OrganizationKey string
}

// Publisher is what to remember of who signed.
func (v *Verified) Publisher() Publisher {
	p := Publisher{ID: v.ID(), LeafKey: keyPin(v.chain[0])}
	if len(v.chain) > 2 {
		p.OrganizationKey = keyPin(v.chain[1])
	}
	return p
}

func keyPin(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Same reports whether next speaks for the same publisher: the same id, and the key of the
// leaf or that of the organization is the same. Jami asks for the former, which makes every
// renewal with a new key an error; we take either.
func (p Publisher) Same(next Publisher) bool {
	return p.ID == next.ID && (p.LeafKey != "" && p.LeafKey == next.LeafKey ||
		p.OrganizationKey != "" && p.OrganizationKey == next.OrganizationKey)
}

// CheckUpdate says whether v may take the place of an installed version: it is higher for
// every reader, and from the same publisher. nil is yes, else it is an *Error.
func CheckUpdate(v *Verified, installed Publisher, version string) error {
	switch order, agreed := compareVersions(v.Version(), version); {
	case v.Version() == version:
		return refuse(CodeSameVersion, manifestName, "version %s is installed", version)
	case !agreed:
		return refuse(CodeVersionOrder, manifestName, "Jami compares versions as text and its client as numbers: they do not agree on which of %s and %s is higher", quoted(version), quoted(v.Version()))
	case order < 0:
		return refuse(CodeOlderVersion, manifestName, "version %s is installed, which is higher than %s", version, v.Version())
	}
	if !installed.Same(v.Publisher()) {
		return refuse(CodePublisherChanged, v.certificateName(), "neither the signer's key nor that of %s, who vouches for it, is known from the installed version", quoted(v.Author()))
	}
	return nil
}

var numericVersion = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,18}){0,9}$`)

// compareVersions compares as every reader does: the daemon as text, the client as numbers
// and only what has as many parts, people as numbers. agreed is false when they differ.
func compareVersions(a, b string) (order int, agreed bool) {
	order = strings.Compare(a, b)
	if !numericVersion.MatchString(a) || !numericVersion.MatchString(b) {
		return order, a == b
	}
	left, right := strings.Split(a, "."), strings.Split(b, ".")
	if len(left) != len(right) {
		return order, false
	}
	for i := range left {
		l, r := strings.TrimLeft(left[i], "0"), strings.TrimLeft(right[i], "0")
		c := cmp.Compare(len(l), len(r))
		if c == 0 {
			c = strings.Compare(l, r)
		}
		if c != 0 {
			return order, c == order
		}
	}
	return order, order == 0
}
