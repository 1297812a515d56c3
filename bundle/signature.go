package bundle

import (
	"slices"
	"strings"
)

// Signature is what is known of a bundle's signature, in the JSON form of
// `bundle inspect`.
type Signature struct {
	// State is SignatureUnsigned or SignatureUnchecked.
	State string `json:"state"`
	// Code says what is wrong, "" when nothing is or nothing was checked.
	Code         string   `json:"code"`
	Signer       string   `json:"signer"`
	Organization string   `json:"organization"`
	Chain        []string `json:"chain"`
}

// The states of a Signature.
const (
	// SignatureUnsigned is a bundle that carries no signature at all.
	SignatureUnsigned = "unsigned"
	// SignatureUnchecked is a bundle that carries something of a signature, which
	// nobody looked at.
	SignatureUnchecked = "unchecked"
)

func (s Signature) clone() Signature {
	s.Chain = slices.Clone(s.Chain)
	return s
}

// findSignature looks for the files of a JAR signature.
func findSignature(f *File) Signature {
	state := SignatureUnsigned
	if slices.ContainsFunc(f.entries, func(e entry) bool { return isSignatureName(e.Name) }) {
		state = SignatureUnchecked
	}
	return Signature{State: state, Chain: []string{}}
}

// isSignatureName reports whether a JDK takes the entry for part of a signature: a
// direct child of META-INF with one of four endings, in any letter case.
func isSignatureName(name string) bool {
	dir, file, ok := strings.Cut(name, "/")
	if !ok || !strings.EqualFold(dir, "META-INF") || strings.Contains(file, "/") {
		return false
	}
	file = strings.ToUpper(file)
	return slices.ContainsFunc([]string{".SF", ".RSA", ".EC", ".DSA"}, func(ending string) bool {
		return strings.HasSuffix(file, ending)
	})
}
