// Package doctorcmd is `jackfield doctor`: it looks at everything a host lives on, and says
// of each thing how it is and what to do. New returns the command.
//
// What is promised: looking changes nothing; it ends in bounded time whatever does not
// answer; a check that can not be made is a finding itself. With --bundle what was found
// goes into an archive for those who help, without secrets (package support).
package doctorcmd

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/hostclient"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

const long = `Doctor looks at everything a host lives on: its home, disk, database, configuration,
ports, kernel and limits, whom it trusts, the clock, the host itself if it runs, and
each extension that does not run as it should. It changes nothing.

Each finding is ok, note (worth knowing), warn (it will or may go wrong) or fail, with
what to do below it; what is ok is shown with --all. The exit code is 1 when something
fails. With --host it looks at a host on another machine, as far as that can be seen.

With --bundle it writes an archive (tar.gz) for those who help: the findings, versions,
settings, extensions with their history and last log lines, metrics and goroutines of
the host. Tokens, passwords and keys are left out or blanked; look into it before you
send it all the same.`

// New returns the command. version is the program's own.
func New(version string) *cobra.Command {
	var t hostclient.Target
	var all bool
	var file string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "look at everything the host lives on, and say what to do",
		Long:  long,
		Example: `  jackfield doctor
  jackfield doctor --all --home /srv/jmap
  jackfield doctor --bundle support.tar.gz`,
		Args: cobra.NoArgs,
	}
	t.AddFlags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "also show what is ok")
	cmd.Flags().StringVar(&file, "bundle", "", "write an archive for those who help to this file, which must not exist")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		e := examine(cmd.Context(), &t, version)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		if file != "" {
			if err := e.archive(cmd.Context(), file, cmd.ErrOrStderr()); err != nil {
				return err
			}
		}
		if err := format.Print(cmd.OutOrStdout(), e.report, func(w io.Writer) error { return e.report.print(w, all) }); err != nil {
			return err
		}
		if e.report.Worst() == Fail {
			return output.Errorf("docs/operations/troubleshooting.md has an entry for each state and code", "something needs to be mended")
		}
		return nil
	}
	return cmd
}
