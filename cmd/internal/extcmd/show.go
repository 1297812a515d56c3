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
	"github.com/jackfield-host/jackfield/internal/guidance"
	"github.com/jackfield-host/jackfield/internal/visible"
)

func newShow(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show ID",
		Short:             "show one extension, and why it does not run",
		Args:              cobra.ExactArgs(1),
		Example:           "  jackfield ext show examples.hello.HelloExtension",
		ValidArgsFunction: t.idThen(false),
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
		{"state", string(e.State)}, {"next try", timeOf(e.NextTry)}, {"enabled", enabledOf(e)},
		{"pid", numberOf(int64(e.PID))}, {"started", timeOf(e.Started)}, {"restarts", strconv.Itoa(e.Restarts)},
		{"resident bytes", numberOf(e.ResidentBytes)},
		{"file", e.File}, {"digest", e.Digest},
		{"signature", signatureOf(e.Signature)}, {"signed by", strings.Join(e.Signature.Chain, " < ")}, {"signed at", timeOf(e.Signature.SignedAt)},
		{"permissions", strings.Join(e.Permissions, ", ")},
	}
	fields = append(fields, grantFields("granted", e.Grants)...)
	fields = append(fields, grantFields("denied", e.Denied)...)
	if w := e.Consent; w != nil {
		fields = append(fields, [2]string{"waits for consent", "version " + w.Version + ": " + needsOf(w.Needs)})
	}
	fields = append(fields, [2]string{"memory limit", limitOf(e.Limits.Memory, " bytes")},
		[2]string{"process limit", limitOf(e.Limits.Processes, "")}, [2]string{"file limit", limitOf(e.Limits.Files, "")},
		[2]string{"data limit", limitOf(e.Limits.Data, " bytes")})
	for _, p := range e.Sandbox {
		fields = append(fields, [2]string{"sandbox", holdsOf(p)})
	}
	for _, v := range e.Versions {
		fields = append(fields, [2]string{"kept version", strings.TrimSpace(v.Version + " " + v.Digest + marksOf(v))})
	}
	if c := e.Candidate; c != nil {
		fields = append(fields, [2]string{"candidate", strings.TrimSpace(c.Version + " " + string(c.State) + " " + reasonOf(c.Reason))},
			[2]string{"candidate file", c.File}, [2]string{"candidate digest", c.Digest})
	}
	fields = append(fields, adviceFields(e)...)
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

// adviceFields say what the state and the code of an extension mean, and what to do: of
// itself, then of the version that is to follow it.
func adviceFields(e host.Extension) [][2]string {
	var fields [][2]string
	add := func(prefix string, state host.State, code string) {
		advice, ok := guidance.For(string(state), code)
		if !ok {
			return
		}
		var commands []string
		for _, h := range advice.Helps {
			commands = append(commands, h.Command(e.ID))
		}
		fields = append(fields, [2]string{prefix + "means", advice.Title.English + ". " + advice.Meaning.English},
			[2]string{prefix + "to do", advice.Next.English}, [2]string{prefix + "try", strings.Join(commands, "; ")})
	}
	if e.State != "running" {
		add("", e.State, codeOf(e.Reason))
	} else if e.Signature.Code != "" {
		add("signature ", e.State, e.Signature.Code)
	}
	if c := e.Candidate; c != nil {
		add("candidate ", c.State, codeOf(c.Reason))
	} else if e.Consent != nil && e.State == "running" {
		add("candidate ", "waiting", "needs_consent")
	}
	return fields
}

func codeOf(r *host.Reason) string {
	if r == nil {
		return ""
	}
	return r.Code
}

// grantFields are decisions about permissions, each in a line.
func grantFields(name string, grants []host.Grant) [][2]string {
	var fields [][2]string
	for _, g := range grants {
		text := g.Permission + " by " + g.By + " " + timeOf(&g.At)
		if g.Unused {
			text += " (unused)"
		}
		fields = append(fields, [2]string{name, text})
	}
	return fields
}

func needsOf(needs []host.Need) string {
	names := make([]string, len(needs))
	for i, n := range needs {
		names[i] = n.String()
	}
	return strings.Join(names, ", ")
}

// signatureOf is the state of a signature, with who signed, and why it does not hold.
func signatureOf(s host.Signature) string {
	text := s.State
	if s.Signer != "" {
		text += ", " + s.Signer
		if s.Organization != "" {
			text += " of " + s.Organization
		}
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return text
}

// enabledOf is empty for a file that is no extension: nobody has enabled it.
func enabledOf(e host.Extension) string {
	if e.ID == e.File {
		return ""
	}
	return yesNo(e.Enabled)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// holdsOf says whether a protection holds, and by what, or why not.
func holdsOf(p host.Protection) string {
	if p.Holds {
		return p.Name + " holds: " + p.Why
	}
	return p.Name + " does not hold: " + p.Why
}

// limitOf says who sees to a limit, because some can be passed for a moment.
func limitOf(l host.Limit, unit string) string {
	if l.Value <= 0 {
		return ""
	}
	text := strconv.FormatInt(l.Value, 10) + unit
	if l.By == "" || l.By == "none" {
		return text + " (nothing enforces it here)"
	}
	return text + " (by " + l.By + ")"
}

func marksOf(v host.Version) string {
	switch {
	case v.Current && v.Pinned:
		return " (current, pinned)"
	case v.Current:
		return " (current)"
	case v.Pinned:
		return " (pinned)"
	}
	return ""
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
