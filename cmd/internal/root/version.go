package root

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// build is what `jackfield version` tells.
type build struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Commit is the revision the program was built from, with -dirty when the tree
	// had changes; empty when it was built outside of a repository.
	Commit string `json:"commit"`
}

func newVersion(version string) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "print the version",
		Example: "  jackfield version -o json",
		Args:    cobra.NoArgs,
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		b := build{version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, commit()}
		return format.Print(cmd.OutOrStdout(), b, func(w io.Writer) error {
			_, err := fmt.Fprintf(w, "jackfield %s (%s, %s%s)\n", b.Version, b.Go, b.Platform, withComma(b.Commit))
			return err
		})
	}
	return cmd
}

func withComma(commit string) string {
	if commit == "" {
		return ""
	}
	return ", commit " + commit
}

func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	revision, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	if revision == "" {
		return ""
	}
	return revision + dirty
}
