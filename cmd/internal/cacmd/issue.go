package cacmd

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/passphrase"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// issueFlags are those of issue and renew: which key is certified, where all goes.
type issueFlags struct {
	csr, key          string // files with the key to certify
	out, keyOut, p12  string // files to write
	kind              string
	days              int
	keyPassphraseFile string
	noPassphrase      bool
	newKey            bool // renew only
}

func (f *issueFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.csr, "csr", "", "signing request (PKCS#10, PEM or DER) whose key is certified; its names are not looked at")
	flags.StringVar(&f.key, "key", "", "file with the private key to certify")
	flags.StringVar(&f.out, "out", "", "file for the certificate and its chain in PEM (default <id>.crt.pem, none with --p12)")
	flags.StringVar(&f.keyOut, "key-out", "", "file for a key that is made here (default <id>.key.pem, none with --p12)")
	flags.StringVar(&f.p12, "p12", "", "file for key and chain together, as PKCS#12")
	flags.IntVar(&f.days, "days", 0, "how long the certificate is valid (default one year)")
	flags.StringVar(&f.keyPassphraseFile, "key-passphrase-file", "", "file whose first line is the passphrase of the new key, and of the PKCS#12 file (default: ask)")
	flags.BoolVar(&f.noPassphrase, "no-passphrase", false, "leave a key that is made here unencrypted: whoever reads the file can use it")
	addKind(cmd, &f.kind)
}

// check refuses what does not go together.
func (f *issueFlags) check() error {
	switch {
	case f.csr != "" && f.key != "":
		return output.Usagef("", "--csr and --key both say which key is certified")
	case f.newKey && (f.csr != "" || f.key != ""):
		return output.Usagef("", "--new-key makes a key, --csr and --key bring one")
	case f.csr != "" && f.p12 != "":
		return output.Usagef("the certificate goes to --out; whoever has the key puts both together", "--p12 holds the key, which stays with who made the signing request")
	case f.noPassphrase && f.p12 != "":
		return output.Usagef("", "a PKCS#12 file needs a passphrase")
	case f.keyOut != "" && (f.csr != "" || f.key != ""):
		return output.Usagef("", "--key-out is for a key that is made here")
	}
	return nil
}

func newIssue(at *place) *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "issue HOST/ID",
		Short: "certify an extension of an organization",
		Long: `Issue certifies an extension: whoever has the key can sign bundles with this id, and
with no other. A key is made, unless a signing request (--csr) or a key (--key) is
given. The files are what 'jackfield bundle sign' takes, and jarsigner.`,
		Example: `  jackfield ca issue acme.example/org.acme.Hello
  jackfield ca issue acme.example/org.acme.Hello --csr hello.csr --out hello.crt.pem
  jackfield ca issue acme.example/org.acme.Hello --p12 hello.p12`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: at.complete(wanted{below: true}),
	}
	f.add(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		return at.issueExtension(cmd, args[0], f, format, (*authority.Organization).Issue)
	}
	return cmd
}

func newStore(at *place) *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "store HOST",
		Short: "certify a store of extensions",
		Long: `Store certifies the key with which a store signs what it lists: the root itself signs
for it. Hosts that trust the root take the store of this name, and no other kind of
signature from it. The files are what 'jackfield store serve' takes. A store reads its
key without a passphrase: --no-passphrase.

It is renewed with the same command: --key keeps the key.`,
		Example: `  jackfield ca store store.acme.example --no-passphrase
  jackfield ca store store.acme.example --key store.acme.example.key.pem --out renewed.crt.pem
  jackfield ca store store.acme.example --csr store.csr --root-key /media/stick/key.pem`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd)
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		host := strings.TrimPrefix(args[0], trust.StoreName(""))
		return at.issue(cmd, authority.Record{Host: host, Store: true}, f, format, func(a *authority.Authority) (certifier, error) {
			return func(o authority.IssueOptions) (authority.Issued, error) { return a.IssueStore(host, o) }, nil
		})
	}
	return cmd
}

func newRenew(at *place) *cobra.Command {
	var f issueFlags
	cmd := &cobra.Command{
		Use:   "renew HOST/ID | HOST",
		Short: "give an extension or an organization a new certificate",
		Long: `Renew certifies again what has a certificate that is not revoked, for the same key
unless --new-key, --csr or --key says otherwise. An organization keeps its key: to
hosts it is the publisher. The old certificate stays valid until it expires.`,
		Example: `  jackfield ca renew acme.example/org.acme.Hello
  jackfield ca renew acme.example/org.acme.Hello --new-key
  jackfield ca renew acme.example --root-key /media/stick/key.pem`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: at.complete(wanted{hosts: true, extensions: true}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.newKey, "new-key", false, "make a new key")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := f.check(); err != nil {
			return err
		}
		if host, id := splitName(args[0]); id == "" {
			return at.renewOrganization(cmd, host, f, format)
		}
		return at.issueExtension(cmd, args[0], f, format, func(org *authority.Organization, id string, o authority.IssueOptions) (authority.Issued, error) {
			return org.Renew(id, false, o)
		})
	}
	return cmd
}

func (at *place) renewOrganization(cmd *cobra.Command, host string, f issueFlags, format *output.Format) error {
	if f.newKey || f.csr != "" || f.key != "" {
		return output.Usagef("revoke it with 'jackfield ca revoke "+host+"', then 'jackfield ca organization "+host+"' makes the next one",
			"an organization with a new key is another publisher to hosts: it is not renewed, but made anew")
	}
	if f.p12 != "" || f.out != "" || f.keyOut != "" {
		return output.Usagef("", "the files of an organization stay in the folder of the authority")
	}
	validity, err := days(f.days)
	if err != nil {
		return err
	}
	a, err := at.open(cmd)
	if err != nil {
		return err
	}
	org, err := a.RenewOrganization(host, validity)
	if err != nil {
		return explain(err)
	}
	m := describe(org.CA, filepath.Join(at.dir, "organizations", org.Name()))
	return format.Print(cmd.OutOrStdout(), m, m.print)
}

// issued is what issue and renew print.
type issued struct {
	row
	Certificate string `json:"certificate,omitempty"` // files
	Key         string `json:"key,omitempty"`
	P12         string `json:"p12,omitempty"`
}

// certifier certifies a key.
type certifier func(authority.IssueOptions) (authority.Issued, error)

func (at *place) issueExtension(cmd *cobra.Command, name string, f issueFlags, format *output.Format,
	certify func(*authority.Organization, string, authority.IssueOptions) (authority.Issued, error)) error {
	host, id, err := extensionName(name)
	if err != nil {
		return err
	}
	return at.issue(cmd, authority.Record{Host: host, ID: id}, f, format, func(a *authority.Authority) (certifier, error) {
		org, err := a.Organization(host)
		return func(o authority.IssueOptions) (authority.Issued, error) { return certify(org, id, o) }, err
	})
}

// issue certifies what has no certificate yet in subject, by what by returns. A new key is on
// the disk before it is certified; it is taken away again if that fails.
func (at *place) issue(cmd *cobra.Command, subject authority.Record, f issueFlags, format *output.Format,
	by func(*authority.Authority) (certifier, error)) (err error) {
	a, err := at.open(cmd)
	if err != nil {
		return err
	}
	certify, err := by(a)
	if err != nil {
		return explain(err)
	}
	id := subject.ID // names files
	if id == "" {
		id = subject.Host
	}
	result := issued{Certificate: f.out, P12: f.p12}
	if f.out == "" && f.p12 == "" {
		result.Certificate = id + ".crt.pem"
	}
	isRenewal := cmd.Name() == "renew"
	key, secret, err := at.keyFor(cmd, id, f, isRenewal)
	if err != nil {
		return err
	}
	o := authority.IssueOptions{}
	if o.Validity, err = days(f.days); err != nil {
		return err
	}
	if f.csr != "" {
		if o.Public, err = readRequest(f.csr); err != nil {
			return explain(err)
		}
	} else if key != nil {
		o.Public = key.Public()
	}
	if key != nil && f.key == "" && (f.p12 == "" || f.keyOut != "") {
		if result.Key = f.keyOut; result.Key == "" {
			result.Key = id + ".key.pem"
		}
		if err := writeKey(result.Key, key, secret); err != nil {
			return err
		}
		defer func() {
			if err == nil {
				return
			}
			if left := os.Remove(result.Key); left != nil {
				err = errors.Join(err, left)
			}
		}()
	}
	got, err := certify(o)
	if err != nil {
		return explain(err)
	}
	if err := writeIssued(result, got.Chain, key, secret); err != nil {
		return err
	}
	subject.Certificate = got.Chain[0]
	result.row = rowOf(subject)
	return format.Print(cmd.OutOrStdout(), result, result.print)
}

// keyFor returns the private key as far as there is one here, and the passphrase with
// which it, or the PKCS#12 file, is written: nil for none.
func (at *place) keyFor(cmd *cobra.Command, id string, f issueFlags, isRenewal bool) (key crypto.Signer, secret []byte, err error) {
	what := "the key of " + id
	const flag = "--key-passphrase-file"
	known := func() ([]byte, error) {
		if f.keyPassphraseFile != "" {
			return passphrase.FromFile(f.keyPassphraseFile)
		}
		return passphrase.Ask(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), what, flag)
	}
	switch {
	case f.key != "":
		text, err := readSmall(f.key, keyfile.MaxSize)
		if err != nil {
			return nil, nil, err
		}
		if key, err = keyfile.Decode(text, known); err != nil {
			return nil, nil, fmt.Errorf("reading %s: %w", f.key, err)
		}
		if f.p12 == "" {
			return key, nil, nil
		}
	case f.csr != "", isRenewal && !f.newKey:
		if f.p12 != "" {
			return nil, nil, output.Usagef("name it with --key, or make a new one with --new-key", "--p12 holds the key, which is not kept here")
		}
		if f.keyOut != "" {
			return nil, nil, output.Usagef("--new-key makes one", "--key-out is for a key that is made here")
		}
		return nil, nil, nil
	default:
		if key, err = keyfile.Generate(keyfile.Kind(f.kind)); err != nil {
			return nil, nil, output.Usagef("", "--key-type: %w", err)
		}
	}
	switch {
	case f.noPassphrase:
		return key, nil, nil
	case f.keyPassphraseFile != "":
		secret, err = passphrase.FromFile(f.keyPassphraseFile)
	default:
		secret, err = passphrase.AskNew(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), what, flag+", or --no-passphrase")
	}
	return key, secret, err
}

func readRequest(file string) (crypto.PublicKey, error) {
	data, err := readSmall(file, authority.MaxRequest)
	if err != nil {
		return nil, err
	}
	pub, err := authority.ParseRequest(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	return pub, nil
}

// readSmall reads a file of at most limit bytes.
func readSmall(file string, limit int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = output.Errorf("", "%s has more than %d bytes", file, limit)
	}
	return data, err
}

// writeKey writes a key into a new file: one that is there may be the only copy of
// another key.
func writeKey(file string, key crypto.Signer, secret []byte) error {
	text, err := keyfile.EncodeUnencrypted(key)
	if secret != nil {
		text, err = keyfile.Encode(key, secret)
	}
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return output.Errorf("move it away, or choose another file with --key-out", "%s is there already, and may hold a key", file)
	} else if err != nil {
		return fmt.Errorf("writing the key: %w", err)
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("writing the key: %w", err), os.Remove(file))
	}
	return nil
}

func writeIssued(to issued, chain []*x509.Certificate, key crypto.Signer, secret []byte) error {
	if to.Certificate != "" {
		var text []byte
		for _, cert := range chain {
			text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
		}
		if err := renameio.WriteFile(to.Certificate, text, 0o644); err != nil {
			return fmt.Errorf("writing the certificate: %w", err)
		}
	}
	if to.P12 == "" {
		return nil
	}
	// AES-256 and SHA-256, as OpenSSL 3 and JDK 12 and later write them; 10 000
	// iterations are what keytool takes.
	data, err := pkcs12.Modern2023.WithIterations(10_000).Encode(key, chain[0], chain[1:], string(secret))
	if err != nil {
		return fmt.Errorf("making the PKCS#12 file: %w", err)
	}
	if err := renameio.WriteFile(to.P12, data, 0o600); err != nil {
		return fmt.Errorf("writing the PKCS#12 file: %w", err)
	}
	return nil
}

func (i issued) print(w io.Writer) error {
	return output.Fields(w, [][2]string{
		{"name", i.Name}, {"subject", i.Subject}, {"serial", i.Serial}, {"not after", i.NotAfter},
		{"certificate", i.Certificate}, {"key", i.Key}, {"p12", i.P12},
	})
}
