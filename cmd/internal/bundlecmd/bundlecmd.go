// Package bundlecmd is `jackfield bundle`: it makes and signs bundles, tells what is in
// one and judges who signed it. New returns the command group. Nothing here needs a
// running host.
package bundlecmd

import (
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/internal/visible"
	"github.com/jackfield-host/jackfield/sdk"
)

// New returns the group.
func New() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "make, sign and verify a bundle, or look into one",
	}
	cmd.AddCommand(newPack(), newSign(), newVerify(), newInspect())
	return cmd
}

func newInspect() *cobra.Command {
	cmd := &cobra.Command{
		Use: "inspect FILE",
		Example: `  jackfield bundle inspect hello-1.0.0.jar
  jackfield bundle inspect hello-1.0.0.jar -o json
  jackfield bundle inspect Greenery.jpl`,
		ValidArgsFunction: archives,
		Short:             "verify a bundle and tell what is in it",
		Long: `Inspect reads a bundle to its last byte, as the host does before it runs one: the
container, every checksum, the manifest, the declared types. The signature is
reported, not judged: see 'jackfield bundle verify'. The exit code is 1 when the
bundle is refused. A file that is named *.jpl is an archive for Jami.`,
		Args: cobra.ExactArgs(1),
	}
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if isJPL(args[0]) {
			return inspectJPL(cmd, format, args[0])
		}
		report := bundle.Inspect(cmd.Context(), args[0], bundle.DefaultLimits(), runtime.GOOS, runtime.GOARCH)
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		err := format.Print(cmd.OutOrStdout(), report, func(w io.Writer) error { return printReport(w, args[0], report) })
		if err != nil {
			return err
		}
		if !report.OK {
			return output.Errorf("", "%s is refused: %s", args[0], report.Code)
		}
		return nil
	}
	return cmd
}

// printReport shows a report to people.
func printReport(w io.Writer, file string, r bundle.Report) error {
	if !r.OK {
		line := ""
		if r.Line > 0 {
			line = strconv.Itoa(r.Line)
		}
		return output.Fields(w, [][2]string{
			{"file", file}, {"refused", string(r.Code)}, {"entry", r.Entry}, {"line", line}, {"message", r.Message},
		})
	}
	err := output.Fields(w, [][2]string{
		{"file", file}, {"id", r.ID}, {"name", r.Name}, {"version", r.Version}, {"class", r.Class},
		{"request", r.Request}, {"response", r.Response},
		{"vendor", r.Manifest["extension_vendor"]}, {"license", r.Manifest["extension_license"]},
		{"permissions", r.Manifest["extension_permissions"]}, {"requires", r.Manifest["extension_requires"]},
		{"platforms", platformText(r)}, {"signature", signatureText(r.Signature)},
		{"size", strconv.FormatInt(r.Size, 10) + " bytes"}, {"digest", r.Digest},
	})
	if err == nil && len(r.Types) > 0 {
		err = printTypes(w, r.Types)
	}
	for _, warning := range r.Warnings {
		if err == nil {
			_, err = fmt.Fprintf(w, "warning: %s\n", visible.Text(warning))
		}
	}
	return err
}

func platformText(r bundle.Report) string {
	list := strings.Join(r.Platforms, ", ")
	switch {
	case list == "":
		return "none: no executable inside"
	case !r.Runnable:
		return list + fmt.Sprintf(" (not this machine's %s-%s)", runtime.GOOS, runtime.GOARCH)
	}
	return list
}

func signatureText(s bundle.Signature) string {
	for _, who := range []string{s.Organization, s.Signer} {
		if who != "" {
			return s.State + " (" + who + ")"
		}
	}
	return s.State
}

func printTypes(w io.Writer, types []sdk.Type) error {
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	rows := make([][]string, len(types))
	for i, t := range types {
		schema := "opaque"
		if t.Schema != nil {
			schema = "JSON"
		}
		rows[i] = []string{t.Name, string(t.Role), t.Extends, t.Response, schema}
	}
	return output.Rows(w, []string{"TYPE", "ROLE", "EXTENDS", "RESPONSE", "PAYLOAD"}, rows)
}

// archives completes the one file that a command takes, of either format.
func archives(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"jar", "jpl"}, cobra.ShellCompDirectiveFilterFileExt
}

// verifiable completes the one file that verify takes, of any format.
func verifiable(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	extensions, directive := archives(cmd, args, typed)
	if len(extensions) > 0 {
		extensions = append(extensions, "zip")
	}
	return extensions, directive
}

// jars completes the one file that a command takes.
func jars(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return []string{"jar"}, cobra.ShellCompDirectiveFilterFileExt
}
