package bundlecmd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust"
)

// signFlags is the command line of `bundle sign`.
type signFlags struct {
	credentials      credentialFlags
	out, tsa, staple string
}

func newSign() *cobra.Command {
	var flags signFlags
	cmd := &cobra.Command{
		Use:               "sign FILE",
		Example:           `  jackfield bundle sign hello-1.0.0.jar --p12 hello.p12 --passphrase-file hello.pass`,
		ValidArgsFunction: jars,
		Short:             "sign a bundle",
		Long: `Sign puts a JAR signature into a bundle, which the JDK's jarsigner verifies, too. An
earlier signature is replaced. The bundle is signed in place, in one step: whatever
goes wrong, the file is as it was; --out writes another file instead.

Who signs is a private key with its certificates: the extension's, whose name must be
that of the bundle's id, the organization's, and the root, without which jarsigner
-strict warns. The passphrase of the key is asked for at the terminal or read from
--passphrase-file; it never stands on the command line.

--tsa asks a timestamp authority for proof of the time, with which the signature
outlives its certificates. --staple puts OCSP answers (DER, one after another) into
the bundle, so that a host need not ask for them.`,
		Args: cobra.ExactArgs(1),
	}
	flags.credentials.add(cmd)
	cmd.Flags().StringVar(&flags.out, "out", "", "the file to write (default: the bundle itself)")
	cmd.Flags().StringVar(&flags.tsa, "tsa", "", "URL of a timestamp authority (RFC 3161)")
	cmd.Flags().StringVar(&flags.staple, "staple", "", "a file with OCSP answers for the certificates")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, report, err := sign(cmd, args[0], flags)
		if err != nil {
			return err
		}
		shown, err := withFile(file, report)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), shown, func(w io.Writer) error { return printReport(w, file, report) })
	}
	return cmd
}

// sign signs the bundle and returns where it is and what is in it.
func sign(cmd *cobra.Command, file string, flags signFlags) (string, bundle.Report, error) {
	none := bundle.Report{}
	ctx := cmd.Context()
	if err := flags.credentials.check(); err != nil {
		return "", none, err
	}
	options := bundle.SignOptions{}
	var err error
	if flags.tsa != "" {
		if options.Timestamp, err = stamper(flags.tsa); err != nil {
			return "", none, err
		}
	}
	if flags.staple != "" {
		staples, err := readSome(flags.staple, maxCredentials)
		if err != nil {
			return "", none, err
		}
		options.Staples = [][]byte{staples}
	}
	before := bundle.Inspect(ctx, file, bundle.DefaultLimits(), runtime.GOOS, runtime.GOARCH)
	if err := ctx.Err(); err != nil {
		return "", none, err
	}
	if !before.OK {
		return "", none, output.Errorf("", "%s would be refused: %s: %s: %s", file, before.Code, before.Entry, before.Message)
	}
	who, err := flags.credentials.load(ctx, cmd.InOrStdin(), cmd.ErrOrStderr())
	if err != nil {
		return "", none, err
	}
	if err := checkSigner(ctx, before.ID, who.chain); err != nil {
		return "", none, err
	}
	options.Signer, options.Chain = who.key, who.chain
	out, mode, err := target(file, flags.out)
	if err != nil {
		return "", none, err
	}
	report, err := writeSigned(ctx, file, out, mode, options)
	if err == nil && !hasRoot(who.chain) {
		report.Warnings = append(report.Warnings, "the root is not in the chain: hosts that trust it take the bundle, the JDK's jarsigner -strict does not")
	}
	return out, report, err
}

// checkSigner refuses, before anything is written, what every host would refuse: the
// certificates are judged as if their own root were trusted.
func checkSigner(ctx context.Context, id string, chain []*x509.Certificate) error {
	if len(chain) < 2 {
		return output.Errorf("put the organization's certificate into --chain as well", "the certificate of %q stands alone, without its issuer %q", chain[0].Subject, chain[0].Issuer)
	}
	if len(chain[0].URIs) == 1 {
		if name, err := trust.ParseName(chain[0].URIs[0].String()); err == nil && name.ID != "" && name.ID != id {
			return output.Errorf("sign with the certificate of this id, or have one issued: jackfield ca issue", "the certificate is for the extension %q, and the bundle's id is %q", name.ID, id)
		}
	}
	switch {
	case chain[0].IsCA:
		return output.Errorf("sign with the certificate of the extension: jackfield ca issue", "the certificate of %q is that of an authority, which does not sign bundles", chain[0].Subject)
	case !hasRoot(chain):
		return nil // nobody to judge by; a host has the root
	}
	judge := trust.New(trust.Config{Roots: &trust.Roots{Certificates: chain[len(chain)-1:]}, Revocation: trust.Off, Offline: true})
	if v := judge.Judge(ctx, trust.Claim{ID: id, Chain: chain}); v.State != trust.Valid {
		return output.Errorf("", "no host would take this signature: %s: %s", v.Code, v.Message)
	}
	return nil
}

// hasRoot reports whether a chain ends with a certificate that issued itself.
func hasRoot(chain []*x509.Certificate) bool {
	last := chain[len(chain)-1]
	return bytes.Equal(last.RawIssuer, last.RawSubject)
}

// target says which file to write, and with which mode: that of what it replaces.
func target(file, out string) (string, os.FileMode, error) {
	if out == "" {
		resolved, err := filepath.EvalSymlinks(file) // the link stays one
		if err != nil {
			return "", 0, err
		}
		out = resolved
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(out); err == nil && info.Mode().IsRegular() {
		mode = info.Mode().Perm()
	} else if err == nil {
		return "", 0, output.Errorf("give the name of a file", "%s is no file that could be written", out)
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", 0, err
	}
	return out, mode, nil
}

// writeSigned signs into a temporary file beside out, verifies that, and only then
// renames it.
func writeSigned(ctx context.Context, file, out string, mode os.FileMode, options bundle.SignOptions) (bundle.Report, error) {
	none := bundle.Report{}
	in, err := bundle.Open(file, bundle.DefaultLimits())
	if err != nil {
		return none, err
	}
	defer in.Close()
	// The dot in front keeps a host from looking at it, if out is in a drop folder.
	pending, err := renameio.NewPendingFile(out, renameio.WithTempDir(filepath.Dir(out)), renameio.WithStaticPermissions(mode))
	if err != nil {
		return none, output.Errorf("say where to put the bundle with --out", "writing the bundle: %w", err)
	}
	defer pending.Cleanup() // does nothing after the rename
	buffered := bufio.NewWriterSize(pending, 1<<16)
	if err := bundle.Sign(ctx, in, buffered, options); err != nil {
		return none, fmt.Errorf("signing %s: %w", file, err)
	}
	if err := buffered.Flush(); err != nil {
		return none, fmt.Errorf("writing %s: %w", out, err)
	}
	report := bundle.Inspect(ctx, pending.Name(), bundle.DefaultLimits(), runtime.GOOS, runtime.GOARCH)
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if !report.OK || report.Signature.State != bundle.SignatureUnchecked {
		return none, output.Errorf("", "the signed bundle would be refused: %s %s %s", report.Code, report.Signature.Code, report.Message)
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return none, fmt.Errorf("writing %s: %w", out, err)
	}
	return report, nil
}
