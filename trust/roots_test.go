package trust_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

func TestLoadRoots(t *testing.T) {
	a := tt.NewAuthority(t)
	dir := t.TempDir()
	a.WriteRoots(t, dir)
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rootWith := func(change func(*x509.Certificate)) []byte {
		return tt.PEM(a.Issue(t, nil, a.Template(tt.Root, change)).Cert)
	}
	key, err := x509.MarshalPKCS8PrivateKey(a.Root.Key)
	if err != nil {
		t.Fatal(err)
	}
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	good := tt.PEM(a.Root.Cert)
	bad := map[string]struct {
		data []byte
		says string
	}{
		"empty.pem":         {nil, "no certificate"},
		"text.pem":          {[]byte("hello"), "no certificate"},
		"der.pem":           {a.Root.Cert.Raw, "no certificate"},
		"key.pem":           {append(slices.Clone(good), keyPEM...), "private key"},
		"encrypted-key.pem": {append(slices.Clone(good), pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: key})...), "private key"},
		"request.pem":       {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: key}), "only certificates"},
		"broken.pem":        {pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Cert.Raw[:100]}), "cannot be read"},
		"large.pem":         {append(slices.Clone(good), bytes.Repeat([]byte("#\n"), 200<<10)...), "more than"},
		"leaf.pem":          {tt.PEM(a.Extension.Cert), "not an authority"},
		"organization.pem":  {tt.PEM(a.Organization.Cert), "was issued by"},
		"second-bad.pem":    {tt.PEM(a.Root.Cert, a.Extension.Cert), "not an authority"},
		"expired.pem":       {rootWith(func(c *x509.Certificate) { c.NotAfter = a.Now.Add(-time.Minute) }), "expired"},
		"short.pem":         {rootWith(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }), "path length"},
		"no-sign.pem":       {rootWith(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }), "keyCertSign"},
		"weak.pem":          {tt.PEM(tt.IssueFor(t, nil, a.Template(tt.Root), rsaKey(t, 1024)).Cert), "1024"},
		"sha1.pem":          {tt.PEM(tt.Forge(t, a.Root, a.Root, crypto.SHA1, nil).Cert), "SHA1"},
		"v1.pem":            {tt.PEM(tt.Forge(t, a.Root, a.Root, crypto.SHA256, func(f *tt.Forged) { f.Version, f.Extensions = 0, nil }).Cert), "version 1"},
		"forged.pem":        {tt.PEM(tt.Forge(t, a.Root, a.TimestampRoot, crypto.SHA256, nil).Cert), "not its own"},
		"bad.crl":           {[]byte("hello"), "not a certificate revocation list"},
		"timestamp/bad.pem": {tt.PEM(a.Timestamper.Cert), "not an authority"},
	}
	for name, file := range bad {
		write(name, file.data)
	}
	write("two.pem", append([]byte("# our company\n"), tt.PEM(a.Issue(t, nil, a.Template(tt.Root)).Cert, a.Issue(t, nil, a.Template(tt.Root)).Cert)...))
	write("timestamp/short.pem", rootWith(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 0, true }))
	write("list.crl", tt.CRL(t, a.Organization, 1, nil))
	write("list-pem.crl", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: tt.CRL(t, a.Root, 1, nil)}))
	write("README.txt", []byte("not read"))
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "dangling.pem")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("root.pem", filepath.Join(dir, "linked.pem")); err != nil {
		t.Fatal(err)
	}

	roots, problems := trust.LoadRoots(dir)
	if len(roots.Certificates) != 4 || len(roots.Timestamp) != 2 || len(roots.CRLs) != 2 {
		t.Errorf("%d roots, %d of timestamps, %d lists", len(roots.Certificates), len(roots.Timestamp), len(roots.CRLs))
	}
	said := map[string]string{}
	for _, problem := range problems {
		name, err := filepath.Rel(dir, problem.File)
		if err != nil {
			t.Fatal(err)
		}
		said[name] = problem.Error()
		t.Log(problem)
	}
	for name, file := range bad {
		if !strings.Contains(said[name], file.says) {
			t.Errorf("%s: %q does not say %q", name, said[name], file.says)
		}
	}
	for _, name := range []string{"pipe.pem", "dangling.pem"} {
		if said[name] == "" {
			t.Errorf("%s has no problem", name)
		}
	}
	if len(problems) != len(bad)+2 {
		t.Errorf("%d problems for %d files", len(problems), len(bad)+2)
	}
	if strings.Contains(said["key.pem"], "BEGIN") {
		t.Error("a key is repeated in an error")
	}
}

func TestNoRoots(t *testing.T) {
	roots, problems := trust.LoadRoots(filepath.Join(t.TempDir(), "nothing"))
	if roots == nil || len(roots.Certificates) != 0 || len(problems) != 0 {
		t.Errorf("%v, %v", roots, problems)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if roots, problems := trust.LoadRoots(file); roots == nil || len(problems) == 0 {
		t.Errorf("a file instead of a folder: %v, %v", roots, problems)
	}
}
