package store_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
	tt "github.com/jackfield-host/jackfield/trust/trusttest"
)

// stampOf is a timestamp as the store of an authority may sign it.
func stampOf(a *tt.Authority) store.Timestamp {
	return store.Timestamp{Store: "store." + a.Host, Sequence: 7, Issued: a.Now, Expires: a.Now.Add(time.Hour), Snapshot: store.ObjectOf([]byte("{}\n"))}
}

func keysOf(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"P-256": p256, "P-384": p384, "RSA": rsa2048}
}

// TestSignAndVerify with every kind of key, by us and by OpenSSL, which knows nothing of
// envelopes but what docs/store.md says.
func TestSignAndVerify(t *testing.T) {
	for name, key := range keysOf(t) {
		t.Run(name, func(t *testing.T) {
			a := tt.NewAuthority(t)
			holder := tt.IssueFor(t, a.Root, a.Template(tt.Store), key)
			roots := &trust.Roots{Certificates: tt.Certs(a.Root)}
			for _, chain := range [][]*x509.Certificate{tt.Certs(holder), tt.Certs(holder, a.Root)} {
				data, err := store.SignTimestamp(stampOf(a), key, chain)
				if err != nil {
					t.Fatal(err)
				}
				got, err := store.VerifyTimestamp(data, roots, a.Now, store.Seen{})
				if err != nil || got.Sequence != 7 || got.Store != "store.acme.example" || !got.Issued.Equal(a.Now) {
					t.Fatalf("%+v, %v", got, err)
				}
				_, err = store.VerifyTimestamp(data, &trust.Roots{Certificates: tt.Certs(tt.NewAuthority(t).Root)}, a.Now, store.Seen{})
				wantCode(t, err, store.IndexUntrusted)
				_, err = store.VerifyTimestamp(data, nil, a.Now, store.Seen{})
				wantCode(t, err, store.IndexUntrusted)
				verifyByOpenSSL(t, data)
			}
		})
	}
}

func verifyByOpenSSL(t *testing.T, data []byte) {
	t.Helper()
	var e struct {
		Payload, PayloadType string
		Signatures           []struct {
			Sig          string
			Certificates []string
		}
	}
	if err := json.Unmarshal(data, &e); err != nil {
		t.Fatal(err)
	}
	decode := func(text string) []byte {
		out, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	dir, payload := t.TempDir(), decode(e.Payload)
	cert, err := x509.ParseCertificate(decode(e.Signatures[0].Certificates[0]))
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(cert.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed := "DSSEv1 " + itoa(len(e.PayloadType)) + " " + e.PayloadType + " " + itoa(len(payload)) + " " + string(payload)
	for name, content := range map[string][]byte{
		"signed": []byte(signed), "sig": decode(e.Signatures[0].Sig), "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"dgst", "-sha256", "-verify", "key.pem", "-signature", "sig"}
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P384() {
			args[1] = "-sha384"
		}
	case *rsa.PublicKey:
		args = append(args, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32")
	}
	cmd := exec.Command("openssl", append(args, "signed")...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("openssl: %v: %s", err, out)
	}
}

func itoa(n int) string {
	out, _ := json.Marshal(n)
	return string(out)
}

// TestWhatIsNotSigned: a store does not sign what nobody would take.
func TestWhatIsNotSigned(t *testing.T) {
	a := tt.NewAuthority(t)
	holder := a.Issue(t, a.Root, a.Template(tt.Store))
	for _, row := range []struct {
		name   string
		change func(*store.Timestamp)
		key    crypto.Signer
		chain  []*x509.Certificate
		want   string
	}{
		{"another store", func(s *store.Timestamp) { s.Store = "store.other.example" }, holder.Key, tt.Certs(holder), "not that of the store"},
		{"for longer than the certificate", func(s *store.Timestamp) { s.Expires = s.Issued.AddDate(1, 0, 1) }, holder.Key, tt.Certs(holder), "runs out"},
		{"for more than a year", func(s *store.Timestamp) { s.Expires = s.Issued.AddDate(2, 0, 0) }, holder.Key, tt.Certs(holder), "up to a year"},
		{"the end before the start", func(s *store.Timestamp) { s.Expires = s.Issued }, holder.Key, tt.Certs(holder), "up to a year"},
		{"a negative number", func(s *store.Timestamp) { s.Sequence = -1 }, holder.Key, tt.Certs(holder), "negative"},
		{"no snapshot", func(s *store.Timestamp) { s.Snapshot = store.Object{} }, holder.Key, tt.Certs(holder), "digest"},
		{"another key", func(*store.Timestamp) {}, a.Extension.Key, tt.Certs(holder), "not that of the certificate"},
		{"an extension", func(*store.Timestamp) {}, a.Extension.Key, tt.Certs(a.Extension), "not that of the store"},
		{"no certificate", func(*store.Timestamp) {}, holder.Key, nil, "needs the certificate"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := stampOf(a)
			row.change(&s)
			if _, err := store.SignTimestamp(s, row.key, row.chain); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}

// TestEnvelopes: what an attacker writes around, into or over a genuine envelope.
func TestEnvelopes(t *testing.T) {
	a := tt.NewAuthority(t)
	holder := a.Issue(t, a.Root, a.Template(tt.Store))
	good, err := store.SignTimestamp(stampOf(a), holder.Key, tt.Certs(holder))
	if err != nil {
		t.Fatal(err)
	}
	roots := &trust.Roots{Certificates: tt.Certs(a.Root)}
	var e map[string]any
	if err := json.Unmarshal(good, &e); err != nil {
		t.Fatal(err)
	}
	payload, sig := e["payload"].(string), e["signatures"].([]any)[0].(map[string]any)["sig"].(string)
	replace := func(old, new string) func() []byte {
		return func() []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	}
	// signedBy signs a payload of any kind as somebody, correctly.
	signedBy := func(h *tt.Holder, payloadType, payload string) func() []byte {
		return func() []byte {
			hash := crypto.SHA256.New()
			hash.Write([]byte("DSSEv1 " + itoa(len(payloadType)) + " " + payloadType + " " + itoa(len(payload)) + " " + payload))
			sig, err := h.Key.Sign(rand.Reader, hash.Sum(nil), crypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			data, err := json.Marshal(map[string]any{
				"payload": []byte(payload), "payloadType": payloadType,
				"signatures": []any{map[string]any{"sig": sig, "certificates": [][]byte{h.Cert.Raw}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	text, err := store.Canonical(stampOf(a))
	if err != nil {
		t.Fatal(err)
	}
	var canonical = strings.TrimSpace(string(text))
	for _, row := range []struct {
		name string
		make func() []byte
		code store.Code
	}{
		{"genuine", func() []byte { return good }, ""},
		{"with members of a later version", replace(`{"payload"`, `{"later":[1,{"x":null}],"payload"`), ""},
		{"signed once more, the same", signedBy(holder, store.TimestampType, canonical), ""},
		{"empty", func() []byte { return nil }, store.IndexMalformed},
		{"no JSON", func() []byte { return []byte("<html>") }, store.IndexMalformed},
		{"an array", func() []byte { return []byte("[]") }, store.IndexMalformed},
		{"null", func() []byte { return []byte("null") }, store.IndexMalformed},
		{"two values", func() []byte { return append(bytes.Clone(good), '1') }, store.IndexMalformed},
		{"not UTF-8", func() []byte { return append([]byte("{\"\xff\":1,"), good[1:]...) }, store.IndexMalformed},
		{"too long", func() []byte { return append(bytes.Clone(good), bytes.Repeat([]byte(" "), store.MaxEnvelope)...) }, store.IndexTooLarge},
		{"too deep", func() []byte { return []byte(strings.Repeat(`{"a":`, 30) + "1" + strings.Repeat("}", 30)) }, store.IndexMalformed},
		{"a payload twice", replace(`{"payload"`, `{"payload":"e30=","payload"`), store.IndexMalformed},
		{"a payload twice in other letters", replace(`{"payload"`, `{"PAYLOAD":"e30=","payload"`), store.IndexMalformed},
		{"a payload twice in letters that fold", replace(`{"payload"`, `{"payloadType":"","payloadtype":"","payload"`), store.IndexMalformed},
		{"a sig twice in letters that fold", replace(`"sig"`, `"ſig":"","sig"`), store.IndexMalformed},
		{"another type", replace(store.TimestampType, "application/json"), store.IndexMalformed},
		{"no signature", replace(`"signatures":[`, `"signatures":[],"old":[`), store.IndexMalformed},
		{"two signatures", replace(`"signatures":[`, `"signatures":[{"sig":"`+sig+`","certificates":[]},`), store.IndexMalformed},
		{"no certificate", replace(`"certificates":[`, `"certificates":[],"old":[`), store.IndexForged},
		{"a certificate that is none", replace(`"certificates":["`, `"certificates":["AAAA`), store.IndexMalformed},
		{"another payload", replace(payload, base64.StdEncoding.EncodeToString([]byte(strings.Replace(canonical, `"sequence":7`, `"sequence":9`, 1)))), store.IndexForged},
		{"an empty signature", replace(sig, ""), store.IndexForged},
		{"by an extension", signedBy(a.Extension, store.TimestampType, canonical), store.IndexUntrusted},
		{"by the root", signedBy(a.Root, store.TimestampType, canonical), store.IndexForged},
		{"by a responder of the root", signedBy(a.RootResponder, store.TimestampType, canonical), store.IndexForged},
		{"as another store", signedBy(holder, store.TimestampType, strings.Replace(canonical, "store.acme", "store.evil", 1)), store.IndexForged},
		{"a payload that is none", signedBy(holder, store.TimestampType, "{}"), store.IndexMalformed},
		{"a payload with a member twice", signedBy(holder, store.TimestampType, strings.Replace(canonical, `"sequence":7`, `"sequence":7,"Sequence":9`, 1)), store.IndexMalformed},
		{"a number that is none", signedBy(holder, store.TimestampType, strings.Replace(canonical, `"sequence":7`, `"sequence":7.5`, 1)), store.IndexMalformed},
		{"a number without end", signedBy(holder, store.TimestampType, strings.Replace(canonical, `"sequence":7`, `"sequence":99999999999999999999`, 1)), store.IndexMalformed},
		{"too large a snapshot", signedBy(holder, store.TimestampType, strings.Replace(canonical, `"size":3`, `"size":999999999999`, 1)), store.IndexTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := store.VerifyTimestamp(row.make(), roots, a.Now, store.Seen{})
			if row.code != "" {
				wantCode(t, err, row.code)
				if got != (store.Timestamp{}) {
					t.Errorf("with the error comes %+v", got)
				}
			} else if err != nil || got.Sequence != 7 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// TestCertificateTimes: the certificate of the store counts now, not when it signed.
func TestCertificateTimes(t *testing.T) {
	a := tt.NewAuthority(t)
	holder := a.Issue(t, a.Root, a.Template(tt.Store, func(c *x509.Certificate) { c.NotAfter = a.Now.Add(2 * time.Hour) }))
	data, err := store.SignTimestamp(stampOf(a), holder.Key, tt.Certs(holder))
	if err != nil {
		t.Fatal(err)
	}
	roots := &trust.Roots{Certificates: tt.Certs(a.Root)}
	for _, row := range []struct {
		after time.Duration
		code  store.Code
	}{
		{0, ""}, {-4 * time.Minute, ""}, {-6 * time.Minute, store.IndexFuture}, {-2 * time.Hour, store.IndexFuture},
		{time.Hour, ""}, {time.Hour + time.Second, store.IndexExpired}, {3 * time.Hour, store.IndexExpired},
	} {
		if _, err := store.VerifyTimestamp(data, roots, a.Now.Add(row.after), store.Seen{}); store.CodeOf(err) != row.code {
			t.Errorf("after %s: %v, want the code %q", row.after, err, row.code)
		}
	}
	seen := stampOf(a).Seen()
	for _, row := range []struct {
		name   string
		change func(*store.Seen)
		code   store.Code
	}{
		{"the same", func(*store.Seen) {}, ""},
		{"a lower one", func(s *store.Seen) { s.Sequence = 6; s.Snapshot = store.Digest(nil) }, ""},
		{"a later issue of the same", func(s *store.Seen) { s.Issued = s.Issued.Add(time.Minute) }, ""},
		{"a higher one", func(s *store.Seen) { s.Sequence = 8 }, store.IndexRolledBack},
		{"another snapshot", func(s *store.Seen) { s.Snapshot = store.Digest(nil) }, store.IndexMixed},
		{"another store", func(s *store.Seen) { s.Store = "store.other.example" }, store.IndexOtherStore},
	} {
		last := seen
		row.change(&last)
		if _, err := store.VerifyTimestamp(data, roots, a.Now, last); store.CodeOf(err) != row.code {
			t.Errorf("after %s was seen: %v, want the code %q", row.name, err, row.code)
		}
	}
}
