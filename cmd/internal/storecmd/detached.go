package storecmd

import (
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/store"
)

// detached are the headers by which a signature comes beside its file: what OpenSSL wrote, and
// the certificates for it in PEM. Without names there are none.
func detached(signature, certificate string) (http.Header, error) {
	if signature == "" {
		return nil, nil
	}
	raw, err := readBounded(signature, store.MaxSignature)
	if err != nil {
		return nil, output.WithHint(err, "'openssl dgst -sha256 -sign KEY -out FILE.sig FILE' makes one")
	}
	text, err := readBounded(certificate, 8*store.MaxCertificates*store.MaxCertificate)
	if err != nil {
		return nil, err
	}
	var chain []string
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" { // a key that somebody keeps with it must not leave this machine
			return nil, output.Errorf("", "%s holds a block %q; only certificates belong there", certificate, oneLine(block.Type))
		}
		chain = append(chain, base64.StdEncoding.EncodeToString(block.Bytes))
	}
	if len(chain) == 0 || len(chain) > store.MaxCertificates {
		return nil, output.Errorf("the signer's certificate first, then that of its organization, in PEM", "%s holds %d certificates, and 1 to %d are sent", certificate, len(chain), store.MaxCertificates)
	}
	return http.Header{
		"Detached-Signature":    {base64.StdEncoding.EncodeToString(raw)},
		"Detached-Certificates": {strings.Join(chain, ",")},
	}, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, output.Errorf("", "reading what comes beside the file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, output.Errorf("", "reading what comes beside the file: %w", err)
	}
	if len(data) == 0 || int64(len(data)) > limit {
		return nil, output.Errorf("", "%s has %d bytes or more; 1 to %d are read", path, len(data), limit)
	}
	return data, nil
}
