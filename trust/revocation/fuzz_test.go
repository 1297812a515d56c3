package revocation_test

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// FuzzOCSP reads any bytes as an answer. Nobody has the keys any more, so that what is
// believed was said by the organization or its responder once, word for word.
func FuzzOCSP(f *testing.F) {
	fixed := tt.NewFixed(f)
	said := map[revocation.Status][][]byte{
		revocation.Good: {fixed.Good, fixed.Direct}, revocation.Revoked: {fixed.Revoked}, revocation.Disowned: {fixed.Unknown},
	}
	for _, seed := range [][]byte{
		fixed.Good, fixed.Direct, fixed.Revoked, fixed.Unknown, fixed.Old, fixed.Forged, fixed.OfOrganization,
		ocsp.UnauthorizedErrorResponse, ocsp.TryLaterErrorResponse, nil,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		answer, err := revocation.VerifyOCSP(der, fixed.Extension, fixed.Organization, fixed.Now)
		if err != nil {
			if answer.Status != revocation.Unknown {
				t.Fatalf("%+v with %v", answer, err)
			}
			return
		}
		for _, genuine := range said[answer.Status] {
			parsed, err := ocsp.ParseResponse(genuine, nil)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(der, parsed.TBSResponseData) {
				return
			}
		}
		t.Fatalf("nobody said %+v", answer)
	})
}

// FuzzCRL reads any bytes as a list. What it says of the extension was said by the
// organization once.
func FuzzCRL(f *testing.F) {
	fixed := tt.NewFixed(f)
	for _, seed := range [][]byte{fixed.RootList, fixed.List, fixed.ListOfRevoked, []byte("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n"), nil} {
		f.Add(seed)
	}
	genuine := map[revocation.Status][]byte{}
	for status, der := range map[revocation.Status][]byte{revocation.Good: fixed.List, revocation.Revoked: fixed.ListOfRevoked} {
		crl, err := revocation.ParseCRL("genuine", der)
		if err != nil {
			f.Fatal(err)
		}
		genuine[status] = crl.List.RawTBSRevocationList
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		crl, err := revocation.ParseCRL("fuzzed", data)
		if err != nil {
			return
		}
		checker := revocation.New(revocation.Config{Offline: true, Now: func() time.Time { return fixed.Now }})
		answer := checker.Check(t.Context(), fixed.Extension, fixed.Organization, nil, []revocation.CRL{crl})
		if answer.Status != revocation.Unknown && !bytes.Equal(crl.List.RawTBSRevocationList, genuine[answer.Status]) {
			t.Fatalf("nobody said %+v", answer)
		}
	})
}
