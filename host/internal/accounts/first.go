package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxPasswordFile bounds what is read of conf/initial-admin-password.
const maxPasswordFile = 4 << 10

// FirstPassword returns the password that Open has made for the first user, "" when it
// has made none. It is for the terminal of whoever starts the host, and for nothing else.
func (a *Accounts) FirstPassword() string { return a.first }

// firstUser makes the user admin when there are no users, with the password in
// PasswordFile; and removes a file whose password does not hold any more. A host that is
// killed in between finds the file and goes on with it.
func (a *Accounts) firstUser(ctx context.Context) error {
	if len(a.users) > 0 {
		for _, u := range a.users {
			if u.Initial {
				return nil
			}
		}
		a.removePasswordFile()
		return nil
	}
	price := a.cfg.cost
	password, err := readPassword(a.cfg.PasswordFile)
	if errors.Is(err, fs.ErrNotExist) {
		price, password = randomCost(), newPassword()
		a.first = password
		err = writePassword(a.cfg.PasswordFile, password)
	}
	if err != nil {
		return fmt.Errorf("the first password: %w", err)
	}
	if err := checkPassword(password, LocalAdministrator); err != nil {
		return fmt.Errorf("%s holds no password: %w", a.cfg.PasswordFile, err)
	}
	kept, err := a.hasher.make(ctx, password, price)
	if err != nil {
		return err
	}
	u := &user{User: User{Name: LocalAdministrator, Role: Administrator, Owns: []string{}, Source: Local, MustChange: true}, Hash: kept, Initial: true}
	if _, err := a.add(ctx, u, Actor{Name: "host"}); err != nil {
		return fmt.Errorf("making the first user: %w", err)
	}
	a.cfg.Log.Info("the first user is admin; the password has to be changed at the first sign-in", "password_file", a.cfg.PasswordFile)
	return nil
}

func readPassword(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPasswordFile))
	return strings.Trim(string(text), "\r\n"), err
}

// writePassword makes a file that only its owner can read, whole or not at all.
func writePassword(path, password string) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(password + "\n")
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Link(tmp.Name(), path) // unlike a rename it replaces nothing
}

// removePasswordFile removes the file of a password that does not hold any more.
func (a *Accounts) removePasswordFile() {
	switch err := os.Remove(a.cfg.PasswordFile); {
	case err == nil:
		a.cfg.Log.Info("the file of the first password is removed: that password does not hold any more", "password_file", a.cfg.PasswordFile)
	case !errors.Is(err, fs.ErrNotExist):
		a.cfg.Log.Warn("the file of the first password can not be removed; that password does not hold any more", "error", err)
	}
}
