package trust

import (
	"crypto/x509"
	"fmt"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// timestamp judges who says when it was signed. A timestamp that does not count is as good
// as none: then everything has to be valid now.
func (t *trial) timestamp() bool {
	if t.claim.SignedAt.IsZero() {
		return t.pass(checkTimestamp, "nothing proves when it was signed, so its certificates have to be valid now")
	}
	if err := t.checkTimestamp(); err != nil {
		return t.warn(checkTimestamp, "its timestamp does not count, so its certificates have to be valid now: %v", err)
	}
	t.verdict.SignedAt = t.claim.SignedAt
	return t.pass(checkTimestamp, "%q proves that it was signed on %s", display(t.claim.TimestampChain[0]), stamp(t.claim.SignedAt))
}

// checkTimestamp checks the chain of a timestamp. Its roots have to be valid now, its other
// certificates when it was made: it is to outlive them. Whether they are revoked is not
// asked; who does not trust an authority any more takes its root away.
func (t *trial) checkTimestamp() error {
	chain := t.claim.TimestampChain
	switch {
	case t.claim.SignedAt.After(t.now.Add(futureOfTimestamp)):
		return fmt.Errorf("it is from the future, %s; is the clock right?", stamp(t.claim.SignedAt))
	case len(chain) == 0 || len(chain) > mostInTimestamp:
		return fmt.Errorf("it has %d certificates; 1 to %d are accepted", len(chain), mostInTimestamp)
	case len(t.roots.Timestamp) == 0:
		return fmt.Errorf("no timestamp authority is trusted here: put the root of %q into conf/trust/timestamp (*.pem) if you trust it", display(chain[len(chain)-1]))
	}
	options := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: t.claim.SignedAt,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	for i, cert := range chain {
		if cert == nil {
			return fmt.Errorf("certificate %d is missing", i)
		}
		if err := algorithm.CheckCertificate(cert); err != nil {
			return fmt.Errorf("the certificate %q: %w", display(cert), err)
		}
		if i > 0 {
			options.Intermediates.AddCert(cert)
		}
	}
	if err := checkStamper(chain[0]); err != nil {
		return fmt.Errorf("the certificate %q: %w", display(chain[0]), err)
	}
	for _, root := range t.roots.Timestamp {
		if validAt(root, t.now) {
			options.Roots.AddCert(root)
		}
	}
	if _, err := chain[0].Verify(options); err != nil {
		return fmt.Errorf("it leads to no trusted timestamp authority: %w", err)
	}
	return nil
}
