// Package jarsign is the signature of a JAR: which files carry it, what a manifest and
// a signature file say of the entries, and how both are written.
//
// Find tells the signature's files by their names. Verify takes the manifest, the
// signature file and the block, and returns a Proof: the signer, and the digests of
// every entry that the signer vouches for. The caller compares entries and Proof in
// both directions. Rewrite and NewSignatureFile make what Verify takes. What is wrong
// comes back as a *Fault. docs/bundle.md, "Signing", has the rules.
package jarsign

import (
	"crypto"
	"errors"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/bundle/internal/cms"
	"github.com/jackfield-host/jackfield/bundle/internal/headers"
)

// Kind is what is wrong, in the words of docs/bundle.md.
type Kind string

// The kinds of faults.
const (
	Invalid  Kind = "signature_invalid"
	Unsigned Kind = "entry_unsigned"
	Missing  Kind = "entry_missing"
	Weak     Kind = "weak_algorithm"
	// Manifest is a manifest that breaks the grammar, found behind a signature that
	// holds: its author's fault.
	Manifest Kind = "manifest_invalid"
)

// Fault is why a signature does not hold.
type Fault struct {
	Kind Kind
	// File is the entry at fault, "" for the whole JAR.
	File    string
	Line    int // of File, counted from 1, else 0
	Message string
}

func (f *Fault) Error() string { return string(f.Kind) + ": " + f.Message }

func refuse(kind Kind, file string, line int, format string, args ...any) *Fault {
	return &Fault{Kind: kind, File: file, Line: line, Message: fmt.Sprintf(format, args...)}
}

// MaxSignatureFile, MaxBlock and MaxStaples are the most bytes that those files may
// have.
const (
	MaxSignatureFile = 8 << 20
	MaxBlock         = 256 << 10
	MaxStaples       = 64 << 10
)

// Input is a signature as it stands in a JAR.
type Input struct {
	Files                          Files
	ManifestName                   string // for messages
	Manifest, SignatureFile, Block []byte
}

// Proof is what a signature proves.
type Proof struct {
	Signer    *cms.Signed
	Timestamp *cms.Timestamp // nil without
	// Sections are the entries that the signer vouches for, in the order of the manifest,
	// each once, with at least one Digest.
	Sections []Section
}

// Section is what the manifest says of one entry.
type Section struct {
	Name    string
	Line    int
	Digests []Digest
}

// Digest is the sum that the data of an entry must have.
type Digest struct {
	Hash crypto.Hash // SHA-256, SHA-384 or SHA-512
	Sum  []byte
}

// Verify verifies the block over the signature file, the signature file over the
// manifest, and reads what the manifest says of entries. Nothing of a file is believed
// before the one in front of it holds. The error is a *Fault.
func Verify(in Input) (*Proof, error) {
	signer, err := cms.Verify(in.Block, in.SignatureFile)
	if err != nil {
		return nil, blockFault(in.Files.Block, err)
	}
	p := &Proof{Signer: signer}
	if signer.Token != nil {
		if p.Timestamp, err = cms.VerifyTimestamp(signer.Token, signer.Value); err != nil {
			return nil, blockFault(in.Files.Block, fmt.Errorf("the timestamp: %w", err))
		}
	}
	sf, err := readSheet(in.SignatureFile)
	if err != nil {
		return nil, grammarFault(Invalid, in.Files.SignatureFile, err)
	}
	if err := sf.checkWhole(); err != nil {
		return nil, grammarFault(Invalid, in.Files.SignatureFile, err)
	}
	if !fits(in.Manifest, sf.whole) {
		return nil, refuse(Invalid, in.ManifestName, 0, "the manifest was changed after it was signed")
	}
	manifest, err := readSheet(in.Manifest)
	if err != nil {
		return nil, grammarFault(Manifest, in.ManifestName, err)
	}
	if p.Sections, err = manifest.vouched(); err != nil {
		return nil, grammarFault(Invalid, in.ManifestName, err)
	}
	if err := sf.checkSections(in.Manifest, manifest); err != nil {
		return nil, grammarFault(Invalid, in.Files.SignatureFile, err)
	}
	return p, nil
}

// blockFault says what is wrong with the block.
func blockFault(file string, err error) *Fault {
	if errors.Is(err, cms.ErrWeak) {
		return refuse(Weak, file, 0, "%s", err)
	}
	return refuse(Invalid, file, 0, "%s", err)
}

// grammarFault names the file in a fault that knows only its line, and makes a fault of
// that kind of what can not be read at all.
func grammarFault(kind Kind, file string, err error) error {
	var f *Fault
	if errors.As(err, &f) {
		if f.File == "" {
			f.File = file
		}
		return f
	}
	var e *headers.Error
	if errors.As(err, &e) {
		return refuse(kind, file, e.Line, "%s", e.Message)
	}
	return err
}

// upper is the form in which the JDK compares names of signature files.
func upper(s string) string { return strings.ToUpper(s) }
