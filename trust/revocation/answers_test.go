package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/jackfield-host/jackfield/trust/revocation"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// checker returns one that asks nobody.
func checker(a *tt.Authority) *revocation.Checker {
	return revocation.New(revocation.Config{Offline: true, Now: func() time.Time { return a.Now }})
}

// says checks an answer: its status, and what one of its problems says; "" for none.
func says(t *testing.T, answer revocation.Answer, status revocation.Status, problem string) {
	t.Helper()
	if answer.Status != status {
		t.Errorf("status %d, want %d: %+v", answer.Status, status, answer)
	}
	if all := strings.Join(answer.Problems, "; "); problem == "" && all != "" || !strings.Contains(all, problem) {
		t.Errorf("problems %q do not say %q", all, problem)
	}
}

func revokedFor(reason revocation.Reason, ago time.Duration) func(*ocsp.Response) {
	return func(r *ocsp.Response) {
		r.Status, r.RevocationReason, r.RevokedAt = ocsp.Revoked, int(reason), r.ThisUpdate.Add(-ago)
	}
}

func TestOCSPAnswers(t *testing.T) {
	responderWith := func(t *testing.T, a *tt.Authority, issuer *tt.Holder, change func(*x509.Certificate)) []byte {
		return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Issue(t, issuer, a.Template(tt.Responder, change)), nil)
	}
	for _, row := range []struct {
		name    string
		status  revocation.Status
		problem string
		answer  func(t *testing.T, a *tt.Authority) []byte
	}{
		{"by the issuer", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, nil)
		}},
		{"by the issuer, which is in it", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, func(r *ocsp.Response) { r.Certificate = a.Organization.Cert })
		}},
		{"by the issuer, whose renewed certificate is in it", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			renewed := tt.IssueFor(t, a.Root, a.Template(tt.Organization), a.Organization.Key)
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, func(r *ocsp.Response) { r.Certificate = renewed.Cert })
		}},
		{"by another of the issuer's name", revocation.Unknown, "authority", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Issue(t, a.Root, a.Template(tt.Organization)), nil)
		}},
		{"by a responder", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil)
		}},
		{"issuer named with SHA-256", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.IssuerHash = crypto.SHA256 })
		}},
		{"issuer named with SHA-384", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.IssuerHash = crypto.SHA384 })
		}},
		{"revoked", revocation.Revoked, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, revokedFor(revocation.KeyCompromise, time.Hour))
		}},
		{"revoked, stale", revocation.Revoked, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
				revokedFor(revocation.KeyCompromise, time.Hour)(r)
				r.NextUpdate = a.Now.Add(-time.Second)
			})
		}},
		{"unknown", revocation.Disowned, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.Status = ocsp.Unknown })
		}},
		{"by an evil sibling", revocation.Unknown, "not for signing OCSP", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Issue(t, a.Organization, a.Template(tt.Extension)), nil)
		}},
		{"by the certificate itself", revocation.Unknown, "not for signing OCSP", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Extension, nil)
		}},
		{"by an evil sibling that is not in it", revocation.Unknown, "not signed by the issuer", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Extension, func(r *ocsp.Response) { r.Certificate = nil })
		}},
		{"by an evil sibling for all purposes", revocation.Unknown, "not for signing OCSP", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })
		}},
		{"with the genuine responder in it, signed by another", revocation.Unknown, "cannot be read", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Extension, func(r *ocsp.Response) { r.Certificate = a.Responder.Cert })
		}},
		{"by the responder of the root", revocation.Unknown, "another issuer", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.RootResponder, nil)
		}},
		{"by the root", revocation.Unknown, "authority", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Root, nil)
		}},
		{"by a responder of an organization of the same name", revocation.Unknown, "not signed by the issuer", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Issue(t, a.Root, a.Template(tt.Organization)), func(*x509.Certificate) {})
		}},
		{"by an expired responder", revocation.Unknown, "was valid from", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Second) })
		}},
		{"by a responder that is not valid yet", revocation.Unknown, "was valid from", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) { c.NotBefore = a.Now.Add(time.Second) })
		}},
		{"by a responder that is a CA", revocation.Unknown, "authority", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) { c.IsCA, c.MaxPathLenZero = true, true })
		}},
		{"by a responder whose key is not for signatures", revocation.Unknown, "not for signatures", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })
		}},
		{"by a responder with an unknown critical extension", revocation.Unknown, "critical extension", func(t *testing.T, a *tt.Authority) []byte {
			return responderWith(t, a, a.Organization, func(c *x509.Certificate) {
				c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: asn1.NullBytes}}
			})
		}},
		{"by a responder with RSA-1024", revocation.Unknown, "1024 bits", func(t *testing.T, a *tt.Authority) []byte {
			key, err := rsa.GenerateKey(rand.Reader, 1024)
			if err != nil {
				t.Fatal(err)
			}
			return tt.OCSP(t, a.Extension.Cert, a.Organization, tt.IssueFor(t, a.Organization, a.Template(tt.Responder), key), nil)
		}},
		{"signed with SHA-1", revocation.Unknown, "SHA1", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.SignatureAlgorithm = x509.ECDSAWithSHA1 })
		}},
		{"stale", revocation.Unknown, "stale", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.NextUpdate = a.Now.Add(-time.Second) })
		}},
		{"from the future", revocation.Unknown, "future", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.ThisUpdate = a.Now.Add(10 * time.Minute) })
		}},
		{"revoked, from the future", revocation.Unknown, "future", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
				r.ThisUpdate = a.Now.Add(10 * time.Minute)
				revokedFor(revocation.KeyCompromise, time.Hour)(r)
			})
		}},
		{"of a clock that is a minute ahead", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.ThisUpdate = a.Now.Add(time.Minute) })
		}},
		{"ends before it begins", revocation.Unknown, "before it begins", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) { r.NextUpdate = r.ThisUpdate.Add(-time.Hour) })
		}},
		{"without end, of today", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
				r.ThisUpdate, r.NextUpdate = a.Now.Add(-23*time.Hour), time.Time{}
			})
		}},
		{"without end, of yesterday", revocation.Unknown, "stale", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
				r.ThisUpdate, r.NextUpdate = a.Now.Add(-25*time.Hour), time.Time{}
			})
		}},
		{"about another certificate", revocation.Unknown, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Organization.Cert, a.Organization, a.Responder, nil)
		}},
		{"about the serial number of another issuer", revocation.Unknown, "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Root, a.Responder, nil)
		}},
		{"about the certificate twice", revocation.Unknown, "2 statuses", func(t *testing.T, a *tt.Authority) []byte {
			return resign(t, tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, nil), a.Organization, func(d *data) {
				d.Responses = append(d.Responses, d.Responses[0])
			})
		}},
		{"about it, and about its serial number of another issuer", revocation.Unknown, "", func(t *testing.T, a *tt.Authority) []byte {
			other := dataOf(t, tt.OCSP(t, a.Extension.Cert, a.Root, a.Organization, nil))
			return resign(t, tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, revokedFor(revocation.KeyCompromise, 0)), a.Organization, func(d *data) {
				d.Responses = append(other.Responses, d.Responses...)
			})
		}},
		{"about it and another one", revocation.Good, "", func(t *testing.T, a *tt.Authority) []byte {
			other := dataOf(t, tt.OCSP(t, a.Responder.Cert, a.Organization, a.Organization, revokedFor(revocation.KeyCompromise, 0)))
			return resign(t, tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, nil), a.Organization, func(d *data) {
				d.Responses = append(other.Responses, d.Responses...)
			})
		}},
		{"with an unknown critical extension", revocation.Unknown, "critical extension", func(t *testing.T, a *tt.Authority) []byte {
			return resign(t, tt.OCSP(t, a.Extension.Cert, a.Organization, a.Organization, nil), a.Organization, func(d *data) {
				d.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: asn1.NullBytes}}
			})
		}},
		{"with an unknown critical extension of the status", revocation.Unknown, "critical extension", func(t *testing.T, a *tt.Authority) []byte {
			return tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, func(r *ocsp.Response) {
				r.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: asn1.NullBytes}}
			})
		}},
		{"changed behind the signature", revocation.Unknown, "cannot be read", func(t *testing.T, a *tt.Authority) []byte {
			der := tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil)
			at := bytes.Index(der, a.Responder.Cert.Raw)
			der[at-70] ^= 1 // in the signature, which stands before the certificate
			return der
		}},
		{"a refusal to answer", revocation.Unknown, "unauthorized", func(t *testing.T, a *tt.Authority) []byte { return ocsp.UnauthorizedErrorResponse }},
		{"with something behind it", revocation.Unknown, "cannot be read", func(t *testing.T, a *tt.Authority) []byte {
			return append(tt.OCSP(t, a.Extension.Cert, a.Organization, a.Responder, nil), 0)
		}},
		{"too large", revocation.Unknown, "bytes", func(t *testing.T, a *tt.Authority) []byte { return make([]byte, revocation.MaxOCSP+1) }},
		{"empty", revocation.Unknown, "cannot be read", func(t *testing.T, a *tt.Authority) []byte { return nil }},
		{"text", revocation.Unknown, "cannot be read", func(t *testing.T, a *tt.Authority) []byte { return []byte("<html>") }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := tt.NewAuthority(t)
			der := row.answer(t, a)
			answer := checker(a).Check(t.Context(), a.Extension.Cert, a.Organization.Cert, [][]byte{der}, nil)
			says(t, answer, row.status, row.problem)
			direct, err := revocation.VerifyOCSP(der, a.Extension.Cert, a.Organization.Cert, a.Now)
			if stale := row.name == "revoked, stale"; (err == nil) != (row.status != revocation.Unknown && !stale) || err == nil && direct.Status != row.status {
				t.Errorf("VerifyOCSP says %+v, %v", direct, err)
			}
		})
	}
}

// data is ResponseData of RFC 6960, 4.2.1.
type data struct {
	Version    int `asn1:"optional,default:0,explicit,tag:0"`
	Responder  asn1.RawValue
	ProducedAt time.Time `asn1:"generalized"`
	Responses  []asn1.RawValue
	Extensions []pkix.Extension `asn1:"explicit,tag:1,optional,omitempty"`
}

type basic struct {
	Data      asn1.RawValue
	Algorithm pkix.AlgorithmIdentifier
	Signature asn1.BitString
}

type envelope struct {
	Status   asn1.Enumerated
	Response struct {
		Type asn1.ObjectIdentifier
		DER  []byte
	} `asn1:"explicit,tag:0"`
}

func open(t *testing.T, der []byte) (e envelope, b basic, d data) {
	t.Helper()
	for _, step := range []struct {
		der  func() []byte
		into any
	}{{func() []byte { return der }, &e}, {func() []byte { return e.Response.DER }, &b}, {func() []byte { return b.Data.FullBytes }, &d}} {
		if _, err := asn1.Unmarshal(step.der(), step.into); err != nil {
			t.Fatal(err)
		}
	}
	return e, b, d
}

func dataOf(t *testing.T, der []byte) data {
	_, _, d := open(t, der)
	return d
}

// resign changes the data of an answer without certificates and signs them again.
func resign(t *testing.T, der []byte, by *tt.Holder, change func(*data)) []byte {
	t.Helper()
	e, b, d := open(t, der)
	change(&d)
	signed, err := asn1.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA256.New()
	hash.Write(signed)
	signature, err := by.Key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	b.Data = asn1.RawValue{FullBytes: signed}
	b.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	if e.Response.DER, err = asn1.Marshal(b); err != nil {
		t.Fatal(err)
	}
	out, err := asn1.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func entry(cert *x509.Certificate, reason revocation.Reason, at time.Time) x509.RevocationListEntry {
	return x509.RevocationListEntry{SerialNumber: cert.SerialNumber, ReasonCode: int(reason), RevocationTime: at}
}

func TestLists(t *testing.T) {
	for _, row := range []struct {
		name    string
		status  revocation.Status
		problem string // of the answer
		refused string // by ParseCRL
		list    func(t *testing.T, a *tt.Authority) []byte
	}{
		{"not on it", revocation.Good, "", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, nil, entry(a.Responder.Cert, revocation.KeyCompromise, a.Now))
		}},
		{"PEM", revocation.Good, "", "", func(t *testing.T, a *tt.Authority) []byte {
			return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: tt.CRL(t, a.Organization, 1, nil)})
		}},
		{"on it", revocation.Revoked, "", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, nil, entry(a.Responder.Cert, 0, a.Now), entry(a.Extension.Cert, revocation.KeyCompromise, a.Now))
		}},
		{"on it twice, the graver one counts", revocation.Revoked, "", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, nil, entry(a.Extension.Cert, revocation.Superseded, a.Now), entry(a.Extension.Cert, revocation.KeyCompromise, a.Now))
		}},
		{"on it, stale", revocation.Revoked, "", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ThisUpdate, l.NextUpdate = a.Now.Add(-time.Hour), a.Now.Add(-time.Minute)
			}, entry(a.Extension.Cert, revocation.KeyCompromise, a.Now.Add(-time.Hour)))
		}},
		{"stale", revocation.Unknown, "stale", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ThisUpdate, l.NextUpdate = a.Now.Add(-time.Hour), a.Now.Add(-time.Minute)
			})
		}},
		{"from the future", revocation.Unknown, "future", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) { l.ThisUpdate = a.Now.Add(10 * time.Minute) })
		}},
		{"by another issuer", revocation.Unknown, "", "", func(t *testing.T, a *tt.Authority) []byte { return tt.CRL(t, a.Root, 1, nil) }},
		{"by another issuer of the same name", revocation.Unknown, "not signed by the issuer", "", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Issue(t, a.Root, a.Template(tt.Organization)), 1, nil, entry(a.Extension.Cert, revocation.KeyCompromise, a.Now))
		}},
		{"changed behind the signature", revocation.Unknown, "not signed by the issuer", "", func(t *testing.T, a *tt.Authority) []byte {
			der := tt.CRL(t, a.Organization, 1, nil)
			der[len(der)-1] ^= 1
			return der
		}},
		{"delta", revocation.Unknown, "", "delta", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: []byte{2, 1, 1}}}
			})
		}},
		{"delta, not critical", revocation.Unknown, "", "delta", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Value: []byte{2, 1, 1}}}
			})
		}},
		{"partial", revocation.Unknown, "", "distribution point", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0}}}
			})
		}},
		{"unknown critical extension", revocation.Unknown, "", "critical extension", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, func(l *x509.RevocationList) {
				l.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: asn1.NullBytes}}
			})
		}},
		{"entry of another issuer", revocation.Unknown, "", "critical extension", func(t *testing.T, a *tt.Authority) []byte {
			e := entry(a.Responder.Cert, 0, a.Now)
			e.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: []byte{0x30, 0}}}
			return tt.CRL(t, a.Organization, 1, nil, e)
		}},
		{"removeFromCRL", revocation.Unknown, "", "removeFromCRL", func(t *testing.T, a *tt.Authority) []byte {
			return tt.CRL(t, a.Organization, 1, nil, entry(a.Extension.Cert, 8, a.Now))
		}},
		{"signed with SHA-1", revocation.Unknown, "", "SHA1", func(t *testing.T, a *tt.Authority) []byte {
			return sha1List(t, a)
		}},
		{"too large", revocation.Unknown, "", "bytes", func(t *testing.T, a *tt.Authority) []byte { return make([]byte, revocation.MaxCRL+1) }},
		{"text", revocation.Unknown, "", "not a certificate revocation list", func(t *testing.T, a *tt.Authority) []byte { return []byte("hello") }},
		{"two in one file", revocation.Unknown, "", "not one X509 CRL", func(t *testing.T, a *tt.Authority) []byte {
			one := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: tt.CRL(t, a.Organization, 1, nil)})
			return append(slices.Clone(one), one...)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			a := tt.NewAuthority(t)
			crl, err := revocation.ParseCRL("test.crl", row.list(t, a))
			if (err != nil) != (row.refused != "") || err != nil && !strings.Contains(err.Error(), row.refused) {
				t.Fatalf("%v does not say %q", err, row.refused)
			}
			if err != nil {
				return
			}
			answer := checker(a).Check(t.Context(), a.Extension.Cert, a.Organization.Cert, nil, []revocation.CRL{crl})
			says(t, answer, row.status, row.problem)
			if answer.Status == revocation.Revoked && answer.Reason != revocation.KeyCompromise {
				t.Errorf("reason %s", answer.Reason)
			}
		})
	}
}

// TestListOfUnfitIssuer is a list by an organization whose key is not for lists.
func TestListOfUnfitIssuer(t *testing.T) {
	a := tt.NewAuthority(t)
	crl, err := revocation.ParseCRL("test.crl", tt.CRL(t, a.Organization, 1, nil))
	if err != nil {
		t.Fatal(err)
	}
	unfit := tt.IssueFor(t, a.Root, a.Template(tt.Organization, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCertSign }), a.Organization.Key)
	answer := checker(a).Check(t.Context(), a.Extension.Cert, unfit.Cert, nil, []revocation.CRL{crl})
	says(t, answer, revocation.Unknown, "not signed by the issuer")
}

// sha1List signs a list as nobody does any more.
func sha1List(t *testing.T, a *tt.Authority) []byte {
	t.Helper()
	var list struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(tt.CRL(t, a.Organization, 1, nil), &list); err != nil {
		t.Fatal(err)
	}
	sha256, sha1 := asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}
	list.Algorithm.Algorithm = sha1
	var tbs struct {
		Version    int
		Algorithm  pkix.AlgorithmIdentifier
		Issuer     asn1.RawValue
		This, Next time.Time
		Extensions []pkix.Extension `asn1:"explicit,tag:0,optional"`
	}
	if _, err := asn1.Unmarshal(list.TBS.FullBytes, &tbs); err != nil || !tbs.Algorithm.Algorithm.Equal(sha256) {
		t.Fatal(err)
	}
	tbs.Algorithm.Algorithm = sha1
	signed, err := asn1.Marshal(tbs)
	if err != nil {
		t.Fatal(err)
	}
	hash := crypto.SHA1.New()
	hash.Write(signed)
	signature, err := a.Organization.Key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA1)
	if err != nil {
		t.Fatal(err)
	}
	list.TBS = asn1.RawValue{FullBytes: signed}
	list.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	out, err := asn1.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestOtherReasons(t *testing.T) {
	if got := revocation.Reason(7).String(); got != "reason 7" {
		t.Error(got)
	}
	for reason := range revocation.Reason(12) {
		spares := reason == revocation.AffiliationChanged || reason == revocation.Superseded || reason == revocation.CessationOfOperation
		if reason.SparesEarlier() != spares {
			t.Errorf("%s spares earlier signatures: %v", reason, reason.SparesEarlier())
		}
	}
}
