package extcmd

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// maxReply bounds what is read of the answer to a question.
const maxReply = 1 << 10

// removed is what the host says of a removal.
type removed struct {
	ID      string `json:"id"`
	Removed bool   `json:"removed"`
	Purged  bool   `json:"purged"`
}

func newRemove(t *target) *cobra.Command {
	var purge, force, yes bool
	cmd := &cobra.Command{
		Use:   "remove ID",
		Short: "take an extension out of the host, and its files out of the drop folder",
		Long: `Remove stops an extension and deletes its files from the drop folder. Its data and
its history stay, also for a later installation, unless --purge takes them, too:
that can not be undone, and is asked about first.`,
		Example: `  jackfield ext remove examples.hello.HelloExtension
  jackfield ext remove examples.hello.HelloExtension --purge --yes`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	flags := cmd.Flags()
	flags.BoolVar(&purge, "purge", false, "delete its data, its kept versions and its history, too")
	flags.BoolVar(&force, "force", false, "also when other extensions need it; they wait until it is back")
	flags.BoolVar(&yes, "yes", false, "do not ask")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id := args[0]
		if purge && !yes {
			if err := confirmPurge(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), id); err != nil {
				return err
			}
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		query := url.Values{}
		if purge {
			query.Set("purge", "true")
		}
		if force {
			query.Set("force", "true")
		}
		var gone removed
		err = c.Ask(cmd.Context(), question{
			What: fmt.Sprintf("removing %q", id), Method: http.MethodDelete, Path: []string{"extensions", id}, Query: query, Hint: goesOn(id),
			Patience: settlePatience, // its last requests may take their time
		}, &gone)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), gone, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"id", gone.ID}, {"removed", yesNo(gone.Removed)}, {"purged", yesNo(gone.Purged)}})
		})
	}
	return cmd
}

// confirmPurge asks the person at the terminal. Without one nobody can say yes.
func confirmPurge(ctx context.Context, in io.Reader, out io.Writer, id string) error {
	if f, ok := in.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		return output.Usagef("pass --yes to go ahead without being asked", "--purge deletes the data of %q for good, and there is no terminal to ask at", id)
	}
	return ask(ctx, in, out, fmt.Sprintf("delete %s with its data, its kept versions and its history, for good? [y/N] ", oneLine(id)), "nothing was removed")
}

// ask puts a question that only y or yes answers with yes. Else the error says that
// nothing was done.
func ask(ctx context.Context, in io.Reader, out io.Writer, question, nothing string) error {
	if _, err := io.WriteString(out, question); err != nil {
		return err
	}
	reply := make(chan string, 1)
	// Reading from a terminal can not be called off: after an interrupt the goroutine
	// ends with the process.
	go func() {
		line, _ := bufio.NewReader(io.LimitReader(in, maxReply)).ReadString('\n') // what can not be read is no yes
		reply <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case r := <-reply:
		if r == "y" || r == "yes" {
			return nil
		}
	}
	return output.Errorf("", "%s", nothing)
}
