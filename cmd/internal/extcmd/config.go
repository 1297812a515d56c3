package extcmd

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/internal/schema/outline"
	"github.com/jackfield-host/jackfield/internal/visible"
)

func newConfig(t *target) *cobra.Command {
	var change configChange
	cmd := &cobra.Command{
		Use:   "config ID [set KEY=VALUE… | set --file FILE | unset KEY…]",
		Short: "show and change what is set for an extension",
		Long: `Config shows what is set for an extension, without its secrets; what is not set has
the default of the extension's schema. With set and unset it changes that, prints what
has changed, and returns when the extension has it.

A KEY is the name of a property, a.b of one within another, or a JSON pointer (/a/b).
A VALUE is a text where the schema says string, else JSON; @FILE and @- take it from a
file or from the standard input, which is how a secret is set: arguments can be seen by
others on this machine. With --file the whole configuration is the JSON object in the
file (- is the standard input); secrets that it leaves out stay as they are.`,
		Example: `  jackfield ext config jmap.extensions.tracking.server.TrackingExtension
  jackfield ext config jmap.extensions.tracking.server.TrackingExtension set retention_days=90 --dry-run
  jackfield ext config examples.settings.SettingsExtension set password=@- < password.txt
  jackfield ext config examples.settings.SettingsExtension unset greeting`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	flags := cmd.Flags()
	flags.StringVar(&change.file, "file", "", "with set: the JSON object that is the whole configuration; - is the standard input")
	flags.BoolVar(&change.dryRun, "dry-run", false, "check, and print what would change")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		change.stdin = cmd.InOrStdin()
		if err := change.parse(args[1:]); err != nil {
			return err
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		var now host.Configuration
		q := question{What: fmt.Sprintf("reading the configuration of %q", args[0]), Path: []string{"extensions", args[0], "config"}}
		if err := c.Ask(cmd.Context(), q, &now); err != nil {
			return err
		}
		if change.verb == "" {
			return format.Print(cmd.OutOrStdout(), now, func(w io.Writer) error { return printConfig(w, now) })
		}
		values, err := change.apply(now)
		if err != nil {
			return err
		}
		q = question{
			What: fmt.Sprintf("configuring %q", args[0]), Method: http.MethodPut, Path: q.Path, Body: values,
			IfMatch:  `"` + strconv.FormatInt(now.Revision, 10) + `"`,
			Patience: settlePatience, Hint: "'jackfield ext config " + args[0] + "' shows whether it was taken",
		}
		if change.dryRun {
			q.Query = url.Values{"dry_run": {"true"}}
		}
		var done host.ConfigurationResult
		if err := c.Ask(cmd.Context(), q, &done); err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), done, func(w io.Writer) error { return printChange(w, done, change.dryRun) })
	}
	return cmd
}

// printConfig shows a configuration: a line for each value.
func printConfig(w io.Writer, c host.Configuration) error {
	values, err := outline.Decode(c.Values)
	if err != nil {
		return output.Errorf("", "the host's answer cannot be read: %w", err)
	}
	var rows [][]string
	var visit func(pointer string, value any)
	visit = func(pointer string, value any) {
		object, ok := value.(*outline.Object)
		if !ok || pointer != "" && len(object.Keys) == 0 {
			rows = append(rows, []string{pointer, visible.Clip(string(outline.Encode(value)), 200)})
			return
		}
		for _, key := range object.Keys {
			member, _ := object.Get(key)
			visit(outline.Pointer(pointer, key), member)
		}
	}
	visit("", values)
	for _, s := range c.Secrets {
		state := "(secret, not set)"
		if s.Set {
			state = "(secret)"
		}
		rows = append(rows, []string{s.Pointer, state})
	}
	if err := output.Rows(w, []string{"KEY", "VALUE"}, rows); err != nil {
		return err
	}
	said := "nothing was set yet"
	if c.Changed != nil {
		said = fmt.Sprintf("revision %d, by %s at %s", c.Revision, oneLine(c.By), timeOf(c.Changed))
	}
	if a := c.Awaiting; a != nil {
		said += fmt.Sprintf("\nversion %s waits for another one: %s", oneLine(a.Version), oneLine(a.Message))
	}
	_, err = fmt.Fprintln(w, said)
	return err
}

// printChange shows what was, or would be, changed.
func printChange(w io.Writer, done host.ConfigurationResult, dryRun bool) error {
	for _, d := range done.Diff {
		before, after := visible.Clip(compact(d.Before), 200), visible.Clip(compact(d.After), 200)
		if d.Secret {
			before, after = "(secret)", "(secret)"
		}
		line := ""
		switch d.Kind {
		case "added":
			line = "+ " + oneLine(d.Pointer) + "  " + after
		case "removed":
			line = "- " + oneLine(d.Pointer) + "  " + before
		default:
			line = "~ " + oneLine(d.Pointer) + "  " + before + " → " + after
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	said := fmt.Sprintf("nothing changes, revision %d stays", done.Revision)
	how := map[host.Applied]string{
		host.AppliedLive: "the extension takes it while it runs", host.AppliedRestart: "a new process takes over with it",
		host.AppliedStored: "the extension does not run and gets it when it starts",
	}[done.Applied]
	switch {
	case len(done.Diff) > 0 && dryRun:
		said = "nothing was changed; otherwise: " + how
	case len(done.Diff) > 0:
		said = fmt.Sprintf("revision %d: %s", done.Revision, how)
	}
	_, err := fmt.Fprintln(w, said)
	return err
}
