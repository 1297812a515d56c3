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
// Read is for people who want to know what an archive says of itself, Inspect for
// programs that show it.
package jpl

import (
	"context"
	"crypto/x509"
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

// Claim is what an archive says of itself when nobody judged its signature.
type Claim struct{ *contents }

// Verified is an archive that was read to its last byte, whose every entry was signed by
// the key of Chain[0], and whose chain leads to one of the roots. Only Verify fills one in;
// of the zero value Valid is false and nothing else may be asked. It stays usable after its
// File is closed, except for Icon, Background and ReadEntry.
//
// Every text in it is the author's: valid UTF-8 without control characters but line feeds
// and tabs, never expanded; whoever shows it must escape it.
type Verified struct {
	*contents
	chain  []*x509.Certificate
	checks []Check
}

// Open opens the file at path, as bundle.Open does, under Limits. The error is an *Error.
// The caller closes the File.
func Open(path string) (*bundle.File, error) { return nil, nil }

// Verify reads all of f and judges it.
func Verify(ctx context.Context, f *bundle.File, o Options) (*Verified, error) { return nil, nil }

// Read reads all of f and judges everything but its signature.
func Read(ctx context.Context, f *bundle.File) (*Claim, error) { return nil, nil }

type contents struct{}
