package extcmd

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/host"
)

// decision is the body of consent and revoke. Nil permissions are all.
type decision struct {
	Digest      string    `json:"digest,omitempty"`
	Permissions *[]string `json:"permissions,omitempty"`
}

func newConsent(t *target) *cobra.Command {
	var yes, none, noWait bool
	cmd := &cobra.Command{
		Use:   "consent ID [PERMISSION…]",
		Short: "grant what a version of an extension asks for",
		Long: `Consent grants what a version asks for that waits for that, or what was denied to the
version that runs; it shows what that is and asks. With PERMISSIONs only those are
granted, and of what waits the others are denied: the version then runs without them.`,
		Example: `  jackfield ext consent examples.hello.HelloExtension
  jackfield ext consent examples.hello.HelloExtension kv net:example.org:443 --yes
  jackfield ext consent examples.hello.HelloExtension --none --yes`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	flags := cmd.Flags()
	flags.BoolVar(&yes, "yes", false, "do not ask")
	flags.BoolVar(&none, "none", false, "deny all of it: the version runs with what it has")
	flags.BoolVar(&noWait, "no-wait", false, "return as soon as the host has taken the order down")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id, list := args[0], args[1:]
		if none && len(list) > 0 {
			return output.Usagef("name permissions, or pass --none", "--none denies everything, and %s are to be granted", strings.Join(list, ", "))
		}
		c, err := t.connect()
		if err != nil {
			return err
		}
		e, err := c.show(cmd.Context(), id)
		if err != nil {
			return err
		}
		asks := asksOf(e)
		if len(asks.needs) == 0 && len(list) == 0 {
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "jackfield: nothing of %s waits for consent\n", oneLine(id)); err != nil {
				return err
			}
			return printRow(cmd.OutOrStdout(), *format, e)
		}
		d := decision{Digest: asks.digest}
		if none || len(list) > 0 {
			d.Permissions = &list
		}
		if err := asks.confirm(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), d, yes); err != nil {
			return err
		}
		return c.decide(cmd, host.VerbConsent, id, d, *format, noWait)
	}
	return cmd
}

func newRevoke(t *target) *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use:   "revoke ID [PERMISSION…]",
		Short: "take back what an extension was granted, all of it or some",
		Long: `Revoke takes permissions back. The process that has them is replaced by one without,
and ends even if the new one can not do without them.`,
		Example: `  jackfield ext revoke examples.hello.HelloExtension net:example.org:443
  jackfield ext revoke examples.hello.HelloExtension`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: t.idThen(false),
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "return as soon as the host has taken the order down")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.connect()
		if err != nil {
			return err
		}
		var d decision
		if list := args[1:]; len(list) > 0 {
			d.Permissions = &list
		}
		return c.decide(cmd, host.VerbRevoke, args[0], d, *format, noWait)
	}
	return cmd
}

// decide sends a decision, prints what has come of it and judges that.
func (c *client) decide(cmd *cobra.Command, verb host.Verb, id string, d decision, format output.Format, noWait bool) error {
	what := fmt.Sprintf("%s %q", map[host.Verb]string{host.VerbConsent: "consenting for", host.VerbRevoke: "revoking from"}[verb], id)
	q := question{What: what, Method: http.MethodPost, Path: []string{"extensions", id, string(verb)}, Body: d}
	if !noWait {
		q.Query, q.Patience, q.Hint = url.Values{"wait": {"true"}}, settlePatience, goesOn(id)
	}
	var e host.Extension
	if err := c.Ask(cmd.Context(), q, &e); err != nil {
		return err
	}
	if err := printRow(cmd.OutOrStdout(), format, e); err != nil || noWait || !e.Enabled {
		return err
	}
	switch candidate := e.Candidate; {
	case e.State != "running":
		return notRunning(what, "it is", e)
	case candidate != nil && verb == host.VerbConsent && candidate.Digest == d.Digest && failing(candidate.State):
		return notTaken(what, e, candidate.Version, candidate)
	}
	return nil
}

// asks is what is to be consented to: what a version waits for, or else what was denied
// to the one that is there.
type asks struct {
	id, version, digest string
	needs               []string
}

func asksOf(e host.Extension) asks {
	a := asks{id: e.ID, version: e.Version, digest: e.Digest}
	if w := e.Consent; w != nil {
		a.version, a.digest = w.Version, w.Digest
		for _, n := range w.Needs {
			a.needs = append(a.needs, n.String())
		}
		return a
	}
	for _, g := range e.Denied {
		if !g.Unused {
			a.needs = append(a.needs, g.Permission)
		}
	}
	return a
}

// confirm shows what is asked for and asks the person at the terminal. Without one
// nobody can say yes.
func (a asks) confirm(ctx context.Context, in io.Reader, out io.Writer, d decision, yes bool) error {
	var text strings.Builder
	fmt.Fprintf(&text, "version %s of %s asks to:\n", oneLine(a.version), oneLine(a.id))
	for _, p := range a.needs {
		mark := "  "
		if d.Permissions != nil && !slices.Contains(*d.Permissions, p) {
			mark = "  not granted: "
		}
		fmt.Fprintf(&text, "%s%s (%s)\n", mark, meaning(p), oneLine(p))
	}
	if _, err := io.WriteString(out, text.String()); err != nil || yes {
		return err
	}
	if f, ok := in.(*os.File); !ok || !isatty.IsTerminal(f.Fd()) {
		return output.Usagef("pass --yes to grant it without being asked", "consent is a person's, and there is no terminal to ask at")
	}
	return ask(ctx, in, out, "grant it? [y/N] ", "nothing was granted")
}

// meaning says in words what a permission allows.
func meaning(permission string) string {
	if publisher, ok := strings.CutPrefix(permission, "publisher "); ok {
		if publisher == "unknown" {
			return "come from somebody whom no trusted root vouches for; the version before did not"
		}
		return "come from another publisher than the version before"
	}
	kind, detail, _ := strings.Cut(oneLine(permission), ":")
	switch kind {
	case "net":
		return "connect to " + detail
	case "kv":
		return "keep values in the host's key-value store"
	case "sql":
		return "query the data source " + detail
	case "call":
		return "send requests of type " + detail
	case "events":
		return "publish and receive events"
	}
	return "use " + oneLine(permission)
}
