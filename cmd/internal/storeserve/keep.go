package storeserve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/store/server"
	"github.com/jackfield-host/jackfield/store/server/backup"
)

func newCheck(version string) *cobra.Command {
	var f sources
	var digests bool
	cmd := &cobra.Command{
		Use: "check", Short: "look at all that a store keeps: whether everything listed is there, and right",
		Long: `Check compares the database of a store with its files, and computes the audit trail
anew. It changes nothing, and the store may run meanwhile. It takes the keys of
'jackfield store serve', from the same places. The exit code is 1 when something is
wrong.`,
		Args:    cobra.NoArgs,
		Example: "  jackfield store check --data /srv/store\n  jackfield store check --data /srv/store --digests",
	}
	f.addFlags(cmd)
	cmd.Flags().BoolVar(&digests, "digests", false, "read all files, and compare their digests")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := f.load()
		if err != nil {
			return err
		}
		if err := isStore(cfg.Data, cfg.Database); err != nil {
			return err
		}
		cfg.Version, cfg.Log = version, newLog(cfg, cmd.ErrOrStderr())
		if cfg.BaseURL == nil {
			cfg.BaseURL = &url.URL{Scheme: "http", Host: "localhost"} // it is not asked for here
		}
		report, err := server.Check(cmd.Context(), cfg.Config, digests)
		if err != nil {
			return err
		}
		if err := format.Print(cmd.OutOrStdout(), report, func(w io.Writer) error { return printReport(w, report) }); err != nil {
			return err
		}
		if n := len(report.Problems); n > 0 {
			return output.Errorf("restore what is missing from a backup, or take the releases down", "something is wrong with the store: %s", count(n, "problem"))
		}
		return nil
	}
	return cmd
}

func printReport(w io.Writer, r *server.Report) error {
	digests := "not read; --digests does"
	if r.Verified {
		digests = "read"
	}
	fields := [][2]string{
		{"sequence", strconv.FormatInt(r.Sequence, 10)}, {"listings", strconv.FormatInt(r.Listings, 10)}, {"releases", strconv.FormatInt(r.Releases, 10)},
		{"files", fmt.Sprintf("%d, %d bytes, %s", r.Blobs, r.Bytes, digests)}, {"unused", strconv.FormatInt(r.Unused, 10)}, {"audit trail", count(int(r.Audit), "entry")},
	}
	for _, p := range r.Problems {
		fields = append(fields, [2]string{"problem", p})
	}
	return output.Fields(w, fields)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		noun = stem + "ie"
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// isStore refuses a folder in which there is no store: to look must not make one.
func isStore(data, database string) error {
	if database != "" {
		return nil
	}
	if _, err := os.Stat(data + "/store.db"); errors.Is(err, fs.ErrNotExist) {
		return output.Errorf("name its folder with --data or JACKFIELD_STORE_DATA; a store on PostgreSQL is backed up by pg_dump, and what is in a bucket by whoever keeps the bucket",
			"there is no store on SQLite in %s", data)
	}
	return nil
}

func newBackup(version string) *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "write a store into one file",
		Long: `Backup writes all that a store keeps into one file, while the store may run: database,
files, keys, roots, settings. The file is as secret as the folder. A store on PostgreSQL
and S3 is backed up by their own means.`,
		Args: cobra.ExactArgs(1), Example: "  jackfield store backup store-2026-11-26.tar --data /srv/store",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"tar"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "folder of the store (JACKFIELD_STORE_DATA, else ./store-data)")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir := storeclient.DataFolder(data)
		if err := isStore(dir, ""); err != nil {
			return err
		}
		if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
			return output.Errorf("name another file", "%s is there already", args[0])
		}
		f, err := renameio.NewPendingFile(args[0], renameio.WithPermissions(0o600))
		if err != nil {
			return output.Errorf("", "writing the backup: %w", err)
		}
		defer f.Cleanup()
		summary, err := backup.Write(cmd.Context(), backup.Source{Data: dir, Program: version}, f)
		if err == nil {
			err = f.CloseAtomicallyReplace()
		}
		if err != nil {
			return output.Errorf("", "writing the backup: %w", err)
		}
		return format.Print(cmd.OutOrStdout(), summary, func(w io.Writer) error { return printSummary(w, args[0], summary) })
	}
	return cmd
}

func newRecover() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use: "recover FILE", Short: "make the folder of a store of a backup again",
		Long: `Recover makes the folder of a store of a file that 'jackfield store backup' has written.
The folder must be empty, or not be there. Every byte is compared with its digest.`,
		Args: cobra.ExactArgs(1), Example: "  jackfield store recover store-2026-11-26.tar --data /srv/store",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"tar"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringVar(&data, "data", "", "folder to make (JACKFIELD_STORE_DATA, else ./store-data)")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return output.Errorf("", "reading the backup: %w", err)
		}
		defer f.Close()
		summary, err := backup.Restore(cmd.Context(), f, storeclient.DataFolder(data))
		if err != nil {
			return output.Errorf("", "restoring %s: %w", args[0], err)
		}
		return format.Print(cmd.OutOrStdout(), summary, func(w io.Writer) error { return printSummary(w, args[0], summary) })
	}
	return cmd
}

func printSummary(w io.Writer, file string, s *backup.Summary) error {
	return output.Fields(w, [][2]string{
		{"file", file}, {"created", s.Created.Format("2006-01-02 15:04:05Z")}, {"by", "jackfield " + s.Program},
		{"files", strconv.Itoa(s.Blobs)}, {"bytes", strconv.FormatInt(s.Bytes, 10)},
	})
}
