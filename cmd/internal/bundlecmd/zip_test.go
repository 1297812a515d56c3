package bundlecmd

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/store/jameica"
)

// notes is a ZIP for Jameica with more in its plugin.xml.
func notes(t *testing.T, version, more string) []byte {
	t.Helper()
	manifest := `<?xml version="1.0" encoding="UTF-8"?><plugin name="demo.notes" version="` + version + `"><url>https://acme.example/notes.zip</url>` +
		`<requires jameica="2.10+"><import plugin="hibiscus" version="2.10+" required="false"/></requires>` + more + `</plugin>`
	var out bytes.Buffer
	if _, err := jameica.WriteArchive(t.Context(), &out, fstest.MapFS{"plugin.xml": {Data: []byte(manifest)}, "demo.notes.jar": {Data: []byte("PK")}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// groupSigner is a key with a certificate of its own that is good from a year ago to tomorrow.
func groupSigner(t *testing.T) (*rsa.PrivateKey, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Vereine"}, NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(0, 0, 1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, bundletest.ChainPEM(cert)
}

// TestVerifyZIP: by a store's rules, and by the signature beside it if somebody says whose it
// has to be.
func TestVerifyZIP(t *testing.T) {
	key, certificate := groupSigner(t)
	_, another := groupSigner(t)
	good := notes(t, "2.1.0", "")
	signature, err := jameica.Sign(bytes.NewReader(good), crypto.Signer(key))
	if err != nil {
		t.Fatal(err)
	}
	document := []byte(`<plugin name="demo.notes" version="1.0"/>`)
	late := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	for _, c := range []struct {
		name   string
		zip    []byte
		beside []byte // the .sha1
		args   []string
		code   string
		says   string // in the table
	}{
		{"nobody says whose it is", good, nil, nil, "", "signature  unsigned"},
		{"a signature that nobody can judge", good, signature, nil, "", "warning: a.zip.sha1 lies beside it and was not judged"},
		{"signed", good, signature, []string{"--certificate", "group.pem"}, "", "signature  valid (CN=Vereine)"},
		{"signed by another", good, signature, []string{"--certificate", "another.pem"}, "signature_invalid", "signature   refused"},
		{"a signature of another file", notes(t, "2.2.0", ""), signature, []string{"--certificate", "group.pem"}, "signature_invalid", "signature   refused"},
		{"no signature where there has to be one", good, nil, []string{"--certificate", "group.pem"}, "unsigned", "there is no signature beside it, a.zip.sha1"},
		{"the certificate has run out", good, signature, []string{"--certificate", "group.pem", "--at", late}, "untrusted", "certificate  refused"},
		{"what a store does not take", notes(t, "2.1.0.4", ""), nil, nil, "manifest_invalid", "plugin.xml  refused"},
		{"a folder without an entry", zipOf(bundletest.Entry{Name: "demo.notes/plugin.xml", Data: document}), nil, nil, "archive_invalid", "pack the folder with its entry"},
		{"cut", good[:len(good)-1], nil, nil, "truncated", "refused"},
		{"two folders", zipOf(bundletest.Entry{Name: "demo.notes/"}, bundletest.Entry{Name: "demo.notes/plugin.xml", Data: document}, bundletest.Entry{Name: "other/x", Data: []byte("x")}), nil, nil, "archive_invalid", "archive  refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string][]byte{"a.zip": c.zip, "group.pem": certificate, "another.pem": another}
			if c.beside != nil {
				files["a.zip.sha1"] = c.beside
			}
			dir := written(t, files)
			args := []string{"verify", filepath.Join(dir, "a.zip")}
			for _, arg := range c.args {
				if strings.HasSuffix(arg, ".pem") {
					arg = filepath.Join(dir, arg)
				}
				args = append(args, arg)
			}
			text, err := run(t, args...)
			if (err == nil) != (c.code == "") || err != nil && (output.ExitCode(err) != output.ExitFailed || !strings.HasSuffix(err.Error(), " is refused: "+c.code)) {
				t.Errorf("%v", err)
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("%s does not say %q", text, c.says)
			}
			text, _ = run(t, append(args, "-o", "json")...)
			var report map[string]any
			if err := json.Unmarshal([]byte(text), &report); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if code, _ := report["code"].(string); report["ok"] != (c.code == "") || code != c.code {
				t.Errorf("%s", text)
			}
		})
	}
}

func zipOf(entries ...bundletest.Entry) []byte {
	return (&bundletest.Archive{Entries: entries}).Build()
}

// TestVerifyFlags: what is about another kind of file is wrong usage, and so is a time that is
// none.
func TestVerifyFlags(t *testing.T) {
	dir := written(t, map[string][]byte{"a.zip": notes(t, "2.1.0", ""), "b.zip": bundletest.Good(), "none.pem": []byte("x")})
	for _, args := range [][]string{
		{"a.zip", "--trust", dir}, {"a.zip", "--offline"}, {"a.zip", "--at", "yesterday"}, {"a.zip", "--certificate", filepath.Join(dir, "none.pem")},
		{"b.zip", "--at", "2026-01-01", "--trust", dir}, {"b.zip", "--certificate", "x", "--trust", dir}, {"c.jpl", "--certificate", "x"},
	} {
		if _, err := run(t, append([]string{"verify", filepath.Join(dir, args[0])}, args[1:]...)...); output.ExitCode(err) != output.ExitUsage {
			t.Errorf("%v: %v", args, err)
		}
	}
	// A bundle is a bundle, whatever it is called.
	if text, err := run(t, "verify", filepath.Join(dir, "b.zip"), "--trust", dir); output.ExitCode(err) != output.ExitFailed || !strings.Contains(text, "unsigned") {
		t.Errorf("%v %s", err, text)
	}
}

// TestVerifyJPLAsOf: what was good once is good as of then.
func TestVerifyJPLAsOf(t *testing.T) {
	then := time.Now().AddDate(-5, 0, 0)
	root, signer := jpltest.At(then)
	dir := written(t, map[string][]byte{"jami.pem": bundletest.ChainPEM(root.Certificate), "a.jpl": jpltest.Good(jpltest.By(signer)).Build()})
	file := filepath.Join(dir, "a.jpl")
	if _, err := run(t, "verify", file, "--trust", dir); err == nil || !strings.HasSuffix(err.Error(), string(jpl.CodeExpired)) {
		t.Errorf("now: %v", err)
	}
	if text, err := run(t, "verify", file, "--trust", dir, "--at", then.Format(time.RFC3339)); err != nil || !strings.Contains(text, "signature  valid") {
		t.Errorf("as of then: %v\n%s", err, text)
	}
}
