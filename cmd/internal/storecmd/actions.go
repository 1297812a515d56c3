package storecmd

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/store"
)

// verb is an action on a release, or on all of a listing.
type verb struct {
	name, short, long, example string
	reason                     bool
}

func verbs() []verb {
	return []verb{
		{"deprecate", "say that nobody should begin with a release", "A deprecated release is still offered and served, with the reason.",
			"jackfield store deprecate examples.hello.HelloExtension@1.0.0 --reason 'slow; take 1.1'", true},
		{"withdraw", "offer a release no longer", "A withdrawn release is not offered any more. Its bytes stay for those who have it.",
			"jackfield store withdraw examples.hello.HelloExtension@1.0.0 --reason 'loses data'", true},
		{"take-down", "serve a release no longer", "A release that is taken down is not served any more, to nobody. This is for administrators of the store.",
			"jackfield store take-down examples.hello.HelloExtension@1.0.0 --reason 'not theirs to give'", true},
		{"restore", "undo the deprecation, or the taking down, of a release", "Restore brings a release back to what it was before. What was withdrawn stays so.",
			"jackfield store restore examples.hello.HelloExtension@1.0.0", false},
	}
}

func newVerb(t *target, v verb) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: v.name + " ID[@VERSION]", Short: v.short, Example: "  " + v.example,
		Long:              v.long + " Without a version it is about all releases of the listing.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, listings),
	}
	cmd.Flags().StringVar(&why, "reason", "", "why, for those who read the listing and the audit trail")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if v.reason && strings.TrimSpace(why) == "" {
			return output.Usagef("write --reason '…'", "%s needs a reason", v.name)
		}
		id, version := idAndVersion(args[0])
		path := []string{"listings", id, v.name}
		if version != "" {
			path = []string{"listings", id, "releases", version, v.name}
		}
		return t.listing(cmd, *format, question{
			What: v.name + " of " + oneLine(args[0]), Method: http.MethodPost, Path: path, Body: store.Reason{Reason: why},
		})
	}
	return cmd
}

// listing asks for what is answered with a listing, and prints it.
func (t *target) listing(cmd *cobra.Command, format output.Format, q question) error {
	var l store.Listing
	if err := t.ask(cmd.Context(), q, &l); err != nil {
		return err
	}
	return format.Print(cmd.OutOrStdout(), l, func(w io.Writer) error { return printListing(w, l) })
}

func newLabel(t *target) *cobra.Command {
	var change store.Labeling
	cmd := &cobra.Command{
		Use: "label ID", Short: "add labels to a listing, and take others away",
		Example:           "  jackfield store label examples.hello.HelloExtension --add official --remove new",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, listings),
	}
	cmd.Flags().StringSliceVar(&change.Add, "add", nil, "labels to add, separated by commas")
	cmd.Flags().StringSliceVar(&change.Remove, "remove", nil, "labels to take away")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(change.Add)+len(change.Remove) == 0 {
			return output.Usagef("write --add LABEL or --remove LABEL", "say which labels")
		}
		return t.listing(cmd, *format, question{
			What: "labelling " + oneLine(args[0]), Method: http.MethodPost, Path: []string{"listings", args[0], "label"}, Body: change,
		})
	}
	return cmd
}

func newApprove(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "approve NUMBER", Short: "publish a submission that is in review",
		Example: "  jackfield store approve 17", Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, submissionNumbers(store.InReview)),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.decide(cmd, *format, args[0], "approve", struct{}{})
	}
	return cmd
}

func newRetry(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "retry NUMBER", Short: "submit the bytes of a submission that was refused once more",
		Long:    "Retry is for when roots or organizations have changed. The submission that was refused stays.",
		Example: "  jackfield store retry 17", Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, submissionNumbers(store.NeedsChanges)),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.decide(cmd, *format, args[0], "retry", struct{}{})
	}
	return cmd
}

func newReject(t *target) *cobra.Command {
	var why string
	cmd := &cobra.Command{
		Use: "reject NUMBER", Short: "end a submission that is in review",
		Example: "  jackfield store reject 17 --reason 'the licence is missing'", Args: cobra.ExactArgs(1),
		ValidArgsFunction: complete(t, submissionNumbers(store.InReview)),
	}
	cmd.Flags().StringVar(&why, "reason", "", "why, for its publisher")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(why) == "" {
			return output.Usagef("write --reason '…'", "reject needs a reason")
		}
		return t.decide(cmd, *format, args[0], "reject", store.Reason{Reason: why})
	}
	return cmd
}

func (t *target) decide(cmd *cobra.Command, format output.Format, number, what string, body any) error {
	var s store.Submission
	err := t.ask(cmd.Context(), question{What: what + " of submission " + oneLine(number), Method: http.MethodPost, Path: []string{"submissions", number, what}, Body: body}, &s)
	if err != nil {
		return err
	}
	return format.Print(cmd.OutOrStdout(), s, func(w io.Writer) error { return printSubmission(w, s) })
}

func newAdvisory(t *target) *cobra.Command {
	cmd := &cobra.Command{Use: "advisory", Short: "tell of weaknesses, and list those that are known"}
	cmd.AddCommand(newAdvisoryAdd(t), newAdvisoryList(t))
	return cmd
}

func severities() []string {
	return []string{string(store.Low), string(store.Medium), string(store.High), string(store.Critical)}
}

func newAdvisoryAdd(t *target) *cobra.Command {
	var a store.Advisory
	var severity string
	cmd := &cobra.Command{
		Use: "add LISTING", Short: "tell of a weakness, or change what was told",
		Long: `Add tells hosts that have an extension of a weakness. It changes nothing that is
served; 'jackfield store revoke' does.`,
		Example: `  jackfield store advisory add examples.hello.HelloExtension --affected '>=1.0 <1.4.2' --fixed 1.4.2 --severity high --title 'greets strangers'
  jackfield store advisory add examples.hello.HelloExtension --id JFA-2026-0001 --severity low --title 'greets some strangers'`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: complete(t, listings),
	}
	flags := cmd.Flags()
	flags.StringVar(&a.ID, "id", "", "the advisory to change; a new one unless it is given")
	flags.StringVar(&a.Affected, "affected", "", "versions, such as '>=1.0 <1.4.2'; all unless it is given")
	flags.StringVar(&a.Fixed, "fixed", "", "the version that has it no more")
	flags.StringVar(&severity, "severity", "", "how bad it is: low, medium, high or critical")
	flags.StringVar(&a.Title, "title", "", "what it is, on one line")
	flags.StringVar(&a.Text, "text", "", "more of it, as Markdown")
	flags.StringVar(&a.URL, "url", "", "where it is described")
	_ = cmd.RegisterFlagCompletionFunc("severity", cobra.FixedCompletions(severities(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a.Listing, a.Severity = args[0], store.Severity(severity)
		if severity == "" || a.Title == "" {
			return output.Usagef("write --severity high --title '…'", "an advisory needs a severity and a title")
		}
		err := t.ask(cmd.Context(), question{What: "telling of a weakness of " + oneLine(args[0]), Method: http.MethodPost, Path: []string{"advisories"}, Body: a}, &a)
		if err != nil {
			return err
		}
		return printAdvisories(cmd.OutOrStdout(), *format, a, []store.Advisory{a})
	}
	return cmd
}

func newAdvisoryList(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "list [LISTING]", Short: "list the weaknesses that are known, newest first",
		Example: "  jackfield store advisory list examples.hello.HelloExtension", Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: complete(t, listings),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		q := question{What: "listing the advisories", Path: []string{"advisories"}, Open: true}
		if len(args) == 1 {
			q.Query = map[string][]string{"listing": {args[0]}}
		}
		var list store.AdvisoryList
		if err := t.ask(cmd.Context(), q, &list); err != nil {
			return err
		}
		return printAdvisories(cmd.OutOrStdout(), *format, list, list.Advisories)
	}
	return cmd
}

func printAdvisories(w io.Writer, format output.Format, value any, list []store.Advisory) error {
	return printRows(w, format, value, []string{"ID", "SEVERITY", "LISTING", "AFFECTED", "FIXED", "TITLE", "UPDATED"}, list, func(a store.Advisory) []string {
		affected := a.Affected
		if affected == "" {
			affected = "all"
		}
		return []string{a.ID, string(a.Severity), a.Listing, affected, a.Fixed, a.Title, stamp(a.Updated)}
	})
}

func newRevoke(t *target) *cobra.Command {
	var r store.Revocation
	cmd := &cobra.Command{
		Use: "revoke ID[@VERSION]|DIGEST", Short: "say that something must not run any more, wherever it is installed",
		Long: `Revoke tells all hosts that use this store to stop a release, all releases of a
listing, or the bytes with a digest, whoever has them. 'jackfield store unrevoke' takes
it back.`,
		Example: `  jackfield store revoke examples.hello.HelloExtension@1.0.0 --reason 'sends secrets away'`,
		Args:    cobra.ExactArgs(1), ValidArgsFunction: complete(t, listings),
	}
	cmd.Flags().StringVar(&r.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&r.URL, "url", "", "where it is described")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(r.Reason) == "" {
			return output.Usagef("write --reason '…'", "revoke needs a reason")
		}
		r.Digest, r.Listing, r.Version = revoked(args[0])
		body := map[string]any{"reason": r.Reason, "url": r.URL, "digest": r.Digest, "listing": r.Listing, "version": r.Version}
		err := t.ask(cmd.Context(), question{What: "revoking " + oneLine(args[0]), Method: http.MethodPost, Path: []string{"revocations"}, Body: body}, &r)
		if err != nil {
			return err
		}
		return printRevocations(cmd.OutOrStdout(), *format, r, []store.Revocation{r})
	}
	return cmd
}

// revoked is what an argument names: bytes, or a release.
func revoked(arg string) (digest, listing, version string) {
	if strings.HasPrefix(arg, "sha256:") {
		return arg, "", ""
	}
	listing, version = idAndVersion(arg)
	return "", listing, version
}

func printRevocations(w io.Writer, format output.Format, value any, list []store.Revocation) error {
	return printRows(w, format, value, []string{"LISTING", "VERSION", "DIGEST", "REASON", "CREATED"}, list, func(r store.Revocation) []string {
		version := r.Version
		if version == "" && r.Listing != "" {
			version = "all"
		}
		return []string{r.Listing, version, r.Digest, r.Reason, stamp(r.Created)}
	})
}

func newUnrevoke(t *target) *cobra.Command {
	cmd := &cobra.Command{
		Use: "unrevoke ID[@VERSION]|DIGEST", Short: "take a revocation back", Example: "  jackfield store unrevoke examples.hello.HelloExtension@1.0.0",
		Args: cobra.ExactArgs(1), ValidArgsFunction: complete(t, revocations),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var w store.Withdrawal
		w.Digest, w.Listing, w.Version = revoked(args[0])
		err := t.ask(cmd.Context(), question{What: "taking back the revocation of " + oneLine(args[0]), Method: http.MethodPost, Path: []string{"revocations", "withdraw"}, Body: w}, nil)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), w, func(out io.Writer) error {
			_, err := io.WriteString(out, "taken back: "+oneLine(args[0])+"\n")
			return err
		})
	}
	return cmd
}

// revocations completes what is revoked.
func revocations(ctx context.Context, c *storeclient.Client, _ string) ([]string, error) {
	var list store.RevocationList
	err := c.Ask(ctx, question{What: "completing", Path: []string{"revocations"}, Open: true}, &list)
	var found []string
	for _, r := range list.Revocations {
		switch {
		case r.Digest != "":
			found = append(found, r.Digest)
		case r.Version != "":
			found = append(found, r.Listing+"@"+r.Version)
		default:
			found = append(found, r.Listing)
		}
	}
	return found, err
}
