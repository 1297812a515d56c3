package storecmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/jackfield-host/jackfield/cmd/internal/output"
	"github.com/jackfield-host/jackfield/cmd/internal/storeclient"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/trust"
)

// downloaded is what download prints.
type downloaded struct {
	File    string `json:"file"`
	ID      string `json:"id"`
	Version string `json:"version"`
	Digest  string `json:"digest"`
	Size    int64  `json:"size"`
	// Index says that the digest was signed by the store, and that the signature is good.
	Index bool `json:"index"`
}

func newDownload(t *target) *cobra.Command {
	var out, platform, roots string
	cmd := &cobra.Command{
		Use: "download ID[@VERSION]", Short: "download a release, and check that it is what the store lists",
		Long: `Download fetches the newest release that is offered, or the one that is named, and
keeps it only when it has the digest of its listing. With --roots the listing itself is
taken from the store's signed index, verified by the certificates in that folder or
file, so that nobody between the store and here can have changed anything. What came
before an interruption is kept as FILE.part, for the next try.`,
		Example: `  jackfield store download examples.hello.HelloExtension --store https://store.example.org
  jackfield store download examples.hello.HelloExtension@1.0.0 --roots store.pem --out hello.jar`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: complete(t, listings),
	}
	flags := cmd.Flags()
	flags.StringVar(&out, "out", "", "file to write; that of the listing unless it is given")
	flags.StringVar(&platform, "platform", "", "which of several files")
	flags.StringVar(&roots, "roots", "", "PEM file, or folder of such, with the root of the store's index")
	format := output.AddFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.Connect()
		if err != nil {
			return err
		}
		d := download{client: c, stderr: cmd.ErrOrStderr(), what: "downloading " + oneLine(args[0]), roots: roots, platform: platform, out: out}
		done, err := d.run(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		return format.Print(cmd.OutOrStdout(), done, func(w io.Writer) error {
			return output.Fields(w, [][2]string{{"file", done.File}, {"id", done.ID}, {"version", done.Version}, {"digest", done.Digest}, {"size", fmt.Sprint(done.Size)}})
		})
	}
	return cmd
}

type download struct {
	client               *storeclient.Client
	stderr               io.Writer
	what                 string
	roots, platform, out string
}

func (d *download) run(ctx context.Context, arg string) (downloaded, error) {
	id, version := idAndVersion(arg)
	source, err := store.NewHTTPSource(d.client.Base.String(), nil)
	if err != nil {
		return downloaded{}, err
	}
	l, err := d.listing(ctx, source, id)
	if err != nil {
		return downloaded{}, err
	}
	release, err := choose(l, version)
	if err != nil {
		return downloaded{}, output.WithHint(fmt.Errorf("%s: %w", d.what, err), "'jackfield store show "+l.ID+"' lists the releases")
	}
	file, err := d.file(release)
	if err != nil {
		return downloaded{}, fmt.Errorf("%s: %w", d.what, err)
	}
	path := d.out
	if path == "" {
		path = filepath.Base(file.Name)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return downloaded{}, output.Errorf("name another file with --out, or remove it", "%s: %s is there already", d.what, path)
	}
	if err := d.fetch(ctx, source, store.ReleaseFile{Listing: l.ID, Version: release.Version, File: *file}, path); err != nil {
		return downloaded{}, err
	}
	return downloaded{File: path, ID: l.ID, Version: release.Version, Digest: file.Digest, Size: file.Size, Index: d.roots != ""}, nil
}

// listing reads a listing: from the signed index where roots are named.
func (d *download) listing(ctx context.Context, source store.Source, id string) (*store.Listing, error) {
	if d.roots == "" {
		var l store.Listing
		err := d.client.Ask(ctx, question{What: d.what, Path: []string{"listings", id}, Open: true}, &l)
		return &l, err
	}
	roots, err := readRoots(d.roots)
	if err != nil {
		return nil, err
	}
	view, err := store.NewReader(store.ReaderConfig{Source: source, Roots: roots}).Refresh(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.what, err)
	}
	l, err := view.Listing(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.what, err)
	}
	return l, nil
}

// readRoots reads a folder of certificates, or one file of them.
func readRoots(path string) (*trust.Roots, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, output.Errorf("", "reading the roots: %w", err)
	}
	dir := path
	if !info.IsDir() {
		if dir, err = os.MkdirTemp("", "jackfield-roots-"); err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		text, err := os.ReadFile(path)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "root.pem"), text, 0o600)
		}
		if err != nil {
			return nil, output.Errorf("", "reading the roots: %w", err)
		}
	}
	roots, problems := trust.LoadRoots(dir)
	if len(problems) > 0 {
		return nil, output.Errorf("", "reading the roots: %w", problems[0])
	}
	if len(roots.Certificates) == 0 {
		return nil, output.Errorf("it has to be that of the store: 'jackfield store serve' says where it is", "%s holds no root certificate", path)
	}
	return roots, nil
}

// choose is the release of a version; without one the newest stable one that is offered,
// else the newest that is.
func choose(l *store.Listing, version string) (*store.Release, error) {
	var beta *store.Release
	for i := range l.Releases {
		r := &l.Releases[i]
		offered := (r.State == store.Published || r.State == store.Deprecated) && r.Revoked == ""
		switch {
		case version != "" && r.Version == version:
			return r, nil
		case version == "" && offered && r.Channel == store.Stable:
			return r, nil
		case version == "" && offered && beta == nil:
			beta = r
		}
	}
	if beta != nil {
		return beta, nil
	}
	if version != "" {
		return nil, fmt.Errorf("there is no version %s", oneLine(version))
	}
	return nil, errors.New("no release of it is offered")
}

func (d *download) file(r *store.Release) (*store.File, error) {
	if len(r.Files) == 1 && d.platform == "" {
		return &r.Files[0], nil
	}
	var all []string
	for i := range r.Files {
		if slices.Contains(r.Files[i].Platforms, d.platform) {
			return &r.Files[i], nil
		}
		all = append(all, r.Files[i].Platforms...)
	}
	return nil, output.Usagef("", "say with --platform which file: %s", strings.Join(all, ", "))
}

// fetch completes path.part, and gives it its name when it is right.
func (d *download) fetch(ctx context.Context, source store.Source, want store.ReleaseFile, path string) (err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return output.Errorf("", "%s: %w", d.what, err)
	}
	defer f.Close()
	bar := output.NewProgress(d.stderr, filepath.Base(path), want.File.Size)
	defer bar.End()
	last := int64(0)
	err = store.Download(ctx, source, want, f, func(size int64) {
		bar.Add(int(size - last))
		last = size
	})
	if err != nil {
		return output.Errorf("", "%s: %w", d.what, err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return output.Errorf("", "%s: %w", d.what, err)
	}
	if err := os.Rename(part, path); err != nil {
		return output.Errorf("", "%s: %w", d.what, err)
	}
	return nil
}
