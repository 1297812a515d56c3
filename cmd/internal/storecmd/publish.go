package storecmd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/store"
)

// tries is how often a file is sent when nobody answers: the store knows by its key that it
// is the same submission.
const tries = 3

func newPublish(t *target) *cobra.Command {
	var beta, stable, noWait bool
	var signature, certificate string
	cmd := &cobra.Command{
		Use:   "publish FILE…",
		Short: "submit files to the store, and wait for its verdict",
		Long: `Publish submits files to the store, one after the other, and waits until each is
published, waits for a review, or is refused. The token says for which organization.
The exit code is 1 when one of the files is refused; the others are published
nevertheless. A ZIP for Jameica has no place for a signature: it comes beside the file.`,
		Example: `  jackfield store publish dist/bundles/hello-1.0.0.jar --store https://store.example.org --token-file token
  jackfield store publish hello-1.1.0.jar --beta
  jackfield store publish demo.notes-2.1.0.zip --signature demo.notes-2.1.0.zip.sig --certificate chain.pem`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"jar", "jpl", "zip"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&beta, "beta", false, "publish in the beta channel")
	flags.BoolVar(&stable, "stable", false, "publish in the stable channel, also a version with a suffix")
	flags.BoolVar(&noWait, "no-wait", false, "return as soon as the store has the files")
	flags.StringVar(&signature, "signature", "", "file with a signature over the SHA-256 of FILE, as 'openssl dgst -sha256 -sign' writes it")
	flags.StringVar(&certificate, "certificate", "", "PEM file with the certificate for it, and that of its organization")
	cmd.MarkFlagsMutuallyExclusive("beta", "stable")
	cmd.MarkFlagsRequiredTogether("signature", "certificate")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		query := parameters(beta, stable)
		for _, path := range args { // nothing is sent when one of them is not there
			if err := judgeFile(path); err != nil {
				return err
			}
		}
		if signature != "" && len(args) > 1 {
			return output.Usagef("publish one file at a time", "a signature is for one file, not for %d", len(args))
		}
		beside, err := detached(signature, certificate)
		if err != nil {
			return err
		}
		c, err := t.Connect()
		if err != nil {
			return err
		}
		done := []store.Submission{}
		for _, path := range args {
			s, err := publish(cmd.Context(), cmd.ErrOrStderr(), c, upload{path, query, beside}, noWait)
			if err != nil {
				return err
			}
			done = append(done, s)
		}
		if err := printSubmissions(cmd.OutOrStdout(), *format, done, done); err != nil {
			return err
		}
		return verdict(done)
	}
	return cmd
}

// parameters are those of a submission, which is asked for again until it is decided.
func parameters(beta, stable bool) url.Values {
	query := url.Values{"wait": {"false"}}
	switch {
	case beta:
		query.Set("channel", string(store.Beta))
	case stable:
		query.Set("channel", string(store.Stable))
	}
	return query
}

func judgeFile(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return output.Errorf("", "reading the file: %w", err)
	case info.IsDir():
		return output.Errorf("'jackfield bundle pack' makes a bundle of a folder", "%s is a folder, not a file to publish", path)
	case !info.Mode().IsRegular():
		return output.Errorf("", "%s is no file", path)
	case info.Size() == 0:
		return output.Errorf("", "%s is empty", path)
	}
	return nil
}

// upload is one file, and what is sent with it.
type upload struct {
	path   string
	query  url.Values
	beside http.Header // its signature, if that is not in it
}

// publish sends one file and returns what became of it.
func publish(ctx context.Context, stderr io.Writer, c *storeclient.Client, u upload, noWait bool) (store.Submission, error) {
	what, key := "publishing "+oneLine(filepath.Base(u.path)), rand.Text()
	var s store.Submission
	var err error
	for range tries {
		s, err = send(ctx, stderr, c, u, what, key)
		if !errors.Is(err, storeclient.ErrUnreachable) || ctx.Err() != nil {
			break
		}
	}
	var problem *storeclient.Problem
	if errors.As(err, &problem) && problem.Submission != nil {
		return *problem.Submission, nil // refused at once
	}
	if err != nil || noWait {
		return s, err
	}
	bar := output.NewProgress(stderr, filepath.Base(u.path), -1)
	defer bar.End()
	for s.State == store.Submitted || s.State == store.Checking {
		bar.Say(string(s.State))
		err := c.Ask(ctx, question{What: what, Path: []string{"submissions", strconv.FormatInt(s.Number, 10)}, Query: url.Values{"wait": {"true"}}}, &s)
		if err != nil {
			return s, output.WithHint(err, fmt.Sprintf("the store has it: 'jackfield store submissions %d' shows what becomes of it", s.Number))
		}
	}
	return s, nil
}

func send(ctx context.Context, stderr io.Writer, c *storeclient.Client, u upload, what, key string) (store.Submission, error) {
	var s store.Submission
	f, err := os.Open(u.path)
	if err != nil {
		return s, output.Errorf("", "reading the file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return s, output.Errorf("", "reading the file: %w", err)
	}
	bar := output.NewProgress(stderr, filepath.Base(u.path), info.Size())
	defer bar.End()
	named := url.Values{"file": {filepath.Base(u.path)}}
	maps.Copy(named, u.query)
	req, err := c.Request(ctx, question{Method: http.MethodPost, Path: []string{"submissions"}, Query: named}, &counted{f, bar})
	if err != nil {
		return s, err
	}
	req.ContentLength = info.Size()
	maps.Copy(req.Header, u.beside)
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("Expect", "100-continue") // who is not let in need not send it all
	err = c.Answer(what, req, &s)
	return s, err
}

// counted tells a bar how much was read.
type counted struct {
	io.Reader
	bar *output.Progress
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bar.Add(n)
	return n, err
}

// verdict is the error of submissions that were refused.
func verdict(done []store.Submission) error {
	var lines []string
	hint := "" // bundle verify reads no ZIPs for Jameica
	for _, s := range done {
		if s.State != store.NeedsChanges {
			continue
		}
		if s.Format != store.FormatJameica {
			hint = "'jackfield bundle verify FILE' says the same of the file itself"
		}
		lines = append(lines, fmt.Sprintf("%s is refused", oneLine(s.File)))
		for _, p := range s.Problems {
			place := ""
			if p.Entry != "" {
				place = " in " + oneLine(p.Entry)
			}
			lines = append(lines, p.Code+place+": "+oneLine(p.Message))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return output.Errorf(hint, "%s", strings.Join(lines, "\n"))
}

func newSubmissions(t *target) *cobra.Command {
	var state string
	cmd := &cobra.Command{
		Use:   "submissions [NUMBER]",
		Short: "list what was submitted, newest first, or show one submission",
		Long:  "Submissions lists what was submitted. A publisher sees what its organization has.",
		Example: `  jackfield store submissions --state needs_changes
  jackfield store submissions 17`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: complete(t, submissionNumbers("")),
	}
	cmd.Flags().StringVar(&state, "state", "", "only those in this state: submitted, checking, needs_changes, in_review, approved or published")
	limit := limitFlag(cmd, 50)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			var s store.Submission
			if err := t.ask(cmd.Context(), question{What: "looking for submission " + oneLine(args[0]), Path: []string{"submissions", args[0]}}, &s); err != nil {
				return err
			}
			return format.Print(cmd.OutOrStdout(), s, func(w io.Writer) error { return printSubmission(w, s) })
		}
		if err := checkLimit(*limit); err != nil {
			return err
		}
		c, err := t.Connect()
		if err != nil {
			return err
		}
		all := store.SubmissionPage{Submissions: []store.Submission{}}
		err = pages(*limit, pageSize, func(query url.Values) (int, string, error) {
			if state != "" {
				query.Set("state", state)
			}
			var page store.SubmissionPage
			err := c.Ask(cmd.Context(), question{What: "listing the submissions", Path: []string{"submissions"}, Query: query}, &page)
			all.Submissions, all.Next = append(all.Submissions, page.Submissions...), page.Next
			return len(page.Submissions), page.Next, err
		})
		if err != nil {
			return err
		}
		return printSubmissions(cmd.OutOrStdout(), *format, all, all.Submissions)
	}
	return cmd
}

// submissionNumbers completes the numbers of those in a state, "" for any.
func submissionNumbers(state store.SubmissionState) func(context.Context, *storeclient.Client, string) ([]string, error) {
	return func(ctx context.Context, c *storeclient.Client, _ string) ([]string, error) {
		query := url.Values{}
		if state != "" {
			query.Set("state", string(state))
		}
		var page store.SubmissionPage
		err := c.Ask(ctx, question{What: "completing", Path: []string{"submissions"}, Query: query}, &page)
		var found []string
		for _, s := range page.Submissions {
			found = append(found, fmt.Sprintf("%d\t%s %s", s.Number, s.File, s.State))
		}
		return found, err
	}
}

func printSubmissions(w io.Writer, format output.Format, value any, list []store.Submission) error {
	return printRows(w, format, value, []string{"NUMBER", "STATE", "FILE", "LISTING", "VERSION", "CHANNEL", "ORGANIZATION", "UPDATED"}, list,
		func(s store.Submission) []string {
			return []string{strconv.FormatInt(s.Number, 10), string(s.State), s.File, s.Listing, s.Version, string(s.Channel), s.Organization, stamp(s.Updated)}
		})
}

func printSubmission(w io.Writer, s store.Submission) error {
	fields := [][2]string{
		{"number", strconv.FormatInt(s.Number, 10)}, {"state", string(s.State)}, {"file", s.File}, {"source", s.Source},
		{"organization", s.Organization}, {"format", string(s.Format)}, {"listing", s.Listing}, {"version", s.Version},
		{"channel", string(s.Channel)}, {"digest", s.Digest}, {"size", strconv.FormatInt(s.Size, 10)},
		{"created", stamp(s.Created)}, {"updated", stamp(s.Updated)},
	}
	for _, p := range s.Problems {
		place := ""
		if p.Entry != "" {
			place = " in " + p.Entry
		}
		fields = append(fields, [2]string{"problem", p.Code + place + ": " + p.Message})
	}
	for _, text := range s.Warnings {
		fields = append(fields, [2]string{"warning", text})
	}
	return output.Fields(w, fields)
}
