// Package extcmd is `jackfield ext`: it asks a running host about its extensions and
// sends requests to them. New returns the command group.
//
// The host is found through the home folder, or with --host and --token. The token
// goes into one header of requests to that host: never into a log, an error or
// another process.
package extcmd

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

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
		Short: "ask the running host about its extensions, and call them",
		Long: `The commands of this group talk to a running host. They find it through the home
folder (--home, JMAP_HOME, else ./jmap-home), where it has left its addresses and its
token, or are told where it is by --host and --token (JACKFIELD_HOST and
JACKFIELD_TOKEN).`,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&t.home, "home", "", "home folder of the running host (JMAP_HOME, else ./jmap-home)")
	flags.StringVar(&t.host, "host", "", "URL of its admin listener, such as http://127.0.0.1:8081 (JACKFIELD_HOST)")
	flags.StringVar(&t.token, "token", "", "administrator's token; others on this machine can see it, JACKFIELD_TOKEN is safer")
	cmd.AddCommand(newList(&t), newShow(&t), newCall(&t))
	return cmd
}

func newList(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the extensions, and the files in the drop folder that are none",
		Args:  cobra.NoArgs,
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
			reason = visible.Clip(e.Reason.Code+": "+e.Reason.Message, 80)
		}
		rows[i] = []string{e.ID, e.Name, e.Version, string(e.State), pid, strconv.Itoa(e.Restarts), reason}
	}
	return output.Rows(w, []string{"ID", "NAME", "VERSION", "STATE", "PID", "RESTARTS", "REASON"}, rows)
}

func newShow(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "show one extension, and why it does not run",
		Args:  cobra.ExactArgs(1),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return t.completeIDs(cmd, args), cobra.ShellCompDirectiveNoFileComp
		},
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		e, err := c.show(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), e, func(w io.Writer) error { return printOne(w, e) })
	}
	return cmd
}

func printOne(w io.Writer, e host.Extension) error {
	fields := [][2]string{
		{"id", e.ID}, {"claims", e.Claims}, {"name", e.Name}, {"version", e.Version},
		{"class", e.Class}, {"request", e.Request}, {"response", e.Response},
		{"state", string(e.State)}, {"next try", timeOf(e.NextTry)},
		{"pid", numberOf(int64(e.PID))}, {"started", timeOf(e.Started)}, {"restarts", strconv.Itoa(e.Restarts)},
		{"resident bytes", numberOf(e.ResidentBytes)},
		{"file", e.File}, {"digest", e.Digest},
		{"signature", strings.TrimSpace(e.Signature.State + " " + e.Signature.Signer)},
		{"permissions", strings.Join(e.Permissions, ", ")},
	}
	for _, v := range e.Versions {
		fields = append(fields, [2]string{"kept version", v.Version + " " + v.Digest})
	}
	if c := e.Candidate; c != nil {
		fields = append(fields, [2]string{"candidate", c.Version + " " + string(c.State) + " " + reasonOf(c.Reason)})
	}
	var stderr []string
	switch {
	case e.Reason != nil:
		fields = append(fields, [2]string{"reason", reasonOf(e.Reason)},
			[2]string{"since", timeOf(&e.Reason.Time)}, [2]string{"exit", exitOf(e.Reason.ExitCode, e.Reason.Signal)})
		stderr = e.Reason.Stderr
	case e.LastExit != nil:
		fields = append(fields, [2]string{"last exit", strings.TrimSpace(exitOf(e.LastExit.ExitCode, e.LastExit.Signal) + " " + timeOf(&e.LastExit.Time))})
		stderr = e.LastExit.Stderr
	}
	if err := output.Fields(w, fields); err != nil || len(stderr) == 0 {
		return err
	}
	var b strings.Builder
	b.WriteString("\nits last words:\n")
	for _, line := range stderr {
		b.WriteString("  " + visible.Text(line) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func reasonOf(r *host.Reason) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%s: %s (stage %s)", r.Code, r.Message, r.Stage)
}

func exitOf(code *int, signal string) string {
	switch {
	case signal != "":
		return "signal " + signal
	case code != nil:
		return "code " + strconv.Itoa(*code)
	}
	return ""
}

func timeOf(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339)
}

func numberOf(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
