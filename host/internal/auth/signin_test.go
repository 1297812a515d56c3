package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/jackfield-host/jackfield/sdk"
)

// house is an OpenID provider that answers as a test wants: well, or not.
type house struct {
	*httptest.Server
	t   *testing.T
	key jose.JSONWebKey

	description map[string]any
	token       func(w http.ResponseWriter, r *http.Request)
	info        map[string]any // nil for none
	infoStatus  int
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, key: newEC(t, "1"), infoStatus: 200}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(h.description) })
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{h.key.Public()}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) { h.token(w, r) })
	mux.HandleFunc("/info", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(h.infoStatus)
		json.NewEncoder(w).Encode(h.info)
	})
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	h.description = map[string]any{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/auth", "token_endpoint": h.URL + "/token", "jwks_uri": h.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"none", "HS256", "ES256"},
	}
	return h
}

func (h *house) signIn() *SignIn {
	h.t.Helper()
	s, err := NewSignIn(SignInConfig{
		Issuer: h.URL, ClientID: "jackfield", ClientSecret: "s3cret-s3cret-s3cret-s3cret-s3cr", RolesClaim: "realm.roles", Scopes: []string{"profile"},
		Roles: []RoleValues{{"administrator", []string{"admins"}}, {"viewer", []string{"staff", "other staff"}}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(s.client.close)
	return s
}

// claims are those of somebody for whom all is well.
func (h *house) claims(nonce string) map[string]any {
	now := time.Now()
	return map[string]any{
		"iss": h.URL, "aud": "jackfield", "sub": "42", "nonce": nonce, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"preferred_username": "vera", "realm": map[string]any{"roles": []string{"staff"}},
	}
}

// answerWith has the provider exchange a code for an ID token of these claims.
func (h *house) answerWith(jwt string) {
	h.token = func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Form.Get("code") != "c0de" || r.Form.Get("code_verifier") == "" {
			h.t.Errorf("the host asks with %v, %v", r.Form, err)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": jwt})
	}
}

func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(body)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// begin begins a sign-in and returns what the browser keeps, and with what it comes back.
func begin(t *testing.T, s *SignIn) (kept, nonce string, query url.Values) {
	t.Helper()
	target, kept, err := s.Begin(t.Context(), "http://127.0.0.1:8081/admin/oidc/callback")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	asks := u.Query()
	if asks.Get("code_challenge_method") != "S256" || asks.Get("response_type") != "code" || asks.Get("scope") != "openid profile" || asks.Get("client_id") != "jackfield" {
		t.Errorf("the host asks for %v", asks)
	}
	return kept, asks.Get("nonce"), url.Values{"state": {asks.Get("state")}, "code": {"c0de"}}
}

// What a provider, or somebody in its place, may answer.
func TestWhatProvidersSay(t *testing.T) {
	other := newEC(t, "1")
	set := func(name string, value any) func(map[string]any) {
		return func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}
	}
	for _, c := range []struct {
		name   string
		change func(map[string]any)
		jwt    func(h *house, claims map[string]any) string // signed with the key when nil
		info   map[string]any
		status int
		want   sdk.Code // "" for success
		person Person
	}{
		{name: "all is well", person: Person{Subject: "42", Name: "vera", Role: "viewer"}},
		{name: "the highest role", change: set("realm", map[string]any{"roles": []string{"staff", "admins"}}), person: Person{Subject: "42", Name: "vera", Role: "administrator"}},
		{name: "roles in one string", change: set("realm", map[string]any{"roles": "x admins"}), person: Person{Subject: "42", Name: "vera", Role: "administrator"}},
		{name: "no role of ours", change: set("realm", map[string]any{"roles": []string{"guests", "ADMINS"}}), person: Person{Subject: "42", Name: "vera"}},
		{name: "roles that are none", change: set("realm", "admins"), person: Person{Subject: "42", Name: "vera"}},
		{name: "no name but an address", change: func(c map[string]any) { delete(c, "preferred_username"); c["email"] = "vera@example.org" }, person: Person{Subject: "42", Name: "vera@example.org", Role: "viewer"}},
		{name: "a name that can not be shown", change: set("preferred_username", "a\x00b"), person: Person{Subject: "42", Name: "42", Role: "viewer"}},
		{name: "roles from the user info", change: set("realm", nil), info: map[string]any{"sub": "42", "realm": map[string]any{"roles": []string{"admins"}}, "preferred_username": "eve"},
			person: Person{Subject: "42", Name: "vera", Role: "administrator"}},
		{name: "user info of somebody else", change: set("realm", nil), info: map[string]any{"sub": "43", "realm": map[string]any{"roles": []string{"admins"}}}, want: sdk.Unauthenticated},
		{name: "user info that fails", change: set("realm", nil), info: map[string]any{}, status: 500, want: sdk.Unauthenticated},
		{name: "another nonce", change: set("nonce", "x"), want: sdk.Unauthenticated},
		{name: "no nonce", change: set("nonce", nil), want: sdk.Unauthenticated},
		{name: "for another client", change: set("aud", "somebody"), want: sdk.Unauthenticated},
		{name: "of another issuer", change: set("iss", "https://id.example"), want: sdk.Unauthenticated},
		{name: "expired", change: set("exp", time.Now().Add(-time.Minute).Unix()), want: sdk.Unauthenticated},
		{name: "no subject", change: set("sub", nil), want: sdk.Unauthenticated},
		{name: "a subject that can not be shown", change: set("sub", "4\n2"), want: sdk.Unauthenticated},
		{name: "signed with the client secret", jwt: func(h *house, c map[string]any) string {
			return sign(h.t, jose.HS256, []byte("s3cret-s3cret-s3cret-s3cret-s3cr"), c)
		}, want: sdk.Unauthenticated},
		{name: "signed by another key", jwt: func(h *house, c map[string]any) string { return sign(h.t, jose.ES256, other, c) }, want: sdk.Unauthenticated},
		{name: "not signed", jwt: func(h *house, c map[string]any) string {
			good := strings.Split(sign(h.t, jose.ES256, h.key, c), ".")
			return "eyJhbGciOiJub25lIn0." + good[1] + "."
		}, want: sdk.Unauthenticated},
		{name: "no token", jwt: func(*house, map[string]any) string { return "" }, want: sdk.Unauthenticated},
		{name: "a huge token", jwt: func(*house, map[string]any) string { return strings.Repeat("x", 1<<17) }, want: sdk.Unauthenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			if c.info != nil {
				h.description["userinfo_endpoint"], h.info = h.URL+"/info", c.info
				if c.status != 0 {
					h.infoStatus = c.status
				}
			}
			s := h.signIn()
			kept, nonce, query := begin(t, s)
			claims := h.claims(nonce)
			if c.change != nil {
				c.change(claims)
			}
			if c.jwt != nil {
				h.answerWith(c.jwt(h, claims))
			} else {
				h.answerWith(sign(t, jose.ES256, h.key, claims))
			}
			got, err := s.Finish(t.Context(), kept, query)
			if c.want == "" {
				c.person.Issuer = h.URL
				if err != nil || got != c.person {
					t.Errorf("%+v, %v, want %+v", got, err, c.person)
				}
				return
			}
			var refused *sdk.Error
			if !errors.As(err, &refused) || refused.Code != c.want || got != (Person{}) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%+v, %v, want %s", got, err, c.want)
			}
		})
	}
}

// What a browser brings back that does not belong to it.
func TestForeignFlows(t *testing.T) {
	h := newHouse(t)
	s := h.signIn()
	kept, nonce, query := begin(t, s)
	h.answerWith(sign(t, jose.ES256, h.key, h.claims(nonce)))
	otherKept, _, otherQuery := begin(t, s)
	foreign, _, _ := begin(t, h.signIn()) // as of a host before its restart
	now := time.Now()
	with := func(name, value string) url.Values {
		q := maps.Clone(query)
		q[name] = []string{value}
		return q
	}
	for what, c := range map[string]struct {
		kept  string
		query url.Values
		late  time.Duration
	}{
		"nothing kept":       {"", query, 0},
		"of another sign-in": {otherKept, query, 0},
		"another's answer":   {kept, otherQuery, 0},
		"of another host":    {foreign, query, 0},
		"changed":            {"x" + kept, query, 0},
		"cut":                {kept[:len(kept)-2], query, 0},
		"huge":               {strings.Repeat("x", 1<<16), query, 0},
		"no state":           {kept, with("state", ""), 0},
		"too late":           {kept, query, flowTime + time.Second},
		"a refusal":          {kept, with("error", "access_denied"), 0},
	} {
		s.cfg.Now = func() time.Time { return now.Add(c.late) }
		if got, err := s.Finish(t.Context(), c.kept, c.query); err == nil {
			t.Errorf("%s: %+v is let in", what, got)
		}
	}
	s.cfg.Now = time.Now
	if _, err := s.Finish(t.Context(), kept, query); err != nil {
		t.Errorf("the right one: %v", err)
	}
}

func TestProviderThatIsAway(t *testing.T) {
	h := newHouse(t)
	for what, spoil := range map[string]func(){
		"another issuer":          func() { h.description["issuer"] = "https://id.example" },
		"keys from elsewhere":     func() { h.description["jwks_uri"] = "http://192.0.2.1/keys" },
		"codes to elsewhere":      func() { h.description["token_endpoint"] = "http://192.0.2.1/token" },
		"user info from anywhere": func() { h.description["userinfo_endpoint"] = "ftp://localhost/info" },
	} {
		good := maps.Clone(h.description)
		spoil()
		_, _, err := h.signIn().Begin(t.Context(), "http://127.0.0.1/x")
		var refused *sdk.Error
		if !errors.As(err, &refused) || refused.Code != sdk.Unavailable {
			t.Errorf("%s: %v", what, err)
		}
		h.description = good
	}

	// Away when the host starts, there later: nobody has to start anything again.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().String()
	ln.Close()
	s, err := NewSignIn(SignInConfig{Issuer: "http://" + address, ClientID: "j", Roles: []RoleValues{{"viewer", []string{"x"}}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if _, _, err := s.Begin(t.Context(), "http://127.0.0.1/x"); err == nil {
		t.Fatal("nobody is there")
	}
	if ln, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	h.description["issuer"] = "http://" + address // the rest stays where it is
	server := &http.Server{Handler: h.Server.Config.Handler, ReadHeaderTimeout: time.Second}
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(ln) }()
	defer func() { server.Close(); <-served }()
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, _, err := s.Begin(t.Context(), "http://127.0.0.1/x")
		if err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestSignInConfig(t *testing.T) {
	roles := []RoleValues{{"viewer", []string{"x"}}}
	for want, c := range map[string]SignInConfig{
		"no issuer":    {ClientID: "j", Roles: roles},
		"https://":     {Issuer: "http://id.example", ClientID: "j", Roles: roles},
		"client id":    {Issuer: "https://id.example", Roles: roles},
		"lets anybody": {Issuer: "https://id.example", ClientID: "j", Roles: []RoleValues{{"viewer", nil}}},
	} {
		if err := c.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// FuzzFlow: what is taken from a browser is what this host has given to one.
func FuzzFlow(f *testing.F) {
	s := &SignIn{key: []byte("the key of a test, of some length")}
	f.Add(s.seal(flow{State: "s", Nonce: "n", Verifier: "v", Redirect: "http://127.0.0.1/", Until: 7}))
	f.Add("e30.e30")
	f.Add(".")
	f.Add("")
	f.Fuzz(func(t *testing.T, kept string) {
		got, ok := s.open(kept)
		if ok && s.seal(got) != kept {
			t.Errorf("%q is taken as %+v", kept, got)
		}
	})
}
