package extcmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

func newRepoForget(t *target) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "forget NAME",
		Short: "drop what is known of a repository, so that the next look is a first one",
		Long: `Forget drops what the host knows of a repository: of a store its name and the highest
number of a catalogue that was seen, which keep another store and an older catalogue
out; of one of Jameica's who has signed what was taken from it. The next look takes what
the repository shows then, if its root vouches for it.

It is right after a store was restored from a backup, or moved to another name, and those
who run it say so. When they know of nothing, somebody may be showing this host an old
catalogue to hide corrections: then forget nothing, and find out who stands between.

What is installed stays as it is. What the repository has revoked stays revoked until it
is read again, which is about a second later if it answers.`,
		Example: `  jackfield ext repo forget acme
  jackfield ext repo forget acme --yes`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return t.completeRepositories(cmd, args, begun)
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		if !yes {
			if err := c.confirmForget(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), args[0]); err != nil {
				return err
			}
		}
		var r host.Repository
		what := fmt.Sprintf("forgetting %q", args[0])
		if err := c.Ask(cmd.Context(), question{What: what, Method: http.MethodPost, Path: []string{"repositories", args[0], "forget"}, Patience: planPatience}, &r); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), r, func(w io.Writer) error { return printRepositories(w, []host.Repository{r}) })
	}
	return cmd
}

// confirmForget says what would be lost, and asks the person at the terminal. Without one
// nobody can say yes.
func (c *client) confirmForget(ctx context.Context, in io.Reader, out io.Writer, name string) error {
	if f, ok := in.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		return output.Usagef("pass --yes to go ahead without being asked", "what is known of %q keeps old catalogues and other stores out, and there is no terminal to ask at", name)
	}
	list, err := c.repositories(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(r host.Repository) bool { return r.Name == name })
	if i < 0 {
		return nil // the host says so
	}
	return ask(ctx, in, out, lossOf(list[i])+fmt.Sprintf("forget %s? [y/N] ", oneLine(name)), "nothing was forgotten")
}

// lossOf says what the host would not know any more.
func lossOf(r host.Repository) string {
	text := "nothing was seen of this store yet\n"
	switch {
	case r.Kind == string(host.KindJameica):
		text = "this host has noted who signed what it took from there; it would take the next ZIP of\n" +
			"each name from whoever the root vouches for\n"
	case r.Seen != nil:
		text = fmt.Sprintf("this host has seen catalogue %d of the store %s; it would take an older one, and\n"+
			"another store that the same root vouches for\n", r.Seen.Sequence, oneLine(r.Seen.Store))
	}
	return text + "that is right after the store was restored from a backup or moved, and those who run it\n" +
		"say so; when they know of nothing, it is what an attacker wants\n"
}
