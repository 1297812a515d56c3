package bundlecmd

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/store/jameica"
)

// zipReport is what is found out about a ZIP for Jameica. Its JSON form has two shapes, as that
// of bundle.Report: one for OK and one for a refusal.
type zipReport struct {
	OK     bool       `json:"ok"`
	Format string     `json:"format"`
	Checks []zipCheck `json:"checks"`

	// Of an accepted ZIP.
	ID        string           `json:"id"`
	Version   string           `json:"version"`
	Digest    string           `json:"digest"`
	Size      int64            `json:"size"`
	Platforms []string         `json:"platforms"`
	Host      string           `json:"host"`     // which Jameica it needs
	Requires  []string         `json:"requires"` // "name requirement; optional"
	Signature bundle.Signature `json:"signature"`
	Warnings  []string         `json:"warnings"`

	// Of a refused one.
	Code    string `json:"-"`
	Entry   string `json:"-"`
	Message string `json:"-"`

	chain []*x509.Certificate
}

// zipCheck is one step of the reasoning.
type zipCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// MarshalJSON writes the shape that fits.
func (r zipReport) MarshalJSON() ([]byte, error) {
	if !r.OK {
		return json.Marshal(struct {
			OK      bool       `json:"ok"`
			Format  string     `json:"format"`
			Code    string     `json:"code"`
			Entry   string     `json:"entry"`
			Line    int        `json:"line"` // as bundles have it; always 0
			Message string     `json:"message"`
			Checks  []zipCheck `json:"checks"`
		}{false, r.Format, r.Code, r.Entry, 0, r.Message, r.Checks})
	}
	type accepted zipReport // without this method
	return json.Marshal(accepted(r))
}

// isJameica tells ZIPs for Jameica by what is in them, as a store does: a plugin.xml in a folder.
func isJameica(file string) bool {
	if !strings.EqualFold(filepath.Ext(file), ".zip") {
		return false
	}
	f, err := bundle.Open(file, bundle.DefaultLimits())
	if err != nil {
		return false
	}
	defer f.Close()
	return slices.ContainsFunc(f.Entries(), func(e bundle.Entry) bool {
		folder, name, _ := strings.Cut(e.Name, "/")
		return folder != "" && name == "plugin.xml"
	})
}

// zipLimits are what a store reads of one.
func zipLimits() jameica.Limits { return jameica.Limits{DocumentBytes: 256 << 10} }

// verifyZIP is `bundle verify` of a ZIP for Jameica. certificate is the file of whoever has to
// have signed it, "" for nobody.
func verifyZIP(cmd *cobra.Command, format *output.Format, file, certificate string, at time.Time) error {
	var chain jameica.Chain
	if certificate != "" {
		text, err := readSmall(certificate, 1<<20)
		if err == nil {
			chain, err = jameica.ParseChain(text)
		}
		if err != nil {
			return output.Usagef("give the certificate in PEM or DER: that of the repository's group, or JAMEICA/certificate.pem of a store", "--certificate %s: %v", certificate, err)
		}
	}
	r, err := judgeZIP(cmd.Context(), file, chain, at)
	if err != nil {
		return err
	}
	if err := format.Print(cmd.OutOrStdout(), r, func(w io.Writer) error { return r.print(w, file) }); err != nil {
		return err
	}
	if !r.OK {
		return output.Errorf("", "%s is refused: %s", file, r.Code)
	}
	return nil
}

func readSmall(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}

// judgeZIP reads and judges a ZIP. Its error is that of ctx.
func judgeZIP(ctx context.Context, file string, chain jameica.Chain, at time.Time) (zipReport, error) {
	r := zipReport{Format: "jameica", Checks: []zipCheck{}, Platforms: []string{"java"}, Requires: []string{}, Warnings: []string{}}
	f, err := os.Open(file)
	if err != nil {
		return r.refuse("container", err), ctx.Err()
	}
	defer f.Close()
	if err := r.read(ctx, f); err != nil {
		return r, ctx.Err()
	}
	r.sign(f, file+".sha1", chain, at)
	r.OK = r.Code == ""
	return r, ctx.Err()
}

// read reads the ZIP by a store's rules. Its error is in the report, too.
func (r *zipReport) read(ctx context.Context, f *os.File) error {
	fail := func(check string, err error) error { *r = r.refuse(check, err); return err }
	info, err := f.Stat()
	if err != nil {
		return fail("container", err)
	}
	container, err := bundle.NewFile(f, info.Size(), bundle.DefaultLimits())
	if err != nil {
		return fail("container", err)
	}
	a, err := jameica.OpenArchive(ctx, container, zipLimits())
	if err != nil {
		return fail("archive", err)
	}
	r.pass("archive", "every checksum is right, and all of it is in the folder %s", a.Folder)
	if faults := a.Faults(zipLimits()); len(faults) > 0 {
		for _, fault := range faults {
			*r = r.refuse("plugin.xml", fault)
		}
		return faults[0]
	}
	m := a.Manifest
	r.pass("plugin.xml", "both generations of Jameica read it as it is meant")
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, info.Size())); err != nil {
		return fail("container", err)
	}
	r.ID, r.Version, r.Digest, r.Size, r.Host = m.Name, m.Version, fmt.Sprintf("sha256:%x", sum.Sum(nil)), info.Size(), string(m.Host)
	for _, d := range m.Requires {
		text := strings.TrimSpace(d.Name + " " + string(d.Version))
		if !d.Required {
			text += "; optional"
		}
		r.Requires = append(r.Requires, text)
	}
	return nil
}

// sign judges the signature beside the ZIP. Whose it has to be is said by the certificate that
// was given, which is trusted for that.
func (r *zipReport) sign(zip io.ReadSeeker, beside string, chain jameica.Chain, at time.Time) {
	r.Signature = bundle.Signature{State: bundle.SignatureUnsigned, Chain: []string{}}
	signature, err := readSmall(beside, 8<<10)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && chain == nil:
		return
	case missing:
		*r = r.refuse("signature", &jameica.Error{Code: jameica.CodeUnsigned, Message: "there is no signature beside it, " + filepath.Base(beside)})
		return
	case err != nil:
		*r = r.refuse("signature", &jameica.Error{Code: jameica.CodeSignatureInvalid, Message: fmt.Sprintf("the signature beside it can not be read: %v", err)})
		return
	case chain == nil:
		r.Warnings = append(r.Warnings, filepath.Base(beside)+" lies beside it and was not judged: --certificate says whose signature it has to be")
		return
	}
	if _, err = zip.Seek(0, io.SeekStart); err == nil {
		err = jameica.VerifySignature(zip, signature, chain.Leaf())
	}
	if err != nil {
		*r = r.refuse("signature", err)
		return
	}
	r.pass("signature", "%s is one of this file by %s", filepath.Base(beside), chain.Leaf().Subject)
	trusted := x509.NewCertPool()
	trusted.AddCert(chain.Leaf())
	if err := chain.Judge(trusted, at); err != nil {
		*r = r.refuse("certificate", err)
		return
	}
	r.pass("certificate", "it is the one that was given, good from %s to %s", chain.Leaf().NotBefore.UTC().Format(time.DateOnly), chain.Leaf().NotAfter.UTC().Format(time.DateOnly))
	r.chain = chain
	r.Signature = bundle.Signature{State: "valid", Signer: chain.Leaf().Subject.String(), Chain: []string{}}
	for _, c := range chain {
		r.Signature.Chain = append(r.Signature.Chain, c.Subject.String())
	}
}

func (r *zipReport) pass(check, detail string, args ...any) {
	r.Checks = append(r.Checks, zipCheck{check, true, fmt.Sprintf(detail, args...)})
}

// refuse is the report with one more reason; the first counts.
func (r zipReport) refuse(check string, err error) zipReport {
	code, entry, message := string(bundle.CodeUnreadable), "", err.Error()
	var ours *jameica.Error
	var container *bundle.Error
	switch {
	case errors.As(err, &ours):
		code, entry, message = string(ours.Code), ours.Subject, ours.Message
	case errors.As(err, &container):
		code, entry, message = string(container.Code), container.Entry, container.Message
	}
	if r.Code == "" {
		r.Code, r.Entry, r.Message = code, entry, message
	}
	detail := message
	if entry != "" {
		detail = entry + ": " + message
	}
	r.Checks = append(r.Checks, zipCheck{check, false, detail})
	return r
}

// print shows a report to people.
func (r zipReport) print(w io.Writer, file string) error {
	fields := [][2]string{
		{"file", file}, {"id", r.ID}, {"version", r.Version}, {"jameica", r.Host}, {"requires", strings.Join(r.Requires, ", ")},
		{"signature", signatureText(r.Signature)}, {"size", strconv.FormatInt(r.Size, 10) + " bytes"}, {"digest", r.Digest},
	}
	if !r.OK {
		fields = [][2]string{{"file", file}, {"refused", r.Code}, {"entry", r.Entry}, {"message", r.Message}}
	}
	err := output.Fields(w, fields)
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	var rows [][]string
	for _, c := range r.Checks {
		verdict := "ok"
		if !c.OK {
			verdict = "refused"
		}
		rows = append(rows, []string{c.Name, verdict, c.Detail})
	}
	if err == nil {
		err = output.Rows(w, []string{"CHECK", "VERDICT", "DETAIL"}, rows)
	}
	if err == nil && len(r.chain) > 0 {
		if _, err = io.WriteString(w, "\n"); err == nil {
			err = output.Rows(w, certificateHeader(), certificateRows(r.chain))
		}
	}
	for _, warning := range r.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "warning: %s\n", visible.Text(warning))
		}
	}
	return err
}
