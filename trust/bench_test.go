package trust_test

import (
	"crypto/x509"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// BenchmarkJudge is what judging an installed bundle again costs: answers are at hand.
func BenchmarkJudge(b *testing.B) {
	fixed := tt.NewFixed(b)
	judge := trust.New(trust.Config{
		Roots:   &trust.Roots{Certificates: []*x509.Certificate{fixed.Root}, Timestamp: []*x509.Certificate{fixed.TimestampRoot}},
		Offline: true, Now: func() time.Time { return fixed.Now },
	})
	claim := trust.Claim{
		ID: fixed.ID, Chain: []*x509.Certificate{fixed.Extension, fixed.Organization}, SignedAt: fixed.Now,
		TimestampChain: []*x509.Certificate{fixed.Timestamper}, Staples: [][]byte{fixed.Good, fixed.OfOrganization},
	}
	for b.Loop() {
		if v := judge.Judge(b.Context(), claim); v.State != trust.Valid {
			b.Fatal(v.Message)
		}
	}
}
