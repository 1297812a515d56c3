package storecmd

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/keyfile"
	"github.com/jackfield-host/jackfield/store"
)

// exported is what export and import print.
type exported struct {
	To       string    `json:"to"`
	Store    string    `json:"store"`
	Sequence int64     `json:"sequence"`
	Listings []string  `json:"listings"` // ids of those that are in it
	Expires  time.Time `json:"expires"`
}

func (e exported) print(w io.Writer, format output.Format) error {
	return format.Print(w, e, func(w io.Writer) error {
		return output.Fields(w, [][2]string{
			{"to", e.To}, {"store", oneLine(e.Store)}, {"number", fmt.Sprint(e.Sequence)},
			{"listings", fmt.Sprint(len(e.Listings))}, {"good until", stamp(e.Expires)},
		})
	})
}

// export is what becomes of a verified catalogue.
type export struct {
	roots   string
	days    int
	cert    string
	key     string
	noFiles bool
}

func newExport(t *target) *cobra.Command {
	e := &export{}
	cmd := &cobra.Command{
		Use: "export FILE|FOLDER/ [ID…]", Short: "write a store's catalogue to a file or a folder, for places without a network",
		Long: `Export reads the signed index of a store, verifies all of it, and writes it with the files
of its releases to one file; to a folder if there is one of that name or the name ends
with a slash. A host reads either as a repository (repository.NAME.url), and verifies it
once more. With ids, only those and what they need are in it. A folder is brought up to
date: what is there already is not read again.

An export is good as long as the store's own timestamp, three days. With the certificate
and the key of the store it is signed anew, for up to a year; in that time nothing tells
those who read it of newer revocations.`,
		Example: `  jackfield store export catalogue.zip --store https://store.example.org --roots store.pem
  jackfield store export /srv/mirror/ examples.hello.HelloExtension --roots store.pem
  jackfield store export catalogue.zip --roots store.pem --days 90 --signing-cert store.crt.pem --signing-key store.key.pem`,
		Args: cobra.MinimumNArgs(1), ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 0 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return complete(t, listings)(cmd, nil, prefix)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&e.roots, "roots", "", "PEM file, or folder of such, with the root of the store's index")
	flags.IntVar(&e.days, "days", 0, "how long the export is good, with the key of the store")
	flags.StringVar(&e.cert, "signing-cert", "", "PEM file with the store's certificate, for --days")
	flags.StringVar(&e.key, "signing-key", "", "PEM file with its key, for --days")
	flags.BoolVar(&e.noFiles, "no-files", false, "leave out the files of releases: a catalogue to look into")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		if e.roots == "" {
			return output.Usagef("'jackfield store serve' says where it is", "name the root of the store with --roots")
		}
		source, err := store.NewHTTPSource(c.Base.String(), nil)
		if err != nil {
			return err
		}
		done, err := e.run(cmd.Context(), source, args[0], args[1:])
		if err != nil {
			return fmt.Errorf("exporting to %s: %w", args[0], err)
		}
		return done.print(cmd.OutOrStdout(), *format)
	}
	return cmd
}

// newImport makes a command that needs no store; it takes the flags of the group all the same.
func newImport(*target) *cobra.Command {
	e := &export{}
	cmd := &cobra.Command{
		Use: "import FILE FOLDER", Short: "bring a folder that hosts read up to date from an exported file",
		Long: `Import verifies an exported file, or folder, and puts what is in it into a folder that
hosts read as a repository (repository.NAME.url). An export that is older than what is in
the folder already, of another store, or that has run out, is refused. The index in the
folder comes last, so that whoever reads meanwhile finds the one before.`,
		Example: `  jackfield store import /media/usb/catalogue.zip /srv/jmap/catalogue --roots store.pem`,
		Args:    cobra.ExactArgs(2), ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveDefault
		},
	}
	cmd.Flags().StringVar(&e.roots, "roots", "", "PEM file, or folder of such, with the root of the store's index")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		source, close, err := store.OpenExport(args[0])
		if err != nil {
			return fmt.Errorf("importing: %w", err)
		}
		defer close()
		if e.roots == "" {
			return output.Usagef("", "name the root of the store with --roots")
		}
		done, err := e.take(cmd.Context(), source, args[1])
		if err != nil {
			return fmt.Errorf("importing %s: %w", args[0], err)
		}
		return done.print(cmd.OutOrStdout(), *format)
	}
	return cmd
}

// run exports what a source has.
func (e *export) run(ctx context.Context, source store.Source, to string, ids []string) (exported, error) {
	options := store.ExportOptions{Files: !e.noFiles}
	if err := e.sign(&options); err != nil {
		return exported{}, err
	}
	info, err := os.Stat(to)
	folder := err == nil && info.IsDir() || os.IsPathSeparator(to[len(to)-1])
	view, err := e.open(ctx, source, to, folder)
	if err != nil {
		return exported{}, err
	}
	present, err := with(ctx, view, ids)
	if err != nil {
		return exported{}, err
	}
	options.Listings = present
	if folder {
		err = store.ExportDir(ctx, view, to, options)
	} else {
		err = writeExport(ctx, view, to, options)
	}
	if err != nil {
		return exported{}, err
	}
	t := view.Timestamp()
	if options.Sign != nil {
		t.Expires = time.Now().Add(options.Validity)
	}
	return exported{To: to, Store: t.Store, Sequence: t.Sequence, Listings: present, Expires: t.Expires}, nil
}

// take brings a folder up to date with what is in an export, all or a part.
func (e *export) take(ctx context.Context, source store.Source, to string) (exported, error) {
	view, err := e.open(ctx, source, to, true)
	if err != nil {
		return exported{}, err
	}
	options := store.ExportOptions{Listings: []string{}}
	for l, err := range view.All(ctx) {
		if err != nil {
			return exported{}, err
		}
		options.Listings = append(options.Listings, l.ID)
		for _, r := range l.Releases {
			for _, f := range r.Files {
				if options.Files || r.State == store.TakenDown {
					break
				}
				body, err := source.File(ctx, store.ReleaseFile{Listing: l.ID, Version: r.Version, File: f}, 0)
				if err == nil {
					options.Files = true
					body.Close()
				}
			}
		}
	}
	slices.Sort(options.Listings)
	if err := store.ExportDir(ctx, view, to, options); err != nil {
		return exported{}, err
	}
	t := view.Timestamp()
	return exported{To: to, Store: t.Store, Sequence: t.Sequence, Listings: options.Listings, Expires: t.Expires}, nil
}

// open reads the index of a source. What is in the folder that is to be brought up to date
// must not be taken back.
func (e *export) open(ctx context.Context, source store.Source, to string, folder bool) (*store.View, error) {
	roots, err := readRoots(e.roots)
	if err != nil {
		return nil, err
	}
	config := store.ReaderConfig{Source: source, Roots: roots}
	if folder {
		seen, err := store.SeenIn(os.DirFS(to), roots)
		if err != nil {
			return nil, fmt.Errorf("what is in %s: %w", to, err)
		}
		config.Memory = remembered{seen}
	}
	return store.NewReader(config).Refresh(ctx)
}

// remembered is what is in a folder; what comes to be seen is in there once it is written.
type remembered struct{ seen store.Seen }

func (r remembered) Load(context.Context) (store.Seen, error) { return r.seen, nil }
func (r remembered) Save(context.Context, store.Seen) error   { return nil }

// with are the ids with those that they need, in any of their releases; all without ids.
func with(ctx context.Context, view *store.View, ids []string) ([]string, error) {
	if len(ids) == 0 {
		all := []string{}
		for l, err := range view.All(ctx) {
			if err != nil {
				return nil, err
			}
			all = append(all, l.ID)
		}
		slices.Sort(all)
		return all, nil
	}
	found := map[string]bool{}
	list := []string{}
	for next, asked := slices.Clone(ids), len(ids); len(next) > 0; next, asked = next[1:], asked-1 {
		l, err := view.Listing(ctx, next[0])
		if store.CodeOf(err) == store.IndexUnknown && asked <= 0 {
			continue // what is needed may come from elsewhere
		}
		if err != nil {
			return nil, err
		}
		if found[l.ID] {
			continue
		}
		found[l.ID] = true
		list = append(list, l.ID)
		for _, r := range l.Releases {
			for _, text := range r.Requires {
				if need, err := bundle.ParseRequirement(text); err == nil {
					next = append(next, need.ID)
				}
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

// writeExport writes a file whole or not at all.
func writeExport(ctx context.Context, view *store.View, to string, options store.ExportOptions) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return output.Errorf("name another file, or remove it", "%s is there already", to)
	}
	file, err := renameio.NewPendingFile(to, renameio.WithTempDir(filepath.Dir(to)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer file.Cleanup()
	if err := store.Export(ctx, view, file, options); err != nil {
		return err
	}
	return file.CloseAtomicallyReplace()
}

// sign makes options sign the timestamp anew, if --days says for how long.
func (e *export) sign(options *store.ExportOptions) error {
	if e.days == 0 && e.cert == "" && e.key == "" {
		return nil
	}
	if e.days < 1 || e.cert == "" || e.key == "" {
		return output.Usagef("", "--days, --signing-cert and --signing-key belong together")
	}
	chain, key, err := credentials(e.cert, e.key)
	if err != nil {
		return err
	}
	options.Validity = time.Duration(e.days) * 24 * time.Hour
	options.Sign = func(t store.Timestamp) ([]byte, error) { return store.SignTimestamp(t, key, chain) }
	return nil
}

// credentials reads what signs as a store.
func credentials(cert, key string) ([]*x509.Certificate, crypto.Signer, error) {
	text, err := os.ReadFile(cert)
	if err != nil {
		return nil, nil, err
	}
	var chain []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue // the key may lie in the same file
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", cert, err)
		}
		chain = append(chain, c)
	}
	if text, err = os.ReadFile(key); err != nil {
		return nil, nil, err
	}
	signer, err := keyfile.Decode(text, func() ([]byte, error) {
		return nil, errors.New("it has a passphrase; the key of a store has none ('jackfield ca store')")
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", key, err)
	}
	return chain, signer, nil
}
