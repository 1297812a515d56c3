package auth

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/jackfield-host/jackfield/sdk"
)

// provider is a small OpenID provider on a port of this machine.
type provider struct {
	t       *testing.T
	address string
	fetches atomic.Int32 // of keys

	mu   sync.Mutex
	keys []jose.JSONWebKey // guarded by mu: private halves, the last one signs
}

func newProvider(t *testing.T) *provider {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() // start listens there again
	return &provider{t: t, address: ln.Addr().String()}
}

func (p *provider) issuer() string { return "http://" + p.address }

func (p *provider) start() {
	p.t.Helper()
	ln, err := net.Listen("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(map[string]any{
			"issuer": p.issuer(), "jwks_uri": p.issuer() + "/keys", "id_token_signing_alg_values_supported": []string{"none", "HS256", "RS256"},
		})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		p.fetches.Add(1)
		p.mu.Lock()
		defer p.mu.Unlock()
		var set jose.JSONWebKeySet
		for _, key := range p.keys {
			set.Keys = append(set.Keys, key.Public())
		}
		json.NewEncoder(w).Encode(set)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() { defer close(ended); server.Serve(ln) }()
	p.t.Cleanup(func() { server.Close(); <-ended })
}

func (p *provider) use(keys ...jose.JSONWebKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = keys
}

func newRSA(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "RS256", Use: "sig"}
}

func newEC(t *testing.T, id string) jose.JSONWebKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: "ES256", Use: "sig"}
}

// token makes a good token of the provider, changed by change.
func (p *provider) token(key jose.JSONWebKey, change map[string]any) string {
	p.t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": p.issuer(), "aud": []string{"jackfield", "other"}, "sub": "ada", "exp": now.Add(time.Hour).Unix(),
		"iat": now.Unix(), "sid": "s1", "roles": []any{"viewer", 7, "operator", "bad\nrole"},
		"realm_access": map[string]any{"roles": []string{"deep"}}, "scope": "a b",
	}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.sign(jose.SignatureAlgorithm(key.Algorithm), key, payload)
}

func (p *provider) sign(alg jose.SignatureAlgorithm, key any, payload []byte) string {
	p.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// run makes an OIDC that trusts p.
func (p *provider) run(change func(*OIDCConfig)) *OIDC {
	p.t.Helper()
	cfg := OIDCConfig{Issuer: p.issuer(), Audience: "jackfield", RolesClaim: "roles", Log: slog.New(slog.DiscardHandler), KeysEvery: time.Nanosecond}
	if change != nil {
		change(&cfg)
	}
	o, err := NewOIDC(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); o.Run(ctx) }()
	p.t.Cleanup(func() { stop(); <-ended })
	return o
}

func awaitProvider(t *testing.T, o *OIDC) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); o.verifier.Load() == nil; <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the provider was not found")
		}
	}
}

// TestProviderThatComesLater: the host does not wait for its provider. What can not
// be checked is unavailable, not refused; the rest follows by itself.
func TestProviderThatComesLater(t *testing.T) {
	p := newProvider(t)
	first, second := newRSA(t, "first"), newEC(t, "second")
	p.use(first)
	o := p.run(nil)
	token := p.token(first, nil)
	_, err := o.Authenticate(t.Context(), token)
	var fault *sdk.Error
	if fault, _ = err.(*sdk.Error); fault == nil || fault.Code != sdk.Unavailable || fault.RetryAfter <= 0 || !fault.Retryable {
		t.Fatalf("without a provider: %v", err)
	}
	p.start()
	awaitProvider(t, o)
	caller, err := o.Authenticate(t.Context(), token)
	if err != nil || caller.Subject != "ada" || caller.Session != "s1" || !slices.Equal(caller.Roles, []string{"viewer", "operator"}) {
		t.Fatalf("%+v, %v", caller, err)
	}
	// The provider changes its key: the new one is fetched, the old one's tokens are
	// refused but for those that are remembered.
	p.use(second)
	renewed := p.token(second, nil)
	for deadline := time.Now().Add(15 * time.Second); ; <-time.After(10 * time.Millisecond) {
		_, err := o.Authenticate(t.Context(), renewed)
		if err == nil { // a question about the keys of before may still be under way
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("with the new key: %v", err)
		}
	}
	if _, err := o.Authenticate(t.Context(), p.token(first, map[string]any{"jti": "x"})); sdk.CodeOf(err) != sdk.Unauthenticated {
		t.Errorf("with the old key: %v", err)
	}
	fetches := p.fetches.Load()
	for range 10 {
		if _, err := o.Authenticate(t.Context(), token); err != nil {
			t.Errorf("remembered: %v", err)
		}
	}
	if now := p.fetches.Load(); now != fetches {
		t.Errorf("remembered tokens fetched keys %d times", now-fetches)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	p := newProvider(t)
	key, stranger := newRSA(t, "k"), newRSA(t, "k")
	p.use(key)
	p.start()
	var said lockedBuffer // the provider's goroutine speaks, too
	o := p.run(func(c *OIDCConfig) {
		c.Log = slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	awaitProvider(t, o)
	now := time.Now()
	public, err := json.Marshal(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	good := p.token(key, nil)
	payload := strings.Split(good, ".")[1]
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for name, token := range map[string]string{
		"empty":                  "",
		"no JWT":                 "abc.def",
		"too long":               strings.Repeat("a", maxToken+1),
		"alg none":               part(`{"alg":"none"}`) + "." + payload + ".",
		"alg None":               part(`{"alg":"None"}`) + "." + payload + ".",
		"HS256 with the public":  p.sign(jose.HS256, public, raw),
		"another's signature":    p.token(stranger, nil),
		"unknown key":            p.token(newRSA(t, "unknown"), nil),
		"key in the header":      part(`{"alg":"RS256","jwk":`+string(public)+`}`) + "." + payload + ".AAAA",
		"signature cut":          good[:len(good)-10],
		"claims changed":         strings.Replace(good, payload, part(strings.Replace(string(raw), "ada", "eve", 1)), 1),
		"expired":                p.token(key, map[string]any{"exp": now.Add(-time.Minute).Unix()}),
		"no expiry":              p.token(key, map[string]any{"exp": nil}),
		"not yet":                p.token(key, map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}),
		"issued in the future":   p.token(key, map[string]any{"iat": now.Add(time.Hour).Unix()}),
		"another audience":       p.token(key, map[string]any{"aud": "other"}),
		"no audience":            p.token(key, map[string]any{"aud": nil}),
		"another issuer":         p.token(key, map[string]any{"iss": "https://evil.example"}),
		"no subject":             p.token(key, map[string]any{"sub": nil}),
		"subject with a newline": p.token(key, map[string]any{"sub": "a\nb"}),
		"long subject":           p.token(key, map[string]any{"sub": strings.Repeat("a", 300)}),
		"claims of other types":  p.token(key, map[string]any{"nbf": "soon"}),
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := o.Authenticate(t.Context(), token)
			if sdk.CodeOf(err) != sdk.Unauthenticated || caller.Subject != "" {
				t.Errorf("%+v, %v", caller, err)
			}
			if err != nil && len(token) > 20 && strings.Contains(err.Error(), token) || token != "" && strings.Contains(said.String(), token) {
				t.Error("the token shows")
			}
		})
	}
	if _, err := o.Authenticate(t.Context(), p.token(key, map[string]any{"exp": now.Add(-5 * time.Second).Unix()})); err != nil {
		t.Errorf("within the leeway: %v", err)
	}
}

// TestProviderIsNotFlooded: tokens of unknown keys do not become its load, and when
// its keys can not be had, nobody is refused for it.
func TestProviderIsNotFlooded(t *testing.T) {
	p := newProvider(t)
	key, unknown := newRSA(t, "k"), newRSA(t, "unknown")
	p.use(key)
	p.start()
	o := p.run(func(c *OIDCConfig) { c.KeysEvery = time.Hour })
	awaitProvider(t, o)
	if _, err := o.Authenticate(t.Context(), p.token(key, nil)); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := o.Authenticate(t.Context(), p.token(unknown, nil)); sdk.CodeOf(err) != sdk.Unauthenticated {
			t.Errorf("got %v", err)
		}
	}
	if n := p.fetches.Load(); n != 1 {
		t.Errorf("keys were fetched %d times", n)
	}
	o.client.answered(p.issuer()+"/keys", false)
	if _, err := o.Authenticate(t.Context(), p.token(unknown, nil)); sdk.CodeOf(err) != sdk.Unavailable {
		t.Errorf("while the provider is down: %v", err)
	}
}

func TestRolesClaim(t *testing.T) {
	claims := map[string]any{
		"roles": []any{"a", 1.0, "b"}, "scope": "x  y", "https://x.example/roles": []any{"z"}, "number": 1.0,
		"realm_access": map[string]any{"roles": []any{"deep"}},
	}
	for name, want := range map[string][]string{
		"roles": {"a", "b"}, "scope": {"x", "y"}, "https://x.example/roles": {"z"}, "realm_access.roles": {"deep"},
		"number": nil, "missing": nil, "roles.deeper": nil, "": nil, "realm_access": nil,
	} {
		if got := rolesFrom(claims, name); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestVerifiedIsBounded(t *testing.T) {
	var v verified
	now := time.Now()
	for i := range maxVerified + 10 {
		v.put(digest{byte(i), byte(i >> 8), byte(i >> 16)}, sdk.Caller{Subject: "x"}, now, now.Add(time.Hour))
	}
	if len(v.callers) > maxVerified {
		t.Errorf("%d are remembered", len(v.callers))
	}
	key := digest{255, 255, 255}
	v.put(key, sdk.Caller{Subject: "y"}, now, now.Add(time.Minute))
	for after, want := range map[time.Duration]bool{59 * time.Second: true, time.Minute: false, time.Hour: false} {
		if _, ok := v.get(key, now.Add(after)); ok != want {
			t.Errorf("after %s: %t", after, ok)
		}
	}
	v.put(key, sdk.Caller{}, now, now.Add(time.Hour))
	if _, ok := v.get(key, now.Add(verifiedTime)); ok {
		t.Errorf("remembered over %s", verifiedTime)
	}
}

// lockedBuffer is a bytes.Buffer for several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
