package confine

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/jackfield-host/jackfield/host/internal/sandbox/shim"
)

// tasksBeyond is how many threads and processes a user of its own has besides
// limits.processes: the kernel counts threads, too.
const tasksBeyond = 1024

// policyOf is the policy of s, but for what is known only when it is launched.
func policyOf(s Subject, able shim.Able, user uint32) *shim.Policy {
	p := &shim.Policy{User: user, Filter: able.Filter == nil, Limits: []shim.Limit{{Resource: unix.RLIMIT_CORE}}}
	limit := func(resource int, value int64) {
		if value > 0 {
			p.Limits = append(p.Limits, shim.Limit{Resource: resource, Value: uint64(value)})
		}
	}
	limit(unix.RLIMIT_NOFILE, int64(s.Files))
	limit(unix.RLIMIT_FSIZE, s.Data)
	if user != 0 {
		limit(unix.RLIMIT_NPROC, int64(s.Processes)+tasksBeyond)
	}
	if able.Files == nil {
		p.Files = &shim.Files{
			Read:    append([]string{s.BundleDir}, readable(s.Environ)...),
			Write:   []string{s.DataDir},
			Devices: []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"},
		}
		allowLoader(p.Files, s.Executable)
	}
	return p
}

// readable is what every extension may read of the machine: the time zones and whom to
// trust. Certificates are where the distributions have them, and where the variables
// SSL_CERT_FILE and SSL_CERT_DIR say.
func readable(environ []string) []string {
	paths := []string{
		"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo", "/etc/localtime",
		"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/pki/tls/certs", "/etc/pki/tls/cacert.pem",
		"/etc/pki/ca-trust/extracted", "/etc/ca-certificates", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
	}
	for _, variable := range environ {
		switch name, value, _ := strings.Cut(variable, "="); name {
		case "SSL_CERT_FILE", "SSL_CERT_DIR":
			for _, path := range filepath.SplitList(value) {
				if filepath.IsAbs(path) {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

// libraries are where a loader finds what a dynamic executable needs.
func libraries() []string {
	return []string{"/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}
}

// allowLoader lets an executable that is not static be loaded.
func allowLoader(files *shim.Files, executable string) {
	loader := loaderOf(executable)
	if loader == "" {
		return
	}
	files.Execute = append(files.Execute, loader)
	files.Read = append(files.Read, libraries()...)
}
