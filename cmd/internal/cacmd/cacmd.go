// Package cacmd is `jackfield ca`: a small certificate authority on the command line. New
// returns the command group. Nothing here needs a running host.
//
// Passphrases come from files or from the terminal; keys that are made here are written
// encrypted unless --no-passphrase says otherwise.
package cacmd

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/passphrase"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/trust/authority"
)

// place is what all commands of the group share: where the authority is, and how its
// keys are opened.
type place struct {
	dir                                string
	rootKey                            string
	passphraseFile, rootPassphraseFile string
}

// New returns the group.
func New() *cobra.Command {
	var at place
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "run a small certificate authority for those who sign extensions",
		Long: `An authority has a root, which hosts trust, organizations, each of which may sign for
one host name, and a certificate for each extension of an organization:

  root > acme.example > acme.example/org.acme.Hello

A store of extensions has one, too, by the root itself.

Everything lies in one folder (--dir). Only the root's key is needed seldom: move
root/key.pem to where nobody gets at it, and name it with --root-key when an
organization is made, renewed or taken into the root's list.`,
		Example: `  jackfield ca init --name "Acme Root"
  jackfield ca organization acme.example --name "Acme Inc."
  jackfield ca issue acme.example/org.acme.Hello`,
	}
	flags := cmd.PersistentFlags()
	flags.StringVar(&at.dir, "dir", "jackfield-ca", "folder of the authority")
	// The error is for a flag that does not exist.
	_ = cmd.MarkPersistentFlagDirname("dir")
	flags.StringVar(&at.rootKey, "root-key", "", "the root's key, where it is not in root/key.pem of the folder")
	flags.StringVar(&at.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase of the authority's keys (default: ask)")
	flags.StringVar(&at.rootPassphraseFile, "root-passphrase-file", "", "the same for the root's key, where it has another one")
	cmd.AddCommand(newInit(&at), newOrganization(&at), newIssue(&at), newStore(&at), newRenew(&at), newRevoke(&at), newList(&at), newCRL(&at), newOCSP(&at))
	return cmd
}

// open opens the authority. A passphrase is asked for when its key is about to be used.
func (at *place) open(cmd *cobra.Command) (*authority.Authority, error) {
	return at.openWith(func(name string) ([]byte, error) { return at.passphrase(cmd, name) })
}

func (at *place) openWith(secret func(name string) ([]byte, error)) (*authority.Authority, error) {
	a, err := authority.Open(at.dir, authority.Keys{RootFile: at.rootKey, Passphrase: secret})
	return a, explain(err)
}

// passphrase returns that of a key of the authority; name is the root's or a host.
func (at *place) passphrase(cmd *cobra.Command, name string) ([]byte, error) {
	if file := at.fileFor(name); file != "" {
		return passphrase.FromFile(file)
	}
	flag := "--passphrase-file"
	if name == authority.RootName {
		flag = "--root-passphrase-file"
	}
	return passphrase.Ask(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), "the key of "+name, flag)
}

func (at *place) fileFor(name string) string {
	if name == authority.RootName && at.rootPassphraseFile != "" {
		return at.rootPassphraseFile
	}
	return at.passphraseFile
}

// keyFlags say how a key of the authority is made.
type keyFlags struct {
	name         string
	kind         string
	days         int
	noPassphrase bool
}

func (f *keyFlags) add(cmd *cobra.Command, usual string) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "its name for people, as \"Acme Inc.\"")
	addKind(cmd, &f.kind)
	flags.IntVar(&f.days, "days", 0, "how long the certificate is valid (default "+usual+")")
	flags.BoolVar(&f.noPassphrase, "no-passphrase", false, "leave the key unencrypted: whoever reads the file can use it")
}

func addKind(cmd *cobra.Command, kind *string) {
	kinds := make([]string, len(keyfile.Kinds()))
	for i, k := range keyfile.Kinds() {
		kinds[i] = string(k)
	}
	cmd.Flags().StringVar(kind, "key-type", string(keyfile.Default), "key to make: "+strings.Join(kinds, ", "))
	// The error is for a flag that does not exist.
	_ = cmd.RegisterFlagCompletionFunc("key-type", cobra.FixedCompletions(kinds, cobra.ShellCompDirectiveNoFileComp))
}

// options gathers what a new root or organization is made of; who is asked about its
// passphrase by name.
func (at *place) options(cmd *cobra.Command, f keyFlags, name string) (authority.Options, error) {
	o := authority.Options{Name: f.name, Kind: keyfile.Kind(f.kind), Unencrypted: f.noPassphrase}
	if f.name == "" {
		return o, output.Usagef("as in --name \"Acme Inc.\"", "--name is missing")
	}
	var err error
	if o.Validity, err = days(f.days); err != nil || f.noPassphrase {
		return o, err
	}
	if file := at.fileFor(name); file != "" {
		o.Passphrase, err = passphrase.FromFile(file)
		return o, err
	}
	o.Passphrase, err = passphrase.AskNew(contextOf(cmd), cmd.InOrStdin(), cmd.ErrOrStderr(), "the key of "+name, "--passphrase-file, or --no-passphrase")
	return o, err
}

// days turns the value of --days into a duration; 0 stays 0, the default.
func days(n int) (time.Duration, error) {
	if n < 0 || n > 50*365 {
		return 0, output.Usagef("", "--days %d: between one day and fifty years", n)
	}
	return time.Duration(n) * 24 * time.Hour, nil
}

// explain adds to a refusal what to do next.
func explain(err error) error {
	var e *authority.Error
	if !errors.As(err, &e) {
		return err
	}
	hints := map[authority.Code]string{
		authority.CodeExists:     "choose another folder with --dir, or work with what is there; 'jackfield ca list' shows it",
		authority.CodeNotFound:   "'jackfield ca list' shows what there is; --dir names the folder of the authority, 'jackfield ca init' makes one",
		authority.CodeNoKey:      "bring the key back to its place; that of the root can be named with --root-key",
		authority.CodePassphrase: "name its file with --passphrase-file, or with --root-passphrase-file where the root has another one",
		authority.CodeWeak:       "make a new key: RSA of 2048 bits or more, P-256 or P-384, and sign the request with SHA-256 or better",
		authority.CodeRevoked:    "what is revoked stays so: make a new key, with --new-key or another signing request; for an organization, 'jackfield ca organization' makes the next one",
		authority.CodeExpired:    "'jackfield ca renew' gives it a new certificate",
		authority.CodeBusy:       "see whether another 'jackfield ca' hangs",
		authority.CodeDamaged:    "put the file back from a backup",
		authority.CodeExposed:    "chmod 600 it if nobody has seen it; else revoke it",
	}
	if hint := hints[e.Code]; hint != "" {
		return output.WithHint(err, hint)
	}
	return err
}

func contextOf(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}
