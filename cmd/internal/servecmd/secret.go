package servecmd

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

// maxSecret bounds what is read of the file with the client secret.
const maxSecret = 4 << 10

// SecretFile is the path of the file with the client secret of a host in home; "" when there
// is none.
func (c *Config) SecretFile(home host.Home) string {
	path := c.AdminOIDCSecretFile
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(string(home), path)
}

// clientSecret reads admin.oidc.client_secret_file, which others must not read; "" when
// there is none.
func (c *Config) clientSecret() (string, error) {
	path := c.SecretFile(host.Home(c.Home))
	if path == "" {
		return "", nil
	}
	const key = "admin.oidc.client_secret_file"
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s: %s is not a regular file", key, path)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return "", output.Errorf("chmod 600 it, and let the provider give another secret if somebody may have read it",
			"%s: %s can be read or written by everybody (mode %04o)", key, path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n\x00") {
		return "", fmt.Errorf("%s: %s must hold one line, the secret", key, path)
	}
	return secret, nil
}

// TLSFiles are the paths of the certificate and the key for https of a host in home; "" for
// plain HTTP.
func (c *Config) TLSFiles(home host.Home) (cert, key string) {
	if c.TLSCert == "" {
		return "", ""
	}
	in := func(path string) string {
		if filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(string(home), path)
	}
	return in(c.TLSCert), in(c.TLSKey)
}

// adminURL is where people reach the admin page, nil for what their browser asks for.
func (c *Config) adminURL() *url.URL {
	if c.AdminURL == "" {
		return nil
	}
	u, err := url.Parse(c.AdminURL)
	if err != nil { // it was checked
		return nil
	}
	return u
}
