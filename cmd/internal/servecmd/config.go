package servecmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

// Config is everything that an administrator can tell `jackfield serve`. Each field
// but the first two is a key of conf/jackfield.properties, an environment variable
// and a flag; keys.go has their names, and what is allowed.
type Config struct {
	// Home is JMAP_HOME: --home, else the environment variable, else ./jmap-home.
	Home string
	// RecoverRun is --recover=run: what was installed before the database was lost runs.
	RecoverRun bool
	// Dev is --dev: responses are checked, and errors show their causes.
	Dev bool

	// Listen and AdminListen are the addresses of the two listeners.
	Listen, AdminListen string
	// AdminHosts are further names of the admin listener, AdminURL is where people reach
	// it, empty for what their browser asks for.
	AdminHosts []string
	AdminURL   string
	// AdminOIDC is the OpenID provider at which people sign in to the admin page, without
	// an issuer for none. The client secret is in the file AdminOIDCSecretFile.
	AdminOIDC           host.OpenIDConfig
	AdminOIDCSecretFile string
	// TLSCert and TLSKey are the files with which both listeners encrypt, both empty for
	// plain HTTP. Relative paths begin in the home folder: TLSFiles.
	TLSCert, TLSKey string
	// RequestsAuth says who may send requests. It is empty when nobody has set it,
	// which means none and is refused unless Listen is a loopback address.
	RequestsAuth string
	// OIDCIssuer, OIDCAudience and OIDCRolesClaim say whose tokens requests.auth=oidc
	// accepts.
	OIDCIssuer, OIDCAudience, OIDCRolesClaim string
	// RequestsValidate checks JSON payloads against the declared schemas.
	RequestsValidate bool
	// RequestsHosts are further names of the request listener, RequestsOrigins the
	// web origins whose pages may use it.
	RequestsHosts, RequestsOrigins []string
	// TracingEndpoint gets the spans of requests, empty for none; TracingSample is the
	// share of traces that begin here.
	TracingEndpoint string
	TracingSample   float64
	// TrustPolicy says which bundles run. It is empty when nobody has set it, which
	// means require, and warn with --dev. The others say how a signature is judged.
	TrustPolicy, TrustRevocation, TrustOnRevoked string
	TrustRecheck                                 time.Duration
	TrustPrivateResponders                       bool
	// UpdateCheck is how often repositories are looked at.
	UpdateCheck time.Duration
	// UpdateAuto says which updates come by themselves, UpdateWindow when.
	UpdateAuto   string
	UpdateWindow host.UpdateWindow
	// ScanInterval is how often the drop folder is read without a file event.
	ScanInterval time.Duration
	// BundleMaxBytes is the size of the largest bundle that is looked into.
	BundleMaxBytes int64
	// HoldQueue and SnapshotMax bound what an upgrade holds back and copies.
	HoldQueue   int
	SnapshotMax int64
	// SandboxUsers are the uids that extensions get.
	SandboxUsers host.Users
	// MetricsAuth is auto, none or token.
	MetricsAuth string
	// LogFormat is text or json.
	LogFormat string
	// Settings hold for every extension; Extensions change them for one id, in the
	// order in which they stand.
	Settings   host.Settings
	Extensions map[string][]Override

	// Repositories are where extensions can be installed from, by name; their paths may be
	// relative to the home folder.
	Repositories map[string]host.RepositorySource

	// Effective are the keys as they hold, and where each was set.
	Effective []host.Setting
	// Ignored are environment variables that look like ours and are not.
	Ignored []string
}

// Override is one key that was set for one extension, already known to be valid.
type Override struct {
	Key, Value string
	apply      func(*host.Settings)
}

// Defaults returns the configuration of a host that was told nothing.
func Defaults() Config {
	return Config{
		Home:             running.DefaultHome,
		Listen:           "127.0.0.1:8080",
		AdminListen:      "127.0.0.1:8081",
		AdminOIDC:        host.OpenIDConfig{Scopes: []string{"profile", "email"}, RolesClaim: "roles"},
		OIDCRolesClaim:   "roles",
		RequestsValidate: true,
		TrustRevocation:  "soft",
		TrustOnRevoked:   "stop",
		TrustRecheck:     time.Hour,
		ScanInterval:     2 * time.Second,
		BundleMaxBytes:   bundle.DefaultLimits().FileBytes,
		UpdateCheck:      24 * time.Hour,
		UpdateAuto:       string(host.AutoOff),
		HoldQueue:        host.DefaultHoldQueue,
		SnapshotMax:      host.DefaultSnapshotMax,
		SandboxUsers:     host.DefaultUsers(),
		MetricsAuth:      "auto",
		LogFormat:        "text",
		TracingSample:    1,
		Settings:         host.DefaultSettings(),
		Extensions:       map[string][]Override{},
		Repositories:     map[string]host.RepositorySource{},
	}
}

// For returns the settings of one extension: what was set for it, else what was set
// for all, else the defaults. What stands for one extension wins wherever it stands.
func (c *Config) For(id string) host.Settings {
	s := c.Settings
	for _, o := range c.Extensions[id] {
		o.apply(&s)
	}
	return s
}

// set applies one assignment, or says what is wrong with it.
func (c *Config) set(a assignment) *Problem {
	for _, k := range keys() {
		if k.name == a.key {
			if !k.global(c, a.value) {
				return a.invalid(k)
			}
			return nil
		}
	}
	if strings.HasPrefix(a.key, repositoryPrefix) {
		return c.setRepository(a)
	}
	id, name, ok := extensionKey(a.key)
	if !ok {
		return a.unknown()
	}
	if !validID(id) {
		return a.problem(fmt.Sprintf("%q can not be the id of an extension", id))
	}
	i := slices.IndexFunc(keys(), func(k key) bool { return k.name == name })
	if i < 0 {
		return a.problem(name + " is not supported by this version")
	}
	k := keys()[i]
	if k.extension == nil {
		return a.problem(name + " holds for the whole host and can not be set for one extension")
	}
	var probe host.Settings
	if !k.extension(&probe, a.value) {
		return a.invalid(k)
	}
	c.Extensions[id] = append(c.Extensions[id], Override{a.key, a.value, func(s *host.Settings) { k.extension(s, a.value) }})
	return nil
}

// check finds what is wrong between values that are each allowed. where tells the
// place at which a key was set.
func (c *Config) check(where func(key string) string) []*Problem {
	problems := checkSettings("", c.Settings, where)
	for _, k := range []struct{ name, value string }{
		{"requests.oidc.issuer", c.OIDCIssuer}, {"requests.oidc.audience", c.OIDCAudience},
	} {
		if c.RequestsAuth == "oidc" && k.value == "" {
			problems = append(problems, &Problem{Key: k.name, Place: where("requests.auth"), Message: "is not set, and requests.auth=oidc needs it"})
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		missing, set := "tls.cert", "tls.key"
		if c.TLSKey == "" {
			missing, set = set, missing
		}
		problems = append(problems, &Problem{Key: missing, Place: where(set), Message: "is not set, and " + set + " needs it"})
	}
	problems = append(problems, c.checkOIDC(where)...)
	problems = append(problems, c.checkRepositories(where)...)
	for _, id := range sortedKeys(c.Extensions) {
		problems = append(problems, checkSettings("extension."+id+".", c.For(id), where)...)
	}
	return problems
}

// checkOIDC finds what is missing for people to sign in at an OpenID provider.
func (c *Config) checkOIDC(where func(key string) string) []*Problem {
	oidc, issuer := c.AdminOIDC, "admin.oidc.issuer"
	var problems []*Problem
	if oidc.Issuer != "" && oidc.ClientID == "" {
		problems = append(problems, &Problem{Key: "admin.oidc.client_id", Place: where(issuer), Message: "is not set, and " + issuer + " needs it"})
	}
	if oidc.Issuer != "" && len(oidc.Administrators)+len(oidc.Operators)+len(oidc.Viewers) == 0 {
		problems = append(problems, &Problem{Key: issuer, Place: where(issuer),
			Message: "lets nobody in: say with admin.oidc.administrators, admin.oidc.operators or admin.oidc.viewers who is what"})
	}
	return problems
}

func checkSettings(prefix string, s host.Settings, where func(string) string) []*Problem {
	var problems []*Problem
	if s.BackoffFirst > s.BackoffMax {
		name := prefix + "backoff.first"
		problems = append(problems, &Problem{
			Key: name, Value: showDuration(s.BackoffFirst), Place: where(name),
			Message: "is longer than backoff.max, " + showDuration(s.BackoffMax),
		})
	}
	return problems
}
