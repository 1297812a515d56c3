// Package extcmd is `jackfield ext`: it asks a running host about its extensions,
// changes them and sends requests to them. New returns the command group.
//
// The host is found through the home folder, or with --host and --token, by package
// hostclient.
package extcmd

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// New returns the group.
func New() *cobra.Command {
	var t target
	cmd := &cobra.Command{
		Use:   "ext",
		Short: "ask the running host about its extensions, change them, call them",
		Long: `The commands of this group talk to a running host. They find it through the home
folder (--home, JMAP_HOME, else ./jmap-home), where it has left its addresses and its
token, or are told where it is by --host and --token (JACKFIELD_HOST and
JACKFIELD_TOKEN).`,
	}
	t.AddFlags(cmd)
	cmd.AddCommand(newList(&t), newShow(&t), newInstall(&t), newRemove(&t), newConsent(&t), newRevoke(&t), newConfig(&t), newHistory(&t), newAudit(&t), newLogs(&t), newTop(&t), newLevel(&t), newCall(&t),
		newSearch(&t), newUpdate(&t), newOutdated(&t), newPlan(&t), newPlans(&t), newCancel(&t), newUndo(&t), newRepo(&t))
	for _, v := range verbs() {
		cmd.AddCommand(newVerb(&t, v))
	}
	return cmd
}

func newList(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the extensions, and the files in the drop folder that are none",
		Example: `  jackfield ext list
  jackfield ext list -o json`,
		Args: cobra.NoArgs,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		list, err := c.list(cmd.Context())
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), list, func(w io.Writer) error { return printList(w, list) })
	}
	return cmd
}

func printList(w io.Writer, list []host.Extension) error {
	rows := make([][]string, len(list))
	for i, e := range list {
		pid := ""
		if e.PID != 0 {
			pid = strconv.Itoa(e.PID)
		}
		reason := ""
		if e.Reason != nil {
			reason = visible.Clip(e.Reason.Code+": "+e.Reason.Message, 200)
		} else if w := e.Consent; w != nil {
			reason = visible.Clip("version "+w.Version+" waits for consent to "+needsOf(w.Needs), 200)
		}
		rows[i] = []string{e.ID, e.Name, e.Version, string(e.State), pid, strconv.Itoa(e.Restarts), reason}
	}
	const state = 3 // its column
	return output.Grid{
		Header: []string{"ID", "NAME", "VERSION", "STATE", "PID", "RESTARTS", "REASON"}, Rows: rows,
		Tint: func(row, column int) output.Tint {
			if column != state {
				return output.Plain
			}
			return output.StateTint(string(list[row].State))
		},
	}.Write(w)
}
