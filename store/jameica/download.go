package jameica

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"time"
)

// Trust says whose signatures count.
type Trust struct {
	Roots *x509.CertPool
	// Time is when chains are judged; zero is now.
	Time time.Time
	// Pin, if not "", is that of who signed what is installed: another one is refused, and
	// so is a ZIP that is not signed any more.
	Pin string
	// AllowUnsigned takes ZIPs that have no signature, of groups without a certificate.
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
// a certificate, it has to be trusted and a valid signature is mandatory. Where it has none,
// a signature that exists is refused as uncertified, as the client does, and without one the
// Trust must allow that. A signature exists if the address of the ZIP with ".sha1" behind it
// answers with 200, and does not if it answers with a status that says so for good (400 to
// 499 but 408 and 429); all else is an error. On an error w has bytes that nobody may use.
func (c *Client) Download(ctx context.Context, r Release, trust Trust, w io.Writer) (*Download, error) {
	return c.download(ctx, r, trust, arrive(w, nil))
}

// Resume is Download into a file that may have the beginning of it already: where the server
// says that it still has what that was of, only the rest is asked for. Whatever came when, the
// signature is judged over all of it. After an error with CodeUnreachable the file can be gone
// on with under p.Validator, after any other one it is of no use.
func (c *Client) Resume(ctx context.Context, r Release, trust Trust, p *Partial) (*Download, error) {
	return c.download(ctx, r, trust, arrive(p.File, p))
}

func (c *Client) download(ctx context.Context, r Release, trust Trust, to *arrival) (*Download, error) {
	if trust.Time.IsZero() {
		trust.Time = time.Now()
	}
	address := r.Manifest.URL
	if err := plainAddress(address); err != nil {
		return nil, fault(CodeManifest, r.Manifest.Name, "url: %v", err)
	}
	signature, signed, err := c.signature(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := trust.admit(r, signed); err != nil {
		return nil, about(address, err)
	}
	limit := c.Limits.withDefaults().ArchiveBytes
	if to.partial != nil {
		if err := to.recall(ctx, limit); err != nil {
			return nil, err
		}
	}
	if err := c.stream(ctx, address, limit, to); err != nil {
		return nil, err
	}
	d := &Download{Size: to.size, Digest: to.digest()}
	if signed {
		d.Signer = r.Chain.Leaf()
		if err := verifySum(to.sha1.Sum(nil), signature, d.Signer); err != nil {
			return nil, about(address, err)
		}
	}
	return d, nil
}

// admit judges all of a download that can be judged before it.
func (t Trust) admit(r Release, signed bool) error {
	switch {
	case r.Chain == nil && signed:
		return fault(CodeUncertified, "", "there is a signature, but the group %q has no certificate to judge it by", r.Group)
	case r.Chain == nil && t.Pin != "":
		return fault(CodeUnsigned, "", "%s was signed before and is not any more; ask its publisher", r.Manifest.Name)
	case r.Chain == nil && !t.AllowUnsigned:
		return fault(CodeUnsigned, "", "%s is not signed; it is taken only if that is allowed for it", r.Manifest.Name)
	case r.Chain == nil:
		return nil
	case !signed:
		return fault(CodeUnsigned, "", "the group %q signs what it offers, but there is no signature of %s", r.Group, r.Manifest.Name)
	}
	if err := r.Chain.Judge(t.Roots, t.Time); err != nil {
		return err
	}
	if pin := Pin(r.Chain.Leaf()); t.Pin != "" && t.Pin != pin {
		return fault(CodeUntrusted, "", "%s signs %s, and somebody else signed what is installed; consent to the new signer to go on", r.Chain.Leaf().Subject, r.Manifest.Name)
	}
	return nil
}

// signature asks for the .sha1 of a ZIP.
func (c *Client) signature(ctx context.Context, zip string) (signature []byte, exists bool, err error) {
	address := zip + ".sha1"
	signature, err = c.document(ctx, address, maxSignature)
	var code status
	switch {
	case err == nil:
		return signature, true, nil
	case CodeOf(err) == CodeTooBig:
		return nil, false, fault(CodeSignatureInvalid, address, "it has more than %d bytes, which is no signature", maxSignature)
	case errors.As(err, &code) && code >= 400 && code < 500 && code != 408 && code != 429:
		return nil, false, nil
	}
	return nil, false, err
}
