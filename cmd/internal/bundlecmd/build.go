package bundlecmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackfield-host/jackfield/bundle"
	"github.com/jackfield-host/jackfield/cmd/internal/output"
)

// platform is a target in Go's names.
type platform struct{ os, arch string }

func (p platform) String() string { return p.os + "-" + p.arch }

func thisMachine() platform { return platform{runtime.GOOS, runtime.GOARCH} }

// parsePlatform reads linux/amd64 and linux-amd64.
func parsePlatform(s string) (platform, error) {
	parts := regexp.MustCompile(`^([a-z0-9]+)[/-]([a-z0-9]+)$`).FindStringSubmatch(s)
	if parts == nil {
		return platform{}, output.Usagef("write it as linux/amd64; 'go tool dist list' lists them all", "%q is no platform", s)
	}
	return platform{parts[1], parts[2]}, nil
}

// plan is what the command line says about executables.
type plan struct {
	wanted   []platform          // of --platform
	binaries map[platform]string // of --binary, paths
}

func parsePlan(flags packFlags) (plan, error) {
	p := plan{binaries: map[platform]string{}}
	for _, s := range flags.platforms {
		target, err := parsePlatform(s)
		if err != nil {
			return plan{}, err
		}
		if !slices.Contains(p.wanted, target) {
			p.wanted = append(p.wanted, target)
		}
	}
	for _, s := range flags.binaries {
		name, file, ok := strings.Cut(s, "=")
		if !ok || file == "" {
			return plan{}, output.Usagef("write it as --binary linux-amd64=PATH", "--binary %q names no file", s)
		}
		target, err := parsePlatform(name)
		if err != nil {
			return plan{}, err
		}
		if _, twice := p.binaries[target]; twice {
			return plan{}, output.Usagef("", "--binary is given twice for %s", target)
		}
		p.binaries[target] = file
	}
	return p, nil
}

// builder finds or makes the executables of a bundle and asks one for its types.
type builder struct {
	dir      string
	root     *os.Root
	work     string // a folder for what is built
	manifest *bundle.Manifest
	plan     plan
	sources  []bundle.Source
	timeout  time.Duration // for the describe mode

	hasGo bool
	files map[platform]string // executables found or built so far, paths
}

func (b *builder) run(ctx context.Context) error {
	if err := b.survey(); err != nil {
		return err
	}
	targets := b.plan.wanted
	for _, p := range slices.SortedFunc(maps.Keys(b.files), func(x, y platform) int { return strings.Compare(x.String(), y.String()) }) {
		if !slices.Contains(targets, p) && (len(b.plan.wanted) == 0 || b.plan.binaries[p] != "") {
			targets = append(targets, p)
		}
	}
	if len(targets) == 0 && b.hasGo {
		targets = []platform{thisMachine()}
	}
	if len(targets) == 0 {
		return output.Errorf("write a Go program there, put an executable where extension_exec says, or name one with --binary",
			"%s has nothing to run: neither a Go package nor %s", b.dir, b.manifest.ExecPath("<os>", "<arch>"))
	}
	packed := map[string]platform{} // entry name → first platform that has it
	for _, p := range targets {
		file, err := b.executable(ctx, p)
		if err != nil {
			return err
		}
		entry := b.manifest.ExecPath(p.os, p.arch)
		if other, twice := packed[entry]; twice {
			return output.Errorf("put ${os} and ${arch} into extension_exec, or pack for one platform", "%s and %s would both be %s", other, p, entry)
		}
		packed[entry] = p
		if err := b.add(entry, file); err != nil {
			return err
		}
	}
	return b.addTypes(ctx)
}

// survey looks which executables there are and whether the folder is a Go package.
func (b *builder) survey() error {
	b.files = map[platform]string{}
	bin, err := fs.ReadDir(b.root.FS(), "bin")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for executables: %w", err)
	}
	candidates := slices.Clone(b.plan.wanted)
	for _, e := range bin {
		if p, err := parsePlatform(e.Name()); err == nil && e.IsDir() {
			candidates = append(candidates, p)
		}
	}
	for _, p := range append(candidates, thisMachine()) {
		ready := "bin/" + p.String() + "/extension"
		for _, name := range []string{b.manifest.ExecPath(p.os, p.arch), ready} {
			if info, err := b.root.Lstat(name); err == nil && info.Mode().IsRegular() {
				b.files[p] = filepath.Join(b.dir, filepath.FromSlash(name))
				break
			}
		}
	}
	for p, file := range b.plan.binaries {
		b.files[p] = file
	}
	entries, err := fs.ReadDir(b.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("reading the folder: %w", err)
	}
	b.hasGo = slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") && !e.IsDir()
	})
	return nil
}

// executable returns the file for p, which it builds if need be.
func (b *builder) executable(ctx context.Context, p platform) (string, error) {
	if file, ok := b.files[p]; ok {
		return file, nil
	}
	if !b.hasGo {
		return "", output.Errorf("put it there, or name it with --binary "+p.String()+"=PATH",
			"there is no executable for %s: %s has neither %s nor a Go package", p, b.dir, b.manifest.ExecPath(p.os, p.arch))
	}
	file, err := b.build(ctx, p)
	if err == nil {
		b.files[p] = file
	}
	return file, err
}

// add packs an executable. A file that data/ and the like have packed already under
// the same name is left to be.
func (b *builder) add(entry, file string) error {
	if info, err := os.Stat(file); err != nil {
		return fmt.Errorf("packing the executable: %w", err)
	} else if !info.Mode().IsRegular() {
		return output.Errorf("", "the executable %s is no regular file", file)
	}
	b.sources = slices.DeleteFunc(b.sources, func(s bundle.Source) bool { return s.Name == entry })
	b.sources = append(b.sources, bundle.Source{
		Name: entry, Mode: 0o755,
		Open: func() (io.ReadCloser, error) { return os.Open(file) },
	})
	return nil
}

// build builds the Go package for p, so that the same source gives the same bytes.
func (b *builder) build(ctx context.Context, p platform) (string, error) {
	file := filepath.Join(b.work, p.String())
	name, err := b.golang(ctx, p, "list", "-f", "{{.Name}}", ".")
	if err != nil {
		return "", err
	}
	if got := strings.TrimSpace(name); got != "main" {
		return "", output.Errorf("an extension is a program: package main, with serve.Main in its main function",
			"the Go package in %s is %s, not main", b.dir, got)
	}
	// grpcnotrace leaves out gRPC's tracing pages, half a megabyte that nobody opens in
	// an extension.
	_, err = b.golang(ctx, p, "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", file, ".")
	return file, err
}

// golang runs the go command in the folder and returns what it prints.
func (b *builder) golang(ctx context.Context, p platform, args ...string) (string, error) {
	if _, err := exec.LookPath("go"); err != nil {
		return "", output.Errorf("install Go, or put a ready executable at "+b.manifest.ExecPath(p.os, p.arch), "%s is a Go package, and there is no go command to build it", b.dir)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &capped{&stdout, maxBuildOutput}, &capped{&stderr, maxBuildOutput}
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", output.Errorf("", "go %s in %s for %s: %w\n%s", args[0], b.dir, p, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// maxBuildOutput is how much of the go command's output an error repeats.
const maxBuildOutput = 8 << 10

// capped keeps the first bytes that are written to it and drops the rest.
type capped struct {
	*bytes.Buffer
	room int
}

func (c *capped) Write(b []byte) (int, error) {
	kept := b[:min(len(b), c.room)]
	c.room -= len(kept)
	c.Buffer.Write(kept)
	return len(b), nil
}
