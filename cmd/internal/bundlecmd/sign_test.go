package bundlecmd

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/bundletest"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/keyfile"
)

const (
	goodID = "examples.hello.HelloExtension" // of bundletest.Good
	secret = "correct horse"
)

// desk is a folder with a bundle, somebody who may sign it and a folder of trusted
// roots.
type desk struct {
	t      *testing.T
	signer *bundletest.Signer
	dir    string
}

func newDesk(t *testing.T) *desk {
	d := &desk{t, bundletest.NewSigner("hello.example", goodID, nil), t.TempDir()}
	d.write("x.jar", bundletest.Good())
	d.write("key.pem", bundletest.KeyPEM(d.signer.Key))
	// In an order that nobody wants.
	d.write("chain.pem", bundletest.ChainPEM(d.signer.Root, d.signer.Leaf, d.signer.Organization))
	if err := os.Mkdir(d.at("trust"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("trust/root.pem", bundletest.ChainPEM(d.signer.Root))
	d.write("secret", []byte(secret+"\n"))
	return d
}

func (d *desk) at(name string) string { return filepath.Join(d.dir, name) }

func (d *desk) write(name string, data []byte) {
	d.t.Helper()
	if err := os.WriteFile(d.at(name), data, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) read(name string) []byte {
	d.t.Helper()
	data, err := os.ReadFile(d.at(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

// sign signs x.jar with key.pem and chain.pem, or as args say.
func (d *desk) sign(args ...string) (string, error) {
	if len(args) == 0 || strings.HasPrefix(args[0], "--") && !slices.Contains(args, "--key") && !slices.Contains(args, "--p12") {
		args = append(args, "--key", d.at("key.pem"), "--chain", d.at("chain.pem"))
	}
	return run(d.t, append([]string{"sign", d.at("x.jar")}, args...)...)
}

// verify judges x.jar and returns the JSON.
func (d *desk) verify(args ...string) (map[string]any, error) {
	d.t.Helper()
	out, err := run(d.t, append([]string{"verify", d.at("x.jar"), "--trust", d.at("trust"), "-o", "json"}, args...)...)
	var v map[string]any
	if jsonErr := json.Unmarshal([]byte(out), &v); jsonErr != nil {
		d.t.Fatalf("%v: %s (%v)", jsonErr, out, err)
	}
	return v, err
}

// mustHold expects that x.jar verifies.
func (d *desk) mustHold() {
	d.t.Helper()
	v, err := d.verify()
	if err != nil || v["ok"] != true || v["signature"].(map[string]any)["state"] != "valid" {
		d.t.Fatalf("%v: %v", err, v)
	}
}

func TestSignWithKeysOfEveryForm(t *testing.T) {
	for _, c := range []struct {
		name string
		key  func(d *desk) []byte
		args []string
	}{
		{"PKCS 8", func(d *desk) []byte { return bundletest.KeyPEM(d.signer.Key) }, nil},
		{"SEC 1", func(d *desk) []byte {
			der, err := x509.MarshalECPrivateKey(d.signer.Key.(*ecdsa.PrivateKey))
			if err != nil {
				t.Fatal(err)
			}
			return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
		}, nil},
		{"encrypted PKCS 8", func(d *desk) []byte {
			text, err := keyfile.Encode(d.signer.Key, []byte(secret))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}, []string{"--passphrase-file", "secret"}},
		{"encrypted by OpenSSL", func(d *desk) []byte {
			cmd := exec.Command("openssl", "pkcs8", "-topk8", "-passout", "file:"+d.at("secret"))
			cmd.Stdin = bytes.NewReader(bundletest.KeyPEM(d.signer.Key))
			out, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			return out
		}, []string{"--passphrase-file", "secret"}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			d := newDesk(t)
			d.write("key.pem", c.key(d))
			args := slices.Clone(c.args)
			for i := range args {
				if args[i] == "secret" {
					args[i] = d.at("secret")
				}
			}
			if _, err := d.sign(args...); err != nil {
				t.Fatal(err)
			}
			d.mustHold()
		})
	}
}

// TestSignWithAKeyStore takes PKCS #12 as this library, OpenSSL and keytool write it.
func TestSignWithAKeyStore(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(d *desk)
	}{
		{"modern", func(d *desk) {
			data, err := pkcs12.Modern2023.Encode(d.signer.Key, d.signer.Leaf, []*x509.Certificate{d.signer.Root, d.signer.Organization}, secret)
			if err != nil {
				t.Fatal(err)
			}
			d.write("store.p12", data)
		}},
		{"OpenSSL", func(d *desk) {
			d.tool("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "chain.pem", "-out", "store.p12", "-passout", "file:secret")
		}},
		{"keytool", func(d *desk) {
			d.tool("openssl", "pkcs12", "-export", "-inkey", "key.pem", "-in", "chain.pem", "-out", "first.p12", "-passout", "file:secret")
			d.tool("keytool", "-importkeystore", "-srckeystore", "first.p12", "-destkeystore", "store.p12", "-srcstorepass:file", "secret", "-deststorepass:file", "secret")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			c.make(d)
			if _, err := d.sign("--p12", d.at("store.p12"), "--passphrase-file", d.at("secret")); err != nil {
				t.Fatal(err)
			}
			d.mustHold()
		})
	}
}

func (d *desk) tool(program string, args ...string) {
	d.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = d.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		d.t.Fatalf("%s %v: %v\n%s", program, args, err, out)
	}
}

// TestSignRefusesBeforeItWrites: what no host would take is told, and the bundle is as
// it was.
func TestSignRefusesBeforeItWrites(t *testing.T) {
	for _, c := range []struct {
		name, want string
		exit       int
		change     func(d *desk)
		args       []string
	}{
		{"nobody", "say who signs", output.ExitUsage, nil, []string{"--key", "key.pem"}},
		{"two of them", "does not go with", output.ExitUsage, nil, []string{"--p12", "x", "--key", "key.pem"}},
		{"the key of another", "none of the 3 certificates belongs to the key", output.ExitFailed, func(d *desk) {
			d.write("key.pem", bundletest.KeyPEM(bundletest.NewSigner("hello.example", goodID, nil).Key))
		}, nil},
		{"no organization", "stands alone, without its issuer", output.ExitFailed, func(d *desk) {
			d.write("chain.pem", bundletest.ChainPEM(d.signer.Leaf))
		}, nil},
		{"organization missing below the root", "does not belong to the chain", output.ExitFailed, func(d *desk) {
			d.write("chain.pem", bundletest.ChainPEM(d.signer.Leaf, d.signer.Root))
		}, nil},
		{"another id", `is for the extension "other.Extension", and the bundle's id is "examples.hello.HelloExtension"`, output.ExitFailed, func(d *desk) {
			d.signer = bundletest.NewSigner("hello.example", "other.Extension", nil)
			d.write("key.pem", bundletest.KeyPEM(d.signer.Key))
			d.write("chain.pem", bundletest.ChainPEM(d.signer.Chain()...))
		}, nil},
		{"the organization itself", "is that of an authority, which does not sign bundles", output.ExitFailed, func(d *desk) {
			d.write("key.pem", bundletest.KeyPEM(d.signer.OrganizationKey))
			d.write("chain.pem", bundletest.ChainPEM(d.signer.Organization, d.signer.Root))
		}, nil},
		{"an extension of no organization", "no host would take this signature: chain_invalid", output.ExitFailed, func(d *desk) {
			d.write("chain.pem", bundletest.ChainPEM(d.signer.Strayed(), d.signer.Root))
		}, nil},
		{"no certificates", "holds no certificate", output.ExitFailed, func(d *desk) { d.write("chain.pem", []byte("nothing")) }, nil},
		{"no key", "no private key", output.ExitFailed, func(d *desk) { d.write("key.pem", []byte("nothing")) }, nil},
		{"the wrong passphrase", "does not open", output.ExitFailed, func(d *desk) {
			text, err := keyfile.Encode(d.signer.Key, []byte("another"))
			if err != nil {
				t.Fatal(err)
			}
			d.write("key.pem", text)
		}, []string{"--passphrase-file", "secret"}},
		{"no terminal to ask at", "there is no terminal to ask at", output.ExitUsage, func(d *desk) {
			text, err := keyfile.Encode(d.signer.Key, []byte(secret))
			if err != nil {
				t.Fatal(err)
			}
			d.write("key.pem", text)
		}, nil},
		{"a bundle that is none", "would be refused: not_zip", output.ExitFailed, func(d *desk) { d.write("x.jar", []byte("no bundle")) }, nil},
		{"a staple that is none", "is no OCSP answer", output.ExitFailed, func(d *desk) { d.write("staple", []byte("nothing")) }, []string{"--staple", "staple"}},
		{"no authority at that address", "asking for a timestamp", output.ExitFailed, nil, []string{"--tsa", "http://127.0.0.1:1/"}},
		{"no address", "no address of a timestamp authority", output.ExitUsage, nil, []string{"--tsa", "file:///etc/passwd"}},
		{"a folder to write", "is no file that could be written", output.ExitFailed, nil, []string{"--out", "trust"}},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			d := newDesk(t)
			if c.change != nil {
				c.change(d)
			}
			before := d.read("x.jar")
			args := slices.Clone(c.args)
			for i := range args {
				if _, err := os.Stat(d.at(args[i])); err == nil {
					args[i] = d.at(args[i])
				}
			}
			out, err := d.sign(args...)
			if err == nil || !strings.Contains(err.Error(), c.want) || output.ExitCode(err) != c.exit {
				t.Errorf("got %v (exit %d), want %q (exit %d); printed %q", err, output.ExitCode(err), c.want, c.exit, out)
			}
			if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "PRIVATE")) {
				t.Errorf("the error tells a secret: %v", err)
			}
			if !bytes.Equal(before, d.read("x.jar")) {
				t.Error("the bundle was changed")
			}
			if left, err := filepath.Glob(d.at(".*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %q (%v)", left, err)
			}
		})
	}
}

// TestSignInPlaceKeepsTheFile signs through a link: mode and link stay as they were.
func TestSignInPlaceKeepsTheFile(t *testing.T) {
	d := newDesk(t)
	if err := os.Rename(d.at("x.jar"), d.at("real.jar")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(d.at("real.jar"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.jar", d.at("x.jar")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sign(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(d.at("x.jar"))
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link became %v (%v)", info, err)
	}
	info, err = os.Stat(d.at("real.jar"))
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file became %v (%v)", info, err)
	}
	d.mustHold()
	// Signing again, into another file.
	before := d.read("x.jar")
	out, err := d.sign("--out", d.at("y.jar"), "-o", "json")
	if err != nil || !strings.Contains(out, `"state": "unchecked"`) || !strings.Contains(out, `"file": "`+d.at("y.jar")+`"`) {
		t.Errorf("%v: %s", err, out)
	}
	if !bytes.Equal(before, d.read("x.jar")) || !bytes.Equal(before, d.read("y.jar")) {
		t.Error("the same bundle, signed again, differs, or the first one was touched")
	}
}

// TestSignWithATimestamp asks OpenSSL's authority over HTTP.
func TestSignWithATimestamp(t *testing.T) {
	d := newDesk(t)
	authority := bundletest.NewStampAuthority(t.TempDir(), "sha256")
	server := httptest.NewServer(authority)
	defer server.Close()
	if err := os.Mkdir(d.at("trust/timestamp"), 0o755); err != nil {
		t.Fatal(err)
	}
	d.write("trust/timestamp/root.pem", bundletest.ChainPEM(authority.Root))
	if _, err := d.sign("--tsa", server.URL+"/tsa"); err != nil {
		t.Fatal(err)
	}
	d.mustHold()
	out, err := run(t, "verify", d.at("x.jar"), "--trust", d.at("trust"))
	if err != nil || !strings.Contains(out, "proves that it was signed on") {
		t.Errorf("%v:\n%s", err, out)
	}
	for name, handler := range map[string]http.HandlerFunc{
		"refusal":           func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"nonsense":          func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "nonsense") },
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.CopyN(w, rand.Reader, 2*maxStamp) },
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			bad := httptest.NewServer(handler)
			defer bad.Close()
			before := d.read("x.jar")
			if _, err := d.sign("--tsa", bad.URL); err == nil || !bytes.Equal(before, d.read("x.jar")) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestVerifyTellsItsVerdict pins what `bundle verify -o json` prints, and the exit code.
func TestVerifyTellsItsVerdict(t *testing.T) {
	signed := func(d *desk) {
		if _, err := d.sign(); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, code string
		change     func(d *desk)
		args       []string
	}{
		{"unsigned", "unsigned", func(*desk) {}, nil},
		{"trusted", "", signed, nil},
		{"trusted, nobody to ask about revocation", "revocation_unknown", signed, []string{"--revocation", "hard"}},
		{"trusted, not asked about revocation", "", signed, []string{"--revocation", "off"}},
		{"by a stranger", "chain_untrusted", func(d *desk) {
			signed(d)
			d.write("trust/root.pem", bundletest.ChainPEM(bundletest.NewSigner("other.example", goodID, nil).Root))
		}, nil},
		{"for another id", "identity_mismatch", func(d *desk) {
			d.signer = bundletest.NewSigner("hello.example", "other.Extension", nil)
			d.write("trust/root.pem", bundletest.ChainPEM(d.signer.Root))
			d.write("x.jar", d.signer.Sign(bundletest.Good()))
		}, nil},
		{"changed", "signature_invalid", func(d *desk) {
			a := bundletest.NewSeal(d.signer).Build()
			a.At("data/x.txt").Data = []byte("evil")
			d.write("x.jar", a.Build())
		}, nil},
		{"no bundle", "not_zip", func(d *desk) { d.write("x.jar", []byte("nothing")) }, nil},
		{"nothing", "unreadable", func(d *desk) {
			if err := os.Remove(d.at("x.jar")); err != nil {
				t.Fatal(err)
			}
		}, nil},
	} {
		t.Run(strings.ReplaceAll(c.name, " ", "-"), func(t *testing.T) {
			d := newDesk(t)
			c.change(d)
			v, err := d.verify(c.args...)
			if c.code == "" {
				s, _ := v["signature"].(map[string]any)
				chain, _ := s["chain"].([]any)
				if err != nil || v["ok"] != true || v["id"] != goodID || s["state"] != "valid" || s["code"] != "" || s["signer"] != goodID ||
					s["organization"] != "Test Organization" || len(chain) != 3 || len(s) != 5 {
					t.Errorf("%v: %v", err, v)
				}
				return
			}
			keys := 0
			for _, key := range []string{"ok", "code", "entry", "line", "message"} {
				if _, ok := v[key]; ok {
					keys++
				}
			}
			if output.ExitCode(err) != output.ExitFailed || v["ok"] != false || v["code"] != c.code || v["message"] == "" || keys != 5 || len(v) != 5 {
				t.Errorf("%v (exit %d): %v", err, output.ExitCode(err), v)
			}
		})
	}
}

func TestVerifyShowsTheReasoning(t *testing.T) {
	d := newDesk(t)
	if _, err := d.sign(); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "verify", d.at("x.jar"), "--trust", d.at("trust"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"signature", "valid", "container", "content", "root", "identity", "validity", "revocation extension", "warning",
		"jmap-ext://hello.example/" + goodID, "CN=Test Root", "P-256", "sha256:"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	d.write("trust/root.pem", bundletest.ChainPEM(bundletest.NewSigner("other.example", goodID, nil).Root))
	d.write("trust/broken.pem", []byte("broken"))
	out, err = run(t, "verify", d.at("x.jar"), "--trust", d.at("trust"))
	if output.ExitCode(err) != output.ExitFailed || !strings.Contains(out, "refused") || !strings.Contains(out, "chain_untrusted") || !strings.Contains(out, "broken.pem") || !strings.Contains(err.(*output.Error).Hint, "broken.pem") {
		t.Errorf("%v:\n%s", err, out)
	}
	for _, args := range [][]string{{"--revocation", "maybe"}, {"--trust", d.at("nowhere")}} {
		if _, err := run(t, append([]string{"verify", d.at("x.jar")}, args...)...); output.ExitCode(err) != output.ExitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestInspectOfASignedBundle reports a signature, and judges nobody.
func TestInspectOfASignedBundle(t *testing.T) {
	d := newDesk(t)
	if _, err := d.sign(); err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "inspect", d.at("x.jar"))
	if err != nil || !strings.Contains(out, bundle.SignatureUnchecked+" (Test Organization)") {
		t.Errorf("%v:\n%s", err, out)
	}
}
