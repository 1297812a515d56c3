package cms

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Sign makes a detached signature over content by the key of chain[0], RSA
// (PKCS #1 v1.5) or ECDSA. All of chain goes into it; each must be issued by the next.
// stamp, unless it is nil, gets the signature's value and returns a timestamp token.
// Equal arguments give equal bytes, but for the token and for keys that are not
// in memory.
func Sign(content []byte, key crypto.Signer, chain []*x509.Certificate, stamp func(value []byte) (token []byte, err error)) ([]byte, error) {
	if err := checkSigner(key, chain); err != nil {
		return nil, err
	}
	hash, algorithm := signingAlgorithms(key.Public())
	attributes := signedAttributes(content, hash)
	h := hash.New()
	h.Write(attributes)
	source := io.Reader(rand.Reader)
	if _, ok := key.(*ecdsa.PrivateKey); ok {
		source = nil // deterministic, RFC 6979
	}
	value, err := key.Sign(source, h.Sum(nil), hash)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	var token []byte
	if stamp != nil {
		if token, err = stamp(value); err != nil {
			return nil, err
		}
	}
	return write(chain, hash, algorithm, attributes, value, token)
}

// checkSigner refuses what Verify would.
func checkSigner(key crypto.Signer, chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("there is no certificate to sign with")
	}
	if len(chain) > maxCertificates {
		return fmt.Errorf("there are %d certificates, more than the %d allowed", len(chain), maxCertificates)
	}
	public, ok := chain[0].PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(key.Public()) {
		return fmt.Errorf("the key is not that of the certificate of %q", chain[0].Subject)
	}
	for _, c := range chain {
		if err := checkSize(c); err != nil {
			return err
		}
	}
	for i, c := range chain[1:] {
		if !bytes.Equal(chain[i].RawIssuer, c.RawSubject) || !issued(chain[i], c) {
			return fmt.Errorf("the certificate of %q was not issued by that of %q", chain[i].Subject, c.Subject)
		}
	}
	return checkKey(chain[0])
}

// signingAlgorithms takes digest and signature of about the strength of the key, as the
// JDK does.
func signingAlgorithms(public crypto.PublicKey) (crypto.Hash, algorithm) {
	bits, isRSA := 0, false
	switch key := public.(type) {
	case *rsa.PublicKey:
		bits, isRSA = key.N.BitLen(), true
	case *ecdsa.PublicKey:
		bits = key.Params().BitSize
	}
	of := hashes()
	i := 0
	switch {
	case isRSA && bits > 7680, !isRSA && bits >= 512:
		i = 2
	case isRSA && bits > 3072, !isRSA && bits >= 384:
		i = 1
	}
	if isRSA {
		return of[i].hash, algorithm{of[i].rsaOID, derNull()}
	}
	return of[i].hash, algorithm{of[i].ecdsaOID, nil}
}

// signedAttributes writes content-type and message-digest as a SET. There is no signing
// time: it would be a claim that nothing proves.
func signedAttributes(content []byte, hash crypto.Hash) []byte {
	h := hash.New()
	h.Write(content)
	sum := h.Sum(nil)
	set := [][]byte{
		attribute(oidContentType, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) }),
		attribute(oidMessageDigest, func(b *cryptobyte.Builder) { b.AddASN1OctetString(sum) }),
	}
	slices.SortFunc(set, bytes.Compare) // DER wants a SET OF in order
	var b cryptobyte.Builder
	b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(set, nil)) })
	return b.BytesOrPanic()
}

func attribute(kind asn1.ObjectIdentifier, value cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(kind)
		b.AddASN1(casn1.SET, value)
	})
	return b.BytesOrPanic()
}

func (a algorithm) write(b *cryptobyte.Builder) {
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(a.oid)
		b.AddBytes(a.parameters)
	})
}

func hashAlgorithm(hash crypto.Hash) algorithm {
	for _, h := range hashes() {
		if h.hash == hash {
			return algorithm{h.oid, derNull()}
		}
	}
	panic("cms: no such hash: " + hash.String())
}

// write writes the whole message.
func write(chain []*x509.Certificate, hash crypto.Hash, signature algorithm, attributes, value, token []byte) ([]byte, error) {
	digest := hashAlgorithm(hash)
	signer := func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(chain[0].RawIssuer)
			b.AddASN1BigInt(chain[0].SerialNumber)
		})
		digest.write(b)
		tagged := bytes.Clone(attributes)
		tagged[0] = byte(explicit(0))
		b.AddBytes(tagged)
		signature.write(b)
		b.AddASN1OctetString(value)
		if token != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				b.AddBytes(attribute(oidTimestampToken, func(b *cryptobyte.Builder) { b.AddBytes(token) }))
			})
		}
	}
	data := func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(casn1.SET, digest.write)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) })
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			for _, c := range chain {
				b.AddBytes(c.Raw)
			}
		})
		b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddASN1(casn1.SEQUENCE, signer) })
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1(casn1.SEQUENCE, data) })
	})
	return b.Bytes()
}
