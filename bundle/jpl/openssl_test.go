package jpl_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
)

// TestJar: an archive that another program has written, with folders, compressed, is the
// same archive.
func TestJar(t *testing.T) {
	files, err := readZIP(jpltest.Good(jpltest.In(jpltest.Folders)).Build())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, "content", filepath.FromSlash(f.name))
		if f.dir {
			err = os.MkdirAll(path, 0o700)
		} else if err = os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			err = os.WriteFile(path, f.data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "made.jpl")
	if out, err := exec.Command("jar", "cfM", file, "-C", filepath.Join(dir, "content"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	mustVerify(t, data)
	if code := newDaemon().install(data); code != 0 {
		t.Errorf("a daemon answers %d", code)
	}
}

// TestOpenSSL: the signatures of an archive are those that openssl verifies, and an archive
// signed by openssl, with certificates of its own, is accepted.
func TestOpenSSL(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	get := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	openssl := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}

	chain := jpltest.Publisher().Chain
	put("root.pem", bundletest.ChainPEM(jpltest.Roots()...))
	put("organization.pem", bundletest.ChainPEM(chain[1]))
	put("leaf.pem", bundletest.ChainPEM(chain[0]))
	openssl("verify", "-attime", "1780315200", "-CAfile", "root.pem", "-untrusted", "organization.pem", "leaf.pem")
	openssl("x509", "-in", "leaf.pem", "-noout", "-pubkey", "-out", "leaf.pub")
	files, err := readZIP(jpltest.Good().Build())
	if err != nil {
		t.Fatal(err)
	}
	put("signatures", first(files, "signatures"))
	put("signatures.sig", first(files, "signatures.sig"))
	openssl("dgst", "-sha512", "-verify", "leaf.pub", "-signature", "signatures.sig", "signatures")
	signatures, _ := unpack(first(files, "signatures"))
	put("library", first(files, jpltest.Library))
	put("library.sig", signatures[jpltest.Library])
	openssl("dgst", "-sha512", "-verify", "leaf.pub", "-signature", "library.sig", "library")

	// The other way: the recipe of docs/jami.md.
	put("ca.ext", []byte("basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"))
	openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=Root", "-keyout", "r.key", "-out", "r.crt")
	openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Org/CN=Org", "-keyout", "o.key", "-out", "o.csr")
	openssl("x509", "-req", "-in", "o.csr", "-CA", "r.crt", "-CAkey", "r.key", "-sha256", "-extfile", "ca.ext", "-days", "365", "-out", "o.crt")
	openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=Org/CN="+jpltest.ID, "-keyout", "l.key", "-out", "l.csr")
	put("leaf.ext", []byte("subjectKeyIdentifier=hash\n")) // else openssl 3.0 makes it version 1
	openssl("x509", "-req", "-in", "l.csr", "-CA", "o.crt", "-CAkey", "o.key", "-sha512", "-extfile", "leaf.ext", "-days", "365", "-out", "l.crt")
	a := jpltest.Good()
	sign := func(data []byte) []byte {
		put("data", data)
		openssl("dgst", "-sha512", "-sign", "l.key", "-out", "sig", "data")
		return get("sig")
	}
	a.Certificate = append(get("l.crt"), get("o.crt")...)
	a.Items = func(items []jpltest.Item) []jpltest.Item {
		for i := range items {
			items[i].Value = sign(a.Files[items[i].Key])
		}
		return items
	}
	a.Sealed = func(z *bundletest.Archive) { z.At("signatures.sig").Data = sign(z.At("signatures").Data) }
	roots, err := jpl.ParseRoots(get("r.crt"))
	if err != nil {
		t.Fatal(err)
	}
	v, err := verify(t, a.Build(), jpl.Options{Roots: roots})
	if err != nil || v.Author() != "Org" {
		t.Errorf("%v %v", v, err)
	}
}
