package host

import (
	"log/slog"
	"os"
	"strings"
	"testing"
)

// The accounts of a home are opened by one at a time, also for a lost password.
func TestAccountsBelongToOneHost(t *testing.T) {
	cfg := AccountsConfig{Home: Home(t.TempDir()), Log: slog.New(slog.DiscardHandler)}
	a, done, err := OpenAccounts(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if users := a.Users(); len(users) != 1 || users[0].Name != LocalAdministrator {
		t.Errorf("%+v", users)
	}
	if _, _, err := OpenAccounts(cfg); err == nil || !strings.Contains(err.Error(), "in use by another host") {
		t.Errorf("a second time: %v", err)
	}
	if err := done(); err != nil {
		t.Fatal(err)
	}
	_, done, err = OpenAccounts(cfg)
	if err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	if err := done(); err != nil {
		t.Error(err)
	}
}

// What is no password in the file of the first one stops the host, which says which file.
func TestFirstPasswordThatIsNone(t *testing.T) {
	home := Home(t.TempDir())
	if err := home.Make(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(home.InitialPassword(), []byte("admin\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := OpenAccounts(AccountsConfig{Home: home, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), home.InitialPassword()) {
		t.Errorf("got %v", err)
	}
}
