package extcmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

// verb is one command that does something to an extension that is there.
type verb struct {
	name    host.Verb
	doing   string // for errors
	short   string
	example string
	// version is the second argument: "" for none, else how it is written in Use.
	version            string
	force, restoreData bool // the flags it has
}

func verbs() []verb {
	return []verb{
		{name: host.VerbEnable, doing: "enabling", short: "let an extension run that was disabled",
			example: "  jackfield ext enable examples.hello.HelloExtension"},
		{name: host.VerbDisable, doing: "disabling", short: "stop an extension, and keep it stopped", force: true,
			example: "  jackfield ext disable examples.hello.HelloExtension\n  jackfield ext disable examples.hello.HelloExtension --force"},
		{name: host.VerbRestart, doing: "restarting", short: "replace the process of an extension by a new one, without a gap",
			example: "  jackfield ext restart examples.hello.HelloExtension"},
		{name: host.VerbRollback, doing: "rolling back", short: "go back to the previous healthy version, or to another kept one", version: "[VERSION]", restoreData: true,
			example: "  jackfield ext rollback examples.hello.HelloExtension\n  jackfield ext rollback examples.hello.HelloExtension 1.0.0 --restore-data"},
		{name: host.VerbPin, doing: "pinning", short: "hold an extension at a version, whatever comes into the drop folder", version: "[VERSION]",
			example: "  jackfield ext pin examples.hello.HelloExtension\n  jackfield ext pin examples.hello.HelloExtension 1.0.0"},
		{name: host.VerbUnpin, doing: "unpinning", short: "let the drop folder decide again which version runs",
			example: "  jackfield ext unpin examples.hello.HelloExtension"},
		{name: host.VerbRecheck, doing: "rechecking", short: "judge at once who signed an extension, and stop it if that is not trusted any more",
			example: "  jackfield ext recheck examples.hello.HelloExtension"},
		{name: host.VerbRetry, doing: "retrying", short: "try at once what has failed or waits for its next try",
			example: "  jackfield ext retry examples.hello.HelloExtension"},
	}
}

// order is the body of a verb.
type order struct {
	Version     string `json:"version,omitempty"`
	RestoreData bool   `json:"restore_data,omitempty"`
	Force       bool   `json:"force,omitempty"`
}

func newVerb(t *target, v verb) *cobra.Command {
	var o order
	var noWait bool
	cmd := &cobra.Command{
		Use:     strings.TrimSpace(string(v.name) + " ID " + v.version),
		Short:   v.short,
		Example: v.example,
		Args:    cobra.ExactArgs(1),
		Long: strings.ToUpper(v.short[:1]) + v.short[1:] + `.

The command waits until the extension has settled, prints the state in which it is
then, and fails when that is not what the verb is for.`,
		ValidArgsFunction: t.idThen(v.version != ""),
	}
	flags := cmd.Flags()
	flags.BoolVar(&noWait, "no-wait", false, "return as soon as the host has taken the order down")
	if v.version != "" {
		cmd.Args = cobra.RangeArgs(1, 2)
	}
	if v.force {
		flags.BoolVar(&o.Force, "force", false, "also when other extensions need it; they wait until it is back")
	}
	if v.restoreData {
		flags.BoolVar(&o.RestoreData, "restore-data", false, "put its data folder back as it was before the version that is left came")
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 2 {
			o.Version = args[1]
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		e, err := c.act(cmd.Context(), v, args[0], o, !noWait)
		if err != nil {
			return err
		}
		if err := printRow(cmd.OutOrStdout(), *format, e); err != nil || noWait {
			return err
		}
		return v.judge(e)
	}
	return cmd
}

// act sends the order for one extension.
func (c *client) act(ctx context.Context, v verb, id string, o order, wait bool) (host.Extension, error) {
	q := question{
		What: fmt.Sprintf("%s %q", v.doing, id), Method: http.MethodPost,
		Path: []string{"extensions", id, string(v.name)},
	}
	if o != (order{}) {
		q.Body = o
	}
	if wait {
		q.Query, q.Patience, q.Hint = url.Values{"wait": {"true"}}, settlePatience, goesOn(id)
	}
	var e host.Extension
	err := c.Ask(ctx, q, &e)
	return e, err
}

// printRow prints one extension: a line of the list, or E.
func printRow(w io.Writer, format output.Format, e host.Extension) error {
	return format.Print(w, e, func(w io.Writer) error { return printList(w, []host.Extension{e}) })
}

// judge says whether the verb has led to what it is for, now that e has settled.
func (v verb) judge(e host.Extension) error {
	what := fmt.Sprintf("%s %q", v.doing, e.ID)
	switch v.name {
	case host.VerbDisable, host.VerbUnpin, host.VerbRecheck:
		return nil
	case host.VerbPin: // of a disabled extension, for one
		if e.State != "running" {
			return nil
		}
	}
	if e.State != "running" {
		return notRunning(what, "it is", e)
	}
	c := e.Candidate
	switch {
	case v.name == host.VerbRestart && c != nil && c.Digest == e.Digest && failing(c.State),
		v.name == host.VerbRetry && c != nil && failing(c.State):
		return notTaken(what, e, c.Version, c)
	case v.name == host.VerbRollback || v.name == host.VerbPin:
		for _, kept := range e.Versions {
			if kept.Pinned && !kept.Current {
				if c != nil && c.Digest != kept.Digest {
					c = nil
				}
				return notTaken(what, e, kept.Version, c)
			}
		}
	}
	return nil
}

// failing reports whether a version in this state has had its chance.
func failing(s host.State) bool {
	switch s {
	case "failed", "backoff", "conflict", "refused", "unsupported":
		return true
	}
	return false
}

// notRunning is the error when an extension has settled elsewhere.
func notRunning(what, verdict string, e host.Extension) error {
	text := fmt.Sprintf("%s: %s %s", what, verdict, e.State)
	if e.Reason != nil {
		text += ": " + reasonOf(e.Reason)
	}
	hint := "'jackfield ext show " + e.ID + "' shows its last words; its log is in log/extensions in the host's home"
	if e.Reason != nil && e.Reason.Code == "needs_consent" {
		hint = "'jackfield ext consent " + e.ID + "' shows what it asks for, and grants it"
	}
	if e.State == "stopped" {
		hint = "'jackfield ext enable " + e.ID + "' lets it run"
	}
	return output.Errorf(oneLine(hint), "%s", oneLine(text))
}

// notTaken is the error when another version than the one that was meant runs. c is
// that version as a candidate, nil when it is none.
func notTaken(what string, e host.Extension, version string, c *host.Candidate) error {
	text := fmt.Sprintf("%s: version %s has not taken over, %s is %s", what, version, e.Version, e.State)
	if c != nil {
		text += fmt.Sprintf("; %s is %s", version, c.State)
		if c.Reason != nil {
			text += ": " + reasonOf(c.Reason)
		}
	}
	hint := "'jackfield ext show " + e.ID + "' and 'jackfield ext history " + e.ID + "' say more"
	if c != nil && c.Reason != nil && c.Reason.Code == "needs_consent" {
		hint = "'jackfield ext consent " + e.ID + "' shows what it asks for, and grants it"
	}
	return output.Errorf(oneLine(hint), "%s", oneLine(text))
}
