package cacmd

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/trust"
	"github.com/jackfield-host/jackfield/trust/authority"
	"github.com/jackfield-host/jackfield/trust/revocation"
)

// row is a certificate as list prints it.
type row struct {
	Serial    string `json:"serial"` // 32 hexadecimal digits
	Kind      string `json:"kind"`   // root, organization, extension or store
	Name      string `json:"name"`   // root, HOST, HOST/ID or jmap-store://HOST
	Host      string `json:"host,omitempty"`
	ID        string `json:"id,omitempty"`
	Subject   string `json:"subject"`
	NotBefore string `json:"not_before"` // RFC 3339
	NotAfter  string `json:"not_after"`
	Status    string `json:"status"` // valid, expired or revoked
	Revoked   string `json:"revoked,omitempty"`
	Reason    string `json:"reason,omitempty"` // its name in RFC 5280
}

func rowOf(r authority.Record) row {
	x := row{
		Serial: r.Serial(), Kind: "extension", Name: r.Name(), Host: r.Host, ID: r.ID, Subject: r.Certificate.Subject.String(),
		NotBefore: instant(r.Certificate.NotBefore), NotAfter: instant(r.Certificate.NotAfter), Status: string(r.Status(time.Now())),
	}
	switch {
	case r.Host == "":
		x.Kind, x.Name = "root", authority.RootName
	case r.Store:
		x.Kind = "store"
	case r.ID == "":
		x.Kind = "organization"
	}
	if r.Revoked != nil {
		x.Revoked, x.Reason = instant(r.Revoked.Time), r.Revoked.Reason.String()
	}
	return x
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func printRows(w io.Writer, rows []row) error {
	cells := make([][]string, len(rows))
	for i, r := range rows {
		status := r.Status
		if r.Reason != "" {
			status += " (" + r.Reason + ")"
		}
		cells[i] = []string{r.Serial, r.Name, r.Subject, r.NotBefore, r.NotAfter, status}
	}
	return output.Rows(w, []string{"SERIAL", "NAME", "SUBJECT", "NOT BEFORE", "NOT AFTER", "STATUS"}, cells)
}

func newList(at *place) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list [HOST]",
		Short: "list the certificates of the authority, or of one organization",
		Example: `  jackfield ca list
  jackfield ca list acme.example -o json`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: at.complete(wanted{hosts: true}),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := at.open(cmd)
		if err != nil {
			return err
		}
		cas, err := all(a)
		if len(args) > 0 {
			var ca *authority.CA
			ca, err = find(a, args[0])
			cas = []*authority.CA{ca}
		}
		if err != nil {
			return err
		}
		rows := []row{}
		if len(args) == 0 {
			rows = append(rows, rowOf(authority.Record{Certificate: a.Root().Certificate()}))
		}
		for _, ca := range cas {
			records, err := ca.Records()
			if err != nil {
				return explain(err)
			}
			for _, r := range records {
				rows = append(rows, rowOf(r))
			}
		}
		return format.Print(cmd.OutOrStdout(), rows, func(w io.Writer) error { return printRows(w, rows) })
	}
	return cmd
}

func newRevoke(at *place) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "revoke SERIAL | HOST/ID | HOST | jmap-store://HOST",
		Short: "revoke a certificate, or all that an extension, an organization or a store has",
		Long: `Revoke takes a certificate back, for good. 'ca ocsp serve' answers so at once; the list
of revoked certificates has it after 'ca crl'. No key is needed.

The reason counts: with superseded, cessationOfOperation and affiliationChanged the key
was given up in good order, and what was provably signed before stays valid. With any
other reason somebody else may have had it, and nothing that it signed counts.`,
		Example: `  jackfield ca revoke acme.example/org.acme.Hello --reason keyCompromise
  jackfield ca revoke 5f0c9a3e1b7d4c2a8e6f00112233445a --reason superseded`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: at.complete(wanted{hosts: true, extensions: true, stores: true, serials: true}),
	}
	names := make([]string, len(authority.Reasons()))
	for i, r := range authority.Reasons() {
		names[i] = r.String()
	}
	cmd.Flags().StringVar(&reason, "reason", revocation.Unspecified.String(), "reason of RFC 5280: unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, cessationOfOperation, privilegeWithdrawn, aACompromise")
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		why, err := authority.ParseReason(reason)
		if err != nil {
			return output.Usagef("", "--reason: %w", err)
		}
		a, err := at.open(cmd)
		if err != nil {
			return err
		}
		ca, serials, err := toRevoke(a, args[0])
		if err != nil {
			return err
		}
		var rows []row
		for _, serial := range serials {
			r, err := ca.Revoke(serial, why)
			if err != nil {
				return explain(err)
			}
			rows = append(rows, rowOf(r))
		}
		return format.Print(cmd.OutOrStdout(), rows, func(w io.Writer) error { return printRows(w, rows) })
	}
	return cmd
}

// toRevoke finds the certificates that are meant, and who issued them.
func toRevoke(a *authority.Authority, what string) (*authority.CA, []string, error) {
	if serial, err := authority.ParseSerial(what); err == nil {
		cas, err := all(a)
		if err != nil {
			return nil, nil, err
		}
		for _, ca := range cas {
			_, err := ca.Record(serial)
			var e *authority.Error
			if err == nil {
				return ca, []string{serial}, nil
			} else if !errors.As(err, &e) || e.Code != authority.CodeNotFound {
				return nil, nil, explain(err)
			}
		}
		return nil, nil, output.Errorf("'jackfield ca list' shows them all", "no certificate has the serial number %s", serial)
	}
	host, id := splitName(what)
	storeHost, isStore := strings.CutPrefix(what, trust.StoreName(""))
	ca := a.Root() // has issued what is of an organization, or a store
	if isStore {
		host, id = storeHost, ""
	} else if org, err := find(a, host); err != nil {
		return nil, nil, err
	} else if id != "" {
		ca = org
	}
	records, err := ca.Records()
	if err != nil {
		return nil, nil, explain(err)
	}
	var serials []string
	for _, r := range records {
		if r.Host == host && r.ID == id && r.Store == isStore && r.Status(time.Now()) == authority.StatusValid {
			serials = append(serials, r.Serial())
		}
	}
	if len(serials) == 0 {
		return nil, nil, output.Errorf("'jackfield ca list' shows them all; one that has expired is revoked by its serial number", "%s has no valid certificate", what)
	}
	return ca, serials, nil
}

// listed is what crl prints of a list.
type listed struct {
	Name       string `json:"name"`
	Number     string `json:"number"`
	Entries    int    `json:"entries"`
	ThisUpdate string `json:"this_update"`
	NextUpdate string `json:"next_update"`
	File       string `json:"file"` // PEM
}

func newCRL(at *place) *cobra.Command {
	var valid int
	cmd := &cobra.Command{
		Use:   "crl [root | HOST]...",
		Short: "sign new lists of revoked certificates",
		Long: `Crl signs a new list for the root, for an organization, or for all of them. The next
one is due within --days; 'ca ocsp serve' signs them by itself for the keys that it has,
and hands them out.`,
		Example: `  jackfield ca crl
  jackfield ca crl root --days 365 --root-key /media/stick/key.pem`,
		ValidArgsFunction: at.complete(wanted{root: true, hosts: true, several: true}),
	}
	cmd.Flags().IntVar(&valid, "days", 7, "days until the next list at the latest")
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
		cas, err := all(a)
		if err != nil {
			return err
		}
		if len(args) > 0 {
			cas = nil
		}
		for _, name := range args {
			ca, err := find(a, name)
			if err != nil {
				return err
			}
			cas = append(cas, ca)
		}
		lists := []listed{}
		for _, ca := range cas {
			list, err := ca.UpdateCRL(validity)
			if err != nil {
				return explain(err)
			}
			lists = append(lists, listed{ca.Name(), list.Number.String(), len(list.RevokedCertificateEntries), instant(list.ThisUpdate), instant(list.NextUpdate), ca.CRLFile()})
		}
		return format.Print(cmd.OutOrStdout(), lists, func(w io.Writer) error { return printLists(w, lists) })
	}
	return cmd
}

func printLists(w io.Writer, lists []listed) error {
	cells := make([][]string, len(lists))
	for i, l := range lists {
		cells[i] = []string{l.Name, l.Number, strconv.Itoa(l.Entries), l.NextUpdate, l.File}
	}
	return output.Rows(w, []string{"NAME", "NUMBER", "REVOKED", "NEXT UPDATE", "FILE"}, cells)
}
