// Package usercmd is `jackfield user` and `jackfield token`: who may use a running host.
// NewUser and NewToken return the command groups.
//
// A password is read from a file or asked for at the terminal, or made here; it is never
// an argument. `user password` works without a running host, too: for a password that
// nobody knows any more.
package usercmd

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/passphrase"
	"github.com/jackfield-host/jackfield/host"
)

const whereabouts = `The commands of this group talk to a running host. They find it through the home
folder (--home, JMAP_HOME, else ./jmap-home), where it has left its addresses and its
token, or are told where it is by --host and --token (JACKFIELD_HOST and
JACKFIELD_TOKEN).`

// NewUser returns the group `jackfield user`.
func NewUser() *cobra.Command {
	var t hostclient.Target
	cmd := &cobra.Command{Use: "user", Short: "say who may use the running host, and as what", Long: whereabouts}
	t.AddFlags(cmd)
	cmd.AddCommand(newList(&t), newAdd(&t), newRole(&t), newOwner(&t), newDisable(&t, true), newDisable(&t, false), newRemove(&t), newPassword(&t))
	completeWith(&t, cmd)
	return cmd
}

func roleNames() []string {
	return []string{string(host.RoleViewer), string(host.RoleOperator), string(host.RoleAdministrator)}
}

func printUsers(w io.Writer, users []host.User) error {
	rows := make([][]string, len(users))
	for i, u := range users {
		state := "enabled"
		switch {
		case u.Disabled:
			state = "disabled"
		case u.MustChange:
			state = "must change the password"
		}
		rows[i] = []string{u.Name, string(u.Role), strings.Join(u.Owns, " "), string(u.Source), state, day(u.LastSeen)}
	}
	return output.Rows(w, []string{"NAME", "ROLE", "OWNS", "FROM", "STATE", "LAST SEEN"}, rows)
}

func day(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

func newList(t *hostclient.Target) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "list the users", Example: "  jackfield user list\n  jackfield user list -o json", Args: cobra.NoArgs}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		var answer struct{ Users []host.User }
		if err := c.Ask(cmd.Context(), hostclient.Question{What: "listing the users", Path: []string{"users"}}, &answer); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), answer.Users, func(w io.Writer) error { return printUsers(w, answer.Users) })
	}
	return cmd
}

// printUser prints the user whom a command has changed.
func printUser(cmd *cobra.Command, format output.Format, u host.User) error {
	return format.Print(cmd.OutOrStdout(), u, func(w io.Writer) error { return printUsers(w, []host.User{u}) })
}

func newAdd(t *hostclient.Target) *cobra.Command {
	var role string
	var owns []string
	var p password
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "add a user",
		Long: `Add makes a user with a password, which has to be changed at the first sign-in unless
--keep says otherwise. The password is the first line of --password-file, or is asked
for at the terminal, or is made and printed with --generate.`,
		Example: `  jackfield user add vera --role operator --generate
  jackfield user add otto --role viewer --owner examples.hello.HelloExtension --password-file otto.txt`,
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&role, "role", string(host.RoleViewer), "viewer, operator or administrator")
	flags.StringArrayVar(&owns, "owner", nil, "id of an extension that belongs to the user; may be given several times")
	p.addFlags(cmd)
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roleNames(), cobra.ShellCompDirectiveNoFileComp))
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		text, err := p.choose(cmd, args[0])
		if err != nil {
			return err
		}
		var u host.User
		err = c.Ask(cmd.Context(), hostclient.Question{
			What: fmt.Sprintf("adding the user %q", args[0]), Method: http.MethodPost, Path: []string{"users"},
			Body: map[string]any{"name": args[0], "role": role, "owns": slices.Concat([]string{}, owns), "password": text, "must_change": !p.keep},
		}, &u)
		if err != nil {
			return err
		}
		return p.print(cmd, *format, u, text)
	}
	return cmd
}

// change sends what is to be different about a user.
func change(ctx context.Context, c *hostclient.Client, what, name, match string, body map[string]any) (host.User, error) {
	var u host.User
	err := c.Ask(ctx, hostclient.Question{What: what, Method: http.MethodPatch, Path: []string{"users", name}, Body: body, IfMatch: match}, &u)
	return u, err
}

func newRole(t *hostclient.Target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "role NAME ROLE", Short: "give a user another role: viewer, operator or administrator",
		Long:    "Role gives a user another role. The sessions of the user end.",
		Example: "  jackfield user role vera administrator", Args: cobra.ExactArgs(2),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		u, err := change(cmd.Context(), c, fmt.Sprintf("changing the role of %q", args[0]), args[0], "", map[string]any{"role": args[1]})
		if err != nil {
			return err
		}
		return printUser(cmd, *format, u)
	}
	return cmd
}

func newOwner(t *hostclient.Target) *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use:   "owner NAME ID…",
		Short: "make a user an owner of extensions, or no owner any more",
		Long: `Owner makes a user an owner of extensions: whatever the role is, the user may enable,
disable, restart, roll back, pin, configure and remove them.`,
		Example: `  jackfield user owner otto examples.hello.HelloExtension
  jackfield user owner otto examples.hello.HelloExtension --remove`,
		Args: cobra.MinimumNArgs(2),
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "the user is no owner of them any more")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		name, ids := args[0], args[1:]
		c, err := t.Connect()
		if err != nil {
			return err
		}
		what := fmt.Sprintf("changing what %q owns", name)
		var u host.User
		if err := c.Ask(cmd.Context(), hostclient.Question{What: what, Path: []string{"users", name}}, &u); err != nil {
			return err
		}
		owns := slices.Concat([]string{}, u.Owns, ids)
		if remove {
			owns = slices.DeleteFunc(slices.Concat([]string{}, u.Owns), func(id string) bool { return slices.Contains(ids, id) })
		}
		// Somebody else may have changed it meanwhile.
		match := strconv.Quote(strconv.FormatInt(u.Revision, 10))
		if u, err = change(cmd.Context(), c, what, name, match, map[string]any{"owns": owns}); err != nil {
			return err
		}
		return printUser(cmd, *format, u)
	}
	return cmd
}

func newDisable(t *hostclient.Target, off bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "enable NAME", Short: "let a user in again", Example: "  jackfield user enable vera", Args: cobra.ExactArgs(1),
	}
	doing := "enabling"
	if off {
		cmd.Use, cmd.Short, cmd.Example, doing = "disable NAME", "let a user in no more: sessions end, tokens are refused", "  jackfield user disable vera", "disabling"
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		u, err := change(cmd.Context(), c, fmt.Sprintf("%s the user %q", doing, args[0]), args[0], "", map[string]any{"disabled": off})
		if err != nil {
			return err
		}
		return printUser(cmd, *format, u)
	}
	return cmd
}

func newRemove(t *hostclient.Target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove NAME", Short: "remove a user, with all sessions and tokens", Example: "  jackfield user remove vera", Args: cobra.ExactArgs(1),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		var gone struct {
			Name    string `json:"name"`
			Removed bool   `json:"removed"`
		}
		err = c.Ask(cmd.Context(), hostclient.Question{
			What: fmt.Sprintf("removing the user %q", args[0]), Method: http.MethodDelete, Path: []string{"users", args[0]},
		}, &gone)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), gone, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"name", gone.Name}, {"removed", "yes"}})
		})
	}
	return cmd
}

// password is how a command gets one.
type password struct {
	file           string
	generate, keep bool
}

func (p *password) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&p.file, "password-file", "", "file, or pipe, whose first line is the password")
	flags.BoolVar(&p.generate, "generate", false, "make a random password and print it")
	flags.BoolVar(&p.keep, "keep", false, "the user need not change it at the next sign-in")
	cmd.MarkFlagsMutuallyExclusive("password-file", "generate")
}

// choose returns the password for name.
func (p *password) choose(cmd *cobra.Command, name string) (string, error) {
	switch {
	case p.generate:
		text := strings.ToLower(rand.Text())
		return text[:5] + "-" + text[5:10] + "-" + text[10:15] + "-" + text[15:20], nil
	case p.file != "":
		text, err := passphrase.FromFile(p.file)
		return string(text), err
	}
	text, err := passphrase.AskNew(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr(), "the user "+name, "--password-file, or take --generate")
	return string(text), err
}

// print prints the user, and a password that was made here.
func (p *password) print(cmd *cobra.Command, format output.Format, u host.User, text string) error {
	if !p.generate {
		return printUser(cmd, format, u)
	}
	shown := struct {
		host.User
		Password string `json:"password"`
	}{u, text}
	return format.Print(cmd.OutOrStdout(), shown, func(w io.Writer) error {
		if err := printUsers(w, []host.User{u}); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w, "\npassword  %s\n", text)
		return err
	})
}
