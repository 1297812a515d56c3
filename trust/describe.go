package trust

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"time"
)

// Certificate is what people want to know of a certificate, for tables, pages and JSON.
type Certificate struct {
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Name        string    `json:"name,omitempty"` // jmap-ext://…, if it has one that is well formed
	Serial      string    `json:"serial"`         // hexadecimal
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
	Key         string    `json:"key"`         // RSA-3072, ECDSA P-256
	Fingerprint string    `json:"fingerprint"` // sha256:<hex> of the whole certificate
}

// Describe describes a certificate, good or bad.
func Describe(cert *x509.Certificate) Certificate {
	sum := sha256.Sum256(cert.Raw)
	d := Certificate{
		Subject: cert.Subject.String(), Issuer: cert.Issuer.String(), Serial: cert.SerialNumber.Text(16),
		NotBefore: cert.NotBefore, NotAfter: cert.NotAfter, Key: cert.PublicKeyAlgorithm.String(),
		Fingerprint: "sha256:" + hex.EncodeToString(sum[:]),
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		d.Key = fmt.Sprintf("RSA-%d", key.N.BitLen())
	case *ecdsa.PublicKey:
		d.Key = "ECDSA " + key.Curve.Params().Name
	}
	if name, err := nameOf(cert); err == nil {
		d.Name = name.String()
	}
	return d
}
