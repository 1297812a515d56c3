package main_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackfield-host/jackfield/host"
)

// TestSupportArchiveHoldsNoSecrets puts a canary wherever a secret may be, and looks for
// each in every file of the archive.
func TestSupportArchiveHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	home := host.Home(filepath.Join(t.TempDir(), "home"))
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	const oidc, vault, logged, before = "cAnArYoidc77", "cAnArYvault88", "cAnArYlogged99", "cAnArYenv55555555"
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(home.Conf(), "oidc.secret"), oidc+"\n")
	write(home.Properties(), "admin.oidc.client_secret_file=conf/oidc.secret\n")
	h, err := startHost(string(home), "--tracing-endpoint", "http://127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.kill)
	jackfield := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv(envBin), "jackfield"), append(args, "--home", string(home))...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "JACKFIELD_TOKEN="+before)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		if err != nil && !(errors.As(err, &exit) && args[0] == "doctor") {
			t.Fatalf("%v: %v\n%s%s", args, err, out, stderr.String())
		}
		return string(out)
	}
	settings := filepath.Join(os.Getenv(envBundles), "settings.jar")
	jackfield("", "ext", "install", settings)
	const id = "examples.settings.SettingsExtension"
	jackfield(vault, "ext", "config", id, "set", "key=@-")
	var user struct{ Password string }
	var token struct{ Secret string }
	for out, into := range map[string]any{
		jackfield("", "user", "add", "vera", "--generate", "-o", "json"): &user,
		jackfield("", "token", "new", "ci", "-o", "json"):                &token,
	} {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatal(err)
		}
	}
	admin, first := read(t, home.AdminToken()), read(t, home.InitialPassword())
	canaries := map[string]string{
		"the client secret": oidc, "a secret of a configuration": vault, "a secret in a log": logged, "a token of the environment": before,
		"the administrator's token": admin, "the first password": first, "a user's password": user.Password, "a token": token.Secret,
		"the key of the vault": read(t, home.SecretKey()),
	}
	// What an extension may say of them: the known ones in any form, the others by name.
	lines := ""
	for name, secret := range canaries {
		if secret == "" {
			t.Fatalf("%s is empty", name)
		}
		lines += fmt.Sprintf("connecting with password=%s\n{\"level\":\"info\",\"msg\":\"sent\",\"authorization\":\"Bearer %s\"}\n", secret, secret)
	}
	lines += "the administrator's token is " + admin + ", the first password " + first + ", the provider's " + oidc + "\n"
	lines += "using " + token.Secret + " and postgres://app:" + logged + "@db/x\n"
	f, err := os.OpenFile(home.ExtensionLog(id), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(lines); err != nil || f.Close() != nil {
		t.Fatal(err)
	}

	archive := filepath.Join(t.TempDir(), "support.tar.gz")
	jackfield("", "doctor", "--bundle", archive)
	files := untar(t, archive)
	for name, text := range files {
		for what, secret := range canaries {
			if strings.Contains(text, strings.TrimSpace(secret)) {
				t.Errorf("%s holds %s", name, what)
			}
		}
	}
	for _, name := range []string{"README.txt", "findings.json", "versions.json", "about.json", "settings.json", "extensions.json", "metrics.txt",
		"goroutines.txt", "history/" + id + ".json", "logs/" + id + ".log"} {
		if len(files[name]) < 50 {
			t.Errorf("%s: %d bytes", name, len(files[name]))
		}
	}
	if log := files["logs/"+id+".log"]; !strings.Contains(log, "connecting with password=[redacted]") {
		t.Errorf("the log lacks what is no secret: %s", log)
	}
	for _, name := range []string{"findings.json", "about.json", "settings.json", "extensions.json", "history/" + id + ".json"} {
		if !json.Valid([]byte(files[name])) {
			t.Errorf("%s is no JSON any more", name)
		}
	}
	if missing := strings.TrimSpace(files["missing.txt"]); missing != "" {
		t.Errorf("missing: %s", missing)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

// untar returns the files of an archive by name, without the folder that they are in.
func untar(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if err == io.EOF {
			return files
		}
		data, more := io.ReadAll(r)
		if err = errors.Join(err, more); err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(header.Name, "/")
		files[name] = string(data)
	}
}
