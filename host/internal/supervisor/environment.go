package supervisor

import (
	"path/filepath"
	"strings"
)

// inherited are the variables that a child takes over from the host: where programs
// are, how times and texts look, whom to trust and by which proxy to go out. All
// others stay with the host, whose environment may hold secrets.
func inherited() []string {
	return []string{
		"PATH", "TZ", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	}
}

// childEnvironment is the environment of a child, before go-plugin adds its own
// PLUGIN_ variables and the cookie: what is inherited from host, and the child's home.
func childEnvironment(host []string, dataDir string) []string {
	values := make(map[string]string, len(host))
	for _, kv := range host {
		if name, value, ok := strings.Cut(kv, "="); ok {
			values[name] = value
		}
	}
	env := []string{"HOME=" + dataDir, "TMPDIR=" + temporaryDir(dataDir)}
	for _, name := range inherited() {
		if value, ok := values[name]; ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// temporaryDir is where the child's temporary files go: into its own data, where they
// count as its own and nobody else sees them.
func temporaryDir(dataDir string) string { return filepath.Join(dataDir, "tmp") }
