package bundle

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/jackfield-host/jackfield/bundle/internal/cms"
	"github.com/jackfield-host/jackfield/bundle/internal/jarsign"
)

// SignOptions say who signs, and what goes into the bundle beside the signature.
type SignOptions struct {
	// Signer is the private key of Chain[0]: RSA of 2048 bits or more, P-256 or P-384.
	Signer crypto.Signer
	// Chain is the signer's certificate, then each one's issuer. The JDK's tools take a
	// bundle for clean only when the root stands in it, too.
	Chain []*x509.Certificate
	// Timestamp sends an RFC 3161 TimeStampReq to an authority and returns its
	// TimeStampResp, both in DER. Without it nothing proves the time of signing.
	Timestamp func(ctx context.Context, request []byte) (response []byte, err error)
	// Staples are OCSP answers in DER, for the certificates of Chain.
	Staples [][]byte
}

// Sign writes in to out with a signature; an earlier one is replaced, whether it holds
// or not. Entries keep their order and their compressed data, but for the manifest,
// which comes first, and the signature behind it. The manifest keeps every byte of its
// main section, and of the sections that say already what they should. The same input
// gives the same bytes, but for the Timestamp.
//
// Nothing is written before the whole signature was verified. What Verify would refuse
// of in, other than its signature, and of the result is refused; then what was written
// is of no use. Errors are *Error for what is wrong with the bundle.
func Sign(ctx context.Context, in *File, out io.Writer, options SignOptions) error {
	v, _, err := examine(ctx, in)
	if err != nil {
		return err
	}
	s := &signing{in: in, options: options}
	if err := s.makeManifest(v); err != nil {
		return err
	}
	if err := s.makeSignature(ctx); err != nil {
		return err
	}
	if err := s.check(v); err != nil {
		return err
	}
	return s.write(ctx, out)
}

// signing is a bundle on its way to being signed.
type signing struct {
	in      *File
	options SignOptions
	entries []jarsign.Entry // to be signed

	files                                   jarsign.Files
	manifest, signatureFile, block, staples []byte
}

func (s *signing) makeManifest(v *Verified) error {
	for i := range s.in.entries {
		if e := &s.in.entries[i]; needsSignature(e) {
			s.entries = append(s.entries, jarsign.Entry{Name: e.Name, Sum: v.sums[i]})
		}
	}
	i := slices.IndexFunc(s.in.entries, func(e entry) bool { return isManifestName(e.Name) })
	old, err := io.ReadAll(io.LimitReader(s.in.openIndex(i), maxManifest+1))
	if err != nil {
		return unreadable(err)
	}
	if s.manifest, err = jarsign.Rewrite(old, s.entries); err != nil {
		return s.about(err)
	}
	if _, _, err := ParseManifest(s.manifest); err != nil {
		return (&heldText{name: manifestName}).about(err)
	}
	if s.signatureFile, err = jarsign.NewSignatureFile(s.manifest); err != nil {
		return s.about(err)
	}
	return nil
}

// about makes an *Error of a fault in the manifest.
func (s *signing) about(err error) error {
	e := signatureFault(err)
	if e.Entry == "" {
		e.Entry = manifestName
	}
	return e
}

func (s *signing) makeSignature(ctx context.Context) error {
	o := s.options
	if o.Signer == nil || len(o.Chain) == 0 {
		return errors.New("signing takes a key and its certificate")
	}
	var stamp func([]byte) ([]byte, error)
	if o.Timestamp != nil {
		stamp = func(value []byte) ([]byte, error) {
			request, err := cms.NewStampRequest(value)
			if err != nil {
				return nil, err
			}
			response, err := o.Timestamp(ctx, request.DER)
			if err != nil {
				return nil, fmt.Errorf("asking for a timestamp: %w", err)
			}
			return request.Token(response)
		}
	}
	_, isRSA := o.Signer.Public().(*rsa.PublicKey)
	s.staples = slices.Concat(o.Staples...)
	s.files = jarsign.Names(isRSA, len(s.staples) > 0)
	var err error
	s.block, err = cms.Sign(s.signatureFile, o.Signer, o.Chain, stamp)
	return err
}

// check verifies what was made as Verify will.
func (s *signing) check(v *Verified) error {
	proof, err := jarsign.Verify(jarsign.Input{
		Files: s.files, ManifestName: manifestName, Manifest: s.manifest, SignatureFile: s.signatureFile, Block: s.block,
	})
	if err != nil {
		return fmt.Errorf("the signature that was made: %w", signatureFault(err))
	}
	if err := v.checkCoverage(proof.Sections); err != nil {
		return fmt.Errorf("the signature that was made: %w", err)
	}
	if len(s.block) > jarsign.MaxBlock || len(s.signatureFile) > jarsign.MaxSignatureFile {
		return refuse(CodeSignatureInvalid, s.files.Block, "the signature is larger than is allowed; take fewer certificates")
	}
	if _, err := jarsign.ParseStaples(s.staples); err != nil {
		return refuse(CodeSignatureInvalid, s.files.Staples, "%s", err)
	}
	return nil
}

// write writes manifest and signature, then the entries as they are.
func (s *signing) write(ctx context.Context, out io.Writer) error {
	fresh := []Source{
		BytesSource(manifestName, s.manifest),
		BytesSource(s.files.SignatureFile, s.signatureFile),
		BytesSource(s.files.Block, s.block),
	}
	if s.files.Staples != "" {
		fresh = append(fresh, BytesSource(s.files.Staples, s.staples))
	}
	p := &packer{w: out, limits: DefaultLimits()}
	for _, source := range fresh {
		if err := p.add(source); err != nil {
			return fmt.Errorf("writing %s: %w", source.Name, err)
		}
	}
	for i := range s.in.entries {
		e := &s.in.entries[i]
		if !e.Dir && !needsSignature(e) {
			continue
		}
		if err := p.addRaw(ctx, s.in, e); err != nil {
			return fmt.Errorf("writing %s: %w", quote(e.Name), err)
		}
	}
	if p.count > p.limits.Entries {
		return refuse(CodeTooManyEntries, "", "there are %d entries, more than the %d allowed", p.count, p.limits.Entries)
	}
	return p.finish()
}

// addRaw writes an entry of another file without unpacking it.
func (p *packer) addRaw(ctx context.Context, f *File, e *entry) error {
	limit := &parser{limits: p.limits}
	p.total = addSizes(p.total, e.Size)
	if err := limit.judgeSize(e, p.total); err != nil {
		return err
	}
	moved := *e
	moved.offset = p.at
	if moved.offset+e.CompressedSize > p.limits.FileBytes {
		return refuse(CodeTooBig, "", "the bundle would have more than the %d bytes allowed", p.limits.FileBytes)
	}
	if _, err := p.Write(localRecord(&moved)); err != nil {
		return err
	}
	data := &contextReader{ctx, io.NewSectionReader(f.r, e.dataAt, e.CompressedSize)}
	if n, err := io.Copy(p, data); err != nil {
		return err
	} else if n != e.CompressedSize {
		return errChanged
	}
	// The mode of Unix stands in the upper half, where there is one.
	mode := fs.FileMode(e.attributes>>16) & fs.ModePerm
	if e.Dir {
		mode |= fs.ModeDir
	}
	p.count++
	p.central.Write(centralRecord(&moved, mode))
	return nil
}
