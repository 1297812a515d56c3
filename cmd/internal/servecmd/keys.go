package servecmd

import (
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/host"
)

// key is one configuration key: its name in the file, from which the names of its
// flag and of its environment variable follow.
type key struct {
	name    string
	doc     string // for --help, without a full stop
	allowed string // for errors
	initial string // the default, as it would be written

	// global sets the key for the host; extension sets it for one extension and is
	// nil for a key that exists only once. Both report whether the value is valid.
	global    func(*Config, string) bool
	extension func(*host.Settings, string) bool
}

// flag is the name of the key's flag: requests.auth is --requests-auth.
func (k key) flag() string { return strings.NewReplacer(".", "-", "_", "-").Replace(k.name) }

// env is the name of the key's environment variable: JACKFIELD_REQUESTS_AUTH.
func (k key) env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.name, ".", "_"))
}

// keys is every key that this version knows, in the order of --help.
func keys() []key {
	return []key{
		once("listen", "address of the request listener", address(), func(c *Config) *string { return &c.Listen }),
		once("admin.listen", "address of the admin page, the admin API and the metrics", address(), func(c *Config) *string { return &c.AdminListen }),
		once("admin.hosts", "host names under which the admin listener answers besides its own address; on a loopback address none but localhost unless they are set", hostNames(), func(c *Config) *[]string { return &c.AdminHosts }),
		once("admin.url", "URL under which people reach the admin page, behind a proxy; empty for what their browser asks for", publicURL(), func(c *Config) *string { return &c.AdminURL }),
		once("admin.oidc.issuer", "OpenID provider at which people may sign in to the admin page; empty for none", optional(issuer()), func(c *Config) *string { return &c.AdminOIDC.Issuer }),
		once("admin.oidc.client_id", "name of this host at that provider", optional(text(255)), func(c *Config) *string { return &c.AdminOIDC.ClientID }),
		once("admin.oidc.client_secret_file", "file with the client secret; relative to the home folder, empty for a public client", optional(text(4096)), func(c *Config) *string { return &c.AdminOIDCSecretFile }),
		once("admin.oidc.scopes", "scopes to ask for besides openid, separated by commas", words(), func(c *Config) *[]string { return &c.AdminOIDC.Scopes }),
		once("admin.oidc.roles_claim", "claim that says what somebody is; dots lead into objects", text(255), func(c *Config) *string { return &c.AdminOIDC.RolesClaim }),
		once("admin.oidc.administrators", "values of that claim that make an administrator, separated by commas", values(), func(c *Config) *[]string { return &c.AdminOIDC.Administrators }),
		once("admin.oidc.operators", "values of that claim that make an operator, separated by commas", values(), func(c *Config) *[]string { return &c.AdminOIDC.Operators }),
		once("admin.oidc.viewers", "values of that claim that make a viewer, separated by commas", values(), func(c *Config) *[]string { return &c.AdminOIDC.Viewers }),
		once("tls.cert", "PEM file with the certificate for https on both listeners, relative to the home folder; read again when it changes, empty for plain http", optional(text(4096)), func(c *Config) *string { return &c.TLSCert }),
		once("tls.key", "PEM file with its key", optional(text(4096)), func(c *Config) *string { return &c.TLSKey }),
		once("requests.auth", "who may send requests; must be set to listen on other than a loopback address", choice("none", "token", "oidc"), func(c *Config) *string { return &c.RequestsAuth }),
		once("requests.oidc.issuer", "OpenID provider whose tokens requests carry", issuer(), func(c *Config) *string { return &c.OIDCIssuer }),
		once("requests.oidc.audience", "audience that a token must be meant for", text(255), func(c *Config) *string { return &c.OIDCAudience }),
		once("requests.oidc.roles_claim", "claim of a token that holds the roles; dots lead into objects", text(255), func(c *Config) *string { return &c.OIDCRolesClaim }),
		once("requests.validate", "check JSON payloads against the declared schemas", boolean(), func(c *Config) *bool { return &c.RequestsValidate }),
		once("requests.hosts", "host names by which the request listener may be addressed, besides its own address", hostNames(), func(c *Config) *[]string { return &c.RequestsHosts }),
		once("requests.origins", "web origins whose pages may send requests", origins(), func(c *Config) *[]string { return &c.RequestsOrigins }),
		once("scan.interval", "how often the drop folder is read when no file event comes", duration(100*time.Millisecond, time.Hour), func(c *Config) *time.Duration { return &c.ScanInterval }),
		once("bundle.max_bytes", "largest bundle", size(1<<10, 4<<30), func(c *Config) *int64 { return &c.BundleMaxBytes }),
		once("trust.policy", "which bundles run: require a signature by a trusted chain, warn and mark, or off; --dev means warn", choice("require", "warn", "off"), func(c *Config) *string { return &c.TrustPolicy }),
		once("trust.revocation", "what becomes of a signature when nobody says whether it is revoked: soft accepts it, hard refuses; off does not ask", choice("soft", "hard", "off"), func(c *Config) *string { return &c.TrustRevocation }),
		once("trust.on_revoked", "what becomes of an extension whose signer is revoked", choice("stop", "warn"), func(c *Config) *string { return &c.TrustOnRevoked }),
		once("trust.recheck", "time after which the signatures of what is installed are judged again", duration(time.Second, 30*24*time.Hour), func(c *Config) *time.Duration { return &c.TrustRecheck }),
		once("trust.private_responders", "let addresses of revocation in certificates lead into loopback and private networks", boolean(), func(c *Config) *bool { return &c.TrustPrivateResponders }),
		once("update.check", "time between two looks at a repository, a tenth more or less by chance", duration(time.Minute, 30*24*time.Hour), func(c *Config) *time.Duration { return &c.UpdateCheck }),
		once("update.auto", "updates that are installed without anybody's asking: patch keeps the first two numbers of a version, minor and all the first; never to new permissions or another publisher", choice("off", "patch", "minor", "all"), func(c *Config) *string { return &c.UpdateAuto }),
		once("update.window", "when that may be, in local time; empty for always", updateWindow(), func(c *Config) *host.UpdateWindow { return &c.UpdateWindow }),
		once("upgrade.hold_queue", "requests of an extension that may wait while one version hands over to the next", number(1, 1<<20), func(c *Config) *int { return &c.HoldQueue }),
		once("upgrade.snapshot_max", "largest data folder that is copied before an exclusive upgrade", size(1, 1<<40), func(c *Config) *int64 { return &c.SnapshotMax }),
		once("sandbox.users", "uids that extensions get where the host may give them; no account may have one", users(), func(c *Config) *host.Users { return &c.SandboxUsers }),
		once("metrics.auth", "who may read /metrics: auto is none on a loopback address, else token", choice("auto", "none", "token"), func(c *Config) *string { return &c.MetricsAuth }),
		once("tracing.endpoint", "OTLP/HTTP collector that gets the spans of requests; empty for none", collector(), func(c *Config) *string { return &c.TracingEndpoint }),
		once("tracing.sample", "share of the traces that begin here, from 0 to 1; a client's own decision wins", share(), func(c *Config) *float64 { return &c.TracingSample }),
		once("log.format", "format of the log on stderr", choice("text", "json"), func(c *Config) *string { return &c.LogFormat }),

		each("limits.in_flight", "requests at work at once", number(1, 1<<16), func(s *host.Settings) *int { return &s.InFlight }),
		each("limits.queue", "requests that wait beyond those", number(0, 1<<20), func(s *host.Settings) *int { return &s.Queue }),
		each("limits.request_bytes", "largest request payload", size(1, 1<<30), func(s *host.Settings) *int64 { return &s.RequestBytes }),
		each("limits.response_bytes", "largest response payload", size(1, 1<<30), func(s *host.Settings) *int64 { return &s.ResponseBytes }),
		each("timeouts.start", "time to launch, initialise and become healthy", duration(100*time.Millisecond, time.Hour), func(s *host.Settings) *time.Duration { return &s.StartTimeout }),
		each("timeouts.request", "longest time of a request", duration(time.Millisecond, time.Hour), func(s *host.Settings) *time.Duration { return &s.RequestTimeout }),
		each("timeouts.drain", "time for requests in flight when an extension stops", duration(0, time.Hour), func(s *host.Settings) *time.Duration { return &s.DrainTimeout }),
		each("check.interval", "time between two health checks", duration(50*time.Millisecond, time.Hour), func(s *host.Settings) *time.Duration { return &s.CheckInterval }),
		each("check.timeout", "time for one health check", duration(10*time.Millisecond, time.Hour), func(s *host.Settings) *time.Duration { return &s.CheckTimeout }),
		each("backoff.first", "first pause before a crashed extension is started again", duration(time.Millisecond, time.Hour), func(s *host.Settings) *time.Duration { return &s.BackoffFirst }),
		each("backoff.max", "longest such pause", duration(time.Millisecond, 24*time.Hour), func(s *host.Settings) *time.Duration { return &s.BackoffMax }),
		each("backoff.reset", "time of health after which crashes are forgotten", duration(time.Millisecond, 30*24*time.Hour), func(s *host.Settings) *time.Duration { return &s.BackoffReset }),
		each("upgrade.probation", "time that a new version must live until the one before is let go", duration(0, 24*time.Hour), func(s *host.Settings) *time.Duration { return &s.Probation }),
		each("limits.memory", "memory of an extension's process, 0 for no limit", size(0, 1<<50), func(s *host.Settings) *int64 { return &s.Memory }),
		each("limits.processes", "processes of an extension, 0 for no limit", number(0, 1<<20), func(s *host.Settings) *int { return &s.Processes }),
		each("limits.files", "open files of an extension's process", number(16, 1<<20), func(s *host.Settings) *int { return &s.Files }),
		each("limits.data", "data folder of an extension, and its largest file, 0 for no limit", size(0, 1<<50), func(s *host.Settings) *int64 { return &s.Data }),
		each("limits.kv", "key-value store of an extension", size(4<<10, 1<<40), func(s *host.Settings) *int64 { return &s.KeyValue }),
		each("sandbox", "confinement of an extension's process: auto is what machine and privileges allow, strict is all or it does not run", sandboxMode(), func(s *host.Settings) *host.Sandbox { return &s.Sandbox }),
		each("log.level", "least level that is logged", level(), func(s *host.Settings) *slog.Level { return &s.LogLevel }),
	}
}

// once makes a key that exists for the host only.
func once[T any](name, doc string, k kind[T], at func(*Config) *T) key {
	defaults := Defaults()
	return key{
		name: name, doc: doc, allowed: k.allowed, initial: k.show(*at(&defaults)),
		global: func(c *Config, s string) bool { return assign(k, s, at(c)) },
	}
}

// each makes a key that can also be set for one extension.
func each[T any](name, doc string, k kind[T], at func(*host.Settings) *T) key {
	defaults := Defaults()
	return key{
		name: name, doc: doc, allowed: k.allowed, initial: k.show(*at(&defaults.Settings)),
		global:    func(c *Config, s string) bool { return assign(k, s, at(&c.Settings)) },
		extension: func(set *host.Settings, s string) bool { return assign(k, s, at(set)) },
	}
}

func assign[T any](k kind[T], s string, to *T) bool {
	v, ok := k.parse(s)
	if ok {
		*to = v
	}
	return ok
}

// later reports whether name is a key of the contract whose effect does not exist
// yet. Silently ignoring sandbox, say, would be worse than not starting.
func later(name string) bool {
	for _, prefix := range []string{"datasource.", "cluster.", "store."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// extensionKey splits extension.<id>.<key>. Ids contain dots, and so do keys: the
// key is the longest known one at the end.
func extensionKey(name string) (id, rest string, ok bool) {
	body, ok := strings.CutPrefix(name, "extension.")
	if !ok {
		return "", "", false
	}
	best := ""
	for _, k := range keys() {
		if strings.HasSuffix(body, "."+k.name) && len(k.name) > len(best) {
			best = k.name
		}
	}
	if best == "" {
		parts := strings.Split(body, ".")
		for i := 1; i < len(parts) && best == ""; i++ {
			if tail := strings.Join(parts[i:], "."); later(tail) {
				best = tail
			}
		}
	}
	if best == "" {
		return "", "", false
	}
	return strings.TrimSuffix(body, "."+best), best, true
}

// validID is the rule of docs/bundle.md for extension_id.
func validID(id string) bool {
	return len(id) <= 190 && !strings.HasSuffix(strings.ToLower(id), ".jar") &&
		regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_$-]*(\.[A-Za-z0-9_$-]+)*$`).MatchString(id)
}
