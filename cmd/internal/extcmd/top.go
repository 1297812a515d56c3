package extcmd

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/top"
)

// The bounds of --every: measures change every five seconds, states at any time.
const (
	shortestLook = 500 * time.Millisecond
	longestLook  = time.Hour
)

// lookPatience is how long a host may take to answer one look.
const lookPatience = 10 * time.Second

func newTop(t *target) *cobra.Command {
	v := top.View{}
	var every time.Duration
	var rounds int
	cmd := &cobra.Command{
		Use:   "top",
		Short: "watch how all extensions fare: requests, errors, latency, memory, cpu",
		Long: `Top shows all extensions on a live screen: requests and errors a second, latency
(median and 99th percentile), memory, cpu, restarts and state, over the last half minute.
Keys sort and filter, ? shows them, q quits.

Where there is no terminal, or with -n, it prints a table and ends.`,
		Example: `  jackfield ext top
  jackfield ext top --sort memory --filter tracking
  jackfield ext top -n 3 --every 10s -o json
  JACKFIELD_TOKEN=$(cat token) jackfield ext top --host https://maps.example.org:8081`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&v.Sort, "sort", "requests", "column to sort by: "+strings.Join(top.Columns(), ", "))
	flags.BoolVar(&v.Reverse, "reverse", false, "the other way round")
	flags.StringVar(&v.Filter, "filter", "", "a part of the id, the state or the code")
	flags.DurationVar(&every, "every", 2*time.Second, "time between two looks")
	flags.IntVarP(&rounds, "rounds", "n", 0, "print as many tables and end")
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(top.Columns(), cobra.ShellCompDirectiveNoFileComp))
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		switch {
		case !slices.Contains(top.Columns(), v.Sort):
			return output.Usagef("write one of "+strings.Join(top.Columns(), ", "), "--sort: there is no column %q", v.Sort)
		case every < shortestLook || every > longestLook:
			return output.Usagef("", "--every must be from %s to %s", shortestLook, longestLook)
		case rounds < 0:
			return output.Usagef("", "--rounds must not be negative")
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		in, out, live := terminals(cmd)
		if live && rounds == 0 && *format == output.Table {
			return top.Show(cmd.Context(), c.standings, in, out, c.Admin.Host, v, every)
		}
		return c.printRounds(cmd.Context(), cmd.OutOrStdout(), *format, v, max(rounds, 1), every)
	}
	return cmd
}

// terminals are those of a command, if it has both.
func terminals(cmd *cobra.Command) (in, out *os.File, ok bool) {
	in, isIn := cmd.InOrStdin().(*os.File)
	out, isOut := cmd.OutOrStdout().(*os.File)
	ok = isIn && isOut && isatty.IsTerminal(in.Fd()) && isatty.IsTerminal(out.Fd())
	return in, out, ok
}

// standings asks how all extensions stand.
func (c *client) standings(ctx context.Context) ([]top.Standing, error) {
	var answer struct{ Extensions []top.Standing }
	err := c.Ask(ctx, question{What: "measuring the extensions", Path: []string{"measures"}, Patience: lookPatience}, &answer)
	return answer.Extensions, err
}

// printRounds prints as many tables.
func (c *client) printRounds(ctx context.Context, w io.Writer, format output.Format, v top.View, rounds int, every time.Duration) error {
	for i := range rounds {
		if i > 0 {
			select {
			case <-time.After(every):
			case <-ctx.Done():
				return ctx.Err()
			}
			if format == output.Table {
				if _, err := fmt.Fprintln(w); err != nil {
					return err
				}
			}
		}
		list, err := c.standings(ctx)
		if err != nil {
			return err
		}
		err = format.Print(w, v.Of(list), func(w io.Writer) error { return top.Print(w, list, v) })
		if err != nil {
			return err
		}
	}
	return nil
}
