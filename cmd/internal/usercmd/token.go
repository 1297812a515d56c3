package usercmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

// NewToken returns the group `jackfield token`.
func NewToken() *cobra.Command {
	var t hostclient.Target
	cmd := &cobra.Command{Use: "token", Short: "make and revoke the tokens by which programs use the running host", Long: whereabouts}
	t.AddFlags(cmd)
	cmd.AddCommand(newTokenList(&t), newTokenNew(&t), newTokenRevoke(&t))
	completeWith(&t, cmd)
	return cmd
}

func printTokens(w io.Writer, tokens []host.Token) error {
	rows := make([][]string, len(tokens))
	for i, k := range tokens {
		role, only := string(k.Role), "all"
		if k.Owner {
			role += ", owner"
		}
		if k.Extensions != nil {
			only = strings.Join(k.Extensions, " ")
		}
		expires := "never"
		if k.Expires != nil {
			expires = day(k.Expires)
		}
		rows[i] = []string{k.ID, k.Label, k.User, role, only, expires, day(k.LastUsed)}
	}
	return output.Rows(w, []string{"ID", "LABEL", "USER", "ROLE", "EXTENSIONS", "EXPIRES", "LAST USED"}, rows)
}

func newTokenList(t *hostclient.Target) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "list", Short: "list the tokens, without their secrets", Example: "  jackfield token list\n  jackfield token list --user vera", Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&user, "user", "", "those of this user only")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		query := url.Values{}
		if user != "" {
			query.Set("user", user)
		}
		var answer struct{ Tokens []host.Token }
		if err := c.Ask(cmd.Context(), hostclient.Question{What: "listing the tokens", Path: []string{"tokens"}, Query: query}, &answer); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), answer.Tokens, func(w io.Writer) error { return printTokens(w, answer.Tokens) })
	}
	return cmd
}

func newTokenNew(t *hostclient.Target) *cobra.Command {
	var n struct {
		Label      string     `json:"label"`
		User       string     `json:"user,omitempty"`
		Role       string     `json:"role"`
		Owner      bool       `json:"owner,omitempty"`
		Extensions []string   `json:"extensions,omitempty"`
		Expires    *time.Time `json:"expires,omitempty"`
	}
	var expires string
	cmd := &cobra.Command{
		Use:   "new LABEL",
		Short: "make a token and print it; it is not shown again",
		Long: `New makes a token of a user. It may do what its role may, and never more than the user;
with --owner also what the user may do as an owner; with --extension only to these.`,
		Example: `  jackfield token new "Grafana" --role viewer
  jackfield token new "deploy of hello" --user otto --owner --extension examples.hello.HelloExtension --expires 30d
  jackfield token new ci --role operator --expires never -o json`,
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&n.User, "user", "", "whose token it is; whoever makes it, if left out")
	flags.StringVar(&n.Role, "role", string(host.RoleViewer), "viewer, operator or administrator")
	flags.BoolVar(&n.Owner, "owner", false, "it carries what the user owns")
	flags.StringArrayVar(&n.Extensions, "extension", nil, "id of an extension that it is good for, instead of all; may be given several times")
	flags.StringVar(&expires, "expires", "90d", "when it ends: a time from now such as 12h or 90d, a day such as 2027-01-31, or never")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roleNames(), cobra.ShellCompDirectiveNoFileComp)) // as in newAdd
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		end, err := parseExpires(expires, time.Now())
		if err != nil {
			return err
		}
		n.Label, n.Expires = args[0], end
		c, err := t.Connect()
		if err != nil {
			return err
		}
		var made struct {
			host.Token
			Secret string `json:"secret"`
		}
		err = c.Ask(cmd.Context(), hostclient.Question{What: "making a token", Method: http.MethodPost, Path: []string{"tokens"}, Body: n}, &made)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), made, func(w io.Writer) error {
			if err := printTokens(w, []host.Token{made.Token}); err != nil {
				return err
			}
			_, err := fmt.Fprintf(w, "\ntoken  %s\n", made.Secret)
			return err
		})
	}
	return cmd
}

// parseExpires returns the end that text means, nil for never.
func parseExpires(text string, now time.Time) (*time.Time, error) {
	wrong := output.Usagef("write 12h, 90d, 2027-01-31 or never", "--expires: %q is no time that is to come", text)
	if text == "never" {
		return nil, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil || n == 0 {
			return nil, wrong
		}
		end := now.UTC().AddDate(0, 0, int(n))
		return &end, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		end := now.UTC().Add(d)
		return &end, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if end, err := time.ParseInLocation(layout, text, time.Local); err == nil && end.After(now) {
			return &end, nil
		}
	}
	return nil, wrong
}

func newTokenRevoke(t *hostclient.Target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "end a token, at once", Example: "  jackfield token revoke k3mq2x7wv5ab", Args: cobra.ExactArgs(1),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		var gone struct {
			ID      string `json:"id"`
			Revoked bool   `json:"revoked"`
		}
		err = c.Ask(cmd.Context(), hostclient.Question{
			What: fmt.Sprintf("revoking the token %q", args[0]), Method: http.MethodDelete, Path: []string{"tokens", args[0]},
		}, &gone)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), gone, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"id", gone.ID}, {"revoked", "yes"}})
		})
	}
	return cmd
}
