package bundlecmd

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/bundle/jpl"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// isJPL tells archives for Jami by their name, as Jami does.
func isJPL(file string) bool { return strings.EqualFold(filepath.Ext(file), ".jpl") }

// jplReport is what is found out about an archive for Jami. Its JSON form has two shapes,
// as that of bundle.Report: one for OK and one for a refusal.
type jplReport struct {
	OK     bool         `json:"ok"`
	Format string       `json:"format"`
	Jami   jpl.JamiCode `json:"jami"` // what a daemon answers, or should
	Checks []jpl.Check  `json:"checks"`

	// Of an accepted archive.
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Version   string            `json:"version"`
	Author    string            `json:"author"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	ABIs      []string          `json:"abis"` // in Jami's names
	Platforms []string          `json:"platforms"`
	Locales   []string          `json:"locales"`
	Signature bundle.Signature  `json:"signature"`
	Store     []jplStoreProblem `json:"store"` // why a store would not take it
	Warnings  []string          `json:"warnings"`

	// Of a refused one.
	Code    jpl.Code `json:"-"`
	Entry   string   `json:"-"`
	Message string   `json:"-"`

	chain []*x509.Certificate
}

// jplStoreProblem is one reason why a store would not take an archive.
type jplStoreProblem struct {
	Code    jpl.Code `json:"code"`
	Entry   string   `json:"entry"`
	Message string   `json:"message"`
}

// MarshalJSON writes the shape that fits.
func (r jplReport) MarshalJSON() ([]byte, error) {
	if !r.OK {
		return json.Marshal(struct {
			OK      bool         `json:"ok"`
			Format  string       `json:"format"`
			Code    jpl.Code     `json:"code"`
			Jami    jpl.JamiCode `json:"jami"`
			Entry   string       `json:"entry"`
			Line    int          `json:"line"` // as bundles have it; always 0
			Message string       `json:"message"`
			Checks  []jpl.Check  `json:"checks"`
		}{false, r.Format, r.Code, r.Jami, r.Entry, 0, r.Message, r.Checks})
	}
	type accepted jplReport // without this method
	return json.Marshal(accepted(r))
}

// refusedJPL tells why an archive is refused.
func refusedJPL(err error) jplReport {
	e := &jpl.Error{Code: jpl.Code(bundle.CodeUnreadable), Message: err.Error()}
	errors.As(err, &e)
	checks := e.Checks
	if checks == nil {
		checks = []jpl.Check{}
	}
	return jplReport{Format: "jpl", Jami: e.Code.Jami(), Code: e.Code, Entry: e.Entry, Message: e.Message, Checks: checks}
}

// facts are what Claim and Verified tell alike.
type facts interface {
	ID() string
	Version() string
	Texts() map[string]jpl.Text
	Digest() string
	Size() int64
	ABIs() []string
	Platforms() []string
	Warnings() []string
}

func reportJPL(f facts) jplReport {
	r := jplReport{
		OK: true, Format: "jpl", Checks: []jpl.Check{}, ID: f.ID(), Version: f.Version(), Digest: f.Digest(), Size: f.Size(),
		ABIs: append([]string{}, f.ABIs()...), Platforms: append([]string{}, f.Platforms()...), Locales: []string{},
		Store: []jplStoreProblem{}, Warnings: f.Warnings(),
		Name: f.Texts()[""].Name, Signature: bundle.Signature{Chain: []string{}},
	}
	for _, locale := range slices.Sorted(maps.Keys(f.Texts())) {
		if locale != "" {
			r.Locales = append(r.Locales, locale)
		}
	}
	return r
}

// verifyJPL is `bundle verify` of an archive for Jami.
func verifyJPL(cmd *cobra.Command, format *output.Format, file, dir string, at time.Time) error {
	options, problems := jpl.LoadRoots(dir)
	options.Time = at
	report, err := judgeJPL(cmd.Context(), file, options)
	if err != nil {
		return err
	}
	var hints []string
	for _, problem := range problems {
		hints = append(hints, fmt.Sprintf("left out of the trusted roots: %s", problem))
	}
	report.Warnings = append(report.Warnings, hints...)
	return printJPL(cmd, format, file, report, strings.Join(hints, "\n"))
}

// judgeJPL verifies the archive. Its error is that of ctx.
func judgeJPL(ctx context.Context, file string, options jpl.Options) (jplReport, error) {
	f, err := jpl.Open(file)
	if err != nil {
		return refusedJPL(err), ctx.Err()
	}
	defer f.Close()
	v, err := jpl.Verify(ctx, f, options)
	if err != nil {
		return refusedJPL(err), ctx.Err()
	}
	r := reportJPL(v)
	r.Checks, r.Author, r.chain = v.Checks(), v.Author(), v.Chain()
	r.Signature = bundle.Signature{State: "valid", Signer: r.chain[0].Subject.String(), Organization: v.Author(), Chain: []string{}}
	for _, c := range r.chain {
		r.Signature.Chain = append(r.Signature.Chain, c.Subject.String())
	}
	refusals, warnings := jpl.CheckForStore(v, jpl.Known{})
	for _, e := range refusals {
		r.Store = append(r.Store, jplStoreProblem{e.Code, e.Entry, e.Message})
	}
	r.Warnings = append(r.Warnings, warnings...)
	return r, ctx.Err()
}

// inspectJPL is `bundle inspect` of an archive for Jami: the signature is reported only.
func inspectJPL(cmd *cobra.Command, format *output.Format, file string) error {
	report, err := readJPL(cmd.Context(), file)
	if err != nil {
		return err
	}
	return printJPL(cmd, format, file, report, "")
}

// readJPL reads the archive. Its error is that of ctx.
func readJPL(ctx context.Context, file string) (jplReport, error) {
	f, err := jpl.Open(file)
	if err != nil {
		return refusedJPL(err), ctx.Err()
	}
	defer f.Close()
	claim, err := jpl.Read(ctx, f)
	if err != nil {
		return refusedJPL(err), ctx.Err()
	}
	r := reportJPL(claim)
	signer, err := claim.Signer(ctx)
	switch code := jpl.CodeOf(err); {
	case err == nil:
		r.Author = signer.Issuer.CommonName
		r.Signature = bundle.Signature{State: bundle.SignatureUnchecked, Signer: signer.Subject.String(), Organization: r.Author, Chain: []string{signer.Subject.String()}}
	case code == jpl.CodeUnsigned:
		r.Signature.State = bundle.SignatureUnsigned
	default:
		r.Signature.State, r.Signature.Code = bundle.SignatureInvalid, string(code)
		r.Jami = code.Jami()
		r.Warnings = append(r.Warnings, "the signature does not hold: "+err.Error())
	}
	return r, ctx.Err()
}

// printJPL prints a report, and makes the error of a refusal.
func printJPL(cmd *cobra.Command, format *output.Format, file string, r jplReport, hint string) error {
	if err := format.Print(cmd.OutOrStdout(), r, func(w io.Writer) error { return r.print(w, file) }); err != nil {
		return err
	}
	if !r.OK {
		return output.Errorf(hint, "%s is refused: %s", file, r.Code)
	}
	return nil
}

// print shows a report to people.
func (r jplReport) print(w io.Writer, file string) error {
	fields := [][2]string{
		{"file", file}, {"id", r.ID}, {"name", r.Name}, {"version", r.Version}, {"author", r.Author},
		{"platforms", strings.Join(r.ABIs, ", ")}, {"locales", strings.Join(r.Locales, ", ")}, {"signature", r.Signature.State},
		{"size", strconv.FormatInt(r.Size, 10) + " bytes"}, {"digest", r.Digest}, {"jami", strconv.Itoa(int(r.Jami))},
	}
	if !r.OK {
		fields = [][2]string{{"file", file}, {"refused", string(r.Code)}, {"jami", strconv.Itoa(int(r.Jami))}, {"entry", r.Entry}, {"message", r.Message}}
	}
	err := output.Fields(w, fields)
	if err == nil && len(r.Checks) > 0 {
		if _, err = io.WriteString(w, "\n"); err == nil {
			err = output.Rows(w, []string{"CHECK", "VERDICT", "DETAIL"}, r.rows())
		}
	}
	if err == nil && len(r.chain) > 0 {
		if _, err = io.WriteString(w, "\n"); err == nil {
			err = output.Rows(w, certificateHeader(), certificateRows(r.chain))
		}
	}
	for _, p := range r.Store {
		if err == nil {
			_, err = fmt.Fprintf(w, "warning: a store does not take it: %s: %s: %s\n", p.Code, visible.Text(p.Entry), visible.Text(p.Message))
		}
	}
	for _, warning := range r.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "warning: %s\n", visible.Text(warning))
		}
	}
	return err
}

func (r jplReport) rows() [][]string {
	var rows [][]string
	for _, c := range r.Checks {
		verdict := "ok"
		switch {
		case !c.OK:
			verdict = "refused"
		case c.Warning:
			verdict = "warning"
		}
		rows = append(rows, []string{c.Name, verdict, c.Detail})
	}
	return rows
}
