package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// flowTime is how long a person has at the provider.
	flowTime = 10 * time.Minute
	// maxFlow bounds what a browser may bring back, in bytes.
	maxFlow = 1 << 10
	// askAgain is how long a provider is left alone that has not answered.
	askAgain = time.Second
)

// SignInConfig says at which OpenID provider people sign in to the admin page, and what
// they are here. Issuer and ClientID are required, and one list of roles.
type SignInConfig struct {
	Issuer, ClientID string
	// ClientSecret is empty for a public client: the code is bound by PKCE either way.
	ClientSecret string
	// Scopes are asked for besides openid.
	Scopes []string
	// RolesClaim is the claim that holds what Roles is looked up with: a list of strings,
	// or one string with spaces. One in an object is written with dots.
	RolesClaim string
	// Roles are the roles here, the highest first, each with the values of the claim
	// that give it.
	Roles []RoleValues
	Log   *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
}

// RoleValues are the values of a claim that give a role.
type RoleValues struct {
	Role   string
	Values []string
}

// Check reports what is missing or can not be meant.
func (c *SignInConfig) Check() error {
	var errs []error
	if c.Issuer == "" {
		errs = append(errs, errors.New("there is no issuer"))
	} else if err := CheckIssuer(c.Issuer); err != nil {
		errs = append(errs, err)
	}
	if c.ClientID == "" {
		errs = append(errs, errors.New("there is no client id"))
	}
	if !slices.ContainsFunc(c.Roles, func(r RoleValues) bool { return len(r.Values) > 0 }) {
		errs = append(errs, errors.New("no value of the roles claim lets anybody in"))
	}
	return errors.Join(errs...)
}

// Person is somebody for whom the provider speaks.
type Person struct {
	Issuer, Subject string
	// Name is what to call them; it need not be the only one.
	Name string
	// Role is one of SignInConfig.Roles, "" when the provider gives none.
	Role string
}

// SignIn is the host as a client of an OpenID provider: the authorization code flow,
// with state, nonce and PKCE.
type SignIn struct {
	cfg    SignInConfig
	client *client
	key    []byte // seals what a browser keeps meanwhile; another one after a restart

	mu       sync.Mutex // guards what follows
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	failed   time.Time // when the provider was asked last, in vain
}

// NewSignIn returns a SignIn that does not know its provider yet: the first who signs in
// lets it ask. Run must follow.
func NewSignIn(cfg SignInConfig) (*SignIn, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	return &SignIn{cfg: cfg, client: newClient(2 * time.Second), key: key}, nil
}

// Run closes the connections to the provider when ctx ends.
func (s *SignIn) Run(ctx context.Context) {
	<-ctx.Done()
	s.client.close()
}

// flow is one sign-in on its way, as the browser keeps it.
type flow struct {
	State, Nonce, Verifier, Redirect string
	Until                            int64 // Unix seconds
}

// Begin returns where a browser goes to sign in, and what it keeps until it is back at
// redirect: nobody else can finish the sign-in.
func (s *SignIn) Begin(ctx context.Context, redirect string) (target, kept string, err error) {
	provider, _, err := s.ask(ctx)
	if err != nil {
		return "", "", err
	}
	f := flow{
		State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect,
		Until: s.cfg.Now().Add(flowTime).Unix(),
	}
	target = s.oauth(provider, redirect).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier))
	return target, s.seal(f), nil
}

// Finish returns who has signed in, from what the browser has kept and the query with
// which the provider has sent it back. The codes of its errors are those of Authenticate.
func (s *SignIn) Finish(ctx context.Context, kept string, query url.Values) (Person, error) {
	f, ok := s.open(kept)
	switch {
	case !ok || f.Until < s.cfg.Now().Unix():
		return Person{}, sdk.Errorf(sdk.Unauthenticated, "this sign-in was not begun in this browser, or too long ago; begin again")
	case subtle.ConstantTimeCompare([]byte(f.State), []byte(query.Get("state"))) != 1:
		return Person{}, sdk.Errorf(sdk.Unauthenticated, "the answer belongs to another sign-in; begin again")
	case query.Get("error") != "":
		s.cfg.Log.Warn("the OpenID provider refused a sign-in", "error", clip(errors.New(query.Get("error")+" "+query.Get("error_description"))))
		return Person{}, sdk.Errorf(sdk.Unauthenticated, "the OpenID provider has refused the sign-in")
	}
	provider, verifier, err := s.ask(ctx)
	if err != nil {
		return Person{}, err
	}
	ctx = oidc.ClientContext(ctx, s.client.http)
	tokens, err := s.oauth(provider, f.Redirect).Exchange(ctx, query.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Person{}, s.refuse("exchanging the code of a sign-in", err)
	}
	raw, ok := tokens.Extra("id_token").(string)
	if !ok || len(raw) > maxToken {
		return Person{}, s.refuse("reading the ID token of a sign-in", errors.New("there is none, or it is too long"))
	}
	proof, err := verifier.Verify(ctx, raw)
	if err == nil && subtle.ConstantTimeCompare([]byte(proof.Nonce), []byte(f.Nonce)) != 1 {
		err = errors.New("its nonce is another one")
	}
	if err != nil {
		return Person{}, s.refuse("verifying the ID token of a sign-in", err)
	}
	claims, err := s.claims(ctx, provider, proof, tokens)
	if err != nil {
		return Person{}, s.refuse("reading what the provider says of somebody", err)
	}
	return s.person(proof, claims)
}

// claims are those of the ID token, and those that the provider only tells when asked
// for them with the access token.
func (s *SignIn) claims(ctx context.Context, provider *oidc.Provider, proof *oidc.IDToken, tokens *oauth2.Token) (map[string]any, error) {
	var all map[string]any
	if err := proof.Claims(&all); err != nil {
		return nil, err
	}
	if claimAt(all, s.cfg.RolesClaim) != nil && nameIn(all) != "" || provider.UserInfoEndpoint() == "" {
		return all, nil
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return nil, err
	}
	if info.Subject != proof.Subject {
		return nil, errors.New("the user info is of somebody else")
	}
	var more map[string]any
	if err := info.Claims(&more); err != nil {
		return nil, err
	}
	maps.Copy(more, all) // what is signed wins
	return more, nil
}

func (s *SignIn) person(proof *oidc.IDToken, claims map[string]any) (Person, error) {
	p := Person{Issuer: s.cfg.Issuer, Subject: proof.Subject, Name: nameIn(claims)}
	if !printable(p.Subject, maxSubject) {
		return Person{}, s.refuse("reading what the provider says of somebody", errors.New("there is no subject, or one that can not be shown"))
	}
	if p.Name == "" {
		p.Name = p.Subject
	}
	values := rolesFrom(claims, s.cfg.RolesClaim)
	for _, r := range s.cfg.Roles {
		if slices.ContainsFunc(r.Values, func(v string) bool { return slices.Contains(values, v) }) {
			p.Role = r.Role
			break
		}
	}
	return p, nil
}

// nameIn is what to call whom the claims are about, "" for nothing.
func nameIn(claims map[string]any) string {
	for _, name := range []string{"preferred_username", "email"} {
		if text, ok := claims[name].(string); ok && printable(text, maxSubject) {
			return text
		}
	}
	return ""
}

// refuse is the answer to what went wrong between host and provider, of which the log
// has the cause.
func (s *SignIn) refuse(what string, err error) error {
	s.client.warn(s.cfg.Log, what, clip(err))
	var wrongs *oauth2.RetrieveError
	if errors.As(err, &wrongs) || errors.Is(err, context.Canceled) {
		return sdk.Errorf(sdk.Unauthenticated, "the OpenID provider has not confirmed the sign-in; begin again")
	}
	var away *url.Error
	if errors.As(err, &away) {
		return sdk.Errorf(sdk.Unavailable, "the OpenID provider can not be reached just now")
	}
	return sdk.Errorf(sdk.Unauthenticated, "what the OpenID provider says can not be trusted; the log of the host says why")
}

func (s *SignIn) oauth(provider *oidc.Provider, redirect string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: s.cfg.ClientID, ClientSecret: s.cfg.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: redirect,
		Scopes: append([]string{oidc.ScopeOpenID}, s.cfg.Scopes...),
	}
}

// ask returns the provider, whose description is read by the first who needs it.
func (s *SignIn) ask(ctx context.Context) (*oidc.Provider, *oidc.IDTokenVerifier, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.provider != nil {
		return s.provider, s.verifier, nil
	}
	away := sdk.Errorf(sdk.Unavailable, "the OpenID provider can not be reached just now")
	if time.Since(s.failed) < askAgain { // those who wait behind each other must not add up
		return nil, nil, away
	}
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client.http), s.cfg.Issuer)
	var described struct {
		Keys  string `json:"jwks_uri"`
		Token string `json:"token_endpoint"`
		Info  string `json:"userinfo_endpoint"`
	}
	if err == nil {
		err = provider.Claims(&described)
	}
	for _, place := range []string{described.Keys, described.Token, described.Info} {
		if err == nil && place != "" {
			if bad := CheckIssuer(place); bad != nil {
				err = fmt.Errorf("an address in its description: %w", bad)
			}
		}
	}
	if err != nil {
		s.client.warn(s.cfg.Log, "asking the OpenID provider of the admin page for its description", clip(err))
		s.failed = time.Now()
		return nil, nil, away
	}
	// The keys are fetched after this request, too.
	keys := oidc.NewRemoteKeySet(oidc.ClientContext(context.Background(), s.client.http), described.Keys)
	s.provider, s.verifier = provider, oidc.NewVerifier(s.cfg.Issuer, keys, &oidc.Config{
		ClientID: s.cfg.ClientID, SupportedSigningAlgs: signingAlgorithms(), Now: s.cfg.Now,
	})
	return s.provider, s.verifier, nil
}

// seal makes of f what a browser keeps: it can read it, which is its own, and not change
// it.
func (s *SignIn) seal(f flow) string {
	body, err := json.Marshal(f)
	if err != nil { // a struct of strings
		return ""
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + base64.RawURLEncoding.EncodeToString(s.mac(text))
}

func (s *SignIn) mac(text string) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func (s *SignIn) open(kept string) (f flow, ok bool) {
	text, sum, found := strings.Cut(kept, ".")
	if !found || len(kept) > maxFlow {
		return f, false
	}
	got, err := base64.RawURLEncoding.DecodeString(sum)
	if err != nil || !hmac.Equal(got, s.mac(text)) {
		return f, false
	}
	body, err := base64.RawURLEncoding.DecodeString(text)
	return f, err == nil && json.Unmarshal(body, &f) == nil
}
