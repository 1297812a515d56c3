package bundlecmd

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/trust"
)

// judgeTimeout bounds all questions about revocation together.
const judgeTimeout = 30 * time.Second

// verifyFlags is the command line of `bundle verify`.
type verifyFlags struct {
	home, trust, revocation string
	certificate, at         string
	offline, private        bool
}

func newVerify() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use: "verify FILE",
		Example: `  jackfield bundle verify hello-1.0.0.jar
  jackfield bundle verify hello-1.0.0.jar --trust ./roots --offline
  jackfield bundle verify Greenery.jpl --trust ./jami-roots --at 2026-11-26
  jackfield bundle verify demo.notes-2.1.0.zip --certificate certificate.pem`,
		ValidArgsFunction: verifiable,
		Short:             "judge who signed a bundle, and print the whole reasoning",
		Long: `Verify reads a bundle as 'jackfield bundle inspect' does, and judges its signature as a
host with trust.policy=require: every entry must be signed, by a certificate for this
id whose chain leads to a root in --trust, and nothing of it may be revoked. It prints
each check and the certificates. The exit code is 1 when the bundle is refused.

A file that is named *.jpl is an archive for Jami: it is judged by Jami's rules and by
stricter ones, and Jami's own code is printed, too. What a store would not take although
the signature holds is a warning. Nobody is asked over the network: --trust holds roots,
*.pem, and lists of what is revoked, *.crl.

A ZIP with a plugin.xml in its folder is one for Jameica: it is judged by the rules by
which a store takes it. A signature is not in it but beside it, FILE.sha1, as Jameica's
repositories have it: --certificate says whose it has to be, and then there has to be one.
Without that the ZIP is called unsigned. What a publisher signs for a store is judged there.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&flags.home, "home", "", "the home folder (default: JMAP_HOME, else "+running.DefaultHome+")")
	cmd.Flags().StringVar(&flags.trust, "trust", "", "the folder with trusted roots, *.pem, and timestamp/*.pem (default: conf/trust in the home)")
	cmd.Flags().StringVar(&flags.revocation, "revocation", string(trust.Soft), "what becomes of a certificate of which nobody says whether it is revoked: soft, hard or off")
	cmd.Flags().BoolVar(&flags.offline, "offline", false, "ask nobody about revocation: only what was stapled and lists in --trust count")
	cmd.Flags().BoolVar(&flags.private, "allow-private", false, "let certificates name responders in private networks")
	cmd.Flags().StringVar(&flags.certificate, "certificate", "", "of a ZIP for Jameica: the file with the certificate by whose key FILE.sha1 has to be")
	cmd.Flags().StringVar(&flags.at, "at", "", "of an archive for Jami or a ZIP for Jameica: judge as of this time, 2026-11-26 or 2026-11-26T12:00:00Z, instead of now")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		kind := kindOf(args[0])
		at, err := flags.check(cmd, kind, args[0])
		if err != nil {
			return err
		}
		if kind == zipFile {
			return verifyZIP(cmd, format, args[0], flags.certificate, at)
		}
		policy := trust.RevocationPolicy(flags.revocation)
		if !slices.Contains([]trust.RevocationPolicy{trust.Soft, trust.Hard, trust.Off}, policy) {
			return output.Usagef("write soft, hard or off", "--revocation %q is none of them", flags.revocation)
		}
		dir := flags.trust
		if dir == "" {
			dir = filepath.Join(string(running.Home(flags.home)), "conf", "trust")
		} else if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return output.Usagef("give the folder that holds the roots, *.pem", "--trust %s is no folder", dir)
		}
		if kind == jplFile {
			return verifyJPL(cmd, format, args[0], dir, at)
		}
		roots, problems := trust.LoadRoots(dir)
		judge := trust.New(trust.Config{Roots: roots, Revocation: policy, Offline: flags.offline, AllowPrivate: flags.private})
		j := judgement{file: args[0]}
		if err := j.make(cmd.Context(), judge); err != nil {
			return err
		}
		for _, problem := range problems {
			j.report.Warnings = append(j.report.Warnings, fmt.Sprintf("left out of the trusted roots: %s", problem))
		}
		if err := format.Print(cmd.OutOrStdout(), j.report, j.print); err != nil {
			return err
		}
		if j.report.OK {
			return nil
		}
		hint := ""
		for _, problem := range problems {
			hint += fmt.Sprintf("left out of the trusted roots: %s\n", problem)
		}
		return output.Errorf(strings.TrimSpace(hint), "%s is refused: %s", args[0], j.report.Code)
	}
	return cmd
}

// kind is a format that verify reads.
type kind int

const (
	bundleFile kind = iota
	jplFile
	zipFile
)

func kindOf(file string) kind {
	switch {
	case isJPL(file):
		return jplFile
	case isJameica(file):
		return zipFile
	}
	return bundleFile
}

// check refuses flags that are about another kind of file, and reads the time as of which is
// judged.
func (f verifyFlags) check(cmd *cobra.Command, of kind, file string) (at time.Time, err error) {
	for _, flag := range []struct {
		name, about string
		kinds       []kind
	}{
		{"home", "bundles and archives for Jami", []kind{bundleFile, jplFile}}, {"trust", "bundles and archives for Jami", []kind{bundleFile, jplFile}},
		{"revocation", "bundles", []kind{bundleFile}}, {"offline", "bundles", []kind{bundleFile}}, {"allow-private", "bundles", []kind{bundleFile}},
		{"certificate", "ZIPs for Jameica", []kind{zipFile}}, {"at", "archives for Jami and ZIPs for Jameica: a bundle has a timestamp that says when it was signed", []kind{jplFile, zipFile}},
	} {
		if cmd.Flags().Changed(flag.name) && !slices.Contains(flag.kinds, of) {
			return at, output.Usagef("leave it out", "--%s is about %s, and %s is none of them", flag.name, flag.about, file)
		}
	}
	if f.at == "" {
		return time.Now(), nil
	}
	if at, err = time.Parse(time.RFC3339, f.at); err != nil {
		at, err = time.Parse(time.DateOnly, f.at)
	}
	if err != nil {
		err = output.Usagef("write 2026-11-26 or 2026-11-26T12:00:00Z", "--at %q is no time", f.at)
	}
	return at, err
}

// judgement is all that is found out about one bundle.
type judgement struct {
	file    string
	report  bundle.Report
	sound   *bundle.Verified // nil: refused before anybody asked who signed it
	signed  bundle.Signed
	verdict trust.Verdict
}

// make reads the bundle, judges it and fills in the report. Its error is that of ctx.
func (j *judgement) make(ctx context.Context, judge *trust.Judge) error {
	f, err := bundle.Open(j.file, bundle.DefaultLimits())
	if err != nil {
		j.report = bundle.Refused(err)
		return ctx.Err()
	}
	defer f.Close()
	v, err := bundle.Verify(ctx, f)
	if err != nil {
		j.report = bundle.Refused(err)
		return ctx.Err()
	}
	j.sound = v
	j.signed, _ = v.Signed()
	limited, cancel := context.WithTimeout(ctx, judgeTimeout)
	defer cancel()
	j.verdict = judge.Judge(limited, claimOf(v.Manifest().ID, j.signed))
	if err := ctx.Err(); err != nil {
		return err
	}
	j.report = v.Report(runtime.GOOS, runtime.GOARCH)
	j.report.Signature = signatureOf(j.verdict)
	if j.verdict.State != trust.Valid {
		j.report = bundle.Report{Code: bundle.Code(j.verdict.Code), Message: j.verdict.Message}
	}
	return nil
}

// claimOf hands the evidence of a signature over to who judges it.
func claimOf(id string, s bundle.Signed) trust.Claim {
	claim := trust.Claim{ID: id, Chain: s.Chain, Staples: s.Staples}
	if s.Timestamp != nil {
		claim.SignedAt, claim.TimestampChain = s.Timestamp.Time, s.Timestamp.Chain
	}
	return claim
}

func signatureOf(v trust.Verdict) bundle.Signature {
	s := bundle.Signature{State: string(v.State), Code: string(v.Code), Signer: v.Signer, Organization: v.Organization, Chain: []string{}}
	for _, c := range v.Chain {
		s.Chain = append(s.Chain, c.Subject.String())
	}
	return s
}

// print shows the judgement to people: what it is, every check, the certificates.
func (j *judgement) print(w io.Writer) error {
	if j.sound == nil {
		return printReport(w, j.file, j.report)
	}
	m := j.sound.Manifest()
	err := output.Fields(w, [][2]string{
		{"file", j.file}, {"id", m.ID}, {"name", m.Name}, {"version", m.Version.String()}, {"digest", j.sound.Digest()},
		{"signature", string(j.verdict.State)}, {"signer", j.verdict.Signer}, {"organization", j.verdict.Organization},
		{"publisher", j.verdict.Publisher}, {"timestamp", j.stampText()},
		{"refused", string(j.report.Code)}, {"message", j.report.Message},
	})
	if err == nil {
		_, err = io.WriteString(w, "\n")
	}
	if err == nil {
		err = output.Rows(w, []string{"CHECK", "VERDICT", "DETAIL"}, j.checks())
	}
	if err == nil && len(j.verdict.Chain) > 0 {
		if _, err = io.WriteString(w, "\n"); err == nil {
			err = output.Rows(w, certificateHeader(), certificateRows(j.verdict.Chain))
		}
	}
	for _, warning := range j.report.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "warning: %s\n", visible.Text(warning))
		}
	}
	return err
}

func (j *judgement) stampText() string {
	if s := j.signed.Timestamp; s != nil {
		return s.Time.Format(time.RFC3339) + " by " + s.Chain[0].Subject.String()
	}
	return ""
}

// checks are the rows of the reasoning: what was proven of the file, then of its signer.
func (j *judgement) checks() [][]string {
	rows := [][]string{{"container", "ok", "every checksum is right, and no byte of the file is outside of what was checked"}}
	if len(j.signed.Chain) > 0 {
		rows = append(rows, []string{"content", "ok", "the signature covers the manifest and every entry that is there"})
	}
	for _, c := range j.verdict.Checks {
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

// certificateHeader is the head of certificateRows.
func certificateHeader() []string {
	return []string{"CERTIFICATE", "FOR", "VALID FROM", "UNTIL", "KEY", "SERIAL", "SHA-256"}
}

func certificateRows(chain []*x509.Certificate) [][]string {
	var rows [][]string
	for _, c := range chain {
		name := ""
		if len(c.URIs) > 0 {
			name = c.URIs[0].String()
		}
		sum := sha256.Sum256(c.Raw)
		rows = append(rows, []string{
			c.Subject.String(), name, c.NotBefore.UTC().Format(time.DateOnly), c.NotAfter.UTC().Format(time.DateOnly),
			keyText(c.PublicKey), c.SerialNumber.Text(16), fmt.Sprintf("%x", sum),
		})
	}
	return rows
}

func keyText(key any) string {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return key.Params().Name
	}
	return fmt.Sprintf("%T", key)
}
