package bundlecmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/bundle/jpl/jpltest"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// written puts files into a new folder and returns it.
func written(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestVerifyJPL(t *testing.T) {
	root, signer := jpltest.At(time.Now())
	roots := written(t, map[string][]byte{"jami.pem": bundletest.ChainPEM(root.Certificate), "notes.txt": []byte("x")})
	broken := written(t, map[string][]byte{"broken.pem": []byte("x"), "jami.pem": bundletest.ChainPEM(root.Certificate)})
	org := &jpltest.Issuer{Key: jpltest.OtherKey(), Certificate: signer.Chain[1]}
	revoked := written(t, map[string][]byte{"jami.pem": bundletest.ChainPEM(root.Certificate), "acme.crl": org.Revoke(signer.Chain[0])})
	good := jpltest.Good(jpltest.By(signer))
	for _, c := range []struct {
		name, trust string
		data        []byte
		code        jpl.Code
		jami        float64
		says        string // in the table
	}{
		{"good", roots, good.Build(), "", 0, "author     Acme Gardens"},
		{"good", broken, good.Build(), "", 0, "warning: left out of the trusted roots: " + broken},
		{"a store does not take it", roots, jpltest.Good(jpltest.By(signer), jpltest.WithFile("data/models/resource.json", nil)).Build(), "", 0, "warning: a store does not take it: file_dropped: data/models/resource.json"},
		{"nobody is trusted", t.TempDir(), good.Build(), jpl.CodeChainUntrusted, 400, "chain        refused"},
		{"revoked", revoked, good.Build(), jpl.CodeRevoked, 400, "revocation   refused"},
		{"changed", roots, bytes.Replace(good.Build(), []byte("\x7fELF"), []byte("\x7fELL"), 1), "crc_mismatch", 500, "container  refused"},
		{"nothing", roots, nil, "not_zip", 500, "refused  not_zip"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(written(t, map[string][]byte{"a.JPL": c.data}), "a.JPL")
			text, err := run(t, "verify", file, "--trust", c.trust)
			if (err == nil) != (c.code == "") || err != nil && (output.ExitCode(err) != output.ExitFailed || !strings.HasSuffix(err.Error(), " is refused: "+string(c.code))) {
				t.Errorf("%v", err)
			}
			if !strings.Contains(text, c.says) {
				t.Errorf("%s does not say %q", text, c.says)
			}
			text, _ = run(t, "verify", file, "--trust", c.trust, "-o", "json")
			var report map[string]any
			if err := json.Unmarshal([]byte(text), &report); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			code, _ := report["code"].(string)
			if report["ok"] != (c.code == "") || report["jami"] != c.jami || code != string(c.code) || report["format"] != "jpl" || report["checks"] == nil {
				t.Errorf("%s", text)
			}
		})
	}
}

// TestInspectJPL reports a signature, whoever made it, and judges nobody.
func TestInspectJPL(t *testing.T) {
	var dir = written(t, map[string][]byte{
		"stranger.jpl": jpltest.Good(jpltest.By(jpltest.Stranger())).Build(),
		"changed.jpl":  jpltest.Good(func(a *jpltest.Archive) { a.Sealed = func(z *bundletest.Archive) { z.At(jpltest.Library).Data = nil } }).Build(),
		"unsigned.jpl": jpltest.Good(func(a *jpltest.Archive) {
			a.Sealed = func(z *bundletest.Archive) {
				for _, name := range []string{jpltest.ID + ".crt", "signatures", "signatures.sig"} {
					z.Drop(name)
				}
			}
		}).Build(),
	})
	for name, want := range map[string][]string{
		"stranger.jpl": {"signature  unchecked", "author     Nobody's Root", "locales    en, fr-ca", "platforms  x86_64-linux-gnu"},
		"changed.jpl":  {"signature  invalid", "jami       300", "warning: the signature does not hold: signature_invalid"},
		"unsigned.jpl": {"signature  unsigned"},
	} {
		text, err := run(t, "inspect", filepath.Join(dir, name))
		for _, part := range want {
			if err != nil || !strings.Contains(text, part) {
				t.Errorf("%s: %v\n%s does not say %q", name, err, text, part)
			}
		}
	}
	if _, err := run(t, "inspect", filepath.Join(dir, "none.jpl")); err == nil || !strings.HasSuffix(err.Error(), "unreadable") {
		t.Errorf("%v", err)
	}
}

func TestJPLFlags(t *testing.T) {
	_, err := run(t, "verify", "a.jpl", "--offline", "--trust", t.TempDir())
	var e *output.Error
	if !errors.As(err, &e) || e.Code != output.ExitUsage {
		t.Errorf("%v", err)
	}
}
