package cms_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/smallstep/pkcs7"

	"github.com/jackfield-host/jackfield/bundle/internal/cms"
)

// FuzzVerify reads anything as a block over any content. It must not panic;
// what is accepted is accepted by another library, too, unless that does not know the
// algorithm, and no certificate in it is left over. The corpus holds blocks by the JDK,
// OpenSSL and ourselves.
func FuzzVerify(f *testing.F) {
	s := newSigner(nil)
	f.Add(s.Block([]byte(signed), nil), []byte(signed))
	if block, err := cms.Sign([]byte(signed), s.Key, s.Chain(), nil); err == nil {
		f.Add(block, []byte(signed))
	}
	f.Fuzz(func(t *testing.T, der, content []byte) {
		got, err := cms.Verify(der, content)
		if err != nil {
			return
		}
		ends := []*x509.Certificate{got.Chain[len(got.Chain)-1]}
		if got.Token != nil {
			stamp, err := cms.VerifyTimestamp(got.Token, got.Value)
			if err != nil {
				return // whoever verifies a JAR refuses it then
			}
			ends = append(ends, stamp.Chain[len(stamp.Chain)-1])
		}
		// Nobody in here has signed the last certificate of a chain: whoever trusts it knows it.
		for _, end := range ends {
			if end.CheckSignatureFrom(end) != nil {
				return
			}
		}
		p, err := pkcs7.Parse(der)
		if err != nil {
			t.Fatalf("another library can not read it: %v", err)
		}
		if len(p.Certificates) != len(got.Chain) || len(p.Signers) != 1 || !bytes.Equal(p.Signers[0].EncryptedDigest, got.Value) || !p.GetOnlySigner().Equal(got.Chain[0]) {
			t.Fatalf("another library reads something else: %d certificates, %d signers", len(p.Certificates), len(p.Signers))
		}
		p.Content = content
		if pss := []int{1, 2, 840, 113549, 1, 1, 10}; !p.Signers[0].DigestEncryptionAlgorithm.Algorithm.Equal(pss) {
			if err := p.Verify(); err != nil {
				t.Fatalf("another library refuses it: %v", err)
			}
		}
	})
}

// FuzzTimestamp reads anything as a timestamp token. It must not panic; what is accepted
// has a time that can be written, and a signer.
func FuzzTimestamp(f *testing.F) {
	f.Add([]byte{0x30, 0}, []byte("a signature's value"))
	f.Fuzz(func(t *testing.T, token, value []byte) {
		stamp, err := cms.VerifyTimestamp(token, value)
		if err != nil {
			return
		}
		if len(stamp.Chain) == 0 || stamp.Time.Year() > 9999 || stamp.Time.Location() != time.UTC {
			t.Fatalf("it says %+v", stamp)
		}
		if _, err := cms.VerifyTimestamp(token, append(value, 0)); err == nil {
			t.Fatal("it is about another value as well")
		}
	})
}

// FuzzToken reads anything as an authority's answer: nothing answers a new request.
func FuzzToken(f *testing.F) {
	f.Add([]byte{0x30, 0x05, 0x30, 0x03, 0x02, 0x01, 0x02})
	f.Fuzz(func(t *testing.T, answer []byte) {
		request, err := cms.NewStampRequest([]byte("a signature's value"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := request.Token(answer); err == nil {
			t.Fatal("an answer that was there before the question")
		}
	})
}
