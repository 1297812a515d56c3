package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// leeway is by how much the provider's clock may differ from ours.
	leeway = 30 * time.Second
	// firstRetry and lastRetry are the pauses between two tries to reach a provider.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
)

// OIDCConfig says whose tokens are accepted. All but the last two are required.
type OIDCConfig struct {
	// Issuer is the provider's URL, which discovery starts from.
	Issuer string
	// Audience is what a token must be meant for.
	Audience string
	// RolesClaim is the claim that holds the caller's roles: a list of strings, or one
	// string with spaces between them. One in an object is written with dots.
	RolesClaim string
	Log        *slog.Logger
	// Now is the clock, time.Now when nil.
	Now func() time.Time
	// KeysEvery is the least time between two requests for the provider's keys, 2 s
	// when 0: tokens with keys that do not exist must not become its load.
	KeysEvery time.Duration
}

// Check reports what is missing or can not be meant.
func (c *OIDCConfig) Check() error {
	var errs []error
	if c.Issuer == "" {
		errs = append(errs, errors.New("there is no issuer"))
	} else if err := CheckIssuer(c.Issuer); err != nil {
		errs = append(errs, err)
	}
	if c.Audience == "" {
		errs = append(errs, errors.New("there is no audience"))
	}
	return errors.Join(errs...)
}

// CheckIssuer reports whether s is a URL that keys may be fetched from: https, or
// http to this machine.
func CheckIssuer(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("the issuer is not a URL such as https://id.example.org/realm")
	}
	ip := net.ParseIP(u.Hostname())
	if local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return errors.New("the issuer must begin with https://, unless it runs on this machine")
	}
	return nil
}

// OIDC accepts the ID and access tokens of an OpenID provider that are signed JWTs.
type OIDC struct {
	cfg      OIDCConfig
	client   *client
	verifier atomic.Pointer[oidc.IDTokenVerifier] // nil until the provider has answered
	verified verified
}

// NewOIDC returns an OIDC that does not know its provider yet: Run asks for it.
func NewOIDC(cfg OIDCConfig) (*OIDC, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.KeysEvery <= 0 {
		cfg.KeysEvery = 2 * time.Second
	}
	return &OIDC{cfg: cfg, client: newClient(cfg.KeysEvery)}, nil
}

// Run asks the provider for its description until it answers, then waits for ctx:
// the keys are fetched when a token needs them.
func (o *OIDC) Run(ctx context.Context) {
	defer o.client.close()
	keys := oidc.ClientContext(ctx, o.client.http)
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		err := o.discover(keys)
		if err == nil {
			o.cfg.Log.Info("OpenID provider found", "issuer", o.cfg.Issuer)
			<-ctx.Done()
			return
		}
		if ctx.Err() == nil {
			o.cfg.Log.Warn("the OpenID provider can not be used yet", "issuer", o.cfg.Issuer, "err", clip(err), "retry_in", pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// discover reads the provider's description. The keys are fetched under ctx from
// then on.
func (o *OIDC) discover(ctx context.Context) error {
	provider, err := oidc.NewProvider(ctx, o.cfg.Issuer)
	if err != nil {
		return err
	}
	var described struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&described); err != nil {
		return err
	}
	if err := CheckIssuer(described.Keys); err != nil {
		return fmt.Errorf("the place of its keys: %w", err)
	}
	o.client.limit(described.Keys)
	keys := &reportingKeys{oidc.NewRemoteKeySet(ctx, described.Keys)}
	o.verifier.Store(oidc.NewVerifier(o.cfg.Issuer, keys, &oidc.Config{
		ClientID:             o.cfg.Audience,
		SupportedSigningAlgs: signingAlgorithms(),
		SkipExpiryCheck:      true, // checkTimes does it, with less leeway
	}))
	return nil
}

// signingAlgorithms sign with a public key; none and the HS family are not among them.
func signingAlgorithms() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
}

// Authenticate returns who has the token. One that was verified a short time ago
// costs a hash.
func (o *OIDC) Authenticate(ctx context.Context, token string) (sdk.Caller, error) {
	if len(token) > maxToken {
		return sdk.Caller{}, invalid("it is too long")
	}
	key, now := digestOf(token), o.cfg.Now()
	if caller, ok := o.verified.get(key, now); ok {
		return caller, nil
	}
	verifier := o.verifier.Load()
	if verifier == nil {
		return sdk.Caller{}, unavailable("the OpenID provider has not answered yet", 2*time.Second)
	}
	report := &keysReport{}
	proof, err := verifier.Verify(context.WithValue(ctx, keysReport{}, report), token)
	if err != nil {
		return sdk.Caller{}, o.refusal(ctx, report, err)
	}
	var c claims
	if err := proof.Claims(&c); err != nil {
		return sdk.Caller{}, invalid("its claims are malformed")
	}
	if fault := c.checkTimes(proof.Expiry, now); fault != nil {
		return sdk.Caller{}, fault
	}
	var all map[string]any
	if err := proof.Claims(&all); err != nil {
		return sdk.Caller{}, invalid("its claims are malformed")
	}
	caller := sdk.Caller{Subject: proof.Subject, Roles: rolesFrom(all, o.cfg.RolesClaim)}
	if !printable(caller.Subject, maxSubject) {
		return sdk.Caller{}, invalid("it has no subject, or one that can not be shown")
	}
	if printable(c.Session, maxSubject) {
		caller.Session = c.Session
	}
	o.verified.put(key, caller, now, proof.Expiry)
	return caller, nil
}

// refusal says why a token was not verified. The library's own words stay in the
// log: they say what the host expects.
func (o *OIDC) refusal(ctx context.Context, report *keysReport, err error) error {
	var fetch *fetchError
	switch {
	case ctx.Err() != nil:
		return unavailable("the request ended first", time.Second)
	case errors.As(report.err, &fetch):
		if !errors.Is(report.err, errDown) {
			o.client.warn(o.cfg.Log, "fetching the keys of the OpenID provider", clip(report.err))
		}
		return unavailable("the keys of the OpenID provider can not be had", o.cfg.KeysEvery)
	}
	o.cfg.Log.Debug("a token was refused", "err", clip(err))
	if report.err != nil {
		return invalid("none of the provider's keys has signed it")
	}
	return invalid("it is malformed, or of another issuer, or meant for somebody else")
}

// claims are those that we read ourselves.
type claims struct {
	NotBefore json.Number `json:"nbf"`
	IssuedAt  json.Number `json:"iat"`
	Session   string      `json:"sid"`
}

func (c *claims) checkTimes(expiry, now time.Time) *sdk.Error {
	if expiry.IsZero() || expiry.Before(now.Add(-leeway)) {
		return invalid("it has expired")
	}
	for _, from := range []json.Number{c.NotBefore, c.IssuedAt} {
		if from == "" {
			continue
		}
		seconds, err := from.Float64()
		if err != nil || seconds > float64(now.Add(leeway).Unix()) {
			return invalid("its time has not come yet")
		}
	}
	return nil
}

// claimAt returns the claim with this name, or in the object that its beginning names.
func claimAt(all map[string]any, name string) any {
	if value, ok := all[name]; ok {
		return value
	}
	first, rest, dotted := strings.Cut(name, ".")
	inner, ok := all[first].(map[string]any)
	if !dotted || !ok {
		return nil
	}
	return claimAt(inner, rest)
}

// rolesFrom finds the roles in a token's claims. What can not be a role is left out.
func rolesFrom(all map[string]any, name string) []string {
	var found []string
	add := func(role string) {
		if printable(role, maxRole) && len(found) < maxRoles {
			found = append(found, role)
		}
	}
	switch v := claimAt(all, name).(type) {
	case string:
		for role := range strings.FieldsSeq(v) {
			add(role)
		}
	case []any:
		for _, item := range v {
			if role, isText := item.(string); isText {
				add(role)
			}
		}
	}
	return found
}

// clip bounds what the library says.
func clip(err error) string {
	const most = 500
	text := err.Error()
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
