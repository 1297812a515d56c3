package publishing

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/store"
)

func TestDetached(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	good, cert := encode([]byte("signature")), encode([]byte("certificate"))
	for name, c := range map[string]struct {
		signature, certificates []string
		want                    int // certificates; -1 is refused
	}{
		"none":                       {nil, nil, 0},
		"both":                       {[]string{good}, []string{cert}, 1},
		"a chain, with blanks":       {[]string{good}, []string{cert + ", " + cert}, 2},
		"a signature alone":          {[]string{good}, nil, -1},
		"certificates alone":         {nil, []string{cert}, -1},
		"two signatures":             {[]string{good, good}, []string{cert}, -1},
		"two lists":                  {[]string{good}, []string{cert, cert}, -1},
		"an empty signature":         {[]string{""}, []string{cert}, -1},
		"no Base64":                  {[]string{"a b"}, []string{cert}, -1},
		"a signature that is long":   {[]string{encode(make([]byte, store.MaxSignature+1))}, []string{cert}, -1},
		"an empty certificate":       {[]string{good}, []string{cert + ","}, -1},
		"a certificate that is long": {[]string{good}, []string{encode(make([]byte, store.MaxCertificate+1))}, -1},
		"a chain that is long":       {[]string{good}, []string{strings.Repeat(cert+",", store.MaxCertificates) + cert}, -1},
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/submissions", nil)
		r.Header[signatureHeader], r.Header[certificatesHeader] = c.signature, c.certificates
		d, err := detachedOf(r)
		switch {
		case (err != nil) != (c.want < 0):
			t.Errorf("%s: %v", name, err)
		case c.want == 0 && d != nil, c.want > 0 && (d == nil || len(d.Certificates) != c.want || !bytes.Equal(d.Signature, []byte("signature"))):
			t.Errorf("%s: %+v", name, d)
		}
	}
}
