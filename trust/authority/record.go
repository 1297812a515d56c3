package authority

import (
	"cmp"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// Record is what a CA knows of a certificate that it issued.
type Record struct {
	Certificate *x509.Certificate
	Host        string // of the organization, or of the store
	ID          string // of the extension; empty for an organization and a store
	Store       bool   // it is that of a store
	Revoked     *Revocation
}

// Revocation says that a certificate is revoked. It is never taken back.
type Revocation struct {
	Time   time.Time
	Reason revocation.Reason
}

// Status is what becomes of a certificate.
type Status string

// The statuses.
const (
	StatusValid   Status = "valid"
	StatusExpired Status = "expired" // or not valid yet
	StatusRevoked Status = "revoked"
)

// Status says how the certificate stands at a time.
func (r Record) Status(at time.Time) Status {
	switch {
	case r.Revoked != nil:
		return StatusRevoked
	case at.After(r.Certificate.NotAfter) || at.Before(r.Certificate.NotBefore):
		return StatusExpired
	}
	return StatusValid
}

// Serial is the serial number in 32 hexadecimal digits.
func (r Record) Serial() string { return SerialText(r.Certificate.SerialNumber) }

// Name is what the certificate is for: a host, or a host and an id, or jmap-store:// and a host.
func (r Record) Name() string {
	if r.Store {
		return trust.StoreName(r.Host)
	}
	return strings.TrimSuffix(r.Host+"/"+r.ID, "/")
}

// SerialText is a serial number as it is written here: 32 hexadecimal digits.
func SerialText(serial *big.Int) string { return fmt.Sprintf("%032x", serial) }

// ParseSerial reads what SerialText writes, and the forms of OpenSSL and of the JDK: in
// either case, with colons, without leading zeros.
func ParseSerial(text string) (string, error) {
	digits := strings.ToLower(strings.ReplaceAll(text, ":", ""))
	serial, ok := new(big.Int).SetString(digits, 16)
	if !ok || len(digits) > 32 || strings.ContainsAny(digits, "+-_") {
		return "", refuse(CodeInvalid, "%.80q is no serial number: 1 to 32 hexadecimal digits", text)
	}
	return SerialText(serial), nil
}

// Reasons for which a certificate can be revoked, by their names in RFC 5280. A
// certificate is not put on hold here: no judge would know until when.
func Reasons() []revocation.Reason {
	return []revocation.Reason{
		revocation.Unspecified, revocation.KeyCompromise, revocation.CACompromise, revocation.AffiliationChanged,
		revocation.Superseded, revocation.CessationOfOperation, revocation.PrivilegeWithdrawn, revocation.AACompromise,
	}
}

// ParseReason reads the name of a reason, in any case.
func ParseReason(text string) (revocation.Reason, error) {
	for _, r := range Reasons() {
		if strings.EqualFold(text, r.String()) {
			return r, nil
		}
	}
	return 0, refuse(CodeInvalid, "%q is no reason; there are %v", text, Reasons())
}

// compromise reports whether a reason means that others may have the key.
func compromise(r revocation.Reason) bool {
	return r == revocation.KeyCompromise || r == revocation.CACompromise || r == revocation.AACompromise
}

// Records returns what the CA has issued, but for its OCSP responders, the oldest first.
func (c *CA) Records() ([]Record, error) {
	entries, err := os.ReadDir(filepath.Join(c.dir, certificatesDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("listing what %s has issued: %w", c.name, err)
	}
	var all []Record
	for _, e := range entries {
		serial, ok := strings.CutSuffix(e.Name(), ".pem")
		if !ok || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		r, err := c.Record(serial)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	slices.SortStableFunc(all, func(x, y Record) int {
		return cmp.Or(x.Certificate.NotBefore.Compare(y.Certificate.NotBefore), x.Certificate.NotAfter.Compare(y.Certificate.NotAfter))
	})
	return all, nil
}

// Record returns one certificate, by its serial as SerialText writes it. CodeNotFound
// when the CA has issued none with it.
func (c *CA) Record(serial string) (Record, error) {
	return c.recordIn(certificatesDir, serial)
}

func (c *CA) recordIn(folder, serial string) (Record, error) {
	if clean, err := ParseSerial(serial); err != nil || clean != serial {
		return Record{}, refuse(CodeInvalid, "%.80q is no serial number of 32 hexadecimal digits", serial)
	}
	file := filepath.Join(c.dir, folder, serial+".pem")
	data, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, refuse(CodeNotFound, "%s has issued no certificate %s", c.name, serial)
	} else if err != nil {
		return Record{}, err
	}
	r, err := parseRecord(data, serial)
	if err != nil {
		return Record{}, refuse(CodeDamaged, "reading %s: %w", file, err)
	}
	revoked := c.revokedFile(serial)
	switch data, err := readFile(revoked); {
	case errors.Is(err, fs.ErrNotExist):
		return r, nil
	case err != nil:
		return Record{}, err
	default:
		if r.Revoked, err = parseRevocation(data); err != nil {
			return Record{}, refuse(CodeDamaged, "reading %s: %w", revoked, err)
		}
		return r, nil
	}
}

func (c *CA) revokedFile(serial string) string {
	return filepath.Join(c.dir, certificatesDir, serial+".revoked.json")
}

// parseRecord reads the file of a certificate.
func parseRecord(data []byte, serial string) (Record, error) {
	cert, err := decodePEM(data)
	if err != nil {
		return Record{}, err
	}
	if got := SerialText(cert.SerialNumber); got != serial {
		return Record{}, fmt.Errorf("it holds certificate %s", got)
	}
	r := Record{Certificate: cert}
	if len(cert.URIs) == 0 {
		return r, nil // a responder's
	}
	uri := cert.URIs[0].String()
	if host, err := trust.ParseStoreName(uri); err == nil {
		r.Host, r.Store = host, true
		return r, nil
	}
	name, err := trust.ParseName(uri)
	if err != nil {
		return Record{}, err
	}
	r.Host, r.ID = name.Host, name.ID
	return r, nil
}

// revocationFile is <serial>.revoked.json.
type revocationFile struct {
	Time   time.Time `json:"time"`
	Reason string    `json:"reason"` // its name in RFC 5280
}

func parseRevocation(data []byte) (*Revocation, error) {
	var f revocationFile
	if err := strictJSON(data, &f); err != nil {
		return nil, err
	}
	reason, err := ParseReason(f.Reason)
	if err != nil {
		return nil, err
	}
	if year := f.Time.Year(); year < 1950 || year > 9999 {
		return nil, fmt.Errorf("the time of revocation is missing, or none that a list can hold")
	}
	return &Revocation{Time: f.Time.UTC().Truncate(time.Second), Reason: reason}, nil
}

// Revoke revokes a certificate now. It needs no key: OCSP responders of this folder
// answer so at once, UpdateCRL puts it into the list. CodeNotFound; CodeRevoked when it
// is revoked already.
func (c *CA) Revoke(serial string, reason revocation.Reason) (Record, error) {
	if !slices.Contains(Reasons(), reason) {
		return Record{}, refuse(CodeInvalid, "a certificate can not be revoked for the reason %s", reason)
	}
	unlock, err := c.a.lock()
	if err != nil {
		return Record{}, err
	}
	defer unlock()
	r, err := c.Record(serial)
	if err != nil {
		return Record{}, err
	}
	if r.Revoked != nil {
		return Record{}, refuse(CodeRevoked, "certificate %s is revoked already, since %s: %s", serial, r.Revoked.Time.Format(time.RFC3339), r.Revoked.Reason)
	}
	r.Revoked = &Revocation{Time: time.Now().UTC().Truncate(time.Second), Reason: reason}
	data, err := json.Marshal(revocationFile{r.Revoked.Time, reason.String()})
	if err != nil {
		return Record{}, err
	}
	return r, c.a.writeFile(c.revokedFile(serial), append(data, '\n'))
}

// record puts a certificate on the disk, before anyone gets it.
func (c *CA) record(folder string, cert *x509.Certificate) error {
	if err := makeDir(filepath.Join(c.dir, folder)); err != nil {
		return err
	}
	return c.a.writeFile(filepath.Join(c.dir, folder, SerialText(cert.SerialNumber)+".pem"), encodePEM(cert))
}

// recordResponder records a responder's certificate and forgets those that have
// expired: nobody asks for them any more.
func (c *CA) recordResponder(cert *x509.Certificate) error {
	unlock, err := c.a.lock()
	if err != nil {
		return err
	}
	defer unlock()
	folder := filepath.Join(c.dir, respondersDir)
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("listing responders: %w", err)
	}
	for _, e := range entries {
		serial, ok := strings.CutSuffix(e.Name(), ".pem")
		if r, err := c.recordIn(respondersDir, serial); ok && err == nil && time.Now().After(r.Certificate.NotAfter) {
			if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
				return fmt.Errorf("forgetting an expired responder: %w", err)
			}
		}
	}
	return c.record(respondersDir, cert)
}
