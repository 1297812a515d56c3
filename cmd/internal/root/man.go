package root

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// pages is what `jackfield man` prints.
type pages struct {
	Folder string   `json:"folder"`
	Files  []string `json:"files"` // names in it
}

func newMan(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "man DIR",
		Short: "write the man pages into a folder",
		Long: `Man writes a page of section 1 for each command into DIR, which is made if it is
missing: jackfield.1, jackfield-serve.1, and so on. SOURCE_DATE_EPOCH, in seconds since
1970, is the date in them, for builds that are to be the same each time.`,
		Example: `  jackfield man /usr/local/share/man/man1
  man ./man/jackfield-ext-top.1`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		date, err := dateOfPages()
		if err != nil {
			return err
		}
		written, err := writeMan(cmd.Root(), args[0], version, date)
		if err != nil {
			return output.Errorf("", "writing the man pages: %w", err)
		}
		return format.Print(cmd.OutOrStdout(), written, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "wrote %d pages into %s\n", len(written.Files), written.Folder)
			return err
		})
	}
	return cmd
}

// dateOfPages is now, unless a reproducible build says otherwise
// (https://reproducible-builds.org/specs/source-date-epoch/).
func dateOfPages() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, output.Usagef("", "SOURCE_DATE_EPOCH: %q is no number of seconds", text)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func writeMan(root *cobra.Command, dir, version string, date time.Time) (pages, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return pages{}, err
	}
	root.DisableAutoGenTag = true
	p := pages{Folder: dir, Files: []string{}}
	for _, cmd := range everyCommand(root) {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-") + ".1"
		f, err := os.Create(filepath.Join(dir, name))
		if err != nil {
			return p, err
		}
		header := doc.GenManHeader{
			Title: strings.ToUpper(strings.TrimSuffix(name, ".1")), Section: "1", Date: &date,
			Source: "jackfield " + version, Manual: "Jackfield",
		}
		if err := doc.GenMan(cmd, &header, f); err != nil {
			f.Close()
			return p, err
		}
		if err := f.Close(); err != nil {
			return p, err
		}
		p.Files = append(p.Files, name)
	}
	return p, nil
}

// everyCommand is cmd and what is below it, but for what is hidden.
func everyCommand(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if !sub.Hidden && sub.Name() != "help" {
			all = append(all, everyCommand(sub)...)
		}
	}
	return all
}
