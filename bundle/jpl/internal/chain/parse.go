package chain

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/jackfield-host/jackfield/trust/algorithm"
)

// parseCertificates reads PEM, or else one certificate in DER. Text between the blocks is
// let be, as openssl writes it; a block that not every reader would take for the same
// certificate, or would leave out, is not.
func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	const begin = "-----BEGIN "
	blocks := bytes.Count(data, []byte(begin))
	if blocks == 0 {
		cert, err := x509.ParseCertificate(data)
		if err != nil {
			return nil, errors.New("it is neither certificates in PEM nor one in DER")
		}
		return []*x509.Certificate{cert}, nil
	}
	var list []*x509.Certificate
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) > 0 {
			return nil, fmt.Errorf("it holds %.40q, not only certificates", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %v", len(list)+1, err)
		}
		list = append(list, cert)
	}
	switch {
	case len(list) != blocks:
		return nil, fmt.Errorf("%d of its %d blocks can be read", len(list), blocks)
	case len(list) > Max:
		return nil, fmt.Errorf("it holds %d certificates, more than the %d allowed", len(list), Max)
	}
	return list, nil
}

// checkForm refuses certificates that no list of revoked ones could name: those of X.509
// v1, which have no extensions either, and serial 0.
func checkForm(cert *x509.Certificate) error {
	if cert.Version != 3 {
		return fmt.Errorf("it is of X.509 version %d; version 3 is needed", cert.Version)
	}
	if cert.SerialNumber.Sign() <= 0 {
		return errors.New("its serial number is not above 0, so that nobody could revoke it")
	}
	return nil
}

// ParseRoots reads the certificates of a PEM file that may be trusted as roots: all of
// them, or none and an error that says what is wrong. A root is an authority of X.509 v3
// that signed itself, with a key and an algorithm of package algorithm.
func ParseRoots(data []byte) ([]*x509.Certificate, error) {
	list, err := parseCertificates(data)
	if err != nil {
		return nil, err
	}
	for _, cert := range list {
		err := checkForm(cert)
		if err == nil {
			err = algorithm.CheckCertificate(cert)
		}
		if err == nil {
			err = issued(cert, cert)
		}
		if err != nil {
			return nil, fmt.Errorf("the certificate of %s is not a root: %w", cert.Subject, err)
		}
	}
	return list, nil
}

// ParseCRL reads a list of what is revoked, in PEM or DER. Its signature is judged when it
// is used.
func ParseCRL(data []byte) (*x509.RevocationList, error) {
	if block, _ := pem.Decode(data); block != nil {
		if !strings.HasSuffix(block.Type, "CRL") {
			return nil, fmt.Errorf("it holds %.40q, not a list of revoked certificates", block.Type)
		}
		data = block.Bytes
	}
	return x509.ParseRevocationList(data)
}
