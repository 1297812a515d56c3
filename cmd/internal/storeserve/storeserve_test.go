package storeserve

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// load loads a configuration of a file, an environment and flags.
func load(t *testing.T, file string, env map[string]string, flags ...string) (*config, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "store.properties"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range env {
		t.Setenv(name, value)
	}
	var f sources
	cmd := &cobra.Command{}
	f.addFlags(cmd)
	if err := cmd.ParseFlags(append([]string{"--data", dir}, flags...)); err != nil {
		t.Fatal(err)
	}
	return f.load()
}

func TestSources(t *testing.T) {
	c, err := load(t, "listen=127.0.0.1:1\nadmission=review\nlimits.file=10M\nproxies=10.0.0.0/8, 192.0.2.1",
		map[string]string{"JACKFIELD_STORE_LISTEN": "127.0.0.1:2", "JACKFIELD_STORE_DATABASE": "postgres://u:p@h/d", "JACKFIELD_STORE_LOG_LEVEL": "debug"},
		"--listen", "127.0.0.1:3", "--base-url", "https://store.example.org/x", "--unsigned-unsafe")
	if err != nil {
		t.Fatal(err)
	}
	if c.listen != "127.0.0.1:3" || c.Admission != "review" || c.MaxBytes != 10<<20 || len(c.Proxies) != 2 || !c.UnsignedUnsafe ||
		c.Database != "postgres://u:p@h/d" || c.logLevel != slog.LevelDebug || c.BaseURL.Path != "/x" {
		t.Errorf("%+v", c)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct {
		name, file string
		env        map[string]string
		flags      []string
		says       string
	}{
		{"a key that there is not", "lissten=x", nil, nil, "did you mean listen?"},
		{"a key twice", "listen=127.0.0.1:1\nlisten=127.0.0.1:2", nil, nil, "stands already in line 1"},
		{"no UTF-8", "listen=\xff", nil, nil, "not UTF-8"},
		{"a variable that there is not", "", map[string]string{"JACKFIELD_STORE_LISTN": "x"}, nil, "did you mean JACKFIELD_STORE_LISTEN?"},
		{"a password in a flag", "", nil, []string{"--database", "postgres://u:geheim@h/d"}, "a password on the command line"},
		{"half a pair", "tls.cert=x", nil, nil, "tls.cert and tls.key come together"},
		{"an address of a proxy", "proxies=everybody", nil, nil, "write addresses"},
		{"a size", "limits.file=5G", nil, nil, "write a size"},
		{"a URL", "base.url=store.example.org", nil, nil, "write https://HOST"},
		{"two at once", "admission=never\nlog.format=xml", nil, nil, "log.format: write one of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := load(t, c.file, c.env, c.flags...)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "geheim") || output.ExitCode(err) != output.ExitUsage {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

// TestKeys: each key has a name of its own, and its default is one that it takes.
func TestKeys(t *testing.T) {
	var names []string
	for _, k := range keys() {
		names = append(names, k.name)
		if k.initial != "" {
			if err := k.set(defaults(), k.initial); err != nil {
				t.Errorf("%s: its default is refused: %v", k.name, err)
			}
		}
		if k.name != "name" && k.set(defaults(), "\x00") == nil {
			t.Errorf("%s takes anything", k.name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(names)) != len(keys()) {
		t.Error("two keys have the same name")
	}
}

func TestWhereItListens(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config)
		fine   bool
	}{
		"loopback":       {func(c *config) { c.listen = "127.0.0.1:0" }, true},
		"everywhere":     {func(c *config) { c.listen = "0.0.0.0:0" }, false},
		"with TLS":       {func(c *config) { c.listen, c.tlsCert = "0.0.0.0:0", "x" }, true},
		"behind a proxy": {func(c *config) { c.listen = "0.0.0.0:0"; c.Proxies, _ = prefixes("10.0.0.1") }, true},
	} {
		cfg := defaults()
		c.change(cfg)
		l, err := listen(t.Context(), cfg)
		if err == nil {
			l.Close()
		}
		if (err == nil) != c.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}
