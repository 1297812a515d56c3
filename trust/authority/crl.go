package authority

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"path/filepath"
	"time"
)

// CRLValidity is the usual time from one list to its next update.
const CRLValidity = 7 * day

// UpdateCRL signs a new list of everything that the CA has revoked, expired or not:
// what was signed and stamped while a certificate was valid is judged by the list long
// after. Its number is higher than that of any list before. 0 is CRLValidity. Codes:
// CodeNoKey, CodePassphrase, CodeInvalid.
func (c *CA) UpdateCRL(validity time.Duration) (*x509.RevocationList, error) {
	if validity == 0 {
		validity = CRLValidity
	}
	if validity < minValidity || validity > maxValidity {
		return nil, refuse(CodeInvalid, "a list is valid for a minute at least and fifty years at most, not for %s", validity)
	}
	key, err := c.signer()
	if err != nil {
		return nil, err
	}
	unlock, err := c.a.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := c.revokedEntries()
	if err != nil {
		return nil, err
	}
	number, err := c.nextNumber()
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: number, ThisUpdate: now, NextUpdate: now.Add(validity),
		RevokedCertificateEntries: entries, SignatureAlgorithm: signatureFor(key.Public()),
	}, c.cert, key)
	if err != nil {
		return nil, fmt.Errorf("signing the list of %s: %w", c.name, err)
	}
	if err := c.a.writeFile(c.CRLFile(), pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})); err != nil {
		return nil, err
	}
	return x509.ParseRevocationList(der)
}

func (c *CA) revokedEntries() ([]x509.RevocationListEntry, error) {
	all, err := c.Records()
	if err != nil {
		return nil, err
	}
	var entries []x509.RevocationListEntry
	for _, r := range all {
		if r.Revoked != nil {
			entries = append(entries, x509.RevocationListEntry{
				SerialNumber: r.Certificate.SerialNumber, RevocationTime: r.Revoked.Time, ReasonCode: int(r.Revoked.Reason),
			})
		}
	}
	return entries, nil
}

// nextNumber is one more than that of the last list, and at least the seconds since
// 1970: numbers grow even when a list was lost, or the folder is a copy from earlier.
func (c *CA) nextNumber() (*big.Int, error) {
	number := big.NewInt(time.Now().Unix())
	last, err := c.CRL()
	var e *Error
	if errors.As(err, &e) && (e.Code == CodeNotFound || e.Code == CodeDamaged) {
		return number, nil
	} else if err != nil {
		return nil, err
	}
	if next := new(big.Int).Add(last.Number, big.NewInt(1)); next.Cmp(number) > 0 {
		return next, nil
	}
	return number, nil
}

// CRL returns the list that was signed last, or CodeNotFound.
func (c *CA) CRL() (*x509.RevocationList, error) {
	file := c.CRLFile()
	data, err := readFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeNotFound, "%s has signed no list of revoked certificates yet", c.name)
	} else if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, refuse(CodeDamaged, "%s is no PEM", file)
	}
	list, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || list.Number == nil || list.CheckSignatureFrom(c.cert) != nil {
		return nil, refuse(CodeDamaged, "%s is no list that %s has signed", file, c.name)
	}
	return list, nil
}

func (c *CA) crlDue(now time.Time) (bool, error) {
	entries, err := c.revokedEntries()
	if err != nil {
		return false, err
	}
	last, err := c.CRL()
	var e *Error
	if errors.As(err, &e) && (e.Code == CodeNotFound || e.Code == CodeDamaged) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	// Revocations are never taken back: as many are the same.
	half := last.ThisUpdate.Add(last.NextUpdate.Sub(last.ThisUpdate) / 2)
	return len(entries) != len(last.RevokedCertificateEntries) || now.After(half), nil
}

// CRLFile is where the list lies, in PEM.
func (c *CA) CRLFile() string { return filepath.Join(c.dir, crlFile) }

// RefreshCRL signs a new list if one is due: the last one lacks something, or is past
// half of its time. CodeNoKey when the key can not be used.
func (c *CA) RefreshCRL() error {
	due, err := c.crlDue(time.Now())
	if err != nil || !due {
		return err
	}
	if _, err := c.signer(); err != nil {
		return refuse(CodeNoKey, "a new list of %s is due, and its key can not be used: %w", c.name, err)
	}
	_, err = c.UpdateCRL(0)
	return err
}
