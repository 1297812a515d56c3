package servecmd

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/properties"
)

// load loads a configuration from the text of a file, an environment and flags.
func load(t *testing.T, file string, environ []string, flags ...assignment) (Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "jackfield.properties")
	if file != "" {
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Load(Sources{File: path, Environ: environ, Flags: flags})
}

func TestDefaultsAreTheContract(t *testing.T) {
	c, err := load(t, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, k := range keys() {
		got[k.name] = k.initial
	}
	want := map[string]string{
		"listen": "127.0.0.1:8080", "admin.listen": "127.0.0.1:8081", "requests.auth": "", "requests.validate": "true",
		"requests.hosts": "", "requests.origins": "", "admin.hosts": "", "admin.url": "",
		"admin.oidc.issuer": "", "admin.oidc.client_id": "", "admin.oidc.client_secret_file": "", "admin.oidc.scopes": "profile,email",
		"admin.oidc.roles_claim": "roles", "admin.oidc.administrators": "", "admin.oidc.operators": "", "admin.oidc.viewers": "",
		"tls.cert": "", "tls.key": "", "requests.oidc.issuer": "", "requests.oidc.audience": "", "requests.oidc.roles_claim": "roles", "tracing.endpoint": "", "tracing.sample": "1", "scan.interval": "2s", "bundle.max_bytes": "512MiB", "metrics.auth": "auto", "log.format": "text",
		"limits.in_flight": "512", "limits.queue": "1024", "limits.request_bytes": "16MiB", "limits.response_bytes": "16MiB",
		"timeouts.start": "10s", "timeouts.request": "30s", "timeouts.drain": "30s", "check.interval": "4s", "check.timeout": "3s",
		"backoff.first": "1s", "backoff.max": "1m", "backoff.reset": "5m", "log.level": "info",
		"limits.memory": "0", "limits.processes": "0", "limits.files": "1024", "limits.kv": "64MiB",
		"limits.data": "1GiB", "sandbox": "auto", "sandbox.users": "1900000000-1900065535",
		"update.check": "24h", "update.auto": "off", "update.window": "", "upgrade.hold_queue": "16384", "upgrade.snapshot_max": "256MiB", "upgrade.probation": "30s",
		"trust.policy": "", "trust.revocation": "soft", "trust.on_revoked": "stop", "trust.recheck": "1h", "trust.private_responders": "false",
	}
	if !maps.Equal(got, want) {
		t.Errorf("keys and defaults\n%v\nwant\n%v", got, want)
	}
	for _, k := range keys() {
		probe := Defaults()
		if k.initial != "" && !k.global(&probe, k.initial) {
			t.Errorf("%s does not accept its own default %q", k.name, k.initial)
		}
	}
	if c.For("any.Id") != c.Settings {
		t.Error("an extension of which nothing is said has other settings")
	}
}

func TestLayers(t *testing.T) {
	c, err := load(t, `# comment
limits.queue = 1
limits.in_flight : 2
listen 127.0.0.1:1
requests.origins = https://a.example, \
                   http://b.example:8080
extension.org.example.Slow.timeouts.request = 2m
extension.org.example.Slow.log.level = debug
`, []string{
		"JACKFIELD_LIMITS_QUEUE=10", "JACKFIELD_LISTEN=127.0.0.1:2", "PATH=/bin",
		"JACKFIELD_PROPERTIES=extension.org.example.Slow.timeouts.request=3m\nextension.b$-9.limits.queue=7",
		"JACKFIELD_TOKEN=secret", "JACKFIELD_PORT=tcp://10.0.0.1:80", "JACKFIELD_SERVICE_HOST=10.0.0.1",
	}, assignment{"listen", "127.0.0.1:3", "--listen"}, assignment{"timeouts.request", "5s", "--timeouts-request"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings.Queue != 10 || c.Settings.InFlight != 2 || c.Listen != "127.0.0.1:3" || c.Settings.RequestTimeout != 5*time.Second {
		t.Errorf("the later source does not win: %+v", c)
	}
	if !slices.Equal(c.RequestsOrigins, []string{"https://a.example", "http://b.example:8080"}) {
		t.Errorf("origins %q", c.RequestsOrigins)
	}
	slow := c.For("org.example.Slow")
	if slow.RequestTimeout != 3*time.Minute || slow.LogLevel != slog.LevelDebug || slow.InFlight != 2 {
		t.Errorf("settings of one extension: %+v", slow)
	}
	if c.For("b$-9").Queue != 7 || c.longestRequest() != 3*time.Minute {
		t.Errorf("settings of another: %+v, longest request %s", c.For("b$-9"), c.longestRequest())
	}
	if !slices.Equal(c.Ignored, []string{"JACKFIELD_PORT", "JACKFIELD_SERVICE_HOST"}) {
		t.Errorf("ignored %q", c.Ignored)
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name, file string
		environ    []string
		flags      []assignment
		want       []string // of the message; with a ! in front: not of it
	}{
		{name: "unknown key", file: "\nlimits.quee=3", want: []string{"jackfield.properties:2", "limits.quee is not a key", "did you mean limits.queue?"}},
		{name: "unknown key far from any", file: "password=secret", want: []string{"password is not a key", "!secret", "!did you mean"}},
		{name: "not yet", file: "cluster.name=x\nstore.url=/x", want: []string{
			"2 faults", ":1: cluster.name is not supported by this version", "store.url is"}},
		{name: "not yet, by environment", environ: []string{"JACKFIELD_CLUSTER_NAME=x", "JACKFIELD_DATASOURCE_URL=x"}, want: []string{"2 faults", "JACKFIELD_CLUSTER_NAME: is not supported"}},
		{name: "not yet, for one extension", file: "extension.a.b.cluster.name=3", want: []string{"cluster.name is not supported"}},
		{name: "a certificate without a key", file: "tls.cert=/x", want: []string{"jackfield.properties:1: tls.key is not set, and tls.cert needs it"}},
		{name: "a key without a certificate", environ: []string{"JACKFIELD_TLS_KEY=x"}, want: []string{"tls.cert is not set, and tls.key needs it"}},
		{name: "a certificate for one extension", file: "extension.a.b.tls.cert=/x", want: []string{"tls.cert"}},
		{name: "mistyped variable", environ: []string{"JACKFIELD_REQUEST_AUTH=none"}, want: []string{"JACKFIELD_REQUEST_AUTH", "did you mean JACKFIELD_REQUESTS_AUTH?"}},
		{name: "duplicate key", file: "listen=127.0.0.1:1\n\nlis\\u0074en=127.0.0.1:2", want: []string{":3: listen", "stands already in line 1"}},
		{name: "requests.auth of another world", file: "requests.auth=ldap", want: []string{`requests.auth = "ldap": allowed is none or token or oidc`}},
		{name: "collector without a scheme", file: "tracing.endpoint=localhost:4318", want: []string{"allowed is a URL such as http://127.0.0.1:4318"}},
		{name: "more than all", file: "tracing.sample=1.5", want: []string{"allowed is a number from 0 to 1"}},
		{name: "oidc without a provider", file: "requests.auth=oidc", want: []string{
			"jackfield.properties:1: requests.oidc.issuer is not set, and requests.auth=oidc needs it", "requests.oidc.audience is not set",
		}},
		{name: "provider without TLS", file: "requests.oidc.issuer=http://id.example.org", want: []string{"allowed is a URL such as https://"}},
		{name: "provider with a password", file: "requests.oidc.issuer=https://a:b@id.example.org", want: []string{"allowed is a URL such as https://"}},
		{name: "half a sandbox", file: "extension.a.b.sandbox=lax", want: []string{`extension.a.b.sandbox = "lax": allowed is auto or strict or off`}},
		{name: "users of the system", file: "sandbox.users=0-65535", want: []string{"allowed is a range of uids", "from 1000 on"}},
		{name: "users that are one", file: "sandbox.users=70000", want: []string{"allowed is a range of uids"}},
		{name: "users beyond what programs understand", file: "sandbox.users=2147483000-2147484000", want: []string{"below 2^31"}},
		{name: "number", file: "limits.in_flight=0", want: []string{`limits.in_flight = "0": allowed is a whole number from 1 to 65536`}},
		{name: "number with sign", file: "limits.queue=+5", want: []string{"allowed is a whole number"}},
		{name: "size", file: "limits.request_bytes=16MB", want: []string{`"16MB": allowed is a size from 1 to 1GiB`}},
		{name: "size too large", file: "bundle.max_bytes=99999999999TiB", want: []string{"allowed is a size"}},
		{name: "duration", file: "timeouts.start=10", want: []string{"such as 500ms, 30s or 5m"}},
		{name: "negative duration", file: "timeouts.drain=-1s", want: []string{"a time from 0s to 1h"}},
		{name: "boolean", file: "requests.validate=yes", want: []string{"allowed is true or false"}},
		{name: "level", file: "log.level=INFO+3", want: []string{"debug, info, warn or error"}},
		{name: "address", file: "listen=8080", want: []string{"allowed is HOST:PORT"}},
		{name: "port", file: "listen=127.0.0.1:99999", want: []string{"allowed is HOST:PORT"}},
		{name: "origin with path", file: "requests.origins=https://a.example/x", want: []string{"allowed is origins such as"}},
		{name: "every origin", file: "requests.origins=*", want: []string{"allowed is origins such as"}},
		{name: "host with port", file: "requests.hosts=a.example:80", want: []string{"host names without port"}},
		{name: "empty", environ: []string{"JACKFIELD_LISTEN="}, want: []string{"JACKFIELD_LISTEN: listen is empty"}},
		{name: "global key for one extension", file: "extension.org.a.listen=127.0.0.1:1", want: []string{"listen holds for the whole host"}},
		{name: "bad id", file: "extension.a..b.limits.queue=1", want: []string{`"a..b" can not be the id`}},
		{name: "id of a file", file: "extension.a.jar.limits.queue=1", want: []string{`"a.jar" can not be the id`}},
		{name: "no id", file: "extension.limits.queue=1", want: []string{"extension.limits.queue is not a key"}},
		{name: "mistyped for one extension", file: "extension.org.a.limits.quee=1", want: []string{"did you mean extension.org.a.limits.queue?"}},
		{name: "order of pauses", file: "backoff.max=1s", flags: []assignment{{"backoff.first", "2s", "--backoff-first"}}, want: []string{`--backoff-first: backoff.first = "2s" is longer than backoff.max, 1s`}},
		{name: "also what is overridden", file: "limits.queue=x", flags: []assignment{{"limits.queue", "5", "--limits-queue"}}, want: []string{":1: limits.queue"}},
		{name: "not UTF-8", file: "listen=\xff", want: []string{":1: not UTF-8"}},
		{name: "bad escape", file: "\n\nlisten=\\u12", want: []string{":3: invalid unicode literal"}},
		{name: "no key", file: "=x", want: []string{":1: no key before the ="}},
		{name: "too large", file: strings.Repeat("#\n", properties.Max), want: []string{"over 1048576 bytes"}},
		{name: "no expansion", file: "listen=${HOME}", want: []string{`listen = "${HOME}"`}},
		{name: "updates at no time", file: "update.window=at night", want: []string{"allowed is a time such as 02:00-04:30"}},
		{name: "updates of no kind", file: "update.auto=major", want: []string{"allowed is off or patch or minor or all"}},
		{name: "a repository without an address", file: "repository.acme.priority=3", want: []string{":1: repository.acme is no repository: it has no url"}},
		{name: "a repository with a password", file: "repository.acme.url=https://ann:secret@store.example", want: []string{"repository.acme is no repository", "without user", "!secret"}},
		{name: "a repository of another scheme", file: "repository.acme.url=ftp://store.example", want: []string{"neither an http or https address nor"}},
		{name: "a name that leads", file: "repository.../x.url=/srv/x", want: []string{"repository"}},
		{name: "an upper case repository", file: "repository.Acme.url=/srv/x", want: []string{"repository.Acme is no repository", "lower case"}},
		{name: "mistyped of a repository", file: "repository.acme.url=/x\nrepository.acme.prioritiy=3", want: []string{":2: repository.acme.prioritiy is not a key; did you mean repository.acme.priority?"}},
		{name: "no key of a repository", file: "repository.acme=https://store.example", want: []string{"write repository.<name>.url"}},
		{name: "priority of a repository", file: "repository.acme.url=/x\nrepository.acme.priority=high", want: []string{`repository.acme.priority = "high": allowed is a whole number`}},
		{name: "kind of a repository", file: "repository.acme.url=/x\nrepository.acme.kind=maven", want: []string{"allowed is jackfield or jameica"}},
		{name: "an unsigned store", file: "repository.acme.url=/x\nrepository.acme.allow_unsigned=true", want: []string{"only what comes from a repository of Jameica's may be unsigned"}},
		{name: "a repository by variable", environ: []string{"JACKFIELD_REPOSITORY_ACME_URL=https://store.example"}, want: []string{"JACKFIELD_REPOSITORY_ACME_URL: the keys of a repository", "JACKFIELD_PROPERTIES"}},
		{name: "all at once", file: "a=1\nlimits.queue=x", environ: []string{"JACKFIELD_LOG_LEVEL=loud"}, flags: []assignment{{"listen", "x", "--listen"}},
			want: []string{"4 faults", ":1: a ", ":2: limits.queue", "JACKFIELD_LOG_LEVEL: log.level", "--listen: listen"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, c.environ, c.flags...)
			var faults *ConfigError
			if !errors.As(err, &faults) || output.ExitCode(err) != output.ExitUsage {
				t.Fatalf("error %v, want a ConfigError", err)
			}
			for _, part := range c.want {
				if text, not := strings.CutPrefix(part, "!"); strings.Contains(err.Error(), text) == not {
					t.Errorf("the message has %q: %v\n%v", text, !not, err)
				}
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	_, err := Load(Sources{File: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "reading the configuration: is a directory") {
		t.Errorf("a folder for a file: %v", err)
	}
}
