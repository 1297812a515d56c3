// Package root assembles the command line: Run executes it with the arguments of the
// process and returns the exit code, 0 for done, 1 for refused or failed, 2 for wrong
// usage. It is the only place that prints errors.
package root

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/backupcmd"
	"github.com/jackfield-host/jackfield/cmd/internal/bundlecmd"
	"github.com/jackfield-host/jackfield/cmd/internal/cacmd"
	"github.com/jackfield-host/jackfield/cmd/internal/doctorcmd"
	"github.com/jackfield-host/jackfield/cmd/internal/extcmd"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/servecmd"
	"github.com/jackfield-host/jackfield/cmd/internal/storecmd"
	"github.com/jackfield-host/jackfield/cmd/internal/storeserve"
	"github.com/jackfield-host/jackfield/cmd/internal/usercmd"
	"github.com/jackfield-host/jackfield/host"
)

// Streams are what a process has.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// Program is what runs.
type Program struct {
	// Version is the program's own.
	Version string
	// Shim is what host.Shim has returned, first thing in main.
	Shim host.Program
}

// Run executes one command line of p. It returns when the
// command has ended; a command that can take long ends soon after ctx does.
func Run(ctx context.Context, p Program, args []string, s Streams) int {
	root := newRoot(p)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(s.Out)
	root.SetErr(s.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return output.ExitOK
	}
	var begun *begunError
	if errors.As(err, &begun) {
		err = begun.error
	} else if output.ExitCode(err) != output.ExitUsage {
		// Whatever goes wrong before a command begins is the command line's fault.
		err = output.Usagef("'"+cmd.CommandPath()+" --help' says how it is used", "%s", firstLower(err.Error()))
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = output.Errorf("", "interrupted")
	}
	output.Report(s.Err, err)
	return output.ExitCode(err)
}

func newRoot(p Program) *cobra.Command {
	root := &cobra.Command{
		Use:   "jackfield",
		Short: "host for server extensions",
		Long: `Jackfield runs server extensions: drop a bundle into JMAP_HOME/extensions and the
host checks it, launches it, and routes typed requests to it.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(
		servecmd.New(p.Version, p.Shim),
		doctorcmd.New(p.Version),
		extcmd.New(),
		backupcmd.NewBackup(p.Version),
		backupcmd.NewRestore(),
		usercmd.NewUser(),
		usercmd.NewToken(),
		bundlecmd.New(),
		cacmd.New(),
		storecmd.New(storeserve.Commands(p.Version)...),
		newVersion(p.Version),
		newCompletion(),
		newMan(p.Version),
	)
	prepare(root)
	return root
}

// begunError marks an error of a command that has begun, which is not about usage
// unless it says so itself.
type begunError struct{ error }

func (e *begunError) Unwrap() error { return e.error }

// prepare gives every command the same manners.
func prepare(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if err := run(cmd, args); err != nil {
				return &begunError{err}
			}
			return nil
		}
	}
	if !cmd.Runnable() {
		// Cobra would print the help and call that a success.
		cmd.Args = cobra.ArbitraryArgs
		cmd.RunE = groupOnly
	}
	for _, sub := range cmd.Commands() {
		prepare(sub)
	}
}

// groupOnly is what a command does that only has subcommands.
func groupOnly(cmd *cobra.Command, args []string) error {
	hint := "'" + cmd.CommandPath() + " --help' lists the commands"
	what := ""
	if cmd.HasParent() {
		what = cmd.Name() + ": "
	}
	if len(args) == 0 {
		return output.Usagef(hint, "%ssay which command", what)
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean '" + cmd.CommandPath() + " " + strings.Join(near, "' or '") + "'?"
	}
	return output.Usagef(hint, "%sthere is no command %q", what, args[0])
}

func firstLower(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
