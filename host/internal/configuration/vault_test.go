package configuration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestVault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret.key")
	vault, err := OpenVault(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("a key that nobody needs was made: %v", err)
	}
	sealed, err := vault.Seal("a.b", map[string]any{"/password": "hush", "/pin": json.Number("12")})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has the mode %v, %v", info.Mode(), err)
	}
	for pointer, text := range sealed {
		if strings.Contains(text, "hush") {
			t.Errorf("%s is sealed as %s", pointer, text)
		}
	}
	again, err := OpenVault(path) // as after a restart
	if err != nil {
		t.Fatal(err)
	}
	opens := func(v *Vault, id string, sealed map[string]string, want string) {
		t.Helper()
		secrets, lost := v.Open(id, sealed)
		slices.Sort(lost)
		if got := shows(Document{Secrets: secrets}) + " lost: " + strings.Join(lost, " "); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	opens(again, "a.b", sealed, `{} {"/password":"hush","/pin":12} lost: `)
	opens(again, "a", sealed, `{} {} lost: /password /pin`)
	opens(again, "a.b", map[string]string{"/pin": sealed["/password"], "/x": "v1:?", "/y": "", "/z": "v1:"}, `{} {} lost: /pin /x /y /z`)

	other, err := OpenVault(filepath.Join(t.TempDir(), "secret.key")) // the database without its key
	if err != nil {
		t.Fatal(err)
	}
	opens(other, "a.b", sealed, `{} {} lost: /password /pin`)
	if _, err := other.Seal("a", map[string]any{"/x": "y"}); err != nil {
		t.Fatal(err)
	}
	opens(other, "a.b", sealed, `{} {} lost: /password /pin`)
}

func TestVaultRefusesABrokenKey(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "short": "00ff", "no digits": strings.Repeat("z", 64)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "secret.key")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenVault(path); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	path := filepath.Join(t.TempDir(), "secret.key")
	vault, err := OpenVault(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("somebody else's"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := vault.Seal("a", map[string]any{"/x": "y"}); err == nil {
		t.Error("a key that somebody has put there was overwritten")
	}
}
