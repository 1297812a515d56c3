package cacmd

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust/authority"
	"github.com/jackfield-host/jackfield/trust/responder"
)

func newOCSP(at *place) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ocsp",
		Short: "answer whether certificates are revoked",
	}
	cmd.AddCommand(newServe(at), newStaple(at), newDelegate(at))
	return cmd
}

func newStaple(at *place) *cobra.Command {
	var out, serial string
	var valid time.Duration
	cmd := &cobra.Command{
		Use:   "staple HOST/ID",
		Short: "write the answers for an extension's certificate into a file for its bundle",
		Long: `Staple signs the answers for the certificate of an extension and for that of its
organization and writes them, in DER one after another, into a file that 'jackfield
bundle sign --staple' takes: a host that can not ask believes them until they end.`,
		Example:           `  jackfield ca ocsp staple acme.example/org.acme.Hello --out hello.ocsp`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: at.complete(wanted{extensions: true}),
	}
	cmd.Flags().StringVar(&out, "out", "", "file to write (default <id>.ocsp)")
	cmd.Flags().StringVar(&serial, "serial", "", "serial number of the certificate (default: the newest one that is not revoked)")
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("serial", at.completeSerialOf)
	cmd.Flags().DurationVar(&valid, "valid", responder.StapleValidity, "how long the answers are valid")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		host, id, err := extensionName(args[0])
		if err != nil {
			return err
		}
		a, err := at.open(cmd)
		if err != nil {
			return err
		}
		org, err := a.Organization(host)
		if err != nil {
			return explain(err)
		}
		if serial == "" {
			newest, err := org.Newest(id)
			if err != nil {
				return explain(err)
			}
			serial = newest.Serial()
		} else if serial, err = authority.ParseSerial(serial); err != nil {
			return output.Usagef("", "--serial: %w", err)
		}
		answers, err := responder.Staple(a, org, serial, valid)
		if err != nil {
			return explain(err)
		}
		if out == "" {
			out = id + ".ocsp"
		}
		if err := renameio.WriteFile(out, bytes.Join(answers, nil), 0o644); err != nil {
			return fmt.Errorf("writing the answers: %w", err)
		}
		s := stapled{Serial: serial, File: out, NextUpdate: instant(time.Now().Add(valid))}
		return format.Print(cmd.OutOrStdout(), s, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"serial", s.Serial}, {"file", s.File}, {"next update", s.NextUpdate}})
		})
	}
	return cmd
}

type stapled struct {
	Serial     string `json:"serial"`
	File       string `json:"file"`
	NextUpdate string `json:"next_update"`
}

func newDelegate(at *place) *cobra.Command {
	var valid int
	cmd := &cobra.Command{
		Use:   "delegate [root | HOST]",
		Short: "let 'ocsp serve' answer for a CA while its key is away",
		Long: `Delegate makes a key and a certificate that can sign answers for the root, or for an
organization, and nothing else. They are kept without a passphrase for --days, in
responder.pem of its folder. 'ocsp serve' and 'ocsp staple' use them where the key of
the CA itself is not to be had.`,
		Example:           `  jackfield ca ocsp delegate root --days 90 --root-key /media/stick/key.pem`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: at.complete(wanted{root: true, hosts: true}),
	}
	cmd.Flags().IntVar(&valid, "days", 30, "how long answers can be signed")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		validity, err := days(valid)
		if err != nil {
			return err
		}
		a, err := at.open(cmd)
		if err != nil {
			return err
		}
		name := authority.RootName
		if len(args) > 0 {
			name = args[0]
		}
		ca, err := find(a, name)
		if err != nil {
			return err
		}
		cert, err := ca.StoreDelegate(validity)
		if err != nil {
			return explain(err)
		}
		m := delegated{Name: name, Serial: authority.SerialText(cert.SerialNumber), NotAfter: instant(cert.NotAfter)}
		return format.Print(cmd.OutOrStdout(), m, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"name", m.Name}, {"serial", m.Serial}, {"not after", m.NotAfter}})
		})
	}
	return cmd
}

type delegated struct {
	Name     string `json:"name"`
	Serial   string `json:"serial"`
	NotAfter string `json:"not_after"`
}
