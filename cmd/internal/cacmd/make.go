package cacmd

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// made is what init and organization print.
type made struct {
	Name        string `json:"name"`
	Subject     string `json:"subject"`
	Serial      string `json:"serial"`
	Fingerprint string `json:"fingerprint"` // sha256:…, of the certificate
	NotAfter    string `json:"not_after"`
	Certificate string `json:"certificate"` // file
	Key         string `json:"key"`         // file
}

func describe(ca *authority.CA, folder string) made {
	cert := ca.Certificate()
	return made{
		Name: ca.Name(), Subject: cert.Subject.String(), Serial: authority.SerialText(cert.SerialNumber),
		Fingerprint: fmt.Sprintf("sha256:%x", sha256.Sum256(cert.Raw)), NotAfter: instant(cert.NotAfter),
		Certificate: filepath.Join(folder, "certificate.pem"), Key: filepath.Join(folder, "key.pem"),
	}
}

func (m made) print(w io.Writer) error {
	return output.Fields(w, [][2]string{
		{"name", m.Name}, {"subject", m.Subject}, {"serial", m.Serial}, {"fingerprint", m.Fingerprint},
		{"not after", m.NotAfter}, {"certificate", m.Certificate}, {"key", m.Key},
	})
}

func newInit(at *place) *cobra.Command {
	var f keyFlags
	var url string
	cmd := &cobra.Command{
		Use:   "init",
		Short: "make an authority with a new root",
		Long: `Init makes the folder of an authority and the root in it. Copy root/certificate.pem to
conf/trust of the hosts that shall trust it. The root's key is not needed to certify
extensions: move root/key.pem to a stick, and name it with --root-key when it is.

With --url the certificates say where 'ca ocsp serve' will answer: hosts ask there
whether a certificate is revoked.`,
		Example: `  jackfield ca init --name "Acme Root" --url http://ca.acme.example
  jackfield ca init --name "Test" --dir /tmp/ca --no-passphrase --key-type ecdsa-p256`,
		Args: cobra.NoArgs,
	}
	f.add(cmd, "20 years")
	cmd.Flags().StringVar(&url, "url", "", "base URL at which revocation will be answered, as http://ca.acme.example")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := at.options(cmd, f, authority.RootName)
		if err != nil {
			return err
		}
		o.URL = url
		a, err := authority.Init(at.dir, o)
		if err != nil {
			return explain(err)
		}
		m := describe(a.Root(), filepath.Join(at.dir, authority.RootName))
		return format.Print(cmd.OutOrStdout(), m, m.print)
	}
	return cmd
}

func newOrganization(at *place) *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "organization HOST",
		Short: "make an organization that may sign for one host name",
		Long: `Organization makes a key and a certificate for an organization, for which the root
signs. It can certify extensions of its host name only. To hosts the organization's
key is the publisher: it stays the same for years ('ca renew HOST' keeps it). Only one
that is revoked or has expired can be made anew, as another publisher.`,
		Example: `  jackfield ca organization acme.example --name "Acme Inc."
  jackfield ca organization acme.example --name "Acme Inc." --root-key /media/stick/key.pem`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(cmd, "5 years")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := at.open(cmd)
		if err != nil {
			return err
		}
		o, err := at.options(cmd, f, args[0])
		if err != nil {
			return err
		}
		org, err := a.AddOrganization(args[0], o)
		if err != nil {
			return explain(err)
		}
		m := describe(org.CA, filepath.Join(at.dir, "organizations", org.Name()))
		return format.Print(cmd.OutOrStdout(), m, m.print)
	}
	return cmd
}
