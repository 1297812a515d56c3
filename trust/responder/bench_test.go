package responder

import (
	"crypto/x509"
	"math/big"
	"testing"

	"golang.org/x/crypto/ocsp"
)

// What a request costs: one that was answered before, and one for a serial number that
// nobody knows, which strangers can make as many of as they like.
func BenchmarkAnswer(b *testing.B) {
	a, org, _ := newAuthority(b, "")
	leaf := issue(b, org, id)
	r, err := New(a, Options{})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Refresh(); err != nil {
		b.Fatal(err)
	}
	for name, cert := range map[string]*x509.Certificate{"known": leaf, "unknown": {SerialNumber: big.NewInt(7)}} {
		request, err := ocsp.CreateRequest(cert, org.Certificate(), nil)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.Answer(request)
			}
		})
	}
}
