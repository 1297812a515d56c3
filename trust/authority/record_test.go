package authority

import (
	"testing"

	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust"
)

// FuzzRecord: a certificate's file and that of its revocation give a record that is
// consistent, or an error.
func FuzzRecord(f *testing.F) {
	_, org := newAuthority(f, "")
	leaf := issue(f, org, id)
	serial := SerialText(leaf.SerialNumber)
	f.Add(encodePEM(leaf), serial, []byte(`{"time":"2026-01-02T03:04:05Z","reason":"keyCompromise"}`))
	if store, err := org.a.IssueStore(host, IssueOptions{Kind: keyfile.ECDSAP256}); err != nil {
		f.Fatal(err)
	} else {
		f.Add(encodePEM(store.Chain[0]), SerialText(store.Chain[0].SerialNumber), []byte(nil))
	}
	f.Fuzz(func(t *testing.T, certificate []byte, serial string, revoked []byte) {
		if r, err := parseRecord(certificate, serial); err == nil {
			if r.Serial() != serial || r.Host == "" && r.ID != "" || r.Host != "" && (trust.Name{Host: r.Host, ID: r.ID}).Check() != nil || r.Store && (r.Host == "" || r.ID != "") {
				t.Errorf("%q is read as %q %q %q", serial, r.Serial(), r.Host, r.ID)
			}
		}
		if r, err := parseRevocation(revoked); err == nil {
			if back, err := ParseReason(r.Reason.String()); err != nil || back != r.Reason || r.Time.Year() < 1950 {
				t.Errorf("%q is read as %+v", revoked, r)
			}
		}
		if text, err := ParseSerial(serial); err == nil {
			if again, err := ParseSerial(text); err != nil || again != text || len(text) != 32 {
				t.Errorf("%q is read as %q", serial, text)
			}
		}
	})
}
