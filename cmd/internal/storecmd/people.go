package storecmd

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store"
)

func newOrganization(t *target) *cobra.Command {
	cmd := &cobra.Command{Use: "org", Short: "say which organizations may publish"}
	cmd.AddCommand(newOrganizationAdd(t), newOrganizationList(t), newOrganizationRemove(t))
	return cmd
}

func newOrganizationAdd(t *target) *cobra.Command {
	var o store.OrganizationRequest
	cmd := &cobra.Command{
		Use: "add HOST", Short: "add an organization, or change the one of that name",
		Long: `Add lets an organization publish what is signed under one of its keys. HOST is the
host name in its certificates. 'jackfield bundle verify FILE' shows the key of who has
signed FILE, as publisher.`,
		Example: "  jackfield store org add acme.example --title 'Acme Inc.' --pin sha256:0123…@acme.example",
		Args:    cobra.ExactArgs(1), ValidArgsFunction: complete(t, organizations),
	}
	cmd.Flags().StringVar(&o.Title, "title", "", "its name, for people; HOST unless it is given")
	cmd.Flags().StringSliceVar(&o.Pins, "pin", nil, "one of its public keys; may be repeated")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.Name = args[0]; len(o.Pins) == 0 {
			return output.Usagef("'jackfield bundle verify FILE' shows that of whoever signed FILE", "--pin says which key is the organization's")
		}
		var saved store.Organization
		err := t.ask(cmd.Context(), question{What: "adding " + oneLine(o.Name), Method: http.MethodPost, Path: []string{"organizations"}, Body: o}, &saved)
		if err != nil {
			return err
		}
		return printOrganizations(cmd.OutOrStdout(), *format, saved, []store.Organization{saved})
	}
	return cmd
}

func newOrganizationList(t *target) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "list the organizations that may publish", Example: "  jackfield store org list", Args: cobra.NoArgs}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var list store.OrganizationList
		if err := t.ask(cmd.Context(), question{What: "listing the organizations", Path: []string{"organizations"}}, &list); err != nil {
			return err
		}
		return printOrganizations(cmd.OutOrStdout(), *format, list, list.Organizations)
	}
	return cmd
}

func printOrganizations(w io.Writer, format output.Format, value any, list []store.Organization) error {
	return printRows(w, format, value, []string{"NAME", "TITLE", "CREATED", "PINS"}, list, func(o store.Organization) []string {
		return []string{o.Name, o.Title, stamp(o.Created), strings.Join(o.Pins, " ")}
	})
}

func newOrganizationRemove(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove HOST", Short: "remove an organization that owns no listing, and its tokens", Example: "  jackfield store org remove acme.example",
		Args: cobra.ExactArgs(1), ValidArgsFunction: complete(t, organizations),
	}
	return t.remover(cmd, "organizations", "removed")
}

// remover makes cmd remove the thing that its argument names.
func (t *target) remover(cmd *cobra.Command, noun, done string) *cobra.Command {
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := t.ask(cmd.Context(), question{What: "removing " + oneLine(args[0]), Method: http.MethodDelete, Path: []string{noun, args[0]}}, nil)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), map[string]string{done: args[0]}, func(w io.Writer) error {
			_, err := io.WriteString(w, done+": "+oneLine(args[0])+"\n")
			return err
		})
	}
	return cmd
}

func organizations(ctx context.Context, c *storeclient.Client, _ string) ([]string, error) {
	var list store.OrganizationList
	err := c.Ask(ctx, question{What: "completing", Path: []string{"organizations"}}, &list)
	var found []string
	for _, o := range list.Organizations {
		found = append(found, o.Name+"\t"+o.Title)
	}
	return found, err
}

func newToken(t *target) *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "make and revoke the tokens by which programs publish"}
	cmd.AddCommand(newTokenNew(t), newTokenList(t), newTokenRevoke(t))
	return cmd
}

func newTokenNew(t *target) *cobra.Command {
	var asked store.TokenRequest
	var role, file string
	cmd := &cobra.Command{
		Use: "new NAME", Short: "make a token and print it; it is not shown again",
		Long: `New makes a token. A publisher's is for one organization (--org); a reviewer's approves
submissions and labels listings; an administrator's may do everything. With --out it
goes into a file that only its owner can read, and is not printed.`,
		Example: `  jackfield store token new "CI of Acme" --org acme.example --out acme.token
  jackfield store token new vera --role reviewer --days 90`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: cobra.NoFileCompletions,
	}
	flags := cmd.Flags()
	flags.StringVar(&role, "role", string(store.RolePublisher), "publisher, reviewer or administrator")
	flags.StringVar(&asked.Organization, "org", "", "the organization that a publisher publishes for")
	flags.IntVar(&asked.Days, "days", 0, "days until it expires; 0 is never")
	flags.StringVar(&file, "out", "", "file to write the token into, which must not exist")
	roles := []string{string(store.RolePublisher), string(store.RoleReviewer), string(store.RoleAdministrator)}
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(roles, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		asked.Name, asked.Role = args[0], store.Role(role)
		var out *os.File
		if file != "" {
			var err error
			if out, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
				return output.Errorf("", "writing the token: %w", err)
			}
			defer out.Close()
		}
		var made store.NewToken
		err := t.ask(cmd.Context(), question{What: "making a token", Method: http.MethodPost, Path: []string{"tokens"}, Body: asked}, &made)
		if err != nil {
			if out != nil {
				_ = os.Remove(file) // it is empty
			}
			return err
		}
		if out == nil {
			return format.Print(cmd.OutOrStdout(), made, func(w io.Writer) error { return printToken(w, made.Token, made.Secret) })
		}
		if _, err := out.WriteString(made.Secret + "\n"); err != nil {
			return output.Errorf("'jackfield store token revoke "+made.ID+"' makes it worth nothing", "writing the token: %w", err)
		}
		return format.Print(cmd.OutOrStdout(), made.Token, func(w io.Writer) error { return printToken(w, made.Token, "") })
	}
	return cmd
}

func printToken(w io.Writer, t store.Token, secret string) error {
	return output.Fields(w, [][2]string{
		{"id", t.ID}, {"name", t.Name}, {"role", string(t.Role)}, {"organization", t.Organization}, {"expires", stamp(t.Expires)}, {"token", secret},
	})
}

func newTokenList(t *target) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "list the tokens, without their secrets", Example: "  jackfield store token list", Args: cobra.NoArgs}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var list store.TokenList
		if err := t.ask(cmd.Context(), question{What: "listing the tokens", Path: []string{"tokens"}}, &list); err != nil {
			return err
		}
		return printRows(cmd.OutOrStdout(), *format, list, []string{"ID", "NAME", "ROLE", "ORGANIZATION", "CREATED", "EXPIRES", "LAST USED"}, list.Tokens, func(t store.Token) []string {
			return []string{t.ID, t.Name, string(t.Role), t.Organization, stamp(t.Created), stamp(t.Expires), stamp(t.LastUsed)}
		})
	}
	return cmd
}

func newTokenRevoke(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke ID", Short: "make a token worth nothing", Example: "  jackfield store token revoke t-4qz7p2m6h3ab", Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, tokens),
	}
	return t.remover(cmd, "tokens", "revoked")
}

func tokens(ctx context.Context, c *storeclient.Client, _ string) ([]string, error) {
	var list store.TokenList
	err := c.Ask(ctx, question{What: "completing", Path: []string{"tokens"}}, &list)
	var found []string
	for _, t := range list.Tokens {
		found = append(found, t.ID+"\t"+t.Name)
	}
	return found, err
}

func newAudit(t *target) *cobra.Command {
	var actor, about string
	cmd := &cobra.Command{
		Use: "audit", Short: "show who did what, newest first",
		Example: "  jackfield store audit --limit 20\n  jackfield store audit --target 'examples.hello.HelloExtension 1.0.0'", Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&actor, "actor", "", "only what this token did")
	cmd.Flags().StringVar(&about, "target", "", "only what was done to this")
	limit := limitFlag(cmd, 100)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkLimit(*limit); err != nil {
			return err
		}
		c, err := t.Connect()
		if err != nil {
			return err
		}
		all := store.AuditPage{Entries: []store.AuditEntry{}}
		err = pages(*limit, pageSize, func(query url.Values) (int, string, error) {
			for name, value := range map[string]string{"actor": actor, "target": about} {
				if value != "" {
					query.Set(name, value)
				}
			}
			var page store.AuditPage
			err := c.Ask(cmd.Context(), question{What: "reading the audit trail", Path: []string{"audit"}, Query: query}, &page)
			all.Entries, all.Next = append(all.Entries, page.Entries...), page.Next
			return len(page.Entries), page.Next, err
		})
		if err != nil {
			return err
		}
		return printRows(cmd.OutOrStdout(), *format, all, []string{"NUMBER", "TIME", "ACTOR", "ACTION", "TARGET", "REASON"}, all.Entries, func(e store.AuditEntry) []string {
			return []string{strconv.FormatInt(e.Number, 10), stamp(e.Time), e.Actor, e.Action, e.Target, visible.Clip(e.Reason, 80)}
		})
	}
	return cmd
}
