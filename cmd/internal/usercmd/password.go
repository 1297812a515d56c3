package usercmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
)

func newPassword(t *hostclient.Target) *cobra.Command {
	var p password
	cmd := &cobra.Command{
		Use:   "password NAME",
		Short: "give a user another password, also where no host runs",
		Long: `Password gives a user another password, which has to be changed at the next sign-in
unless --keep says otherwise; the sessions of the user end. Where no host runs in the
home folder the password is changed in its database: that is the way back in for
whoever has lost the password of the last administrator.`,
		Example: `  jackfield user password admin --generate
  jackfield user password vera --password-file vera.txt`,
		Args: cobra.ExactArgs(1),
	}
	p.addFlags(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		alone := errors.Is(err, running.ErrNone)
		if err != nil && !alone {
			return err
		}
		home := running.Home(t.Home)
		if alone {
			if err := judgeHome(home, err); err != nil {
				return err
			}
		}
		text, err := p.choose(cmd, args[0])
		if err != nil {
			return err
		}
		var u host.User
		if alone {
			u, err = setAlone(cmd.Context(), home, args[0], text, p.keep, cmd.ErrOrStderr())
		} else {
			err = c.Ask(cmd.Context(), hostclient.Question{
				What: fmt.Sprintf("setting the password of %q", args[0]), Method: http.MethodPut, Path: []string{"users", args[0], "password"},
				Body: map[string]any{"password": text, "must_change": !p.keep},
			}, &u)
		}
		if err != nil {
			return err
		}
		return p.print(cmd, *format, u, text)
	}
	return cmd
}

// judgeHome says whether the database of a home without a host may be changed from here:
// it must be there, and its files must stay its owner's. none is why no host was found.
func judgeHome(home host.Home, none error) error {
	info, err := os.Stat(home.Database())
	if errors.Is(err, fs.ErrNotExist) {
		return none
	}
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() {
		return output.Errorf("run this as that user, or start the host", "%s belongs to user %d", home.Database(), stat.Uid)
	}
	return nil
}

// setAlone sets a password where no host runs.
func setAlone(ctx context.Context, home host.Home, name, password string, keep bool, stderr io.Writer) (u host.User, err error) {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	users, done, err := host.OpenAccounts(host.AccountsConfig{Home: home, Log: log})
	if err != nil {
		return u, err
	}
	defer func() { err = errors.Join(err, done()) }()
	err = users.SetPassword(ctx, name, password, keep, host.Actor{Name: "host"})
	var refused *host.AccountError
	if errors.As(err, &refused) {
		return u, output.Errorf(refused.Hint, "setting the password of %q: %s: %s", name, refused.Code, refused.Message)
	}
	if err != nil {
		return u, err
	}
	return users.User(name)
}
