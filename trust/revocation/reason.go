package revocation

import "strconv"

// Reason is why a certificate was revoked: CRLReason of RFC 5280, 5.3.1.
type Reason int

// The reasons. 7 does not exist; 8, removeFromCRL, is of delta CRLs, which are refused.
const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	CACompromise         Reason = 2
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
	CertificateHold      Reason = 6
	PrivilegeWithdrawn   Reason = 9
	AACompromise         Reason = 10
)

// String returns the name of RFC 5280.
func (r Reason) String() string {
	switch r {
	case Unspecified:
		return "unspecified"
	case KeyCompromise:
		return "keyCompromise"
	case CACompromise:
		return "cACompromise"
	case AffiliationChanged:
		return "affiliationChanged"
	case Superseded:
		return "superseded"
	case CessationOfOperation:
		return "cessationOfOperation"
	case CertificateHold:
		return "certificateHold"
	case PrivilegeWithdrawn:
		return "privilegeWithdrawn"
	case AACompromise:
		return "aACompromise"
	}
	return "reason " + strconv.Itoa(int(r))
}

// SparesEarlier reports whether signatures that are proven to be older than the
// revocation still count: the key was given up in good order, not lost. Every other
// reason, that of no reason included, may mean that somebody else has held the key, and
// whoever holds it can have it stamped with any time that is still to come, but also
// have done so before anybody noticed.
func (r Reason) SparesEarlier() bool {
	return r == AffiliationChanged || r == Superseded || r == CessationOfOperation
}
