// Package backupcmd is `jackfield backup` and `jackfield restore`: a home in one file,
// and back.
//
// NewBackup and NewRestore return the commands. They ask nothing of a running host, and
// need the rights of its user, or of root.
package backupcmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/running"
	"github.com/jackfield-host/jackfield/host"
	"github.com/jackfield-host/jackfield/host/backup"
	"github.com/jackfield-host/jackfield/internal/visible"
)

// report is what both commands print: what a backup says of itself, without its files.
type report struct {
	File     string    `json:"file"` // "-" for the standard output
	Home     string    `json:"home,omitempty"`
	Version  string    `json:"version"`
	Created  time.Time `json:"created"`
	Files    int       `json:"files"`
	Bytes    int64     `json:"bytes"` // of the files, as they are in the home
	Secrets  bool      `json:"secrets"`
	Data     bool      `json:"data"`
	Changed  []string  `json:"changed"`
	Skipped  []left    `json:"skipped"`
	Verified bool      `json:"verified"` // every byte was compared with its digest
}

type left struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

func newReport(file string, home host.Home, m *backup.Manifest, verified bool) report {
	r := report{
		File: file, Home: string(home), Version: m.Version, Created: m.Created, Files: len(m.Files), Bytes: m.Bytes(),
		Secrets: !m.WithoutSecrets, Data: !m.WithoutData, Changed: append([]string{}, m.Changed...), Skipped: []left{}, Verified: verified,
	}
	for _, s := range m.Skipped {
		r.Skipped = append(r.Skipped, left{s.Path, s.Why})
	}
	return r
}

func (r report) table(w io.Writer) error {
	return output.Fields(w, [][2]string{
		{"file", r.File},
		{"home", r.Home},
		{"created", r.Created.Local().Format(time.DateTime)},
		{"by version", r.Version},
		{"files", fmt.Sprint(r.Files)},
		{"bytes", fmt.Sprint(r.Bytes)},
		{"secrets", yesNo(r.Secrets)},
		{"data", yesNo(r.Data)},
	})
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// warn tells what is not as it should be, of a backup that is good otherwise.
func (r report) warn(w io.Writer) {
	var b strings.Builder
	if len(r.Changed) > 0 {
		fmt.Fprintf(&b, "warning: data changed while they were copied, and may hold half of a change: %s\n", strings.Join(r.Changed, ", "))
		b.WriteString("hint: for a copy at rest, disable the extension (jackfield ext disable ID), back up, and enable it\n")
	}
	for _, s := range r.Skipped {
		fmt.Fprintf(&b, "warning: %s is left out: %s\n", s.Path, s.Why)
	}
	_, _ = io.WriteString(w, visible.Lines(b.String())) // a backup is none the worse when nobody can be told
}

// NewBackup returns the command `backup`. version is the program's own.
func NewBackup(version string) *cobra.Command {
	var home string
	var withoutSecrets, withoutData bool
	cmd := &cobra.Command{
		Use:               "backup FILE|-",
		ValidArgsFunction: archives,
		Short:             "put the home into one file, while the host runs or not",
		Long: `Backup writes everything that a home needs to live again into one new file that only
its owner may read: database, configuration, secrets, the drop folder, the versions that
are kept, key-value stores and the data of extensions. The host may run and is not held
up. A file appears under its name when it is whole.

The data of an extension that writes meanwhile may hold half of a change; the command
names such extensions. FILE "-" is the standard output.`,
		Example: `  jackfield backup --home /var/lib/jackfield /backup/jackfield-$(date +%F).tar.gz
  jackfield backup - | ssh backup@archive 'cat > jackfield.tar.gz'`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&home, "home", "", "the home folder (JMAP_HOME, else ./jmap-home)")
	cmd.Flags().BoolVar(&withoutSecrets, "without-secrets", false, "leave out the administrator's token, the key of sealed secrets and other files of conf but the properties and trust")
	cmd.Flags().BoolVar(&withoutData, "without-data", false, "leave out the data folders of extensions")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		src := backup.Source{Home: running.Home(home), Version: version, WithoutSecrets: withoutSecrets, WithoutData: withoutData}
		var m *backup.Manifest
		var err error
		print := cmd.OutOrStdout()
		bar := output.NewProgress(cmd.ErrOrStderr(), nameOf(args[0]), -1)
		src.Progress = bar.Reach
		if args[0] == "-" {
			if f, ok := print.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
				return output.Usagef("redirect it to a file, or name one", "a terminal is no place for a backup")
			}
			m, err = backup.Write(cmd.Context(), print, src)
			print = cmd.ErrOrStderr()
		} else {
			m, err = backup.Create(cmd.Context(), args[0], src)
		}
		bar.End()
		if err != nil {
			return err
		}
		r := newReport(args[0], src.Home, m, false)
		r.warn(cmd.ErrOrStderr())
		return format.Print(print, r, r.table)
	}
	return cmd
}

// NewRestore returns the command `restore`.
func NewRestore() *cobra.Command {
	var home string
	var verify bool
	cmd := &cobra.Command{
		Use:               "restore FILE",
		ValidArgsFunction: archives,
		Short:             "make a home of a backup, in an empty folder",
		Long: `Restore reads all of a backup, compares every byte of it with its digests, and then
makes a home of it in a folder that is missing or empty. Nothing is written before all of
the file was found good, and no host starts in the folder before all of it is in place.
People sign in anew: sessions do not come back.

As root everything is given to the owner of the folder, and the data of extensions to the
users that they had.`,
		Example: `  jackfield restore --verify /backup/jackfield-2026-11-26.tar.gz
  jackfield restore --home /var/lib/jackfield /backup/jackfield-2026-11-26.tar.gz`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&home, "home", "", "the folder to restore to (JMAP_HOME, else ./jmap-home)")
	cmd.Flags().BoolVar(&verify, "verify", false, "only judge the file; nothing is written")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if args[0] == "-" {
			return output.Usagef("save it to a file first: it is read twice", "a backup cannot be restored from the standard input")
		}
		to := running.Home(home)
		var m *backup.Manifest
		var err error
		bar := output.NewProgress(cmd.ErrOrStderr(), nameOf(args[0]), -1)
		if verify {
			to = ""
			m, err = backup.Verify(cmd.Context(), args[0], bar.Reach)
		} else {
			m, err = backup.Restore(cmd.Context(), args[0], to, bar.Reach)
		}
		bar.End()
		if err != nil {
			return err
		}
		r := newReport(args[0], to, m, true)
		r.warn(cmd.ErrOrStderr())
		if err := format.Print(cmd.OutOrStdout(), r, r.table); err != nil || verify {
			return err
		}
		if m.WithoutSecrets {
			_, err = fmt.Fprintln(cmd.ErrOrStderr(), "warning: the backup was made without secrets: the host makes another administrator's token, and extensions whose secrets are sealed wait until these are set again")
		}
		return err
	}
	return cmd
}

// nameOf is what a bar calls a file.
func nameOf(file string) string {
	if file == "-" {
		return "backup"
	}
	return filepath.Base(file)
}

// archives completes the names of backups.
func archives(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"gz", "tgz"}, cobra.ShellCompDirectiveFilterFileExt
}
