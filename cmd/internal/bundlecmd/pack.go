package bundlecmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// packFlags is the command line of `bundle pack`.
type packFlags struct {
	out       string
	platforms []string
	binaries  []string
}

func newPack() *cobra.Command {
	var flags packFlags
	cmd := &cobra.Command{
		Use: "pack DIR",
		Example: `  jackfield bundle pack examples/hello
  jackfield bundle pack examples/hello --out hello.jar`,
		ValidArgsFunction: cobra.FixedCompletions(nil, cobra.ShellCompDirectiveFilterDirs),
		Short:             "make a bundle of a folder",
		Long: `Pack makes a bundle of a folder that holds

  manifest.mf                    what the extension is (or META-INF/MANIFEST.MF)
  bin/<os>-<arch>/extension      executables that are ready
  or a Go package                which is built for each platform that has none

and, if it likes, ui/, data/, META-INF/extension/ and, which go into the latter,
README.md, CHANGELOG.md, LICENSE, icon.*, background.*, screenshots/ and
config.schema.json. Everything else stays out.

The executable for this machine is run once, in its describe mode, to learn the types
that the extension declares, unless META-INF/extension/types.json is there already.
The same folder gives the same bytes.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&flags.out, "out", "", "the bundle to write, or a folder for it (default <folder name>-<version>.jar)")
	cmd.Flags().StringSliceVar(&flags.platforms, "platform", nil, "platforms to pack for, as linux/amd64,linux/arm64 (default: this machine's)")
	cmd.Flags().StringArrayVar(&flags.binaries, "binary", nil, "a ready executable, as linux-amd64=PATH; may be repeated")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		file, report, err := pack(cmd.Context(), args[0], flags)
		if err != nil {
			return err
		}
		shown, err := withFile(file, report)
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), shown, func(w io.Writer) error { return printReport(w, file, report) })
	}
	return cmd
}

// withFile is the report's JSON with a field "file" in front.
func withFile(file string, r bundle.Report) (json.RawMessage, error) {
	name, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"file":%s,%s`, name, rest[1:]), nil
}

// pack makes a bundle of dir and returns where it is and what is in it. On an error
// nothing is left behind, and a bundle that was there before is as it was.
func pack(ctx context.Context, dir string, flags packFlags) (string, bundle.Report, error) {
	none := bundle.Report{}
	plan, err := parsePlan(flags)
	if err != nil {
		return "", none, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", none, output.Errorf("give the folder that holds manifest.mf", "opening the folder: %w", err)
	}
	defer root.Close()
	label, err := readLabel(root)
	if err != nil {
		return "", none, err
	}
	out, err := outPath(dir, flags.out, label.manifest.Version.String())
	if err != nil {
		return "", none, err
	}
	sources, err := collect(root)
	if err != nil {
		return "", none, err
	}
	work, err := os.MkdirTemp("", "jackfield-pack-")
	if err != nil {
		return "", none, err
	}
	defer os.RemoveAll(work) // built executables; nothing is lost if some stay
	b := &builder{dir: dir, root: root, work: work, manifest: label.manifest, plan: plan, sources: sources, timeout: describeTimeout}
	if err := b.run(ctx); err != nil {
		return "", none, err
	}
	report, err := write(ctx, out, label.normal, b.sources)
	return out, report, err
}

// outPath says where the bundle goes.
func outPath(dir, out, version string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := filepath.Base(abs) + "-" + version + ".jar"
	if out == "" {
		return name, nil
	}
	if info, err := os.Stat(out); err == nil && info.IsDir() {
		return filepath.Join(out, name), nil
	}
	return out, nil
}

// write packs into a temporary file beside out, verifies that, and only then
// renames it.
func write(ctx context.Context, out string, manifest []byte, sources []bundle.Source) (bundle.Report, error) {
	none := bundle.Report{}
	// The dot in front keeps a host from looking at it, if out is in a drop folder.
	pending, err := renameio.NewPendingFile(out, renameio.WithTempDir(filepath.Dir(out)), renameio.WithStaticPermissions(0o644))
	if err != nil {
		return none, output.Errorf("say where to put the bundle with --out", "writing the bundle: %w", err)
	}
	defer pending.Cleanup() // does nothing after the rename
	buffered := bufio.NewWriterSize(pending, 1<<16)
	if err := bundle.Pack(buffered, manifest, sources); err != nil {
		return none, refusal(err)
	}
	if err := buffered.Flush(); err != nil {
		return none, fmt.Errorf("writing %s: %w", out, err)
	}
	report := bundle.Inspect(ctx, pending.Name(), bundle.DefaultLimits(), runtime.GOOS, runtime.GOARCH)
	if err := ctx.Err(); err != nil {
		return none, err
	}
	if !report.OK {
		return none, output.Errorf("", "the bundle would be refused: %s: %s: %s", report.Code, report.Entry, report.Message)
	}
	if err := pending.CloseAtomicallyReplace(); err != nil {
		return none, fmt.Errorf("writing %s: %w", out, err)
	}
	return report, nil
}

// refusal explains a fault of a bundle in terms of the folder it is made of.
func refusal(err error) error {
	var fault *bundle.Error
	if errors.As(err, &fault) {
		return output.Errorf("", "the bundle would be refused: %w", err)
	}
	return err
}
