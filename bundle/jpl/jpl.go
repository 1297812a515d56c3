// Package jpl reads and judges .jpl archives, in which plugins for Jami are published.
// docs/jami.md is the format and what Jami makes of it.
//
//	f, err := jpl.Open(path)
//	if err != nil { … }
//	defer f.Close()
//	v, err := jpl.Verify(ctx, f, jpl.Options{Roots: roots})
//	problems, warnings := jpl.CheckForStore(v, jpl.Known{Publisher: p, Versions: published})
//
// Only Verify makes a Verified. What it accepts, a Jami daemon accepts too, as far as one
// trusts the same roots; much that a daemon accepts is refused, because a daemon would
// install other bytes than it verified, or could not tell who signed. There is no way to
// ask for less. What is wrong comes back as an *Error with one Code of a closed set, whose
// Jami method is the number that a daemon answers.
//
// Read is for people who want to know what an archive says of itself.
package jpl

import (
	"context"
	"crypto/x509"
	"io"
	"slices"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
)

// Options say whom to trust, and when.
type Options struct {
	// Roots are who may vouch for organizations; without one nothing is accepted. See
	// ParseRoots.
	Roots []*x509.Certificate
	// Time is when certificates have to be valid: that at which a store accepted the
	// archive, for one. Zero is now.
	Time time.Time
	// CRLs are lists of what is revoked; ParseCRL reads one. A certificate that a list of
	// its issuer names is refused, whatever the time.
	CRLs []*x509.RevocationList
}

// Limits are what of an archive is read at all. A signature for each entry has to be
// verified, so there may be fewer of them than in a bundle.
func Limits() bundle.Limits {
	l := bundle.DefaultLimits()
	l.Entries = 10_000
	return l
}

// Open opens the file at path under Limits, as bundle.Open does. The error is an *Error.
// The caller closes the File.
func Open(path string) (*bundle.File, error) {
	f, err := bundle.Open(path, Limits())
	return f, ofContainer(err)
}

// NewFile is Open for bytes that are read elsewhere: size bytes of r, which must not change
// while the File is used.
func NewFile(r io.ReaderAt, size int64) (*bundle.File, error) {
	f, err := bundle.NewFile(r, size, Limits())
	return f, ofContainer(err)
}

// Claim is what an archive says of itself when nobody judged its signature.
type Claim struct{ *contents }

// Verified is an archive that was read to its last byte, whose every entry was signed by
// the key of Chain[0], and whose chain leads to one of the roots. Only Verify fills one in;
// of the zero value Valid is false and nothing else may be asked. It stays usable after its
// File is closed, except for Icon, Background and CheckForStore.
//
// Every text in it is the author's: valid UTF-8 without control characters but line feeds
// and tabs in descriptions, never expanded; whoever shows it must escape it.
type Verified struct {
	*contents
	chain  []*x509.Certificate
	checks []Check
}

// Read reads all of f and judges everything but its signature. The error is an *Error, or
// that of ctx.
func Read(ctx context.Context, f *bundle.File) (*Claim, error) {
	c, err := gather(ctx, f)
	if err == nil {
		err = c.readManifest()
	}
	if err == nil {
		err = c.readContent()
	}
	if err != nil {
		return nil, err
	}
	return &Claim{c}, nil
}

// Verify reads all of f once and judges it: the container, the manifest as far as it names
// the archive, who signed, what was signed, and then what stands inside. The error is an
// *Error, or that of ctx.
func Verify(ctx context.Context, f *bundle.File, o Options) (*Verified, error) {
	if o.Time.IsZero() {
		o.Time = time.Now()
	}
	c, err := gather(ctx, f)
	if err != nil {
		return nil, err
	}
	v := &Verified{contents: c}
	v.holds(checkContainer, "every checksum is right, and no byte of the file is outside of what was checked")
	if err := v.judge(ctx, o); err != nil {
		if e, ok := err.(*Error); ok {
			e.Checks = v.checks
		}
		return nil, err
	}
	return v, nil
}

// judge goes through the checks behind the container, in the order of CheckNames.
func (v *Verified) judge(ctx context.Context, o Options) error {
	if err := v.readManifest(); err != nil {
		return v.fails(checkManifest, err)
	}
	v.holds(checkManifest, "it is %s %s", v.ID(), v.Version())
	certificates, err := v.certificates()
	if err != nil {
		return v.fails(checkCertificate, err)
	}
	v.holds(checkCertificate, "%s holds %d, the signer's first and each issuer behind", v.certificateName(), len(certificates))
	if err := v.judgeChain(certificates, o); err != nil {
		return err
	}
	if err := v.judgeSignature(ctx, certificates[0]); err != nil {
		return err
	}
	if err := v.readContent(); err != nil {
		return v.fails(checkContent, err)
	}
	v.holds(checkContent, "texts and preferences can be read, and no file would be written over another")
	return nil
}

// Valid is true for what Verify returned and false for the zero value and nil.
func (v *Verified) Valid() bool { return v != nil && v.contents != nil }

// Author is the common name of the leaf's issuer, which Jami shows as the author.
func (v *Verified) Author() string { return authorOf(v.chain[0]) }

// Chain is the leaf, each certificate followed by its issuer, the root last.
func (v *Verified) Chain() []*x509.Certificate { return slices.Clone(v.chain) }

// Checks is the reasoning, every check of it.
func (v *Verified) Checks() []Check { return slices.Clone(v.checks) }
